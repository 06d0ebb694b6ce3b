//! HDR histograms: one writer per thread, merged without loss.
//!
//! `layout` maps values to buckets, `record` is the hot path, `snapshot` is what a merge yields.

mod layout;
#[cfg(not(media_metrics_loom))]
pub(crate) mod record;
mod snapshot;

pub use layout::Layout;
#[cfg(not(media_metrics_loom))]
pub use record::{Histogram, LocalHistogram};
pub use snapshot::HistogramSnapshot;
#[cfg(not(media_metrics_loom))]
pub(crate) use snapshot::{Part, splits};
