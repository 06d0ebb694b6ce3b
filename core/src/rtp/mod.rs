//! RTP as it stands on the wire, and what one stream's packets say about it.
//!
//! Lives here: plain state, with time as an argument. Not here: atomics, clocks, sockets, Prometheus.
//! `header` reads a packet, `sequence` places its number, `jitter` its timing, `receiver` puts them
//! together.

mod header;
mod jitter;
mod receiver;
mod sequence;

pub use header::{RtpError, RtpHeader, is_rtcp};
pub use jitter::Jitter;
pub(crate) use jitter::JitterValue;
pub use receiver::{ReceiverUpdate, RtpReceiver};
pub(crate) use sequence::highest_of;
pub use sequence::{MAX_DROPOUT, Placed, STALE_RUN, SequenceTracker, Verdict, WINDOW};
