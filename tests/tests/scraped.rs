//! What a real Prometheus makes of a page, in the format that it asks for: OpenMetrics, or protobuf with native
//! histograms.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use media_metrics_core::desc::Unit;
use media_metrics_core::exemplar::Exemplar;
use media_metrics_core::snapshot::Builder;
use media_metrics_core::{Desc, Registry};
use media_metrics_exporter::Server;
use media_metrics_tests::prometheus::Prometheus;
use media_metrics_tests::wait::{self, PATIENCE};

static WAIT: Desc = Desc::histogram("wait_seconds", "Wait.", &[0.001, 1.0, 1_000_000.0])
    .unit(Unit::Seconds)
    .per_unit(1e9)
    .layout_of(3, 1 << 40)
    .labels(&["q"]);
static FINE: Desc = Desc::histogram("fine_seconds", "Fine.", &[1.0])
    .per_unit(1e9)
    .native(8);
static LAW: Desc = Desc::exact_histogram("law_ms", "Bounds that are law.", &[1.0, 2.5, 100.0]);

/// Nanoseconds: zeros, neighbours, far from each other, exactly an edge, and one that recurs.
fn samples() -> Vec<u64> {
    let spread = (0..40).map(|i| 1_000 + i * i * i * 17_171);
    [
        0,
        0,
        1,
        2,
        500_000_000,
        1_000_000_000,
        1_000_000_001,
        900_000_000_000,
    ]
    .into_iter()
    .chain(spread)
    .chain([777_777; 30])
    .collect()
}

/// A registry with something of each kind, served.
fn serve() -> (Registry, Server) {
    let registry = Registry::new().unwrap();
    let packets = Desc::counter("packets_total", "Packets.").labels(&["kind"]);
    registry
        .counter(&packets, &["a\"\\\nü"])
        .unwrap()
        .add(1 << 50);
    let bare = Desc::counter("messages", "A counter without the suffix.");
    registry.counter(&bare, &[]).unwrap().add(7);
    let rooms = Desc::gauge("room_total", "A gauge with the suffix.");
    registry.gauge(&rooms, &[]).unwrap().set(-2.5);
    let build = Desc::gauge("build_info", "Build.").labels(&["version"]);
    registry.gauge(&build, &["1"]).unwrap().set(1.0);
    let wait = registry.histogram(&WAIT, &["x"]).unwrap();
    samples().into_iter().for_each(|v| wait.record(v));
    registry.histogram(&WAIT, &["empty"]).unwrap();
    let fine = registry.histogram(&FINE, &[]).unwrap();
    (1..2_000).for_each(|i| fine.record(i * i));
    let law = registry.exact_histogram(&LAW, &[]).unwrap();
    [0.5, 1.0, 2.5, 99.0, 100.5]
        .into_iter()
        .for_each(|v| law.record(v));
    registry.collect();
    let server = Server::builder(registry.clone())
        .bind("127.0.0.1:0")
        .start()
        .unwrap();
    (registry, server)
}

#[track_caller]
fn types(prometheus: &Prometheus) -> BTreeMap<String, String> {
    wait::until("metadata", PATIENCE, || {
        let types = prometheus.types()?;
        if types.is_empty() {
            Err("none yet".to_owned())
        } else {
            Ok(types)
        }
    })
}

/// What holds in any format.
fn check_numbers(prometheus: &Prometheus) {
    prometheus.expect(&[
        ("packets_total{kind=\"a\\\"\\\\\\nü\"}", 1 << 50),
        ("messages", 7),
        ("build_info{version=\"1\"}", 1),
        ("-2 * room_total", 5),
        ("law_ms_count", 5),
        ("law_ms_bucket{le=\"2.5\"}", 3),
        ("law_ms_bucket{le=\"+Inf\"}", 5),
        ("law_ms_sum * 2", 407),
        ("up", 1),
    ]);
}

#[test]
fn openmetrics() {
    let (_registry, server) = serve();
    let prometheus = Prometheus::scraping(server.local_addr());
    check_numbers(&prometheus);
    let all = samples().len() as u64;
    // A nanosecond more than a second is, with three digits, a second.
    let second = samples().iter().filter(|&&ns| ns <= 1_000_000_001).count() as u64;
    prometheus.expect(&[
        ("wait_seconds_count{q=\"x\"}", all),
        ("wait_seconds_bucket{q=\"x\",le=\"1.0\"}", second),
        ("wait_seconds_bucket{q=\"x\",le=\"1e+06\"}", all),
        ("wait_seconds_count{q=\"empty\"}", 0),
        ("law_ms_bucket{le=\"1\"}", 2),
    ]);
    let types = types(&prometheus);
    for (name, kind) in [
        ("packets", "counter"), // only OpenMetrics knows it by this name
        ("messages", "unknown"),
        ("room_total", "gauge"),
        ("build", "info"),
        ("wait_seconds", "histogram"),
        ("law_ms", "histogram"),
    ] {
        assert_eq!(
            types.get(name).map(String::as_str),
            Some(kind),
            "{name}: {types:?}"
        );
    }
}

#[test]
fn protobuf_with_native_histograms() {
    let (_registry, server) = serve();
    let prometheus = Prometheus::scraping_native_histograms(server.local_addr());
    check_numbers(&prometheus);
    let got = prometheus.histogram("wait_seconds{q=\"x\"}").unwrap();
    let samples = samples();
    assert_eq!(got.count, samples.len() as f64);
    let sum = samples.iter().sum::<u64>() as f64 / 1e9;
    assert!((got.sum - sum).abs() < 1e-9, "{} {sum}", got.sum);
    // Each sample is in the bucket of its number, or of the smallest that three digits don't tell from it.
    let mut wanted = BTreeMap::new();
    for ns in samples {
        let ns = WAIT.layout().lowest(WAIT.layout().index(ns));
        let index = match ns {
            0 => i32::MIN,
            _ => ((ns as f64 / 1e9).log2() * 8.0).ceil() as i32,
        };
        *wanted.entry(index).or_insert(0) += 1;
    }
    let counts: Vec<u64> = got.buckets.iter().map(|b| b[2] as u64).collect();
    assert_eq!(
        counts,
        wanted.values().copied().collect::<Vec<_>>(),
        "{got:?}"
    );
    for (bucket, &index) in got.buckets.iter().zip(wanted.keys()).skip(1) {
        for (edge, index) in bucket.iter().zip([index - 1, index]) {
            let wanted = (f64::from(index) / 8.0).exp2();
            assert!(
                (edge - wanted).abs() < wanted * 1e-9,
                "{bucket:?}: {wanted}"
            );
        }
    }
    // No sample, no bucket: and still a native histogram.
    let empty = prometheus.histogram("wait_seconds{q=\"empty\"}").unwrap();
    assert_eq!((empty.count, empty.buckets.len()), (0.0, 0));
    // Too many fine buckets become coarser ones, and nothing is lost.
    let fine = prometheus.histogram("fine_seconds").unwrap();
    assert_eq!(fine.buckets.iter().map(|b| b[2]).sum::<f64>(), 1_999.0);
    assert!(
        (81..=160).contains(&fine.buckets.len()),
        "{}",
        fine.buckets.len()
    );
    // Bounds that are law stay classic. Their text is the scraper's: the format has numbers.
    prometheus.expect(&[("law_ms_bucket{le=\"1.0\"}", 2)]);
    let types = types(&prometheus);
    assert_eq!(
        types.get("messages").map(String::as_str),
        Some("counter"),
        "{types:?}"
    );
}

/// Labels and values of exemplars survive the way through the scrape, by text and by messages.
#[test]
fn exemplars() {
    for native_histograms in [false, true] {
        // It keeps escapes in labels of exemplars as they stand in text: so there are none.
        let labels = [("ssrc", "1234"), ("kind", "a'#{},=ü")];
        let exemplar = move |value, age_ms| {
            let time = SystemTime::now() - Duration::from_millis(age_ms);
            Exemplar::new(labels, value, time)
        };
        // Of each scrape another snapshot: exemplars are of a moment.
        let source = move || {
            let snapshot = Builder::new()
                .histogram(&WAIT, &[(&["x"], &[500_000, 5_000_000_000])])
                .exemplars(
                    "wait_seconds",
                    &["x"],
                    vec![exemplar(0.000_5, 100), exemplar(5.0, 50)],
                );
            Arc::new(snapshot.build())
        };
        let server = Server::builder(source).bind("127.0.0.1:0").start().unwrap();
        let prometheus = Prometheus::scraping_exemplars(server.local_addr(), native_histograms);
        let mut values = wait::until("exemplars", PATIENCE, || {
            let all = prometheus.exemplars("{__name__=~\"wait_seconds.*\"}")?;
            let told: BTreeMap<_, _> = labels.map(|(n, v)| (n.to_owned(), v.to_owned())).into();
            assert!(all.iter().all(|e| e.labels == told), "{all:?}");
            let values: Vec<f64> = all.iter().map(|e| e.value).collect();
            // Of a native histogram this version takes one of a scrape.
            let second = native_histograms || values.contains(&5.0);
            match values.contains(&0.000_5) && second {
                true => Ok(values),
                false => Err(format!("{all:?}")),
            }
        });
        values.retain(|v| ![0.000_5, 5.0].contains(v));
        assert_eq!(values, [] as [f64; 0]);
        prometheus.expect(&[("up", 1)]);
    }
}
