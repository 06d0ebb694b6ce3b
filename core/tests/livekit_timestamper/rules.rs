//! Each field's edge cases, and what is counted.

use media_metrics_core::livekit::Rules::{self, Corrected, Reference};
use media_metrics_core::livekit::config::TimestamperConfig;
use media_metrics_core::livekit::messages::{
    EventMetric, MetricSample, MetricsBatch, TimeSeriesMetric, Timestamp,
};
use media_metrics_core::livekit::time::ServerTime;
use media_metrics_core::livekit::timestamper::{Diagnostics, Timestamper};

use crate::{NOW_MS, NS_PER_MS, at_ms, batch, eager, timestamper};

/// What a client claims that it has no way to know.
const FORGED: Option<Timestamp> = Some(Timestamp {
    seconds: 666,
    nanos: 6,
});

fn series(times_ms: &[i64]) -> TimeSeriesMetric {
    let sample = |&timestamp_ms: &i64| MetricSample {
        timestamp_ms,
        normalized_timestamp: FORGED,
        value: 1.0,
    };
    TimeSeriesMetric {
        samples: times_ms.iter().map(sample).collect(),
        ..TimeSeriesMetric::default()
    }
}

fn event(start_timestamp_ms: i64, end_timestamp_ms: Option<i64>) -> EventMetric {
    EventMetric {
        start_timestamp_ms,
        end_timestamp_ms,
        normalized_start_timestamp: FORGED,
        normalized_end_timestamp: FORGED,
        ..EventMetric::default()
    }
}

fn at(ms: i64) -> Option<Timestamp> {
    Some(at_ms(ms).timestamp())
}

/// A timestamper whose client's clock is [`NOW_MS`] behind ours.
fn synchronised(rules: Rules) -> Timestamper {
    let mut timestamper = timestamper(rules);
    timestamper.normalise(&mut batch(1), at_ms(NOW_MS + 1));
    timestamper
}

#[test]
fn ends_of_events() {
    for (rules, end_ms, expected) in [
        (Corrected, Some(30), at(NOW_MS + 30)),
        (Corrected, Some(0), at(NOW_MS)),
        (Corrected, None, None),
        (Reference, Some(30), at(NOW_MS + 30)),
        (Reference, Some(0), FORGED),
        (Reference, None, FORGED),
    ] {
        let mut batch = batch(50);
        batch.events.push(event(20, end_ms));
        synchronised(rules).normalise(&mut batch, at_ms(NOW_MS + 50));
        let event = &batch.events[0];
        assert_eq!(
            event.normalized_start_timestamp,
            at(NOW_MS + 20),
            "{rules:?} {end_ms:?}"
        );
        assert_eq!(
            event.normalized_end_timestamp, expected,
            "{rules:?} {end_ms:?}"
        );
        assert_eq!(
            (event.start_timestamp_ms, event.end_timestamp_ms),
            (20, end_ms)
        );
    }
}

#[test]
fn zero_and_negative_times_are_times_of_samples() {
    for rules in [Corrected, Reference] {
        let mut batch = batch(50);
        batch.time_series.push(series(&[0, -1, -NOW_MS - 1]));
        synchronised(rules).normalise(&mut batch, at_ms(NOW_MS + 50));
        let times: Vec<_> = batch.time_series[0]
            .samples
            .iter()
            .map(|s| s.normalized_timestamp)
            .collect();
        let before_1970 = Some(Timestamp {
            seconds: -1,
            nanos: 999_000_000,
        });
        assert_eq!(times, [at(NOW_MS), at(NOW_MS - 1), before_1970]);
    }
}

#[test]
fn before_the_first_time_nothing_is_known() {
    let mut timestamper = timestamper(Corrected);
    let untimed = MetricsBatch {
        normalized_timestamp: FORGED,
        time_series: vec![series(&[5])],
        events: vec![event(5, Some(6))],
        ..MetricsBatch::default()
    };
    for _ in 0..3 {
        let mut batch = untimed.clone();
        let done = timestamper.normalise(&mut batch, at_ms(NOW_MS));
        assert_eq!(
            (done.offset_ns, done.ran, done.rejected_time),
            (None, false, false)
        );
        assert_eq!(batch.normalized_timestamp, None);
        assert_eq!(batch.time_series[0].samples[0].normalized_timestamp, None);
        let event = &batch.events[0];
        assert_eq!(event.normalized_start_timestamp, None);
        assert_eq!(event.normalized_end_timestamp, None);
    }
    let done = timestamper.normalise(&mut batch(1_000), at_ms(NOW_MS));
    assert!(done.ran, "the first batch with a time runs, at once");
    let mut later = untimed;
    timestamper.normalise(&mut later, at_ms(NOW_MS));
    let sample = later.time_series[0].samples[0];
    assert_eq!(sample.normalized_timestamp, at(NOW_MS - 1_000 + 5));
    let told = Diagnostics {
        estimate_ns: Some((NOW_MS - 1_000) * NS_PER_MS),
        runs: 1,
        unmapped_batches: 3,
        ..Diagnostics::default()
    };
    assert_eq!(timestamper.diagnostics(), told);
}

#[test]
fn rows_off_the_clock_are_dropped_and_good_ones_stay() {
    // The last ms of the sender's clock, and the last one that is on ours, too.
    let last_ms = i64::MAX / NS_PER_MS;
    let last_mapped_ms = last_ms - NOW_MS;
    let mut batch = MetricsBatch {
        timestamp_ms: 50,
        time_series: vec![
            series(&[1, i64::MAX, last_mapped_ms, last_mapped_ms + 1, 2]),
            series(&[i64::MIN, last_ms]),
            series(&[]),
        ],
        events: vec![
            event(1, None),
            event(i64::MAX, None),
            event(1, Some(i64::MIN)),
            event(last_mapped_ms + 1, Some(1)),
            event(2, Some(3)),
        ],
        ..MetricsBatch::default()
    };
    let mut timestamper = synchronised(Corrected);
    let done = timestamper.normalise(&mut batch, at_ms(NOW_MS + 50));
    assert_eq!(
        (
            done.dropped_samples,
            done.dropped_series,
            done.dropped_events
        ),
        (4, 1, 3)
    );
    assert!(!done.rejected_time);
    let kept: Vec<i64> = batch.time_series[0]
        .samples
        .iter()
        .map(|s| s.timestamp_ms)
        .collect();
    assert_eq!(kept, [1, last_mapped_ms, 2]);
    assert_eq!(
        batch.time_series.len(),
        2,
        "a series that came empty is no concern of ours"
    );
    assert_eq!(
        batch.events,
        [
            EventMetric {
                normalized_start_timestamp: at(NOW_MS + 1),
                normalized_end_timestamp: None,
                ..event(1, None)
            },
            EventMetric {
                normalized_start_timestamp: at(NOW_MS + 2),
                normalized_end_timestamp: at(NOW_MS + 3),
                ..event(2, Some(3))
            },
        ]
    );
}

#[test]
fn a_batch_time_off_the_clock_is_refused_and_the_rows_are_mapped() {
    for wrong_ms in [
        i64::MIN,
        i64::MAX,
        i64::MAX / NS_PER_MS + 1,
        i64::MIN / NS_PER_MS - 1,
    ] {
        let mut timestamper = eager_and_synchronised();
        let mut batch = MetricsBatch {
            timestamp_ms: wrong_ms,
            normalized_timestamp: FORGED,
            time_series: vec![series(&[20])],
            ..MetricsBatch::default()
        };
        let done = timestamper.normalise(&mut batch, at_ms(NOW_MS + 50));
        assert!(done.rejected_time && !done.ran, "{wrong_ms}");
        assert_eq!(batch.normalized_timestamp, None, "{wrong_ms}");
        let sample = batch.time_series[0].samples[0];
        assert_eq!(sample.normalized_timestamp, at(NOW_MS + 20), "{wrong_ms}");
        assert_eq!(timestamper.diagnostics().rejected_times, 1);
    }
}

fn eager_and_synchronised() -> Timestamper {
    let mut timestamper = eager(Corrected);
    timestamper.normalise(&mut batch(1), at_ms(NOW_MS + 1));
    timestamper
}

#[test]
fn the_reference_wraps() {
    let mut timestamper = timestamper(Reference);
    let mut wild = MetricsBatch {
        timestamp_ms: i64::MAX,
        time_series: vec![series(&[i64::MAX, i64::MIN])],
        events: vec![event(i64::MIN, Some(i64::MAX))],
        ..MetricsBatch::default()
    };
    let done = timestamper.normalise(&mut wild, at_ms(NOW_MS));
    assert_eq!((done.dropped_samples, done.dropped_events), (0, 0));
    // i64::MAX * 10^6 is -10^6 in 64 bits, so the estimate is a millisecond more than now.
    assert_eq!(done.offset_ns, Some((NOW_MS + 1) * NS_PER_MS));
    assert_eq!(wild.normalized_timestamp, at(NOW_MS));
    assert_eq!(
        wild.time_series[0].samples[1].normalized_timestamp,
        at(NOW_MS + 1)
    );
}

/// A limit of 0 or less on batches, or an interval of 0: every batch with a time runs.
#[test]
fn limits_of_zero_run_on_every_batch() {
    let default = TimestamperConfig::default();
    for (min_interval, max_batches, runs) in [
        (default.min_interval, 0, 10),
        (default.min_interval, i64::MIN, 10),
        (std::time::Duration::ZERO, i64::MAX, 10),
        (default.min_interval, 1, 10),
        (default.min_interval, 2, 5),
        (default.min_interval, i64::MAX, 1),
        (std::time::Duration::MAX, 4, 3),
    ] {
        let config = TimestamperConfig {
            min_interval,
            max_batches,
        };
        for rules in [Corrected, Reference] {
            let mut timestamper = Timestamper::new(config, rules);
            let ran: u64 = (1..=10)
                .map(|i| u64::from(timestamper.normalise(&mut batch(i), at_ms(NOW_MS + i)).ran))
                .sum();
            assert_eq!(ran, runs, "{config:?} {rules:?}");
            assert_eq!(timestamper.diagnostics().runs, runs);
        }
    }
}

/// Between runs nothing checks a batch's time; it may still not hold up those after it.
#[test]
fn one_time_ahead_holds_up_nobody() {
    let mut timestamper = synchronised(Corrected);
    let mut ahead = batch(3_600_000);
    let done = timestamper.normalise(&mut ahead, at_ms(NOW_MS + 1_000));
    assert!(!done.ran && done.rejected_time);
    assert_eq!(ahead.normalized_timestamp, at(NOW_MS + 1_000));
    let mut next = batch(1_100);
    let done = timestamper.normalise(&mut next, at_ms(NOW_MS + 1_101));
    assert!(!done.rejected_time);
    assert_eq!(next.normalized_timestamp, at(NOW_MS + 1_100));
    let mut back = batch(900);
    timestamper.normalise(&mut back, at_ms(NOW_MS + 1_200));
    assert_eq!(
        back.normalized_timestamp,
        at(NOW_MS + 1_100),
        "never before an earlier batch"
    );
}

/// A clock that begins far below 0 puts "no time" into the future; that is nobody's fault.
#[test]
fn no_time_is_not_a_time_ahead() {
    let mut timestamper = timestamper(Corrected);
    timestamper.normalise(&mut batch(-5_000), at_ms(NOW_MS));
    let mut untimed = batch(0);
    let done = timestamper.normalise(&mut untimed, at_ms(NOW_MS + 10));
    assert_eq!(
        (done.offset_ns, done.rejected_time),
        (Some((NOW_MS + 5_000) * NS_PER_MS), false)
    );
    assert_eq!(untimed.normalized_timestamp, at(NOW_MS + 10));
}

#[test]
fn steps_and_rejected_times_are_counted() {
    let mut timestamper = timestamper(Corrected);
    // +100 ms from the third report on, then a single time of an hour ahead, then five minutes ahead for good.
    let delays_ms = [
        0, 0, 100, 100, 100, 100, -3_600_000, 100, -300_000, -300_000,
    ];
    for (i, delay_ms) in (0..).zip(delays_ms) {
        let now_ms = NOW_MS + 5_000 * i;
        timestamper.normalise(&mut batch(now_ms - delay_ms), at_ms(now_ms));
    }
    let told = Diagnostics {
        estimate_ns: Some(-300_000 * NS_PER_MS),
        runs: 10,
        steps: 2,
        rejected_times: 2,
        unmapped_batches: 0,
    };
    assert_eq!(timestamper.diagnostics(), told);
}

#[test]
fn normalising_does_not_allocate() {
    for rules in [Corrected, Reference] {
        let mut timestamper = synchronised(rules);
        let mut batch = MetricsBatch {
            timestamp_ms: 5_000,
            time_series: vec![series(&[1, i64::MAX, 2]); 20],
            events: vec![event(1, Some(2)), event(i64::MAX, None)],
            ..MetricsBatch::default()
        };
        let allocated = allocation_counter::measure(|| {
            timestamper.normalise(&mut batch, at_ms(NOW_MS + 5_001));
        });
        assert_eq!(allocated.count_total, 0, "{rules:?}");
    }
}

#[test]
fn both_ends_of_every_time() {
    let ends = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX];
    for rules in [Corrected, Reference] {
        let mut timestamper = eager(rules);
        for i in 0..2_401 {
            let mut batch = MetricsBatch {
                timestamp_ms: ends[i % 7],
                time_series: vec![series(&ends)],
                events: ends.map(|end| event(end, Some(ends[i % 7]))).to_vec(),
                ..MetricsBatch::default()
            };
            let done = timestamper.normalise(&mut batch, ServerTime::from_ns(ends[i / 7 % 7]));
            let kept: usize = batch.time_series.iter().map(|s| s.samples.len()).sum();
            assert_eq!(kept as u64 + done.dropped_samples, 7);
            assert_eq!(batch.events.len() as u64 + done.dropped_events, 7);
        }
    }
}
