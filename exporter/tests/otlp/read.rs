//! Requests, read back with the official messages.

use media_metrics_exporter::otlp::Request;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Metric, number_data_point};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;

/// One point, by what it says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) unit: String,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: Value,
}

/// Floats by their bits: NaN is not itself.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Whole(i64),
    Total(u64),
    Level(u64),
    Histogram {
        count: u64,
        sum: Option<u64>,
        zeros: u64,
    },
}

fn message(request: &Request) -> ExportMetricsServiceRequest {
    ExportMetricsServiceRequest::decode(&*request.body).unwrap()
}

/// The resource of a request.
pub(crate) fn resource(request: &Request) -> Resource {
    let [all] = &message(request).resource_metrics[..] else {
        panic!("one resource")
    };
    all.resource.clone().unwrap()
}

/// All metrics of all requests.
pub(crate) fn read(requests: &[Request]) -> Vec<Metric> {
    let mut metrics = Vec::new();
    for request in requests {
        for all in message(request).resource_metrics {
            let [scope] = <[_; 1]>::try_from(all.scope_metrics).unwrap();
            assert_eq!(scope.scope.unwrap().name, "media-metrics");
            metrics.extend(scope.metrics);
        }
    }
    metrics
}

/// Attributes that are texts.
pub(crate) fn text(attributes: &[KeyValue]) -> Vec<(&str, &str)> {
    let value = |a: &KeyValue| match a.value.as_ref().and_then(|v| v.value.as_ref()) {
        Some(any_value::Value::StringValue(_)) => {}
        other => panic!("{}: {other:?}", a.key),
    };
    attributes.iter().for_each(value);
    attributes
        .iter()
        .filter_map(|a| match &a.value.as_ref()?.value {
            Some(any_value::Value::StringValue(text)) => Some((a.key.as_str(), text.as_str())),
            _ => None,
        })
        .collect()
}

/// All points of all requests, in their order; counts of points are compared.
pub(crate) fn points(requests: &[Request]) -> Vec<Point> {
    let mut all = Vec::new();
    for metric in read(requests) {
        let point = |attributes: &[KeyValue], value| Point {
            name: metric.name.clone(),
            description: metric.description.clone(),
            unit: metric.unit.clone(),
            labels: text(attributes)
                .into_iter()
                .map(|(n, v)| (n.to_owned(), v.to_owned()))
                .collect(),
            value,
        };
        match metric.data.as_ref().unwrap() {
            Data::Sum(sum) => all.extend(sum.data_points.iter().map(|p| {
                let value = match p.value.unwrap() {
                    number_data_point::Value::AsInt(total) => Value::Whole(total),
                    number_data_point::Value::AsDouble(total) => Value::Total(total.to_bits()),
                };
                point(&p.attributes, value)
            })),
            Data::Gauge(gauge) => all.extend(gauge.data_points.iter().map(|p| match p.value {
                Some(number_data_point::Value::AsDouble(level)) => {
                    point(&p.attributes, Value::Level(level.to_bits()))
                }
                other => panic!("{other:?}"),
            })),
            Data::ExponentialHistogram(h) => all.extend(h.data_points.iter().map(|p| {
                let positive = p.positive.clone().unwrap();
                let in_buckets: u64 = p.zero_count + positive.bucket_counts.iter().sum::<u64>();
                assert_eq!(in_buckets, p.count);
                let value = Value::Histogram {
                    count: p.count,
                    sum: p.sum.map(f64::to_bits),
                    zeros: p.zero_count,
                };
                point(&p.attributes, value)
            })),
            other => panic!("{other:?}"),
        }
    }
    let counted: u64 = requests.iter().map(|request| request.points).sum();
    assert_eq!(counted, all.len() as u64);
    all
}
