//! RTP as it stands on the wire, and what one stream's packets say about it.
//!
//! Lives here: plain state, with time as an argument. Not here: atomics, clocks, sockets, Prometheus.
//! `header` reads a packet, `sequence` places its number, `jitter` its timing, `bursts` tells how losses
//! cluster, `loss_runs` how many come in a row, `skew` how fast the sender's clock is, `receiver` puts them
//! together. `key_frame` looks into the payload, `extension` and `dependency_descriptor` between header and
//! payload. `rtcp` reads what peers say of a stream, `feedback` is what that amounts to over time.

mod bursts;
mod dependency_descriptor;
mod extension;
pub(crate) mod feedback;
mod header;
mod jitter;
mod key_frame;
mod loss_runs;
mod receiver;
pub mod rtcp;
mod sequence;
mod skew;

pub use bursts::{BurstStats, Bursts};
pub use dependency_descriptor::DependencyDescriptor;
pub use extension::header_extension;
pub use header::{RtpError, RtpHeader, is_rtcp};
pub use jitter::Jitter;
pub(crate) use jitter::{JitterValue, timestamp_of};
pub use key_frame::{VideoCodec, begins_key_frame};
pub use loss_runs::LossRuns;
pub(crate) use receiver::RtpReceiver;
pub(crate) use sequence::highest_of;
pub use sequence::{
    MAX_DROPOUT, MAX_MISORDER, Placed, SETTLED_BEHIND, STALE_RUN, SequenceTracker, Verdict, WINDOW,
};
pub use skew::Skew;
