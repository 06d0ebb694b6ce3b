//! What a tool tells about a stream: who it is, and its figures, so that all tools can be compared.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

/// A number that a tool tells about a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    /// Packets received, duplicates included.
    Packets,
    /// Bytes of these: header, payload, padding.
    Bytes,
    /// Numbers from first to highest.
    Expected,
    /// Of these, never seen.
    Lost,
    /// Expected less received: RFC 3550's loss.
    CumulativeLost,
    /// Packets whose number had come before.
    Duplicates,
    /// Packets that came after a higher number.
    OutOfOrder,
    /// Times that the sender began anew.
    Restarts,
    /// The jitter filter after the last packet, ms.
    Jitter,
    /// The mean of its values, ms.
    JitterMean,
    /// The largest of its values, ms.
    JitterMax,
    /// The longest time from packet to packet, ms.
    MaxDelta,
}

impl Figure {
    /// All, in this order.
    pub const ALL: [Self; 12] = [
        Self::Packets,
        Self::Bytes,
        Self::Expected,
        Self::Lost,
        Self::CumulativeLost,
        Self::Duplicates,
        Self::OutOfOrder,
        Self::Restarts,
        Self::Jitter,
        Self::JitterMean,
        Self::JitterMax,
        Self::MaxDelta,
    ];

    /// What `media-metrics analyze` calls it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Packets => "packets",
            Self::Bytes => "bytes",
            Self::Expected => "expected",
            Self::Lost => "lost",
            Self::CumulativeLost => "cumulative_lost",
            Self::Duplicates => "duplicates",
            Self::OutOfOrder => "out_of_order",
            Self::Restarts => "restarts",
            Self::Jitter => "jitter_ms",
            Self::JitterMean => "jitter_mean_ms",
            Self::JitterMax => "jitter_max_ms",
            Self::MaxDelta => "max_delta_ms",
        }
    }

    /// Whether it is in milliseconds, and not a count.
    #[must_use]
    pub fn is_time(self) -> bool {
        self >= Self::Jitter
    }
}

/// Figures of one stream.
pub type Figures = BTreeMap<Figure, f64>;

/// Who a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    /// Synchronisation source.
    pub ssrc: u32,
    /// Sender.
    pub from: SocketAddrV4,
    /// Receiver.
    pub to: SocketAddrV4,
}
