//! Exponential buckets as OTLP has them.
//!
//! Lives here: counts side by side from an offset on, made of spans and deltas, and never more than a message should
//! hold. Not here: which sample belongs into which bucket (core's `histogram::native`).
//!
//! With scale `s` OTLP's bucket `i` holds values above `2^(i / 2^s)` and up to `2^((i+1) / 2^s)`, as the data model's
//! "ExponentialHistogram" has it: what Prometheus calls `i + 1`.

use media_metrics_core::histogram::{HistogramSnapshot, NativeBuckets};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;

use crate::format::native::MAX_NATIVE_BUCKETS;

/// Most buckets from the first to the last that holds a sample. Empty ones take a byte each on the wire, and eight
/// with most receivers.
const MAX_SIDE_BY_SIDE: usize = 1_024;

/// Makes dense buckets; keeps its memory.
#[derive(Debug, Default)]
pub(super) struct Dense {
    native: NativeBuckets,
}

/// Scale, count of zeros, and the buckets above.
#[derive(Debug)]
pub(super) struct Exponential {
    pub(super) scale: i32,
    pub(super) zero_count: u64,
    pub(super) positive: Buckets,
}

impl Dense {
    /// The counts of `histogram`; coarser by as many steps as it takes to hold the
    /// limits.
    pub(super) fn of(&mut self, histogram: &HistogramSnapshot) -> Exponential {
        self.native.fill(histogram, MAX_NATIVE_BUCKETS);
        let mut scale = i32::from(self.native.schema());
        let mut positive = side_by_side(&self.native);
        while positive.bucket_counts.len() > MAX_SIDE_BY_SIDE {
            halve(&mut positive);
            scale -= 1;
        }
        Exponential {
            scale,
            zero_count: self.native.zero_count(),
            positive,
        }
    }
}

/// The counts from the first bucket to the last.
fn side_by_side(native: &NativeBuckets) -> Buckets {
    let mut counts: Vec<u64> = Vec::new();
    let mut deltas = native.deltas().iter();
    let mut last = 0_u64;
    for (at, span) in native.spans().iter().enumerate() {
        // What the first span's offset means is where the buckets begin.
        let gap = if at == 0 { 0 } else { span.offset.max(0) };
        counts.resize(counts.len() + gap as usize, 0);
        counts.extend(deltas.by_ref().take(span.length as usize).map(|&delta| {
            last = last.wrapping_add_signed(delta);
            last
        }));
    }
    Buckets {
        offset: native.spans().first().map_or(0, |span| span.offset - 1),
        bucket_counts: counts,
    }
}

/// The next coarser scale: bucket `i` holds what `2i` and `2i + 1` held.
fn halve(buckets: &mut Buckets) {
    let odd = (buckets.offset & 1) as usize;
    let counts = &buckets.bucket_counts;
    // An odd first bucket is the second half of its pair.
    let (first, rest) = counts.split_at(odd.min(counts.len()));
    let pairs = rest.chunks(2).map(|pair| pair.iter().sum());
    buckets.bucket_counts = first.iter().copied().chain(pairs).collect();
    buckets.offset >>= 1;
}

#[cfg(test)]
mod tests {
    use super::*;
    use media_metrics_core::Snapshot;
    use media_metrics_core::desc::Desc;
    use media_metrics_core::snapshot::Builder;

    fn snapshot(desc: &Desc, samples: &[u64]) -> Snapshot {
        Builder::new().histogram(desc, &[(&[], samples)]).build()
    }

    fn exponential(desc: &Desc, samples: &[u64]) -> Exponential {
        let snapshot = snapshot(desc, samples);
        let histogram = snapshot.histogram(desc.name(), &[]).unwrap();
        Dense::default().of(histogram)
    }

    #[test]
    fn an_upper_edge_is_inside() {
        // 1, 2, 4 are 2^0, 2^1, 2^2: each the upper edge of OTLP's bucket -1, 0, 1.
        let got = exponential(&Desc::histogram("h", "H.", &[]).native(0), &[0, 1, 2, 4]);
        assert_eq!((got.scale, got.zero_count), (0, 1));
        assert_eq!(got.positive.offset, -1);
        assert_eq!(got.positive.bucket_counts, [1, 1, 1]);
    }

    #[test]
    fn gaps_are_zeros() {
        let got = exponential(&Desc::histogram("h", "H.", &[]).native(0), &[3, 3, 200]);
        assert_eq!(got.positive.offset, 1);
        assert_eq!(got.positive.bucket_counts, [2, 0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn without_a_sample_there_is_no_bucket() {
        let got = exponential(&Desc::histogram("h", "H.", &[]), &[]);
        assert_eq!((got.scale, got.zero_count), (3, 0));
        assert_eq!(got.positive, Buckets::default());
    }

    #[test]
    fn what_lies_far_apart_gets_coarser() {
        let wide = Desc::histogram("h", "H.", &[]).layout_of(5, 1 << 40);
        let got = exponential(&wide.native(8), &[2, 1 << 40]);
        // From 2^1 to 2^40 in steps of 2^(1/16): 625 buckets, where 2^(1/32) would make 1,249.
        assert_eq!((got.scale, got.positive.bucket_counts.len()), (4, 625));
        assert_eq!(got.positive.bucket_counts.iter().sum::<u64>(), 2);
        assert_eq!(got.positive.offset, 15); // the last of the 16 that end in 2
    }

    #[test]
    fn a_pair_becomes_one_whatever_the_parity() {
        for (offset, counts, then, halves) in [
            (0, vec![1, 2, 3, 4], 0, vec![3, 7]),
            (0, vec![1, 2, 3], 0, vec![3, 3]),
            (1, vec![1, 2, 3, 4], 0, vec![1, 5, 4]),
            (-1, vec![1, 2, 3], -1, vec![1, 5]),
            (-2, vec![1, 2, 3], -1, vec![3, 3]),
            (7, vec![], 3, vec![]),
        ] {
            let mut buckets = Buckets {
                offset,
                bucket_counts: counts,
            };
            halve(&mut buckets);
            assert_eq!((buckets.offset, buckets.bucket_counts), (then, halves));
        }
    }
}
