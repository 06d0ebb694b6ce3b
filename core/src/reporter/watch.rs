//! What watched histograms recorded of late, as gauges.
//!
//! Lives here: which histograms are watched, the registry's method to have one watched, setting the gauges. Not here: how a
//! window forgets (`windows`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::windows::{Recorded, Window};
#[cfg(doc)]
use crate::catalog;
use crate::desc::Desc;
use crate::error::RegisterError;
use crate::gauge::Gauge;
use crate::histogram::{Histogram, Summary};
use crate::registry::{Registry, Shared};

/// The windows, by the value of the label `window`. No time is spanned by the last tick alone.
const SPANS: [(&str, Duration); 3] = [
    ("interval", Duration::ZERO),
    ("10s", Duration::from_secs(10)),
    ("60s", Duration::from_secs(60)),
];

/// What is shown of a window, by the value of the label `statistic`.
const STATISTICS: [&str; 6] = ["p50", "p95", "p99", "max", "mean", "stddev"];

/// Gauges of one window of one histogram, in the order of [`STATISTICS`].
#[derive(Debug)]
struct WindowGauges([Gauge; STATISTICS.len()]);

impl WindowGauges {
    /// The gauges of all windows, from `gauge`, which finds or makes the one with these last label values.
    /// They have no value yet.
    fn all(
        gauge: impl Fn([&str; 2]) -> Result<Gauge, RegisterError>,
    ) -> Result<[Self; SPANS.len()], RegisterError> {
        let [a, b, c] = SPANS.map(|(window, _)| {
            let cleared = |statistic| gauge([window, statistic]).inspect(Gauge::clear);
            let [p50, p95, p99, max, mean, stddev] = STATISTICS.map(cleared);
            Ok(Self([p50?, p95?, p99?, max?, mean?, stddev?]))
        });
        Ok([a?, b?, c?])
    }

    /// Shows a summary of recorded units; without one, nothing.
    fn show(&self, summary: Option<Summary>, per_unit: f64) {
        let values = summary.map_or([None; STATISTICS.len()], |s| {
            let [p50, p95, p99, max] = [s.p50, s.p95, s.p99, s.max].map(|v| Some(v as f64));
            [p50, p95, p99, max, Some(s.mean), s.stddev]
        });
        for (gauge, value) in self.0.iter().zip(values) {
            match value {
                Some(value) => gauge.set(value / per_unit),
                None => gauge.clear(),
            }
        }
    }
}

/// All watched histograms of a registry.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    watches: Vec<Watch>,
    /// What came since the tick before, of one histogram after the other.
    fresh: Vec<u64>,
}

/// One watched histogram.
#[derive(Debug)]
struct Watch {
    source: Recorded,
    per_unit: f64,
    /// When the source was read last.
    at: Instant,
    windows: [(Window, WindowGauges); SPANS.len()],
}

impl Watches {
    /// Whether `source` is watched.
    fn has(&self, source: &Histogram) -> bool {
        let series = |h: &Histogram| Arc::as_ptr(h.handle().series());
        self.watches
            .iter()
            .any(|w| series(w.source.histogram()) == series(source))
    }

    /// Watches `source`, a histogram of `desc`, from now on; what it recorded before is no window's.
    fn watch(
        &mut self,
        source: Histogram,
        desc: &Desc,
        gauges: [WindowGauges; SPANS.len()],
        now: Instant,
    ) {
        let layout = desc.layout();
        let [a, b, c] = SPANS.map(|(_, span)| Window::new(span, layout));
        let [of_a, of_b, of_c] = gauges;
        let mut watch = Watch {
            source: Recorded::new(source),
            per_unit: desc.recorded_per_unit(),
            at: now,
            windows: [(a, of_a), (b, of_b), (c, of_c)],
        };
        watch.source.read(&mut self.fresh); // and look away
        self.watches.push(watch);
    }

    /// Shows what each watched histogram recorded since the last tick, and until now.
    pub(super) fn tick(&mut self, shared: &Shared, now: Instant) {
        self.forget_removed(shared);
        for watch in &mut self.watches {
            let sum = watch.source.read(&mut self.fresh);
            watch.step(&self.fresh, sum, now);
        }
    }

    /// A watch goes with its histogram's series, and takes its gauges with it.
    fn forget_removed(&mut self, shared: &Shared) {
        self.watches.retain(|watch| {
            let series = watch.source.histogram().handle().series();
            let live = !series.life.is_removed();
            if !live {
                let mut table = shared.table();
                for gauge in watch.windows.iter().flat_map(|(_, gauges)| &gauges.0) {
                    table.remove(gauge.handle().series());
                }
            }
            live
        });
    }

    /// Memory in bytes, roughly.
    pub(super) fn memory(&self) -> usize {
        let window = |(window, _): &(Window, WindowGauges)| window.memory();
        let watch = |w: &Watch| w.source.memory() + w.windows.iter().map(window).sum::<usize>();
        self.watches.iter().map(watch).sum()
    }
}

impl Watch {
    fn step(&mut self, fresh: &[u64], sum: u64, now: Instant) {
        for (window, gauges) in &mut self.windows {
            window.step(self.at, now, fresh, sum);
            gauges.show(window.summary(), self.per_unit);
        }
        self.at = now;
    }
}

impl Registry {
    /// Shows what one histogram recorded of late as gauges of the family `shown`: quantiles, maximum, mean
    /// and deviation over the last interval between merges, 10 s and 60 s. Windows begin now, and are absent
    /// where nothing was recorded.
    ///
    /// The labels of `shown` are those of the histogram, and then [`catalog::WINDOW_LABELS`]. Once is
    /// enough: a series that is watched already stays as it is. The gauges go with the histogram's series
    /// (see [`remove`](Self::remove)).
    ///
    /// - **Cost**: nothing when recording; at each merge some passes over the histogram's buckets: a tenth of
    ///   a millisecond for 3,800 of them.
    /// - **Memory**: 32 bytes for each bucket of the layout, and some 25 for each bucket in use in each of
    ///   at most 51 slots of time: a quarter of a megabyte for 3,800 buckets, 100 of them in use.
    /// - **Error**: see [`Summary`](crate::histogram::Summary); a window covers its span to within 5 %, or
    ///   half the time between two merges if that is more.
    ///
    /// ```
    /// use media_metrics_core::{Registry, catalog};
    /// let registry = Registry::new()?;
    /// registry.windows(&catalog::FORWARD_LATENCY, &[], &catalog::FORWARD_LATENCY_WINDOW)?;
    /// registry.histogram(&catalog::FORWARD_LATENCY, &[])?.record(100); // nanoseconds
    /// let snapshot = registry.collect();
    /// let p99 = snapshot.gauge("media_forward_latency_window_seconds", &["10s", "p99"]);
    /// assert_eq!(p99, Some(1e-7));
    /// # Ok::<(), media_metrics_core::RegisterError>(())
    /// ```
    ///
    /// # Errors
    /// As for [`counter`](Self::counter), of the histogram and of each gauge.
    pub fn windows(
        &self,
        histogram: &Desc,
        values: &[&str],
        shown: &Desc,
    ) -> Result<(), RegisterError> {
        // The lock first: no merge shows a gauge before it is known to have no value yet.
        let mut collector = self.shared.collector();
        let watches = collector.watches();
        let source = self.histogram(histogram, values)?;
        // After that: a series that had these labels before, and its gauges, are gone by now. Else its watch
        // would take the new ones along.
        watches.forget_removed(&self.shared);
        if !watches.has(&source) {
            let gauges = WindowGauges::all(|last| self.gauge(shown, &[values, &last].concat()))?;
            watches.watch(source, histogram, gauges, Instant::now());
        }
        Ok(())
    }
}
