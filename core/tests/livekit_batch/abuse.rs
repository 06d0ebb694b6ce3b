//! Batches that decode and mean no good: tables and strings without end, samples that are no numbers, times
//! that are none. The good rows of them are kept.

use allocation_counter::measure;
use media_metrics_core::livekit::batch::{Builder, Limits, MergeCounts, Restriction};
use media_metrics_core::livekit::messages::{
    EventMetric, MetricSample, MetricsBatch, TimeSeriesMetric, Timestamp,
};

use crate::hostile::full_batch;

#[test]
fn a_hundred_thousand_strings() {
    let mut batch = full_batch();
    batch.str_data = (0..100_000).map(|i| format!("string {i}")).collect();
    batch.time_series[0].track_sid = 4_096 + 99_999;
    batch.time_series[1].rid = 4_096 + 100_000;
    let mut builder = Builder::new(Restriction::none());
    let taken = measure(|| {
        let counts = builder.merge(&batch);
        assert_eq!((counts.rows, counts.fields_cleared), (3, 1));
    });
    // The table's translation is gone again, and of the strings only those in use are here.
    assert!(taken.bytes_max < 500_000, "{} bytes", taken.bytes_max);
    assert!(taken.bytes_current < 5_000, "{} bytes", taken.bytes_current);
    assert!(
        builder
            .to_batch()
            .str_data
            .contains(&"string 99999".to_owned())
    );

    // Each of them in use: the table fills up to its cap, and rows of known strings still come in.
    batch.time_series = (0..100_000)
        .map(|i| TimeSeriesMetric {
            label: 17,
            track_sid: 4_096 + i,
            samples: vec![MetricSample::default()],
            ..Default::default()
        })
        .collect();
    batch.time_series.push(TimeSeriesMetric {
        track_sid: 4_096,
        ..batch.time_series[0].clone()
    });
    let limits = Limits {
        table_bytes: 1_000,
        ..Limits::default()
    };
    let mut builder = Builder::new(Restriction::none()).with_limits(limits);
    let counts = builder.merge(&batch);
    let table: usize = builder.to_batch().str_data.iter().map(String::len).sum();
    assert!((990..=1_000).contains(&table), "{table}");
    let kept = builder.to_batch().time_series;
    assert_eq!(kept.last().unwrap().track_sid, kept[0].track_sid);
    assert_eq!(counts.rows + counts.rows_over_limit, 100_002);
}

#[test]
fn huge_strings_and_texts() {
    let mut batch = full_batch();
    batch.str_data.push("x".repeat(1 << 20));
    batch.time_series[1].rid = 4_100;
    batch.events[0].metadata = "ß".repeat(1 << 19);
    let mut builder = Builder::new(Restriction::none());
    let counts = builder.merge(&batch);
    let expected = MergeCounts {
        rows: 2,
        samples: 3,
        rows_string_too_long: 1,
        metadata_cut: 1,
        ..Default::default()
    };
    assert_eq!(counts, expected);
    let limits = Limits {
        metadata_bytes: 3,
        ..Limits::default()
    };
    let mut builder = Builder::new(Restriction::none()).with_limits(limits);
    builder.merge(&batch);
    assert_eq!(builder.to_batch().events[0].metadata, "ß");
}

#[test]
fn good_samples_of_a_bad_row_are_kept() {
    let sample = |timestamp_ms, value| MetricSample {
        timestamp_ms,
        value,
        ..Default::default()
    };
    let edge = i64::MAX / 1_000_000;
    let good = vec![sample(1, 1.0), sample(edge, 2.0), sample(-edge, 3.0)];
    let bad = [
        sample(0, f32::NAN),
        sample(0, f32::INFINITY),
        sample(0, f32::NEG_INFINITY),
        sample(edge + 1, 0.0),
        sample(i64::MIN, 0.0),
        MetricSample {
            normalized_timestamp: Some(Timestamp {
                seconds: i64::MAX,
                nanos: 0,
            }),
            ..sample(0, 0.0)
        },
        MetricSample {
            normalized_timestamp: Some(Timestamp {
                seconds: 0,
                nanos: -1,
            }),
            ..sample(0, 0.0)
        },
    ];
    let mut samples = vec![good[0]];
    samples.extend(bad);
    samples.extend(&good[1..]);
    let row = TimeSeriesMetric {
        label: 17,
        samples,
        ..Default::default()
    };
    let none = TimeSeriesMetric {
        samples: bad.to_vec(),
        ..row
    };
    let late = EventMetric {
        start_timestamp_ms: edge + 1,
        ..Default::default()
    };
    let endless = EventMetric {
        end_timestamp_ms: Some(i64::MIN),
        ..Default::default()
    };
    let batch = MetricsBatch {
        time_series: vec![row, none],
        events: vec![late, EventMetric::default(), endless],
        ..Default::default()
    };
    let mut builder = Builder::new(Restriction::none());
    let expected = MergeCounts {
        rows: 2,
        samples: 3,
        rows_no_samples: 1,
        rows_bad_time: 2,
        samples_non_finite: 6,
        samples_bad_time: 8,
        ..Default::default()
    };
    assert_eq!(builder.merge(&batch), expected);
    assert_eq!(builder.to_batch().time_series[0].samples, good);
}
