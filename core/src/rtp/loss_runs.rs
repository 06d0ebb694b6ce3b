//! How many packets were lost in a row, and how often.
//!
//! Lives here: the histogram of a stream's runs of losses. Not here: when a run has ended (`bursts`).

/// How often how many packets were lost in a row: a histogram of the holes in a stream's numbers.
///
/// 404 bytes, counts saturate. It is fed by [`Bursts::on_word`](super::Bursts::on_word) or
/// [`Bursts::on_received`](super::Bursts::on_received).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LossRuns([u32; Self::BINS]);

impl Default for LossRuns {
    fn default() -> Self {
        Self([0; Self::BINS])
    }
}

impl LossRuns {
    /// One for each length from 1 to 100, and one for 101 or more.
    pub const BINS: usize = 101;

    /// Runs by length, as [`counts`](Self::counts) gives them.
    pub(crate) const fn from_counts(counts: [u32; Self::BINS]) -> Self {
        Self(counts)
    }

    /// Where runs of `len` are counted; `None` for none.
    pub(crate) fn bin(len: u32) -> Option<usize> {
        (len as usize).min(Self::BINS).checked_sub(1)
    }

    /// `len` packets in a row were lost, and the one after came; 0 is nothing.
    pub fn on_run(&mut self, len: u32) {
        if let Some(count) = Self::bin(len).and_then(|bin| self.0.get_mut(bin)) {
            *count = count.saturating_add(1);
        }
    }

    /// Runs by length: `counts()[n - 1]` of n packets, the last of 101 or more.
    #[must_use]
    pub const fn counts(&self) -> &[u32; Self::BINS] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_stop_at_their_largest() {
        let mut runs = LossRuns([u32::MAX - 1; LossRuns::BINS]);
        for len in [0, 1, 100, 101, u32::MAX] {
            (0..2).for_each(|_| runs.on_run(len));
        }
        assert_eq!(runs.counts()[0], u32::MAX);
        assert_eq!(runs.counts()[99..], [u32::MAX; 2]);
        assert_eq!(runs.counts()[1], u32::MAX - 1);
    }
}
