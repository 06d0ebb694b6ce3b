//! Exemplars in protobuf, and the buckets that have them.
//!
//! Lives here: their bytes, written without a message of their own, so that they allocate nothing. Not here: which
//! exemplar belongs to which bucket (`format::exemplar`), a histogram's other fields (`plan`).
//!
//! A histogram with native buckets has its exemplars twice: older scrapers look for them in classic buckets, newer ones
//! beside native buckets.

use std::time::SystemTime;

use media_metrics_core::desc::Desc;
use media_metrics_core::exemplar::Exemplar;
use media_metrics_core::histogram::HistogramSnapshot;
use prost::Message;
use prost::encoding::{WireType, encode_key};

use super::messages::{
    BUCKET, BUCKET_EXEMPLAR, Bucket, EXEMPLAR_LABEL, EXEMPLAR_TIMESTAMP, EXEMPLAR_VALUE,
    LABEL_NAME, LABEL_VALUE, NATIVE_EXEMPLARS, Timestamp,
};
use crate::format::{Escaping, exemplar};

/// Appends the classic buckets of `histogram`, and its exemplars. Theirs is the bucket of `+Inf` too, which otherwise
/// is told by the count alone.
pub(super) fn write(
    histogram: &HistogramSnapshot,
    desc: &Desc,
    names: Escaping,
    now: SystemTime,
    out: &mut Vec<u8>,
) {
    let buckets = exemplar::by_bucket(histogram, desc.bounds());
    for (count, (bound, exemplar)) in histogram.classic().zip(buckets) {
        if exemplar.is_none() && bound == f64::INFINITY {
            continue;
        }
        let bucket = Bucket {
            cumulative_count: Some(count),
            upper_bound: Some(bound),
        };
        nested(out, BUCKET, |out| {
            bucket.encode_raw(out);
            if let Some(exemplar) = exemplar {
                nested(out, BUCKET_EXEMPLAR, |out| one(exemplar, names, now, out));
            }
        });
    }
    if desc.native_schema().is_some() {
        for exemplar in exemplar::of(histogram) {
            nested(out, NATIVE_EXEMPLARS, |out| one(exemplar, names, now, out));
        }
    }
}

fn one(exemplar: &Exemplar, names: Escaping, now: SystemTime, out: &mut Vec<u8>) {
    exemplar::labels(exemplar, names, Exemplar::MAX_CHARS, |name, value| {
        nested(out, EXEMPLAR_LABEL, |out| {
            for (field, text) in [(LABEL_NAME, name), (LABEL_VALUE, value)] {
                nested(out, field, |out| out.extend_from_slice(text.as_bytes()));
            }
        });
    });
    encode_key(EXEMPLAR_VALUE, WireType::SixtyFourBit, out);
    out.extend_from_slice(&exemplar.value().to_le_bytes());
    let time = Timestamp::new(exemplar.time().min(now));
    nested(out, EXEMPLAR_TIMESTAMP, |out| time.encode_raw(out));
}

/// Appends a field that has a length before it.
fn nested(out: &mut Vec<u8>, field: u32, write: impl FnOnce(&mut Vec<u8>)) {
    encode_key(field, WireType::LengthDelimited, out);
    let start = out.len();
    write(out);
    super::plan::insert_length(out, start);
}
