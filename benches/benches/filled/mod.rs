//! The same series in everybody's registry: counters and histograms with two labels each.
//!
//! Lives here: names, labels, values, and filling ours and the peers' with them. Not here: what is then
//! measured (`exposition`, `memory`).

mod labels;
mod peers;

use media_metrics_core::Registry;
use media_metrics_core::desc::{Desc, Unit};

use labels::NAMES;
pub(crate) use labels::labels;
pub(crate) use peers::{Facade, Fast, Measured, Prometheus, PrometheusClient};

/// How many series of each kind.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) counters: usize,
    pub(crate) histograms: usize,
}

/// Bucket bounds of the histograms, seconds.
pub(crate) const BOUNDS: [f64; 10] = [
    1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2,
];

/// Samples of each histogram, nanoseconds.
pub(crate) const SAMPLES: [u64; 5] = [8_000, 40_000, 70_000, 300_000, 20_000_000];

static COUNTER: Desc = Desc::counter("bench_packets_total", "Packets.").labels(&NAMES);

static HISTOGRAM: Desc = Desc::histogram("bench_latency_seconds", "Latency.", &BOUNDS)
    .unit(Unit::Seconds)
    .per_unit(1e9)
    .layout_of(0, 1 << 26) // coarse: a thousand of them, and the text has only the bounds above
    .labels(&NAMES);

impl Shape {
    /// Sample lines in a page: a counter has one, a histogram its buckets, `+Inf`, sum and count.
    pub(crate) const fn lines(self) -> usize {
        self.counters + self.histograms * (BOUNDS.len() + 3)
    }

    /// The sum of all counters.
    pub(crate) fn total(self) -> u64 {
        (0..self.counters).map(value).sum()
    }
}

/// The value of counter `i`: one to seven digits.
pub(crate) fn value(i: usize) -> u64 {
    let wide = (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    wide >> (i % 7 * 3)
}

/// A registry with the series, and its page.
pub(crate) trait Filled {
    fn new(shape: Shape) -> Self;
    fn page(&mut self, page: &mut String);
}

/// This project's.
pub(crate) struct Ours {
    pub(crate) registry: Registry,
}

impl Ours {
    pub(crate) fn new(shape: Shape) -> Self {
        let limit = shape.counters + shape.histograms + 1_000;
        let registry = Registry::builder()
            .max_series(limit)
            .build()
            .expect("a registry");
        for i in 0..shape.counters {
            let (room, kind) = labels(i);
            registry
                .counter(&COUNTER, &[&room, kind])
                .expect("a counter")
                .add(value(i));
        }
        for i in 0..shape.histograms {
            let (room, kind) = labels(i);
            let histogram = registry
                .histogram(&HISTOGRAM, &[&room, kind])
                .expect("a histogram");
            SAMPLES.iter().for_each(|&ns| histogram.record(ns));
        }
        Self { registry }
    }
}

/// Whether `page` has every sample line, and counters of the right sum.
pub(crate) fn check(page: &str, shape: Shape) {
    let samples = page
        .lines()
        .filter(|l| !l.is_empty() && !l.starts_with('#'));
    let mut counters = 0;
    let lines = samples
        .inspect(|line| {
            if line.starts_with("bench_packets") {
                let value = line.rsplit(' ').next().and_then(|v| v.parse::<u64>().ok());
                counters += value.unwrap_or(0);
            }
        })
        .count();
    assert_eq!(
        (lines, counters),
        (shape.lines(), shape.total()),
        "lines, sum of counters"
    );
}
