//! Wrong times, clocks that are set, ways that grow longer: with the timestamper's times. No series goes deaf, and
//! nothing late counts.

use media_metrics_core::livekit::Rules;
use media_metrics_core::livekit::config::TimestamperConfig;
use media_metrics_core::livekit::messages::{MetricsBatch, TimeSeriesMetric};
use media_metrics_core::livekit::timestamper::Timestamper;

use super::*;

const HOUR_MS: i64 = 3_600_000;

/// A sender whose batches are mapped to the server's time.
struct Mapped {
    bench: Bench,
    timestamper: Timestamper,
    start: ServerTime,
}

impl Mapped {
    fn new() -> Self {
        let bench = Bench::new();
        Self {
            start: bench.now,
            bench,
            timestamper: Timestamper::new(TimestamperConfig::default(), Rules::Corrected),
        }
    }

    /// A batch that the sender calls `sent_ms` comes at `at_ms`, with (time in ms, value) of freezes.
    fn say(&mut self, at_ms: u64, sent_ms: i64, samples: &[(i64, f32)]) {
        self.bench.now = self.start.after(Duration::from_millis(at_ms));
        let samples = samples.iter().map(|&(at, value)| sample(at, value));
        let mut batch = MetricsBatch {
            timestamp_ms: sent_ms,
            time_series: vec![TimeSeriesMetric {
                samples: samples.collect(),
                ..TimeSeriesMetric::default()
            }],
            ..MetricsBatch::default()
        };
        self.timestamper.normalise(&mut batch, self.bench.now);
        for row in &batch.time_series {
            self.bench.say_samples(FREEZES, "TR_1", &row.samples);
        }
    }

    fn freezes(&self) -> u64 {
        self.bench.counter("media_client_freezes_total", &[])
    }

    fn late(&self) -> u64 {
        self.bench.dropped("out_of_order")
    }
}

#[test]
fn a_batch_an_hour_ahead_costs_no_value() {
    let mut sender = Mapped::new();
    for i in 1..=60u32 {
        let at_ms = i64::from(i) * 10_000;
        let sent_ms = if i == 3 { at_ms + HOUR_MS } else { at_ms };
        sender.say(at_ms as u64, sent_ms, &[(sent_ms, i as f32)]);
        // It is known for what it is: the same once more is a duplicate.
        sender.say(at_ms as u64, sent_ms, &[(sent_ms, i as f32)]);
    }
    assert_eq!((sender.freezes(), sender.late()), (60, 0));
    assert_eq!(sender.bench.dropped("duplicate"), 60);
}

#[test]
fn a_sample_at_the_end_of_time_costs_no_value() {
    for wrong_ms in [2_001 + 1_001, 7_000_000_000_000, 7_500_000_000_000] {
        let mut sender = Mapped::new();
        sender.say(1_000, 1_000, &[(1_000, 1.0)]);
        sender.say(2_000, 2_000, &[(wrong_ms, 2.0), (2_000, 3.0)]);
        for i in 3..=60u32 {
            let at_ms = i64::from(i) * 1_000;
            sender.say(at_ms as u64, at_ms, &[(at_ms, (i + 1) as f32)]);
        }
        assert_eq!((sender.freezes(), sender.late()), (61, 0), "{wrong_ms}");
    }
}

/// Within a second the clocks may differ: what is as little ahead is a time like any other.
#[test]
fn what_is_ahead_by_a_second_is_followed_by_late_samples() {
    let mut sender = Mapped::new();
    sender.say(1_000, 1_000, &[(1_000, 1.0)]);
    sender.say(2_000, 2_000, &[(3_000, 2.0), (2_000, 3.0)]);
    assert_eq!((sender.freezes(), sender.late()), (2, 1));
}

/// A sender that never tells its own clock, so that no time is mapped: the silence ends after a minute.
#[test]
fn without_a_clock_a_wrong_time_silences_for_a_minute() {
    let mut sender = Mapped::new();
    sender.say(0, 0, &[(i64::MAX / 1_000_000, 1.0)]);
    for i in 1..=u64::from(SILENT_S) + 10 {
        sender.say(i * 1_000, 0, &[(i as i64 * 1_000, (i + 1) as f32)]);
    }
    assert_eq!(sender.late(), u64::from(SILENT_S) - 1);
    assert_eq!(sender.freezes(), u64::from(SILENT_S) + 11);
}

#[test]
fn a_clock_that_is_set_back_silences_for_as_long_as_that_is_doubted() {
    let mut sender = Mapped::new();
    for i in 0..60u32 {
        let at_ms = i64::from(i) * 5_000;
        let sent_ms = if i < 20 { at_ms + HOUR_MS } else { at_ms };
        sender.say(at_ms as u64, sent_ms, &[(sent_ms, i as f32)]);
    }
    // The estimator believes it after 10 s.
    assert_eq!((sender.freezes(), sender.late()), (59, 2));
    assert_eq!(sender.bench.resets(), 0);
}

/// The estimate steps, since the way grew longer; the sender's clock did not change, so late stays late.
#[test]
fn a_longer_way_lets_nothing_late_count() {
    let mut sender = Mapped::new();
    for i in 1..=12u64 {
        let way_ms = if i >= 4 { 300 } else { 0 };
        let (sent_ms, total) = (i as i64 * 5_000, i as f32 * 100.0);
        let at_ms = i * 5_000 + way_ms;
        let samples = [(sent_ms - 2_500, total - 50.0), (sent_ms, total)];
        sender.say(at_ms, sent_ms, &samples);
        if i >= 4 {
            sender.say(at_ms + 10, 0, &[(sent_ms - 5_000, total - 100.0)]);
        }
    }
    assert_eq!(sender.timestamper.diagnostics().steps, 1);
    assert_eq!((sender.freezes(), sender.late()), (1_200, 9));
    assert_eq!(sender.bench.resets(), 0);
}
