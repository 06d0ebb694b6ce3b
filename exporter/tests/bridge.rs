//! Beside metrics-exporter-prometheus: its page along with ours, and our snapshots in its recorder.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod common;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use common::client::{PATIENCE, get, get_with};
use common::messages::MetricFamily;
use common::parser::{Family, parse};
use media_metrics_core::desc::{Desc, Unit};
use media_metrics_core::snapshot::Snapshot;
use media_metrics_core::{Registry, Sink};
use media_metrics_exporter::bridge::{Republish, WithPage};
use media_metrics_exporter::text::Encoder;
use media_metrics_exporter::{Server, Source};
use metrics::{counter, describe_counter, gauge, histogram, with_local_recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use prost::Message;

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
        # TYPE other histogram\nother_bucket{le=\"+Inf\"} 1\nother_sum 1\nother_count 1\n9bad 1\n";
    let source = WithPage::new(registry.clone(), move || page.to_owned()).unwrap();
    let along = source.along(&source.latest()).unwrap();
    let names: Vec<_> = along
        .families()
        .iter()
        .map(|f| f.schema().desc().name())
        .collect();
    assert_eq!(names, ["ok", "other"]);
    assert_eq!(along.gauge("ok", &["a", "1"]), Some(1.0));
    assert_eq!(dropped(&registry, "taken"), 2);
    assert_eq!(dropped(&registry, "malformed"), 1);
    assert_eq!(dropped(&registry, "unfit"), 4);
}

#[test]
fn names_that_openmetrics_reserves_are_taken() {
    static TOTAL: Desc = Desc::counter("a_total", "A.");
    static PLAIN: Desc = Desc::gauge("b", "B.");
    static INFO: Desc = Desc::gauge("d_info", "D.");
    static HISTOGRAM: Desc = Desc::histogram("e", "E.", BOUNDS);
    let registry = Registry::new().unwrap();
    registry.counter(&TOTAL, &[]).unwrap().inc();
    registry.gauge(&PLAIN, &[]).unwrap().set(1.0);
    registry.gauge(&INFO, &[]).unwrap().set(1.0);
    registry.histogram(&HISTOGRAM, &[]).unwrap().record(1);
    let ours = registry.collect();
    let taken = "# TYPE a gauge\na 1\n# TYPE a_created gauge\na_created 1\n# TYPE b_total counter\nb_total 1\n\
        # TYPE b_info gauge\nb_info 1\nd 1\ne_created 1\n# TYPE a_info gauge\na_info 1\n";
    // Among themselves the encoder settles it: the type gives way, no line is lost.
    let free =
        "# TYPE f counter\nf 1\n# TYPE f_total counter\nf_total 2\nf_created 3\na_totals 1\n";
    let page = [taken, free].concat();
    let source = WithPage::new(registry.clone(), move || page.clone()).unwrap();
    let along = source.along(&ours).unwrap();
    let names: Vec<_> = along
        .families()
        .iter()
        .map(|f| f.schema().desc().name())
        .collect();
    assert_eq!(names, ["a_totals", "f", "f_created", "f_total"]);
    assert_eq!(dropped(&registry, "taken"), 7);
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
fn a_foreign_page_cannot_spoil_itself_either() {
    for kind in ["summary", "histogram"] {
        let page =
            format!("a_sum 5\n# TYPE a {kind}\na_bucket{{le=\"+Inf\"}} 1\na_sum 1\na_count 1\n");
        let registry = Registry::new().unwrap();
        let source = WithPage::new(registry.clone(), move || page.clone()).unwrap();
        let along = source.along(&source.latest()).unwrap();
        let sums = encoded(&along).into_iter().flat_map(|f| f.samples);
        assert_eq!(sums.filter(|s| s.name == "a_sum").count(), 1, "{kind}");
        assert_eq!(dropped(&registry, "taken"), 1, "{kind}");
    }
}

#[test]
fn in_every_format_both_are_one_page_and_the_other_library_is_asked_once() {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let recorder = peer(BOUNDS);
    with_local_recorder(&recorder, || {
        counter!("theirs_total", "queue" => "a \"b\"\n\\c,}").increment(3);
        histogram!("wait").record(0.05);
    });
    let registry = Registry::new().unwrap();
    registry.counter(&PACKETS, &["audio"]).unwrap().add(7);
    registry.collect();
    let handle = recorder.handle();
    let source = WithPage::new(registry, move || {
        ASKED.fetch_add(1, Ordering::Relaxed);
        handle.render()
    });
    let server = Server::builder(source.unwrap()).bind("127.0.0.1:0");
    let server = server.start().unwrap();
    let scrape = |accept: &str| {
        let accept = format!("Accept: {accept}\r\n");
        get_with(server.local_addr(), "/metrics", &accept)
    };
    let text = scrape("text/plain");
    let names = |families: &[Family]| families.iter().map(|f| f.name.clone()).collect::<Vec<_>>();
    let families = parse(text.text().as_bytes()).unwrap();
    assert!(names(&families).contains(&"theirs_total".to_owned()));

    let open = scrape("application/openmetrics-text");
    let open = open.text();
    assert_eq!(open.matches("# EOF\n").count(), 1, "{open}");
    assert!(open.ends_with("\n# EOF\n"), "{open}");
    let theirs = "# TYPE theirs counter\ntheirs_total{queue=\"a \\\"b\\\"\\n\\\\c,}\"} 3\n";
    assert!(open.contains(theirs), "{open}");
    assert!(
        open.contains("\napp_packets_total{kind=\"audio\"} 7\n"),
        "{open}"
    );

    let protobuf = scrape("application/vnd.google.protobuf");
    let mut bytes = protobuf.body.as_slice();
    let mut read = Vec::new();
    while !bytes.is_empty() {
        read.push(MetricFamily::decode_length_delimited(&mut bytes).unwrap());
    }
    let mut found: Vec<_> = read.iter().map(|f| f.name.clone()).collect();
    let mut expected = names(&families);
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
    let wait = read.iter().find(|f| f.name == "wait").unwrap();
    let wait = wait.metric[0].histogram.as_ref().unwrap();
    assert_eq!(
        (wait.sample_count, wait.bucket.len()),
        (Some(1), BOUNDS.len())
    );
    assert_eq!(wait.created_timestamp, None, "nobody knows");
    assert_eq!(ASKED.load(Ordering::Relaxed), 1);
}

#[test]
fn a_library_that_hangs_costs_one_scrape_its_deadline() {
    let registry = Registry::new().unwrap();
    let (release, hang) = std::sync::mpsc::channel::<()>();
    let hang = std::sync::Mutex::new(hang);
    let source = WithPage::new(registry.clone(), move || {
        let _ = hang.lock().unwrap().recv();
        "a 1\n".to_owned()
    });
    let source = source.unwrap().deadline(Duration::from_millis(1));
    assert!(source.along(&source.latest()).is_none());
    assert!(source.along(&source.latest()).is_none());
    assert_eq!(dropped(&registry, "late"), 2);
    drop(release); // from now on it answers
    let source = source.deadline(PATIENCE);
    let start = Instant::now();
    while source.along(&source.latest()).is_none() {
        assert!(start.elapsed() < PATIENCE, "it does not come back");
    }
}

#[test]
fn a_deadline_may_be_as_long_as_one_likes() {
    let source = WithPage::new(Registry::new().unwrap(), || "a 1\n".to_owned());
    let source = source.unwrap().deadline(Duration::MAX);
    let page = source.along(&source.latest()).unwrap();
    assert_eq!(page.gauge("a", &[]), Some(1.0));
}

#[test]
fn a_page_that_is_too_long_is_shown_from_its_beginning() {
    let registry = Registry::new().unwrap();
    let page: String = (0..1_000).map(|i| format!("a_{i} {i}\n")).collect();
    let source = WithPage::new(registry.clone(), move || page.clone()).unwrap();
    let source = source.max_bytes(100);
    let along = source.along(&source.latest()).unwrap();
    assert_eq!(along.families().len(), 15, "10 lines of 6 bytes, 5 of 8");
    assert_eq!(dropped(&registry, "too_long"), 1);
    assert_eq!(dropped(&registry, "malformed"), 0);
    let none = source.max_bytes(0);
    assert!(none.along(&none.latest()).unwrap().families().is_empty());
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
fn as_counters_histograms_cost_no_samples_and_promql_sees_the_same() {
    let registry = Registry::new().unwrap();
    let recorder = Arc::new(peer(&[]));
    let mut sink = Republish::to(Arc::clone(&recorder)).histograms_as_counters();
    let wait = registry.histogram(&WAIT, &["audio"]).unwrap();
    let size = registry.exact_histogram(&SIZE, &[]).unwrap();
    for n in [1_u64, 1_000_000_000] {
        wait.record_n(20_000_000, n);
        wait.record_n(5_000_000_000, 1);
        size.record(0.01);
        size.record(7.5);
        let snapshot = registry.collect();
        sink.report(&snapshot);
        sink.report(&snapshot);
        let by_line = |families: Vec<Family>| {
            let own = families.into_iter().filter(|f| {
                ["app_wait", "app_size"]
                    .iter()
                    .any(|n| f.name.starts_with(n))
            });
            let samples = samples(own.collect()).into_iter();
            samples
                .map(|((_, name, labels), value)| ((name, labels), value))
                .collect::<BTreeMap<_, _>>()
        };
        assert_eq!(by_line(rendered(&recorder)), by_line(encoded(&snapshot)));
    }
}

#[test]
fn samples_over_the_limit_come_with_the_next_snapshots() {
    let registry = Registry::new().unwrap();
    let recorder = Arc::new(peer(BOUNDS));
    let mut sink = Republish::to(Arc::clone(&recorder)).max_samples(100);
    let wait = registry.histogram(&WAIT, &["audio"]).unwrap();
    wait.record_n(5_000_000, 950);
    wait.record(5_000_000_000);
    let mut counts = Vec::new();
    for _ in 0..12 {
        sink.report(&registry.collect());
        let samples = samples(rendered(&recorder));
        let count = |wanted: &str| {
            let found = samples.iter().find(|((_, name, _), _)| name == wanted);
            *found.unwrap().1
        };
        counts.push(count("app_wait_seconds_count"));
    }
    assert_eq!(
        counts[..2],
        [101.0, 201.0],
        "one of them is the rare one's share"
    );
    assert_eq!(counts[10..], [951.0, 951.0]);
}

#[test]
fn a_counter_that_began_anew_counts_on() {
    let registry = Registry::new().unwrap();
    let recorder = Arc::new(peer(BOUNDS));
    let mut sink = Republish::to(Arc::clone(&recorder));
    for n in [7, 3, 8] {
        let packets = registry.counter(&PACKETS, &["audio"]).unwrap();
        packets.add(n);
        sink.report(&registry.collect());
        registry.remove(&packets);
        drop(packets);
        sink.report(&registry.collect()); // without it
    }
    let samples = samples(rendered(&recorder));
    let found = samples
        .iter()
        .find(|((_, name, _), _)| name == "app_packets_total");
    assert_eq!(*found.unwrap().1, 18.0);
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

/// Lines of pages, whole and damaged.
fn line() -> impl Strategy<Value = String> {
    let name = "a|a_bucket|a_sum|a_count|b|ours_total|9x";
    let labels =
        "||\\{\\}|\\{le=\"(1|2.5|\\+Inf|x)\"\\}|\\{a=\"[a-b\"\\\\n,}]{0,4}\",?(b|__c|a)=\"1\"\\}";
    let value = "[0-9]{1,3}|-1.5|NaN|\\+Inf|18446744073709551616|x|";
    let sample = (name, labels, value).prop_map(|(n, l, v)| format!("{n}{l} {v}"));
    let kind = "counter|gauge|histogram|summary|";
    let typed = ("a|a|b|a_sum", kind).prop_map(|(n, k)| format!("# TYPE {n} {k}"));
    prop_oneof![6 => sample, 3 => typed, 1 => any::<String>(), 1 => "# HELP [a-c] .{0,9}"]
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(3), cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn whatever_stands_on_a_foreign_page_ours_can_be_read(lines in vec(line(), 0..40)) {
        static OURS: Desc = Desc::counter("ours_total", "Ours.");
        let registry = Registry::new().unwrap();
        registry.counter(&OURS, &[]).unwrap().inc();
        let ours = registry.collect();
        let page = lines.join("\n");
        let source = WithPage::new(registry, move || page.clone()).unwrap();
        let along = source.along(&ours).unwrap();
        let mut both = Vec::new();
        for snapshot in [&*ours, &along] {
            let mut page = Vec::new();
            Encoder::new().encode(snapshot, &mut page);
            both.extend(page);
        }
        let read = parse(&both);
        prop_assert!(read.is_ok(), "{read:?}: {}", String::from_utf8_lossy(&both));
        let mut seen = HashSet::new();
        for family in read.unwrap() {
            for sample in &family.samples {
                let mut labels = sample.labels.clone();
                labels.sort();
                prop_assert!(seen.insert((sample.name.clone(), labels)), "{} twice", sample.name);
            }
        }
    }
}
