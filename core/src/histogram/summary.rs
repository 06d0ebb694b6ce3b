//! A distribution in a few figures.
//!
//! Lives here: what counts of buckets amount to: quantiles, mean, deviation. Not here: whose counts they
//! are (`snapshot`: of all time; `reporter::windows`: of the last seconds), classic buckets.
//!
//! # How far off
//! A sample is known by its bucket, and is taken as the middle of it: off by at most half of what the
//! bucket spans, `value / 2^(k+1)` (0.4 % with two digits), and not at all below `2^(k+1)`. So is the mean.
//! For the deviation, look at samples and errors as vectors: by the triangle inequality the length of a
//! sum is off by at most the errors' length, that is
//!
//! ```text
//! |stddev - exact| <= sqrt(sum of squared errors / (n - 1)) <= largest error * sqrt(n / (n - 1))
//! ```

use super::Layout;

/// A distribution in a few figures, all in the *recorded* unit.
///
/// All come from the counts of the same buckets, so they fit each other; see the fields for how far each
/// may be off.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// Samples.
    pub count: u64,
    /// What half of all samples do not exceed, as in [`quantile`](super::HistogramSnapshot::quantile).
    pub p50: u64,
    /// What 95 % do not exceed.
    pub p95: u64,
    /// What 99 % do not exceed.
    pub p99: u64,
    /// The highest value of the highest bucket in use.
    pub max: u64,
    /// Arithmetic mean: of all time off by at most half a bucket, of a window exact, but for samples that are
    /// just being recorded.
    pub mean: f64,
    /// Sample standard deviation (divided by `n - 1`), off by at most `sqrt(n / (n - 1))` times half of the
    /// widest bucket in use; `None` for a single sample, which says nothing about it.
    pub stddev: Option<f64>,
}

/// Counts of a layout's buckets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Buckets<'a> {
    pub(crate) layout: Layout,
    pub(crate) counts: &'a [u64],
}

impl Buckets<'_> {
    fn count(&self) -> u64 {
        self.counts
            .iter()
            .fold(0, |sum: u64, n| sum.saturating_add(*n))
    }

    /// See [`HistogramSnapshot::quantile`](super::HistogramSnapshot::quantile); `count` is that of all samples.
    pub(crate) fn quantile(&self, q: f64, count: u64) -> Option<u64> {
        if count == 0 {
            return None;
        }
        let q = if q.is_nan() { 0.0 } else { q.clamp(0.0, 1.0) };
        let rank = ((q * count as f64).ceil() as u64).clamp(1, count);
        let mut seen: u64 = 0;
        let at = self.counts.iter().position(|&c| {
            seen = seen.saturating_add(c);
            seen >= rank
        })?;
        Some(self.highest(at))
    }

    /// The highest value of the highest bucket that holds a sample; `None` without samples.
    pub(crate) fn max(&self) -> Option<u64> {
        let at = self.counts.iter().rposition(|&c| c > 0)?;
        Some(self.highest(at))
    }

    fn highest(&self, at: usize) -> u64 {
        self.layout.highest(at).min(self.layout.max_value())
    }

    /// Middle and count of each bucket that holds a sample.
    fn middles(&self) -> impl Iterator<Item = (f64, f64)> {
        self.counts
            .iter()
            .enumerate()
            .filter(|&(_, &n)| n > 0)
            .map(|(at, &n)| {
                let (low, high) = (self.layout.lowest(at), self.highest(at));
                (low as f64 + (high - low) as f64 / 2.0, n as f64)
            })
    }

    /// The mean of samples that add up to `sum`; `None` without samples.
    ///
    /// Within the buckets in use: a sample that is being recorded may be in its bucket and not yet in the sum.
    pub(crate) fn mean_of(&self, sum: u64) -> Option<f64> {
        let first = self.counts.iter().position(|&c| c > 0)?;
        let (low, high) = (self.layout.lowest(first), self.max()?);
        let mean = sum as f64 / self.count() as f64;
        Some(mean.clamp(low as f64, high as f64))
    }

    /// The figures; `None` without samples.
    pub(crate) fn summary(&self) -> Option<Summary> {
        let max = self.max()?;
        let count = self.count();
        let n = count as f64;
        let mean = self.middles().map(|(v, n)| v * n).sum::<f64>() / n;
        let squares: f64 = self.middles().map(|(v, n)| (v - mean).powi(2) * n).sum();
        Some(Summary {
            count,
            p50: self.quantile(0.5, count)?,
            p95: self.quantile(0.95, count)?,
            p99: self.quantile(0.99, count)?,
            max,
            mean,
            stddev: (count > 1).then(|| (squares / (n - 1.0)).sqrt()),
        })
    }
}
