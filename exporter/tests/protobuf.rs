//! Whatever a snapshot holds survives protobuf: names, help, labels, values, order, and nothing is added.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod common;

use common::messages::{
    Bucket, BucketSpan, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, Timestamp, read,
};
use common::random::{build, families};
use media_metrics_core::Registry;
use media_metrics_core::desc::{Desc, Kind, Unit};
use media_metrics_core::histogram::{HistogramSnapshot, NativeBuckets, NativeLayout};
use media_metrics_core::snapshot::{Builder, FamilySnapshot, Snapshot, Values};
use media_metrics_exporter::protobuf::Encoder;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn encode(encoder: &mut Encoder, snapshot: &Snapshot) -> Vec<u8> {
    let mut page = vec![b'x'; 10]; // what was there must go
    encoder.encode(snapshot, &mut page);
    page
}

fn expected(family: &FamilySnapshot) -> MetricFamily {
    let desc = family.schema().desc();
    let mut metrics = Vec::new();
    for i in 0..family.schema().len() {
        let label = family.schema().labels(i).map(|(name, value)| LabelPair {
            name: name.to_owned(),
            value: value.to_owned(),
        });
        let start = family.schema().created(i).map(Timestamp::from);
        let mut metric = Metric {
            label: label.collect(),
            ..Metric::default()
        };
        match family.values() {
            Values::Counter(v) => {
                let value = Some(v[i] as f64 / desc.recorded_per_unit());
                metric.counter = Some(Counter {
                    value,
                    created_timestamp: start,
                    ..Counter::default()
                });
            }
            Values::Gauge(v) if v[i].is_some() => metric.gauge = Some(Gauge { value: v[i] }),
            Values::Gauge(_) => continue,
            Values::Histogram(v) => {
                let mut histogram = histogram(desc, &v[i]);
                histogram.created_timestamp = start;
                metric.histogram = Some(histogram);
            }
            _ => unreachable!(),
        }
        metrics.push(metric);
    }
    MetricFamily {
        name: desc.name().to_owned(),
        help: desc.help().to_owned(),
        kind: Some(match desc.kind() {
            Kind::Counter => 0,
            Kind::Gauge => 1,
            _ => 4,
        }),
        metric: metrics,
        unit: desc.exposed_unit().suffix().to_owned(),
    }
}

fn histogram(desc: &Desc, of: &HistogramSnapshot) -> Histogram {
    let bucket = |(&bound, count): (&f64, u64)| Bucket {
        cumulative_count: Some(count),
        upper_bound: Some(bound),
        ..Bucket::default()
    };
    let mut expected = Histogram {
        sample_count: Some(of.count()),
        sample_sum: Some(
            of.exact_sum()
                .unwrap_or(of.sum() as f64 / desc.recorded_per_unit()),
        ),
        bucket: desc.bounds().iter().zip(of.classic()).map(bucket).collect(),
        ..Histogram::default()
    };
    if let Some(schema) = desc.native_schema() {
        let layout = NativeLayout::new(desc.layout(), desc.recorded_per_unit(), schema);
        let mut native = NativeBuckets::default();
        native.fill(of, &layout, 160);
        let span = |span: &media_metrics_core::histogram::Span| BucketSpan {
            offset: Some(span.offset),
            length: Some(span.length),
        };
        expected.schema = Some(native.schema().into());
        expected.zero_threshold = Some(2_f64.powi(-128));
        expected.zero_count = Some(native.zero_count());
        expected.positive_span = native.spans().iter().map(span).collect();
        expected.positive_delta = native.deltas().to_vec();
    }
    expected
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn what_goes_in_comes_out(plans in families()) {
        let snapshot = build(&plans);
        let mut expected: Vec<MetricFamily> = snapshot.families().iter().map(expected).collect();
        expected.retain(|f| !f.metric.is_empty()); // without a value there is nothing to say
        let got = read(&encode(&mut Encoder::new(), &snapshot));
        // By its text: NaN is not itself.
        prop_assert_eq!(format!("{got:?}"), format!("{expected:?}"));
    }

    /// An encoder that has seen anything writes what a new one writes.
    #[test]
    fn what_was_seen_before_leaves_no_trace(all in vec(families(), 1..5)) {
        let snapshots: Vec<_> = all.iter().map(|plans| build(plans)).collect();
        let mut old = Encoder::new();
        for snapshot in snapshots.iter().chain(&snapshots).chain(snapshots.iter().rev()) {
            prop_assert_eq!(encode(&mut old, snapshot), encode(&mut Encoder::new(), snapshot));
        }
    }
}

/// A message of each length that takes another digit, and one digit more.
#[test]
fn lengths_of_any_size() {
    for length in [
        0, 90, 100, 110, 120, 130, 16_300, 16_384, 16_400, 2_097_100, 2_097_160,
    ] {
        let desc = Desc::dynamic(Kind::Counter, "a_total".into(), "h".repeat(length));
        let snapshot = Builder::new()
            .counter(&desc, &[(&[], 1)])
            .counter(&Desc::counter("b_total", "B."), &[(&[], 2)]);
        let got = read(&encode(&mut Encoder::new(), &snapshot.build()));
        let helps: Vec<usize> = got.iter().map(|f| f.help.len()).collect();
        assert_eq!(helps, [length, 2]);
    }
}

#[test]
fn histograms_whose_bounds_are_law_have_no_native_buckets() {
    let registry = Registry::new().unwrap();
    let exact = Desc::exact_histogram("exact", "E.", &[-1.0, 2.5]);
    let exact = registry.exact_histogram(&exact, &[]).unwrap();
    [-3.0, 2.5, 7.25].into_iter().for_each(|v| exact.record(v));
    let classic = Desc::histogram("classic_seconds", "C.", &[1.0]).unit(Unit::Seconds);
    let classic = registry.histogram(&classic.classic_only(), &[]).unwrap();
    classic.record(1);
    let page = encode(&mut Encoder::new(), &registry.collect());
    let families = read(&page);
    let of = |name: &str| {
        let family = families.iter().find(|f| f.name == name).unwrap();
        family.metric[0].histogram.clone().unwrap()
    };
    let (exact, classic) = (of("exact"), of("classic_seconds"));
    assert_eq!(
        (exact.sample_count, exact.sample_sum),
        (Some(3), Some(6.75))
    );
    let buckets: Vec<_> = exact
        .bucket
        .iter()
        .map(|b| (b.upper_bound, b.cumulative_count))
        .collect();
    assert_eq!(buckets, [(Some(-1.0), Some(1)), (Some(2.5), Some(2))]);
    for histogram in [exact, classic] {
        let native = (
            histogram.schema,
            histogram.zero_threshold,
            histogram.zero_count,
        );
        assert_eq!(native, (None, None, None));
        assert!(histogram.positive_span.is_empty() && histogram.positive_delta.is_empty());
    }
}

#[test]
fn families_that_are_not_shown_leave_no_message() {
    let snapshot = Builder::new()
        .counter(&Desc::counter("a_total", "A."), &[(&[], 1)])
        .counter(&Desc::counter("b_total", "B."), &[(&[], 1)]);
    let page = encode(
        &mut Encoder::only(|name| name == "b_total"),
        &snapshot.build(),
    );
    let names: Vec<String> = read(&page).into_iter().map(|f| f.name).collect();
    assert_eq!(names, ["b_total"]);
}
