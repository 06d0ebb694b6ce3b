//! RTP streams, received and sent, packet by packet, with what RTCP says about them.
//!
//! Lives here: handing packets and RTCP over. Not here: what they amount to, and which of RTCP's events are about a sent
//! stream (the core's `stream`).

use std::ffi::c_char;

use media_metrics_core::rtp::RtpHeader;
use media_metrics_core::rtp::rtcp::{self, Event};
use media_metrics_core::{SendStream, SenderConfig, StreamConfig};

use crate::error::guarded;
use crate::pointers::{array, give, owned, shared, take, text};
use crate::service::Registry;

/// A received RTP stream: one SSRC of one source.
#[derive(Debug)]
pub struct Stream(media_metrics_core::Stream);

/// A sent RTP stream: one SSRC to one receiver.
#[derive(Debug)]
pub struct Sender(SendStream);

/// A received stream, whose totals become part of those of its group: {direction="incoming",kind="audio"}, say. Groups are
/// few, streams many: a group costs some thirty lines of a scrape, a stream none. `clock_rate` is RTP's, in Hz: 48,000 for
/// Opus, 90,000 for video. NULL if a limit is met.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mm_stream_new(
    registry: *const Registry,
    direction: *const c_char,
    kind: *const c_char,
    ssrc: u32,
    clock_rate: u32,
) -> *mut Stream {
    guarded(|| {
        // SAFETY: the caller's duty is passed on.
        let registry = unsafe { shared(registry, "registry") }?;
        // SAFETY: likewise.
        let direction = unsafe { text(direction, "direction") }?;
        // SAFETY: likewise.
        let kind = unsafe { text(kind, "kind") }?;
        let group = registry.0.group(&[direction, kind])?;
        let config = StreamConfig::new(ssrc, clock_rate);
        Ok(give(Stream(registry.0.stream(&group, config)?)))
    })
    .unwrap_or_default()
}

/// Records a packet of this stream: a whole RTP packet, its header in the clear (SRTP's is), and when it came. Some
/// nanoseconds, no lock. False if it is no RTP packet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mm_stream_on_rtp(
    stream: *mut Stream,
    packet: *const u8,
    len: usize,
    arrival_ns: u64,
) -> bool {
    guarded(|| {
        // SAFETY: the caller's duty is passed on.
        let stream = unsafe { owned(stream, "stream") }?;
        // SAFETY: likewise.
        let packet = unsafe { array(packet, len, "packet") }?;
        stream.0.on_rtp(&RtpHeader::parse(packet)?, arrival_ns);
        Ok(())
    })
    .is_some()
}

/// Records what RTCP from this stream's sender says about it: sender reports. What is about others is left alone, so a
/// compound may be handed to all streams of its source. False if it is no RTCP.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mm_stream_on_rtcp(
    stream: *mut Stream,
    datagram: *const u8,
    len: usize,
    arrival_ns: u64,
) -> bool {
    guarded(|| {
        // SAFETY: the caller's duty is passed on.
        let stream = &mut unsafe { owned(stream, "stream") }?.0;
        // SAFETY: likewise.
        let datagram = unsafe { array(datagram, len, "datagram") }?;
        rtcp::parse(datagram, |event| match event {
            Event::SenderReport(info) if info.ssrc == stream.ssrc() => {
                stream.on_sender_report(&info, arrival_ns);
            }
            _ => {}
        })?;
        Ok(())
    })
    .is_some()
}

/// Ends the stream; its totals stay in its group.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mm_stream_free(stream: *mut Stream) {
    // SAFETY: the caller's duty is passed on.
    let stream = unsafe { take(stream) };
    guarded(|| {
        drop(stream);
        Ok(())
    });
}

/// A sent stream, as mm_stream_new: {direction="outgoing",kind="audio"}.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mm_sender_new(
    registry: *const Registry,
    direction: *const c_char,
    kind: *const c_char,
    ssrc: u32,
    clock_rate: u32,
) -> *mut Sender {
    guarded(|| {
        // SAFETY: the caller's duty is passed on.
        let registry = unsafe { shared(registry, "registry") }?;
        // SAFETY: likewise.
        let direction = unsafe { text(direction, "direction") }?;
        // SAFETY: likewise.
        let kind = unsafe { text(kind, "kind") }?;
        let group = registry.0.sender_group(&[direction, kind])?;
        let config = SenderConfig::new(ssrc, clock_rate);
        Ok(give(Sender(registry.0.sender(&group, config)?)))
    })
    .unwrap_or_default()
}

/// Records a packet that left, as mm_stream_on_rtp.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mm_sender_on_rtp(
    sender: *mut Sender,
    packet: *const u8,
    len: usize,
    departure_ns: u64,
) -> bool {
    guarded(|| {
        // SAFETY: the caller's duty is passed on.
        let sender = unsafe { owned(sender, "sender") }?;
        // SAFETY: likewise.
        let packet = unsafe { array(packet, len, "packet") }?;
        sender.0.on_rtp(&RtpHeader::parse(packet)?, departure_ns);
        Ok(())
    })
    .is_some()
}

/// Records what RTCP from the receiver says about this stream: reports (loss, jitter), extended reports, NACK, PLI, FIR,
/// REMB, transport-wide feedback. What is about others is left alone, so a compound may be handed to all streams that its
/// sender gets. False if it is no RTCP.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mm_sender_on_rtcp(
    sender: *mut Sender,
    datagram: *const u8,
    len: usize,
    arrival_ns: u64,
) -> bool {
    guarded(|| {
        // SAFETY: the caller's duty is passed on.
        let sender = &mut unsafe { owned(sender, "sender") }?.0;
        // SAFETY: likewise.
        let datagram = unsafe { array(datagram, len, "datagram") }?;
        rtcp::parse(datagram, |event| {
            // It looks for itself whom the event is about.
            sender.on_event(&event, arrival_ns);
        })?;
        Ok(())
    })
    .is_some()
}

/// Ends the stream; its totals stay in its group.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mm_sender_free(sender: *mut Sender) {
    // SAFETY: the caller's duty is passed on.
    let sender = unsafe { take(sender) };
    guarded(|| {
        drop(sender);
        Ok(())
    });
}
