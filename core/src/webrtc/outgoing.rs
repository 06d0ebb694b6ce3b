//! Streams that we send: what we measure, and what their receivers report.
//!
//! Lives here: `RTCOutboundRtpStreamStats`, `RTCRemoteInboundRtpStreamStats`. Not here: streams that we
//! receive (`incoming`).

use serde::Serialize;

use super::base::{
    Clock, Kind, ReceivedRtpStreamStats, RtpStreamStats, SentRtpStreamStats, unsigned_long,
};
use crate::stream::SenderSnapshot;

/// `RTCOutboundRtpStreamStats`, `type` `outbound-rtp`: a stream that we send, as we measure it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename = "outbound-rtp", rename_all = "camelCase")]
#[non_exhaustive]
pub struct OutboundRtpStreamStats {
    /// Who and when.
    #[serde(flatten)]
    pub rtp: RtpStreamStats,
    /// Packets and bytes.
    #[serde(flatten)]
    pub sent: SentRtpStreamStats,
    /// Media section of the session description. The host's to fill in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mid: Option<String>,
    /// Restriction identifier of the layer (RFC 8851), video only. The host's to fill in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rid: Option<String>,
    /// `id` of the stream's [`RemoteInboundRtpStreamStats`], if its receiver has reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_id: Option<String>,
    /// Bytes of headers (with CSRCs and extensions) and of padding.
    pub header_bytes_sent: u64,
    /// Packets sent again, of those sent.
    pub retransmitted_packets_sent: u64,
    /// Bytes of payload of those.
    pub retransmitted_bytes_sent: u64,
    /// SSRC of the stream's retransmissions, if there is one. The host's to fill in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtx_ssrc: Option<u32>,
    /// Frames of which a packet was sent; video only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames_sent: Option<u32>,
    /// NACK packets received (RFC 4585 §6.2.1).
    pub nack_count: u32,
    /// FIR packets received, repetitions included (RFC 5104 §4.3.1); video only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fir_count: Option<u32>,
    /// PLI packets received (RFC 4585 §6.3.1); video only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pli_count: Option<u32>,
}

/// `RTCRemoteInboundRtpStreamStats`, `type` `remote-inbound-rtp`: a stream that we send, as its receiver
/// reports it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename = "remote-inbound-rtp", rename_all = "camelCase")]
#[non_exhaustive]
pub struct RemoteInboundRtpStreamStats {
    /// Who, and when the last report came.
    #[serde(flatten)]
    pub rtp: RtpStreamStats,
    /// Loss and jitter.
    #[serde(flatten)]
    pub received: ReceivedRtpStreamStats,
    /// `id` of the stream's [`OutboundRtpStreamStats`].
    pub local_id: String,
    /// Share of packets lost between the last two reports, 0 to 255/256.
    pub fraction_lost: f64,
    /// Round trip in seconds; `None` until one was measured (RFC 3550 §6.4.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trip_time: Option<f64>,
    /// Sum of all round trips, seconds.
    pub total_round_trip_time: f64,
    /// How many there were.
    pub round_trip_time_measurements: u64,
}

/// A stream that we send: what we measure, and what its receiver reports, if it has.
///
/// ```
/// use media_metrics_core::webrtc::{Clock, Kind, outgoing};
/// use media_metrics_core::{Registry, SenderConfig};
/// let registry = Registry::new()?;
/// let group = registry.sender_group(&["outgoing", "video"])?;
/// let _stream = registry.sender(&group, SenderConfig::new(0x1234, 90_000))?;
/// registry.collect();
/// let clock = Clock::new(0, std::time::SystemTime::now());
/// for stream in registry.senders() {
///     let (outbound, remote) = outgoing(&stream, Kind::Video, &clock);
///     let json = serde_json::to_value(&outbound)?;
///     assert_eq!((&json["type"], &json["packetsSent"]), (&"outbound-rtp".into(), &0.into()));
///     assert!(remote.is_none(), "its receiver has not reported yet");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn outgoing(
    stream: &SenderSnapshot,
    kind: Kind,
    clock: &Clock,
) -> (OutboundRtpStreamStats, Option<RemoteInboundRtpStreamStats>) {
    let (sent, feedback) = (&stream.stats.sent, &stream.stats.feedback);
    let local = format!("outbound-rtp-{}", stream.id);
    let remote = format!("remote-inbound-rtp-{}", stream.id);
    let rtp = |id: &str, timestamp| RtpStreamStats {
        timestamp,
        id: id.to_owned(),
        ssrc: stream.ssrc,
        kind,
    };
    let video = |n: u64| (kind == Kind::Video).then(|| unsigned_long(n));
    let overhead = sent.header_bytes + sent.padding_bytes;
    let outbound = OutboundRtpStreamStats {
        rtp: rtp(&local, clock.now()),
        sent: SentRtpStreamStats {
            packets_sent: sent.packets,
            bytes_sent: sent.bytes.saturating_sub(overhead),
        },
        mid: None,
        rid: None,
        remote_id: stream.stats.remote.map(|_| remote.clone()),
        header_bytes_sent: overhead,
        retransmitted_packets_sent: sent.retransmitted_packets,
        retransmitted_bytes_sent: sent.retransmitted_payload_bytes,
        rtx_ssrc: None,
        frames_sent: video(sent.frames),
        nack_count: unsigned_long(feedback.nacks),
        fir_count: video(feedback.firs.saturating_add(feedback.firs_repeated)),
        pli_count: video(feedback.plis),
    };
    let inbound = stream.stats.remote.map(|said| RemoteInboundRtpStreamStats {
        rtp: rtp(&remote, clock.at(said.last_report_ns)),
        received: ReceivedRtpStreamStats {
            packets_received: None,
            packets_lost: said.lost,
            jitter: said.jitter_seconds,
        },
        local_id: local,
        fraction_lost: said.fraction_lost,
        round_trip_time: said.rtt.map(|rtt| rtt.seconds),
        total_round_trip_time: said.rtt.map_or(0.0, |rtt| rtt.total_seconds),
        round_trip_time_measurements: said.rtt.map_or(0, |rtt| rtt.measurements),
    });
    (outbound, inbound)
}
