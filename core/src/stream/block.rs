//! What one stream publishes: its numbers, behind a sequence lock.
//!
//! Lives here: the words, their order, reading them whole. Not here: what a packet does to them
//! (`stream`), folding (`reporter`).
//!
//! The block is the stream's shard: a packet is counted here once, and everything else is derived by
//! the reporter. Models: `models/sequence.rs`, `models/stream_end.rs`.

use std::mem::offset_of;
use std::sync::OnceLock;

use super::losses::LossCells;
#[cfg(not(media_metrics_loom))]
use super::peer::PeerCells;
use crate::cell::{Cell, Sequence, Version};
#[cfg(not(media_metrics_loom))]
use crate::judge::Standing;
use crate::rtp::JitterValue;

/// Totals of one stream, by position.
pub(crate) type Totals = [u64; TOTALS];

/// Positions in [`Totals`].
pub(crate) mod total {
    /// RTP packets of this SSRC, duplicates and stale ones included.
    pub(crate) const PACKETS: usize = 0;
    /// Header, payload and padding of those.
    pub(crate) const BYTES: usize = 1;
    pub(crate) const HEADER_BYTES: usize = 2;
    pub(crate) const PADDING_BYTES: usize = 3;
    /// Numbers that were skipped when they were due.
    pub(crate) const MISSING: usize = 4;
    /// Of those, numbers that came later.
    pub(crate) const RECOVERED: usize = 5;
    /// Packets behind the highest number, duplicates and stale ones not included.
    pub(crate) const REORDERED: usize = 6;
    pub(crate) const DUPLICATES: usize = 7;
    pub(crate) const STALE: usize = 8;
    pub(crate) const FRAMES: usize = 9;
    pub(crate) const RESTARTS: usize = 10;
    /// Packets that the next one will settle: suspects that were not found stale or part of a restart.
    /// A level, not a total: 0 or 1.
    pub(crate) const SUSPECTS: usize = 11;
}

/// Number of [`Totals`].
pub(crate) const TOTALS: usize = 12;

/// Numbers of one stream that no group sums up, by position: levels, which mean something only now, maxima,
/// and totals of what is rare (the owner adds those to the group itself).
pub(crate) type Levels = [u64; LEVELS];

/// Positions in [`Levels`].
pub(crate) mod level {
    /// Interarrival jitter: bits of a `JitterValue`.
    pub(crate) const JITTER: usize = 0;
    /// The largest one so far.
    pub(crate) const JITTER_MAX: usize = 1;
    /// The sum of those after each step of the filter. It wraps when the mean jitter in seconds times the
    /// frames passes 10^9: after 266 days at 50 frames a second with a jitter of a second.
    pub(crate) const JITTER_SUM: usize = 2;
    /// Highest sequence number, extended: see `rtp::highest_of`.
    pub(crate) const HIGHEST: usize = 3;
    /// Timestamp of the newest frame, extended.
    pub(crate) const TIMESTAMP: usize = 4;
    /// Arrival of the last packet on the host's monotonic clock.
    pub(crate) const LAST_ARRIVAL_NS: usize = 5;
    /// Largest time between two arrivals.
    pub(crate) const INTERARRIVAL_MAX_NS: usize = 6;
    // From here on not touched by a packet in order.
    /// Frames for which the jitter filter did not step: the first of each run.
    pub(crate) const FRAMES_NOT_COMPARED: usize = 7;
    pub(crate) const FIRST_ARRIVAL_NS: usize = 8;
    /// Clock skew in parts per million: bits of an `f64`, NaN as long as it is unknown.
    pub(crate) const SKEW_PPM: usize = 9;
    /// Farthest that a packet came behind the highest number.
    pub(crate) const DEPTH_MAX: usize = 10;
    /// Packets without payload.
    pub(crate) const PADDING_PACKETS: usize = 11;
    pub(crate) const DUPLICATE_BYTES: usize = 12;
    pub(crate) const KEY_FRAMES: usize = 13;
}

/// Number of [`Levels`].
pub(crate) const LEVELS: usize = 14;

/// One stream's published numbers.
///
/// Without padding to a cache line on purpose (it would cost up to 64 bytes a stream): what stands at
/// the end is never written after it was made, so that neighbours on the heap do not share written lines.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Block {
    pub(crate) sequence: Sequence,
    pub(crate) totals: [Cell; TOTALS],
    pub(crate) levels: [Cell; LEVELS],
    pub(crate) losses: OnceLock<Box<LossCells>>,
    #[cfg(not(media_metrics_loom))]
    pub(crate) peer: OnceLock<Box<PeerCells>>,
    /// If it is scored.
    #[cfg(not(media_metrics_loom))]
    pub(crate) standing: OnceLock<Box<Standing>>,
    pub(crate) identity: Identity,
}

/// What never changes in a stream's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Unlike any other stream's of this registry.
    pub(crate) id: u64,
    pub(crate) ssrc: u32,
    pub(crate) clock_rate: u32,
    /// Position of the label group in the registry's list.
    pub(crate) group: u32,
}

/// A level that is a float and not known.
pub(crate) const UNKNOWN: u64 = f64::NAN.to_bits();

/// How often a reader tries before it leaves a busy stream for later: a write takes nanoseconds, so
/// this fails only when the writer was stopped in the middle of one.
pub(crate) const READ_TRIES: u32 = 64;

impl Block {
    /// Bytes that a packet in order touches.
    pub(crate) const HOT: usize =
        offset_of!(Self, levels) + level::FRAMES_NOT_COMPARED * size_of::<Cell>();

    pub(crate) fn new(identity: Identity) -> Self {
        Self {
            sequence: Sequence::new(),
            totals: std::array::from_fn(|_| Cell::new(0)),
            levels: std::array::from_fn(|i| {
                Cell::new(if i == level::SKEW_PPM { UNKNOWN } else { 0 })
            }),
            losses: OnceLock::new(),
            #[cfg(not(media_metrics_loom))]
            peer: OnceLock::new(),
            #[cfg(not(media_metrics_loom))]
            standing: OnceLock::new(),
            identity,
        }
    }

    /// What groups are made of, all of one moment: the totals and the jitter. `None` if the writer was busy
    /// all the while.
    pub(crate) fn read(&self, tries: u32) -> Option<(Version, Totals, JitterValue)> {
        self.sequence
            .read(tries, || {
                let totals = std::array::from_fn(|i| self.totals[i].get());
                (totals, self.levels[level::JITTER].get())
            })
            .map(|(version, (totals, jitter))| (version, totals, JitterValue::from_bits(jitter)))
    }
}
