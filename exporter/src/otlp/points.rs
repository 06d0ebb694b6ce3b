//! One series' value as an OTLP data point.
//!
//! Lives here: numbers, both kinds of histogram, exemplars, and points that say that a series is over. Not here: the
//! metric around the points and the request around that (`encoder`), which series are over (`told`).

use media_metrics_core::desc::{Desc, Unit};
use media_metrics_core::exemplar::Exemplar as Sample;
use media_metrics_core::snapshot::FamilySchema;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::{
    DataPointFlags, Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, NumberDataPoint,
    exemplar, number_data_point::Value,
};

use super::buckets::Exponential;
use super::moment::Distribution;
use super::resource::attributes;
use super::times::{Starts, nanoseconds};

/// Of `DataPointFlags`: the point has no value, the series is over.
const OVER: u32 = DataPointFlags::NoRecordedValueMask as u32;

/// What every point of one series has, whatever it counts.
#[derive(Debug)]
pub(super) struct Stamp {
    attributes: Vec<KeyValue>,
    start: u64,
    now: u64,
}

impl Stamp {
    /// That of series `i` at `now`.
    pub(super) fn new(schema: &FamilySchema, i: usize, now: u64, starts: &mut Starts) -> Self {
        Self {
            attributes: attributes(schema.labels(i)),
            start: schema
                .created(i)
                .map_or(0, |created| starts.of(created, now)),
            now,
        }
    }

    /// A counter's total, of which `per_unit` make one.
    pub(super) fn total(self, total: u64, per_unit: f64) -> NumberDataPoint {
        NumberDataPoint {
            value: Some(number(total, per_unit)),
            ..self.number()
        }
    }

    /// A gauge's level. It has no beginning.
    pub(super) fn level(self, level: f64) -> NumberDataPoint {
        NumberDataPoint {
            start_time_unix_nano: 0,
            value: Some(Value::AsDouble(level)),
            ..self.number()
        }
    }

    /// A counter or gauge that is no more.
    pub(super) fn no_number(self) -> NumberDataPoint {
        NumberDataPoint {
            flags: OVER,
            ..self.number()
        }
    }

    /// A histogram in the buckets of its family's bounds.
    pub(super) fn explicit(self, desc: &Desc, of: &Distribution<Vec<u64>>) -> HistogramDataPoint {
        HistogramDataPoint {
            count: of.count,
            sum: of.sum,
            bucket_counts: of.buckets.clone(),
            explicit_bounds: desc.bounds().to_vec(),
            exemplars: exemplars(&of.exemplars),
            ..self.bounded()
        }
    }

    /// A histogram in the buckets of bounds that is no more.
    pub(super) fn no_explicit(self) -> HistogramDataPoint {
        HistogramDataPoint {
            flags: OVER,
            ..self.bounded()
        }
    }

    /// A histogram in exponential buckets.
    pub(super) fn exponential(
        self,
        of: &Distribution<Exponential>,
    ) -> ExponentialHistogramDataPoint {
        ExponentialHistogramDataPoint {
            count: of.count,
            sum: of.sum,
            scale: of.buckets.scale,
            zero_count: of.buckets.zero_count,
            positive: Some(of.buckets.positive.clone()),
            exemplars: exemplars(&of.exemplars),
            ..self.scaled()
        }
    }

    /// A histogram in exponential buckets that is no more.
    pub(super) fn no_exponential(self) -> ExponentialHistogramDataPoint {
        ExponentialHistogramDataPoint {
            flags: OVER,
            ..self.scaled()
        }
    }

    fn number(self) -> NumberDataPoint {
        NumberDataPoint {
            attributes: self.attributes,
            start_time_unix_nano: self.start,
            time_unix_nano: self.now,
            ..NumberDataPoint::default()
        }
    }

    fn bounded(self) -> HistogramDataPoint {
        HistogramDataPoint {
            attributes: self.attributes,
            start_time_unix_nano: self.start,
            time_unix_nano: self.now,
            ..HistogramDataPoint::default()
        }
    }

    fn scaled(self) -> ExponentialHistogramDataPoint {
        ExponentialHistogramDataPoint {
            attributes: self.attributes,
            start_time_unix_nano: self.start,
            time_unix_nano: self.now,
            ..ExponentialHistogramDataPoint::default()
        }
    }
}

/// A unit in UCUM, as OTLP has them. What is counted has none: `1` is a ratio's, and some receivers name it so.
pub(super) const fn ucum(unit: Unit) -> &'static str {
    match unit {
        Unit::Seconds => "s",
        Unit::Bytes => "By",
        Unit::Ratio => "1",
        // A unit that this format has no word for is left out.
        _ => "",
    }
}

/// Whole numbers stay whole up to 2^63.
fn number(total: u64, per_unit: f64) -> Value {
    match i64::try_from(total) {
        Ok(total) if per_unit == 1.0 => Value::AsInt(total),
        _ => Value::AsDouble(total as f64 / per_unit),
    }
}

fn exemplars(samples: &[Sample]) -> Vec<Exemplar> {
    samples.iter().map(exemplar).collect()
}

/// Labels `trace_id` and `span_id` have fields of their own, if they are what they say; the others are attributes.
fn exemplar(sample: &Sample) -> Exemplar {
    let mut exemplar = Exemplar {
        time_unix_nano: nanoseconds(sample.time()),
        value: Some(exemplar::Value::AsDouble(sample.value())),
        ..Exemplar::default()
    };
    let mut others = Vec::new();
    for (name, value) in sample.labels() {
        let field = match name {
            "trace_id" => Some((&mut exemplar.trace_id, 16)),
            "span_id" => Some((&mut exemplar.span_id, 8)),
            _ => None,
        };
        match field.and_then(|(field, length)| Some((field, bytes(value, length)?))) {
            Some((field, id)) => *field = id,
            None => others.push((name, value)),
        }
    }
    exemplar.filtered_attributes = attributes(others.into_iter());
    exemplar
}

/// `length` bytes in hexadecimal, not all 0.
fn bytes(hex: &str, length: usize) -> Option<Vec<u8>> {
    let digit = |c: char| c.to_digit(16).map(|digit| digit as u8);
    let digits: Vec<u8> = hex.chars().map(digit).collect::<Option<_>>()?;
    let is_id = digits.len() == 2 * length && digits.iter().any(|&digit| digit > 0);
    let byte = |pair: &[u8]| pair.iter().fold(0, |byte, digit| byte << 4 | digit);
    is_id.then(|| digits.chunks(2).map(byte).collect())
}
