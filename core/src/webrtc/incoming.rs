//! Streams that we receive: what we measure, and what their senders report.
//!
//! Lives here: `RTCInboundRtpStreamStats`, `RTCRemoteOutboundRtpStreamStats`. Not here: streams that we
//! send (`outgoing`).

use serde::Serialize;

use super::base::{
    Clock, Kind, ReceivedRtpStreamStats, RtpStreamStats, SentRtpStreamStats, ntp_time,
    unsigned_long,
};
use crate::stream::StreamSnapshot;

/// `RTCInboundRtpStreamStats`, `type` `inbound-rtp`: a stream that we receive, as we measure it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename = "inbound-rtp", rename_all = "camelCase")]
#[non_exhaustive]
pub struct InboundRtpStreamStats {
    /// Who and when.
    #[serde(flatten)]
    pub rtp: RtpStreamStats,
    /// Packets, loss, jitter.
    #[serde(flatten)]
    pub received: ReceivedRtpStreamStats,
    /// Identifier of the track that the stream carries, as the host's signalling has it.
    pub track_identifier: String,
    /// Media section of the session description. The host's to fill in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mid: Option<String>,
    /// `id` of the stream's [`RemoteOutboundRtpStreamStats`], if its sender has reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_id: Option<String>,
    /// When the last packet came, milliseconds since 1970; `None` before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_packet_received_timestamp: Option<f64>,
    /// Bytes of headers (with CSRCs and extensions) and of padding.
    pub header_bytes_received: u64,
    /// Bytes of payload. With `header_bytes_received`, all bytes of RTP.
    pub bytes_received: u64,
    /// Complete frames, video only. The host's to fill in, if it puts frames together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames_received: Option<u32>,
    /// NACK packets sent (RFC 4585 §6.2.1), as far as the stream was told.
    pub nack_count: u32,
    /// FIR packets sent (RFC 5104 §4.3.1), likewise; video only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fir_count: Option<u32>,
    /// PLI packets sent (RFC 4585 §6.3.1), likewise; video only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pli_count: Option<u32>,
    /// SSRC of the stream's retransmissions, if there is one. The host's to fill in, with the next two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtx_ssrc: Option<u32>,
    /// Retransmitted packets, of those received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retransmitted_packets_received: Option<u64>,
    /// Bytes of payload of those.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retransmitted_bytes_received: Option<u64>,
}

/// `RTCRemoteOutboundRtpStreamStats`, `type` `remote-outbound-rtp`: a stream that we receive, as its
/// sender reports it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename = "remote-outbound-rtp", rename_all = "camelCase")]
#[non_exhaustive]
pub struct RemoteOutboundRtpStreamStats {
    /// Who, and when the last report came.
    #[serde(flatten)]
    pub rtp: RtpStreamStats,
    /// Packets and bytes.
    #[serde(flatten)]
    pub sent: SentRtpStreamStats,
    /// `id` of the stream's [`InboundRtpStreamStats`].
    pub local_id: String,
    /// When the last report left, by the sender's clock, milliseconds since 1970; `None` if it has no clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_timestamp: Option<f64>,
    /// Sender reports sent, as far as they came.
    pub reports_sent: u64,
    /// Round trip in seconds, if the last report measured one (RFC 3611 §4.5). The host's to fill in, with
    /// the next two, if it sends reference times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trip_time: Option<f64>,
    /// Sum of all round trips, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_round_trip_time: Option<f64>,
    /// How many there were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trip_time_measurements: Option<u64>,
}

/// A stream that we receive: what we measure, and what its sender reports, if it has.
///
/// `track` is the identifier of the track that it carries, which the standard requires: the track's `id`
/// of a browser's publisher, whatever signalling calls it elsewhere.
///
/// ```
/// use media_metrics_core::webrtc::{Clock, Kind, incoming};
/// use media_metrics_core::{Registry, StreamConfig};
/// let registry = Registry::new()?;
/// let group = registry.group(&["incoming", "audio"])?;
/// let _stream = registry.stream(&group, StreamConfig::new(0x1234, 48_000))?;
/// registry.collect();
/// let clock = Clock::new(0, std::time::SystemTime::now());
/// for stream in registry.streams() {
///     let (inbound, _) = incoming(&stream, Kind::Audio, "microphone", &clock);
///     let json = serde_json::to_value(&inbound)?;
///     assert_eq!((&json["type"], &json["ssrc"]), (&"inbound-rtp".into(), &0x1234.into()));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn incoming(
    stream: &StreamSnapshot,
    kind: Kind,
    track: &str,
    clock: &Clock,
) -> (InboundRtpStreamStats, Option<RemoteOutboundRtpStreamStats>) {
    let (id, stats) = (stream.id, &stream.stats);
    let (local, remote) = (
        format!("inbound-rtp-{id}"),
        format!("remote-outbound-rtp-{id}"),
    );
    let rtp = |id: &str, timestamp| RtpStreamStats {
        timestamp,
        id: id.to_owned(),
        ssrc: stream.ssrc,
        kind,
    };
    let asked = &stats.requests;
    let video = |n: u64| (kind == Kind::Video).then(|| unsigned_long(n));
    let placed = stats.packets.saturating_sub(stats.stale + stats.pending);
    let overhead = stats.header_bytes + stats.padding_bytes;
    let inbound = InboundRtpStreamStats {
        rtp: rtp(&local, clock.now()),
        received: ReceivedRtpStreamStats {
            packets_received: Some(placed),
            packets_lost: stats.cumulative_lost(),
            jitter: stats.jitter_seconds,
        },
        track_identifier: track.to_owned(),
        mid: None,
        remote_id: stats.remote.map(|_| remote.clone()),
        last_packet_received_timestamp: (stats.packets > 0)
            .then(|| clock.at(stats.last_arrival_ns)),
        header_bytes_received: overhead,
        bytes_received: stats.bytes.saturating_sub(overhead),
        frames_received: None,
        nack_count: unsigned_long(asked.nacks),
        fir_count: video(asked.firs),
        pli_count: video(asked.plis),
        rtx_ssrc: None,
        retransmitted_packets_received: None,
        retransmitted_bytes_received: None,
    };
    let outbound = stats.remote.map(|said| RemoteOutboundRtpStreamStats {
        rtp: rtp(&remote, clock.at(said.arrival_ns)),
        sent: SentRtpStreamStats {
            packets_sent: said.packets,
            bytes_sent: said.octets,
        },
        local_id: local,
        remote_timestamp: ntp_time(said.ntp),
        reports_sent: said.reports,
        round_trip_time: None,
        total_round_trip_time: None,
        round_trip_time_measurements: None,
    });
    (inbound, outbound)
}
