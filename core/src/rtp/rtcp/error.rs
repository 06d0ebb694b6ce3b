//! Why a datagram is no RTCP that can be used.
//!
//! Lives here: the reasons and their names. Not here: finding them.

use std::fmt;

/// Why an RTCP datagram was refused, whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RtcpError {
    /// Shorter than the 4 bytes of a header.
    TooShort,
    /// The version of a packet is not 2.
    Version,
    /// The packets' lengths don't end where the datagram does. So does SRTCP.
    Length,
    /// The padding count is 0, no multiple of 4 or more than the packet, or a packet other than the last
    /// has padding.
    Padding,
    /// A sender report shorter than it says.
    SenderReport,
    /// A receiver report shorter than it says.
    ReceiverReport,
    /// A source description whose chunks or items end beyond it.
    Description,
    /// A goodbye that is shorter than its sources or its reason.
    Goodbye,
    /// Feedback without the two SSRCs.
    Feedback,
    /// A NACK without a number.
    Nack,
    /// A full intra request without a whole entry.
    FullIntraRequest,
    /// A bandwidth estimate shorter than it says, or of 2^64 bit/s or more.
    Remb,
    /// Transport-wide feedback with fewer statuses or deltas than it says, or with a reserved status.
    TransportFeedback,
    /// An extended report whose blocks end beyond it, or a block of another length than its type has.
    ExtendedReport,
}

impl RtcpError {
    /// A short name for a `reason` label.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        self.texts().0
    }

    /// Every reason, for registering counters ahead.
    pub const ALL: [Self; 14] = [
        Self::TooShort,
        Self::Version,
        Self::Length,
        Self::Padding,
        Self::SenderReport,
        Self::ReceiverReport,
        Self::Description,
        Self::Goodbye,
        Self::Feedback,
        Self::Nack,
        Self::FullIntraRequest,
        Self::Remb,
        Self::TransportFeedback,
        Self::ExtendedReport,
    ];

    /// Label value and sentence.
    const fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::TooShort => ("too_short", "shorter than an RTCP header (4 bytes)"),
            Self::Version => ("version", "RTCP version is not 2"),
            Self::Length => (
                "length",
                "the packets' lengths don't end where the datagram does (cut off, or SRTCP)",
            ),
            Self::Padding => (
                "padding",
                "padding that does not fit its packet, or not in the last packet",
            ),
            Self::SenderReport => ("sr", "the sender report is shorter than it says"),
            Self::ReceiverReport => ("rr", "the receiver report is shorter than it says"),
            Self::Description => ("sdes", "a chunk of the source description ends beyond it"),
            Self::Goodbye => ("bye", "the goodbye is shorter than it says"),
            Self::Feedback => ("feedback", "the feedback is shorter than its two SSRCs"),
            Self::Nack => ("nack", "the NACK asks for nothing"),
            Self::FullIntraRequest => ("fir", "the full intra request has no whole entry"),
            Self::Remb => (
                "remb",
                "the bandwidth estimate is shorter than it says, or too large",
            ),
            Self::TransportFeedback => (
                "transport_cc",
                "the transport-wide feedback has fewer statuses or deltas than it says, or a reserved status",
            ),
            Self::ExtendedReport => (
                "xr",
                "a block of the extended report ends beyond it, or has not the length of its type",
            ),
        }
    }
}

impl fmt::Display for RtcpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.texts().1)
    }
}

impl std::error::Error for RtcpError {}
