//! A histogram's counts in exponential buckets, as spans and deltas.
//!
//! Lives here: the form in which Prometheus takes them, and what becomes of too many. Not here: which sample belongs
//! into which bucket (`cuts`, `counts`), how that stands on a wire (the exporter).

use super::COARSEST;
use crate::histogram::HistogramSnapshot;

/// As many empty buckets between two populated ones are told as such: less than a span of their own would take.
const MAX_GAP: i32 = 2;

/// Most buckets that are told for one that is populated.
const WITH_GAPS: usize = 1 + MAX_GAP as usize;

/// Buckets in sequence, some way after the last ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Buckets left out since the span before; of the first span, the index of its first bucket.
    pub offset: i32,
    /// Number of buckets.
    pub length: u32,
}

/// A histogram's counts in exponential buckets, in the form in which Prometheus takes them.
///
/// Kept and filled anew for each histogram, it allocates nothing: after the first one of a layout it has room for all.
///
/// ```
/// use media_metrics_core::{desc::Desc, snapshot::Builder};
/// use media_metrics_core::histogram::{NativeBuckets, Span};
/// let desc = Desc::histogram("wait_seconds", "Wait.", &[1.0]).per_unit(1e9).native(3);
/// let half_a_second = 500_000_000;
/// let snapshot = Builder::new().histogram(&desc, &[(&[], &[0, half_a_second, half_a_second])]).build();
///
/// let mut buckets = NativeBuckets::default();
/// if let Some(histogram) = snapshot.histogram("wait_seconds", &[]) {
///     buckets.fill(histogram, 160);
/// }
/// assert_eq!((buckets.schema(), buckets.zero_count()), (3, 1));
/// assert_eq!(buckets.spans(), [Span { offset: -8, length: 1 }]); // up to 2^(-8/8)
/// assert_eq!(buckets.deltas(), [2]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct NativeBuckets {
    schema: i8,
    zero_count: u64,
    spans: Vec<Span>,
    deltas: Vec<i64>,
    /// Index and count of each bucket that holds a sample, ascending, where there are too many of them.
    merged: Vec<(i32, u64)>,
}

impl NativeBuckets {
    /// Becomes the counts of `histogram`: none, if its family has no native buckets.
    ///
    /// If more than `limit` buckets hold a sample, each two neighbours become one, which is the next coarser
    /// schema, until they are few enough or the schema is -4: what Prometheus' client libraries do. Totals only
    /// grow, so a series only ever gets coarser, which a scraper takes for no reset.
    ///
    /// - **Cost**: some nanoseconds for each bucket that holds a sample.
    pub fn fill(&mut self, histogram: &HistogramSnapshot, limit: usize) {
        self.spans.clear();
        self.deltas.clear();
        let Some((cuts, counts)) = histogram.native() else {
            (self.schema, self.zero_count) = (0, 0);
            return;
        };
        // For as many as there can be: so that a new bucket of a warm series takes no memory.
        let most = cuts.len();
        self.spans.reserve(most.min(limit));
        self.deltas
            .reserve(most.min(limit.saturating_mul(WITH_GAPS)));
        self.schema = cuts.schema();
        self.zero_count = histogram.counts().first().copied().unwrap_or(0);
        let populated = counts.populated();
        let indexed = populated.iter().map(|&(bucket, n)| (cuts.index(bucket), n));
        if populated.len() <= limit || self.schema <= COARSEST {
            span(indexed, &mut self.spans, &mut self.deltas);
            return;
        }
        self.merged.clear();
        self.merged.extend(indexed);
        while self.schema > COARSEST && self.merged.len() > limit {
            halve(&mut self.merged);
            self.schema -= 1;
        }
        let merged = self.merged.iter().copied();
        span(merged, &mut self.spans, &mut self.deltas);
    }

    /// How fine the buckets are.
    #[must_use]
    pub const fn schema(&self) -> i8 {
        self.schema
    }

    /// Samples of the value 0.
    #[must_use]
    pub const fn zero_count(&self) -> u64 {
        self.zero_count
    }

    /// Where there are buckets.
    #[must_use]
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// For each bucket of the spans the difference of its count to that of the bucket before; of the first one, its
    /// count.
    #[must_use]
    pub fn deltas(&self) -> &[i64] {
        &self.deltas
    }
}

/// The next coarser schema: bucket `i` holds what `2i - 1` and `2i` held.
fn halve(counts: &mut Vec<(i32, u64)>) {
    counts
        .iter_mut()
        .for_each(|(index, _)| *index = (*index + 1) >> 1);
    counts.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        earlier.1 = earlier.1.saturating_add(if same { later.1 } else { 0 });
        same
    });
}

/// Spans and deltas of these counts, whose indices ascend.
fn span(counts: impl Iterator<Item = (i32, u64)>, spans: &mut Vec<Span>, deltas: &mut Vec<i64>) {
    let (mut last, mut next) = (0_u64, 0); // the last count told, and the index behind it
    for (index, n) in counts {
        let offset = index - next; // of the first one from 0, as the format has it
        match spans.last_mut() {
            Some(span) if offset <= MAX_GAP => {
                span.length += offset as u32 + 1;
                for _ in 0..offset {
                    deltas.push(0_i64.wrapping_sub_unsigned(last));
                    last = 0;
                }
            }
            _ => spans.push(Span { offset, length: 1 }),
        }
        deltas.push(n.wrapping_sub(last) as i64);
        (last, next) = (n, index + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_becomes_one_whatever_the_parity() {
        for (counts, wanted) in [
            (vec![(1, 1), (2, 2), (3, 3), (4, 4)], vec![(1, 3), (2, 7)]),
            (
                vec![(2, 1), (3, 2), (4, 3), (5, 4)],
                vec![(1, 1), (2, 5), (3, 4)],
            ),
            (vec![(-3, 1), (-2, 2), (-1, 3)], vec![(-1, 3), (0, 3)]),
            (vec![(-2, 1), (-1, 2), (0, 3)], vec![(-1, 1), (0, 5)]),
            (vec![(-9, 1), (9, 2)], vec![(-4, 1), (5, 2)]),
            (vec![(0, 9)], vec![(0, 9)]),
        ] {
            let mut counts = counts;
            halve(&mut counts);
            assert_eq!(counts, wanted);
        }
    }

    #[test]
    fn small_gaps_are_told_large_ones_skipped() {
        let (mut spans, mut deltas) = (Vec::new(), Vec::new());
        let counts = [(-2, 5), (-1, 7), (2, 1), (6, 2)];
        span(counts.into_iter(), &mut spans, &mut deltas);
        let span = |offset, length| Span { offset, length };
        assert_eq!(spans, [span(-2, 5), span(3, 1)]);
        assert_eq!(deltas, [5, 2, -7, 0, 1, 1]);
    }
}
