//! RTCP as it stands on the wire: what each packet of a datagram says.
//!
//! Lives here: checking a datagram and telling its contents as [`Event`]s. In `error`: why a datagram is
//! refused. In `packets`: lengths and padding of a compound. In `report`: sender and receiver reports. In
//! `description`: SDES. In `feedback`: requests and estimates. In `transport_cc`: transport-wide feedback.
//! In `extended`, `voip`: XR blocks. Not here: what reports amount to over time (`rtp::feedback`), counters.
//!
//! SR, RR, NACK and FIR are read with `rtcp-types`. Of what it offers, this is read here instead, because
//! of what its version 0.3 does: BYE (takes padding for a reason), SDES (allocates; takes zeros at the start
//! of an SSRC for the end of the chunk before), DLRR (refuses two to four sub-blocks), transport-wide
//! feedback (walks 65,535 packets that a datagram of 44 bytes claims), padding of feedback and XR (read as
//! contents).
//!
//! SRTCP looks like RTCP up to its encrypted part: it is told as [`RtcpError::Length`] in nearly all cases,
//! never as what it is.

mod description;
mod error;
mod extended;
mod feedback;
mod packets;
mod report;
mod transport_cc;
mod voip;

pub use description::Description;
pub use error::RtcpError;
pub use extended::{Reply, Spread, StatisticsSummary};
pub use feedback::{FullIntraRequest, Nack, PictureLoss, Remb};
pub use report::{ReportBlock, SenderInfo};
pub use transport_cc::TransportFeedback;
pub use voip::VoipMetrics;

use packets::{Packet, packets};

/// One thing that an RTCP datagram says.
///
/// Borrows from the datagram; nothing is allocated.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The sender's half of a sender report (SR, RFC 3550 §6.4.1).
    SenderReport(SenderInfo),
    /// One report block of a sender or receiver report (RFC 3550 §6.4).
    Report {
        /// Who reports.
        reporter: u32,
        /// About whom, and what.
        block: ReportBlock,
    },
    /// One chunk of a source description (SDES, RFC 3550 §6.5).
    Description(Description<'a>),
    /// A source leaves (BYE, RFC 3550 §6.6).
    Goodbye {
        /// Who leaves.
        ssrc: u32,
    },
    /// Packets are asked for again (generic NACK, RFC 4585 §6.2.1).
    Nack(Nack<'a>),
    /// A picture was lost (PLI, RFC 4585 §6.3.1).
    PictureLoss(PictureLoss),
    /// One entry of a full intra request (FIR, RFC 5104 §4.3.1).
    FullIntraRequest(FullIntraRequest),
    /// The receiver's estimate of the bandwidth (REMB, draft-alvestrand-rmcat-remb-03).
    Remb(Remb<'a>),
    /// Arrival of packets by their transport-wide number
    /// (draft-holmer-rmcat-transport-wide-cc-extensions-01).
    TransportFeedback(TransportFeedback),
    /// A receiver's clock (XR receiver reference time, RFC 3611 §4.4).
    ReferenceTime {
        /// Whose clock.
        reporter: u32,
        /// What it showed: NTP, seconds in the upper half.
        ntp: u64,
    },
    /// The answer to a [`ReferenceTime`](Self::ReferenceTime) (one sub-block of XR DLRR, RFC 3611 §4.5).
    Reply(Reply),
    /// A summary of what was received (XR, RFC 3611 §4.6).
    Summary {
        /// Who reports.
        reporter: u32,
        /// About whom, and what.
        summary: StatisticsSummary,
    },
    /// Metrics of a call (XR, RFC 3611 §4.7).
    Voip {
        /// Who reports.
        reporter: u32,
        /// About whom, and what.
        metrics: VoipMetrics,
    },
    /// Nothing wrong, but nothing that is read here: APP, or a packet type, feedback format or XR block of
    /// another document.
    Skipped {
        /// RTCP packet type.
        packet_type: u8,
        /// Feedback format, count or sub-type of the packet; the block type for XR.
        format: u8,
        /// Whose media feedback is about (RFC 4585 §6.1): the packet's media SSRC, or, of requests that have 0
        /// there and name somebody in each entry (TMMBR, TSTR and VBCM of RFC 5104, LRR of RFC 9627), that
        /// of the first. `None` if feedback names nobody, and for all that is no feedback.
        media_ssrc: Option<u32>,
    },
}

/// Tells `on_event` what `datagram` says, in its order.
///
/// Takes compounds as well as reduced-size RTCP (RFC 5506).
///
/// - **Cost**: two walks over the datagram; no allocation. Bounded by the datagram's length, whatever its
///   contents; an event may tell of 17 packets for 4 bytes ([`Nack`]).
/// - **Promise**: on an error `on_event` was not called at all: no report is half applied.
///
/// # Errors
/// [`RtcpError`] tells which length or field lies. Never panics, whatever the bytes.
///
/// ```
/// use media_metrics_core::rtp::rtcp::{self, Event};
/// let bye = [0x81, 203, 0, 1, 0, 0, 0, 7];
/// let mut gone = Vec::new();
/// rtcp::parse(&bye, |event| {
///     if let Event::Goodbye { ssrc } = event {
///         gone.push(ssrc);
///     }
/// })?;
/// assert_eq!(gone, [7]);
/// # Ok::<(), rtcp::RtcpError>(())
/// ```
pub fn parse<'a>(datagram: &'a [u8], mut on_event: impl FnMut(Event<'a>)) -> Result<(), RtcpError> {
    // The same code looks twice, first with nobody listening: what the second walk tells was checked.
    walk(datagram, &mut |_| {})?;
    walk(datagram, &mut on_event)
}

fn walk<'a>(datagram: &'a [u8], on_event: &mut dyn FnMut(Event<'a>)) -> Result<(), RtcpError> {
    for packet in packets(datagram)? {
        read(&packet?, on_event)?;
    }
    Ok(())
}

fn read<'a>(packet: &Packet<'a>, on_event: &mut dyn FnMut(Event<'a>)) -> Result<(), RtcpError> {
    match packet.kind {
        200 => report::sender(packet, on_event),
        201 => report::receiver(packet, on_event),
        202 => description::read(packet, on_event),
        203 => report::goodbye(packet, on_event),
        205 => feedback::transport(packet, on_event),
        206 => feedback::payload(packet, on_event),
        207 => extended::read(packet, on_event),
        _ => {
            on_event(packet.skipped());
            Ok(())
        }
    }
}
