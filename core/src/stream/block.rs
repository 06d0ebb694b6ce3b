//! What one stream publishes: its numbers, behind a sequence lock.
//!
//! Lives here: the words, their order, reading them whole. Not here: what a packet does to them
//! (`stream`), folding (`reporter`).
//!
//! The block is the stream's shard: a packet is counted here once, and everything else is derived by
//! the reporter. Models: `models/sequence.rs`, `models/stream_end.rs`.

use crate::cell::{Cell, Sequence, Version};
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

/// Levels of one stream: they mean something only now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Levels {
    /// Interarrival jitter.
    pub(crate) jitter: JitterValue,
    /// Highest sequence number, extended: see `rtp::highest_of`.
    pub(crate) extended: u64,
    /// Arrival of the last packet, on the host's monotonic clock.
    pub(crate) last_arrival_ns: u64,
}

/// One stream's published numbers.
///
/// Without padding to a cache line on purpose (it would cost up to 64 bytes a stream): what stands at
/// the end is never written after it was made, so that neighbours on the heap do not share written lines.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) sequence: Sequence,
    pub(crate) totals: [Cell; TOTALS],
    pub(crate) jitter: Cell,
    pub(crate) highest: Cell,
    pub(crate) last_arrival_ns: Cell,
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

/// How often a reader tries before it leaves a busy stream for later: a write takes nanoseconds, so
/// this fails only when the writer was stopped in the middle of one.
pub(crate) const READ_TRIES: u32 = 64;

impl Block {
    pub(crate) fn new(identity: Identity) -> Self {
        Self {
            sequence: Sequence::new(),
            totals: std::array::from_fn(|_| Cell::new(0)),
            jitter: Cell::new(0),
            highest: Cell::new(0),
            last_arrival_ns: Cell::new(0),
            identity,
        }
    }

    /// All numbers, of one moment; `None` if the writer was busy all the while.
    pub(crate) fn read(&self, tries: u32) -> Option<(Version, Totals, Levels)> {
        self.sequence
            .read(tries, || {
                let totals = std::array::from_fn(|i| self.totals[i].get());
                let levels = Levels {
                    jitter: JitterValue::from_bits(self.jitter.get()),
                    extended: self.highest.get(),
                    last_arrival_ns: self.last_arrival_ns.get(),
                };
                (totals, levels)
            })
            .map(|(version, (totals, levels))| (version, totals, levels))
    }
}
