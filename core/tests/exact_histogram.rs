//! Exact histograms: to the bit at the bounds, from any number of threads.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use media_metrics_core::error::ConvertError;
use media_metrics_core::{Desc, RegisterError, Registry};
use proptest::prelude::*;

static WAIT: Desc = Desc::exact_histogram("wait_ms", "Time waited, in ms.", &[-1.0, 0.0, 0.1, 5.0]);

/// What the Prometheus client libraries do: each value counts in every bucket whose bound it does not exceed.
fn oracle(bounds: &[f64], values: &[f64]) -> Vec<u64> {
    let at_most = |bound: f64| values.iter().filter(|v| **v <= bound).count() as u64;
    bounds
        .iter()
        .map(|b| at_most(*b))
        .chain([values.len() as u64])
        .collect()
}

#[test]
fn a_value_next_to_a_bound_is_in_the_next_bucket() {
    let registry = Registry::new().unwrap();
    let wait = registry.exact_histogram(&WAIT, &[]).unwrap();
    let values: Vec<f64> = WAIT
        .bounds()
        .iter()
        .flat_map(|b| [b.next_down(), *b, b.next_up()])
        .chain([-0.0, f64::MIN, f64::MAX])
        .collect();
    values.iter().for_each(|v| wait.record(*v));
    let snapshot = registry.collect();
    let got = snapshot.histogram("wait_ms", &[]).unwrap();
    assert_eq!(
        got.classic().collect::<Vec<_>>(),
        oracle(WAIT.bounds(), &values)
    );
    assert_eq!(got.count(), values.len() as u64);
}

#[test]
fn what_is_not_finite_counts_in_its_bucket_and_not_in_the_sum() {
    let registry = Registry::new().unwrap();
    let wait = registry.exact_histogram(&WAIT, &[]).unwrap();
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        wait.record_n(value, 2);
    }
    wait.record_n(2.5, 4);
    let snapshot = registry.collect();
    let got = snapshot.histogram("wait_ms", &[]).unwrap();
    assert_eq!(
        (got.count(), got.exact_sum(), got.clamped()),
        (10, Some(10.0), 6)
    );
    assert_eq!(got.classic().collect::<Vec<_>>(), [2, 2, 2, 6, 10]);
    // It knows buckets, not values.
    assert_eq!(
        (got.quantile(0.5), got.max(), got.summary()),
        (None, None, None)
    );
    assert_eq!(got.to_hdr().unwrap_err(), ConvertError::NoValues);
}

#[test]
fn threads_add_up() {
    const THREADS: u64 = 4;
    const EACH: u64 = if cfg!(miri) { 20 } else { 10_000 };
    let registry = Registry::new().unwrap();
    std::thread::scope(|scope| {
        for t in 0..THREADS {
            let wait = registry.exact_histogram(&WAIT, &[]).unwrap();
            scope.spawn(move || (0..EACH).for_each(|_| wait.record(t as f64)));
        }
    });
    let snapshot = registry.collect();
    let got = snapshot.histogram("wait_ms", &[]).unwrap();
    assert_eq!(
        got.classic().collect::<Vec<_>>(),
        [0, EACH, EACH, 4 * EACH, 4 * EACH]
    );
    assert_eq!(got.exact_sum(), Some((6 * EACH) as f64));
}

#[test]
fn removed_and_made_anew_it_starts_at_0() {
    let registry = Registry::new().unwrap();
    let wait = registry.exact_histogram(&WAIT, &[]).unwrap();
    wait.record(1.0);
    assert!(registry.remove(&wait));
    drop(wait);
    registry.collect();
    registry
        .exact_histogram(&WAIT, &[])
        .unwrap()
        .record(-1_000.0);
    let snapshot = registry.collect();
    let got = snapshot.histogram("wait_ms", &[]).unwrap();
    assert_eq!((got.count(), got.exact_sum()), (1, Some(-1_000.0)));
}

#[test]
fn the_two_kinds_are_not_mixed_up() {
    static PLAIN: Desc = Desc::histogram("plain", "P.", &[1.0]);
    static TWIN: Desc = Desc::exact_histogram("plain", "P.", &[1.0]);
    let registry = Registry::new().unwrap();
    let wrong = |name: &str| RegisterError::WrongKind { name: name.into() };
    assert_eq!(
        registry.histogram(&WAIT, &[]).unwrap_err(),
        wrong("wait_ms")
    );
    assert_eq!(
        registry.exact_histogram(&PLAIN, &[]).unwrap_err(),
        wrong("plain")
    );
    registry.histogram(&PLAIN, &[]).unwrap();
    let mismatch = RegisterError::Mismatch {
        name: "plain".into(),
    };
    assert_eq!(registry.exact_histogram(&TWIN, &[]).unwrap_err(), mismatch);
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(7), cases: if cfg!(miri) { 3 } else { 256 }, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_the_definition(
        mut bounds in proptest::collection::vec(-100.0..100.0_f64, 0..40),
        values in proptest::collection::vec(-120.0..120.0_f64, 0..200),
    ) {
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
        let desc = Desc::exact_histogram("h", "H.", &[]).dynamic_bounds(bounds.clone());
        let registry = Registry::new().unwrap();
        let h = registry.exact_histogram(&desc, &[]).unwrap();
        values.iter().for_each(|v| h.record(*v));
        let snapshot = registry.collect();
        let got = snapshot.histogram("h", &[]).unwrap();
        prop_assert_eq!(got.classic().collect::<Vec<_>>(), oracle(&bounds, &values));
        prop_assert_eq!(got.exact_sum(), Some(values.iter().fold(0.0, |a, v| a + v)));
    }
}

#[test]
fn counts_beyond_64_bits_are_no_panic() {
    static PLAIN: Desc = Desc::histogram("plain", "P.", &[1.0]);
    let registry = Registry::new().unwrap();
    let plain = registry.histogram(&PLAIN, &[]).unwrap();
    let wait = registry.exact_histogram(&WAIT, &[]).unwrap();
    registry
        .windows(
            &PLAIN,
            &[],
            &Desc::gauge("of_late", "L.").labels(&["window", "statistic"]),
        )
        .unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for value in [0, 1, 7] {
                    plain.record_n(value, u64::MAX);
                    wait.record_n(value as f64, u64::MAX);
                }
                wait.record(f64::MAX);
            });
        }
    });
    registry.collect();
    let snapshot = registry.collect();
    for name in ["plain", "wait_ms"] {
        assert_eq!(
            snapshot.histogram(name, &[]).unwrap().count(),
            u64::MAX,
            "{name}"
        );
    }
    let sum = snapshot.histogram("wait_ms", &[]).unwrap().exact_sum();
    assert!(sum.is_some_and(f64::is_finite), "{sum:?}");
    let _ = snapshot.histogram("plain", &[]).unwrap().summary();
}
