//! Many threads: what they recorded is what is published, exactly, and never goes back.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};

use media_metrics_core::{Counter, Desc, Registry};

static HITS: Desc = Desc::counter("t_hits_total", "Hits.");
static TIMES: Desc = Desc::histogram("t_times", "Times.", &[1.0]);

/// Miri zeroes a slab for real: a small one.
fn small() -> Registry {
    Registry::builder().max_series(64).build().unwrap()
}

fn hits(r: &Registry) -> u64 {
    r.collect().counter("t_hits_total", &[]).unwrap()
}

#[test]
fn threads_come_and_go_while_a_reader_sums() {
    let r = small();
    let c = r.counter(&HITS, &[]).unwrap();
    let h = r.histogram(&TIMES, &[]).unwrap();
    let done = AtomicBool::new(false);
    let (rounds, threads, each) = if cfg!(miri) { (3, 2, 20) } else { (60, 4, 500) };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut last = (0, 0);
            while !done.load(Ordering::Relaxed) {
                let s = r.collect();
                let now = (
                    s.counter("t_hits_total", &[]).unwrap(),
                    s.histogram("t_times", &[]).unwrap().count(),
                );
                assert!(now.0 >= last.0 && now.1 >= last.1, "{now:?} after {last:?}");
                last = now;
            }
        });
        for _ in 0..rounds {
            std::thread::scope(|inner| {
                for _ in 0..threads {
                    inner.spawn(|| {
                        for i in 0..each {
                            c.inc();
                            h.record(i);
                        }
                    });
                }
            });
        }
        done.store(true, Ordering::Relaxed);
    });
    let total = rounds * threads * each;
    assert_eq!(hits(&r), total);
    assert_eq!(
        r.collect().histogram("t_times", &[]).unwrap().count(),
        total
    );
    // Memory follows the threads alive at once: `threads`, the reader, this one, and a few that had not
    // quite ended when the next began.
    let shards = r.collect().gauge("media_metrics_shards", &[]).unwrap();
    assert!(shards <= 3.0 * threads as f64 + 2.0, "{shards} shards");
}

#[test]
fn a_record_from_any_destructor_counts() {
    struct Recorder(Counter);
    impl Drop for Recorder {
        fn drop(&mut self) {
            self.0.add(10);
            let local = self.0.local();
            local.add(1);
        }
    }
    thread_local!(static BEFORE: RefCell<Option<Recorder>> = const { RefCell::new(None) });
    thread_local!(static AFTER: RefCell<Option<Recorder>> = const { RefCell::new(None) });
    let r = small();
    let c = r.counter(&HITS, &[]).unwrap();
    let theirs = c;
    std::thread::spawn(move || {
        // One is registered before this thread attaches, one after: destroyed on both sides of it.
        BEFORE.with(|slot| *slot.borrow_mut() = Some(Recorder(theirs.clone())));
        theirs.inc();
        AFTER.with(|slot| *slot.borrow_mut() = Some(Recorder(theirs.clone())));
    })
    .join()
    .unwrap();
    assert_eq!(hits(&r), 23);
}

#[test]
fn a_local_handle_counts_and_outlives_its_threads_other_handles() {
    thread_local!(static KEPT: RefCell<Vec<media_metrics_core::LocalCounter>> = const { RefCell::new(Vec::new()) });
    let r = small();
    let c = r.counter(&HITS, &[]).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let local = c.local();
                assert!(local.is_attached());
                (0..1_000).for_each(|_| local.inc());
                KEPT.with(|kept| kept.borrow_mut().push(local)); // dropped by a destructor
                c.inc();
            });
        }
    });
    assert_eq!(hits(&r), 8_008);
}

#[test]
fn a_thread_that_panics_harms_no_other_record() {
    let r = small();
    let c = r.counter(&HITS, &[]).unwrap();
    for _ in 0..10 {
        let theirs = c.clone();
        let thread = std::thread::spawn(move || {
            theirs.inc();
            panic!("expected: a host's thread panics while it records");
        });
        assert!(thread.join().is_err());
        c.inc();
    }
    assert_eq!(hits(&r), 20);
    assert_eq!(r.collect().gauge("media_metrics_shards", &[]), Some(2.0));
}

#[test]
fn registries_do_not_mix() {
    let registries: Vec<_> = (0..10).map(|_| small()).collect();
    let counters: Vec<_> = registries
        .iter()
        .map(|r| r.counter(&HITS, &[]).unwrap())
        .collect();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for round in 0..100 {
                    for (i, c) in counters.iter().enumerate() {
                        c.add(i as u64 + round);
                    }
                }
            });
        }
    });
    for (i, r) in registries.iter().enumerate() {
        assert_eq!(hits(r), 3 * (100 * i as u64 + 4_950));
    }
}

#[test]
fn a_handle_outlives_its_registry() {
    let c = small().counter(&HITS, &[]).unwrap();
    c.inc();
    let other = small();
    other.counter(&HITS, &[]).unwrap().inc();
    c.inc();
    std::thread::spawn(move || c.inc()).join().unwrap();
    assert_eq!(hits(&other), 1);
}
