//! Families, series, limits, removal; values as a snapshot shows them.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use media_metrics_core::desc::{Desc, Kind};
use media_metrics_core::{RegisterError, Registry};

static HITS: Desc = Desc::counter("t_hits_total", "Hits.").labels(&["who"]);
static LEVEL: Desc = Desc::gauge("t_level", "A level.");
static SIZES: Desc = Desc::histogram("t_sizes", "Sizes.", &[10.0, 100.0]).layout_of(2, 1_000_000);
static TWICE: Desc =
    Desc::histogram("t_twice", "The same.", &[10.0, 100.0]).layout_of(2, 1_000_000);

fn registry(max_series: usize) -> Registry {
    Registry::builder().max_series(max_series).build().unwrap()
}

#[test]
fn the_same_labels_are_the_same_series() {
    let r = registry(10);
    let (a, b) = (
        r.counter(&HITS, &["x"]).unwrap(),
        r.counter(&HITS, &["x"]).unwrap(),
    );
    a.add(2);
    b.add(3);
    r.counter(&HITS, &["y"]).unwrap().inc();
    let s = r.collect();
    assert_eq!(s.counter("t_hits_total", &["x"]), Some(5));
    assert_eq!(s.counter("t_hits_total", &["y"]), Some(1));
    assert_eq!(s.counter("t_hits_total", &["z"]), None);
}

#[test]
fn wrong_registrations_are_told_apart() {
    let r = registry(10);
    r.counter(&HITS, &["x"]).unwrap();
    assert!(matches!(
        r.gauge(&HITS, &["x"]),
        Err(RegisterError::WrongKind { .. })
    ));
    assert!(matches!(
        r.counter(&HITS, &[]),
        Err(RegisterError::LabelCount {
            expected: 1,
            got: 0,
            ..
        })
    ));
    let other = Desc::counter("t_hits_total", "Hits.").labels(&["whom"]);
    assert!(matches!(
        r.counter(&other, &["x"]),
        Err(RegisterError::Mismatch { .. })
    ));
    let bad = Desc::dynamic(Kind::Counter, "a b".into(), String::new());
    assert!(matches!(
        r.counter(&bad, &[]),
        Err(RegisterError::BadName { at: 1, .. })
    ));
    // A family that was refused leaves nothing behind.
    assert!(r.collect().family("a b").is_none());
}

#[test]
fn the_limit_refuses_or_folds_and_is_counted() {
    let r = registry(2);
    r.counter(&HITS, &["a"]).unwrap();
    r.counter(&HITS, &["b"]).unwrap();
    assert_eq!(
        r.counter(&HITS, &["c"]).unwrap_err(),
        RegisterError::Full { limit: 2 }
    );
    r.counter(&HITS, &["a"]).unwrap(); // there already
    for name in ["c", "d"] {
        r.counter_or_other(&HITS, &[name]).unwrap().inc();
    }
    let s = r.collect();
    assert_eq!(s.counter("t_hits_total", &["other"]), Some(2));
    assert_eq!(
        s.counter("media_metrics_series_overflow_total", &["t_hits_total"]),
        Some(2)
    );
}

#[test]
fn a_family_has_a_limit_of_its_own() {
    let r = registry(100);
    let few = HITS.clone().max_series(1);
    r.counter(&few, &["a"]).unwrap();
    assert!(matches!(
        r.counter(&few, &["b"]),
        Err(RegisterError::FamilyFull { limit: 1, .. })
    ));
    r.counter_or_other(&few, &["b"]).unwrap().inc();
    assert_eq!(r.collect().counter("t_hits_total", &["other"]), Some(1));
}

#[test]
fn a_removed_series_is_gone_and_its_place_is_used_again() {
    let r = registry(1);
    for round in 0..5 {
        let c = r.counter(&HITS, &["x"]).unwrap();
        c.add(7);
        assert_eq!(
            r.collect().counter("t_hits_total", &["x"]),
            Some(7),
            "round {round}"
        );
        assert!(r.remove(&c));
        assert!(!r.remove(&c), "already removed");
        // The handle may still record; nobody sees it, and the place stays taken.
        c.add(100);
        assert!(r.collect().family("t_hits_total").is_none());
        assert!(matches!(
            r.counter(&HITS, &["y"]),
            Err(RegisterError::Full { .. })
        ));
        drop(c);
        r.collect();
    }
}

#[test]
fn what_is_removed_takes_with_it_what_no_merge_has_seen() {
    let r = registry(2);
    let total = |r: &Registry| r.collect().counter("t_hits_total", &["x"]);
    let c = r.counter(&HITS, &["x"]).unwrap();
    c.add(5);
    drop(c);
    assert_eq!(total(&r), Some(5), "to drop a handle removes nothing");
    let c = r.counter(&HITS, &["x"]).unwrap();
    c.add(2);
    assert!(r.remove(&c));
    assert_eq!(r.latest().counter("t_hits_total", &["x"]), Some(5));
    // Beside the one that has its labels now the old one has no place.
    let next = r.counter(&HITS, &["x"]).unwrap();
    next.inc();
    assert_eq!((c.total(), total(&r)), (7, Some(1)));
    // Merged first, all of it is told.
    next.add(2);
    assert_eq!(total(&r), Some(3));
    assert!(r.remove(&next));
    assert_eq!(total(&r), None);
}

#[test]
fn a_histograms_place_is_used_again_by_another_layout() {
    let r = registry(1);
    let wide = Desc::histogram("t_wide", "Wide.", &[1.0]).layout_of(3, 1 << 40);
    for _ in 0..3 {
        let h = r.histogram(&SIZES, &[]).unwrap();
        h.record(5);
        assert_eq!(r.collect().histogram("t_sizes", &[]).unwrap().count(), 1);
        r.remove(&h);
        drop(h);
        r.collect();
        let w = r.histogram(&wide, &[]).unwrap();
        w.record(1 << 39);
        assert_eq!(r.collect().histogram("t_wide", &[]).unwrap().count(), 1);
        r.remove(&w);
        drop(w);
        r.collect();
    }
}

#[test]
fn a_handle_of_another_registry_removes_nothing() {
    let (a, b) = (registry(10), registry(10));
    let c = a.counter(&HITS, &["x"]).unwrap();
    assert!(!b.remove(&c));
}

#[test]
fn a_gauge_is_set_raised_and_lowered() {
    let r = registry(10);
    let g = r.gauge(&LEVEL, &[]).unwrap();
    let level = || r.collect().gauge("t_level", &[]).unwrap();
    assert_eq!(level(), 0.0);
    g.set(5.0);
    g.inc();
    assert_eq!(level(), 6.0);
    g.set(3.0);
    assert_eq!((level(), g.get()), (3.0, 3.0));
    let theirs = g.clone();
    std::thread::spawn(move || theirs.add(-10.0))
        .join()
        .unwrap();
    g.dec();
    assert_eq!(level(), -8.0);
    g.set(0.1);
    assert!((level() - 0.1).abs() < 1e-12);
    g.add(f64::NAN);
    g.add(f64::INFINITY);
    assert!((level() - 0.1).abs() < 1e-12);
    g.set(f64::INFINITY);
    assert_eq!(level(), f64::INFINITY);
    g.set(1.0);
    assert_eq!(level(), 1.0);
}

#[test]
fn a_histogram_is_merged_without_loss() {
    let r = registry(10);
    let h = r.histogram(&SIZES, &[]).unwrap();
    let samples: Vec<u64> = (0..2_000).map(|i| i * i % 1_500_000).collect();
    std::thread::scope(|scope| {
        for part in samples.chunks(500) {
            let h = &h;
            scope.spawn(move || part.iter().for_each(|&v| h.record(v)));
        }
    });
    let s = r.collect();
    let got = s.histogram("t_sizes", &[]).unwrap();
    assert_eq!(got.count(), 2_000);
    assert_eq!(
        got.sum(),
        samples.iter().map(|&v| v.min(1_000_000)).sum::<u64>()
    );
    let above = samples.iter().filter(|&&v| v > 1_000_000).count() as u64;
    assert!(above > 0);
    assert_eq!(got.clamped(), above);

    let mut theirs = hdrhistogram::Histogram::<u64>::new_with_bounds(1, 1_000_000, 2).unwrap();
    samples
        .iter()
        .for_each(|&v| theirs.saturating_record(v.min(1_000_000)));
    let ours = got.to_hdr().unwrap();
    assert_eq!(ours, theirs);
    for q in [0.0, 0.5, 0.9, 0.99, 1.0] {
        let expected = theirs.value_at_quantile(q).min(1_000_000);
        assert_eq!(got.quantile(q), Some(expected), "q {q}");
    }
    let classic: Vec<u64> = got.classic().collect();
    let at_most = |bound| samples.iter().filter(|&&v| v <= bound).count() as u64;
    assert_eq!(classic, [at_most(10), at_most(100), 2_000]);
}

#[test]
fn a_value_above_the_maximum_counts_as_the_maximum() {
    let r = registry(10);
    let h = r.histogram(&SIZES, &[]).unwrap();
    h.record(u64::MAX);
    h.record(u64::MAX);
    let s = r.collect();
    let got = s.histogram("t_sizes", &[]).unwrap();
    assert_eq!((got.sum(), got.count(), got.clamped()), (2_000_000, 2, 2));
}

#[test]
fn many_samples_at_once_are_as_many_one_by_one() {
    let r = registry(10);
    let (once, each) = (
        r.histogram(&SIZES, &[]).unwrap(),
        r.histogram(&TWICE, &[]).unwrap(),
    );
    for (value, n) in [(0, 3), (7, 0), (500, 4), (2_000_000, 2)] {
        once.record_n(value, n);
        (0..n).for_each(|_| each.record(value));
    }
    let s = r.collect();
    let (once, each) = (
        s.histogram("t_sizes", &[]).unwrap(),
        s.histogram("t_twice", &[]).unwrap(),
    );
    assert_eq!(once, each);
    assert_eq!(
        (once.count(), once.sum(), once.clamped()),
        (9, 2_002_000, 2)
    );
}

#[test]
fn nothing_recorded_has_no_quantile() {
    let r = registry(10);
    r.histogram(&SIZES, &[]).unwrap();
    let s = r.collect();
    let got = s.histogram("t_sizes", &[]).unwrap();
    assert_eq!((got.quantile(0.5), got.max(), got.count()), (None, None, 0));
}

#[test]
fn a_snapshot_in_a_readers_hand_never_changes() {
    let r = registry(10);
    let c = r.counter(&HITS, &["x"]).unwrap();
    let mut held = Vec::new();
    for n in 1..=20 {
        c.inc();
        held.push((n, r.collect()));
    }
    for (n, s) in &held {
        assert_eq!(s.counter("t_hits_total", &["x"]), Some(*n));
        assert_eq!(s.sequence(), *n);
    }
    assert_eq!(r.latest().sequence(), 20);
}

#[test]
fn a_schema_is_the_same_while_no_series_comes_or_goes() {
    let r = registry(10);
    r.counter(&HITS, &["x"]).unwrap();
    let schema = |r: &Registry| Arc::clone(r.collect().family("t_hits_total").unwrap().schema());
    let first = schema(&r);
    assert!(Arc::ptr_eq(&first, &schema(&r)));
    r.counter(&HITS, &["y"]).unwrap();
    assert!(!Arc::ptr_eq(&first, &schema(&r)));
}

#[test]
fn no_family_looks_like_a_part_of_a_histogram() {
    let named = |kind, name: &str| Desc::dynamic(kind, name.to_owned(), String::new());
    let r = registry(10);
    r.histogram(&SIZES, &[]).unwrap();
    for part in ["t_sizes_count", "t_sizes_sum", "t_sizes_bucket"] {
        let clash = r.counter(&named(Kind::Counter, part), &[]).unwrap_err();
        assert!(
            matches!(clash, RegisterError::Clash { .. }),
            "{part}: {clash}"
        );
    }
    r.counter(&named(Kind::Counter, "t_count"), &[]).unwrap();
    assert!(matches!(
        r.histogram(&named(Kind::Histogram, "t"), &[]),
        Err(RegisterError::Clash { .. })
    ));
}

#[test]
fn a_value_that_was_cut_is_found_by_its_whole_self() {
    let r = registry(10);
    let long = "x".repeat(2_000);
    r.counter(&HITS, &[&long]).unwrap().inc();
    assert_eq!(r.collect().counter("t_hits_total", &[&long]), Some(1));
}

#[test]
fn an_addition_that_could_not_be_taken_back_is_not_made() {
    let r = registry(10);
    let g = r.gauge(&LEVEL, &[]).unwrap();
    g.add(f64::MAX);
    g.add(f64::MAX);
    assert_eq!(g.get(), f64::MAX);
    g.set(5.0);
    assert!(g.get().is_finite());
}
