//! The fixed bytes of one family's message.
//!
//! Lives here: name, help, type and labels, laid out once; writing them with a snapshot's numbers between. Not here:
//! which families there are (the encoder), fields and their numbers (`messages`).
//!
//! A counter's or gauge's message ends in its value, eight bytes: all before them is fixed, lengths included. Of a
//! histogram the labels are fixed; the rest is filled into one message that is kept, and encoded.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use media_metrics_core::desc::Desc;
use media_metrics_core::histogram::{HistogramSnapshot, NativeBuckets, NativeLayout};
use media_metrics_core::snapshot::{FamilySchema, FamilySnapshot, Values};
use prost::Message;
use prost::encoding::{encode_varint, encoded_len_varint};

use super::exemplars;
use super::messages::{
    Bucket, BucketSpan, CounterStart, HISTOGRAM, Histogram, LabelPair, METRIC, Metric,
    MetricFamily, MetricType, Number, Timestamp,
};
use super::{MAX_NATIVE_BUCKETS, ZERO_THRESHOLD};
use crate::format::plans::{self, Plan};
use crate::format::{Escaping, Settings, escape, names};

/// The length of a number on the wire.
const NUMBER_BYTES: usize = 8;

/// What doesn't change in a family's message while its schema stays the same.
#[derive(Debug)]
pub(super) struct Family {
    schema: Arc<FamilySchema>,
    native: Option<NativeLayout>,
    names: Escaping,
    /// Whether its name is its own once it is escaped.
    placed: bool,
    /// The latest start of its series, if those are told.
    latest_start: Option<SystemTime>,
    /// The family's own fields, then each series' fixed bytes, end to end.
    fixed: Vec<u8>,
    /// Where the family's fields and each series' bytes end.
    ends: Vec<usize>,
}

impl Plan for Family {
    fn schema(&self) -> &Arc<FamilySchema> {
        &self.schema
    }

    fn latest_start(&self) -> Option<SystemTime> {
        self.latest_start
    }
}

/// Memory that is used again for each histogram.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    native: NativeBuckets,
    message: Histogram,
    /// Of a histogram with exemplars: its classic buckets and them, as they stand on the wire.
    exemplary: Vec<u8>,
}

impl Family {
    /// The message of `family`, whose values are of `now`; none, if it is not to be shown.
    pub(super) fn new(
        family: &FamilySnapshot,
        placed: bool,
        settings: &Settings,
        now: SystemTime,
    ) -> Self {
        let schema = family.schema();
        let names = settings.names;
        let mut plan = Self {
            schema: Arc::clone(schema),
            native: None,
            names,
            placed,
            latest_start: None,
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
        let desc = schema.desc();
        if !placed || !settings.shown.shows(desc, settings.names) {
            return plan;
        }
        if kind == MetricType::Counter {
            plan.latest_start = plans::latest_start(schema, now);
        }
        plan.native = desc
            .native_schema()
            .map(|schema| NativeLayout::new(desc.layout(), desc.recorded_per_unit(), schema));
        plan.push(&head(desc, kind, names).encode_to_vec());
        for series in 0..schema.len() {
            let label_names: Vec<&str> = schema.labels(series).map(|(name, _)| name).collect();
            let escaped = names::labels(&label_names, names, family.values());
            let pairs = escaped.into_iter().zip(schema.labels(series));
            let mut metric = Metric {
                label: pairs.map(pair).collect(),
                ..Metric::default()
            };
            let mut bytes = Vec::new();
            // The value is the last field of all, whatever its number, so that it can be cut off.
            match kind {
                MetricType::Counter => {
                    let start = plans::start(schema, series, now);
                    let created_timestamp = start.map(Timestamp::new);
                    let mut counter = CounterStart { created_timestamp }.encode_to_vec();
                    Number::ZERO.encode_raw(&mut counter);
                    metric.counter = Some(counter);
                }
                MetricType::Gauge => metric.gauge = Some(Number::ZERO),
                MetricType::Histogram => bytes = metric.encode_to_vec(),
            }
            if kind != MetricType::Histogram {
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

    pub(super) const fn is_placed(&self) -> bool {
        self.placed
    }

    fn push(&mut self, bytes: &[u8]) {
        self.fixed.extend_from_slice(bytes);
        self.ends.push(self.fixed.len());
    }

    /// Appends the family's message, of `now`, with its length before it; nothing, if no series has a value.
    pub(super) fn write(
        &self,
        values: &Values,
        now: SystemTime,
        scratch: &mut Scratch,
        page: &mut Vec<u8>,
    ) {
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
                for (at, (labels, histogram)) in chunks.zip(series).enumerate() {
                    self.fill(histogram, scratch);
                    let start = plans::start(&self.schema, at, now);
                    scratch.message.created_timestamp = start.map(Timestamp::new);
                    scratch.exemplary.clear();
                    if !histogram.exemplars().is_empty() {
                        scratch.message.bucket.clear();
                        let desc = self.schema.desc();
                        let out = &mut scratch.exemplary;
                        exemplars::write(histogram, desc, self.names, now, out);
                    }
                    write_metric(labels, scratch, page);
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
    fn fill(&self, histogram: &HistogramSnapshot, scratch: &mut Scratch) {
        let Scratch {
            native, message, ..
        } = scratch;
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
        // Room for as many as there can be: so that a new bucket of a warm series takes no memory.
        message.positive_span.reserve(MAX_NATIVE_BUCKETS);
        message.positive_delta.reserve(MAX_NATIVE_BUCKETS * 3); // two empty ones before each, at most
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
        name: Some(escape::family_name(desc.name(), names).into_owned()),
        help: Some(desc.help().to_owned()),
        r#type: Some(kind.into()),
        unit: (!unit.is_empty()).then(|| unit.to_owned()),
    }
}

fn pair((name, (_, value)): (Cow<'_, str>, (&str, &str))) -> LabelPair {
    LabelPair {
        name: Some(name.into_owned()),
        value: Some(value.to_owned()),
    }
}

/// `MetricFamily.metric` with these labels and the histogram that is in `scratch`.
fn write_metric(labels: &[u8], scratch: &Scratch, page: &mut Vec<u8>) {
    let Scratch {
        message, exemplary, ..
    } = scratch;
    let inner = message.encoded_len() + exemplary.len();
    let length = labels.len() + 1 + encoded_len_varint(inner as u64) + inner;
    page.push(METRIC);
    encode_varint(length as u64, page);
    page.extend_from_slice(labels);
    page.push(HISTOGRAM);
    encode_varint(inner as u64, page);
    message.encode_raw(page);
    page.extend_from_slice(exemplary);
}

/// Puts before what stands on the page from `start` how long it is.
pub(super) fn insert_length(page: &mut Vec<u8>, start: usize) {
    let length = page.len() - start;
    encode_varint(length as u64, page);
    let digits = page.len() - start - length;
    if let Some(message) = page.get_mut(start..) {
        message.rotate_right(digits);
    }
}
