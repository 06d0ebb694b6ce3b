//! Registration that folds: what becomes of a gauge, a histogram and an exact histogram that find no place.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use media_metrics_core::desc::Desc;
use media_metrics_core::{RegisterError, Registry, Snapshot};

static LEVEL: Desc = Desc::gauge("t_level", "A level.").labels(&["who", "where"]);
static SIZES: Desc = Desc::histogram("t_sizes", "Sizes.", &[10.0, 100.0]).labels(&["who", "where"]);
static WAITS: Desc =
    Desc::exact_histogram("t_waits", "Waits.", &[0.5, 2.0]).labels(&["who", "where"]);

const OTHER: [&str; 2] = ["other", "other"];

/// Room for one series of each family.
fn full() -> Registry {
    let registry = Registry::builder().max_series(3).build().unwrap();
    let first = ["a", "here"];
    registry.gauge_or_other(&LEVEL, &first).unwrap().set(1.0);
    registry
        .histogram_or_other(&SIZES, &first)
        .unwrap()
        .record(5);
    registry
        .exact_histogram_or_other(&WAITS, &first)
        .unwrap()
        .record(0.25);
    registry
}

fn overflow(snapshot: &Snapshot, family: &Desc) -> Option<u64> {
    snapshot.counter("media_metrics_series_overflow_total", &[family.name()])
}

/// How many samples are in each classic bucket, those below it included.
fn buckets(snapshot: &Snapshot, family: &Desc, values: &[&str]) -> Option<Vec<u64>> {
    let histogram = snapshot.histogram(family.name(), values)?;
    Some(histogram.classic().collect())
}

#[test]
fn what_fits_is_no_other() {
    let registry = full();
    let snapshot = registry.collect();
    let first = ["a", "here"];
    assert_eq!(snapshot.gauge("t_level", &first), Some(1.0));
    assert_eq!(buckets(&snapshot, &SIZES, &first), Some(vec![1, 1, 1]));
    assert_eq!(buckets(&snapshot, &WAITS, &first), Some(vec![1, 1, 1]));
    for family in [&LEVEL, &SIZES, &WAITS] {
        assert_eq!(overflow(&snapshot, family), None, "{}", family.name());
    }
}

#[test]
fn what_does_not_fit_shares_one_series_and_each_time_is_counted() {
    let registry = full();
    for who in ["b", "c"] {
        let values = [who, "there"];
        let refused = RegisterError::Full { limit: 3 };
        assert_eq!(registry.gauge(&LEVEL, &values).unwrap_err(), refused);
        assert_eq!(registry.histogram(&SIZES, &values).unwrap_err(), refused);
        assert_eq!(
            registry.exact_histogram(&WAITS, &values).unwrap_err(),
            refused
        );
        registry.gauge_or_other(&LEVEL, &values).unwrap().add(2.0);
        let sizes = registry.histogram_or_other(&SIZES, &values).unwrap();
        sizes.record(50);
        let waits = registry.exact_histogram_or_other(&WAITS, &values).unwrap();
        waits.record(2.0);
        waits.record(3.0);
    }
    let snapshot = registry.collect();
    assert_eq!(snapshot.gauge("t_level", &OTHER), Some(4.0));
    assert_eq!(buckets(&snapshot, &SIZES, &OTHER), Some(vec![0, 2, 2]));
    assert_eq!(buckets(&snapshot, &WAITS, &OTHER), Some(vec![0, 2, 4]));
    let waits = snapshot.histogram("t_waits", &OTHER).unwrap();
    assert_eq!(waits.exact_sum(), Some(10.0));
    for family in [&LEVEL, &SIZES, &WAITS] {
        assert_eq!(overflow(&snapshot, family), Some(2), "{}", family.name());
        assert_eq!(snapshot.family(family.name()).unwrap().schema().len(), 2);
    }
}

#[test]
fn what_is_there_is_found_when_nothing_else_fits() {
    let registry = full();
    let first = ["a", "here"];
    registry.gauge_or_other(&LEVEL, &first).unwrap().add(1.0);
    let sizes = registry.histogram_or_other(&SIZES, &first).unwrap();
    sizes.record(5);
    let waits = registry.exact_histogram_or_other(&WAITS, &first).unwrap();
    waits.record(0.25);
    let snapshot = registry.collect();
    assert_eq!(snapshot.gauge("t_level", &first), Some(2.0));
    assert_eq!(buckets(&snapshot, &SIZES, &first), Some(vec![2, 2, 2]));
    assert_eq!(buckets(&snapshot, &WAITS, &first), Some(vec![2, 2, 2]));
    assert_eq!(snapshot.gauge("t_level", &OTHER), None);
    assert_eq!(overflow(&snapshot, &LEVEL), None);
}

#[test]
fn a_familys_own_limit_folds_as_the_registrys_does() {
    let registry = Registry::new().unwrap();
    let (level, sizes, waits) = (
        LEVEL.clone().max_series(1),
        SIZES.clone().max_series(1),
        WAITS.clone().max_series(1),
    );
    for who in ["a", "b"] {
        let values = [who, "here"];
        registry.gauge_or_other(&level, &values).unwrap().inc();
        let sizes = registry.histogram_or_other(&sizes, &values).unwrap();
        sizes.record(5);
        let waits = registry.exact_histogram_or_other(&waits, &values).unwrap();
        waits.record(0.25);
    }
    let snapshot = registry.collect();
    for values in [["a", "here"], OTHER] {
        assert_eq!(snapshot.gauge("t_level", &values), Some(1.0));
        assert_eq!(buckets(&snapshot, &SIZES, &values), Some(vec![1, 1, 1]));
        assert_eq!(buckets(&snapshot, &WAITS, &values), Some(vec![1, 1, 1]));
    }
}

#[test]
fn the_other_of_open_labels_says_that_it_is_the_overflow() {
    let registry = full();
    let open = Desc::gauge("t_open", "Open.").open_labels();
    registry
        .gauge_or_other(&open, &["queue", "mail"])
        .unwrap()
        .set(3.0);
    let snapshot = registry.collect();
    assert_eq!(snapshot.gauge("t_open", &["overflow", "true"]), Some(3.0));
    assert_eq!(overflow(&snapshot, &open), Some(1));
}

#[test]
fn a_family_without_labels_is_its_own_other() {
    let registry = full();
    let alone = Desc::exact_histogram("t_alone", "Alone.", &[1.0]);
    for _ in 0..2 {
        let alone = registry.exact_histogram_or_other(&alone, &[]).unwrap();
        alone.record(1.0);
    }
    let snapshot = registry.collect();
    assert_eq!(buckets(&snapshot, &alone, &[]), Some(vec![2, 2]));
    // The second time it was there.
    assert_eq!(overflow(&snapshot, &alone), Some(1));
}

#[test]
fn mistakes_are_errors_and_not_folded() {
    let registry = full();
    let wrong = |family: &Desc| RegisterError::WrongKind {
        name: family.name().to_owned(),
    };
    let values = ["b", "there"];
    assert_eq!(
        registry.histogram_or_other(&WAITS, &values).unwrap_err(),
        wrong(&WAITS)
    );
    assert_eq!(
        registry
            .exact_histogram_or_other(&SIZES, &values)
            .unwrap_err(),
        wrong(&SIZES)
    );
    assert_eq!(
        registry.gauge_or_other(&SIZES, &values).unwrap_err(),
        wrong(&SIZES)
    );
    let too_few = registry.gauge_or_other(&LEVEL, &["b"]).unwrap_err();
    assert!(matches!(too_few, RegisterError::LabelCount { .. }));
    let snapshot = registry.collect();
    for family in [&LEVEL, &SIZES, &WAITS] {
        assert_eq!(overflow(&snapshot, family), None, "{}", family.name());
    }
}
