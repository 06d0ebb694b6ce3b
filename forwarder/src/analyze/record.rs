//! What is told of one stream: the contract of `--format json`, and what the other formats are made of.
//!
//! Lives here: the names and units of all figures, and which of them are absent when. Not here: how they
//! look in each format (`output`).

use std::net::SocketAddr;

use media_metrics_core::stream::StreamStats;
use serde::Serialize;

use super::codec::{Media, RateSource};
use super::stream::Reports;
use super::tracks::Key;

/// One stream of a capture. What is not known is absent (`null`), never 0.
///
/// The fields up to `mos` are a contract with their names, units and order; those behind it may grow.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Record {
    /// Synchronisation source.
    pub ssrc: u32,
    /// Source address and port.
    pub src: SocketAddr,
    /// Destination address and port.
    pub dst: SocketAddr,
    /// The payload type of most packets.
    pub payload_type: u8,
    /// RTP clock rate, Hz.
    pub clock_rate: u32,
    /// Packets, duplicates included.
    pub packets: u64,
    /// Bytes of RTP: header, payload and padding. Of a packet cut by the snap length, all it had.
    pub bytes: u64,
    /// Sequence numbers from the first to the highest (RFC 3550 A.3), summed over restarts.
    pub expected: u64,
    /// Numbers never seen.
    pub lost: u64,
    /// RFC 3550's cumulative loss: expected less received, negative with duplicates.
    pub cumulative_lost: i64,
    /// Packets whose number had come before.
    pub duplicates: u64,
    /// Packets that came after one with a higher number, duplicates not included.
    pub out_of_order: u64,
    /// Interarrival jitter (RFC 3550 §6.4.1) at the end, milliseconds; absent of one frame.
    pub jitter_ms: Option<f64>,
    /// Mean of the jitter over all frames but the first.
    pub jitter_mean_ms: Option<f64>,
    /// The largest jitter there was.
    pub jitter_max_ms: Option<f64>,
    /// The longest time between two packets; absent of one packet.
    pub max_delta_ms: Option<f64>,
    /// How often the sequence began anew within the stream.
    pub restarts: u64,
    /// Capture time of the first packet, seconds since 1970.
    pub first_seen: f64,
    /// Capture time of the last packet, seconds since 1970.
    pub last_seen: f64,
    /// Mean opinion score, 1 to 4.5: mean over windows of 5 s, each with its own score; absent of a
    /// stream of no duration.
    pub mos: Option<f64>,

    /// The lowest of those windows.
    pub mos_min: Option<f64>,
    /// Where the clock rate comes from.
    pub(crate) clock_rate_source: RateSource,
    /// Encoding name as in SDP, if it is known.
    pub codec: Option<Box<str>>,
    /// All payload types, the most frequent first; at most 8.
    pub payload_types: Vec<u8>,
    /// From the first packet to the last, seconds.
    pub duration_s: f64,
    /// Bits of RTP a second over the duration.
    pub bitrate_bps: Option<f64>,
    /// Share of `expected` that is lost, per cent.
    pub lost_percent: Option<f64>,
    /// Sequence number of the first packet.
    pub first_sequence: u16,
    /// Highest sequence number, with its cycles since the last restart.
    pub highest_sequence: u64,
    /// Packets too far from the rest to be placed; in `packets`, in nothing else.
    pub stale: u64,
    /// Frames: timestamps seen in order.
    pub frames: u64,
    /// Frames a second over the duration.
    pub frame_rate: Option<f64>,
    /// Bytes of RTP headers, with CSRCs and extensions.
    pub header_bytes: u64,
    /// Bytes of padding.
    pub padding_bytes: u64,
    /// Packets of nothing but padding.
    pub padding_packets: u64,
    /// Numbers that were missing when due, and came later.
    pub recovered: u64,
    /// How far behind the highest number the latest of them was, in packets.
    pub reordering_depth_max: u64,
    /// Bursts of loss (RFC 3611 §4.7.2).
    pub bursts: u64,
    /// Share of packets lost within bursts, 0 to 1; absent without bursts.
    pub burst_density: Option<f64>,
    /// Mean length of a burst in packets; absent without bursts.
    pub burst_packets: Option<f64>,
    /// Share of packets lost outside bursts, 0 to 1.
    pub gap_density: Option<f64>,
    /// The sender's clock against the capture's, parts per million; absent until it can be told.
    pub skew_ppm: Option<f64>,
    /// Packets sent, by the last sender report seen.
    pub reported_packets_sent: Option<u32>,
    /// Cumulative loss, by the last report block about the stream seen.
    pub reported_lost: Option<i32>,
    /// Jitter by that block, milliseconds.
    pub reported_jitter_ms: Option<f64>,
}

/// What is known of a stream besides its statistics.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) key: Key,
    pub(crate) media: Media,
    pub(crate) payload_types: Vec<u8>,
    pub(crate) first_ns: u64,
    pub(crate) last_ns: u64,
    pub(crate) first_sequence: u16,
    /// Mean and lowest.
    pub(crate) mos: Option<(f64, f64)>,
}

impl Record {
    pub(crate) fn new(life: Life, stats: &StreamStats, reports: &Reports) -> Self {
        let clock_rate = life.media.clock_rate.hz();
        let duration_s = (life.last_ns - life.first_ns) as f64 / 1e9;
        let per_second = |n: f64| (duration_s > 0.0).then(|| n / duration_s);
        let ms = |seconds: f64, known: bool| known.then_some(seconds * 1e3);
        let (several, compared) = (stats.packets > 1, stats.frames > 1);
        let block = reports.block();
        Self {
            ssrc: life.key.ssrc,
            src: life.key.src.into(),
            dst: life.key.dst.into(),
            payload_type: life.payload_types.first().copied().unwrap_or(0),
            clock_rate,
            packets: stats.packets,
            bytes: stats.bytes,
            expected: stats.expected,
            lost: stats.lost,
            cumulative_lost: stats.cumulative_lost(),
            duplicates: stats.duplicates,
            out_of_order: stats.reordered,
            jitter_ms: ms(stats.jitter_seconds, compared),
            jitter_mean_ms: ms(stats.jitter_mean_seconds, compared),
            jitter_max_ms: ms(stats.jitter_max_seconds, compared),
            max_delta_ms: ms(stats.max_interarrival_seconds, several),
            restarts: stats.restarts,
            first_seen: life.first_ns as f64 / 1e9,
            last_seen: life.last_ns as f64 / 1e9,
            mos: life.mos.map(|m| m.0),
            mos_min: life.mos.map(|m| m.1),
            clock_rate_source: life.media.source,
            codec: life.media.name,
            payload_types: life.payload_types,
            duration_s,
            bitrate_bps: per_second(stats.bytes as f64 * 8.0),
            lost_percent: (stats.expected > 0)
                .then(|| 100.0 * stats.lost as f64 / stats.expected as f64),
            first_sequence: life.first_sequence,
            highest_sequence: stats.highest_sequence,
            stale: stats.stale + stats.pending,
            frames: stats.frames,
            frame_rate: per_second(stats.frames.saturating_sub(1) as f64),
            header_bytes: stats.header_bytes,
            padding_bytes: stats.padding_bytes,
            padding_packets: stats.padding_packets,
            recovered: stats.recovered,
            reordering_depth_max: stats.reordering_depth_max,
            bursts: stats.bursts.bursts,
            burst_density: stats.bursts.burst_density(),
            burst_packets: stats.bursts.mean_burst_packets(),
            gap_density: stats.bursts.gap_density(),
            skew_ppm: stats.skew_ppm,
            reported_packets_sent: reports.packets_sent(),
            reported_lost: block.map(|b| b.cumulative_lost),
            reported_jitter_ms: block
                .map(|b| f64::from(b.jitter_ticks) * 1e3 / f64::from(clock_rate)),
        }
    }
}
