//! A snapshot as JSON: every family with its series, in exposed units.
//!
//! Lives here: what of a family is told. Not here: Prometheus' formats (`format`).
//!
//! A counter has its total, a gauge its level (`null` if it has none now), a histogram count, sum, maximum and
//! quantiles (`null` without samples). A histogram with exact bounds knows no values, so it has its buckets instead.

use std::collections::BTreeMap;

use bytes::Bytes;
use media_metrics_core::desc::Desc;
use media_metrics_core::histogram::HistogramSnapshot;
use media_metrics_core::snapshot::{FamilySnapshot, Snapshot, Values};
use serde::Serialize;

use super::query::Question;
use super::to_json;
use crate::format::Filter;
use crate::wall::since_1970;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Whole<'a> {
    sequence: u64,
    /// Milliseconds since 1970.
    timestamp: f64,
    interval_seconds: f64,
    families: Vec<Family<'a>>,
}

#[derive(Debug, Serialize)]
struct Family<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    unit: &'static str,
    help: &'a str,
    series: Vec<Series<'a>>,
}

#[derive(Debug, Serialize)]
struct Series<'a> {
    labels: BTreeMap<&'a str, &'a str>,
    #[serde(flatten)]
    value: Value,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Value {
    Number { value: Option<f64> },
    Histogram(Distribution),
    Exact(Buckets),
}

#[derive(Debug, Serialize)]
struct Distribution {
    count: u64,
    sum: f64,
    p50: Option<f64>,
    p90: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
    p999: Option<f64>,
    max: Option<f64>,
}

/// Cumulative counts, by upper bound; that of all samples is `count`.
#[derive(Debug, Serialize)]
struct Buckets {
    count: u64,
    sum: f64,
    buckets: Vec<(f64, u64)>,
}

fn histogram(desc: &Desc, histogram: &HistogramSnapshot) -> Value {
    let count = histogram.count();
    if let Some(sum) = histogram.exact_sum() {
        let bounds = desc.bounds().iter().copied();
        return Value::Exact(Buckets {
            count,
            sum,
            buckets: bounds.zip(histogram.classic()).collect(),
        });
    }
    let exposed = |n: u64| n as f64 / desc.recorded_per_unit();
    let quantile = |q| histogram.quantile(q).map(exposed);
    Value::Histogram(Distribution {
        count,
        sum: exposed(histogram.sum()),
        p50: quantile(0.5),
        p90: quantile(0.9),
        p95: quantile(0.95),
        p99: quantile(0.99),
        p999: quantile(0.999),
        max: histogram.max().map(exposed),
    })
}

fn family(family: &FamilySnapshot) -> Family<'_> {
    let schema = family.schema();
    let desc = schema.desc();
    let value = |i: usize| match family.values() {
        Values::Counter(all) => {
            let exposed = |n: &u64| *n as f64 / desc.recorded_per_unit();
            Some(Value::Number {
                value: all.get(i).map(exposed),
            })
        }
        Values::Gauge(all) => Some(Value::Number {
            value: all.get(i).copied().flatten(),
        }),
        Values::Histogram(all) => all.get(i).map(|h| histogram(desc, h)),
        _ => None,
    };
    let series = (0..schema.len()).filter_map(|i| {
        let labels = schema.labels(i).collect();
        value(i).map(|value| Series { labels, value })
    });
    Family {
        name: desc.name(),
        kind: desc.kind().as_str(),
        unit: desc.exposed_unit().suffix(),
        help: desc.help(),
        series: series.collect(),
    }
}

/// The families that are shown and asked for.
pub(super) fn json(snapshot: &Snapshot, shown: &Filter, question: &Question) -> Bytes {
    let wanted = |name: &str| {
        shown.shows_name(name)
            && (question.names.is_empty() || question.names.iter().any(|n| n == name))
    };
    let families = snapshot.families().iter();
    to_json(&Whole {
        sequence: snapshot.sequence(),
        timestamp: since_1970(snapshot.time()).as_secs_f64() * 1e3,
        interval_seconds: snapshot.interval().as_secs_f64(),
        families: families
            .filter(|f| wanted(f.schema().desc().name()))
            .map(family)
            .collect(),
    })
}
