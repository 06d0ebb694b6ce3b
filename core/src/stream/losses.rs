//! What a stream publishes of its losses: bursts, gaps, runs. Made by the first loss.
//!
//! Lives here: the words. Not here: what a burst is (`rtp::bursts`), the sequence lock that they are written
//! and read under (`block`).

use crate::cell::Cell;
use crate::rtp::{BurstStats, LossRuns};
use crate::sync::{AtomicU32, Relaxed};

/// Bursts and gaps as of the last numbers that settled, and runs of losses by length.
#[derive(Debug)]
pub(crate) struct LossCells {
    bursts: [Cell; 6],
    runs: [AtomicU32; LossRuns::BINS],
}

impl Default for LossCells {
    fn default() -> Self {
        Self {
            bursts: std::array::from_fn(|_| Cell::new(0)),
            runs: std::array::from_fn(|_| AtomicU32::new(0)),
        }
    }
}

impl LossCells {
    /// Writer only.
    pub(crate) fn set_bursts(&self, stats: &BurstStats) {
        let BurstStats {
            bursts,
            burst_packets,
            burst_lost,
            gaps,
            gap_packets,
            gap_lost,
        } = *stats;
        let words = [
            bursts,
            burst_packets,
            burst_lost,
            gaps,
            gap_packets,
            gap_lost,
        ];
        for (cell, word) in self.bursts.iter().zip(words) {
            cell.set(word);
        }
    }

    pub(crate) fn bursts(&self) -> BurstStats {
        let [
            bursts,
            burst_packets,
            burst_lost,
            gaps,
            gap_packets,
            gap_lost,
        ] = std::array::from_fn(|i| self.bursts[i].get());
        BurstStats {
            bursts,
            burst_packets,
            burst_lost,
            gaps,
            gap_packets,
            gap_lost,
        }
    }

    /// Writer only: `len` numbers in a row were lost.
    pub(crate) fn count_run(&self, len: u32) {
        if let Some(cell) = LossRuns::bin(len).and_then(|bin| self.runs.get(bin)) {
            // Relaxed: we are the only writer, and the sequence lock orders it for readers.
            cell.store(cell.load(Relaxed).saturating_add(1), Relaxed);
        }
    }

    pub(crate) fn runs(&self) -> LossRuns {
        // Relaxed: as above.
        LossRuns::from_counts(std::array::from_fn(|i| self.runs[i].load(Relaxed)))
    }
}
