//! Exponential buckets as a scraper reads them.
//!
//! Lives here: spans and deltas to counts, and where a bucket ends. Not here: which samples there were (the tests, and
//! the fuzz target `histograms`).

use std::collections::BTreeMap;

use media_metrics_core::histogram::NativeBuckets;

/// Upper edge of bucket `index`, the plain way.
pub(crate) fn edge(index: i32, schema: i8) -> f64 {
    2_f64.powf(f64::from(index) * 2_f64.powi(-i32::from(schema)))
}

/// Counts by index of the bucket, and of zeros: what a scraper makes of spans and deltas.
pub(crate) fn read(buckets: &NativeBuckets) -> (u64, BTreeMap<i32, u64>) {
    let mut counts = BTreeMap::new();
    let mut deltas = buckets.deltas().iter();
    let (mut index, mut count) = (0_i32, 0_i64);
    for span in buckets.spans() {
        assert!(
            counts.is_empty() || span.offset > 0,
            "spans that touch: {buckets:?}"
        );
        index += span.offset;
        for _ in 0..span.length {
            count += deltas.next().expect("a delta for each bucket");
            counts.insert(index, u64::try_from(count).expect("no bucket is negative"));
            index += 1;
        }
    }
    assert_eq!(deltas.next(), None);
    (buckets.zero_count(), counts)
}
