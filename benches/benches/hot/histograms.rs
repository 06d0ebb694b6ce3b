//! A latency recorded: everybody's own kind of histogram, at about the resolution they are used with.
//!
//! Ours, `hdrhistogram`, `histogram` and `metriken` keep within 1 %; the Prometheus clients have the eleven
//! buckets of `BOUNDS`, so they do less.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use media_metrics_benches::contest::{Contest, Role};
use media_metrics_benches::floor::{PlainHdr, latencies};
use media_metrics_benches::options::Options;
use media_metrics_benches::race::race;
use media_metrics_benches::results::Section;
use media_metrics_core::Registry;
use media_metrics_core::desc::{Desc, Unit};
use metrics_exporter_prometheus::PrometheusBuilder;

/// Seconds, around the samples.
pub(crate) const BOUNDS: [f64; 11] = [
    2e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3,
];

pub(crate) static LATENCY: Desc = Desc::histogram("bench_latency_seconds", "Latency.", &BOUNDS)
    .unit(Unit::Seconds)
    .per_unit(1e9);

static METRIKEN: metriken::ShardedCounterHistogram = metriken::ShardedCounterHistogram::new(7, 40);

const TITLE: &str = "one sample: a histogram";
const SHARED: &str = "Histogram";

pub(crate) fn run(options: &Options, threads: &[usize], section: &mut Section) {
    if !options.wants(TITLE) {
        return;
    }
    let mut c = Contest::new(TITLE, "ns per sample", 1.0).counted();

    let plain = AtomicU64::new(0);
    c.enter(Role::Floor, "plain HDR increment", move |t, n| {
        let done = |h: Box<PlainHdr>| {
            plain.fetch_add(h.count(), Relaxed);
        };
        samples(
            t,
            n,
            Box::default,
            |h, ns| h.record(ns),
            done,
            || plain.load(Relaxed),
        )
    });

    let layout = LATENCY.layout();
    let shared: Vec<AtomicU64> = (0..=layout.len()).map(|_| AtomicU64::new(0)).collect();
    c.enter(Role::Naive, "one array of AtomicU64", move |t, n| {
        let step = |s: &mut &[AtomicU64], ns| {
            s[1 + layout.index(ns)].fetch_add(1, Relaxed);
            s[0].fetch_add(ns, Relaxed);
        };
        let read = || shared[1..].iter().map(|c| c.load(Relaxed)).sum();
        samples(t, n, || &shared[..], step, drop, read)
    });

    ours(&mut c);
    hdr(&mut c);
    prometheus(&mut c);

    let outcome = c.hold(options, threads);
    section.outcome(&outcome);
    for (column, n) in threads.iter().enumerate() {
        let what = format!("Histogram::record, {n} thread(s)");
        section.ratio_goal(&what, &outcome, SHARED, column, 1.5);
    }
}

fn ours(c: &mut Contest<'_>) {
    let registry = Registry::new().expect("a registry");
    let own = registry.histogram(&LATENCY, &[]).expect("a histogram");
    let count = move || {
        let snapshot = registry.collect();
        snapshot
            .histogram(LATENCY.name(), &[])
            .map_or(0, |h| h.count())
    };
    let (one, read) = (own.clone(), count.clone());
    c.enter(Role::Ours, "LocalHistogram", move |t, n| {
        samples(t, n, || one.local(), |h, ns| h.record(ns), drop, &read)
    });
    c.enter(Role::Ours, SHARED, move |t, n| {
        samples(t, n, || own.clone(), |h, ns| h.record(ns), drop, &count)
    });
}

/// The libraries that keep within 1 %.
fn hdr(c: &mut Contest<'_>) {
    c.enter(Role::Peer, "metriken, sharded histogram", |t, n| {
        let step = |(): &mut (), ns| METRIKEN.increment(ns).expect("in range");
        let read = || METRIKEN.load().map_or(0, |h| h.as_slice().iter().sum());
        samples(t, n, || (), step, drop, read)
    });

    let own = histogram_crate();
    c.enter(Role::Peer, "histogram, AtomicHistogram", move |t, n| {
        let step = |h: &mut &histogram::AtomicHistogram, ns| {
            h.increment(ns).expect("in range");
        };
        samples(
            t,
            n,
            || &own,
            step,
            drop,
            || own.load().as_slice().iter().sum(),
        )
    });

    let new = hdrhistogram::Histogram::<u64>::new_with_max(1 << 40, 2).expect("a histogram");
    let shared = Mutex::new(new.into_sync());
    c.enter(Role::Peer, "hdrhistogram, Recorder", move |t, n| {
        let make = || shared.lock().expect("no panic").recorder();
        let step = |r: &mut hdrhistogram::sync::Recorder<u64>, ns| r.record(ns).expect("in range");
        let read = || {
            let mut all = shared.lock().expect("no panic");
            all.refresh(); // waits for live recorders: none between turns
            all.len()
        };
        samples(t, n, make, step, drop, read)
    });
}

fn histogram_crate() -> histogram::AtomicHistogram {
    histogram::AtomicHistogram::new(7, 40).expect("a histogram")
}

/// The Prometheus clients, with eleven buckets.
fn prometheus(c: &mut Contest<'_>) {
    let options = prometheus::HistogramOpts::new("h", "h").buckets(BOUNDS.to_vec());
    let own = prometheus::Histogram::with_opts(options).expect("a histogram");
    c.enter(Role::Peer, "prometheus, Histogram", move |t, n| {
        let step = |h: &mut prometheus::Histogram, ns| h.observe(ns as f64 / 1e9);
        samples(t, n, || own.clone(), step, drop, || own.get_sample_count())
    });

    type Client = prometheus_client::metrics::histogram::Histogram;
    let own = Client::new(BOUNDS);
    let mut registry = prometheus_client::registry::Registry::default();
    registry.register("h", "h", own.clone());
    c.enter(Role::Peer, "prometheus-client, Histogram", move |t, n| {
        let step = |h: &mut Client, ns| h.observe(ns as f64 / 1e9);
        let read = || {
            let mut text = String::new();
            let _ = prometheus_client::encoding::text::encode(&mut text, &registry);
            count_in(&text)
        };
        samples(t, n, || own.clone(), step, drop, read)
    });

    type Fast = fastmetrics::metrics::histogram::Histogram;
    let own = Fast::new(BOUNDS);
    c.enter(Role::Peer, "fastmetrics, Histogram", move |t, n| {
        let step = |h: &mut Fast, ns| h.observe(ns as f64 / 1e9);
        let read = || own.with_snapshot(|s| s.count());
        samples(t, n, || own.clone(), step, drop, read)
    });

    let bounds = measured::metric::histogram::Thresholds::with_buckets(BOUNDS);
    let own = measured::Histogram::with_metadata(bounds);
    c.enter(Role::Peer, "measured, Histogram", move |t, n| {
        let step = |h: &mut &measured::Histogram<11>, ns| h.get_metric().observe(ns as f64 / 1e9);
        let read = || {
            let all = own.get_metric();
            let all = all.inner.read();
            let buckets = all.buckets.iter().chain([&all.inf]);
            buckets.map(|count| count.load(Relaxed)).sum()
        };
        samples(t, n, || &own, step, drop, read)
    });

    // A recorder of its own: the counters' contest installed the global one.
    let builder = PrometheusBuilder::new()
        .set_buckets(&BOUNDS)
        .expect("buckets");
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    let own = metrics::with_local_recorder(&recorder, || metrics::histogram!("h"));
    c.enter(Role::Peer, "metrics + exporter, handle", move |t, n| {
        let step = |h: &mut &metrics::Histogram, ns| h.record(ns as f64 / 1e9);
        let read = || {
            handle.run_upkeep(); // else its samples pile up
            count_in(&handle.render())
        };
        samples(t, n, || &own, step, drop, read)
    });
}

/// The count of histogram `h` in an exposition.
fn count_in(text: &str) -> u64 {
    let value = text.lines().find_map(|l| l.strip_prefix("h_count "));
    value.and_then(|v| v.parse().ok()).unwrap_or(0)
}

/// Records `n` samples on each thread; a wrong count is not a time.
fn samples<S>(
    threads: usize,
    n: u64,
    make: impl Fn() -> S + Sync,
    step: impl Fn(&mut S, u64) + Sync,
    done: impl Fn(S) + Sync,
    count: impl Fn() -> u64,
) -> Duration {
    let values = latencies();
    let before = count();
    let step = |s: &mut S, i: u64| step(s, values[i as usize & (values.len() - 1)]);
    let time = race(threads, n, make, step, done);
    assert_eq!(count() - before, threads as u64 * n, "samples");
    time
}
