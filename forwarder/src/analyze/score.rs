//! What a stream was worth, window by window.
//!
//! Lives here: cutting a stream's life into windows of capture time for the core's scorer, and the mean
//! over them. Not here: the score itself (`media_metrics_core::quality`).
//!
//! A stream's MOS here is the mean of what the live path would have shown at the end of each window of
//! five seconds, weighted by the windows' lengths. Windows in which nothing was expected (a pause, a
//! talker who is silent) are left out: a capture does not say whether anybody was meant to hear. The
//! last window is judged if it lasted a second, or if it is the only one.

use std::time::Duration;

use media_metrics_core::quality::{Config, Outcome, Scorer, Window};
use media_metrics_core::stream::StreamStats;

const WINDOW_NS: u64 = 5_000_000_000;

/// The shortest last window that is judged beside others.
const SHORTEST_NS: u64 = 1_000_000_000;

/// One stream's scores so far.
#[derive(Debug)]
pub(crate) struct Score {
    /// Made with the first window: most of a flood of short streams never has one.
    scorer: Option<Box<Scorer>>,
    loss_weight: f64,
    start_ns: u64,
    /// The stream's numbers at the end of the last window.
    before: StreamStats,
    /// Sum of MOS times seconds.
    sum: f64,
    seconds: f64,
    lowest: f64,
    highest: f64,
}

impl Score {
    /// A stream whose first packet came at `start_ns`; `loss_weight` as
    /// [`Config::loss_weight`](media_metrics_core::quality::Config::loss_weight).
    pub(crate) fn new(start_ns: u64, loss_weight: f64) -> Self {
        Self {
            scorer: None,
            loss_weight,
            start_ns,
            before: StreamStats::default(),
            sum: 0.0,
            seconds: 0.0,
            lowest: f64::INFINITY,
            highest: f64::NEG_INFINITY,
        }
    }

    /// Whether a packet at `time_ns` belongs to another window than those before it.
    #[inline]
    pub(crate) const fn is_over(&self, time_ns: u64) -> bool {
        time_ns.saturating_sub(self.start_ns) >= WINDOW_NS
    }

    /// Ends the window, with the stream's numbers before the packet at `time_ns`.
    pub(crate) fn end_window(&mut self, time_ns: u64, stats: &StreamStats) {
        self.judge(WINDOW_NS, stats);
        let windows = time_ns.saturating_sub(self.start_ns) / WINDOW_NS;
        self.start_ns = self
            .start_ns
            .saturating_add(windows.saturating_mul(WINDOW_NS));
    }

    fn judge(&mut self, length_ns: u64, stats: &StreamStats) {
        let delta = stats.since(&self.before);
        self.before = *stats;
        if delta.expected == 0 {
            return;
        }
        let duration = Duration::from_nanos(length_ns);
        let window = Window {
            jitter: Duration::from_secs_f64(stats.jitter_seconds.clamp(0.0, 3_600.0)),
            ..delta.quality_window(duration)
        };
        let start = Duration::from_nanos(self.start_ns);
        let loss_weight = self.loss_weight;
        let scorer = self
            .scorer
            .get_or_insert_with(|| Box::new(Scorer::new(Config::inbound(loss_weight), start)));
        if let Outcome::Scored(quality) = scorer.update(start + duration, &window) {
            let mos = f64::from(quality.mos);
            self.sum += mos * duration.as_secs_f64();
            self.seconds += duration.as_secs_f64();
            self.lowest = self.lowest.min(mos);
            self.highest = self.highest.max(mos);
        }
    }

    /// Ends the last window at `end_ns`. Gives the mean and the lowest MOS, if any window was judged.
    pub(crate) fn finish(mut self, end_ns: u64, stats: &StreamStats) -> Option<(f64, f64)> {
        let length_ns = end_ns.saturating_sub(self.start_ns);
        if length_ns >= SHORTEST_NS || (length_ns > 0 && self.scorer.is_none()) {
            self.judge(length_ns, stats);
        }
        (self.seconds > 0.0).then(|| {
            // Sums are rounded: the mean of windows of 4.5 may come out a little above it.
            let mean = self.sum / self.seconds;
            (mean.max(self.lowest).min(self.highest), self.lowest)
        })
    }
}
