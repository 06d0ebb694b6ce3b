//! Native histograms on the wire.
//!
//! Lives here: the message `Histogram`, whose fields are the same in both protocols, but for the time of its start, which
//! only 2.0 has. Not here: how histograms get exponential buckets (core).
//!
//! Only schemas from -4 to 8 are ever written: there are receivers that store others and fall over them later.

use super::batch::Native;
use super::wire;
use crate::format::native::ZERO_THRESHOLD;

const COUNT_INT: u32 = 1;
const SUM: u32 = 3;
const SCHEMA: u32 = 4;
const THRESHOLD: u32 = 5;
const ZERO_COUNT_INT: u32 = 6;
const POSITIVE_SPANS: u32 = 11;
const POSITIVE_DELTAS: u32 = 12;
const TIMESTAMP: u32 = 15;
const START_TIMESTAMP: u32 = 17;
const OFFSET: u32 = 1;
const LENGTH: u32 = 2;

/// Writes the message into `out`, in place of what is there; `started_ms` 0 leaves the start out.
pub(super) fn write(
    out: &mut Vec<u8>,
    scratch: &mut Vec<u8>,
    native: &Native,
    time_ms: i64,
    started_ms: i64,
) {
    out.clear();
    wire::uint(out, COUNT_INT, native.count);
    wire::double(out, SUM, native.sum);
    wire::sint(out, SCHEMA, native.schema.into());
    wire::double(out, THRESHOLD, ZERO_THRESHOLD);
    wire::uint(out, ZERO_COUNT_INT, native.zero_count);
    for span in &native.spans {
        scratch.clear();
        wire::sint(scratch, OFFSET, span.offset.into());
        wire::uint(scratch, LENGTH, span.length.into());
        wire::bytes(out, POSITIVE_SPANS, scratch);
    }
    let deltas = native.deltas.iter().map(|&delta| wire::zigzag(delta));
    wire::packed(out, scratch, POSITIVE_DELTAS, deltas);
    wire::int(out, TIMESTAMP, time_ms);
    if started_ms != 0 {
        wire::int(out, START_TIMESTAMP, started_ms);
    }
}
