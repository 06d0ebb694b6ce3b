//! The fixed bytes of one family's message.
//!
//! Lives here: name, help, type and labels, laid out once; writing them with a snapshot's numbers between. Not here:
//! which families there are (the encoder), fields and their numbers (`messages`).
//!
//! A counter's or gauge's message ends in its value, eight bytes: all before them is fixed, lengths included. Of a
//! histogram labels and start are fixed; each has two chunks, and `histogram` writes what is behind them.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use media_metrics_core::desc::Desc;
use media_metrics_core::snapshot::{FamilySchema, FamilySnapshot, Values};
use prost::Message;
use prost::encoding::{encode_varint, encoded_len_varint};

use super::histogram::{Scratch, Shape};
use super::messages::{
    CounterStart, HISTOGRAM, HistogramStart, LabelPair, METRIC, Metric, MetricFamily, MetricType,
    Number, Timestamp,
};
use crate::format::chunks::Chunks;
use crate::format::plans::{self, Plan};
use crate::format::{Escaping, Settings, escape, names};

/// The length of a number on the wire.
const NUMBER_BYTES: usize = 8;

/// What doesn't change in a family's message while its schema stays the same.
#[derive(Debug)]
pub(super) struct Family {
    schema: Arc<FamilySchema>,
    /// Of histograms.
    shape: Option<Shape>,
    /// Whether the host shows it, under a name that is its own once it is escaped.
    on_page: bool,
    /// The latest start of its series, if those are told.
    latest_start: Option<SystemTime>,
    /// The family's own fields, then each series' fixed bytes: of a histogram, its labels and its start.
    fixed: Chunks,
}

impl Plan for Family {
    fn schema(&self) -> &Arc<FamilySchema> {
        &self.schema
    }

    fn latest_start(&self) -> Option<SystemTime> {
        self.latest_start
    }
}

impl Family {
    /// The message of `family`, whose values are of `now`; none, if it is not to be shown.
    pub(super) fn new(
        family: &FamilySnapshot,
        on_page: bool,
        settings: &Settings,
        now: SystemTime,
    ) -> Self {
        let schema = family.schema();
        let names = settings.names;
        let mut plan = Self {
            schema: Arc::clone(schema),
            shape: None,
            on_page,
            latest_start: None,
            fixed: Chunks::default(),
        };
        let kind = match family.values() {
            Values::Counter(_) => MetricType::Counter,
            Values::Gauge(_) => MetricType::Gauge,
            Values::Histogram(_) => MetricType::Histogram,
            // A kind of value that this format has no words for is left out.
            _ => return plan,
        };
        let desc = schema.desc();
        if !on_page || !settings.shown.wants(desc, names) {
            return plan;
        }
        if kind != MetricType::Gauge {
            plan.latest_start = plans::latest_start(schema, now);
        }
        plan.shape = (kind == MetricType::Histogram).then(|| Shape::new(desc, names));
        plan.push(&head(desc, kind, names).encode_to_vec());
        for series in 0..schema.len() {
            let label_names: Vec<&str> = schema.labels(series).map(|(name, _)| name).collect();
            let escaped = names::labels(&label_names, names, family.values());
            let pairs = escaped.into_iter().zip(schema.labels(series));
            let mut metric = Metric {
                label: pairs.map(pair).collect(),
                ..Metric::default()
            };
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
                MetricType::Histogram => {
                    let start = plans::start(schema, series, now);
                    let created_timestamp = start.map(Timestamp::new);
                    plan.push(&metric.encode_to_vec());
                    plan.push(&HistogramStart { created_timestamp }.encode_to_vec());
                    continue;
                }
            }
            let mut bytes = vec![METRIC];
            bytes.extend_from_slice(&metric.encode_length_delimited_to_vec());
            bytes.truncate(bytes.len() - NUMBER_BYTES);
            plan.push(&bytes);
        }
        plan.fixed.shrink();
        plan
    }

    pub(super) const fn is_on_page(&self) -> bool {
        self.on_page
    }

    fn push(&mut self, bytes: &[u8]) {
        self.fixed.open().extend_from_slice(bytes);
        self.fixed.close();
    }

    /// Appends the family's message, of `now`, with its length before it; nothing, if no series has a value.
    pub(super) fn write(
        &self,
        values: &Values,
        now: SystemTime,
        scratch: &mut Scratch,
        page: &mut Vec<u8>,
    ) {
        let mut chunks = self.fixed.iter();
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
                let (desc, shape) = (self.schema.desc(), self.shape.as_ref());
                for histogram in series {
                    let fixed = [chunks.next(), chunks.next()].map(Option::unwrap_or_default);
                    if let Some(shape) = shape {
                        shape.fill(histogram, desc, now, scratch);
                        write_metric(fixed, &scratch.bytes, page);
                    }
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

/// `MetricFamily.metric` with these labels, and a histogram with this start and these fields.
fn write_metric([labels, start]: [&[u8]; 2], fields: &[u8], page: &mut Vec<u8>) {
    let inner = start.len() + fields.len();
    let length = labels.len() + 1 + encoded_len_varint(inner as u64) + inner;
    page.push(METRIC);
    encode_varint(length as u64, page);
    page.extend_from_slice(labels);
    page.push(HISTOGRAM);
    encode_varint(inner as u64, page);
    page.extend_from_slice(start);
    page.extend_from_slice(fields);
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
