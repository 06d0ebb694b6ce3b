//! A histogram as one value: `{count:…,sum:…,schema:…,…,bucket:[…]}`.
//!
//! Lives here: the fields and their order, by the standard's grammar (`histogram-value`). Not here: what stands around
//! it (`plan`), how samples get into exponential buckets (core).

use media_metrics_core::desc::Desc;
use media_metrics_core::histogram::{HistogramSnapshot, NativeBuckets, Span};

use crate::format::native::{MAX_NATIVE_BUCKETS, ZERO_THRESHOLD};
use crate::format::number;

/// What doesn't change of a family's histograms.
#[derive(Debug)]
pub(super) struct Shape {
    has_native: bool,
    /// What stands before each classic bucket's count: `[0.5:`, `,1.0:`, `,+Inf:`.
    bounds: Vec<u8>,
    ends: Vec<usize>,
}

impl Shape {
    pub(super) fn new(desc: &Desc) -> Self {
        let mut shape = Self {
            has_native: desc.native_schema().is_some(),
            bounds: Vec::new(),
            ends: Vec::new(),
        };
        for &bound in desc.bounds().iter().chain(&[f64::INFINITY]) {
            let first = shape.bounds.is_empty();
            shape.bounds.push(if first { b'[' } else { b',' });
            number::float_bound(&mut shape.bounds, bound);
            shape.bounds.push(b':');
            shape.ends.push(shape.bounds.len());
        }
        shape
    }

    /// What a value takes at most without native buckets.
    pub(super) fn max_bytes(&self) -> usize {
        FIELDS.len() + self.bounds.len() + (self.ends.len() + 5) * number::MAX_BYTES
    }
}

/// All that stands around numbers and lists.
const FIELDS: &str = "{count:,sum:,schema:,zero_threshold:,zero_count:,positive_spans:[],positive_buckets:[],bucket:]}";

/// Memory that is used again for each histogram.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    native: NativeBuckets,
}

/// Appends the value of `histogram`, of a family of this shape.
pub(super) fn write(
    page: &mut Vec<u8>,
    histogram: &HistogramSnapshot,
    per_unit: f64,
    shape: &Shape,
    scratch: &mut Scratch,
) {
    page.extend_from_slice(b"{count:");
    number::count(page, histogram.count());
    page.extend_from_slice(b",sum:");
    number::sum(page, histogram, per_unit);
    if shape.has_native {
        scratch.native.fill(histogram, MAX_NATIVE_BUCKETS);
        native(page, &scratch.native);
    }
    page.extend_from_slice(b",bucket:");
    let mut start = 0;
    for (&end, count) in shape.ends.iter().zip(histogram.classic()) {
        page.extend_from_slice(shape.bounds.get(start..end).unwrap_or_default());
        start = end;
        number::count(page, count);
    }
    page.extend_from_slice(b"]}");
}

fn native(page: &mut Vec<u8>, buckets: &NativeBuckets) {
    page.extend_from_slice(b",schema:");
    number::value(page, f64::from(buckets.schema()));
    page.extend_from_slice(b",zero_threshold:");
    number::value(page, ZERO_THRESHOLD);
    page.extend_from_slice(b",zero_count:");
    number::count(page, buckets.zero_count());
    if buckets.spans().is_empty() {
        return; // the standard advises to leave out empty lists
    }
    page.extend_from_slice(b",positive_spans:[");
    for (at, Span { offset, length }) in buckets.spans().iter().enumerate() {
        if at > 0 {
            page.push(b',');
        }
        number::value(page, f64::from(*offset));
        page.push(b':');
        number::count(page, u64::from(*length));
    }
    page.extend_from_slice(b"],positive_buckets:[");
    let mut count = 0_u64;
    for (at, &delta) in buckets.deltas().iter().enumerate() {
        if at > 0 {
            page.push(b',');
        }
        count = count.wrapping_add_signed(delta); // as the deltas were made
        number::count(page, count);
    }
    page.push(b']');
}
