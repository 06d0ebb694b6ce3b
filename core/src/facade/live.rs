//! What a handle does: record, and tell that it was used.
//!
//! Lives here: the functions behind `metrics::Counter`, `Gauge` and `Histogram`, and the mark by which idle
//! series are known. Not here: when a series is idle (`recorder`).
//!
//! # The mark
//! A record sets the mark if it is not set: mostly it is, so this is a load of a word that nobody writes. The
//! sweep takes it off; found off for the whole time-out, the series is `OVER`: taken out of the registry, but
//! neither its cells nor its index are anybody else's while a handle lives. A record that finds this puts the
//! series back, with what it had counted. It looks *after* it has recorded, so nothing is lost in between.

use std::sync::atomic::{AtomicU8, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use metrics::{CounterFn, GaugeFn, HistogramFn};

use super::recorder::Facade;
use crate::counter::Counter;
use crate::desc::{Desc, Kind};
use crate::gauge::Gauge;
use crate::histogram::ExactHistogram;
use crate::registry::{Handle, Series};
use crate::sync::Relaxed;

/// Recorded into since the last sweep.
const USED: u8 = 0;
/// Not recorded into since the last sweep.
const UNUSED: u8 = 1;
/// Idle, and out of the registry.
const OVER: u8 = 2;

/// What the macros' three kinds have in common.
pub(super) trait Metric: Sized {
    const KIND: Kind;

    /// `dropped` counts values that can't be recorded.
    fn new(handle: Handle, desc: &Desc, dropped: &Counter) -> Self;

    fn handle(&self) -> &Handle;
}

/// A metric that somebody may use, and whether somebody does.
#[derive(Debug)]
pub(super) struct Live<M> {
    metric: M,
    mark: AtomicU8,
    /// When a sweep found the mark, in nanoseconds of the library's time. Written by sweeps alone.
    used_ns: AtomicU64,
    facade: Weak<Facade>,
}

impl<M: Metric> Live<M> {
    pub(super) fn new(metric: M, facade: Weak<Facade>) -> Self {
        Self {
            metric,
            mark: AtomicU8::new(USED),
            used_ns: AtomicU64::new(0),
            facade,
        }
    }

    pub(super) fn series(&self) -> &Arc<Series> {
        self.metric.handle().series()
    }

    /// After each record.
    #[inline(always)]
    fn used(&self) {
        // Relaxed: the mark orders nothing. What was recorded stays in its cell whatever is read here.
        if self.mark.load(Relaxed) != USED {
            self.mark_used();
        }
    }

    #[cold]
    #[inline(never)]
    fn mark_used(&self) {
        let marked = self.mark.compare_exchange(UNUSED, USED, Relaxed, Relaxed);
        if marked == Err(OVER)
            && let Some(facade) = self.facade.upgrade()
        {
            facade.revive(self);
        }
    }

    /// Under the facade's lock: takes the mark off, and says whether it has been off for `timeout`.
    pub(super) fn is_idle(&self, now: Duration, timeout: Duration) -> bool {
        let now_ns = nanoseconds(now);
        match self.mark.compare_exchange(USED, UNUSED, Relaxed, Relaxed) {
            Ok(_) => {
                self.used_ns.store(now_ns, Relaxed); // Relaxed: only sweeps, under the lock
                return false;
            }
            Err(OVER) => return false,
            Err(_) => {}
        }
        let idle_ns = now_ns.saturating_sub(self.used_ns.load(Relaxed)); // Relaxed: as above
        // Who recorded in between has set the mark, and the series stays.
        idle_ns >= nanoseconds(timeout)
            && self
                .mark
                .compare_exchange(UNUSED, OVER, Relaxed, Relaxed)
                .is_ok()
    }

    /// Whether the series is out of the registry.
    pub(super) fn is_over(&self) -> bool {
        self.mark.load(Relaxed) == OVER // Relaxed: set under the facade's lock, as is who asks
    }

    /// Under the facade's lock: the series is back.
    pub(super) fn is_back(&self) {
        self.mark.store(USED, Relaxed); // Relaxed: as above
    }
}

fn nanoseconds(time: Duration) -> u64 {
    time.as_nanos().try_into().unwrap_or(u64::MAX)
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

/// A histogram, and what counts its values that are no numbers.
#[derive(Debug)]
pub(super) struct Distribution {
    histogram: ExactHistogram,
    dropped: Counter,
}

impl Metric for Distribution {
    const KIND: Kind = Kind::Histogram;

    fn new(handle: Handle, desc: &Desc, dropped: &Counter) -> Self {
        Self {
            histogram: ExactHistogram::new(handle, desc),
            dropped: dropped.clone(),
        }
    }

    fn handle(&self) -> &Handle {
        self.histogram.handle()
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
            self.metric.dropped.add(count);
        }
        self.used();
    }
}
