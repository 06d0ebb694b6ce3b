//! A packet counted: `packets += 1; bytes += len`, by everybody's cached handles.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use media_metrics_benches::contest::{Contest, Role};
use media_metrics_benches::floor::{Packets, length, total_length};
use media_metrics_benches::options::Options;
use media_metrics_benches::race::race;
use media_metrics_benches::results::Section;
use media_metrics_core::Registry;
use media_metrics_core::desc::Desc;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

static PACKETS: Desc = Desc::counter("bench_packets_total", "Packets.");
static BYTES: Desc = Desc::counter("bench_bytes_total", "Bytes.");
static METRIKEN: metriken::ShardedCounterGroup = metriken::ShardedCounterGroup::new(2);

const TITLE: &str = "one packet: two counters";

pub(crate) fn run(options: &Options, threads: &[usize], section: &mut Section) {
    if !options.wants(TITLE) {
        return;
    }
    let mut c = Contest::new(TITLE, "ns per packet", 1.0).counted();

    let plain = (AtomicU64::new(0), AtomicU64::new(0));
    c.enter(Role::Floor, "plain increments", move |t, n| {
        let done = |p: Box<Packets>| {
            plain.0.fetch_add(p.packets, Relaxed);
            plain.1.fetch_add(p.bytes, Relaxed);
        };
        let read = || (plain.0.load(Relaxed), plain.1.load(Relaxed));
        packets(t, n, Box::default, |p, len| p.add(len), done, read)
    });

    let shared = (AtomicU64::new(0), AtomicU64::new(0));
    c.enter(Role::Naive, "one AtomicU64 each", move |t, n| {
        let step = |s: &mut &(AtomicU64, AtomicU64), len| {
            s.0.fetch_add(1, Relaxed);
            s.1.fetch_add(len, Relaxed);
        };
        let read = || (shared.0.load(Relaxed), shared.1.load(Relaxed));
        packets(t, n, || &shared, step, drop, read)
    });

    ours(&mut c);
    prometheus(&mut c);
    facade(&mut c);

    let outcome = c.hold(options, threads);
    section.outcome(&outcome);
    section.ratio_goal("LocalCounter::add, 1 thread", &outcome, LOCAL, 0, 1.1);
    for (column, n) in threads.iter().enumerate() {
        let what = format!("Counter::add, {n} thread(s)");
        section.ratio_goal(&what, &outcome, SHARED, column, 2.0);
    }
}

const LOCAL: &str = "LocalCounter";
const SHARED: &str = "Counter";

fn ours(c: &mut Contest<'_>) {
    let registry = Registry::new().expect("a registry");
    let packets_total = registry.counter(&PACKETS, &[]).expect("a counter");
    let bytes_total = registry.counter(&BYTES, &[]).expect("a counter");
    let totals = move || {
        let snapshot = registry.collect();
        let of = |desc: &Desc| snapshot.counter(desc.name(), &[]).unwrap_or(0);
        (of(&PACKETS), of(&BYTES))
    };
    let (p, b, read) = (packets_total.clone(), bytes_total.clone(), totals.clone());
    c.enter(Role::Ours, LOCAL, move |t, n| {
        let step = |s: &mut (_, _), len| {
            let (p, b): &(
                media_metrics_core::LocalCounter,
                media_metrics_core::LocalCounter,
            ) = s;
            p.inc();
            b.add(len);
        };
        packets(t, n, || (p.local(), b.local()), step, drop, &read)
    });
    c.enter(Role::Ours, SHARED, move |t, n| {
        let step = |s: &mut (media_metrics_core::Counter, media_metrics_core::Counter), len| {
            s.0.inc();
            s.1.add(len);
        };
        let make = || (packets_total.clone(), bytes_total.clone());
        packets(t, n, make, step, drop, &totals)
    });
}

/// The libraries whose handles are counters in themselves.
fn prometheus(c: &mut Contest<'_>) {
    c.enter(Role::Peer, "metriken, sharded group", |t, n| {
        let value = |i| METRIKEN.value(i).unwrap_or(0);
        let step = |(): &mut (), len| {
            METRIKEN.add(0, 1);
            METRIKEN.add(1, len);
        };
        packets(t, n, || (), step, drop, || (value(0), value(1)))
    });

    let make = || prometheus::IntCounter::new("c", "c").expect("a counter");
    let own = (make(), make());
    c.enter(Role::Peer, "prometheus, IntCounter", move |t, n| {
        let step = |s: &mut (prometheus::IntCounter, prometheus::IntCounter), len| {
            s.0.inc();
            s.1.inc_by(len);
        };
        packets(
            t,
            n,
            || own.clone(),
            step,
            drop,
            || (own.0.get(), own.1.get()),
        )
    });

    type Client = prometheus_client::metrics::counter::Counter;
    let own = (Client::default(), Client::default());
    c.enter(Role::Peer, "prometheus-client, Counter", move |t, n| {
        let step = |s: &mut (Client, Client), len| {
            s.0.inc();
            s.1.inc_by(len);
        };
        packets(
            t,
            n,
            || own.clone(),
            step,
            drop,
            || (own.0.get(), own.1.get()),
        )
    });

    type Fast = fastmetrics::metrics::counter::Counter;
    let own = (Fast::default(), Fast::default());
    c.enter(Role::Peer, "fastmetrics, Counter", move |t, n| {
        let step = |s: &mut (Fast, Fast), len| {
            s.0.inc();
            s.1.inc_by(len);
        };
        packets(
            t,
            n,
            || own.clone(),
            step,
            drop,
            || (own.0.total(), own.1.total()),
        )
    });

    let own = (measured::Counter::new(), measured::Counter::new());
    c.enter(Role::Peer, "measured, Counter", move |t, n| {
        let step = |s: &mut &(measured::Counter, measured::Counter), len| {
            s.0.inc();
            s.1.inc_by(len);
        };
        let value = |m: &measured::Counter| m.get_metric().count.load(Relaxed);
        packets(t, n, || &own, step, drop, || (value(&own.0), value(&own.1)))
    });
}

/// The `metrics` facade with its Prometheus exporter: by cached handle, and by macro as most code calls it.
fn facade(c: &mut Contest<'_>) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).expect("the first recorder of this process");
    let own = (
        metrics::counter!("handle_packets"),
        metrics::counter!("handle_bytes"),
    );
    let read = handle.clone();
    c.enter(Role::Peer, "metrics + exporter, handle", move |t, n| {
        let step = |s: &mut &(metrics::Counter, metrics::Counter), len| {
            s.0.increment(1);
            s.1.increment(len);
        };
        let read = || {
            (
                rendered(&read, "handle_packets"),
                rendered(&read, "handle_bytes"),
            )
        };
        packets(t, n, || &own, step, drop, read)
    });
    c.enter(Role::Peer, "metrics + exporter, macro", move |t, n| {
        let step = |(): &mut (), len| {
            metrics::counter!("macro_packets").increment(1);
            metrics::counter!("macro_bytes").increment(len);
        };
        let read = || {
            (
                rendered(&handle, "macro_packets"),
                rendered(&handle, "macro_bytes"),
            )
        };
        packets(t, n, || (), step, drop, read)
    });
}

/// The value of the series `name` as the exporter's text has it.
fn rendered(handle: &PrometheusHandle, name: &str) -> u64 {
    let text = handle.render();
    let line = text.lines().find(|l| l.split(' ').next() == Some(name));
    line.and_then(|l| l.rsplit(' ').next()?.parse().ok())
        .unwrap_or(0)
}

/// Counts `n` packets on each thread; a wrong total is not a time.
fn packets<S>(
    threads: usize,
    n: u64,
    make: impl Fn() -> S + Sync,
    step: impl Fn(&mut S, u64) + Sync,
    done: impl Fn(S) + Sync,
    read: impl Fn() -> (u64, u64),
) -> Duration {
    let before = read();
    let time = race(threads, n, make, |s, i| step(s, length(i)), done);
    let after = read();
    let all = threads as u64;
    assert_eq!(after.0 - before.0, all * n, "packets");
    assert_eq!(after.1 - before.1, all * total_length(n), "bytes");
    time
}
