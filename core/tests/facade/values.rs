//! Values: what is recorded is what is read, from any number of threads.

use std::thread;

use media_metrics_core::Registry;
use media_metrics_core::facade::{DEFAULT_BOUNDS, InstallError, Matcher, Recorder};
use metrics::{counter, gauge, histogram, with_local_recorder};

use super::super::{facade, recorded};

#[test]
fn counters_add_up_over_threads_handles_and_macro_calls() {
    let (registry, recorder) = facade();
    let handle = with_local_recorder(&recorder, || counter!("packets_total", "kind" => "audio"));
    thread::scope(|scope| {
        for _ in 0..4 {
            let (handle, recorder) = (handle.clone(), &recorder);
            scope.spawn(move || {
                for n in 0..1_000 {
                    handle.increment(n);
                    with_local_recorder(recorder, || {
                        counter!("packets_total", "kind" => "audio").increment(1);
                    });
                }
            });
        }
    });
    let total = registry
        .collect()
        .counter("packets_total", &["kind", "audio"]);
    assert_eq!(total, Some(4 * (999 * 1_000 / 2 + 1_000)));
}

#[test]
fn an_absolute_value_is_a_minimum_whoever_sets_it() {
    let (registry, recorder) = facade();
    let outside = with_local_recorder(&recorder, || counter!("outside_total"));
    let total = || registry.collect().counter("outside_total", &[]);
    outside.absolute(7);
    outside.absolute(5);
    assert_eq!(total(), Some(7), "never back");
    outside.increment(3);
    outside.absolute(10);
    assert_eq!(total(), Some(10));
    thread::scope(|scope| {
        for _ in 0..4 {
            let outside = outside.clone();
            scope.spawn(move || (0..=5_000).for_each(|n| outside.absolute(n)));
        }
    });
    assert_eq!(total(), Some(5_000), "not made up for twice");
}

#[test]
fn gauges_are_set_raised_and_lowered() {
    let (registry, recorder) = facade();
    let level = with_local_recorder(&recorder, || gauge!("level"));
    let read = || registry.collect().gauge("level", &[]);
    assert_eq!(read(), Some(0.0), "from its registration on");
    level.increment(5);
    thread::scope(|scope| {
        let level = &level;
        scope.spawn(move || level.decrement(2.5));
    });
    assert_eq!(read(), Some(2.5));
    level.set(-1);
    level.increment(4);
    assert_eq!(read(), Some(3.0));
    level.set(f64::INFINITY);
    assert_eq!(read(), Some(f64::INFINITY));
    level.set(1.0);
    assert_eq!(read(), Some(1.0));
}

#[test]
fn histograms_are_exact_at_the_bounds_given_for_their_names() {
    let registry = Registry::new().unwrap();
    let recorder = Recorder::builder(&registry)
        .buckets(&[1.0, 2.0])
        .buckets_for(Matcher::Prefix("rtt.".into()), &[0.1])
        .build()
        .unwrap();
    with_local_recorder(&recorder, || {
        let sizes = histogram!("sizes");
        sizes.record(1.0);
        sizes.record(1.000_000_000_000_000_2);
        sizes.record_many(-3.5, 10);
        sizes.record(99);
        sizes.record_many(2, 0);
        histogram!("rtt.ms").record(0.1);
    });
    let snapshot = registry.collect();
    let sizes = snapshot.histogram("sizes", &[]).unwrap();
    assert_eq!(sizes.classic().collect::<Vec<_>>(), [11, 12, 13]);
    assert_eq!(
        sizes.exact_sum(),
        Some(1.0 + 1.000_000_000_000_000_2 - 35.0 + 99.0)
    );
    let rtt = snapshot.histogram("rtt_ms", &[]).unwrap();
    assert_eq!(rtt.classic().collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn histograms_of_unknown_scale_have_bounds_from_nanoseconds_to_gigabytes() {
    let values = [0.0, 2e-7, 0.004, 1.0, 2e9, 1e12];
    let snapshot = recorded(|| {
        let any = histogram!("any");
        values.iter().for_each(|&v| any.record(v));
    });
    let counts: Vec<u64> = snapshot.histogram("any", &[]).unwrap().classic().collect();
    let below = |bound: &f64| values.iter().filter(|&v| v <= bound).count() as u64;
    let expected = DEFAULT_BOUNDS.iter().chain(&[f64::INFINITY]).map(below);
    assert_eq!(counts, expected.collect::<Vec<_>>());
}

#[test]
fn values_that_are_not_finite_count_in_their_buckets_and_not_in_the_sum() {
    let snapshot = recorded(|| {
        let h = histogram!("h");
        h.record(1.0);
        h.record(f64::NAN);
        h.record_many(f64::INFINITY, 3);
        h.record(f64::NEG_INFINITY);
    });
    let h = snapshot.histogram("h", &[]).unwrap();
    assert_eq!((h.count(), h.exact_sum()), (6, Some(1.0)));
    let counts: Vec<u64> = h.classic().collect();
    let (below, all) = (counts[0], counts[counts.len() - 1]);
    let finite = counts[counts.len() - 2];
    assert_eq!(
        (below, finite, all),
        (1, 2, 6),
        "-Inf; 1 as well; the others"
    );
    let apart = snapshot.counter("media_metrics_facade_values_not_finite_total", &[]);
    assert_eq!(apart, Some(5));
}

#[test]
fn bounds_that_a_histogram_cannot_have_are_an_error() {
    let registry = Registry::new().unwrap();
    for bad in [&[2.0, 1.0][..], &[f64::NAN], &[f64::INFINITY]] {
        let all = Recorder::builder(&registry).buckets(bad).build();
        assert!(matches!(all, Err(InstallError::Register(_))), "{bad:?}");
        let names = Matcher::Full("x".into());
        let some = Recorder::builder(&registry).buckets_for(names, bad).build();
        assert!(matches!(some, Err(InstallError::Register(_))), "{bad:?}");
    }
    let none = Recorder::builder(&registry).buckets(&[]).build();
    assert!(none.is_ok(), "a sum and a count");
}
