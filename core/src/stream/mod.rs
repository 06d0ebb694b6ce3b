//! Streams: one RTP stream each, recorded by its one owner, readable at any time.
//!
//! Lives here: the packet-level API. In `block`: what is published. In `stats`: what a reader gets.
//! Not here: Prometheus names, folding into groups (`reporter`).

pub(crate) mod block;
#[cfg(not(media_metrics_loom))]
mod stats;

#[cfg(not(media_metrics_loom))]
mod owner;

#[cfg(not(media_metrics_loom))]
pub use owner::{Stream, StreamConfig};
#[cfg(not(media_metrics_loom))]
pub use stats::{StreamSnapshot, StreamStats};
#[cfg(not(media_metrics_loom))]
pub(crate) use stats::{expected, lost};
