//! What a page of protobuf must say, made of the snapshot's values one by one; exemplars not included.
//!
//! Lives here: families and metrics as messages. Not here: the messages (`messages`).

use media_metrics_core::desc::{Desc, Kind};
use media_metrics_core::histogram::{HistogramSnapshot, NativeBuckets, Span};
use media_metrics_core::snapshot::{FamilySnapshot, Values};

use super::messages::{
    Bucket, BucketSpan, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, Timestamp,
};

pub(crate) fn expected(family: &FamilySnapshot) -> MetricFamily {
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
    if desc.native_schema().is_some() {
        let mut native = NativeBuckets::default();
        native.fill(of, 160);
        let span = |span: &Span| BucketSpan {
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
