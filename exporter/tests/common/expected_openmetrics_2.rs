//! What a page of OpenMetrics 2.0 must say, made of the snapshot's values one by one; exemplars not included.
//!
//! Lives here: families and samples as the strict reader gives them. Not here: reading (`openmetrics_2`).

use std::time::SystemTime;

use media_metrics_core::desc::Desc;
use media_metrics_core::histogram::{HistogramSnapshot, NativeBuckets};
use media_metrics_core::snapshot::{FamilySnapshot, Values};

use super::openmetrics_2::{Family, Histogram, Native, Sample, Value};

pub(crate) fn seconds(time: SystemTime) -> f64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    since.as_millis() as f64 / 1e3
}

fn histogram(desc: &Desc, of: &HistogramSnapshot) -> Histogram {
    let native = desc.native_schema().map(|_| {
        let mut buckets = NativeBuckets::default();
        buckets.fill(of, 160);
        let mut deltas = buckets.deltas().iter();
        let (mut index, mut count) = (0_i64, 0_i64);
        let mut counts = Vec::new();
        for span in buckets.spans() {
            index += i64::from(span.offset);
            for _ in 0..span.length {
                count += deltas.next().unwrap();
                counts.push((index, count as f64));
                index += 1;
            }
        }
        Native {
            schema: buckets.schema().into(),
            zero_threshold: 2_f64.powi(-128),
            zero_count: buckets.zero_count() as f64,
            buckets: counts,
        }
    });
    let bounds = desc.bounds().iter().chain(&[f64::INFINITY]);
    Histogram {
        count: of.count() as f64,
        sum: of
            .exact_sum()
            .unwrap_or(of.sum() as f64 / desc.recorded_per_unit()),
        native,
        classic: bounds
            .copied()
            .zip(of.classic().map(|n| n as f64))
            .collect(),
    }
}

pub(crate) fn expected(family: &FamilySnapshot) -> Family {
    let (schema, desc) = (family.schema(), family.schema().desc());
    let value = |i: usize| match family.values() {
        Values::Counter(v) => Some(Value::Number(v[i] as f64 / desc.recorded_per_unit())),
        Values::Gauge(v) => v[i].map(|level| Value::Number(level + 0.0)),
        Values::Histogram(v) => Some(Value::Histogram(histogram(desc, &v[i]))),
        _ => unreachable!(),
    };
    let starts = !matches!(family.values(), Values::Gauge(_));
    let sample = |i: usize| {
        Some(Sample {
            name: desc.name().to_owned(),
            labels: schema
                .labels(i)
                .map(|(n, v)| (n.to_owned(), v.to_owned()))
                .collect(),
            value: value(i)?,
            start: schema.created(i).map(seconds).filter(|_| starts),
            exemplars: Vec::new(),
        })
    };
    let unit = desc.exposed_unit().suffix();
    Family {
        name: desc.name().to_owned(),
        kind: match family.values() {
            Values::Counter(_) => "counter",
            Values::Gauge(_) => "gauge",
            _ => "histogram",
        }
        .to_owned(),
        unit: (!unit.is_empty()).then(|| unit.to_owned()),
        help: Some(desc.help().to_owned()),
        samples: (0..schema.len()).filter_map(sample).collect(),
    }
}
