//! Exponential buckets made of a histogram's own, held against an oracle that looks at each sample.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

#[path = "models/native.rs"]
mod model;

use std::collections::BTreeMap;

use media_metrics_core::Desc;
use media_metrics_core::desc::Kind;
use media_metrics_core::histogram::{HistogramSnapshot, NativeBuckets};
use media_metrics_core::snapshot::Builder;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use model::{edge, read};

fn desc(digits: u8, per_unit: f64, bounds: Vec<f64>) -> Desc {
    Desc::dynamic(Kind::Histogram, "h".into(), "H.".into())
        .dynamic_bounds(bounds)
        .per_unit(per_unit)
        .layout_of(digits, 1 << 50)
}

fn filled(desc: &Desc, samples: &[u64], schema: i8, limit: usize) -> NativeBuckets {
    let desc = &desc.clone().native(schema);
    let snapshot = Builder::new().histogram(desc, &[(&[], samples)]).build();
    let mut buckets = NativeBuckets::default();
    // What it held before must go.
    let other = Builder::new()
        .histogram(desc, &[(&[], &[0, 1, 77, 1 << 40])])
        .build();
    let histogram = |s: &media_metrics_core::snapshot::Snapshot| -> HistogramSnapshot {
        s.histogram("h", &[]).unwrap().clone()
    };
    buckets.fill(&histogram(&other), 1);
    buckets.fill(&histogram(&snapshot), limit);
    buckets
}

/// Any scale: a uniform number is almost never small.
fn samples() -> impl Strategy<Value = Vec<u64>> {
    let one = (any::<u64>(), 14_u32..64).prop_map(|(bits, shift)| bits >> shift);
    vec(one, 0..200)
}

fn scales() -> impl Strategy<Value = f64> {
    prop_oneof![Just(1.0), Just(1e3), Just(1e9), Just(1e-3), Just(7.3)]
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(7), cases: 600, ..ProptestConfig::default() })]

    /// At every edge: no sample at or below it is missed, and none above it by more than the layout's error is taken in.
    #[test]
    fn the_error_is_that_of_the_layout(
        samples in samples(), digits in 0_u8..=4, schema in -4_i8..=8, per_unit in scales(),
        bounds in vec(0.0..1e9_f64, 0..5), limit in prop_oneof![Just(usize::MAX), 1_usize..40],
    ) {
        let mut bounds = bounds;
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
        let desc = desc(digits, per_unit, bounds);
        let buckets = filled(&desc, &samples, schema, limit);
        let (zeros, counts) = read(&buckets);
        prop_assert_eq!(zeros, samples.iter().filter(|&&v| v == 0).count() as u64);
        prop_assert_eq!(zeros + counts.values().sum::<u64>(), samples.len() as u64);
        let error = 1.0 + 2_f64.powi(-(desc.layout().half_count_magnitude() as i32));
        let mut below = zeros;
        for (&index, &count) in &counts {
            below += count;
            let edge = edge(index, buckets.schema());
            // 1e-12: what the oracle's own arithmetic may be wrong by.
            let at_most = |limit: f64| samples.iter().filter(|&&v| v as f64 / per_unit <= limit).count() as u64;
            prop_assert!(at_most(edge * (1.0 - 1e-12)) <= below, "{index}: {below}");
            prop_assert!(below <= at_most(edge * error * (1.0 + 1e-12)), "{index}: {below}");
        }
    }

    /// The limit holds, at the finest schema that it allows, and each coarser bucket is the sum of its parts.
    #[test]
    fn too_many_buckets_become_coarser_ones(samples in samples(), schema in -4_i8..=8, limit in 1_usize..40) {
        let desc = desc(3, 1e9, vec![0.1, 1.0]);
        let (_, fine) = read(&filled(&desc, &samples, schema, usize::MAX));
        let coarser = |by: i8| {
            let mut merged = BTreeMap::new();
            for (&index, &n) in fine.iter().filter(|&(_, &n)| n > 0) {
                // Bucket `i` of a schema lies in bucket `ceil(i / 2)` of the next coarser one.
                let index = (f64::from(index) / 2_f64.powi(by.into())).ceil() as i32;
                *merged.entry(index).or_insert(0) += n;
            }
            merged
        };
        let by = (0..=schema + 4).find(|&by| coarser(by).len() <= limit).unwrap_or(schema + 4);
        let limited = filled(&desc, &samples, schema, limit);
        prop_assert_eq!(limited.schema(), schema - by);
        let (_, mut counts) = read(&limited);
        counts.retain(|_, n| *n > 0);
        prop_assert_eq!(counts, coarser(by));
    }
}

/// A whole octave of powers of two, at every schema: an edge is part of the bucket below it.
#[test]
fn powers_of_two_are_the_last_of_their_buckets() {
    let desc = desc(3, 1.0, vec![]);
    for schema in -4..=8_i8 {
        for power in 0..50_u32 {
            let (_, counts) = read(&filled(&desc, &[1 << power], schema, 100));
            let per_octave = 2_f64.powi(schema.into());
            let wanted = (f64::from(power) * per_octave).ceil() as i32;
            assert_eq!(
                counts,
                BTreeMap::from([(wanted, 1)]),
                "schema {schema}, 2^{power}"
            );
        }
    }
}

#[test]
fn nothing_recorded_is_no_bucket() {
    let buckets = filled(&desc(2, 1e9, vec![1.0]), &[], 3, 160);
    assert_eq!(
        (buckets.zero_count(), buckets.spans(), buckets.deltas()),
        (0, &[][..], &[][..])
    );
}

#[test]
fn schemas_beyond_the_ends_count_as_the_ends() {
    for (given, kept) in [
        (i8::MIN, -4),
        (-5, -4),
        (-4, -4),
        (8, 8),
        (9, 8),
        (i8::MAX, 8),
    ] {
        let desc = Desc::histogram("h", "H.", &[]).native(given);
        assert_eq!(desc.native_schema(), Some(kept));
        assert_eq!(filled(&desc, &[5], given, 160).schema(), kept);
    }
}

#[test]
fn only_histograms_that_know_values_have_native_buckets() {
    assert_eq!(Desc::histogram("h", "H.", &[1.0]).native_schema(), Some(3));
    assert_eq!(
        Desc::histogram("h", "H.", &[1.0])
            .classic_only()
            .native_schema(),
        None
    );
    assert_eq!(
        Desc::exact_histogram("h", "H.", &[1.0]).native_schema(),
        None
    );
    assert_eq!(
        Desc::counter("c_total", "C.").native(3).native_schema(),
        None
    );
}
