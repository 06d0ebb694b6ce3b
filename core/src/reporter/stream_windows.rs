//! Windows of single streams: each few seconds, one sample of each stream for its group's distributions.
//!
//! Lives here: what a stream's window remembers, and what is recorded when it ends. Not here: whose windows
//! end when (the collector), totals (`fold`, `fold_senders`), quality (`judge`).
//!
//! A window costs a stream that nobody asked windows for nothing but a null pointer.

use crate::histogram::ExactHistogram;
use crate::stream::block::{Totals, total};
use crate::stream::sender::block::{Words, word};
use crate::stream::{expected, lost};

const NS_PER_US: f64 = 1e3;
const NS_PER_MS: f64 = 1e6;

/// What the windows of one group's streams are recorded into.
#[derive(Debug)]
pub(crate) struct WindowMetrics {
    /// In percent of the packets expected.
    pub(crate) loss: ExactHistogram,
    /// In percent of the packets expected.
    pub(crate) out_of_order: ExactHistogram,
    /// The largest of the window, in microseconds.
    pub(crate) jitter: ExactHistogram,
    /// The largest of the window, in milliseconds.
    pub(crate) rtt: ExactHistogram,
    /// Windows with traffic and without a jitter that was measured.
    pub(crate) jitter_unmeasured: crate::Counter,
    /// The same of round trips.
    pub(crate) rtt_unmeasured: crate::Counter,
}

impl WindowMetrics {
    fn record(&self, window: &Sample) {
        if window.expected == 0 {
            return; // nothing to take a share of
        }
        self.loss.record(percent(window.lost, window.expected));
        if let Some(packets) = window.out_of_order {
            self.out_of_order.record(percent(packets, window.expected));
        }
        match window.jitter_ns {
            Some(ns) => self.jitter.record(ns as f64 / NS_PER_US),
            None => self.jitter_unmeasured.inc(),
        }
        match window.rtt_ns {
            Rtt::Measured(ns) => self.rtt.record(ns as f64 / NS_PER_MS),
            Rtt::Unmeasured => self.rtt_unmeasured.inc(),
            Rtt::Never => {}
        }
    }
}

/// One stream's window, measured.
struct Sample {
    expected: u64,
    lost: u64,
    /// `None` where it can't be known.
    out_of_order: Option<u64>,
    jitter_ns: Option<u64>,
    rtt_ns: Rtt,
}

enum Rtt {
    Measured(u64),
    Unmeasured,
    /// Nothing measures it.
    Never,
}

/// At most 100: what is found lost now may have been expected before.
fn percent(part: u64, whole: u64) -> f64 {
    (part as f64 * 100.0 / whole as f64).min(100.0)
}

/// A received stream's window: its totals when it began, and the largest jitter since.
#[derive(Debug)]
pub(super) struct Received {
    began: Totals,
    jitter_ns: Option<u64>,
}

impl Received {
    /// A window that begins with these totals.
    pub(super) fn new(began: &Totals) -> Box<Self> {
        Box::new(Self {
            began: *began,
            jitter_ns: None,
        })
    }

    /// The stream's jitter at a merge at which it had moved.
    pub(super) fn on_jitter(&mut self, totals: &Totals, jitter_ns: u64) {
        // A single frame has none.
        if totals[total::FRAMES] > 1 {
            self.jitter_ns = self.jitter_ns.max(Some(jitter_ns));
        }
    }

    /// The window ends with these totals, and the next begins.
    pub(super) fn close(&mut self, now: &Totals, metrics: &WindowMetrics) {
        let since = |at: usize| now[at].saturating_sub(self.began[at]);
        metrics.record(&Sample {
            expected: expected(now).saturating_sub(expected(&self.began)),
            lost: lost(now).saturating_sub(lost(&self.began)),
            out_of_order: Some(since(total::REORDERED)),
            jitter_ns: self.jitter_ns,
            rtt_ns: Rtt::Never,
        });
        (self.began, self.jitter_ns) = (*now, None);
    }
}

/// What a sent stream's window looks at, all of it its receiver's word.
#[derive(Clone, Copy, Debug, Default)]
struct Reported {
    expected: u64,
    lost: u64,
    reports: u64,
    round_trips: u64,
    rtt_max_ns: u64,
}

impl Reported {
    fn of(words: &Words) -> Self {
        Self {
            expected: words[word::REMOTE_EXPECTED],
            lost: words[word::LOST].cast_signed().max(0).cast_unsigned(),
            reports: words[word::REPORTS],
            round_trips: words[word::ROUND_TRIPS],
            rtt_max_ns: words[word::ROUND_TRIP_MAX_NS],
        }
    }
}

/// A sent stream's window.
#[derive(Debug, Default)]
pub(super) struct Sent {
    began: Reported,
    now: Reported,
    jitter_ns: Option<u64>,
    rtt_ns: Option<u64>,
}

impl Sent {
    /// A window that begins with what was reported so far.
    pub(super) fn new(began: &Words) -> Box<Self> {
        let began = Reported::of(began);
        Box::new(Self {
            began,
            now: began,
            jitter_ns: None,
            rtt_ns: None,
        })
    }

    /// The stream's numbers at a merge at which there was news.
    pub(super) fn on_news(&mut self, words: &Words, clock_rate: u32) {
        let now = Reported::of(words);
        if now.reports > self.now.reports {
            let ticks = u128::from(words[word::JITTER_TICKS]);
            let ns = ticks * 1_000_000_000 / u128::from(clock_rate.max(1));
            let ns = u64::try_from(ns).unwrap_or(u64::MAX);
            self.jitter_ns = self.jitter_ns.max(Some(ns));
        }
        if now.round_trips > self.now.round_trips {
            // Of several between two merges the last is known, and the largest if it was a record.
            let record = now.rtt_max_ns > self.now.rtt_max_ns;
            let ns = if record {
                now.rtt_max_ns
            } else {
                words[word::ROUND_TRIP_NS]
            };
            self.rtt_ns = self.rtt_ns.max(Some(ns));
        }
        self.now = now;
    }

    /// The window ends, and the next begins.
    pub(super) fn close(&mut self, metrics: &WindowMetrics) {
        metrics.record(&Sample {
            // Both as of the same reports: so that the share is one.
            expected: self.now.expected.saturating_sub(self.began.expected),
            lost: self.now.lost.saturating_sub(self.began.lost),
            out_of_order: None,
            jitter_ns: self.jitter_ns.take(),
            rtt_ns: self.rtt_ns.take().map_or(Rtt::Unmeasured, Rtt::Measured),
        });
        self.began = self.now;
    }
}
