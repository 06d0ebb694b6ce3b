//! Whatever a snapshot holds survives protobuf: names, help, labels, values, order, and nothing is added.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod common;

use common::expected_messages::expected;
use common::messages::{MetricFamily, read};
use common::random::{build, families};
use media_metrics_core::Registry;
use media_metrics_core::desc::{Desc, Kind, Unit};
use media_metrics_core::snapshot::{Builder, Snapshot};
use media_metrics_exporter::protobuf::Encoder;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn encode(encoder: &mut Encoder, snapshot: &Snapshot) -> Vec<u8> {
    let mut page = vec![b'x'; 10]; // what was there must go
    encoder.encode(snapshot, &mut page);
    page
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn what_goes_in_comes_out(plans in families()) {
        let snapshot = build(&plans);
        let mut expected: Vec<MetricFamily> = snapshot.families().iter().map(expected).collect();
        expected.retain(|f| !f.metric.is_empty()); // without a value there is nothing to say
        let got = read(&encode(&mut Encoder::new(), &snapshot));
        // By its text: NaN is not itself.
        prop_assert_eq!(format!("{got:?}"), format!("{expected:?}"));
    }

    /// An encoder that has seen anything writes what a new one writes.
    #[test]
    fn what_was_seen_before_leaves_no_trace(all in vec(families(), 1..5)) {
        let snapshots: Vec<_> = all.iter().map(|plans| build(plans)).collect();
        let mut old = Encoder::new();
        for snapshot in snapshots.iter().chain(&snapshots).chain(snapshots.iter().rev()) {
            prop_assert_eq!(encode(&mut old, snapshot), encode(&mut Encoder::new(), snapshot));
        }
    }
}

/// A message of each length that takes another digit, and one digit more.
#[test]
fn lengths_of_any_size() {
    for length in [
        0, 90, 100, 110, 120, 130, 16_300, 16_384, 16_400, 2_097_100, 2_097_160,
    ] {
        let desc = Desc::dynamic(Kind::Counter, "a_total".into(), "h".repeat(length));
        let snapshot = Builder::new()
            .counter(&desc, &[(&[], 1)])
            .counter(&Desc::counter("b_total", "B."), &[(&[], 2)]);
        let got = read(&encode(&mut Encoder::new(), &snapshot.build()));
        let helps: Vec<usize> = got.iter().map(|f| f.help.len()).collect();
        assert_eq!(helps, [length, 2]);
    }
}

#[test]
fn histograms_whose_bounds_are_law_have_no_native_buckets() {
    let registry = Registry::new().unwrap();
    let exact = Desc::exact_histogram("exact", "E.", &[-1.0, 2.5]);
    let exact = registry.exact_histogram(&exact, &[]).unwrap();
    [-3.0, 2.5, 7.25].into_iter().for_each(|v| exact.record(v));
    let classic = Desc::histogram("classic_seconds", "C.", &[1.0]).unit(Unit::Seconds);
    let classic = registry.histogram(&classic.classic_only(), &[]).unwrap();
    classic.record(1);
    let page = encode(&mut Encoder::new(), &registry.collect());
    let families = read(&page);
    let of = |name: &str| {
        let family = families.iter().find(|f| f.name == name).unwrap();
        family.metric[0].histogram.clone().unwrap()
    };
    let (exact, classic) = (of("exact"), of("classic_seconds"));
    assert_eq!(
        (exact.sample_count, exact.sample_sum),
        (Some(3), Some(6.75))
    );
    let buckets: Vec<_> = exact
        .bucket
        .iter()
        .map(|b| (b.upper_bound, b.cumulative_count))
        .collect();
    assert_eq!(buckets, [(Some(-1.0), Some(1)), (Some(2.5), Some(2))]);
    for histogram in [exact, classic] {
        let native = (
            histogram.schema,
            histogram.zero_threshold,
            histogram.zero_count,
        );
        assert_eq!(native, (None, None, None));
        assert!(histogram.positive_span.is_empty() && histogram.positive_delta.is_empty());
    }
}

#[test]
fn families_that_are_not_shown_leave_no_message() {
    let snapshot = Builder::new()
        .counter(&Desc::counter("a_total", "A."), &[(&[], 1)])
        .counter(&Desc::counter("b_total", "B."), &[(&[], 1)]);
    let page = encode(
        &mut Encoder::only(|name| name == "b_total"),
        &snapshot.build(),
    );
    let names: Vec<String> = read(&page).into_iter().map(|f| f.name).collect();
    assert_eq!(names, ["b_total"]);
}
