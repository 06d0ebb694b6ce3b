//! Client metrics as families: what each label becomes, resets, order, bounds, floods, memory.

#![cfg(feature = "livekit")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::time::Duration;

use media_metrics_core::livekit::client::{
    ClientMetrics, ClientRow, ClientState, MAX_SERIES, RttPath, SILENT_S,
};
use media_metrics_core::livekit::messages::MetricSample;
use media_metrics_core::livekit::time::ServerTime;
use media_metrics_core::snapshot::Values;
use media_metrics_core::{Registry, Snapshot};

#[path = "livekit_client/growth.rs"]
mod growth;
#[path = "livekit_client/hostile.rs"]
mod hostile;
#[path = "livekit_client/model.rs"]
mod model;
#[path = "livekit_client/times.rs"]
mod times;

const FREEZES: u32 = 3;
const FREEZE_SECONDS: u32 = 4;
const LIMITED_BY_CPU: u32 = 15;
const PUBLISHER_RTT: u32 = 17;

const ROW: ClientRow<'_> = ClientRow {
    identity: "alice",
    label: FREEZES,
    track: "",
    rid: "",
    samples: &[],
};

/// A registry with the families, and a sender.
struct Bench {
    registry: Registry,
    metrics: ClientMetrics,
    sender: ClientState,
    now: ServerTime,
}

impl Bench {
    fn new() -> Self {
        let registry = Registry::new().unwrap();
        Self {
            metrics: ClientMetrics::register(&registry).unwrap(),
            registry,
            sender: ClientState::new(),
            now: ServerTime::from_ms(1_700_000_000_000).unwrap(),
        }
    }

    /// The sender says these (time in ms, value) of a label.
    fn say(&mut self, label: u32, track: &str, samples: &[(i64, f32)]) {
        let samples: Vec<_> = samples.iter().map(|&(at, v)| sample(at, v)).collect();
        self.say_samples(label, track, &samples);
    }

    fn say_samples(&mut self, label: u32, track: &str, samples: &[MetricSample]) {
        let row = ClientRow {
            label,
            track,
            samples,
            ..ROW
        };
        self.metrics.observe(&mut self.sender, self.now, [row]);
    }

    fn pass(&mut self, seconds: u32) {
        self.now = self.now.after(Duration::from_secs(u64::from(seconds)));
    }

    fn counter(&self, name: &str, values: &[&str]) -> u64 {
        self.registry.collect().counter(name, values).unwrap()
    }

    fn dropped(&self, reason: &str) -> u64 {
        self.counter("media_client_samples_dropped_total", &[reason])
    }

    fn resets(&self) -> u64 {
        self.counter("media_client_resets_total", &[])
    }

    fn rtts(&self, path: &str) -> u64 {
        let snapshot = self.registry.collect();
        let rtt = snapshot.histogram("media_client_rtt_seconds", &[path]);
        rtt.unwrap().count()
    }
}

fn sample(timestamp_ms: i64, value: f32) -> MetricSample {
    MetricSample {
        timestamp_ms,
        value,
        ..MetricSample::default()
    }
}

/// Sum over the series of a family of counters.
fn sum(snapshot: &Snapshot, family: &str) -> u64 {
    match snapshot.family(family).unwrap().values() {
        Values::Counter(values) => values.iter().sum(),
        other => panic!("{family}: {other:?}"),
    }
}

/// Number of series in a scrape.
fn series(registry: &Registry) -> usize {
    let snapshot = registry.collect();
    snapshot.families().iter().map(|f| f.schema().len()).sum()
}

/// From the table of MetricLabel in the schema: label, family, its label value, recorded units in one unit.
const COUNTERS: [(u32, &str, &[&str], f64); 14] = [
    (3, "media_client_freezes_total", &[], 1.0),
    (4, "media_client_freeze_seconds_total", &[], 1e6),
    (5, "media_client_pauses_total", &[], 1.0),
    (6, "media_client_pause_seconds_total", &[], 1e6),
    (7, "media_client_concealed_samples_total", &[], 1.0),
    (8, "media_client_silent_concealed_samples_total", &[], 1.0),
    (9, "media_client_concealment_events_total", &[], 1.0),
    (10, "media_client_interruptions_total", &[], 1.0),
    (11, "media_client_interruption_seconds_total", &[], 1e6),
    (
        12,
        "media_client_jitter_buffer_delay_seconds_total",
        &[],
        1e3,
    ),
    (13, "media_client_jitter_buffer_emitted_total", &[], 1.0),
    (
        14,
        "media_client_quality_limitation_seconds_total",
        &["bandwidth"],
        1e6,
    ),
    (
        15,
        "media_client_quality_limitation_seconds_total",
        &["cpu"],
        1e6,
    ),
    (
        16,
        "media_client_quality_limitation_seconds_total",
        &["other"],
        1e6,
    ),
];

const DISTRIBUTIONS: [(u32, &str, &str); 6] = [
    (0, "media_client_agent_latency_seconds", "llm_ttft"),
    (1, "media_client_agent_latency_seconds", "stt_ttft"),
    (2, "media_client_agent_latency_seconds", "tts_ttfb"),
    (17, "media_client_rtt_seconds", "publisher"),
    (18, "media_client_rtt_seconds", "mesh"),
    (19, "media_client_rtt_seconds", "subscriber"),
];

#[test]
fn each_label_goes_to_its_family() {
    let mut bench = Bench::new();
    for (label, ..) in COUNTERS {
        // Different for each: none can pass for another.
        bench.say(
            label,
            "TR_1",
            &[(1_000, label as f32 + 0.25), (2_000, label as f32 * 4.0)],
        );
    }
    for (label, ..) in DISTRIBUTIONS {
        bench.say(label, "", &[(1_000, 0.5 + label as f32 / 1_024.0)]);
    }
    let snapshot = bench.registry.collect();
    for (label, family, values, per_unit) in COUNTERS {
        let expected = f64::from(label) * 4.0 * per_unit;
        assert_eq!(
            snapshot.counter(family, values),
            Some(expected as u64),
            "{family} {values:?}"
        );
    }
    for (label, family, value) in DISTRIBUTIONS {
        let histogram = snapshot.histogram(family, &[value]).unwrap();
        let expected = (0.5 + f64::from(label) / 1_024.0) * 1e6;
        assert_eq!(
            (histogram.count(), histogram.sum()),
            (1, expected.round() as u64),
            "{value}"
        );
    }
    assert_eq!(sum(&snapshot, "media_client_samples_total"), 14 * 2 + 6);
    assert_eq!(sum(&snapshot, "media_client_samples_dropped_total"), 0);
}

#[test]
fn labels_without_a_meaning_are_counted_and_not_followed() {
    let mut bench = Bench::new();
    for label in [20, 4_095, 4_096, 9_000, u32::MAX] {
        bench.say(label, "TR_1", &[(1, 1.0), (2, f32::NAN)]);
    }
    let samples = |label| bench.counter("media_client_samples_total", &[label]);
    assert_eq!((samples("unassigned"), samples("custom")), (4, 6));
    assert_eq!(bench.sender.series(), 0);
}

#[test]
fn the_first_total_counts_whole_then_what_it_grew_by() {
    let mut bench = Bench::new();
    bench.say(FREEZES, "TR_1", &[(1_000, 3.0), (2_000, 3.0), (3_000, 7.0)]);
    bench.say(FREEZES, "TR_2", &[(1_000, 1.0)]);
    bench.say(FREEZES, "TR_1", &[(4_000, 8.0)]);
    assert_eq!(bench.counter("media_client_freezes_total", &[]), 9);
    assert_eq!(bench.resets(), 0);
}

#[test]
fn layers_and_tracks_are_series_of_their_own() {
    let mut bench = Bench::new();
    let samples = [sample(1, 2.0)];
    // Names that would be the same text if they were joined.
    for (track, rid) in [("TR_", "ab"), ("TR_a", "b"), ("TR_ab", "")] {
        let row = ClientRow {
            label: LIMITED_BY_CPU,
            track,
            rid,
            samples: &samples,
            ..ROW
        };
        bench.metrics.observe(&mut bench.sender, bench.now, [row]);
    }
    assert_eq!(bench.sender.series(), 3);
    let limited = "media_client_quality_limitation_seconds_total";
    assert_eq!(bench.counter(limited, &["cpu"]), 6_000_000);
}

#[test]
fn a_total_that_fell_began_anew() {
    let mut bench = Bench::new();
    bench.say(
        FREEZES,
        "TR_1",
        &[(1_000, 5.0), (2_000, 2.0), (3_000, 4.0), (4_000, 0.0)],
    );
    assert_eq!(bench.counter("media_client_freezes_total", &[]), 5 + 2 + 2);
    assert_eq!(bench.resets(), 2);
}

#[test]
fn who_joins_anew_counts_anew() {
    let mut bench = Bench::new();
    bench.say(FREEZES, "TR_1", &[(9_000, 5.0)]);
    bench.sender = ClientState::new();
    // Their clock began anew, too; the total is larger than the old one, and still no part of it.
    bench.say(FREEZES, "TR_1", &[(1_000, 6.0)]);
    assert_eq!(bench.counter("media_client_freezes_total", &[]), 11);
    assert_eq!((bench.resets(), bench.dropped("out_of_order")), (0, 0));
}

#[test]
fn old_samples_and_duplicates_change_nothing() {
    let mut bench = Bench::new();
    bench.say(
        FREEZES,
        "TR_1",
        &[(2_000, 5.0), (1_000, 3.0), (2_000, 6.0), (1_999, 9.0)],
    );
    bench.say(FREEZES, "TR_1", &[(2_000, 5.0), (3_000, 6.0)]);
    assert_eq!(bench.counter("media_client_freezes_total", &[]), 6);
    assert_eq!(
        (bench.dropped("out_of_order"), bench.dropped("duplicate")),
        (2, 2)
    );
    // The same of what is no total: a latency sent twice is one latency.
    bench.say(
        0,
        "TR_agent",
        &[(1_000, 0.5), (1_000, 0.5), (900, 0.5), (1_001, 0.5)],
    );
    let snapshot = bench.registry.collect();
    let latency = snapshot.histogram("media_client_agent_latency_seconds", &["llm_ttft"]);
    assert_eq!(latency.unwrap().count(), 2);
}

/// An agent tells of several participants, at the same times.
#[test]
fn whom_a_row_is_about_makes_a_series_of_its_own() {
    let mut bench = Bench::new();
    for i in 1..=10i64 {
        let about = |identity, label, samples| ClientRow {
            identity,
            label,
            samples,
            ..ROW
        };
        let [large, small] = [100, 0].map(|more| [sample(i * 1_000, (more + i) as f32)]);
        let rows = [
            about("p1", FREEZES, &large),
            about("p2", FREEZES, &small),
            about("p1", 0, &small),
            about("p2", 0, &small),
        ];
        bench.metrics.observe(&mut bench.sender, bench.now, rows);
    }
    assert_eq!(bench.counter("media_client_freezes_total", &[]), 110 + 10);
    let latencies = bench.counter("media_client_samples_total", &["agents_llm_ttft"]);
    assert_eq!(latencies, 20);
    let (resets, duplicates) = (bench.resets(), bench.dropped("duplicate"));
    assert_eq!((bench.sender.series(), resets, duplicates), (4, 0, 0));
}

#[test]
fn publishers_that_name_no_track_are_not_counted_again_and_again() {
    let mut bench = Bench::new();
    // A camera limited for 100 s and a screen for 3 s take turns in one series.
    for second in 0..60 {
        let (at, grown) = (i64::from(second) * 1_000, second as f32);
        bench.say(
            LIMITED_BY_CPU,
            "",
            &[(at, 100.0 + grown), (at + 500, 3.0 + grown)],
        );
    }
    let limited = "media_client_quality_limitation_seconds_total";
    assert_eq!(bench.counter(limited, &["cpu"]), 159_000_000);
    assert_eq!(bench.resets(), 0);
    // Who names the track may begin anew.
    bench.say(LIMITED_BY_CPU, "TR_1", &[(0, 10.0), (1_000, 4.0)]);
    assert_eq!(bench.counter(limited, &["cpu"]), 173_000_000);
    assert_eq!(bench.resets(), 1);
}

#[test]
fn a_round_trip_that_the_server_measures_is_not_taken_from_the_client() {
    let mut bench = Bench::new();
    bench.say(PUBLISHER_RTT, "", &[(1_000, 0.04)]);
    let rtt = Duration::from_millis(50);
    bench
        .metrics
        .observe_rtt(&mut bench.sender, RttPath::Publisher, rtt);
    bench.say(PUBLISHER_RTT, "", &[(2_000, 0.04), (3_000, 0.04)]);
    bench.say(19, "", &[(2_000, 0.03)]);
    bench
        .metrics
        .observe_rtt(&mut bench.sender, RttPath::Mesh, rtt);
    bench
        .metrics
        .observe_rtt(&mut bench.sender, RttPath::Mesh, Duration::MAX);

    let rtts = ["publisher", "mesh", "subscriber"].map(|path| bench.rtts(path));
    assert_eq!(rtts, [2, 1, 1]);
    assert_eq!(
        (
            bench.dropped("measured_here"),
            bench.dropped("out_of_range")
        ),
        (2, 1)
    );
    let snapshot = bench.registry.collect();
    let publisher = snapshot.histogram("media_client_rtt_seconds", &["publisher"]);
    assert_eq!(publisher.unwrap().sum(), 90_000);
    assert_eq!(
        snapshot.counter("media_client_samples_total", &["publisher_rtt"]),
        Some(2)
    );
    // Other participants' are another matter.
    bench.sender = ClientState::new();
    bench.say(PUBLISHER_RTT, "", &[(2_000, 0.04)]);
    assert_eq!(bench.rtts("publisher"), 3);
}

#[test]
fn registered_twice_it_is_the_same_and_needs_48_series() {
    let registry = Registry::new().unwrap();
    let before = series(&registry);
    let first = ClientMetrics::register(&registry).unwrap();
    let again = ClientMetrics::register(&registry).unwrap();
    assert_eq!(series(&registry) - before, 48);
    let samples = [sample(1, 2.0)];
    let row = ClientRow {
        samples: &samples,
        ..ROW
    };
    for metrics in [first, again] {
        metrics.observe(&mut ClientState::new(), ServerTime::from_ns(0), [row]);
    }
    let snapshot = registry.collect();
    assert_eq!(snapshot.counter("media_client_freezes_total", &[]), Some(4));
}
