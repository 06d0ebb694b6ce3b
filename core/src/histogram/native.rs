//! Native (exponential) buckets, made of a histogram's own.
//!
//! Lives here: which of a layout's buckets make up which exponential bucket, pure; the counts of a merged histogram
//! in them, as spans and deltas. Not here: how that stands on a wire (the exporter), which schema a family has
//! (`desc`).
//!
//! With schema `s` the exponential bucket `i` holds values above `2^((i-1) / 2^s)` and up to `2^(i / 2^s)`, in the
//! exposed unit. Its edges cut the layout's buckets; one that is cut goes where its *smallest* value belongs, as with
//! the bounds of classic buckets (see [`Layout::split`]). So of the samples at or below an edge none is missed, and of
//! those above it only some within the cut bucket are taken in: up to `edge / 10^digits` above. The value 0 has a
//! bucket of its own, that of zeros.

use super::{HistogramSnapshot, Layout};

/// The coarsest schema, with a bucket for each 16 powers of two.
const COARSEST: i8 = -4;

/// As many empty buckets between two populated ones are told as such: less than a span of their own would take.
const MAX_GAP: i32 = 2;

/// Most buckets that are told for one that is populated.
const WITH_GAPS: usize = 1 + MAX_GAP as usize;

/// Cells that are looked at together: a cache line of them.
const BLOCK: usize = 8;

/// Where the edges of exponential buckets cut a layout: made once for a family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NativeLayout {
    schema: i8,
    /// The index of the first exponential bucket.
    first: i32,
    /// For each exponential bucket: how many leading buckets of the layout lie below its upper edge.
    ends: Box<[u32]>,
}

impl NativeLayout {
    /// The exponential buckets that can hold a value of `layout`, recorded in parts of the exposed unit of which
    /// `per_unit` make one. A schema outside -4 to 8 counts as the nearer end.
    ///
    /// - **Cost**: a few nanoseconds for each exponential bucket: `2^schema` for each power of two up to the
    ///   layout's maximum.
    #[must_use]
    pub fn new(layout: Layout, per_unit: f64, schema: i8) -> Self {
        let schema = schema.clamp(COARSEST, 8);
        let cut = |index: i32| layout.split(edge(index, schema) * per_unit) as u32;
        // The smallest value that is not 0 is 1; one bucket earlier, lest rounding be for the worse.
        let smallest = (-per_unit.log2() * f64::from(schema).exp2()).floor() as i32 - 1;
        let first = (smallest..)
            .find(|&index| cut(index) > 1)
            .unwrap_or(smallest);
        let mut ends = Vec::new();
        for index in first.. {
            let end = cut(index);
            ends.push(end);
            if end as usize >= layout.len() {
                break;
            }
        }
        Self {
            schema,
            first,
            ends: ends.into(),
        }
    }
}

/// The upper edge of an exponential bucket.
fn edge(index: i32, schema: i8) -> f64 {
    let Ok(shift) = u32::try_from(schema) else {
        return f64::from(index << schema.unsigned_abs()).exp2();
    };
    // The whole power apart: so that powers of two are exact.
    let (whole, part) = (index >> shift, index & ((1 << shift) - 1));
    (f64::from(part) / f64::from(1 << shift)).exp2() * f64::from(whole).exp2()
}

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
/// use media_metrics_core::histogram::{NativeBuckets, NativeLayout, Span};
/// let desc = Desc::histogram("wait_seconds", "Wait.", &[1.0]).per_unit(1e9);
/// let half_a_second = 500_000_000;
/// let snapshot = Builder::new().histogram(&desc, &[(&[], &[0, half_a_second, half_a_second])]).build();
///
/// let layout = NativeLayout::new(desc.layout(), desc.recorded_per_unit(), 3);
/// let mut buckets = NativeBuckets::default();
/// if let Some(histogram) = snapshot.histogram("wait_seconds", &[]) {
///     buckets.fill(histogram, &layout, 160);
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
    /// Index and count of each bucket that holds a sample, ascending.
    counts: Vec<(i32, u64)>,
}

impl NativeBuckets {
    /// Becomes the counts of `histogram`, whose family has this `layout`.
    ///
    /// If more than `limit` buckets hold a sample, each two neighbours become one, which is the next coarser
    /// schema, until they are few enough or the schema is -4: what Prometheus' client libraries do. Totals only
    /// grow, so a series only ever gets coarser, which a scraper takes for no reset.
    ///
    /// - **Cost**: reads the counts between the bounds of classic buckets that hold a sample.
    pub fn fill(&mut self, histogram: &HistogramSnapshot, layout: &NativeLayout, limit: usize) {
        let cells = histogram.counts();
        self.schema = layout.schema;
        self.zero_count = cells.first().copied().unwrap_or(0);
        self.counts.clear();
        self.spans.clear();
        self.deltas.clear();
        // For as many as there can be: so that a new bucket of a warm series takes no memory.
        let most = layout.ends.len();
        self.counts.reserve(most);
        self.spans.reserve(most.min(limit));
        self.deltas
            .reserve(most.min(limit.saturating_mul(WITH_GAPS)));
        // The bucket at hand, and the cell behind its last one.
        let (mut bucket, mut end) = (0, 0);
        for occupied in histogram.occupied() {
            let start = occupied.start.max(1); // the first cell holds zeros
            let cells = cells.get(start..occupied.end).unwrap_or_default();
            for (block, counts) in cells.chunks(BLOCK).enumerate() {
                // All at once: most blocks are empty.
                if counts.iter().fold(0, |all, n| all | n) == 0 {
                    continue;
                }
                let first = start + block * BLOCK;
                for (at, &n) in counts.iter().enumerate().filter(|&(_, &n)| n > 0) {
                    let cell = first + at;
                    if cell >= end {
                        let later = layout.ends.get(bucket..).unwrap_or_default();
                        bucket += later.partition_point(|&end| end as usize <= cell);
                        end = layout
                            .ends
                            .get(bucket)
                            .map_or(usize::MAX, |&end| end as usize);
                    }
                    self.add(layout.first + bucket as i32, n);
                }
            }
        }
        while self.schema > COARSEST && self.counts.len() > limit {
            self.halve();
        }
        self.span();
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

    /// Adds to a bucket that is not before the last one.
    fn add(&mut self, index: i32, n: u64) {
        match self.counts.last_mut() {
            Some((last, count)) if *last == index => *count += n,
            _ => self.counts.push((index, n)),
        }
    }

    /// The next coarser schema: bucket `i` holds what `2i - 1` and `2i` held.
    fn halve(&mut self) {
        self.counts
            .iter_mut()
            .for_each(|(index, _)| *index = (*index + 1) >> 1);
        self.counts.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            earlier.1 += if same { later.1 } else { 0 };
            same
        });
        self.schema -= 1;
    }

    /// Spans and deltas of the counts.
    fn span(&mut self) {
        self.spans.clear();
        self.deltas.clear();
        let (mut last, mut next) = (0_u64, 0); // the last count told, and the index behind it
        for &(index, n) in &self.counts {
            let offset = index - next; // of the first one from 0, as the format has it
            match self.spans.last_mut() {
                Some(span) if offset <= MAX_GAP => {
                    span.length += offset as u32 + 1;
                    for _ in 0..offset {
                        self.deltas.push(0_i64.wrapping_sub_unsigned(last));
                        last = 0;
                    }
                }
                _ => self.spans.push(Span { offset, length: 1 }),
            }
            self.deltas.push(n.wrapping_sub(last) as i64);
            (last, next) = (n, index + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "Miri's exp2 is inexact on purpose")]
    fn edges_are_those_of_the_standard() {
        for (index, schema, wanted) in [
            (0, 0, 1.0),
            (1, 0, 2.0),
            (-3, 0, 0.125),
            (8, 3, 2.0),
            (-8, 3, 0.5),
            // Of the table of Prometheus' client library, which has them from 0.5 up.
            (-7, 3, 0.5452538663326288),
            (-6, 3, 0.5946035575013605),
            (-5, 3, 0.6484197773255048),
            (-4, 3, 0.7071067811865475),
            (-3, 3, 0.7711054127039704),
            (-2, 3, 0.8408964152537144),
            (-1, 3, 0.9170040432046711),
            (1, -1, 4.0),
            (1, -4, 65_536.0),
            (-1, -4, 1.0 / 65_536.0),
        ] {
            let got = edge(index, schema);
            assert!(
                (got - wanted).abs() <= wanted * f64::EPSILON,
                "{index} {schema}: {got}"
            );
        }
    }

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
            let mut buckets = NativeBuckets {
                counts,
                ..NativeBuckets::default()
            };
            buckets.halve();
            assert_eq!(buckets.counts, wanted);
        }
    }

    #[test]
    fn small_gaps_are_told_large_ones_skipped() {
        let mut buckets = NativeBuckets {
            counts: vec![(-2, 5), (-1, 7), (2, 1), (6, 2)],
            ..NativeBuckets::default()
        };
        buckets.span();
        let span = |offset, length| Span { offset, length };
        assert_eq!(buckets.spans, [span(-2, 5), span(3, 1)]);
        assert_eq!(buckets.deltas, [5, 2, -7, 0, 1, 1]);
    }
}
