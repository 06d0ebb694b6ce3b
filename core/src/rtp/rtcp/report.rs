//! Sender reports, receiver reports, goodbyes (RFC 3550 §6.4, §6.6).
//!
//! Lives here: their numbers as the standard means them. Not here: RTT, loss over time
//! (`rtp::feedback`).

use rtcp_types::{ReceiverReport, RtcpPacketParser, SenderReport};

use super::packets::{Packet, word};
use super::{Event, RtcpError};

/// What a sender says of itself: the sender's half of an SR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderInfo {
    /// Who reports, and about whom.
    pub ssrc: u32,
    /// When the report left, by the sender's wall clock: NTP, seconds in the upper half.
    pub ntp: u64,
    /// The same instant on the stream's RTP clock.
    pub rtp_timestamp: u32,
    /// Packets sent since the beginning; wraps at 2^32.
    pub packets: u32,
    /// Bytes of payload (no headers, no padding) sent since the beginning; wraps at 2^32.
    pub octets: u32,
}

impl SenderInfo {
    /// The middle 32 bits of the NTP time: what a report block's [`last_report`](ReportBlock::last_report)
    /// gives back.
    #[must_use]
    pub const fn middle(&self) -> u32 {
        (self.ntp >> 16) as u32
    }
}

/// What a receiver says of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportBlock {
    /// About whom.
    pub ssrc: u32,
    /// Share of packets lost since the report before, in 1/256.
    pub fraction_lost: u8,
    /// Packets expected less packets received: negative when there were more duplicates than losses.
    /// -2^23 to 2^23 - 1.
    pub cumulative_lost: i32,
    /// Highest sequence number received; cycles in the upper half.
    pub highest_sequence: u32,
    /// Interarrival jitter, RTP ticks.
    pub jitter_ticks: u32,
    /// The middle 32 bits of the NTP time of the last SR received; 0 for none (LSR).
    pub last_report: u32,
    /// Time from that SR to this report, in 1/65,536 s (DLSR).
    pub delay: u32,
}

impl ReportBlock {
    fn new(block: &rtcp_types::ReportBlock<'_>) -> Self {
        Self {
            ssrc: block.ssrc(),
            fraction_lost: block.fraction_lost(),
            // 24 bits, signed: into the upper bits and back.
            cumulative_lost: (block.cumulative_lost() << 8) as i32 >> 8,
            highest_sequence: block.extended_sequence_number(),
            jitter_ticks: block.interarrival_jitter(),
            last_report: block.last_sender_report_timestamp(),
            delay: block.delay_since_last_sender_report_timestamp(),
        }
    }
}

pub(super) fn sender<'a>(
    packet: &Packet<'a>,
    on_event: &mut dyn FnMut(Event<'a>),
) -> Result<(), RtcpError> {
    let report = SenderReport::parse(packet.whole).map_err(|_| RtcpError::SenderReport)?;
    // The crate counts padding as contents.
    if packet.body.len() < 24 + usize::from(packet.count) * 24 {
        return Err(RtcpError::SenderReport);
    }
    on_event(Event::SenderReport(SenderInfo {
        ssrc: report.ssrc(),
        ntp: report.ntp_timestamp(),
        rtp_timestamp: report.rtp_timestamp(),
        packets: report.packet_count(),
        octets: report.octet_count(),
    }));
    blocks(report.ssrc(), report.report_blocks(), on_event);
    Ok(())
}

pub(super) fn receiver<'a>(
    packet: &Packet<'a>,
    on_event: &mut dyn FnMut(Event<'a>),
) -> Result<(), RtcpError> {
    let report = ReceiverReport::parse(packet.whole).map_err(|_| RtcpError::ReceiverReport)?;
    if packet.body.len() < 4 + usize::from(packet.count) * 24 {
        return Err(RtcpError::ReceiverReport);
    }
    blocks(report.ssrc(), report.report_blocks(), on_event);
    Ok(())
}

fn blocks<'a, 'b>(
    reporter: u32,
    blocks: impl Iterator<Item = rtcp_types::ReportBlock<'b>>,
    on_event: &mut dyn FnMut(Event<'a>),
) {
    for block in blocks {
        let block = ReportBlock::new(&block);
        on_event(Event::Report { reporter, block });
    }
}

pub(super) fn goodbye<'a>(
    packet: &Packet<'a>,
    on_event: &mut dyn FnMut(Event<'a>),
) -> Result<(), RtcpError> {
    let sources = usize::from(packet.count) * 4;
    let (ssrcs, reason) = packet
        .body
        .split_at_checked(sources)
        .ok_or(RtcpError::Goodbye)?;
    // Its length, the reason, zeros to the end of a word.
    if let Some((&len, text)) = reason.split_first()
        && text.len() < usize::from(len)
    {
        return Err(RtcpError::Goodbye);
    }
    for ssrc in ssrcs.chunks_exact(4) {
        on_event(Event::Goodbye {
            ssrc: word(ssrc, 0),
        });
    }
    Ok(())
}
