//! The messages of `io.prometheus.client`, as far as they are written here.
//!
//! Lives here: names, types and numbers of fields, from `metrics.proto` of Prometheus' `client_model`. Not here:
//! values.

use std::time::SystemTime;

use prost::Message;

use crate::wall::since_1970;

#[derive(Clone, PartialEq, Message)]
pub(super) struct LabelPair {
    #[prost(string, optional, tag = "1")]
    pub(super) name: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub(super) value: Option<String>,
}

/// A time: `google.protobuf.Timestamp`.
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Timestamp {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}

impl Timestamp {
    /// One before 1970 counts as 1970.
    pub(super) fn new(time: SystemTime) -> Self {
        let since = since_1970(time);
        Self {
            seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            nanos: since.subsec_nanos() as i32, // less than a billion
        }
    }
}

/// What of a counter doesn't change. Field 1 is the value: the encoder writes it.
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct CounterStart {
    #[prost(message, optional, tag = "3")]
    pub(super) created_timestamp: Option<Timestamp>,
}

/// A gauge, and what changes of a counter.
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Number {
    #[prost(double, optional, tag = "1")]
    pub(super) value: Option<f64>,
}

impl Number {
    pub(super) const ZERO: Self = Self { value: Some(0.0) };
}

/// What of a histogram doesn't change: field 15. The others, which do, are [`histogram`]'s: the encoder writes them.
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct HistogramStart {
    #[prost(message, optional, tag = "15")]
    pub(super) created_timestamp: Option<Timestamp>,
}

/// Field 7 is the histogram: what is in it changes, so the encoder writes it.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Metric {
    #[prost(message, repeated, tag = "1")]
    pub(super) label: Vec<LabelPair>,
    #[prost(message, optional, tag = "2")]
    pub(super) gauge: Option<Number>,
    /// A counter's message.
    #[prost(bytes = "vec", optional, tag = "3")]
    pub(super) counter: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(super) enum MetricType {
    Counter = 0,
    Gauge = 1,
    Histogram = 4,
}

/// Field 4 are the metrics: the encoder writes them one by one.
#[derive(Clone, PartialEq, Message)]
pub(super) struct MetricFamily {
    #[prost(string, optional, tag = "1")]
    pub(super) name: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub(super) help: Option<String>,
    #[prost(enumeration = "MetricType", optional, tag = "3")]
    pub(super) r#type: Option<i32>,
    #[prost(string, optional, tag = "5")]
    pub(super) unit: Option<String>,
}

/// The key of `MetricFamily.metric` on the wire: field 4, a message.
pub(super) const METRIC: u8 = 4 << 3 | 2;

/// The key of `Metric.histogram`: field 7, a message.
pub(super) const HISTOGRAM: u8 = 7 << 3 | 2;

/// Fields of `Histogram`.
pub(super) mod histogram {
    pub(in super::super) const SAMPLE_COUNT: u32 = 1;
    pub(in super::super) const SAMPLE_SUM: u32 = 2;
    /// Classic, cumulative; without `+Inf`, which is the count.
    pub(in super::super) const BUCKET: u32 = 3;
    pub(in super::super) const SCHEMA: u32 = 5;
    pub(in super::super) const ZERO_THRESHOLD: u32 = 6;
    pub(in super::super) const ZERO_COUNT: u32 = 7;
    /// `BucketSpan`s: an offset in field 1, a length in field 2.
    pub(in super::super) const POSITIVE_SPAN: u32 = 12;
    pub(in super::super) const POSITIVE_DELTA: u32 = 13;
    /// Those of native buckets.
    pub(in super::super) const EXEMPLARS: u32 = 16;
}

/// Fields of `Bucket`.
pub(super) mod bucket {
    pub(in super::super) const CUMULATIVE_COUNT: u32 = 1;
    pub(in super::super) const UPPER_BOUND: u32 = 2;
    pub(in super::super) const EXEMPLAR: u32 = 3;
}

/// Fields of `Exemplar`.
pub(super) mod exemplar {
    pub(in super::super) const LABEL: u32 = 1;
    pub(in super::super) const VALUE: u32 = 2;
    pub(in super::super) const TIMESTAMP: u32 = 3;
}

/// Fields of `LabelPair`.
pub(super) mod label {
    pub(in super::super) const NAME: u32 = 1;
    pub(in super::super) const VALUE: u32 = 2;
}
