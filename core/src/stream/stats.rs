//! One stream's numbers, read: plain values and what follows from them.
//!
//! Lives here: derived figures. Not here: how they were gathered.

use super::block::{Identity, Levels, Totals, total};
use crate::rtp::highest_of;

/// What a stream received, as of one moment.
///
/// `seen + lost = expected` at any moment, where `seen` is what came of the numbers expected.
#[derive(Clone, Copy, Debug, PartialEq)]
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
    /// Sequence numbers from each run's first to its highest: RFC 3550 A.3 "expected", summed over
    /// restarts.
    pub expected: u64,
    /// Numbers expected and never seen (so far: a late packet takes one off).
    pub lost: u64,
    /// Packets whose number had come before.
    pub duplicates: u64,
    /// Packets that came after one with a higher number, duplicates not included.
    pub reordered: u64,
    /// Packets too far from the rest of the stream to be placed; in `packets`, in nothing else.
    pub stale: u64,
    /// 1 while the last packet lies so far from the rest that only the next one can tell what it is.
    pub pending: u64,
    /// Frames: timestamps seen in order.
    pub frames: u64,
    /// How often the sequence began anew (RFC 3550 A.1).
    pub restarts: u64,
    /// Interarrival jitter in seconds, as W3C webrtc-stats has it.
    pub jitter_seconds: f64,
    /// Interarrival jitter in RTP ticks, as RFC 3550 §6.4.1 has it.
    pub jitter_ticks: f64,
    /// Highest sequence number with its cycles (RFC 3550 §6.4.1), of the run since the last restart;
    /// 0 before the first packet.
    pub highest_sequence: u64,
    /// Arrival of the last packet, nanoseconds on the clock that the host passes in.
    pub last_arrival_ns: u64,
}

impl StreamStats {
    pub(crate) fn new(t: &Totals, levels: &Levels, clock_rate: u32) -> Self {
        let lost = lost(t);
        Self {
            packets: t[total::PACKETS],
            bytes: t[total::BYTES],
            header_bytes: t[total::HEADER_BYTES],
            padding_bytes: t[total::PADDING_BYTES],
            expected: expected(t),
            lost,
            duplicates: t[total::DUPLICATES],
            reordered: t[total::REORDERED],
            stale: t[total::STALE],
            pending: t[total::SUSPECTS],
            frames: t[total::FRAMES],
            restarts: t[total::RESTARTS],
            jitter_seconds: levels.jitter.seconds(),
            jitter_ticks: levels.jitter.seconds() * f64::from(clock_rate),
            highest_sequence: highest_of(levels.extended).unwrap_or(0),
            last_arrival_ns: levels.last_arrival_ns,
        }
    }

    /// RFC 3550's cumulative loss: expected less received, duplicates counting as received. Negative
    /// when there are more duplicates than losses.
    #[must_use]
    pub const fn cumulative_lost(&self) -> i64 {
        self.expected
            .wrapping_sub(self.packets - self.stale - self.pending) as i64
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
}

impl StreamSnapshot {
    pub(crate) fn new(identity: &Identity, group: Vec<String>, stats: StreamStats) -> Self {
        let Identity {
            id,
            ssrc,
            clock_rate,
            ..
        } = *identity;
        Self {
            id,
            ssrc,
            clock_rate,
            group,
            stats,
        }
    }
}
