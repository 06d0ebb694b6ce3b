//! A histogram as one value: `{count:…,sum:…,schema:…,…,bucket:[…]}`.
//!
//! Lives here: the fields and their order, by the standard's grammar (`histogram-value`). Not here: what stands around
//! it (`plan`), how samples get into exponential buckets (core).

use media_metrics_core::desc::Desc;
use media_metrics_core::histogram::{HistogramSnapshot, NativeBuckets, NativeLayout, Span};

use crate::format::lines::scaled;
use crate::format::number;
use crate::protobuf::{MAX_NATIVE_BUCKETS, ZERO_THRESHOLD};

/// Memory that is used again for each histogram.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    native: NativeBuckets,
}

/// Appends the value of `histogram`, with native buckets if there is a layout of them.
pub(super) fn write(
    page: &mut Vec<u8>,
    histogram: &HistogramSnapshot,
    desc: &Desc,
    layout: Option<&NativeLayout>,
    scratch: &mut Scratch,
) {
    page.extend_from_slice(b"{count:");
    number::count(page, histogram.count());
    page.extend_from_slice(b",sum:");
    match histogram.exact_sum() {
        Some(sum) => number::value(page, sum),
        None => scaled(page, histogram.sum(), desc.recorded_per_unit()),
    }
    if let Some(layout) = layout {
        scratch.native.fill(histogram, layout, MAX_NATIVE_BUCKETS);
        native(page, &scratch.native);
    }
    page.extend_from_slice(b",bucket:[");
    let bounds = desc.bounds().iter().chain(&[f64::INFINITY]);
    for (at, (&bound, count)) in bounds.zip(histogram.classic()).enumerate() {
        if at > 0 {
            page.push(b',');
        }
        number::float_bound(page, bound);
        page.push(b':');
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
