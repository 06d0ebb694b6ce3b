//! What the flight recorder and the live page have in common: two snapshots, and what lies between.
//!
//! Lives here: which series is which of an earlier snapshot, and quantiles of the buckets that grew. Not here: what is
//! made of it (`history`, `page`).

use media_metrics_core::histogram::Layout;
use media_metrics_core::snapshot::FamilySchema;

/// Where the series of a family were in an earlier schema of it: series keep their order, and new ones come after
/// them. So both are walked once.
pub(crate) fn positions(schema: &FamilySchema, before: &FamilySchema) -> Vec<Option<usize>> {
    let mut next = 0..before.len();
    (0..schema.len())
        .map(|i| next.find(|&j| schema.is_same_series(i, before, j)))
        .collect()
}

/// What a share `q` of the `count` samples in these buckets, ascending, does not exceed, in recorded units: as
/// `HistogramSnapshot::quantile` has it. `None` without samples.
pub(crate) fn quantile(
    layout: Layout,
    mut buckets: impl Iterator<Item = (usize, u64)>,
    count: u64,
    q: f64,
) -> Option<u64> {
    let rank = ((q * count as f64).ceil() as u64).clamp(1, count.max(1));
    let mut seen: u64 = 0;
    let (bucket, _) = buckets.find(|(_, n)| {
        seen = seen.saturating_add(*n);
        seen >= rank
    })?;
    Some(layout.highest(bucket).min(layout.max_value()))
}
