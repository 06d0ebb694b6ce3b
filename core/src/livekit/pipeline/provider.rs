//! What a host does for the pipeline.
//!
//! Lives here: the traits. Not here: who calls them and when.

use std::fmt;

use super::collector::Samples;

/// A participant's side of the host: measures round trips, and sends to the participant's client.
///
/// - **Turns**: at most one call at a time, by the thread that runs the pipeline or by the one that ends the
///   participant. No lock of the pipeline is held during a call, so a callback may call anything of it.
/// - **Cost**: calls are one after the other on the reporter's thread. A slow one delays all others; how long
///   they take is in `media_metrics_pipeline_callback_seconds`.
/// - **Panics** are caught and counted, and harm nobody else.
/// - **After the end** nothing is called: see [`Participant::leave`](super::Participant::leave).
pub trait Provider: Send {
    /// Time to sample: add the round trips that are measured, leave out the others.
    ///
    /// Called each sampling interval, and once more when the participant leaves.
    fn collect(&mut self, samples: &mut Samples<'_>);

    /// Sends `packet`, an encoded `DataPacket`, to the client over its reliable channel.
    ///
    /// # Errors
    /// Why it was not sent. It is counted, and the packet is gone: it is not tried again.
    fn send(&mut self, packet: &[u8]) -> Result<(), SendError>;
}

/// Why a packet was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The channel is not open yet, or closed.
    Closed,
    /// The channel's buffer is full.
    Full,
    /// The client has no data channel: one-shot signalling (WHIP).
    Unsupported,
    /// Something else.
    Failed,
}

impl SendError {
    pub(super) const ALL: [Self; 4] = [Self::Closed, Self::Full, Self::Unsupported, Self::Failed];

    /// The value that the label `reason` has for it.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Full => "full",
            Self::Unsupported => "unsupported",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the data channel is not open: wait for it, or leave",
            Self::Full => "the data channel's buffer is full: the client is slow",
            Self::Unsupported => "the client has no data channel: don't make it active",
            Self::Failed => "the packet was not sent: see the transport's own log",
        })
    }
}

impl std::error::Error for SendError {}

/// A host's own truth about subscriptions, instead of [`Participant::subscribe`](super::Participant::subscribe).
///
/// Asked for each batch and each receiver that is active and may get metrics, by whatever thread brings the
/// batch, with no lock of the pipeline held. It is the room's: it may be asked about a participant that is
/// just leaving. A panic is caught, counted, and means no; one of its `Drop` is caught and counted, too.
pub trait Audience: Send + Sync {
    /// Whether `receiver` is subscribed to a track of `publisher`. Both are identities, and never the same
    /// participant's.
    fn is_subscribed(&self, receiver: &str, publisher: &str) -> bool;
}

impl<F: Fn(&str, &str) -> bool + Send + Sync> Audience for F {
    fn is_subscribed(&self, receiver: &str, publisher: &str) -> bool {
        self(receiver, publisher)
    }
}
