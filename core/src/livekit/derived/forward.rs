//! The forwarding time as LiveKit shows it, from `media_forward_latency_seconds`.
//!
//! Lives here: two gauges over a window, and classic buckets. Not here: recording (every packet, by the
//! host, into the histogram of the core).
//!
//! Buckets are those of the HDR histogram, cut at LiveKit's bounds: a packet within one bucket above a bound
//! (0.4 % of it) counts below it. The mean is exact, the deviation within half a bucket.

use std::time::{Duration, Instant};

use super::Maker;
use crate::catalog;
use crate::error::RegisterError;
use crate::gauge::Gauge;
use crate::histogram::{ExactHistogram, Histogram};
use crate::livekit::families::{NodeIdentity, catalog as families};
use crate::registry::Shared;
use crate::reporter::windows::{Recorded, Window};

/// See the module.
#[derive(Debug)]
pub(super) struct Forward {
    source: Recorded,
    window: Window,
    at: Instant,
    /// What the source counted since the last step, reused.
    fresh: Vec<u64>,
    latency: Gauge,
    jitter: Gauge,
    buckets: ExactHistogram,
    /// For each bound of the buckets, how many of the source's lie at or below it.
    splits: Vec<usize>,
}

impl Forward {
    pub(super) fn new(
        shared: &Shared,
        node: &NodeIdentity,
        window: Duration,
    ) -> Result<Self, RegisterError> {
        let make = Maker { shared, node };
        let source = &catalog::FORWARD_LATENCY;
        let layout = source.layout();
        let handle = shared.own_handle_or_other(source, &[])?;
        let bounds = families::FORWARD_LATENCY_NS.bounds();
        let forward = Self {
            source: Recorded::new(Histogram::new(handle, source)),
            window: Window::new(window, layout),
            at: Instant::now(),
            fresh: Vec::new(),
            latency: make.gauge(&families::FORWARD_LATENCY, &[])?,
            jitter: make.gauge(&families::FORWARD_JITTER, &[])?,
            buckets: make.histogram(&families::FORWARD_LATENCY_NS, &[])?,
            splits: bounds.iter().map(|b| layout.split(*b)).collect(),
        };
        // No traffic yet is not a time of 0.
        forward.latency.clear();
        forward.jitter.clear();
        Ok(forward)
    }

    /// Shows what was recorded since the last call, and over the window until now.
    pub(super) fn step(&mut self, now: Instant) {
        let sum = self.source.read(&mut self.fresh);
        let mut from = 0;
        let ends = self.splits.iter().copied().chain([self.fresh.len()]);
        let counts = ends.map(|end| {
            let n = self.fresh.get(from..end).map_or(0, |c| c.iter().sum());
            from = from.max(end);
            n
        });
        self.buckets.add_counts(counts, sum as f64);
        self.window.step(self.at, now, &self.fresh, sum);
        self.at = now;
        let summary = self.window.summary();
        show(&self.latency, summary.map(|s| s.mean));
        show(&self.jitter, summary.map(|s| s.stddev.unwrap_or(0.0)));
    }
}

fn show(gauge: &Gauge, ns: Option<f64>) {
    match ns {
        Some(ns) => gauge.set(ns),
        None => gauge.clear(),
    }
}
