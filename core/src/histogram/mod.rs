//! HDR histograms: one writer per thread, merged without loss.
//!
//! `layout` maps values to buckets, `record` is the hot path, `snapshot` is what a merge yields.

mod layout;
mod snapshot;

pub use layout::Layout;
pub use snapshot::HistogramSnapshot;
pub(crate) use snapshot::splits;
