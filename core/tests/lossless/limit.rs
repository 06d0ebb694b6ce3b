//! Series that come and go at the limit: each is published to the last record before it goes, and the next one in its
//! place begins at 0.
//!
//! More series are wanted than there is room for, by several threads at once. What finds no room goes to `other`, and is
//! counted.

use std::sync::Arc;

use media_metrics_core::{Counter, Desc, Histogram, RegisterError, Registry, Snapshot};

use super::books::scaled;
use super::watch::while_watched;

static SEEN: Desc = Desc::counter("t_seen_total", "Seen.").labels(&["who"]);
/// Two histograms whose arrays differ in length: an index may be one's, then the other's.
static SHORT: Desc = Desc::histogram("t_short", "Short.", &[1.0])
    .labels(&["who"])
    .layout_of(1, 50);
static LONG: Desc = Desc::histogram("t_long", "Long.", &[1.0])
    .labels(&["who"])
    .layout_of(3, 5_000);

/// Series of the host's own: fewer than one thread wants to keep, so that some find no room however threads take turns.
const LIMIT: usize = 3;
const THREADS: usize = 4;

/// A series of one thread's own, and what it should say.
enum Kept {
    Counter(Counter, String, u64),
    Histogram(Histogram, &'static Desc, String, u64),
}

/// What came of one thread's wishes.
#[derive(Default)]
struct Outcome {
    /// Series made, recorded into, found complete, and removed.
    removed: u64,
    /// What went to `other` instead, and how often.
    others: u64,
    overflows: u64,
}

impl Kept {
    /// A series that nobody else has; `None` if there is no room.
    fn make(registry: &Registry, name: String, n: u64) -> Option<Self> {
        let made = match n % 3 {
            0 => registry
                .counter(&SEEN, &[&name])
                .map(|c| Self::Counter(c, name, 0)),
            kind => {
                let desc = if kind == 1 { &SHORT } else { &LONG };
                let made = registry.histogram(desc, &[&name]);
                made.map(|h| Self::Histogram(h, desc, name, 0))
            }
        };
        match made {
            Ok(kept) => Some(kept),
            Err(RegisterError::Full { limit: LIMIT }) => None,
            Err(other) => panic!("{other}"),
        }
    }

    /// Records `n` times, here and on another thread, whose cells are others.
    fn record(&mut self, n: u64) {
        match self {
            Self::Counter(counter, _, sum) => {
                (0..n).for_each(|_| counter.inc());
                std::thread::scope(|scope| {
                    scope.spawn(|| counter.add(1_000));
                });
                *sum += n + 1_000;
            }
            Self::Histogram(histogram, _, _, sum) => {
                (0..n).for_each(|i| histogram.record(i));
                std::thread::scope(|scope| {
                    scope.spawn(|| histogram.record_n(49, 1_000));
                });
                *sum += n + 1_000;
            }
        }
    }

    /// Whether the snapshot has every record, and none that is another's.
    fn check(&self, snapshot: &Snapshot) {
        match self {
            Self::Counter(_, name, sum) => {
                assert_eq!(snapshot.counter(SEEN.name(), &[name]), Some(*sum), "{name}");
            }
            Self::Histogram(_, desc, name, sum) => {
                let histogram = snapshot.histogram(desc.name(), &[name]).unwrap();
                assert_eq!(histogram.count(), *sum, "{name}");
                let small = sum - 1_000;
                let values = (0..small).sum::<u64>() + 49 * 1_000;
                assert_eq!(histogram.sum(), values, "{name}");
            }
        }
    }

    fn remove(&self, registry: &Registry) {
        let removed = match self {
            Self::Counter(counter, ..) => registry.remove(counter),
            Self::Histogram(histogram, ..) => registry.remove(histogram),
        };
        assert!(removed, "nobody else removes it");
    }
}

/// Makes series, a few of which it keeps at a time.
fn want(registry: &Registry, thread: usize, rounds: usize) -> Outcome {
    let mut outcome = Outcome::default();
    let mut kept = std::collections::VecDeque::new();
    for round in 0..rounds as u64 {
        let name = format!("{thread}-{round}");
        if let Some(mut series) = Kept::make(registry, name.clone(), round) {
            series.record(round % 40);
            kept.push_back(series);
        } else if let Ok(other) = registry.counter_or_other(&SEEN, &[&name]) {
            // It had no place a moment ago; by now there may be one, and then this one is as good.
            other.add(round);
            let snapshot = registry.collect();
            match snapshot.counter(SEEN.name(), &[&name]) {
                Some(seen) => {
                    assert_eq!(seen, round);
                    registry.remove(&other);
                }
                None => {
                    outcome.others += round;
                    outcome.overflows += 1;
                }
            }
        }
        if kept.len() > 3 || round % 5 == 0 {
            outcome.removed += go(registry, kept.pop_front());
        }
    }
    for series in kept {
        outcome.removed += go(registry, Some(series));
    }
    outcome
}

/// Looks at a series for the last time, and removes it.
fn go(registry: &Registry, series: Option<Kept>) -> u64 {
    let Some(series) = series else { return 0 };
    let snapshot: Arc<Snapshot> = registry.collect();
    series.check(&snapshot);
    series.remove(registry);
    // A record that nobody will see, and that the next series must not begin with.
    if let Kept::Counter(counter, ..) = &series {
        counter.add(1 << 40);
    }
    1
}

#[test]
fn series_at_the_limit_are_complete_when_they_go_and_begin_at_0() {
    let registry = Registry::builder().max_series(LIMIT).build().unwrap();
    let rounds = scaled(1_500);
    let (outcome, last) = while_watched(&registry, || {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|t| {
                    let registry = &registry;
                    scope.spawn(move || want(registry, t, rounds))
                })
                .collect();
            let mut sum = Outcome::default();
            for thread in threads {
                let outcome = thread.join().unwrap();
                sum.removed += outcome.removed;
                sum.others += outcome.others;
                sum.overflows += outcome.overflows;
            }
            sum
        })
    });
    assert!(outcome.removed > LIMIT as u64 && outcome.overflows > 0);
    let seen = last.family(SEEN.name()).unwrap();
    assert_eq!(seen.schema().len(), 1, "all but `other` are gone");
    assert_eq!(last.counter(SEEN.name(), &["other"]), Some(outcome.others));
    let overflow = "media_metrics_series_overflow_total";
    assert_eq!(
        last.counter(overflow, &[SEEN.name()]),
        Some(outcome.overflows)
    );
    assert!(last.family(SHORT.name()).is_none() && last.family(LONG.name()).is_none());
    // All places are free again.
    let places = (0..LIMIT).map(|n| registry.counter(&SEEN, &[&n.to_string()]));
    let counters: Vec<_> = places.map(Result::unwrap).collect();
    let snapshot = registry.collect();
    for n in 0..LIMIT {
        assert_eq!(snapshot.counter(SEEN.name(), &[&n.to_string()]), Some(0));
    }
    drop(counters);
}
