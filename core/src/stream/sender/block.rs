//! What one sent stream publishes: its numbers, behind a sequence lock.
//!
//! Lives here: the words, their order, reading them whole. Not here: what they mean together (`stats`),
//! folding (`reporter`).
//!
//! The protocol is that of a received stream (`stream::block`), and so are its models.

use std::sync::OnceLock;

use crate::cell::{Cell, Sequence, Version};
use crate::judge::Standing;
use crate::rtp::rtcp::{StatisticsSummary, VoipMetrics};
use crate::stream::block::Identity;

/// All numbers of one sent stream, by position.
pub(crate) type Words = [u64; WORDS];

/// Positions in [`Words`].
pub(crate) mod word {
    use super::{StatisticsSummary, VoipMetrics};

    // Totals that groups sum up.
    pub(crate) const PACKETS: usize = 0;
    pub(crate) const BYTES: usize = 1;
    pub(crate) const HEADER_BYTES: usize = 2;
    pub(crate) const PADDING_BYTES: usize = 3;
    pub(crate) const FRAMES: usize = 4;
    pub(crate) const KEY_FRAMES: usize = 5;
    pub(crate) const RETRANSMITTED_PACKETS: usize = 6;
    pub(crate) const RETRANSMITTED_BYTES: usize = 7;
    pub(crate) const NACKS: usize = 8;
    pub(crate) const NACKED: usize = 9;
    pub(crate) const PLIS: usize = 10;
    pub(crate) const FIRS: usize = 11;
    pub(crate) const REPORTS: usize = 12;
    /// How many those are.
    pub(crate) const FOLDED: usize = 13;

    // Our own, of this stream alone.
    pub(crate) const LAST_DEPARTURE_NS: usize = 13;
    /// Extended: see `rtp::highest_of`.
    pub(crate) const HIGHEST: usize = 14;
    pub(crate) const FIRST_DEPARTURE_NS: usize = 15;
    pub(crate) const PADDING_PACKETS: usize = 16;
    pub(crate) const RETRANSMITTED_PAYLOAD_BYTES: usize = 17;
    pub(crate) const RESTARTS: usize = 18;
    pub(crate) const SENDER_REPORTS: usize = 19;
    pub(crate) const NACKED_AGAIN: usize = 20;
    pub(crate) const RECOVERED: usize = 21;
    pub(crate) const UNANSWERED: usize = 22;
    pub(crate) const RECOVERY_NS: usize = 23;
    pub(crate) const KEY_FRAMES_ASKED: usize = 24;
    pub(crate) const KEY_FRAME_NS: usize = 25;
    pub(crate) const REPORTS_STALE: usize = 26;
    pub(crate) const REPORTS_NOT_SENT: usize = 27;
    pub(crate) const ROUND_TRIPS_IMPOSSIBLE: usize = 28;

    // What the receiver says.
    /// Bits of an `i64`.
    pub(crate) const LOST: usize = 29;
    pub(crate) const FRACTION_LOST: usize = 30;
    pub(crate) const JITTER_TICKS: usize = 31;
    pub(crate) const JITTER_TICKS_MAX: usize = 32;
    pub(crate) const REMOTE_HIGHEST: usize = 33;
    pub(crate) const REMOTE_RESTARTS: usize = 34;
    pub(crate) const LAST_REPORT_NS: usize = 35;
    pub(crate) const ROUND_TRIPS: usize = 36;
    pub(crate) const ROUND_TRIP_NS: usize = 37;
    pub(crate) const ROUND_TRIP_MIN_NS: usize = 38;
    pub(crate) const ROUND_TRIP_MAX_NS: usize = 39;
    pub(crate) const ROUND_TRIP_SUM_NS: usize = 40;
    pub(crate) const ESTIMATES: usize = 41;
    pub(crate) const ESTIMATE_BPS: usize = 42;
    pub(crate) const LAST_ESTIMATE_NS: usize = 43;
    pub(crate) const TRANSPORT_REPORTS: usize = 44;
    pub(crate) const TRANSPORT_PACKETS: usize = 45;
    pub(crate) const TRANSPORT_MISSING: usize = 46;
    /// How many of the blocks below came.
    pub(crate) const SUMMARIES: usize = 47;
    pub(crate) const SUMMARY: usize = 48;
    pub(crate) const VOIPS: usize = SUMMARY + StatisticsSummary::WORDS;
    pub(crate) const VOIP: usize = VOIPS + 1;
    /// Numbers that were not sent when they were due, less those sent later: ours again.
    pub(crate) const SKIPPED: usize = VOIP + VoipMetrics::WORDS;
    /// Numbers up to the highest that the receiver had, and of those the skipped: as of its newest report.
    pub(crate) const REMOTE_EXPECTED: usize = SKIPPED + 1;
    pub(crate) const REMOTE_SKIPPED: usize = REMOTE_EXPECTED + 1;
    /// FIRs with the number of the one before.
    pub(crate) const FIRS_REPEATED: usize = REMOTE_SKIPPED + 1;
    pub(crate) const END: usize = FIRS_REPEATED + 1;
}

/// Number of [`Words`].
pub(crate) const WORDS: usize = word::END;

/// One sent stream's published numbers.
///
/// Without padding to a cache line on purpose, as `stream::block::Block`: the identity at the end is
/// never written.
#[derive(Debug)]
pub(crate) struct SenderBlock {
    pub(crate) sequence: Sequence,
    pub(crate) words: [Cell; WORDS],
    /// If it is scored.
    pub(crate) standing: OnceLock<Box<Standing>>,
    pub(crate) identity: Identity,
}

impl SenderBlock {
    pub(crate) fn new(identity: Identity) -> Self {
        Self {
            sequence: Sequence::new(),
            words: std::array::from_fn(|_| Cell::new(0)),
            standing: OnceLock::new(),
            identity,
        }
    }

    /// The numbers, for their writer.
    pub(crate) fn words(&self) -> Words {
        std::array::from_fn(|i| self.words[i].get())
    }

    /// All numbers, of one moment; `None` if the writer was busy all the while.
    pub(crate) fn read(&self, tries: u32) -> Option<(Version, Words)> {
        self.sequence.read(tries, || self.words())
    }
}
