//! The same samples through the `metrics` facade into metrics-exporter-prometheus and through our
//! registry: both pages must say the same.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::collections::BTreeMap;

use common::parser::parse;
use media_metrics_core::Registry;
use media_metrics_core::desc::{Desc, Unit};
use media_metrics_exporter::text::Encoder;
use metrics_exporter_prometheus::PrometheusBuilder;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const BOUNDS: &[f64] = &[0.000_05, 0.001, 0.005, 0.25, 1.0, 30.0];

static PACKETS: Desc = Desc::counter("diff_packets_total", "Packets.").labels(&["kind", "room"]);
static LEVEL: Desc = Desc::gauge("diff_level", "A level.").labels(&["kind"]);
static WAIT: Desc = Desc::histogram("diff_wait_seconds", "A wait.", BOUNDS)
    .unit(Unit::Seconds)
    .per_unit(1e9)
    .layout_of(2, 1 << 40)
    .labels(&["kind"]);

#[derive(Clone, Debug)]
enum Event {
    Packets(usize, u64),
    Level(usize, f64),
    Wait(usize, u64),
}

const KINDS: [&str; 3] = ["audio", "vi\"deo", "a b\nc"];
const ROOMS: [&str; 3] = ["", "ö", "{room=\"1\"}"];

/// Nanoseconds, off the bounds by more than the buckets' width, or on a bound exactly.
fn wait() -> impl Strategy<Value = u64> {
    let bound = (0..BOUNDS.len()).prop_map(|i| (BOUNDS[i] * 1e9).round() as u64);
    let anywhere = (1_u64..1 << 40, 0_u32..40).prop_map(|(v, shift)| v >> shift);
    prop_oneof![bound, anywhere].prop_filter("in the bucket that a bound cuts", |&v| {
        BOUNDS.iter().all(|b| {
            let off = (v as f64 - b * 1e9).round();
            off == 0.0 || off.abs() > b * 1e9 / 100.0
        })
    })
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0_usize..9, 0_u64..1 << 40).prop_map(|(series, n)| Event::Packets(series, n)),
        (0_usize..3, -1e6..1e6).prop_map(|(series, v)| Event::Level(series, v)),
        (0_usize..3, wait()).prop_map(|(series, v)| Event::Wait(series, v)),
    ]
}

/// Every sample of a page by its name and labels.
type Page = BTreeMap<(String, Vec<(String, String)>), f64>;

fn read(page: &str) -> Page {
    // The peer puts an empty line after each family.
    let page = page.replace("\n\n", "\n");
    let families = parse(page.as_bytes()).unwrap_or_else(|e| panic!("{e}: {page}"));
    let samples = families.into_iter().flat_map(|family| family.samples);
    samples
        .map(|s| {
            let value = s.value();
            let mut labels = s.labels;
            // `le` by its value: the peer writes bounds in another form.
            for (_, le) in labels.iter_mut().filter(|(name, _)| name == "le") {
                let bound: f64 = le.trim_start_matches('+').parse().unwrap();
                *le = bound.to_string();
            }
            labels.sort();
            ((s.name, labels), value)
        })
        .collect()
}

fn ours(events: &[Event]) -> Page {
    let registry = Registry::new().unwrap();
    for event in events {
        match *event {
            Event::Packets(i, n) => {
                let labels = [KINDS[i % 3], ROOMS[i / 3]];
                registry.counter(&PACKETS, &labels).unwrap().add(n);
            }
            Event::Level(i, v) => registry.gauge(&LEVEL, &[KINDS[i]]).unwrap().set(v),
            Event::Wait(i, ns) => registry.histogram(&WAIT, &[KINDS[i]]).unwrap().record(ns),
        }
    }
    let mut page = Vec::new();
    Encoder::new().encode(&registry.collect(), &mut page);
    let mut page = read(std::str::from_utf8(&page).unwrap());
    page.retain(|(name, _), _| name.starts_with("diff_")); // not what the registry says of itself
    page
}

fn theirs(events: &[Event]) -> Page {
    let recorder = PrometheusBuilder::new()
        .set_buckets(BOUNDS)
        .unwrap()
        .build_recorder();
    metrics::with_local_recorder(&recorder, || {
        metrics::describe_counter!(PACKETS.name(), "Packets.");
        metrics::describe_gauge!(LEVEL.name(), "A level.");
        metrics::describe_histogram!(WAIT.name(), "A wait.");
        for event in events {
            match *event {
                Event::Packets(i, n) => {
                    let (kind, room) = (KINDS[i % 3], ROOMS[i / 3]);
                    metrics::counter!(PACKETS.name(), "kind" => kind, "room" => room).increment(n);
                }
                Event::Level(i, v) => metrics::gauge!(LEVEL.name(), "kind" => KINDS[i]).set(v),
                Event::Wait(i, ns) => {
                    metrics::histogram!(WAIT.name(), "kind" => KINDS[i]).record(ns as f64 / 1e9);
                }
            }
        }
    });
    read(&recorder.handle().render())
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(7), cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn both_exporters_say_the_same(events in vec(event(), 1..200)) {
        let (ours, theirs) = (ours(&events), theirs(&events));
        let keys = |page: &Page| page.keys().cloned().collect::<Vec<_>>();
        prop_assert_eq!(keys(&ours), keys(&theirs));
        for ((series, a), b) in ours.iter().zip(theirs.values()) {
            // Sums: ours is added up in whole nanoseconds, theirs in rounded seconds.
            let tolerance = if series.0.ends_with("_sum") { b.abs() * 1e-12 } else { 0.0 };
            prop_assert!((a - b).abs() <= tolerance, "{series:?}: {a} here, {b} there");
        }
    }
}
