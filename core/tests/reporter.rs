//! The reporter: on time, on request, at the end; sinks that misbehave.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::panic::panic_any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use media_metrics_core::{Desc, Registry, Reporter, Snapshot, StartError, StreamConfig, Task};

static HITS: Desc = Desc::counter("t_hits_total", "Hits.");
const HOUR: Duration = Duration::from_secs(3_600);
const SECOND: Duration = Duration::from_secs(1);

fn hits(s: &Snapshot) -> Option<u64> {
    s.counter("t_hits_total", &[])
}

#[test]
fn ticks_come_by_themselves() {
    let r = Registry::new().unwrap();
    r.counter(&HITS, &[]).unwrap().inc();
    let reporter = Reporter::builder(&r)
        .interval(Duration::from_millis(5))
        .start()
        .unwrap();
    let deadline = Instant::now() + 20 * SECOND;
    while reporter.latest().sequence() < 3 {
        assert!(Instant::now() < deadline, "no third tick in 20 s");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(hits(&reporter.latest()), Some(1));
}

#[test]
fn a_flush_has_all_that_was_recorded_before_it() {
    let r = Registry::new().unwrap();
    let c = r.counter(&HITS, &[]).unwrap();
    let reporter = Reporter::builder(&r).interval(HOUR).start().unwrap();
    for n in 1..=100 {
        c.inc();
        assert_eq!(hits(&reporter.flush()), Some(n));
    }
    assert_eq!(r.latest().sequence(), 100);
}

#[test]
fn stopping_is_prompt_and_says_the_last_word() {
    let r = Registry::new().unwrap();
    let c = r.counter(&HITS, &[]).unwrap();
    let last = Arc::new(Mutex::new(None));
    let theirs = Arc::clone(&last);
    let keep = move |s: &Arc<Snapshot>| *theirs.lock().unwrap() = hits(s);
    let reporter = Reporter::builder(&r)
        .interval(HOUR)
        .sink("keep", 4, keep)
        .start()
        .unwrap();
    c.add(42);
    assert!(reporter.stop(20 * SECOND)); // would take an hour if it slept
    assert_eq!(*last.lock().unwrap(), Some(42));
    assert_eq!(hits(&r.latest()), Some(42));
}

#[test]
fn dropping_is_stopping() {
    let r = Registry::new().unwrap();
    let c = r.counter(&HITS, &[]).unwrap();
    let reporter = Reporter::builder(&r).interval(HOUR).start().unwrap();
    c.inc();
    drop(reporter);
    assert_eq!(hits(&r.latest()), Some(1));
}

#[test]
fn there_is_one_reporter_at_a_time() {
    let r = Registry::new().unwrap();
    let c = r.counter(&HITS, &[]).unwrap();
    let start = || Reporter::builder(&r).interval(HOUR).start();
    for n in 1..=3 {
        let reporter = start().unwrap();
        assert!(matches!(start(), Err(StartError::AlreadyRunning)));
        c.inc();
        assert_eq!(hits(&reporter.flush()), Some(n));
        assert!(reporter.stop(SECOND));
    }
    let zero = Reporter::builder(&r).interval(Duration::ZERO).start();
    assert!(matches!(zero, Err(StartError::ZeroInterval)));
}

#[test]
fn a_panicking_sink_loses_its_own_turns_only() {
    let r = Registry::new().unwrap();
    let turns = Arc::new(AtomicU64::new(0));
    let theirs = Arc::clone(&turns);
    let good = move |_: &Arc<Snapshot>| {
        theirs.fetch_add(1, Ordering::Relaxed);
    };
    let bad =
        |s: &Arc<Snapshot>| assert!(s.sequence().is_multiple_of(2), "expected: a sink panics");
    let reporter = Reporter::builder(&r)
        .interval(HOUR)
        .sink("bad", 100, bad)
        .sink("good", 100, good)
        .start()
        .unwrap();
    for _ in 0..9 {
        let _ = reporter.flush();
    }
    assert!(reporter.stop(20 * SECOND)); // the tenth
    assert_eq!(turns.load(Ordering::Relaxed), 10);
    let s = r.collect();
    assert_eq!(
        s.counter("media_metrics_sink_panics_total", &["bad"]),
        Some(5)
    );
    assert_eq!(
        s.counter("media_metrics_sink_turns_total", &["bad"]),
        Some(5)
    );
    assert_eq!(
        s.counter("media_metrics_sink_turns_total", &["good"]),
        Some(10)
    );
}

#[test]
fn a_stuck_sink_holds_up_nobody() {
    let r = Registry::new().unwrap();
    let (release, stuck) = std::sync::mpsc::channel::<()>();
    let stuck = Mutex::new(stuck);
    let block = move |_: &Arc<Snapshot>| {
        let _ = stuck.lock().unwrap().recv();
    };
    let reporter = Reporter::builder(&r)
        .interval(HOUR)
        .sink("stuck", 2, block)
        .start()
        .unwrap();
    for _ in 0..10 {
        let _ = reporter.flush();
    }
    let began = Instant::now();
    assert!(
        !reporter.stop(Duration::from_millis(50)),
        "it did not finish"
    );
    assert!(began.elapsed() < 20 * SECOND);
    // One in its hands (perhaps not yet), two waiting, the rest dropped.
    let dropped = r
        .collect()
        .counter("media_metrics_sink_dropped_total", &["stuck"])
        .unwrap();
    assert!((8..=9).contains(&dropped), "{dropped}");
    drop(release);
}

#[test]
fn the_reporter_reports_on_itself() {
    let r = Registry::new().unwrap();
    let reporter = Reporter::builder(&r)
        .interval(Duration::from_millis(2))
        .start()
        .unwrap();
    let deadline = Instant::now() + 20 * SECOND;
    loop {
        let s = reporter.latest();
        let count = |name| s.histogram(name, &[]).map_or(0, |h| h.count());
        if count("media_metrics_reporter_tick_seconds") > 2
            && count("media_metrics_reporter_late_seconds") > 2
        {
            assert!(s.gauge("media_metrics_series", &[]).unwrap() > 0.0);
            assert!(s.gauge("media_metrics_memory_bytes", &[]).unwrap() > 0.0);
            break;
        }
        assert!(Instant::now() < deadline);
    }
}

#[test]
fn endless_intervals_and_deadlines_are_no_panic() {
    let r = Registry::new().unwrap();
    let c = r.counter(&HITS, &[]).unwrap();
    let sink = |_: &Arc<Snapshot>| {};
    let reporter = Reporter::builder(&r)
        .interval(Duration::MAX)
        .sink("name\0with a hole", 1, sink)
        .start()
        .unwrap();
    c.inc();
    assert_eq!(hits(&reporter.flush()), Some(1));
    assert!(reporter.stop(Duration::MAX));
}

#[test]
fn a_stopped_reporters_sinks_are_dropped() {
    struct Last(Arc<AtomicU64>);
    impl Drop for Last {
        fn drop(&mut self) {
            std::thread::sleep(Duration::from_millis(20)); // writes its tail
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let dropped = Arc::new(AtomicU64::new(0));
    let last = Last(Arc::clone(&dropped));
    let sink = move |_: &Arc<Snapshot>| assert_eq!(last.0.load(Ordering::Relaxed), 0);
    let r = Registry::new().unwrap();
    let reporter = Reporter::builder(&r)
        .interval(HOUR)
        .sink("tail", 1, sink)
        .start()
        .unwrap();
    assert!(reporter.stop(20 * SECOND));
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
}

#[test]
fn merges_from_a_pool_of_rayons_do_not_wait_for_each_other() {
    let r = Registry::new().unwrap();
    let group = r.group(&["incoming", "audio"]).unwrap();
    let streams: Vec<_> =
        (0..20_000) // enough for the reporter to take help
            .map(|ssrc| r.stream(&group, StreamConfig::new(ssrc, 48_000)).unwrap())
            .collect();
    let reporter = Arc::new(Reporter::builder(&r).interval(HOUR).start().unwrap());
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(2)
        .build()
        .unwrap();
    let (done, all) = std::sync::mpsc::channel();
    for i in 0..8 {
        let (reporter, registry, done) = (Arc::clone(&reporter), r.clone(), done.clone());
        pool.spawn(move || {
            let snapshot = if i % 2 == 0 {
                reporter.flush()
            } else {
                registry.collect()
            };
            done.send(snapshot.sequence()).unwrap();
        });
    }
    for _ in 0..8 {
        all.recv_timeout(60 * SECOND)
            .expect("a merge within a minute");
    }
    drop(streams);
}

/// Runs when it says, with the times at which it ran.
struct Every {
    period: Option<Duration>,
    runs: Arc<AtomicU64>,
    stopped: Arc<AtomicU64>,
    hits: media_metrics_core::Counter,
}

impl Task for Every {
    fn run(&mut self, now: Instant) -> Option<Instant> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        self.period.map(|p| now + p)
    }

    fn stop(&mut self, _now: Instant) {
        self.hits.inc();
        self.stopped.fetch_add(1, Ordering::SeqCst);
    }
}

fn until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + 20 * SECOND;
    while !done() {
        assert!(Instant::now() < deadline, "not in 20 s: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn tasks_run_when_they_say_and_when_woken_and_have_the_last_word() {
    let r = Registry::new().unwrap();
    let [often, woken, stopped] = std::array::from_fn(|_| Arc::new(AtomicU64::new(0)));
    let (a, b, c, d) = (
        Arc::clone(&often),
        Arc::clone(&woken),
        Arc::clone(&stopped),
        Arc::clone(&stopped),
    );
    let hits_of = r.counter(&HITS, &[]).unwrap();
    let hits_too = hits_of.clone();
    let (tell, told) = std::sync::mpsc::channel();
    let reporter = Reporter::builder(&r)
        .interval(HOUR)
        .task("often", move |_| Every {
            period: Some(Duration::from_millis(2)),
            runs: a,
            stopped: c,
            hits: hits_of,
        })
        .task("woken", move |waker| {
            tell.send(waker).unwrap();
            Every {
                period: None,
                runs: b,
                stopped: d,
                hits: hits_too,
            }
        })
        .start()
        .unwrap();
    until("five runs", || often.load(Ordering::SeqCst) >= 5);
    // Both ran once to begin with; since then one of them waits.
    let before = woken.load(Ordering::SeqCst);
    assert_eq!(before, 1);
    let waker = told.recv().unwrap();
    waker.wake();
    until("the woken one", || woken.load(Ordering::SeqCst) == 2);
    assert_eq!(
        r.latest().sequence(),
        0,
        "no merge of its own in an hour's interval"
    );
    assert!(reporter.stop(SECOND));
    assert_eq!(stopped.load(Ordering::SeqCst), 2);
    // What tasks did when they were stopped is in the last merge.
    assert_eq!(hits(&r.latest()), Some(2));
    let took = r.latest();
    let took = took
        .histogram("media_metrics_task_seconds", &["woken"])
        .unwrap();
    assert_eq!(took.count(), 3, "two runs and a stop");
    waker.wake(); // nobody there: nothing happens
}

#[test]
fn a_panicking_task_is_counted_and_harms_nobody() {
    struct Panics;
    impl Task for Panics {
        fn run(&mut self, _now: Instant) -> Option<Instant> {
            panic!("on purpose");
        }
        fn stop(&mut self, _now: Instant) {
            panic!("on purpose, too");
        }
    }
    let r = Registry::new().unwrap();
    let reporter = Reporter::builder(&r)
        .interval(HOUR)
        .task("bad", |_| Panics)
        .start()
        .unwrap();
    let panics = |s: &Snapshot| s.counter("media_metrics_task_panics_total", &["bad"]);
    until("a caught panic", || panics(&reporter.flush()) == Some(1));
    assert!(reporter.stop(SECOND));
    assert_eq!(panics(&r.latest()), Some(2));
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "on purpose: a bomb");
    }
}

/// What is thrown panics when it is thrown away, and so do a task and a sink when they go.
#[test]
fn hosts_that_panic_in_what_they_drop_harm_nobody() {
    struct Throws(Bomb);
    impl Task for Throws {
        fn run(&mut self, _now: Instant) -> Option<Instant> {
            let Self(Bomb) = self;
            panic_any(Bomb);
        }
    }
    let r = Registry::new().unwrap();
    let own = Bomb;
    let bad = move |_: &Arc<Snapshot>| {
        let Bomb = &own;
        panic_any(Bomb);
    };
    let turns = Arc::new(AtomicU64::new(0));
    let theirs = Arc::clone(&turns);
    let good = move |_: &Arc<Snapshot>| {
        theirs.fetch_add(1, Ordering::Relaxed);
    };
    let reporter = Reporter::builder(&r)
        .interval(HOUR)
        .task("bad", |_| Throws(Bomb))
        .sink("bad", 100, bad)
        .sink("good", 100, good)
        .start()
        .unwrap();
    let panics = |s: &Snapshot, name| s.counter(name, &["bad"]).unwrap();
    let of_tasks = "media_metrics_task_panics_total";
    let merges = AtomicU64::new(0);
    until("a caught panic", || {
        merges.fetch_add(1, Ordering::Relaxed);
        panics(&reporter.flush(), of_tasks) > 0
    });
    assert!(reporter.stop(20 * SECOND)); // merges once more
    let merges = merges.into_inner();
    assert_eq!(turns.load(Ordering::Relaxed), merges + 1);
    let s = r.collect();
    // Its runs, and its drop.
    assert!(panics(&s, of_tasks) >= 2);
    let of_sinks = panics(&s, "media_metrics_sink_panics_total");
    assert_eq!(of_sinks, merges + 2);
}

/// Calls `run` each time that it runs.
struct Does<F>(F);

impl<F: FnMut() -> Option<Instant> + Send> Task for Does<F> {
    fn run(&mut self, _now: Instant) -> Option<Instant> {
        (self.0)()
    }
}

#[test]
fn tasks_that_wake_themselves_hold_up_neither_merges_nor_the_end() {
    let r = Registry::new().unwrap();
    let mut builder = Reporter::builder(&r).interval(Duration::from_millis(5));
    for name in ["a", "b", "c"] {
        builder = builder.task(name, |waker| {
            Does(move || {
                waker.wake();
                None
            })
        });
    }
    let reporter = builder.start().unwrap();
    until("ten merges", || reporter.latest().sequence() >= 10);
    let begun = Instant::now();
    assert!(reporter.stop(SECOND));
    assert!(begun.elapsed() < 30 * SECOND);
}

#[test]
fn the_tick_after_a_stall_has_a_whole_interval() {
    let interval = Duration::from_millis(40);
    let r = Registry::new().unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    let mut stalls = 3;
    let reporter = Reporter::builder(&r)
        .interval(interval)
        .sink("all", 100, move |snapshot: &Arc<Snapshot>| {
            let _ = tell.send(snapshot.interval()); // the test may be over
        })
        .task("stalls", move |waker| {
            Does(move || {
                std::thread::sleep(4 * interval);
                stalls -= 1;
                if stalls > 0 {
                    waker.wake();
                }
                None
            })
        })
        .start()
        .unwrap();
    let mut after_stall = 0;
    let mut before = Duration::ZERO;
    while after_stall < 2 {
        let interval_now = told.recv_timeout(20 * SECOND).unwrap();
        if before >= 3 * interval {
            assert!(
                interval_now >= interval,
                "{before:?}, then {interval_now:?}"
            );
            after_stall += 1;
        }
        before = interval_now;
    }
    assert!(reporter.stop(SECOND));
}

#[test]
fn a_wake_runs_its_own_task_and_a_panic_has_its_rest() {
    let r = Registry::new().unwrap();
    let [runs, others] = std::array::from_fn(|_| Arc::new(AtomicU64::new(0)));
    let (a, b) = (Arc::clone(&runs), Arc::clone(&others));
    let (tell, told) = std::sync::mpsc::channel();
    let tell_too = tell.clone();
    let reporter = Reporter::builder(&r)
        .interval(HOUR)
        .task("woken", move |waker| {
            tell.send(waker).unwrap();
            Does(move || {
                a.fetch_add(1, Ordering::SeqCst);
                None
            })
        })
        .task("other", move |_| {
            Does(move || {
                b.fetch_add(1, Ordering::SeqCst);
                None
            })
        })
        .task("panics", move |waker| {
            tell_too.send(waker).unwrap();
            Does(|| panic!("on purpose"))
        })
        .start()
        .unwrap();
    let wakers = [told.recv().unwrap(), told.recv().unwrap()];
    until("the first run", || runs.load(Ordering::SeqCst) == 1);
    for n in 2..=20 {
        wakers.iter().for_each(media_metrics_core::Waker::wake);
        until("the woken one", || runs.load(Ordering::SeqCst) >= n);
    }
    assert_eq!(others.load(Ordering::SeqCst), 1, "only to begin with");
    let s = reporter.flush();
    let panics = s.counter("media_metrics_task_panics_total", &["panics"]);
    // It panics at once, and is then left alone for a second, which this test may take on a slow machine.
    assert!(panics <= Some(5), "{panics:?}");
}

#[test]
fn a_task_may_flush_and_stop_its_own_reporter() {
    let r = Registry::new().unwrap();
    let slot: Arc<Mutex<Option<Reporter>>> = Arc::default();
    let (seen, theirs) = (Arc::new(AtomicU64::new(0)), Arc::clone(&slot));
    let count = Arc::clone(&seen);
    let (tell, told) = std::sync::mpsc::channel();
    let reporter = Reporter::builder(&r)
        .interval(HOUR)
        .task("inside", move |waker| {
            tell.send(waker).unwrap();
            Does(move || {
                if let Some(reporter) = theirs.lock().unwrap().take() {
                    count.store(reporter.flush().sequence(), Ordering::SeqCst);
                    assert!(!reporter.stop(SECOND), "it can't wait for itself");
                }
                None
            })
        })
        .start()
        .unwrap();
    *slot.lock().unwrap() = Some(reporter);
    told.recv().unwrap().wake();
    until("a merge from inside", || seen.load(Ordering::SeqCst) == 1);
    // The last merge, after which the right to be the registry's reporter is free again.
    until("the end", || {
        Reporter::builder(&r).interval(HOUR).start().is_ok()
    });
    assert_eq!(
        r.latest().sequence(),
        3,
        "one asked for, and the last ones of two reporters"
    );
}
