//! Streams: one RTP stream each, recorded by its one owner, readable at any time.
//!
//! Lives here: the packet-level API. In `block`: what is published. In `stats`: what a reader gets.
//! In `sender`: the same for streams that are sent.
//! Not here: Prometheus names, folding into groups (`reporter`).

pub(crate) mod block;
#[cfg(not(media_metrics_loom))]
mod delta;
#[cfg(not(media_metrics_loom))]
mod key_frames;
mod losses;
#[cfg(not(media_metrics_loom))]
mod peer;
#[cfg(not(media_metrics_loom))]
mod report;
#[cfg(not(media_metrics_loom))]
pub(crate) mod sender;
#[cfg(not(media_metrics_loom))]
mod stats;

#[cfg(not(media_metrics_loom))]
mod owner;

#[cfg(not(media_metrics_loom))]
pub use delta::{DeltaReader, StreamDelta};
#[cfg(not(media_metrics_loom))]
pub use owner::{Stream, StreamConfig};
#[cfg(not(media_metrics_loom))]
pub use peer::{RemoteSenderStats, RequestStats};
#[cfg(not(media_metrics_loom))]
pub use sender::{
    FeedbackStats, RemoteEstimate, RemoteStats, RttStats, SendStream, SenderConfig, SenderSnapshot,
    SenderStats, SentStats,
};
#[cfg(not(media_metrics_loom))]
pub use stats::{StreamSnapshot, StreamStats};
#[cfg(not(media_metrics_loom))]
pub(crate) use stats::{expected, lost};
