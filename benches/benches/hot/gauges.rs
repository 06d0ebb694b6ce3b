//! A level: raised and lowered by everybody's cached handles, and set.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

use media_metrics_benches::contest::{Contest, Role};
use media_metrics_benches::options::Options;
use media_metrics_benches::race::race;
use media_metrics_benches::results::Section;
use media_metrics_core::Registry;
use media_metrics_core::desc::Desc;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

static LEVEL: Desc = Desc::gauge("bench_level", "Level.");
static METRIKEN: metriken::Gauge = metriken::Gauge::new();

const MOVED: &str = "one change: a gauge moved";
const SET: &str = "one level: a gauge set";
const OURS: &str = "Gauge";

/// By how much the `i`th step moves the level: up by 3, down by 2.
const fn change(i: u64) -> i64 {
    3 - 5 * (i & 1) as i64
}

/// What so many steps come to.
const fn changed(n: u64) -> i64 {
    n as i64 / 2 + 3 * (n & 1) as i64
}

pub(crate) fn run(options: &Options, threads: &[usize], section: &mut Section) {
    if options.wants(MOVED) {
        moved(options, threads, section);
    }
    if options.wants(SET) {
        set(options, threads, section);
    }
}

fn moved(options: &Options, threads: &[usize], section: &mut Section) {
    let mut c = Contest::new(MOVED, "ns per change", 1.0).counted();

    let plain = AtomicI64::new(0);
    c.enter(Role::Floor, "plain addition", move |t, n| {
        let step = |own: &mut Box<f64>, by| **own += by as f64;
        let done = |own: Box<f64>| {
            plain.fetch_add(*own as i64, Relaxed);
        };
        levels(t, n, Box::default, step, done, || plain.load(Relaxed))
    });
    let shared = AtomicI64::new(0);
    c.enter(Role::Naive, "one AtomicI64", move |t, n| {
        let step = |s: &mut &AtomicI64, by| {
            s.fetch_add(by, Relaxed);
        };
        levels(t, n, || &shared, step, drop, || shared.load(Relaxed))
    });
    let (own, _registry) = ours();
    c.enter(Role::Ours, OURS, move |t, n| {
        let step = |g: &mut media_metrics_core::Gauge, by| g.add(by as f64);
        levels(t, n, || own.clone(), step, drop, || own.get() as i64)
    });
    c.enter(Role::Peer, "metriken, Gauge", |t, n| {
        let step = |(): &mut (), by| {
            METRIKEN.add(by);
        };
        levels(t, n, || (), step, drop, || METRIKEN.value())
    });
    let own = prometheus::IntGauge::new("g", "g").expect("a gauge");
    c.enter(Role::Peer, "prometheus, IntGauge", move |t, n| {
        let step = |g: &mut prometheus::IntGauge, by| g.add(by);
        levels(t, n, || own.clone(), step, drop, || own.get())
    });
    type Client = prometheus_client::metrics::gauge::Gauge;
    let own = Client::default();
    c.enter(Role::Peer, "prometheus-client, Gauge", move |t, n| {
        let step = |g: &mut Client, by| {
            g.inc_by(by);
        };
        levels(t, n, || own.clone(), step, drop, || own.get())
    });
    type Fast = fastmetrics::metrics::gauge::Gauge;
    let own = Fast::default();
    c.enter(Role::Peer, "fastmetrics, Gauge", move |t, n| {
        let step = |g: &mut Fast, by| g.inc_by(by);
        levels(t, n, || own.clone(), step, drop, || own.get())
    });
    let own = measured::Gauge::new();
    c.enter(Role::Peer, "measured, Gauge", move |t, n| {
        let step = |g: &mut &measured::Gauge, by| g.inc_by(by);
        let value = || own.get_metric().count.load(Relaxed);
        levels(t, n, || &own, step, drop, value)
    });
    let (own, handle) = facade();
    c.enter(Role::Peer, "metrics + exporter, handle", move |t, n| {
        let step = |g: &mut &metrics::Gauge, by: i64| g.increment(by as f64);
        levels(t, n, || &own, step, drop, || rendered(&handle))
    });

    let outcome = c.hold(options, threads);
    section.outcome(&outcome);
    for (column, n) in threads.iter().enumerate() {
        let what = format!("Gauge::add, {n} thread(s)");
        section.ratio_goal(&what, &outcome, OURS, column, 3.0);
    }
}

fn set(options: &Options, threads: &[usize], section: &mut Section) {
    let mut c = Contest::new(SET, "ns per level", 1.0).counted();

    let plain = AtomicI64::new(0);
    c.enter(Role::Floor, "one store", move |t, n| {
        let step = |own: &mut &AtomicI64, to| own.store(to, Relaxed);
        last(t, n, || &plain, step, || plain.load(Relaxed))
    });
    let (own, _registry) = ours();
    c.enter(Role::Ours, OURS, move |t, n| {
        let step = |g: &mut media_metrics_core::Gauge, to| g.set(to as f64);
        last(t, n, || own.clone(), step, || own.get() as i64)
    });
    c.enter(Role::Peer, "metriken, Gauge", |t, n| {
        let step = |(): &mut (), to| {
            METRIKEN.set(to);
        };
        last(t, n, || (), step, || METRIKEN.value())
    });
    let own = prometheus::IntGauge::new("g", "g").expect("a gauge");
    c.enter(Role::Peer, "prometheus, IntGauge", move |t, n| {
        let step = |g: &mut prometheus::IntGauge, to| g.set(to);
        last(t, n, || own.clone(), step, || own.get())
    });
    type Client = prometheus_client::metrics::gauge::Gauge;
    let own = Client::default();
    c.enter(Role::Peer, "prometheus-client, Gauge", move |t, n| {
        let step = |g: &mut Client, to| {
            g.set(to);
        };
        last(t, n, || own.clone(), step, || own.get())
    });
    type Fast = fastmetrics::metrics::gauge::Gauge;
    let own = Fast::default();
    c.enter(Role::Peer, "fastmetrics, Gauge", move |t, n| {
        let step = |g: &mut Fast, to| g.set(to);
        last(t, n, || own.clone(), step, || own.get())
    });
    let own = measured::Gauge::new();
    c.enter(Role::Peer, "measured, Gauge", move |t, n| {
        let step = |g: &mut &measured::Gauge, to| g.set(to);
        last(t, n, || &own, step, || own.get_metric().count.load(Relaxed))
    });
    let (own, handle) = facade();
    c.enter(Role::Peer, "metrics + exporter, handle", move |t, n| {
        let step = |g: &mut &metrics::Gauge, to: i64| g.set(to as f64);
        last(t, n, || &own, step, || rendered(&handle))
    });

    let outcome = c.hold(options, threads);
    section.outcome(&outcome);
}

fn ours() -> (media_metrics_core::Gauge, Registry) {
    let registry = Registry::new().expect("a registry");
    let gauge = registry.gauge(&LEVEL, &[]).expect("a gauge");
    (gauge, registry)
}

/// A recorder of its own: the counters' contest installs the global one.
fn facade() -> (metrics::Gauge, PrometheusHandle) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let gauge = metrics::with_local_recorder(&recorder, || metrics::gauge!("g"));
    (gauge, recorder.handle())
}

/// The value of gauge `g` as the exporter's text has it.
fn rendered(handle: &PrometheusHandle) -> i64 {
    let text = handle.render();
    let value = text.lines().find_map(|line| line.strip_prefix("g "));
    value.and_then(|v| v.parse().ok()).unwrap_or(0)
}

/// Moves the level `n` times on each thread; a wrong level is not a time.
fn levels<S>(
    threads: usize,
    n: u64,
    make: impl Fn() -> S + Sync,
    step: impl Fn(&mut S, i64) + Sync,
    done: impl Fn(S) + Sync,
    read: impl Fn() -> i64,
) -> Duration {
    let before = read();
    let time = race(threads, n, make, |s, i| step(s, change(i)), done);
    assert_eq!(read() - before, threads as i64 * changed(n), "level");
    time
}

/// Sets the level `n` times on each thread: every thread's last level is the same, so the last of all is known.
fn last<S>(
    threads: usize,
    n: u64,
    make: impl Fn() -> S + Sync,
    step: impl Fn(&mut S, i64) + Sync,
    read: impl Fn() -> i64,
) -> Duration {
    let time = race(threads, n, make, |s, i| step(s, i as i64), drop);
    assert_eq!(read(), n as i64 - 1, "level");
    time
}
