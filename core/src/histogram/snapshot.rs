//! A merged histogram: counts of one moment, and what can be computed from them.
//!
//! Lives here: plain counts, classic buckets, conversion into `hdrhistogram`. Not here: atomics, which
//! thread recorded what (`record`), what counts amount to (`summary`).

use std::ops::Range;
use std::sync::Arc;

use super::Layout;
use super::cuts::Cuts;
use super::native::{NativeCounts, NativeCuts};
use super::summary::{Buckets, Summary};
use crate::desc::Desc;
use crate::error::ConvertError;
use crate::exemplar::Exemplar;

/// Counts of one histogram series, merged over all threads.
///
/// `count` is the buckets' total, so the two can't disagree. `sum` is kept apart by the recording
/// threads: a sample that is being recorded during the merge may be in one and not yet in the other.
#[derive(Clone, Debug, PartialEq)]
pub struct HistogramSnapshot {
    layout: Layout,
    cuts: Arc<Cuts>,
    counts: Vec<u64>,
    /// Cumulative, for each bound, then the total: made once by the merge, read by every encoding.
    classic: Vec<u64>,
    /// Made with them, if the family has native buckets.
    native: NativeCounts,
    sum: Sum,
    clamped: u64,
    /// Ascending by value.
    exemplars: Vec<Exemplar>,
}

/// What the samples add up to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sum {
    /// In recorded units.
    Recorded(u64),
    /// Of an exact histogram: in the exposed unit.
    Exact(f64),
}

impl Sum {
    const fn zero(desc: &Desc) -> Self {
        if desc.is_exact() {
            Self::Exact(0.0)
        } else {
            Self::Recorded(0)
        }
    }

    /// Adds what a thread's cell holds.
    fn add_cell(&mut self, cell: u64) {
        match self {
            Self::Recorded(sum) => *sum = sum.wrapping_add(cell),
            Self::Exact(sum) => {
                // Cells refuse what is not finite, and so does their sum.
                let next = *sum + f64::from_bits(cell);
                *sum = if next.is_finite() { next } else { *sum };
            }
        }
    }
}

/// One thread's share of a histogram, as a merge reads it.
pub(crate) struct Part<C> {
    /// Counts of the layout's buckets.
    pub(crate) counts: C,
    /// The cell as it is: of an exact histogram, the bits of an `f64`.
    pub(crate) sum: u64,
    pub(crate) clamped: u64,
}

impl HistogramSnapshot {
    /// An empty histogram of a family with these cuts.
    pub(crate) fn empty(desc: &Desc, cuts: Arc<Cuts>) -> Self {
        let layout = desc.layout();
        let classic = vec![0; cuts.classic.len() + 1];
        Self {
            layout,
            cuts,
            counts: vec![0; layout.len()],
            classic,
            native: NativeCounts::default(),
            sum: Sum::zero(desc),
            clamped: 0,
            exemplars: Vec::new(),
        }
    }

    /// The histogram of these samples, in recorded units.
    pub(crate) fn of_samples(desc: &Desc, samples: &[u64]) -> Self {
        let mut h = Self::empty(desc, Arc::new(Cuts::new(desc)));
        let max = h.layout.max_value();
        for &value in samples {
            let (at, kept) = match &mut h.sum {
                Sum::Exact(sum) => {
                    *sum += value as f64;
                    (bucket_of(desc.bounds(), value as f64), value)
                }
                Sum::Recorded(sum) => {
                    let kept = value.min(max);
                    *sum = sum.wrapping_add(kept);
                    (h.layout.index(kept), kept)
                }
            };
            if let Some(count) = h.counts.get_mut(at) {
                *count += 1;
            }
            h.clamped += u64::from(kept < value);
        }
        h.accumulate();
        h
    }

    /// The exact histogram with these counts of its buckets; what is beyond the last bucket is left out.
    pub(crate) fn of_counts(desc: &Desc, counts: &[u64], sum: f64) -> Self {
        let mut h = Self::empty(desc, Arc::new(Cuts::new(desc)));
        h.counts.iter_mut().zip(counts).for_each(|(to, &n)| *to = n);
        h.sum = Sum::Exact(sum);
        h.accumulate();
        h
    }

    /// Becomes the sum of `parts`.
    pub(crate) fn merge<C: IntoIterator<Item = u64>>(
        &mut self,
        parts: impl Iterator<Item = Part<C>>,
    ) {
        let mut none_yet = true;
        self.clamped = 0;
        self.sum = match self.sum {
            Sum::Recorded(_) => Sum::Recorded(0),
            Sum::Exact(_) => Sum::Exact(0.0),
        };
        for part in parts {
            let pairs = self.counts.iter_mut().zip(part.counts);
            if none_yet {
                pairs.for_each(|(count, n)| *count = n);
            } else {
                pairs.for_each(|(count, n)| *count = count.saturating_add(n));
            }
            none_yet = false;
            self.sum.add_cell(part.sum);
            self.clamped = self.clamped.saturating_add(part.clamped);
        }
        if none_yet {
            self.counts.fill(0);
        }
        self.accumulate();
    }

    fn accumulate(&mut self) {
        let (mut at, mut total) = (0, 0);
        let ends = self.cuts.classic.iter().map(|&s| s as usize);
        let ends = ends.chain([self.counts.len()]);
        for (cumulative, end) in self.classic.iter_mut().zip(ends) {
            let counts = self.counts.get(at..end).unwrap_or_default();
            total = counts
                .iter()
                .fold(total, |sum: u64, n| sum.saturating_add(*n));
            at = at.max(end);
            *cumulative = total;
        }
        if let Some(cuts) = &self.cuts.native {
            let occupied = occupied(&self.cuts.classic, &self.classic, self.counts.len());
            self.native.recount(cuts, &self.counts, occupied);
        }
    }

    /// Takes the exemplars of this moment, of which only the latest of each classic bucket is kept.
    pub(crate) fn set_exemplars(&mut self, bounds: &[f64], exemplars: Vec<Exemplar>) {
        self.exemplars = exemplars;
        // By bucket, then the latest first: what follows it in the bucket goes.
        let bucket = |e: &Exemplar| bucket_of(bounds, e.value());
        self.exemplars
            .sort_by(|a, b| bucket(a).cmp(&bucket(b)).then(b.time().cmp(&a.time())));
        self.exemplars.dedup_by_key(|e| bucket(e));
    }

    /// Takes these exemplars, of which there is at most one for each classic bucket, ascending by value.
    #[cfg(not(media_metrics_loom))]
    pub(crate) fn copy_exemplars<'e>(&mut self, exemplars: impl Iterator<Item = &'e Exemplar>) {
        self.exemplars.clear();
        self.exemplars.extend(exemplars.cloned());
    }

    /// Samples with what they were samples of: at most one for each classic bucket, ascending by value. Of a
    /// moment of this process' life, not necessarily of the last interval.
    #[must_use]
    pub fn exemplars(&self) -> &[Exemplar] {
        &self.exemplars
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
        self.classic.last().copied().unwrap_or(0)
    }

    /// Sum of all samples in recorded units, those above the maximum taken as the maximum. Wraps at 2^64,
    /// which a reader of rates takes for what it is: a counter's reset. Of an exact histogram, which has
    /// [`exact_sum`](Self::exact_sum), 0.
    #[must_use]
    pub const fn sum(&self) -> u64 {
        match self.sum {
            Sum::Recorded(sum) => sum,
            Sum::Exact(_) => 0,
        }
    }

    /// Sum of all samples of an exact histogram, in its unit; `None` of any other.
    #[must_use]
    pub const fn exact_sum(&self) -> Option<f64> {
        match self.sum {
            Sum::Exact(sum) => Some(sum),
            Sum::Recorded(_) => None,
        }
    }

    /// Samples above the layout's maximum: they count in the top bucket. Of an exact histogram: values that
    /// were no numbers, or infinite: they count in their buckets, and not in the sum.
    #[must_use]
    pub const fn clamped(&self) -> u64 {
        self.clamped
    }

    /// Cumulative counts of the family's classic buckets, then the total (`+Inf`).
    ///
    /// A value equal to a bound is always below it. A value above it counts below only if the bucket
    /// that the bound cuts holds both: an error of at most `bound / 10^digits`. An exact histogram has none.
    pub fn classic(&self) -> impl Iterator<Item = u64> {
        self.classic.iter().copied()
    }

    /// Counts of exponential buckets, and what these are; `None` if the family has none.
    pub(super) fn native(&self) -> Option<(&NativeCuts, &NativeCounts)> {
        Some((self.cuts.native.as_ref()?, &self.native))
    }

    /// What was recorded between `earlier`, a snapshot of the same series, and this: buckets of the
    /// [`layout`](Self::layout) that grew, ascending, and by how much. Of another layout, or without one, all that is
    /// here.
    ///
    /// - **Cost**: a look at the counts between two bounds where their cumulative counts say that something grew; at
    ///   none if nothing did.
    ///
    /// ```
    /// use media_metrics_core::{Desc, Registry};
    /// static SIZES: Desc = Desc::histogram("sizes", "Sizes.", &[10.0, 100.0]).layout_of(2, 1_000);
    /// let registry = Registry::new()?;
    /// let sizes = registry.histogram(&SIZES, &[])?;
    /// sizes.record(5);
    /// let before = registry.collect();
    /// sizes.record_n(50, 3);
    /// let now = registry.collect();
    /// let grown = now.histogram("sizes", &[]).map(|h| h.increases(before.histogram("sizes", &[])).collect());
    /// assert_eq!(grown, Some(vec![(50, 3)]));
    /// # Ok::<(), media_metrics_core::RegisterError>(())
    /// ```
    pub fn increases<'a>(
        &'a self,
        earlier: Option<&'a Self>,
    ) -> impl Iterator<Item = (usize, u64)> + 'a {
        let earlier =
            earlier.filter(|e| e.layout == self.layout && e.cuts.classic == self.cuts.classic);
        let mut below = (0, 0);
        let mut start = 0;
        let ends = self.cuts.classic.iter().map(|&s| s as usize);
        let ends = ends.chain([self.counts.len()]).enumerate();
        let grown = ends.filter_map(move |(i, end)| {
            let at = |h: &Self| h.classic.get(i).copied().unwrap_or(0);
            let now = (at(self), earlier.map_or(0, at));
            let before = std::mem::replace(&mut below, now);
            let range = start..end.max(start);
            start = range.end;
            (now.0.wrapping_sub(before.0) != now.1.wrapping_sub(before.1)).then_some(range)
        });
        grown.flatten().filter_map(move |i| {
            let count = |h: &Self| h.counts.get(i).copied().unwrap_or(0);
            let more = count(self).saturating_sub(earlier.map_or(0, count));
            (more > 0).then_some((i, more))
        })
    }

    /// The smallest recorded value that at least a share `q` of all samples does not exceed, as its
    /// bucket's highest value; `None` without samples, and of an exact histogram, which knows no values.
    ///
    /// `q` outside `0..=1` counts as the nearer end, NaN as 0.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<u64> {
        self.buckets()?.quantile(q, self.count())
    }

    /// The highest value of the highest bucket that holds a sample; `None` as for [`quantile`](Self::quantile).
    #[must_use]
    pub fn max(&self) -> Option<u64> {
        self.buckets()?.max()
    }

    /// Quantiles, maximum, mean and deviation at once; `None` as for [`quantile`](Self::quantile).
    #[must_use]
    pub fn summary(&self) -> Option<Summary> {
        self.buckets()?.summary()
    }

    fn buckets(&self) -> Option<Buckets<'_>> {
        self.exact_sum().is_none().then_some(Buckets {
            layout: self.layout,
            counts: &self.counts,
        })
    }

    /// The same distribution as an [`hdrhistogram::Histogram`], count for count.
    ///
    /// # Errors
    /// It is an exact histogram, or the layout's maximum is beyond `hdrhistogram`'s own (`u64::MAX / 2`).
    pub fn to_hdr(&self) -> Result<hdrhistogram::Histogram<u64>, ConvertError> {
        if self.exact_sum().is_some() {
            return Err(ConvertError::NoValues);
        }
        let (max, digits) = (self.layout.max_value(), self.layout.digits());
        let mut h =
            hdrhistogram::Histogram::new_with_bounds(1, max, digits).map_err(ConvertError::Hdr)?;
        for (i, &n) in self.counts.iter().enumerate().filter(|&(_, &n)| n > 0) {
            h.saturating_record_n(self.layout.lowest(i), n);
        }
        Ok(h)
    }
}

/// Buckets of a layout of `len` among which all samples are: those between two of these `splits` that hold a sample,
/// as these cumulative counts say.
fn occupied(splits: &[u32], classic: &[u64], len: usize) -> impl Iterator<Item = Range<usize>> {
    let ends = splits.iter().map(|&s| s as usize).chain([len]);
    let mut before = (0, 0);
    ends.zip(classic).filter_map(move |(end, &below)| {
        let (start, least) = std::mem::replace(&mut before, (end, below));
        (below > least).then_some(start..end)
    })
}

/// The bucket of an exact histogram that takes `value`: that of the first bound which is not below it. What is no number
/// is below no bound.
pub(crate) fn bucket_of(bounds: &[f64], value: f64) -> usize {
    match value.is_nan() {
        true => bounds.len(),
        false => bounds.partition_point(|&bound| bound < value),
    }
}
