//! `counter!`: one addition.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use media_metrics_benches::contest::{Contest, Role};
use media_metrics_benches::options::Options;
use media_metrics_benches::race::{race, touch};
use media_metrics_benches::results::Section;
use media_metrics_core::{Registry, facade};
use metrics::{counter, set_default_local_recorder, with_local_recorder};
use metrics_exporter_prometheus::PrometheusBuilder;

use crate::{OURS, THEIRS};

const HANDLES: &str = "counter!: a handle that is kept";
const MACROS: &str = "counter!(\"jobs\", \"queue\" => \"mail\"): the macro";

/// The floor, and the naive one: a plain addition, and one to a word that all threads share.
fn enter_floor(c: &mut Contest<'_>) {
    let total = AtomicU64::new(0);
    c.enter(Role::Floor, "plain increment", move |t, n| {
        let before = total.load(Relaxed);
        let step = |own: &mut u64, _| {
            *own += 1;
            touch(own);
        };
        let done = |own| {
            total.fetch_add(own, Relaxed);
        };
        let time = race(t, n, || 0_u64, step, done);
        assert_eq!(total.load(Relaxed) - before, t as u64 * n);
        time
    });
}

pub(crate) fn handles(options: &Options, threads: &[usize], section: &mut Section) {
    if !options.wants(HANDLES) {
        return;
    }
    let mut c = Contest::new(HANDLES, "ns per call", 1.0).counted();
    enter_floor(&mut c);
    let shared = AtomicU64::new(0);
    c.enter(Role::Naive, "one AtomicU64", move |t, n| {
        let before = shared.load(Relaxed);
        let step = |s: &mut &AtomicU64, _| {
            s.fetch_add(1, Relaxed);
        };
        let time = race(t, n, || &shared, step, drop);
        assert_eq!(shared.load(Relaxed) - before, t as u64 * n);
        time
    });

    let registry = Registry::new().expect("a registry");
    let recorder = facade::Recorder::builder(&registry)
        .build()
        .expect("a recorder");
    let handle = with_local_recorder(&recorder, || counter!("jobs"));
    c.enter(Role::Ours, OURS, move |t, n| {
        let total = || registry.collect().counter("jobs", &[]).unwrap_or(0);
        let before = total();
        let time = race(t, n, || &handle, |h, _| h.increment(1), drop);
        assert_eq!(total() - before, t as u64 * n);
        time
    });

    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = with_local_recorder(&recorder, || counter!("jobs"));
    c.enter(Role::Peer, THEIRS, move |t, n| {
        let total = || rendered(&recorder.handle().render(), "jobs");
        let before = total();
        let time = race(t, n, || &handle, |h, _| h.increment(1), drop);
        assert_eq!(total() - before, t as u64 * n);
        time
    });

    let outcome = c.hold(options, threads);
    section.outcome(&outcome);
    section.lead_goal(&outcome, (OURS, THEIRS), 1, 20.0);
    section.reason(
        HANDLES,
        "what a peer's two threads cost is how fast the machine moves one line of memory between its caches: from run to run \
         twice as much or half.",
    );
}

pub(crate) fn macros(options: &Options, threads: &[usize], section: &mut Section) {
    if !options.wants(MACROS) {
        return;
    }
    let mut c = Contest::new(MACROS, "ns per call", 1.0).counted();
    enter_floor(&mut c);

    // The recorder of the thread, not of the process: a process has but one. The way to both is the same.
    let registry = Registry::new().expect("a registry");
    let recorder = facade::Recorder::builder(&registry)
        .build()
        .expect("a recorder");
    c.enter(Role::Ours, OURS, move |t, n| {
        let total = || {
            registry
                .collect()
                .counter("jobs", &["queue", "mail"])
                .unwrap_or(0)
        };
        let before = total();
        let make = || set_default_local_recorder(&recorder);
        let step = |_: &mut _, _| counter!("jobs", "queue" => "mail").increment(1);
        let time = race(t, n, make, step, drop);
        assert_eq!(total() - before, t as u64 * n);
        time
    });

    let recorder = PrometheusBuilder::new().build_recorder();
    c.enter(Role::Peer, THEIRS, move |t, n| {
        let total = || rendered(&recorder.handle().render(), "jobs{queue=\"mail\"}");
        let before = total();
        let make = || set_default_local_recorder(&recorder);
        let step = |_: &mut _, _| counter!("jobs", "queue" => "mail").increment(1);
        let time = race(t, n, make, step, drop);
        assert_eq!(total() - before, t as u64 * n);
        time
    });

    let outcome = c.hold(options, threads);
    section.outcome(&outcome);
    for column in 0..threads.len() {
        section.lead_goal(&outcome, (OURS, THEIRS), column, 1.0);
    }
}

/// The value of `series` on the peer's page; 0 if it is not there.
pub(crate) fn rendered(page: &str, series: &str) -> u64 {
    let value = |line: &str| line.strip_prefix(series)?.trim().parse().ok();
    page.lines().find_map(value).unwrap_or(0)
}
