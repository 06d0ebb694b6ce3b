//! HDR histograms: one writer per thread, merged without loss.
//!
//! `layout` maps values to buckets, `cuts` these to a family's bounds, `array` is where a thread has them, `record` is the
//! hot path, `snapshot` is what a merge yields, `summary` is what it amounts to, `native` the same in exponential buckets.
//! `named` keeps samples with whose they were, in a `mailbox`. `exact` is for what is not hot and has bounds that are law.

#[cfg(not(media_metrics_loom))]
pub(crate) mod array;
mod cuts;
#[cfg(not(media_metrics_loom))]
mod exact;
mod layout;
pub(crate) mod mailbox;
#[cfg(not(media_metrics_loom))]
pub(crate) mod named;
mod native;
#[cfg(not(media_metrics_loom))]
mod record;
mod snapshot;
mod summary;

#[cfg(not(media_metrics_loom))]
pub(crate) use cuts::Cuts;
#[cfg(not(media_metrics_loom))]
pub use exact::ExactHistogram;
pub use layout::Layout;
pub use native::{NativeBuckets, Span};
#[cfg(not(media_metrics_loom))]
pub use record::{Histogram, LocalHistogram};
pub use snapshot::HistogramSnapshot;
#[cfg(not(media_metrics_loom))]
pub(crate) use snapshot::Part;
#[cfg(not(media_metrics_loom))]
pub(crate) use summary::Buckets;
pub use summary::Summary;
