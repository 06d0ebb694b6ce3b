//! Windows of single streams: each few seconds, one sample of each stream for its group's distributions.
//!
//! Lives here: what a stream's window remembers, and what is recorded when it ends. Not here: whose windows
//! end when (the collector), totals (`fold`, `fold_senders`), quality (`judge`).
//!
//! A window costs a stream that nobody asked windows for nothing but a null pointer.

use crate::counter::Counter;
use crate::histogram::ExactHistogram;
use crate::stream::block::{Totals, total};
use crate::stream::expected;
use crate::stream::sender::block::{Words, word};

const NS_PER_US: f64 = 1e3;
const NS_PER_MS: f64 = 1e6;

/// What the windows of one group's streams are recorded into.
#[derive(Debug)]
pub(crate) struct WindowMetrics {
    /// In percent of the packets expected.
    pub(crate) loss: ExactHistogram,
    /// In percent of the packets expected; `None` where nobody knows.
    pub(crate) out_of_order: Option<ExactHistogram>,
    /// The largest of the window, in microseconds.
    pub(crate) jitter: Measured,
    /// The largest of the window, in milliseconds; `None` where nothing measures it.
    pub(crate) rtt: Option<Measured>,
}

/// A figure that not every window has.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) figures: ExactHistogram,
    /// Windows with traffic and without the figure.
    pub(crate) unmeasured: Counter,
}

impl Measured {
    /// The figure of a window with traffic, exposed in units of so many nanoseconds. A 0 is a figure, too.
    fn record(&self, ns: Option<u64>, ns_per_unit: f64) {
        match ns {
            Some(ns) => self.figures.record(ns as f64 / ns_per_unit),
            None => self.unmeasured.inc(),
        }
    }
}

/// At most 100, whatever reports say.
fn percent(part: u64, whole: u64) -> f64 {
    (part as f64 * 100.0 / whole as f64).min(100.0)
}

/// How far a received stream had come at a merge.
#[derive(Clone, Copy, Debug)]
struct Progress {
    expected: u64,
    reordered: u64,
}

impl Progress {
    fn of(totals: &Totals) -> Self {
        Self {
            expected: expected(totals),
            reordered: totals[total::REORDERED],
        }
    }
}

/// A received stream's window.
///
/// It is of the numbers expected up to the merge *before* the one at which it ends: of those it is known
/// which are lost and which only came late. So it has the losses that the group's total counts, neither more
/// nor less.
#[derive(Debug)]
pub(super) struct Received {
    began: Progress,
    before: Progress,
    last: Progress,
    /// Of the stream's losses, how many were settled when the window began.
    lost: u64,
    packets: u64,
    jitter_ns: Option<u64>,
}

impl Received {
    /// A window that begins with these totals, of which so many losses are settled.
    pub(super) fn new(totals: &Totals, lost: u64) -> Box<Self> {
        let now = Progress::of(totals);
        Box::new(Self {
            began: now,
            before: now,
            last: now,
            lost,
            packets: totals[total::PACKETS],
            jitter_ns: None,
        })
    }

    /// A merge at which the stream had moved; its jitter, if packets came.
    pub(super) fn step(&mut self, totals: &Totals, jitter_ns: Option<u64>) {
        self.before = std::mem::replace(&mut self.last, Progress::of(totals));
        // A single frame has no jitter.
        if totals[total::FRAMES] > 1 {
            self.jitter_ns = self.jitter_ns.max(jitter_ns);
        }
    }

    /// The window ends with these totals, of which so many losses are settled, and the next begins.
    /// `settled` says that nothing moved since the last merge, or ever will.
    pub(super) fn close(
        &mut self,
        totals: &Totals,
        lost: u64,
        settled: bool,
        metrics: &WindowMetrics,
    ) {
        let upto = if settled { self.last } else { self.before };
        let expected = upto.expected.saturating_sub(self.began.expected);
        if expected > 0 {
            let lost = lost.saturating_sub(self.lost);
            metrics.loss.record(percent(lost, expected));
            if let Some(late) = &metrics.out_of_order {
                let packets = upto.reordered.saturating_sub(self.began.reordered);
                late.record(percent(packets, expected));
            }
        }
        let packets = totals[total::PACKETS];
        if packets != self.packets {
            metrics.jitter.record(self.jitter_ns.take(), NS_PER_US);
        }
        (self.began, self.lost, self.packets) = (upto, lost, packets);
    }
}

/// What a sent stream's window looks at: what was sent, and its receiver's word.
#[derive(Clone, Copy, Debug, Default)]
struct Reported {
    packets: u64,
    expected: u64,
    lost: u64,
    reports: u64,
    round_trips: u64,
    rtt_max_ns: u64,
}

impl Reported {
    fn of(words: &Words) -> Self {
        Self {
            packets: words[word::PACKETS],
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
    /// A window that begins with what was sent and reported so far.
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
            let last = words[word::ROUND_TRIP_NS];
            let ns = if record { now.rtt_max_ns } else { last };
            self.rtt_ns = self.rtt_ns.max(Some(ns));
        }
        self.now = now;
    }

    /// The window ends, and the next begins.
    pub(super) fn close(&mut self, metrics: &WindowMetrics) {
        // Both as of the same reports: so that the share is one.
        let expected = self.now.expected.saturating_sub(self.began.expected);
        if expected > 0 {
            let lost = self.now.lost.saturating_sub(self.began.lost);
            metrics.loss.record(percent(lost, expected));
        }
        if self.now.packets != self.began.packets || expected > 0 {
            metrics.jitter.record(self.jitter_ns.take(), NS_PER_US);
            if let Some(rtt) = &metrics.rtt {
                rtt.record(self.rtt_ns.take(), NS_PER_MS);
            }
        }
        self.began = self.now;
    }
}
