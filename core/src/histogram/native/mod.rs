//! Native (exponential) buckets, made of a histogram's own.
//!
//! `cuts` says which of a layout's buckets make up which exponential bucket, `counts` is what a merge finds in them,
//! `buckets` is that in the form in which Prometheus takes it. Not here: which schema a family has (`desc`).
//!
//! With schema `s` the exponential bucket `i` holds values above `2^((i-1) / 2^s)` and up to `2^(i / 2^s)`, in the
//! exposed unit. Its edges cut the layout's buckets; one that is cut goes where its *smallest* value belongs, as with
//! the bounds of classic buckets (see [`Layout::split`](super::Layout::split)). So of the samples at or below an edge
//! none is missed, and of those above it only some within the cut bucket are taken in: up to `edge / 10^digits` above.
//! The value 0 has a bucket of its own, that of zeros.

mod buckets;
mod counts;
mod cuts;

pub use buckets::{NativeBuckets, Span};
pub(super) use counts::NativeCounts;
pub(super) use cuts::NativeCuts;

/// The coarsest schema, with a bucket for each 16 powers of two.
const COARSEST: i8 = -4;
