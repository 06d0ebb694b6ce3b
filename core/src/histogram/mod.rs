//! HDR histograms: one writer per thread, merged without loss.
//!
//! `layout` maps values to buckets, `record` is the hot path, `snapshot` is what a merge yields, `summary`
//! is what it amounts to, `native` the same in exponential buckets. `named` keeps samples with whose they were, in a `mailbox`. `exact` is for what is not hot and has bounds that are law.

#[cfg(not(media_metrics_loom))]
mod exact;
mod layout;
pub(crate) mod mailbox;
#[cfg(not(media_metrics_loom))]
pub(crate) mod named;
mod native;
#[cfg(not(media_metrics_loom))]
pub(crate) mod record;
mod snapshot;
mod summary;

#[cfg(not(media_metrics_loom))]
pub use exact::ExactHistogram;
pub use layout::Layout;
pub use native::{NativeBuckets, NativeLayout, Span};
#[cfg(not(media_metrics_loom))]
pub use record::{Histogram, LocalHistogram};
pub use snapshot::HistogramSnapshot;
#[cfg(not(media_metrics_loom))]
pub(crate) use snapshot::{Part, splits};
#[cfg(not(media_metrics_loom))]
pub(crate) use summary::Buckets;
pub use summary::Summary;
