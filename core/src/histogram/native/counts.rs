//! How many samples each exponential bucket holds.
//!
//! Lives here: what a merge makes of a layout's counts while it has them at hand. Not here: what is made of it for a
//! scraper (`buckets`).

use std::ops::Range;

use super::NativeCuts;

/// The exponential buckets that hold a sample, ascending: each with how far it is behind the first, and its count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::histogram) struct NativeCounts(Vec<(u16, u64)>);

impl NativeCounts {
    pub(super) fn populated(&self) -> &[(u16, u64)] {
        &self.0
    }

    /// Becomes what is in `counts` of a layout, which has samples only in the ranges that are `occupied`; these ascend.
    ///
    /// - **Cost**: reads the counts in those ranges, and some nanoseconds for each exponential bucket there.
    pub(in crate::histogram) fn recount(
        &mut self,
        cuts: &NativeCuts,
        counts: &[u64],
        occupied: impl Iterator<Item = Range<usize>>,
    ) {
        self.0.clear();
        let mut runs = cuts.runs();
        let mut start = 1; // the first holds zeros, which are apart
        for range in occupied {
            let before = runs.partition_point(|run| run.end as usize <= range.start);
            if let Some(last) = before.checked_sub(1).and_then(|at| runs.get(at)) {
                start = start.max(last.end as usize);
            }
            runs = runs.get(before..).unwrap_or_default();
            // One that reaches into the next range is counted here, as a whole.
            while let Some((run, rest)) = runs.split_first().filter(|_| start < range.end) {
                let own = counts.get(start..run.end as usize).unwrap_or_default();
                let n = own.iter().fold(0, |sum: u64, &n| sum.saturating_add(n));
                if n > 0 {
                    self.0.push((run.bucket, n));
                }
                start = run.end as usize;
                runs = rest;
            }
        }
    }
}
