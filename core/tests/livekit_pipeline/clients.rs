//! What clients say on its way through the pipeline into `media_client_*`: whose rows are whose, which times hold.

use media_metrics_core::livekit::messages::{MetricSample, MetricsBatch, TimeSeriesMetric};

use crate::host::{Bench, Calls, START, at, batch, member};

const FREEZES: u32 = 3;

fn freezes(sent_ms: i64, samples: &[(i64, f32)]) -> MetricsBatch {
    let samples = samples.iter().map(|&(timestamp_ms, value)| MetricSample {
        timestamp_ms,
        value,
        ..MetricSample::default()
    });
    MetricsBatch {
        timestamp_ms: sent_ms,
        time_series: vec![TimeSeriesMetric {
            label: FREEZES,
            samples: samples.collect(),
            ..TimeSeriesMetric::default()
        }],
        ..MetricsBatch::default()
    }
}

#[test]
fn one_wrong_time_costs_no_value() {
    let bench = Bench::new();
    let (alice, _) = bench.join_with(member("alice"), None);
    for i in 1..=60i64 {
        let now_ms = i * 10_000;
        let sent_ms = now_ms + if i == 3 { 3_600_000 } else { 0 };
        let sampled_ms = if i == 9 { 7_000_000_000_000 } else { sent_ms };
        let batch = freezes(sent_ms, &[(sampled_ms, i as f32)]);
        alice.on_metrics(batch, at(i as f64 * 10.0)).unwrap();
    }
    assert_eq!(bench.count("media_client_freezes_total", &[]), 60);
    let late = bench.count("media_client_samples_dropped_total", &["out_of_order"]);
    assert_eq!(late, 0);
}

#[test]
fn a_trusted_sender_speaks_for_several() {
    let bench = Bench::new();
    let mut agent = member("agent");
    agent.trusted = true;
    let (agent, _) = bench.join_with(agent, None);
    for i in 1..=10i64 {
        let total = i as f32;
        let rows = [(FREEZES, "p1", 100.0 + total), (FREEZES, "p2", total)];
        agent
            .on_metrics(batch(i * 1_000, &rows), at(i as f64))
            .unwrap();
    }
    assert_eq!(bench.count("media_client_freezes_total", &[]), 110 + 10);
    assert_eq!(bench.count("media_client_resets_total", &[]), 0);
}

/// Who names itself and who names nobody are the same.
#[test]
fn a_sender_with_and_without_its_name_is_one() {
    let bench = Bench::new();
    let (alice, _) = bench.join_with(member("alice"), None);
    for (i, identity) in [(1, ""), (2, "alice"), (3, "")] {
        let batch = batch(i * 1_000, &[(FREEZES, identity, 5.0)]);
        alice.on_metrics(batch, at(i as f64)).unwrap();
    }
    assert_eq!(bench.count("media_client_freezes_total", &[]), 5);
}

#[test]
fn a_longer_way_lets_nothing_late_count() {
    let bench = Bench::new();
    let (alice, _) = bench.join_with(member("alice"), None);
    for i in 1..=8i64 {
        let (sent_ms, total) = (i * 5_000, i as f32 * 100.0);
        let now = i as f64 * 5.0 + if i >= 4 { 0.3 } else { 0.0 };
        let batch = freezes(sent_ms, &[(sent_ms, total)]);
        alice.on_metrics(batch, at(now)).unwrap();
        if i >= 4 {
            let late = freezes(0, &[(sent_ms - 5_000, total - 100.0)]);
            alice.on_metrics(late, at(now + 0.01)).unwrap();
        }
    }
    assert_eq!(bench.count("media_client_clock_steps_total", &[]), 1);
    assert_eq!(bench.count("media_client_freezes_total", &[]), 800);
    assert_eq!(bench.count("media_client_resets_total", &[]), 0);
}

#[test]
fn a_round_trip_beyond_any_duration_is_counted_as_dropped() {
    let mut bench = Bench::new();
    let collect = |samples: &mut media_metrics_core::livekit::pipeline::Samples<'_>| {
        let _ = samples.subscriber_rtt(f32::MAX);
    };
    let host = Calls(collect, |_: &[u8]| Ok(()));
    let _alice = bench.room.join(member("alice"), host, START).unwrap();
    bench.run_until(10.0);
    let taken = bench.count("media_metrics_pipeline_samples_total", &[]);
    assert!(taken > 0);
    let dropped = "media_client_samples_dropped_total";
    assert_eq!(bench.count(dropped, &["out_of_range"]), taken);
}
