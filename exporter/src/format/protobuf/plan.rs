//! The fixed bytes of one family's message.
//!
//! Lives here: name, help, type and labels, laid out once; writing them with a snapshot's numbers between. Not here:
//! which families there are (the encoder), fields and their numbers (`messages`).
//!
//! A counter's or gauge's message ends in its value, eight bytes: all before them is fixed, lengths included. Of a
//! histogram the labels are fixed; the rest is filled into one message that is kept, and encoded.

use std::sync::Arc;

use media_metrics_core::desc::Desc;
use media_metrics_core::histogram::{HistogramSnapshot, NativeBuckets, NativeLayout};
use media_metrics_core::snapshot::{FamilySchema, FamilySnapshot, Values};
use prost::Message;
use prost::encoding::{encode_varint, encoded_len_varint};

use super::MAX_NATIVE_BUCKETS;
use super::messages::{
    Bucket, BucketSpan, HISTOGRAM, Histogram, LabelPair, METRIC, Metric, MetricFamily, MetricType,
    Number,
};
use crate::format::escape;
use crate::format::negotiate::Escaping;
use crate::format::plans::Plan;

/// Up to it a value counts as zero: that of Prometheus' client libraries, 2^-128. No recorded value but 0 is below.
pub(crate) const ZERO_THRESHOLD: f64 = 2.938_735_877_055_719e-39;

/// The length of a number on the wire.
const NUMBER_BYTES: usize = 8;

/// What doesn't change in a family's message while its schema stays the same.
#[derive(Debug)]
pub(super) struct Family {
    schema: Arc<FamilySchema>,
    native: Option<NativeLayout>,
    /// The family's own fields, then each series' fixed bytes, end to end.
    fixed: Vec<u8>,
    /// Where the family's fields and each series' bytes end.
    ends: Vec<usize>,
}

impl Plan for Family {
    fn schema(&self) -> &Arc<FamilySchema> {
        &self.schema
    }
}

/// Memory that is used again for each histogram.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    native: NativeBuckets,
    message: Histogram,
}

impl Family {
    /// The message of `family`; none, if it is not `shown`.
    pub(super) fn new(family: &FamilySnapshot, names: Escaping, shown: bool) -> Self {
        let schema = family.schema();
        let mut plan = Self {
            schema: Arc::clone(schema),
            native: None,
            fixed: Vec::new(),
            ends: Vec::new(),
        };
        let kind = match family.values() {
            Values::Counter(_) => MetricType::Counter,
            Values::Gauge(_) => MetricType::Gauge,
            Values::Histogram(_) => MetricType::Histogram,
            // A kind of value that this format has no words for is left out.
            _ => return plan,
        };
        if !shown {
            return plan;
        }
        let desc = schema.desc();
        plan.native = desc
            .native_schema()
            .map(|schema| NativeLayout::new(desc.layout(), desc.recorded_per_unit(), schema));
        plan.push(&head(desc, kind, names).encode_to_vec());
        for series in 0..schema.len() {
            let label = schema.labels(series).map(|(name, value)| LabelPair {
                name: Some(escaped(name, names)),
                value: Some(value.to_owned()),
            });
            let zero = Some(Number { value: Some(0.0) });
            let metric = Metric {
                label: label.collect(),
                gauge: zero.filter(|_| kind == MetricType::Gauge),
                counter: zero.filter(|_| kind == MetricType::Counter),
            };
            let mut bytes = Vec::new();
            if kind == MetricType::Histogram {
                bytes.extend_from_slice(&metric.encode_to_vec());
            } else {
                bytes.push(METRIC);
                bytes.extend_from_slice(&metric.encode_length_delimited_to_vec());
                bytes.truncate(bytes.len() - NUMBER_BYTES);
            }
            plan.push(&bytes);
        }
        plan.fixed.shrink_to_fit();
        plan.ends.shrink_to_fit();
        plan
    }

    fn push(&mut self, bytes: &[u8]) {
        self.fixed.extend_from_slice(bytes);
        self.ends.push(self.fixed.len());
    }

    /// Appends the family's message with its length before it; nothing, if no series has a value.
    pub(super) fn write(&self, values: &Values, scratch: &mut Scratch, page: &mut Vec<u8>) {
        let mut chunks = self.chunks();
        let Some(head) = chunks.next() else { return };
        let start = page.len();
        page.extend_from_slice(head);
        let metrics = page.len();
        let per_unit = self.schema.desc().recorded_per_unit();
        match values {
            Values::Counter(totals) => {
                for (chunk, &total) in chunks.zip(totals) {
                    page.extend_from_slice(chunk);
                    page.extend_from_slice(&(total as f64 / per_unit).to_le_bytes());
                }
            }
            Values::Gauge(levels) => {
                for (chunk, level) in chunks.zip(levels) {
                    if let Some(level) = level {
                        page.extend_from_slice(chunk);
                        page.extend_from_slice(&level.to_le_bytes());
                    }
                }
            }
            Values::Histogram(series) => {
                for (labels, histogram) in chunks.zip(series) {
                    self.fill(histogram, scratch);
                    write_metric(labels, &scratch.message, page);
                }
            }
            _ => {}
        }
        if page.len() > metrics {
            insert_length(page, start);
        } else {
            page.truncate(start);
        }
    }

    fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map_while(move |&end| {
            let chunk = self.fixed.get(start..end);
            start = end;
            chunk
        })
    }

    /// Makes the kept message that of `histogram`.
    fn fill(&self, histogram: &HistogramSnapshot, Scratch { native, message }: &mut Scratch) {
        let desc = self.schema.desc();
        let sum = histogram
            .exact_sum()
            .unwrap_or_else(|| histogram.sum() as f64 / desc.recorded_per_unit());
        message.clear();
        message.sample_count = Some(histogram.count());
        message.sample_sum = Some(sum);
        let classic = desc.bounds().iter().zip(histogram.classic());
        message.bucket.extend(classic.map(|(&bound, count)| Bucket {
            cumulative_count: Some(count),
            upper_bound: Some(bound),
        }));
        let Some(layout) = &self.native else { return };
        native.fill(histogram, layout, MAX_NATIVE_BUCKETS);
        message.schema = Some(native.schema().into());
        message.zero_threshold = Some(ZERO_THRESHOLD);
        message.zero_count = Some(native.zero_count());
        let spans = native.spans().iter();
        message.positive_span.extend(spans.map(|span| BucketSpan {
            offset: Some(span.offset),
            length: Some(span.length),
        }));
        message.positive_delta.extend_from_slice(native.deltas());
    }
}

/// The family without its metrics.
fn head(desc: &Desc, kind: MetricType, names: Escaping) -> MetricFamily {
    let unit = desc.exposed_unit().suffix();
    MetricFamily {
        name: Some(escaped(desc.name(), names)),
        help: Some(desc.help().to_owned()),
        r#type: Some(kind.into()),
        unit: (!unit.is_empty()).then(|| unit.to_owned()),
    }
}

fn escaped(name: &str, names: Escaping) -> String {
    let mut out = Vec::new();
    escape::name(&mut out, name, names);
    String::from_utf8_lossy(&out).into_owned()
}

/// `MetricFamily.metric` with these labels and this histogram.
fn write_metric(labels: &[u8], histogram: &Histogram, page: &mut Vec<u8>) {
    let inner = histogram.encoded_len();
    let length = labels.len() + 1 + encoded_len_varint(inner as u64) + inner;
    page.push(METRIC);
    encode_varint(length as u64, page);
    page.extend_from_slice(labels);
    page.push(HISTOGRAM);
    encode_varint(inner as u64, page);
    histogram.encode_raw(page);
}

/// Puts before what stands on the page from `start` how long it is.
fn insert_length(page: &mut Vec<u8>, start: usize) {
    let length = page.len() - start;
    encode_varint(length as u64, page);
    let digits = page.len() - start - length;
    if let Some(message) = page.get_mut(start..) {
        message.rotate_right(digits);
    }
}
