//! Books kept twice: what a writer records into the library, and what it notes down by itself.
//!
//! Lives here: the metrics that the tests record into, the writer's own sums, the comparison. Not here: who writes when.

use std::ops::AddAssign;

use media_metrics_core::histogram::{ExactHistogram, LocalHistogram};
use media_metrics_core::{Counter, Desc, Gauge, Histogram, LocalCounter, Registry, Snapshot};

static HITS: Desc = Desc::counter("t_hits_total", "Hits.").labels(&["who"]);
static LEVEL: Desc = Desc::gauge("t_level", "A level.").labels(&["who"]);
static TIMES: Desc = Desc::histogram("t_times", "Times.", &[10.0, 1_000.0])
    .labels(&["who"])
    .layout_of(2, MAX);
static JOINS: Desc = Desc::exact_histogram("t_joins", "Joins.", &BOUNDS).labels(&["who"]);

/// Largest value of `TIMES`.
const MAX: u64 = 100_000;

/// Bounds of `JOINS`.
const BOUNDS: [f64; 3] = [1.0, 10.0, 1_000.0];

/// What is recorded: each value has a bucket of its own in `TIMES`, and the last is above its maximum.
const VALUES: [u64; 8] = [0, 1, 7, 10, 130, 5_000, 99_000, 1 << 24];

/// How much there is to do: `n`, or next to nothing under Miri. The environment's `MEDIA_METRICS_STRESS` makes it more or
/// less, in percent.
pub(super) fn scaled(n: usize) -> usize {
    let percent = std::env::var("MEDIA_METRICS_STRESS").map_or(100, |percent| {
        let number = percent.parse::<usize>().ok();
        number.expect("MEDIA_METRICS_STRESS is a whole number of percent")
    });
    match cfg!(miri) {
        true => 4,
        false => (n * percent / 100).max(4),
    }
}

/// A registry with little room: Miri zeroes a thread's memory for real.
pub(super) fn small() -> Registry {
    Registry::builder().max_series(64).build().unwrap()
}

/// One writer's handles, or those of many.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    hits: Counter,
    level: Gauge,
    times: Histogram,
    joins: ExactHistogram,
    who: &'static str,
}

/// The same, bound to a thread.
pub(super) struct LocalDesk<'d> {
    hits: LocalCounter,
    times: LocalHistogram,
    desk: &'d Desk,
}

/// What was recorded, by the writer's own account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    hits: u64,
    level: i64,
    samples: [u64; VALUES.len()],
}

impl AddAssign<&Self> for Tally {
    fn add_assign(&mut self, other: &Self) {
        self.hits += other.hits;
        self.level += other.level;
        let pairs = self.samples.iter_mut().zip(other.samples);
        pairs.for_each(|(n, more)| *n += more);
    }
}

impl Tally {
    /// Notes down what `record(n)` records: hits, what the level rises by, a value.
    fn note(&mut self, n: usize) -> (u64, i64, u64) {
        let (hits, rise) = (n as u64 % 5, n as i64 % 7 - 3);
        let value = n % VALUES.len();
        self.hits += hits;
        self.level += rise;
        self.samples[value] += 1;
        (hits, rise, VALUES[value])
    }
}

impl Desk {
    pub(super) fn new(registry: &Registry, who: &'static str) -> Self {
        Self {
            hits: registry.counter(&HITS, &[who]).unwrap(),
            level: registry.gauge(&LEVEL, &[who]).unwrap(),
            times: registry.histogram(&TIMES, &[who]).unwrap(),
            joins: registry.exact_histogram(&JOINS, &[who]).unwrap(),
            who,
        }
    }

    /// Records something, which depends on `n`, and notes it down.
    pub(super) fn record(&self, tally: &mut Tally, n: usize) {
        let (hits, rise, value) = tally.note(n);
        self.hits.add(hits);
        self.level.add(rise as f64);
        self.times.record(value);
        self.joins.record(value as f64);
    }

    /// Handles that record without looking for this thread's cells.
    pub(super) fn local(&self) -> LocalDesk<'_> {
        LocalDesk {
            hits: self.hits.local(),
            times: self.times.local(),
            desk: self,
        }
    }

    /// Whether the snapshot says what was noted down.
    #[track_caller]
    pub(super) fn check(&self, snapshot: &Snapshot, tally: &Tally) {
        let who = [self.who];
        assert_eq!(snapshot.counter(HITS.name(), &who), Some(tally.hits));
        let level = tally.level as f64; // far below 2^53
        assert_eq!(snapshot.gauge(LEVEL.name(), &who), Some(level));

        let times = snapshot.histogram(TIMES.name(), &who).unwrap();
        let noted = || VALUES.into_iter().zip(tally.samples);
        let mut counts = vec![0; times.layout().len()];
        noted().for_each(|(value, n)| counts[times.layout().index(value.min(MAX))] += n);
        assert_eq!(times.counts(), counts);
        let sum = noted().map(|(value, n)| value.min(MAX) * n).sum::<u64>();
        let above: u64 = noted().filter(|v| v.0 > MAX).map(|(_, n)| n).sum();
        let count = tally.samples.iter().sum::<u64>();
        let figures = (times.count(), times.sum(), times.clamped());
        assert_eq!(figures, (count, sum, above));

        let joins = snapshot.histogram(JOINS.name(), &who).unwrap();
        let upto = |bound: f64| noted().filter(move |v| v.0 as f64 <= bound);
        let cumulative = |bound| upto(bound).map(|(_, n)| n).sum::<u64>();
        let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
        let expected: Vec<u64> = bounds.map(cumulative).collect();
        assert_eq!(joins.classic().collect::<Vec<_>>(), expected);
        let sum = noted().map(|(value, n)| value * n).sum::<u64>();
        assert_eq!(joins.exact_sum(), Some(sum as f64)); // below 2^53, so whole
    }
}

impl LocalDesk<'_> {
    /// As [`Desk::record`].
    pub(super) fn record(&self, tally: &mut Tally, n: usize) {
        let (hits, rise, value) = tally.note(n);
        self.hits.add(hits);
        self.desk.level.add(rise as f64);
        self.times.record(value);
        self.desk.joins.record(value as f64);
    }
}
