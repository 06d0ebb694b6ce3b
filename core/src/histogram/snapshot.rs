//! A merged histogram: counts of one moment, and what can be computed from them.
//!
//! Lives here: plain counts, quantiles, classic buckets, conversion into `hdrhistogram`. Not here:
//! atomics, which thread recorded what (`record`).

use std::sync::Arc;

use super::Layout;
use crate::desc::Desc;

/// Counts of one histogram series, merged over all threads.
///
/// `count` is the buckets' total, so the two can't disagree. `sum` is kept apart by the recording
/// threads: a sample that is being recorded during the merge may be in one and not yet in the other.
#[derive(Clone, Debug, PartialEq)]
pub struct HistogramSnapshot {
    layout: Layout,
    /// For each bound of the description: how many leading buckets lie at or below it.
    splits: Arc<[u32]>,
    pub(crate) counts: Vec<u64>,
    pub(crate) sum: u64,
    pub(crate) clamped: u64,
}

impl HistogramSnapshot {
    /// An empty histogram for a family's layout and bounds.
    #[must_use]
    pub fn new(desc: &Desc) -> Self {
        Self::with_splits(desc.layout(), splits(desc))
    }

    pub(crate) fn with_splits(layout: Layout, splits: Arc<[u32]>) -> Self {
        Self {
            layout,
            splits,
            counts: vec![0; layout.len()],
            sum: 0,
            clamped: 0,
        }
    }

    /// Adds one sample. (Hot paths record through [`Histogram`](super::Histogram).)
    pub fn record(&mut self, value: u64) {
        let max = self.layout.max_value();
        if let Some(c) = self.counts.get_mut(self.layout.index(value.min(max))) {
            *c += 1;
        }
        self.sum = self.sum.saturating_add(value);
        self.clamped += u64::from(value > max);
    }

    pub(crate) fn clear(&mut self) {
        self.counts.fill(0);
        self.sum = 0;
        self.clamped = 0;
    }

    /// How values map to buckets.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// Counts of the buckets of [`layout`](Self::layout).
    #[must_use]
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Number of samples.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Sum of all samples in recorded units; stays at `u64::MAX` once it got there.
    #[must_use]
    pub const fn sum(&self) -> u64 {
        self.sum
    }

    /// Samples above the layout's maximum: they count in the top bucket.
    #[must_use]
    pub const fn clamped(&self) -> u64 {
        self.clamped
    }

    /// Cumulative counts of the family's classic buckets, then the total (`+Inf`).
    ///
    /// A value equal to a bound is always below it. A value above it counts below only if the bucket
    /// that the bound cuts holds both: an error of at most `bound / 10^digits`.
    pub fn classic(&self) -> impl Iterator<Item = u64> {
        let mut at = 0;
        let mut total = 0;
        let ends = self
            .splits
            .iter()
            .map(|&s| s as usize)
            .chain([self.counts.len()]);
        ends.map(move |end| {
            total += self
                .counts
                .get(at..end)
                .map_or(0, |c| c.iter().sum::<u64>());
            at = at.max(end);
            total
        })
    }

    /// The smallest recorded value that at least a share `q` of all samples does not exceed, as its
    /// bucket's highest value; `None` without samples.
    ///
    /// `q` outside `0..=1` counts as the nearer end, NaN as 0.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<u64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let q = if q.is_nan() { 0.0 } else { q.clamp(0.0, 1.0) };
        let rank = ((q * count as f64).ceil() as u64).clamp(1, count);
        let mut seen = 0;
        let at = self.counts.iter().position(|&c| {
            seen += c;
            seen >= rank
        })?;
        Some(self.layout.highest(at).min(self.layout.max_value()))
    }

    /// The highest value of the highest bucket that holds a sample; `None` without samples.
    #[must_use]
    pub fn max(&self) -> Option<u64> {
        let at = self.counts.iter().rposition(|&c| c > 0)?;
        Some(self.layout.highest(at).min(self.layout.max_value()))
    }

    /// The same distribution as an [`hdrhistogram::Histogram`], count for count.
    ///
    /// # Errors
    /// What `hdrhistogram` says, if the layout's maximum is beyond its own (`u64::MAX / 2`).
    pub fn to_hdr(
        &self,
    ) -> Result<hdrhistogram::Histogram<u64>, hdrhistogram::errors::CreationError> {
        let (max, digits) = (self.layout.max_value(), self.layout.digits());
        let mut h = hdrhistogram::Histogram::new_with_bounds(1, max, digits)?;
        for (i, &n) in self.counts.iter().enumerate().filter(|&(_, &n)| n > 0) {
            h.saturating_record_n(self.layout.lowest(i), n);
        }
        Ok(h)
    }
}

/// For each bound of a description: how many leading buckets lie at or below it.
pub(crate) fn splits(desc: &Desc) -> Arc<[u32]> {
    let layout = desc.layout();
    let scale = desc.recorded_per_unit();
    // A bound like 0.1 s is not exactly 10^8 ns in binary: round to the nearest recorded unit.
    desc.bounds()
        .iter()
        .map(|b| layout.split(round_if_close(b * scale)) as u32)
        .collect()
}

/// The nearest whole number if it is within a few units in the last place, else the number itself.
fn round_if_close(v: f64) -> f64 {
    let rounded = v.round();
    if (v - rounded).abs() <= v.abs() * 4.0 * f64::EPSILON {
        rounded
    } else {
        v
    }
}
