//! Sent streams: one RTP stream each, recorded by the owner who sends it, with what its receiver says.
//!
//! Lives here: the packet-level API. In `block`: what is published. In `owner`: what a packet does. In
//! `peer`: what a receiver's reports and requests do. In `stats`: what a reader gets. Not here: reading
//! RTCP (`rtp::rtcp`), what it amounts to over time (`rtp::feedback`), folding (`reporter`).
//!
//! What was measured here and what the peer says stand apart, in types and in names: [`SentStats`] and
//! [`FeedbackStats`] are our own counts, whatever begins with `Remote` or `remote` is hearsay.

pub(crate) mod block;
mod owner;
mod peer;
mod stats;

pub use owner::{SendStream, SenderConfig};
pub use stats::{
    FeedbackStats, RemoteEstimate, RemoteStats, RttStats, SenderSnapshot, SenderStats, SentStats,
};
