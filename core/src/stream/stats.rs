//! One stream's numbers, read: plain values and what follows from them.
//!
//! Lives here: derived figures. Not here: how they were gathered.

use super::block::{Block, Identity, Levels, Totals, level, total};
use super::peer::{RemoteSenderStats, RequestStats};
use crate::quality::Quality;
use crate::rtp::{BurstStats, JitterValue, LossRuns, highest_of, timestamp_of};
use crate::worst::Figures;

/// What a stream received, as of one moment.
///
/// `seen + lost = expected` at any moment, where `seen` is what came of the numbers expected.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct StreamStats {
    /// Packets received, duplicates included.
    pub packets: u64,
    /// Bytes received: RTP header, payload and padding.
    pub bytes: u64,
    /// Bytes of RTP headers (with CSRCs and extensions).
    pub header_bytes: u64,
    /// Bytes of padding.
    pub padding_bytes: u64,
    /// Packets of nothing but padding.
    pub padding_packets: u64,
    /// Sequence numbers from each run's first to its highest: RFC 3550 A.3 "expected", summed over
    /// restarts.
    pub expected: u64,
    /// Numbers expected and never seen (so far: a late packet takes one off).
    pub lost: u64,
    /// Packets whose number had come before.
    pub duplicates: u64,
    /// Bytes of those.
    pub duplicate_bytes: u64,
    /// Numbers that were missing when they were due, and came later.
    pub recovered: u64,
    /// Packets that came after one with a higher number, duplicates not included.
    pub reordered: u64,
    /// How far, in packets, the one of them that was farthest behind came after the highest number.
    pub reordering_depth_max: u64,
    /// Packets too far from the rest of the stream to be placed; in `packets`, in nothing else.
    pub stale: u64,
    /// 1 while the last packet lies so far from the rest that only the next one can tell what it is.
    pub pending: u64,
    /// Frames: timestamps seen in order.
    pub frames: u64,
    /// Key frames, where the stream's video codec is known.
    pub key_frames: u64,
    /// How often the sequence began anew (RFC 3550 A.1).
    pub restarts: u64,
    /// Interarrival jitter in seconds, as W3C webrtc-stats has it.
    pub jitter_seconds: f64,
    /// Interarrival jitter in RTP ticks, as RFC 3550 §6.4.1 has it.
    pub jitter_ticks: f64,
    /// The largest interarrival jitter so far, in seconds.
    pub jitter_max_seconds: f64,
    /// The mean of the jitter after each frame that was compared with the one before, in seconds; 0 before.
    pub jitter_mean_seconds: f64,
    /// The longest time between two packets, in order of arrival, in seconds.
    pub max_interarrival_seconds: f64,
    /// Highest sequence number with its cycles (RFC 3550 §6.4.1), of the run since the last restart;
    /// 0 before the first packet.
    pub highest_sequence: u64,
    /// RTP timestamp of the newest frame, with its wraps since the first.
    pub highest_timestamp: u64,
    /// Arrival of the first packet, nanoseconds on the clock that the host passes in.
    pub first_arrival_ns: u64,
    /// Arrival of the last packet, on the same clock.
    pub last_arrival_ns: u64,
    /// How fast the sender's clock runs against the arrival clock, in parts per million; `None` until it can
    /// be told. See [`Skew`](crate::rtp::Skew).
    pub skew_ppm: Option<f64>,
    /// Bursts and gaps of loss (RFC 3611 4.7.2). Of a stream that is read by others than its owner, without
    /// the last 64 to 128 numbers, of which it is not settled whether they are lost.
    pub bursts: BurstStats,
    /// What was asked of the sender.
    pub requests: RequestStats,
    /// What the sender says in its reports; `None` before the first.
    pub remote: Option<RemoteSenderStats>,
}

impl StreamStats {
    /// As any reader may see it, of one moment; `None` if the stream's writer was busy each of `tries`
    /// times.
    pub(crate) fn read(block: &Block, tries: u32) -> Option<Self> {
        let (_, stats) = block.sequence.read(tries, || Self::of(block, None))?;
        Some(stats)
    }

    /// What the block's words say now; `bursts`, if the caller knows better.
    pub(crate) fn of(block: &Block, bursts: Option<BurstStats>) -> Self {
        let t: &Totals = &std::array::from_fn(|i| block.totals[i].get());
        let l: &Levels = &std::array::from_fn(|i| block.levels[i].get());
        let peer = block.peer.get();
        let published = || block.losses.get().map(|losses| losses.bursts());
        let bursts = bursts.or_else(published).unwrap_or_else(|| without_loss(t));
        let clock_rate = block.identity.clock_rate;
        let lost = lost(t);
        let jitter = |at: usize| JitterValue::from_bits(l[at]).seconds();
        let steps = t[total::FRAMES].saturating_sub(l[level::FRAMES_NOT_COMPARED]);
        Self {
            packets: t[total::PACKETS],
            bytes: t[total::BYTES],
            header_bytes: t[total::HEADER_BYTES],
            padding_bytes: t[total::PADDING_BYTES],
            padding_packets: l[level::PADDING_PACKETS],
            expected: expected(t),
            lost,
            duplicates: t[total::DUPLICATES],
            duplicate_bytes: l[level::DUPLICATE_BYTES],
            recovered: t[total::RECOVERED],
            reordered: t[total::REORDERED],
            reordering_depth_max: l[level::DEPTH_MAX],
            stale: t[total::STALE],
            pending: t[total::SUSPECTS],
            frames: t[total::FRAMES],
            key_frames: l[level::KEY_FRAMES],
            restarts: t[total::RESTARTS],
            jitter_seconds: jitter(level::JITTER),
            jitter_ticks: jitter(level::JITTER) * f64::from(clock_rate),
            jitter_max_seconds: jitter(level::JITTER_MAX),
            jitter_mean_seconds: jitter(level::JITTER_SUM) / steps.max(1) as f64,
            max_interarrival_seconds: l[level::INTERARRIVAL_MAX_NS] as f64 / 1e9,
            highest_sequence: highest_of(l[level::HIGHEST]).unwrap_or(0),
            highest_timestamp: timestamp_of(l[level::TIMESTAMP]),
            first_arrival_ns: l[level::FIRST_ARRIVAL_NS],
            last_arrival_ns: l[level::LAST_ARRIVAL_NS],
            skew_ppm: Some(f64::from_bits(l[level::SKEW_PPM])).filter(|ppm| !ppm.is_nan()),
            bursts,
            requests: peer.map(|peer| peer.requests()).unwrap_or_default(),
            remote: peer.and_then(|peer| peer.remote()),
        }
    }

    /// RFC 3550's cumulative loss: expected less received, duplicates counting as received. Negative
    /// when there are more duplicates than losses.
    #[must_use]
    pub const fn cumulative_lost(&self) -> i64 {
        self.expected.wrapping_sub(self.received()) as i64
    }

    /// Packets that count as received, duplicates included: all but strays.
    pub(crate) const fn received(&self) -> u64 {
        // Fields are the host's to change.
        let strays = self.stale.saturating_add(self.pending);
        self.packets.saturating_sub(strays)
    }
}

/// The bursts of a stream of which no loss has settled.
fn without_loss(totals: &Totals) -> BurstStats {
    let packets = expected(totals);
    BurstStats {
        gaps: u64::from(packets > 0),
        gap_packets: packets,
        ..BurstStats::default()
    }
}

/// Numbers never seen.
pub(crate) const fn lost(t: &Totals) -> u64 {
    t[total::MISSING].saturating_sub(t[total::RECOVERED])
}

/// Numbers expected: those seen, each once, and those lost. Never goes down.
pub(crate) const fn expected(t: &Totals) -> u64 {
    let twice = t[total::DUPLICATES] + t[total::STALE] + t[total::SUSPECTS];
    t[total::PACKETS].saturating_sub(twice) + lost(t)
}

/// One live stream: who it is and what it received.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StreamSnapshot {
    /// Unlike any other stream's of this registry, ever.
    pub id: u64,
    /// Synchronisation source.
    pub ssrc: u32,
    /// RTP clock rate, Hz.
    pub clock_rate: u32,
    /// Label values of the stream's group, in the order of the registry's group labels.
    pub group: Vec<String>,
    /// Its numbers.
    pub stats: StreamStats,
    /// How often how many packets were lost in a row: of numbers that have settled, as in
    /// [`StreamStats::bursts`].
    pub loss_runs: LossRuns,
    /// Its quality, if it is [judged](crate::Registry::judge).
    pub quality: Option<Quality>,
    /// Whose it is, if it is judged as somebody's.
    pub participant: Option<String>,
    /// What it did in the last interval between two merges.
    pub interval: Figures,
}

impl StreamSnapshot {
    /// As of now; `None` if the stream's writer was busy each of `tries` times.
    pub(crate) fn read(block: &Block, tries: u32, group: Vec<String>) -> Option<Self> {
        let words = || {
            let runs = block.losses.get().map(|losses| losses.runs());
            (StreamStats::of(block, None), runs.unwrap_or_default())
        };
        let (_, (stats, loss_runs)) = block.sequence.read(tries, words)?;
        let Identity {
            id,
            ssrc,
            clock_rate,
            ..
        } = block.identity;
        Some(Self {
            id,
            ssrc,
            clock_rate,
            group,
            stats,
            loss_runs,
            quality: None,
            participant: None,
            interval: Figures::default(),
        })
    }
}
