//! `histogram!`: one sample, into ten buckets.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use media_metrics_benches::contest::{Contest, Role};
use media_metrics_benches::floor::latencies;
use media_metrics_benches::options::Options;
use media_metrics_benches::race::race;
use media_metrics_benches::results::Section;
use media_metrics_core::{Registry, facade};
use metrics::{Histogram, histogram, with_local_recorder};
use metrics_exporter_prometheus::PrometheusBuilder;

use crate::counters::rendered;
use crate::{OURS, THEIRS};

const TITLE: &str = "histogram!: a handle that is kept, 10 buckets";

const BOUNDS: [f64; 10] = [1e3, 2.5e3, 5e3, 1e4, 2.5e4, 5e4, 1e5, 2.5e5, 1e6, 1e7];

/// The floor: buckets and a sum in plain memory.
#[derive(Default)]
struct Plain {
    counts: [u64; BOUNDS.len() + 1],
    sum: f64,
}

impl Plain {
    fn record(&mut self, value: f64) {
        let at = BOUNDS.partition_point(|&bound| bound < value);
        if let Some(count) = self.counts.get_mut(at) {
            *count += 1;
        }
        self.sum += value;
    }
}

pub(crate) fn run(options: &Options, threads: &[usize], section: &mut Section) {
    if !options.wants(TITLE) {
        return;
    }
    let samples = latencies().map(|ns| ns as f64);
    let sample = |i: u64| samples[(i & 511) as usize];
    let mut c = Contest::new(TITLE, "ns per sample", 1.0).counted();

    let total = AtomicU64::new(0);
    c.enter(Role::Floor, "plain buckets", move |t, n| {
        let before = total.load(Relaxed);
        let done = |own: Plain| {
            total.fetch_add(own.counts.iter().sum(), Relaxed);
        };
        let time = race(t, n, Plain::default, |own, i| own.record(sample(i)), done);
        assert_eq!(total.load(Relaxed) - before, t as u64 * n);
        time
    });

    let registry = Registry::new().expect("a registry");
    let recorder = facade::Recorder::builder(&registry).buckets(&BOUNDS);
    let recorder = recorder.build().expect("a recorder");
    let handle = with_local_recorder(&recorder, || histogram!("wait"));
    let step = move |h: &mut &Histogram, i| h.record(sample(i));
    c.enter(Role::Ours, OURS, move |t, n| {
        let snapshot = || registry.collect();
        let total = || snapshot().histogram("wait", &[]).map_or(0, |h| h.count());
        let before = total();
        let time = race(t, n, || &handle, step, drop);
        assert_eq!(total() - before, t as u64 * n);
        time
    });

    let recorder = PrometheusBuilder::new().set_buckets(&BOUNDS);
    let recorder = recorder.expect("buckets").build_recorder();
    let handle = with_local_recorder(&recorder, || histogram!("wait"));
    c.enter(Role::Peer, THEIRS, move |t, n| {
        // Its page also counts what is recorded, sample by sample: that is not timed.
        let total = || rendered(&recorder.handle().render(), "wait_count");
        let before = total();
        let time = race(t, n, || &handle, step, drop);
        assert_eq!(total() - before, t as u64 * n);
        time
    });

    let outcome = c.hold(options, threads);
    section.outcome(&outcome);
    for column in 0..threads.len() {
        section.lead_goal(&outcome, (OURS, THEIRS), column, 1.0);
    }
}
