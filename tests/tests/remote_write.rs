//! Remote write, through the eyes of those who take it: Prometheus and VictoriaMetrics, also killed in between.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use media_metrics_core::desc::{Desc, Unit};
use media_metrics_core::exemplar::Exemplar;
use media_metrics_core::snapshot::Builder;
use media_metrics_core::{Counter, Histogram, Registry, Reporter, Sink};
use media_metrics_exporter::push::Endpoint;
use media_metrics_exporter::push::remote_write::{Histograms, RemoteWrite};
use media_metrics_tests::prometheus::Prometheus;
use media_metrics_tests::victoria_metrics::VictoriaMetrics;
use media_metrics_tests::wait::{self, PATIENCE};

static PACKETS: Desc = Desc::counter("packets_total", "Packets.").labels(&["kind"]);
static WAIT: Desc = Desc::histogram("wait_seconds", "Wait.", &[0.001, 0.01, 1.0])
    .unit(Unit::Seconds)
    .per_unit(1e9);

fn endpoint(url: String) -> Endpoint {
    Endpoint::new(url)
        .interval(Duration::ZERO)
        .backoff(Duration::from_millis(20), Duration::from_millis(200))
        .stop_within(PATIENCE)
}

fn remote_write(url: String) -> RemoteWrite {
    RemoteWrite::new(endpoint(url)).label("job", "sfu")
}

/// Something that records and pushes ten times a second.
struct Source {
    registry: Registry,
    reporter: Reporter,
    packets: Counter,
    wait: Histogram,
    recorded: u64,
}

impl Source {
    fn start(push: RemoteWrite) -> Self {
        let registry = Registry::new().unwrap();
        let packets = registry.counter(&PACKETS, &["a\"\\\nü"]).unwrap();
        let wait = registry.histogram(&WAIT, &[]).unwrap();
        let sink = push.start(&registry).unwrap();
        let reporter = Reporter::builder(&registry)
            .interval(Duration::from_millis(100))
            .sink("rw", 1_000, sink);
        let reporter = reporter.start().unwrap();
        Self {
            registry,
            reporter,
            packets,
            wait,
            recorded: 0,
        }
    }

    /// Records some more; returns how many that makes.
    fn record(&mut self, count: u64) -> u64 {
        for _ in 0..count {
            self.packets.inc();
            self.wait.record(self.recorded % 20 * 1_000_000);
            self.recorded += 1;
        }
        self.recorded
    }

    fn snapshots(&self) -> u64 {
        let snapshot = self.registry.collect();
        snapshot
            .counter("media_metrics_sink_turns_total", &["rw"])
            .unwrap()
    }

    fn pushed(&self, family: &str) -> u64 {
        let snapshot = self.registry.collect();
        snapshot
            .counter(&format!("media_metrics_push_{family}_total"), &["default"])
            .unwrap()
    }

    fn wait_for_snapshots(&self, more: u64) {
        let wanted = self.snapshots() + more;
        wait::until("more snapshots", PATIENCE, || {
            let now = self.snapshots();
            (now >= wanted).then_some(()).ok_or_else(|| now.to_string())
        });
    }

    /// Stops it, everything sent; how many snapshots that were.
    fn stop(self) -> (Registry, u64) {
        assert!(self.reporter.stop(PATIENCE), "the tail was not sent");
        let taken = self.registry.collect();
        let taken = taken
            .counter("media_metrics_sink_turns_total", &["rw"])
            .unwrap();
        (self.registry, taken)
    }
}

#[test]
fn prometheus_has_every_snapshot_after_it_was_killed() {
    let prometheus = Prometheus::receiving();
    let mut source = Source::start(remote_write(prometheus.write_url()));
    let first = source.record(1_000);
    prometheus.wait_for("packets_total{kind=\"a\\\"\\\\\\nü\",job=\"sfu\"}", first);
    let stopped = prometheus.kill();
    source.record(777);
    source.wait_for_snapshots(10);
    let second = source.record(23);
    let prometheus = stopped.start();
    prometheus.wait_for("packets_total", second);
    // It only knows 1.0.
    assert_eq!(source.pushed("fallbacks"), 1);
    let last = source.record(500);
    let (registry, snapshots) = source.stop();
    // Ended, and every value is there, also of the time when nobody took them.
    prometheus.wait_for("count(count_over_time(packets_total[1h]))", 1);
    assert_eq!(prometheus.query("packets_total"), Ok(vec![]));
    for (promql, wanted) in [
        ("last_over_time(packets_total[1h])", last),
        ("count_over_time(packets_total[1h])", snapshots),
        ("resets(packets_total[1h])", 0),
        ("last_over_time(wait_seconds_count[1h])", last),
        (
            "last_over_time(wait_seconds_bucket{le=\"0.001\"}[1h])",
            2 * last / 20,
        ),
        (
            "last_over_time(wait_seconds_bucket{le=\"0.01\"}[1h])",
            11 * last / 20,
        ),
        ("last_over_time(wait_seconds_bucket{le=\"+Inf\"}[1h])", last),
    ] {
        assert_eq!(
            prometheus.value(promql),
            Ok(Some(wanted as f64)),
            "{promql}"
        );
    }
    let told = registry.collect();
    let failed = told.counter("media_metrics_push_samples_failed_total", &["default"]);
    assert_eq!(failed, Some(0));
}

#[test]
fn victoria_metrics_has_the_exact_totals_after_it_was_killed() {
    let victoria = VictoriaMetrics::receiving();
    let mut source = Source::start(remote_write(victoria.write_url()).stale_on_stop(false));
    let first = source.record(1_000);
    victoria.wait_for(
        "packets_total{kind=\"a\\\"\\\\\\nü\",job=\"sfu\"}",
        Some(first as f64),
    );
    let stopped = victoria.kill();
    source.record(777);
    source.wait_for_snapshots(10);
    let victoria = stopped.start();
    let last = source.record(723);
    let (registry, _) = source.stop();
    for (promql, wanted) in [
        ("last_over_time(packets_total[1h])", last),
        ("last_over_time(wait_seconds_count[1h])", last),
        (
            "last_over_time(wait_seconds_bucket{le=\"0.001\"}[1h])",
            2 * last / 20,
        ),
        (
            "last_over_time(wait_seconds_bucket{le=\"0.01\"}[1h])",
            11 * last / 20,
        ),
        ("last_over_time(wait_seconds_bucket{le=\"+Inf\"}[1h])", last),
    ] {
        victoria.wait_for(promql, Some(wanted as f64));
    }
    let told = registry.collect();
    let failed = told.counter("media_metrics_push_samples_failed_total", &["default"]);
    assert_eq!(failed, Some(0));
}

/// Pushes series, then a snapshot without one of them; `look` waits until a query has this value or none.
fn end_one(url: String, histograms: Histograms, look: impl Fn(&str, Option<f64>)) {
    let registry = Registry::new().unwrap();
    let rooms = Desc::gauge("rooms", "Rooms.").labels(&["n"]);
    let mut sink = remote_write(url)
        .histograms(histograms)
        .start(&registry)
        .unwrap();
    let both = [(&["stays"][..], Some(1.0)), (&["ends"], Some(2.0))];
    let first = Builder::new()
        .gauge(&rooms, &both)
        .histogram(&WAIT, &[(&[], &[5_000_000])]);
    sink.report(&Arc::new(first.build()));
    look("rooms{n=\"ends\"}", Some(2.0));
    look(
        "count(wait_seconds_bucket)",
        (histograms != Histograms::Native).then_some(4.0),
    );
    let second = Builder::new().gauge(&rooms, &[(&["stays"], 3.0), (&["new"], 4.0)]);
    sink.report(&Arc::new(second.build()));
    look("rooms{n=\"new\"}", Some(4.0));
    look("rooms{n=\"ends\"}", None);
    look("rooms{n=\"stays\"}", Some(3.0));
    for gone in ["wait_seconds_bucket", "wait_seconds_count", "wait_seconds"] {
        look(gone, None);
    }
    drop(sink);
    look("rooms", None);
}

#[test]
fn a_marker_ends_a_series_at_once_in_prometheus() {
    for histograms in [Histograms::Classic, Histograms::Native, Histograms::Both] {
        let prometheus = Prometheus::receiving();
        end_one(prometheus.write_url(), histograms, |promql, expected| {
            let what = format!("{promql} = {expected:?}");
            wait::until(&what, PATIENCE, || match prometheus.value(promql) {
                Ok(found) if found == expected => Ok(()),
                other => Err(format!("{other:?}")),
            });
        });
    }
}

#[test]
fn a_marker_ends_a_series_at_once_in_victoria_metrics() {
    let victoria = VictoriaMetrics::receiving();
    end_one(
        victoria.write_url(),
        Histograms::Classic,
        |promql, expected| {
            victoria.wait_for(promql, expected);
        },
    );
}

#[test]
fn native_histograms_and_exemplars_land_in_prometheus() {
    let prometheus = Prometheus::receiving();
    let registry = Registry::new().unwrap();
    let push = remote_write(prometheus.write_url())
        .histograms(Histograms::Both)
        .stale_on_stop(false);
    let mut sink = push.start(&registry).unwrap();
    let fine = Desc::histogram("fine_seconds", "Fine.", &[1.0])
        .per_unit(1e9)
        .native(8);
    let many: Vec<u64> = (1..2_000).map(|i| i * i).collect();
    let samples: Vec<u64> = [0, 0, 1]
        .into_iter()
        .chain((0..40).map(|i| i * 1_000_003))
        .collect();
    let exemplar = |ssrc: &str, value| Exemplar::new([("ssrc", ssrc)], value, SystemTime::now());
    let snapshot = Builder::new()
        .histogram(&WAIT, &[(&[], &samples)])
        .histogram(&fine, &[(&[], &many)])
        .exemplars(
            "wait_seconds",
            &[],
            vec![exemplar("7", 0.000_5), exemplar("8", 0.02)],
        )
        .build();
    let wanted = snapshot.histogram("wait_seconds", &[]).unwrap().count() as f64;
    let sum = samples.iter().sum::<u64>() as f64 / 1e9;
    sink.report(&Arc::new(snapshot));
    drop(sink);
    let got = prometheus.histogram("wait_seconds").unwrap();
    assert_eq!((got.count, got.sum), (wanted, sum));
    assert_eq!(got.buckets.iter().map(|b| b[2]).sum::<f64>(), wanted);
    // Of what the histogram's own precision lets be told apart, each sample is in the bucket of its number.
    let median = prometheus
        .value("histogram_quantile(0.5, wait_seconds)")
        .unwrap()
        .unwrap();
    assert!((0.017..0.021).contains(&median), "{median}");
    let got = prometheus.histogram("fine_seconds").unwrap();
    assert_eq!(got.buckets.iter().map(|b| b[2]).sum::<f64>(), 1_999.0);
    assert!(
        (81..=160).contains(&got.buckets.len()),
        "{}",
        got.buckets.len()
    );
    assert_eq!(prometheus.value("wait_seconds_count"), Ok(Some(wanted)));
    let exemplars = prometheus.exemplars("wait_seconds_bucket").unwrap();
    let mut found: Vec<(String, String, String)> = exemplars
        .iter()
        .map(|of| {
            let text = |v: &serde_json::Value| v.as_str().unwrap().to_owned();
            let [one] = of["exemplars"].as_array().unwrap().as_slice() else {
                panic!("{of}");
            };
            (
                text(&of["seriesLabels"]["le"]),
                text(&one["labels"]["ssrc"]),
                text(&one["value"]),
            )
        })
        .collect();
    found.sort();
    let wanted = [("0.001", "7", "0.0005"), ("1", "8", "0.02")];
    assert_eq!(
        found,
        wanted.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()))
    );
}
