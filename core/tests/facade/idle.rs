//! Idle series: they go, their places are used again, and nothing that a held handle records is lost.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use media_metrics_core::Registry;
use media_metrics_core::facade::Recorder;
use metrics::{counter, gauge, histogram, with_local_recorder};

/// Idle as soon as a merge finds it unused: by the second merge after its last use.
fn hasty(max_series: usize) -> (Registry, Recorder) {
    let registry = Registry::builder().max_series(max_series).build().unwrap();
    let builder = Recorder::builder(&registry).idle_timeout(Duration::from_nanos(1));
    let recorder = builder.build().unwrap();
    (registry, recorder)
}

#[test]
fn all_kinds_go_when_idle_and_begin_anew() {
    let (registry, recorder) = hasty(100);
    for _ in 0..3 {
        with_local_recorder(&recorder, || {
            counter!("c.total", "a" => "b").increment(2);
            gauge!("g").increment(3);
            histogram!("h").record(4.0);
        });
        let used = registry.collect();
        assert_eq!(used.counter("c_total", &["a", "b"]), Some(2));
        assert_eq!(used.gauge("g", &[]), Some(3.0));
        assert_eq!(used.histogram("h", &[]).unwrap().count(), 1);
        let idle = registry.collect();
        for name in ["c_total", "g", "h"] {
            assert!(idle.family(name).is_none(), "{name}");
        }
    }
}

#[test]
fn a_level_that_is_no_number_goes_too() {
    let (registry, recorder) = hasty(10);
    with_local_recorder(&recorder, || gauge!("g").set(f64::NAN));
    let used = registry.collect();
    assert!(used.gauge("g", &[]).is_some_and(f64::is_nan));
    assert!(registry.collect().family("g").is_none());
}

#[test]
fn places_of_idle_series_are_used_again() {
    let (registry, recorder) = hasty(10);
    for round in 0..50 {
        with_local_recorder(&recorder, || {
            for i in 0..10 {
                counter!("c_total", "n" => format!("{round} {i}")).increment(1);
            }
        });
        let snapshot = registry.collect();
        let schema = snapshot.family("c_total").unwrap().schema();
        assert_eq!(schema.len(), 10, "round {round}");
        assert_eq!(snapshot.counter("c_total", &["overflow", "true"]), None);
        registry.collect();
    }
}

#[test]
fn a_held_handle_brings_its_series_back_with_its_total() {
    let (registry, recorder) = hasty(10);
    let held = with_local_recorder(&recorder, || counter!("held.total", "a" => "b"));
    let total = |labels: &[&str]| registry.collect().counter("held_total", labels);
    held.increment(5);
    assert_eq!(total(&["a", "b"]), Some(5));
    assert_eq!(total(&["a", "b"]), None);
    held.increment(1);
    assert_eq!(total(&["a", "b"]), Some(6));
    assert_eq!(total(&["a", "b"]), None);
    // Asked for again by another key of the same series: it is that one, not a second.
    with_local_recorder(&recorder, || {
        counter!("held_total", "a" => "b").increment(1);
    });
    held.increment(1);
    let snapshot = registry.collect();
    assert_eq!(snapshot.counter("held_total", &["a", "b"]), Some(8));
    assert_eq!(snapshot.family("held_total").unwrap().schema().len(), 1);
}

#[test]
fn what_comes_back_between_two_merges_is_there_once() {
    let (registry, recorder) = hasty(10);
    let held = with_local_recorder(&recorder, || gauge!("g"));
    for round in 0..20 {
        held.set(round);
        for _ in 0..round % 3 {
            registry.collect();
        }
        held.increment(1);
        let snapshot = registry.collect();
        assert_eq!(snapshot.family("g").unwrap().schema().len(), 1);
        assert_eq!(snapshot.gauge("g", &[]), Some(f64::from(round) + 1.0));
    }
}

#[test]
fn nothing_is_lost_while_series_come_and_go_all_the_time() {
    const LEAST: u64 = 20_000;
    const MOST: u64 = LEAST + 5_000;
    let (registry, recorder) = hasty(100);
    let handle = with_local_recorder(&recorder, || counter!("busy.total"));
    let (done, gone) = (AtomicBool::new(false), AtomicU64::new(0));
    let recorded = thread::scope(|scope| {
        let recording: Vec<_> = (0..2)
            .map(|_| {
                let (handle, recorder, gone) = (handle.clone(), &recorder, &gone);
                scope.spawn(move || {
                    let (mut rounds, mut recorded) = (0, 0);
                    // On a loaded machine nobody merges for a while: so until it was idle, too.
                    while rounds < LEAST || (gone.load(Ordering::Relaxed) == 0 && rounds < MOST) {
                        handle.increment(1);
                        recorded += 1;
                        if rounds % 64 == 0 {
                            with_local_recorder(recorder, || {
                                counter!("busy_total").increment(1);
                            });
                            recorded += 1;
                            thread::yield_now();
                        }
                        if rounds >= LEAST {
                            thread::sleep(Duration::from_millis(2));
                        }
                        rounds += 1;
                    }
                    recorded
                })
            })
            .collect();
        let (registry, done, gone) = (&registry, &done, &gone);
        let merges = scope.spawn(move || {
            let mut last = 0;
            while !done.load(Ordering::Relaxed) {
                match registry.collect().counter("busy_total", &[]) {
                    Some(total) => {
                        assert!(total >= last, "{total} after {last}");
                        last = total;
                    }
                    None => _ = gone.fetch_add(1, Ordering::Relaxed),
                }
            }
        });
        let recorded: u64 = recording.into_iter().map(|t| t.join().unwrap()).sum();
        done.store(true, Ordering::Relaxed);
        merges.join().unwrap();
        recorded
    });
    assert!(
        gone.into_inner() > 0,
        "it never was idle: a test of nothing"
    );
    handle.increment(0);
    let total = registry.collect().counter("busy_total", &[]);
    assert_eq!(total, Some(recorded));
}
