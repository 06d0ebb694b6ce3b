//! Beside metrics-exporter-prometheus: its page along with ours, and our snapshots in its recorder.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::client::get;
use common::parser::{Family, parse};
use media_metrics_core::desc::{Desc, Unit};
use media_metrics_core::snapshot::Snapshot;
use media_metrics_core::{Registry, Sink};
use media_metrics_exporter::bridge::{Republish, WithPage};
use media_metrics_exporter::text::Encoder;
use media_metrics_exporter::{Server, Source};
use metrics::{counter, describe_counter, gauge, histogram, with_local_recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};

const BOUNDS: &[f64] = &[0.001, 0.01, 0.1, 1.0];

fn peer(bounds: &[f64]) -> PrometheusRecorder {
    let builder = PrometheusBuilder::new();
    let builder = match bounds {
        [] => builder,
        _ => builder.set_buckets(bounds).unwrap(),
    };
    builder.build_recorder()
}

/// Each sample by its family's name, its own and its labels.
type Samples = BTreeMap<(String, String, Vec<(String, String)>), f64>;

fn samples(families: Vec<Family>) -> Samples {
    let mut samples = Samples::new();
    for family in families {
        for sample in family.samples {
            let (name, value) = (sample.name.clone(), sample.value());
            let mut labels = sample.labels;
            for (_, le) in labels.iter_mut().filter(|(name, _)| name == "le") {
                let bound: f64 = le.trim_start_matches('+').parse().unwrap();
                *le = bound.to_string();
            }
            labels.sort();
            samples.insert((family.name.clone(), name, labels), value);
        }
    }
    samples
}

fn encoded(snapshot: &Snapshot) -> Vec<Family> {
    let mut page = Vec::new();
    Encoder::new().encode(snapshot, &mut page);
    let page = std::str::from_utf8(&page).unwrap();
    parse(page.as_bytes()).unwrap_or_else(|e| panic!("{e}: {page}"))
}

/// What the peer's own page says; each family described, which the strict reader wants.
fn rendered(recorder: &PrometheusRecorder) -> Vec<Family> {
    let page = recorder.handle().render().replace("\n\n", "\n");
    parse(page.as_bytes()).unwrap_or_else(|e| panic!("{e}: {page}"))
}

fn dropped(registry: &Registry, reason: &str) -> u64 {
    let snapshot = registry.collect();
    let dropped = snapshot.counter("media_metrics_foreign_dropped_total", &[reason]);
    dropped.unwrap()
}

#[test]
fn the_peers_page_is_shown_along_with_ours() {
    let recorder = peer(BOUNDS);
    with_local_recorder(&recorder, || {
        describe_counter!("jobs", "Jobs \\ done.\nAll.");
        metrics::describe_gauge!("level", "A level.");
        metrics::describe_histogram!("wait", "A wait.");
        counter!("jobs", "queue" => "a \"b\"\n\\c,}").increment(u64::MAX);
        counter!("jobs").increment(1);
        gauge!("level", "x" => "é").set(-1.5);
        for v in [0.001, 0.002, 5.0] {
            histogram!("wait", "path" => "/").record(v);
            histogram!("wait").record(v * 10.0);
        }
    });
    let theirs = rendered(&recorder);
    let source = WithPage::new(Registry::new().unwrap(), {
        let handle = recorder.handle();
        move || handle.render()
    });
    let source = source.unwrap();
    let along = source.along(&source.latest()).unwrap();
    assert_eq!(
        along.counter("jobs", &["queue", "a \"b\"\n\\c,}"]),
        Some(u64::MAX)
    );
    let ours = encoded(&along);
    let kinds = |families: &[Family]| {
        let mut kinds: Vec<_> = families
            .iter()
            .map(|f| (f.name.clone(), f.kind.clone()))
            .collect();
        kinds.sort();
        kinds
    };
    assert_eq!(kinds(&ours), kinds(&theirs));
    assert_eq!(samples(ours), samples(theirs));
}

#[test]
fn a_summarys_lines_stay_what_they_are() {
    let recorder = peer(&[]);
    with_local_recorder(&recorder, || {
        metrics::describe_histogram!("wait", "A wait.");
        (1..=100).for_each(|v| histogram!("wait", "path" => "/").record(f64::from(v)));
    });
    let page = recorder.handle().render();
    let theirs = page.clone();
    let source = WithPage::new(Registry::new().unwrap(), move || theirs.clone()).unwrap();
    let along = source.along(&source.latest()).unwrap();
    assert_eq!(along.counter("wait_count", &["path", "/"]), Some(100));
    assert_eq!(along.gauge("wait_sum", &["path", "/"]), Some(5_050.0));
    let quantiles = ["0", "0.5", "0.9", "0.95", "0.99", "0.999", "1"];
    for q in quantiles {
        let shown = along.gauge("wait", &["path", "/", "quantile", q]).unwrap();
        let line = format!("\nwait{{path=\"/\",quantile=\"{q}\"}} {shown}\n");
        assert!(page.contains(&line), "{line} is not in {page}");
    }
    let all = along.family("wait").unwrap().schema().len();
    assert_eq!(all, quantiles.len());
}

#[test]
fn what_would_spoil_our_page_is_left_out_and_counted() {
    static OURS: Desc = Desc::counter("ours_total", "Ours.");
    static WAIT: Desc = Desc::histogram("wait", "Ours.", BOUNDS);
    let registry = Registry::new().unwrap();
    registry.counter(&OURS, &[]).unwrap().inc();
    registry.histogram(&WAIT, &[]).unwrap().record(1);
    registry.collect();
    let page = "ours_total 9\nwait_count 9\nno line\n# TYPE ok gauge\nok{a=\"1\"} 1\nok{a=\"1\"} 2\nok{__a=\"1\"} 3\n\
        # TYPE h histogram\nh_bucket{le=\"1\"} 5\nh_bucket{le=\"+Inf\"} 4\nh_sum 1\nh_count 4\n\
        # TYPE ours histogram\nours_bucket{le=\"+Inf\"} 1\nours_sum 1\nours_count 1\n9bad 1\n";
    let source = WithPage::new(registry.clone(), move || page.to_owned()).unwrap();
    let along = source.along(&source.latest()).unwrap();
    let names: Vec<_> = along
        .families()
        .iter()
        .map(|f| f.schema().desc().name())
        .collect();
    assert_eq!(names, ["ok", "ours"]);
    assert_eq!(along.gauge("ok", &["a", "1"]), Some(1.0));
    assert_eq!(dropped(&registry, "taken"), 2);
    assert_eq!(dropped(&registry, "malformed"), 1);
    assert_eq!(dropped(&registry, "unfit"), 4);
}

#[test]
fn one_scrape_has_both() {
    let recorder = peer(BOUNDS);
    with_local_recorder(&recorder, || counter!("theirs").increment(3));
    let registry = Registry::new().unwrap();
    registry.counter(&PACKETS, &["audio"]).unwrap().add(7);
    registry.collect();
    let handle = recorder.handle();
    let source = WithPage::new(registry.clone(), move || handle.render()).unwrap();
    let server = Server::builder(source).bind("127.0.0.1:0");
    let server = server.families(|name| name != "hidden").start().unwrap();
    let scrape = || get(server.local_addr(), "/metrics").text().to_owned();
    let page = scrape();
    let names: Vec<String> = parse(page.as_bytes())
        .unwrap()
        .into_iter()
        .map(|f| f.name)
        .collect();
    assert!(names.contains(&"app_packets_total".to_owned()), "{page}");
    assert!(
        page.ends_with("# TYPE theirs counter\ntheirs 3\n"),
        "{page}"
    );
    with_local_recorder(&recorder, || {
        counter!("theirs").increment(1);
        counter!("hidden").increment(1);
    });
    assert_eq!(scrape(), page, "once for all scrapers of a snapshot");
    registry.collect();
    let page = scrape();
    assert!(
        page.ends_with("theirs 4\n") && !page.contains("hidden"),
        "{page}"
    );
}

#[test]
fn a_page_that_panics_is_missing_and_counted() {
    let registry = Registry::new().unwrap();
    let source = WithPage::new(registry.clone(), || panic!("a bad day")).unwrap();
    assert!(source.along(&source.latest()).is_none());
    assert_eq!(dropped(&registry, "panicked"), 1);
}

static PACKETS: Desc = Desc::counter("app_packets_total", "Packets.").labels(&["kind"]);
static FROZEN: Desc = Desc::counter("app_frozen_seconds_total", "Time.")
    .unit(Unit::Seconds)
    .per_unit(1e3);
static LEVEL: Desc = Desc::gauge("app_level", "A level.").labels(&["kind"]);
static WAIT: Desc = Desc::histogram("app_wait_seconds", "A wait.", BOUNDS)
    .unit(Unit::Seconds)
    .per_unit(1e9)
    .layout_of(2, 1 << 40)
    .labels(&["kind"]);
static SIZE: Desc = Desc::exact_histogram("app_size", "A size.", BOUNDS);

#[test]
fn our_snapshots_are_on_the_peers_page() {
    let registry = Registry::new().unwrap();
    let recorder = Arc::new(peer(BOUNDS));
    let mut sink = Republish::to(Arc::clone(&recorder));
    let mut publish = || {
        let snapshot = registry.collect();
        sink.report(&snapshot);
        let keep = |families: Vec<Family>| {
            let own = families.into_iter().filter(|f| f.name.starts_with("app_"));
            let mut samples = samples(own.collect());
            samples.retain(|(_, name, _), _| !name.ends_with("_sum"));
            samples
        };
        assert_eq!(keep(rendered(&recorder)), keep(encoded(&snapshot)));
    };
    let wait = registry.histogram(&WAIT, &["audio"]).unwrap();
    let size = registry.exact_histogram(&SIZE, &[]).unwrap();
    registry.counter(&PACKETS, &["audio"]).unwrap().add(7);
    registry.counter(&FROZEN, &[]).unwrap().add(1_250);
    for ns in [0, 999_999, 1_000_000, 1_100_000, 100_000_000, 5_000_000_000] {
        wait.record(ns);
        size.record(ns as f64 / 1e9);
    }
    publish();
    publish(); // nothing new
    registry.counter(&PACKETS, &["video"]).unwrap().add(1);
    registry.gauge(&LEVEL, &["video"]).unwrap().set(-2.5);
    wait.record_n(20_000_000, 3);
    registry.histogram(&WAIT, &["video"]).unwrap().record(1);
    publish(); // with new series beside the old
}

#[test]
fn a_series_that_began_anew_counts_whole() {
    let registry = Registry::new().unwrap();
    let recorder = Arc::new(peer(BOUNDS));
    let mut sink = Republish::to(Arc::clone(&recorder));
    let mut record = |values: &[f64]| {
        let size = registry.exact_histogram(&SIZE, &[]).unwrap();
        values.iter().for_each(|&v| size.record(v));
        sink.report(&registry.collect());
        registry.remove(&size);
    };
    record(&[0.5, 0.5]);
    record(&[0.5]);
    let samples = samples(rendered(&recorder));
    let count = samples
        .iter()
        .find(|((_, name, _), _)| name == "app_size_count");
    assert_eq!(count.map(|(_, &n)| n), Some(3.0));
}
