//! What a handle does: record, and tell that it was used.
//!
//! Lives here: the functions behind `metrics::Counter`, `Gauge` and `Histogram`. Not here: the mark by which idle series
//! are known (`mark`), when a series is idle (`idle`).

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use metrics::{CounterFn, GaugeFn, HistogramFn};

use super::mark::Mark;
use super::recorder::Facade;
use crate::clock::nanoseconds;
use crate::counter::Counter;
use crate::desc::{Desc, Kind};
use crate::gauge::Gauge;
use crate::histogram::ExactHistogram;
use crate::registry::{Handle, Series};

/// What the macros' three kinds have in common.
pub(super) trait Metric: Sized {
    const KIND: Kind;

    /// `not_finite` counts values that are in no sum.
    fn new(handle: Handle, desc: &Desc, not_finite: &Counter) -> Self;

    fn handle(&self) -> &Handle;

    /// What there is to publish, as a number that another record changes. Reads every thread's cells.
    fn recorded(&self) -> u64;
}

/// A metric that somebody may use, and whether somebody does.
#[derive(Debug)]
pub(super) struct Live<M> {
    metric: M,
    mark: Mark,
    facade: Weak<Facade>,
}

impl<M: Metric> Live<M> {
    pub(super) fn new(metric: M, facade: Weak<Facade>) -> Self {
        Self {
            metric,
            mark: Mark::new(),
            facade,
        }
    }

    pub(super) fn series(&self) -> &Arc<Series> {
        self.metric.handle().series()
    }

    /// After each record.
    #[inline(always)]
    fn used(&self) {
        if !self.mark.is_set() {
            self.mark_used();
        }
    }

    #[cold]
    #[inline(never)]
    fn mark_used(&self) {
        if self.mark.set()
            && let Some(facade) = self.facade.upgrade()
        {
            facade.revive(self);
        }
    }

    /// Under the facade's lock: takes the mark off, and says whether it has been off for `timeout`.
    pub(super) fn is_idle(&self, now: Duration, timeout: Duration) -> bool {
        let (now_ns, timeout_ns) = (nanoseconds(now), nanoseconds(timeout));
        self.mark
            .is_idle(now_ns, timeout_ns, || self.metric.recorded())
    }

    /// Under the facade's lock: whether the series is out of the registry.
    pub(super) fn is_over(&self) -> bool {
        self.mark.is_over()
    }

    /// Under the facade's lock, of a series that is over: whether no merge has published all of it.
    pub(super) fn is_unseen(&self) -> bool {
        self.mark.is_unseen(self.metric.recorded())
    }

    /// Under the facade's lock: the series is back.
    pub(super) fn is_back(&self) {
        self.mark.is_back();
    }
}

/// A counter, and who raises it to an absolute value.
#[derive(Debug)]
pub(super) struct Total {
    counter: Counter,
    raising: Mutex<()>,
}

impl Metric for Total {
    const KIND: Kind = Kind::Counter;

    fn new(handle: Handle, _: &Desc, _: &Counter) -> Self {
        Self {
            counter: Counter::new(handle),
            raising: Mutex::new(()),
        }
    }

    fn handle(&self) -> &Handle {
        self.counter.handle()
    }

    fn recorded(&self) -> u64 {
        self.counter.total()
    }
}

impl Live<Total> {
    /// A thread's first addition.
    #[cold]
    #[inline(never)]
    fn increment_slow(&self, value: u64) {
        self.metric.counter.add(value);
        self.used();
    }
}

impl CounterFn for Live<Total> {
    fn increment(&self, value: u64) {
        if !self.metric.counter.try_add(value) {
            // In tail position, as is what `used` calls: so the way that is taken saves no registers.
            return self.increment_slow(value);
        }
        self.used();
    }

    /// Reads every thread's cell. One at a time: two that both saw the old total would both make up for it.
    fn absolute(&self, value: u64) {
        let lock = self.metric.raising.lock();
        let guard = lock.unwrap_or_else(PoisonError::into_inner);
        let missing = value.saturating_sub(self.metric.counter.total());
        self.metric.counter.add(missing);
        drop(guard);
        self.used();
    }
}

impl Metric for Gauge {
    const KIND: Kind = Kind::Gauge;

    fn new(handle: Handle, _: &Desc, _: &Counter) -> Self {
        Self::new(handle)
    }

    fn handle(&self) -> &Handle {
        self.handle()
    }

    /// The level: what leaves it as it was is no loss. Arithmetic may give the same NaN other bits each time.
    fn recorded(&self) -> u64 {
        let level = self.get();
        let level = if level.is_nan() { f64::NAN } else { level };
        level.to_bits()
    }
}

impl GaugeFn for Live<Gauge> {
    #[inline]
    fn increment(&self, value: f64) {
        self.metric.add(value);
        self.used();
    }

    #[inline]
    fn decrement(&self, value: f64) {
        self.metric.add(-value);
        self.used();
    }

    fn set(&self, value: f64) {
        self.metric.set(value);
        self.used();
    }
}

/// A histogram, and what counts its values that are in no sum.
#[derive(Debug)]
pub(super) struct Distribution {
    histogram: ExactHistogram,
    not_finite: Counter,
}

impl Metric for Distribution {
    const KIND: Kind = Kind::Histogram;

    fn new(handle: Handle, desc: &Desc, not_finite: &Counter) -> Self {
        Self {
            histogram: ExactHistogram::new(handle, desc),
            not_finite: not_finite.clone(),
        }
    }

    fn handle(&self) -> &Handle {
        self.histogram.handle()
    }

    fn recorded(&self) -> u64 {
        self.histogram.count()
    }
}

impl HistogramFn for Live<Distribution> {
    fn record(&self, value: f64) {
        self.record_many(value, 1);
    }

    fn record_many(&self, value: f64, count: usize) {
        let count = count as u64;
        self.metric.histogram.record_n(value, count);
        if !value.is_finite() {
            self.metric.not_finite.add(count);
        }
        self.used();
    }
}
