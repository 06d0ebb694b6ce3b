//! Histograms of two threads, merged into totals: everybody's own, within 1 %, over the same range.
//!
//! Peers add bucket by bucket; ours also counts the classic and the native buckets that a page asks for.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use media_metrics_benches::contest::{Contest, Role};
use media_metrics_benches::floor::latencies;
use media_metrics_benches::options::Options;
use media_metrics_benches::results::Section;
use media_metrics_core::desc::Unit;
use media_metrics_core::{Desc, Histogram, Registry};

use crate::cells::{at_once, timed};

const TITLE: &str = "merge: 200 histograms of 2 threads";
const HISTOGRAMS: usize = 200;
const THREADS: usize = 2;

/// As fine and as wide as ours: within 1 %, up to 2^40.
const POWERS: (u8, u8) = (7, 40);

static LATENCY: Desc = Desc::histogram("bench_merged_seconds", "Latency.", &[1e-5, 1e-4, 1e-3])
    .unit(Unit::Seconds)
    .per_unit(1e9)
    .layout_of(2, 1 << 40)
    .labels(&["number"]);

pub(crate) fn run(options: &Options, section: &mut Section) {
    if !options.wants(TITLE) {
        return;
    }
    let expected = (THREADS * latencies().len()) as u64;
    let mut c = Contest::new(TITLE, "ns per histogram", HISTOGRAMS as f64);
    floor(&mut c, expected);
    ours(&mut c, expected);
    hdr(&mut c, expected);
    histogram_crate(&mut c, expected);
    metriken(&mut c, expected);
    let outcome = c.hold(options, &[1]);
    section.outcome(&outcome);
}

fn floor(c: &mut Contest<'_>, expected: u64) {
    let layout = LATENCY.layout();
    let mut one = vec![0_u64; layout.len()];
    for value in latencies() {
        one[layout.index(value)] += 1;
    }
    let atomics = || one.iter().map(|&n| AtomicU64::new(n)).collect::<Vec<_>>();
    let parts: Vec<[Vec<AtomicU64>; THREADS]> = (0..HISTOGRAMS)
        .map(|_| std::array::from_fn(|_| atomics()))
        .collect();
    let mut totals = vec![vec![0_u64; layout.len()]; HISTOGRAMS];
    c.enter(
        Role::Floor,
        "read every bucket once, add up",
        move |_, n| {
            let time = timed(n, || {
                for (total, [a, b]) in totals.iter_mut().zip(&parts) {
                    let pairs = total.iter_mut().zip(a).zip(b);
                    pairs.for_each(|((t, a), b)| *t = a.load(Relaxed) + b.load(Relaxed));
                }
            });
            assert!(totals.iter().all(|t| t.iter().sum::<u64>() == expected));
            time
        },
    );
}

fn ours(c: &mut Contest<'_>, expected: u64) {
    let registry = Registry::new().expect("a registry");
    let all: Vec<Histogram> = (0..HISTOGRAMS)
        .map(|i| {
            let made = registry.histogram(&LATENCY, &[&i.to_string()]);
            made.expect("a histogram")
        })
        .collect();
    at_once(THREADS, || {
        for histogram in &all {
            latencies().iter().for_each(|&v| histogram.record(v));
        }
    });
    c.enter(Role::Ours, "Registry::collect", move |_, n| {
        let mut last = registry.collect();
        let time = timed(n, || last = registry.collect());
        for i in 0..HISTOGRAMS {
            let merged = last.histogram(LATENCY.name(), &[&i.to_string()]);
            assert_eq!(merged.map(|h| h.count()), Some(expected));
        }
        time
    });
}

fn hdr(c: &mut Contest<'_>, expected: u64) {
    type Hdr = hdrhistogram::Histogram<u64>;
    let make = || Hdr::new_with_max(1 << POWERS.1, 2).expect("a histogram");
    let mut one = make();
    for value in latencies() {
        one.record(value).expect("in range");
    }
    let parts = vec![[one.clone(), one]; HISTOGRAMS];
    let mut totals = vec![make(); HISTOGRAMS];
    c.enter(Role::Peer, "hdrhistogram, add", move |_, n| {
        let time = timed(n, || {
            for (total, parts) in totals.iter_mut().zip(&parts) {
                total.reset();
                parts.iter().for_each(|p| total.add(p).expect("in range"));
            }
        });
        assert!(totals.iter().all(|t| t.len() == expected));
        time
    });
}

fn histogram_crate(c: &mut Contest<'_>, expected: u64) {
    type Shared = histogram::AtomicHistogram;
    let one = || {
        let one = Shared::new(POWERS.0, POWERS.1).expect("a histogram");
        for value in latencies() {
            one.increment(value).expect("in range");
        }
        one
    };
    let parts: Vec<[Shared; THREADS]> = (0..HISTOGRAMS)
        .map(|_| std::array::from_fn(|_| one()))
        .collect();
    let empty = histogram::Histogram::new(POWERS.0, POWERS.1).expect("a histogram");
    let (mut totals, mut part) = (vec![empty.clone(); HISTOGRAMS], empty);
    let name = "histogram, load_into, checked_add_assign";
    c.enter(Role::Peer, name, move |_, n| {
        let time = timed(n, || {
            for (total, [a, b]) in totals.iter_mut().zip(&parts) {
                a.load_into(total).expect("alike");
                b.load_into(&mut part).expect("alike");
                total.checked_add_assign(&part).expect("no overflow");
            }
        });
        let count = |t: &histogram::Histogram| t.as_slice().iter().sum::<u64>();
        assert!(totals.iter().all(|t| count(t) == expected));
        time
    });
}

fn metriken(c: &mut Contest<'_>, expected: u64) {
    let all: Vec<metriken::ShardedCounterHistogram> = (0..HISTOGRAMS)
        .map(|_| metriken::ShardedCounterHistogram::new(POWERS.0, POWERS.1))
        .collect();
    at_once(THREADS, || {
        for histogram in &all {
            for value in latencies() {
                histogram.increment(value).expect("in range");
            }
        }
    });
    c.enter(
        Role::Peer,
        "metriken, ShardedCounterHistogram::load",
        move |_, n| {
            let mut merged = Vec::with_capacity(HISTOGRAMS);
            let time = timed(n, || {
                merged.clear();
                merged.extend(all.iter().filter_map(|h| h.load()));
            });
            let count = |h: &histogram::Histogram| h.as_slice().iter().sum::<u64>();
            assert_eq!(merged.len(), HISTOGRAMS);
            assert!(merged.iter().all(|h| count(h) == expected));
            time
        },
    );
}
