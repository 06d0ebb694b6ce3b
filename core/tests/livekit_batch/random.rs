//! Batches of any shape, most of them wrong somewhere.

use media_metrics_core::livekit::messages::{
    EventMetric, MetricSample, MetricsBatch, TimeSeriesMetric, Timestamp,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Strings from a small stock, so that they meet; the empty one is among them.
pub(crate) const STOCK: [&str; 7] = ["", "PA_1", "PA_2", "TR_1", "q", "CustomMetric", "żółć"];

fn any_timestamp() -> BoxedStrategy<Option<Timestamp>> {
    let far = prop_oneof![
        Just(i64::MIN),
        Just(i64::MAX),
        Just(-62_135_596_800),
        any::<i64>()
    ];
    let seconds = prop_oneof![6 => -2_000_000_000_i64..2_000_000_000, 1 => far];
    let nanos = prop_oneof![6 => 0..1_000_000_000, 1 => any::<i32>()];
    let time = (seconds, nanos).prop_map(|(seconds, nanos)| Timestamp { seconds, nanos });
    option::weighted(0.9, time).boxed()
}

fn any_ms() -> BoxedStrategy<i64> {
    let edge = i64::MAX / 1_000_000;
    prop_oneof![
        8 => -10_000_000_000_000_i64..10_000_000_000_000,
        1 => Just(0),
        1 => prop_oneof![Just(edge), Just(edge + 1), Just(-edge), Just(-edge - 1), any::<i64>()],
    ]
    .boxed()
}

/// Without -0, which prost takes for the default and does not write.
fn any_value() -> BoxedStrategy<f32> {
    let odd = prop_oneof![
        Just(f32::NAN),
        Just(f32::INFINITY),
        Just(f32::NEG_INFINITY),
        Just(f32::MAX),
    ];
    prop_oneof![8 => -1e6_f32..1e6, 1 => odd].boxed()
}

fn any_sample() -> BoxedStrategy<MetricSample> {
    (any_ms(), any_timestamp(), any_value())
        .prop_map(|(timestamp_ms, normalized_timestamp, value)| MetricSample {
            timestamp_ms,
            normalized_timestamp,
            value,
        })
        .boxed()
}

/// A label: restricted, open, unassigned, in the table, and nowhere.
fn any_label() -> BoxedStrategy<u32> {
    prop_oneof![
        6 => 0..24_u32,
        1 => Just(4_095),
        5 => 4_096..4_108_u32,
        1 => any::<u32>(),
    ]
    .boxed()
}

/// An index: none, in the table, and nowhere.
fn any_index() -> BoxedStrategy<u32> {
    prop_oneof![3 => Just(0), 8 => 4_096..4_106_u32, 1 => 1..4_096_u32, 1 => any::<u32>()].boxed()
}

fn any_series() -> BoxedStrategy<TimeSeriesMetric> {
    (
        any_label(),
        any_index(),
        any_index(),
        any_index(),
        vec(any_sample(), 0..6),
    )
        .prop_map(
            |(label, participant_identity, track_sid, rid, samples)| TimeSeriesMetric {
                label,
                participant_identity,
                track_sid,
                samples,
                rid,
            },
        )
        .boxed()
}

fn any_event() -> BoxedStrategy<EventMetric> {
    let indexes = (any_label(), any_index(), any_index(), any_index());
    let times = (
        any_ms(),
        option::of(any_ms()),
        any_timestamp(),
        any_timestamp(),
    );
    (indexes, times, "[a-zß]{0,12}")
        .prop_map(
            |((label, identity, track_sid, rid), (start, end, at, until), metadata)| EventMetric {
                label,
                participant_identity: identity,
                track_sid,
                start_timestamp_ms: start,
                end_timestamp_ms: end,
                normalized_start_timestamp: at,
                normalized_end_timestamp: until,
                metadata,
                rid,
            },
        )
        .boxed()
}

/// Any batch at all.
pub(crate) fn any_batch() -> BoxedStrategy<MetricsBatch> {
    let strings = vec(
        prop::sample::select(&STOCK[..]).prop_map(str::to_owned),
        0..10,
    );
    let rows = (vec(any_series(), 0..12), vec(any_event(), 0..5));
    (any_ms(), any_timestamp(), strings, rows)
        .prop_map(
            |(timestamp_ms, normalized_timestamp, str_data, (time_series, events))| MetricsBatch {
                timestamp_ms,
                normalized_timestamp,
                str_data,
                time_series,
                events,
            },
        )
        .boxed()
}
