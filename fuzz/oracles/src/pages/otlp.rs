//! What OTLP's requests say, read with the official messages.
//!
//! Lives here: points as sentences, of requests and of the snapshot that they were made of. Not here: how requests are read (the
//! exporter's tests), in which bucket of an exponential histogram a sample is (`histograms`).

use std::time::SystemTime;

use media_metrics_core::desc::{Desc, Unit};
use media_metrics_core::exemplar::Exemplar as Sample;
use media_metrics_core::histogram::HistogramSnapshot;
use media_metrics_core::snapshot::{Snapshot, Values};
use media_metrics_exporter::otlp::{Encoder, Resource};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Exemplar, Metric, exemplar, number_data_point};

use crate::models::exporter::otlp::{read, text};

/// Every point is told as it is, whatever names, labels and numbers are; and none is told to have ended.
pub(super) fn requests(snapshot: &Snapshot) {
    let mut requests = Vec::new();
    let mut encoder = Encoder::new(Resource::new("fuzz")).max_bytes(Encoder::LEAST_MAX_BYTES);
    encoder.encode(snapshot, |request| requests.push(request));
    let got: Vec<String> = read(&requests).iter().flat_map(told).collect();
    assert_eq!(got, wanted(snapshot));
    let points: u64 = requests.iter().map(|request| request.points).sum();
    assert_eq!(points, got.len() as u64);
    // The same again: nothing has ended.
    let mut again = 0;
    encoder.encode(snapshot, |request| again += request.points);
    assert_eq!(again, points);
}

fn told(metric: &Metric) -> Vec<String> {
    let head = format!(
        "{:?} {:?} {:?}",
        metric.name, metric.description, metric.unit
    );
    let point = |attributes: &[KeyValue], flags: u32, value: String| {
        assert_eq!(flags, 0, "{metric:?}");
        format!("{head} {:?} {value}", text(attributes))
    };
    let number = |value: Option<number_data_point::Value>| match value.unwrap() {
        number_data_point::Value::AsInt(whole) => format!("{whole}"),
        number_data_point::Value::AsDouble(float) => format!("{float:?}"),
    };
    match metric.data.as_ref().unwrap() {
        Data::Sum(sum) => {
            assert!(sum.is_monotonic && sum.aggregation_temporality == 2);
            let points = sum.data_points.iter();
            points
                .map(|p| point(&p.attributes, p.flags, number(p.value)))
                .collect()
        }
        Data::Gauge(gauge) => {
            let points = gauge.data_points.iter();
            points
                .map(|p| point(&p.attributes, p.flags, number(p.value)))
                .collect()
        }
        Data::ExponentialHistogram(all) => {
            assert_eq!(all.aggregation_temporality, 2);
            let points = all.data_points.iter().map(|p| {
                let counts = &p.positive.as_ref().unwrap().bucket_counts;
                assert!(counts.len() <= 1_024, "{p:?}");
                assert_eq!(p.zero_count + counts.iter().sum::<u64>(), p.count, "{p:?}");
                let value = format!("{} {:?} {}", p.count, p.sum, exemplars(&p.exemplars));
                point(&p.attributes, p.flags, value)
            });
            points.collect()
        }
        Data::Histogram(all) => {
            assert_eq!(all.aggregation_temporality, 2);
            let points = all.data_points.iter().map(|p| {
                let buckets = format!("{:?} {:?}", p.explicit_bounds, p.bucket_counts);
                let exemplars = exemplars(&p.exemplars);
                let value = format!("{} {:?} {exemplars} {buckets}", p.count, p.sum);
                point(&p.attributes, p.flags, value)
            });
            points.collect()
        }
        Data::Summary(_) => panic!("{metric:?}"),
    }
}

fn exemplars(all: &[Exemplar]) -> String {
    let one = |e: &Exemplar| match e.value {
        Some(exemplar::Value::AsDouble(value)) => {
            let labels = text(&e.filtered_attributes);
            format!("{value:?} {labels:?} at {}", e.time_unix_nano)
        }
        _ => panic!("{e:?}"),
    };
    format!("{:?}", all.iter().map(one).collect::<Vec<_>>())
}

fn wanted(snapshot: &Snapshot) -> Vec<String> {
    let mut wanted = Vec::new();
    for family in snapshot.families() {
        let (schema, desc) = (family.schema(), family.schema().desc());
        let unit = match desc.exposed_unit() {
            Unit::Seconds => "s",
            Unit::Bytes => "By",
            Unit::Ratio => "1",
            _ => "",
        };
        let head = format!("{:?} {:?} {unit:?}", desc.name(), desc.help());
        for i in 0..schema.len() {
            let value = match family.values() {
                Values::Counter(totals) => total(desc, totals[i]),
                Values::Gauge(levels) => match levels[i] {
                    Some(level) => format!("{level:?}"),
                    None => continue,
                },
                Values::Histogram(all) => distribution(desc, &all[i]),
                _ => unreachable!("of these kinds snapshots are made"),
            };
            let labels: Vec<(&str, &str)> = schema.labels(i).collect();
            wanted.push(format!("{head} {labels:?} {value}"));
        }
    }
    wanted
}

/// Whole, if it fits.
fn total(desc: &Desc, total: u64) -> String {
    let per_unit = desc.recorded_per_unit();
    match total <= i64::MAX as u64 && per_unit == 1.0 {
        true => format!("{total}"),
        false => format!("{:?}", total as f64 / per_unit),
    }
}

fn distribution(desc: &Desc, of: &HistogramSnapshot) -> String {
    let sum = match of.exact_sum() {
        None => Some(of.sum() as f64 / desc.recorded_per_unit()),
        // With samples below zero a sum is none that only grows.
        Some(sum) if sum >= 0.0 && desc.bounds().iter().all(|&bound| bound >= 0.0) => Some(sum),
        Some(_) => None,
    };
    let label = |e: &Sample| {
        let labels: Vec<(&str, &str)> = e.labels().collect();
        let time = e.time().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        format!("{:?} {labels:?} at {}", e.value(), time.as_nanos())
    };
    let exemplars: Vec<String> = of.exemplars().iter().map(label).collect();
    let all = format!("{} {sum:?} {exemplars:?}", of.count());
    if desc.native_schema().is_some() {
        return all;
    }
    let upto: Vec<u64> = of.classic().collect();
    let below = [&[0], &upto[..]].concat();
    let buckets: Vec<u64> = upto
        .iter()
        .zip(below)
        .map(|(all, below)| all - below)
        .collect();
    format!("{all} {:?} {buckets:?}", desc.bounds())
}
