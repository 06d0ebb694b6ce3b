//! A histogram's message, written in one go.
//!
//! Lives here: its bytes, field by field, without a message to be filled, measured and encoded: that would cost more
//! than the numbers do, and allocate for exemplars. Not here: the fields' numbers and those parts that are written once
//! (`messages`, `plan`), which exemplar belongs to which bucket (`format::exemplar`).
//!
//! A histogram with native buckets has its exemplars twice: older scrapers look for them in classic buckets, newer ones
//! beside native buckets.

use std::time::SystemTime;

use media_metrics_core::desc::Desc;
use media_metrics_core::exemplar::Exemplar;
use media_metrics_core::histogram::{HistogramSnapshot, NativeBuckets};
use prost::Message;
use prost::encoding::{WireType, encode_varint};

use super::messages::Timestamp;
use super::messages::{bucket, exemplar as field, histogram as of, label};
use crate::format::native::{MAX_NATIVE_BUCKETS, ZERO_THRESHOLD};
use crate::format::number::exposed_sum;
use crate::format::{Escaping, exemplar};

/// The length of an `f64` on the wire with its key before it.
const DOUBLE_BYTES: usize = 9;

/// What doesn't change of a family's histograms.
#[derive(Debug)]
pub(super) struct Shape {
    has_native: bool,
    /// The field `Bucket.upper_bound` of each classic bucket, without that of `+Inf`.
    bounds: Vec<[u8; DOUBLE_BYTES]>,
    names: Escaping,
}

/// Memory that is used again for each histogram.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    native: NativeBuckets,
    /// The message.
    pub(super) bytes: Vec<u8>,
}

impl Shape {
    pub(super) fn new(desc: &Desc, names: Escaping) -> Self {
        Self {
            has_native: desc.native_schema().is_some(),
            bounds: desc
                .bounds()
                .iter()
                .map(|&bound| upper_bound(bound))
                .collect(),
            names,
        }
    }

    /// Makes the message in `scratch` that of `histogram`, of a family of this shape.
    pub(super) fn fill(
        &self,
        histogram: &HistogramSnapshot,
        desc: &Desc,
        now: SystemTime,
        scratch: &mut Scratch,
    ) {
        let Scratch { native, bytes } = scratch;
        bytes.clear();
        let sum = exposed_sum(histogram, desc.recorded_per_unit());
        integer(bytes, of::SAMPLE_COUNT, histogram.count());
        double(bytes, of::SAMPLE_SUM, sum);
        if histogram.exemplars().is_empty() {
            for (bound, count) in self.bounds.iter().zip(histogram.classic()) {
                nested(bytes, of::BUCKET, |bytes| {
                    integer(bytes, bucket::CUMULATIVE_COUNT, count);
                    bytes.extend_from_slice(bound);
                });
            }
        } else {
            self.exemplary(histogram, desc, now, bytes);
        }
        if self.has_native {
            native.fill(histogram, MAX_NATIVE_BUCKETS);
            write_native(native, bytes);
        }
    }

    /// Classic buckets with their exemplars, then those of native buckets. The bucket of `+Inf`, of which otherwise the
    /// count tells, is there if it has one.
    fn exemplary(
        &self,
        histogram: &HistogramSnapshot,
        desc: &Desc,
        now: SystemTime,
        bytes: &mut Vec<u8>,
    ) {
        let buckets = exemplar::by_bucket(histogram, desc.bounds());
        for (count, (bound, exemplar)) in histogram.classic().zip(buckets) {
            if exemplar.is_none() && bound == f64::INFINITY {
                continue;
            }
            nested(bytes, of::BUCKET, |bytes| {
                integer(bytes, bucket::CUMULATIVE_COUNT, count);
                double(bytes, bucket::UPPER_BOUND, bound);
                if let Some(exemplar) = exemplar {
                    nested(bytes, bucket::EXEMPLAR, |bytes| {
                        self.one(exemplar, now, bytes);
                    });
                }
            });
        }
        if self.has_native {
            for exemplar in exemplar::of(histogram) {
                nested(bytes, of::EXEMPLARS, |bytes| self.one(exemplar, now, bytes));
            }
        }
    }

    fn one(&self, exemplar: &Exemplar, now: SystemTime, bytes: &mut Vec<u8>) {
        exemplar::labels(exemplar, self.names, Exemplar::MAX_CHARS, |name, value| {
            nested(bytes, field::LABEL, |bytes| {
                for (field, text) in [(label::NAME, name), (label::VALUE, value)] {
                    nested(bytes, field, |bytes| {
                        bytes.extend_from_slice(text.as_bytes());
                    });
                }
            });
        });
        double(bytes, field::VALUE, exemplar.value());
        let time = Timestamp::new(exemplar.time().min(now));
        nested(bytes, field::TIMESTAMP, |bytes| time.encode_raw(bytes));
    }
}

fn write_native(native: &NativeBuckets, bytes: &mut Vec<u8>) {
    integer(bytes, of::SCHEMA, zigzag(native.schema().into()));
    double(bytes, of::ZERO_THRESHOLD, ZERO_THRESHOLD);
    integer(bytes, of::ZERO_COUNT, native.zero_count());
    for span in native.spans() {
        nested(bytes, of::POSITIVE_SPAN, |bytes| {
            integer(bytes, 1, zigzag(span.offset.into()));
            integer(bytes, 2, span.length.into());
        });
    }
    if !native.deltas().is_empty() {
        // Packed: all of them in one field.
        nested(bytes, of::POSITIVE_DELTA, |bytes| {
            for &delta in native.deltas() {
                varint(bytes, zigzag(delta));
            }
        });
    }
}

/// A signed number as protobuf's `sint` types have it: small ones of either sign are short.
const fn zigzag(n: i64) -> u64 {
    ((n << 1) ^ (n >> 63)) as u64
}

fn upper_bound(bound: f64) -> [u8; DOUBLE_BYTES] {
    let mut field = [0; DOUBLE_BYTES];
    let mut bytes = Vec::with_capacity(DOUBLE_BYTES);
    double(&mut bytes, bucket::UPPER_BOUND, bound);
    field
        .iter_mut()
        .zip(bytes)
        .for_each(|(to, byte)| *to = byte);
    field
}

/// A number of 7 bits is a byte; most are.
#[inline]
fn varint(bytes: &mut Vec<u8>, n: u64) {
    match u8::try_from(n) {
        Ok(short @ ..0x80) => bytes.push(short),
        _ => encode_varint(n, bytes),
    }
}

#[inline]
fn key(bytes: &mut Vec<u8>, field: u32, kind: WireType) {
    varint(bytes, u64::from(field << 3 | kind as u32));
}

#[inline]
fn integer(bytes: &mut Vec<u8>, field: u32, n: u64) {
    key(bytes, field, WireType::Varint);
    varint(bytes, n);
}

#[inline]
fn double(bytes: &mut Vec<u8>, field: u32, v: f64) {
    key(bytes, field, WireType::SixtyFourBit);
    bytes.extend_from_slice(&v.to_le_bytes());
}

/// Appends a field that has its length before it.
#[inline]
fn nested(bytes: &mut Vec<u8>, field: u32, write: impl FnOnce(&mut Vec<u8>)) {
    key(bytes, field, WireType::LengthDelimited);
    let start = bytes.len();
    bytes.push(0); // the length, if it is short, as it mostly is
    write(bytes);
    let length = bytes.len() - start - 1;
    match (u8::try_from(length), bytes.get_mut(start)) {
        (Ok(short @ ..0x80), Some(place)) => *place = short,
        _ => {
            bytes.remove(start);
            super::plan::insert_length(bytes, start);
        }
    }
}
