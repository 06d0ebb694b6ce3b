//! When something is due: one calendar for all, phases that spread, ticks that collapse.
//!
//! Lives here: slots, phases, intervals. Not here: what is done when the time has come, and clocks: time is an
//! argument.
//!
//! # Slots
//! Times are rounded up to slots of [`SLOT`], so that ten thousand participants make at most twenty wake-ups a
//! second. The intervals themselves are exact: only the moment of a run is rounded, and errors don't add up.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::nanoseconds;
use crate::livekit::config::CollectorConfig;
use crate::livekit::time::ServerTime;

/// Width of a slot: how much later than due a run may be by design, and the shortest interval that keeps its
/// pace.
pub(super) const SLOT: Duration = Duration::from_millis(50);

const SLOT_NS: i64 = SLOT.as_nanos() as i64;

/// What is due when.
#[derive(Debug)]
pub(super) struct Calendar<T> {
    /// By number: slot `n` is due `n` slots after 1970 and holds what is due then or less than a slot before.
    slots: BTreeMap<i64, Vec<T>>,
}

impl<T> Calendar<T> {
    pub(super) const fn new() -> Self {
        Self {
            slots: BTreeMap::new(),
        }
    }

    pub(super) fn insert(&mut self, due: ServerTime, item: T) {
        self.slots.entry(slot_of(due)).or_default().push(item);
    }

    /// When the first slot is due.
    pub(super) fn next(&self) -> Option<ServerTime> {
        let (slot, _) = self.slots.first_key_value()?;
        Some(ServerTime::from_ns(slot.saturating_mul(SLOT_NS)))
    }

    /// Takes out all that is due, what has waited longest first.
    pub(super) fn take_due(&mut self, now: ServerTime) -> Vec<T> {
        let later = self.slots.split_off(&(now.ns().div_euclid(SLOT_NS) + 1));
        let due = std::mem::replace(&mut self.slots, later);
        due.into_values().flatten().collect()
    }
}

/// Rounded up.
fn slot_of(due: ServerTime) -> i64 {
    due.ns().div_euclid(SLOT_NS) + i64::from(due.ns().rem_euclid(SLOT_NS) > 0)
}

/// Spreads what begins at once: the `k`-th share of an interval is the `k`-th multiple of the golden ratio,
/// whole parts dropped. However many there are, they lie about evenly (the three-distance theorem).
#[derive(Debug, Default)]
pub(super) struct Phases(u64);

impl Phases {
    /// A share of `interval`: 0 first.
    pub(super) fn next(&mut self, interval: Duration) -> Duration {
        const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15; // 2^64 / 1.618…
        let share = self.0.wrapping_mul(GOLDEN);
        self.0 = self.0.wrapping_add(1);
        let interval_ns = u128::from(nanoseconds(interval));
        Duration::from_nanos(((u128::from(share) * interval_ns) >> 64) as u64)
    }
}

/// A tick on each multiple of an interval.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticks {
    next: ServerTime,
    every_ns: u64,
}

impl Ticks {
    /// The first tick is the first multiple of `every`, counted from `ahead` before `now`, that lies after
    /// `now`: so one comes within the interval.
    ///
    /// An interval of 0 is one of a nanosecond, which is a tick in each slot.
    pub(super) fn new(now: ServerTime, ahead: Duration, every: Duration) -> Self {
        let every_ns = nanoseconds(every).max(1);
        let until = every_ns - nanoseconds(ahead) % every_ns;
        Self {
            next: now.after(Duration::from_nanos(until)),
            every_ns,
        }
    }

    pub(super) const fn next(&self) -> ServerTime {
        self.next
    }

    /// Whether a tick is due. Those that were missed collapse into this one; it tells how many.
    pub(super) fn take(&mut self, now: ServerTime) -> Option<u64> {
        if now < self.next {
            return None;
        }
        let missed = nanoseconds(now.since(self.next)) / self.every_ns;
        let steps = u128::from(missed) + 1;
        let ahead = u64::try_from(steps * u128::from(self.every_ns)).unwrap_or(u64::MAX);
        self.next = self.next.after(Duration::from_nanos(ahead));
        Some(missed)
    }
}

/// When a participant's samples and batches are due.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeLine {
    pub(super) sampling: Ticks,
    pub(super) batching: Ticks,
}

impl TimeLine {
    /// Begins `ahead` before `now`.
    pub(super) fn new(now: ServerTime, ahead: Duration, intervals: &CollectorConfig) -> Self {
        Self {
            sampling: Ticks::new(now, ahead, intervals.sampling),
            batching: Ticks::new(now, ahead, intervals.batch),
        }
    }

    /// When anything is due next.
    pub(super) fn next(&self) -> ServerTime {
        self.sampling.next().min(self.batching.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: i64) -> ServerTime {
        ServerTime::from_ns(ms * 1_000_000)
    }

    #[test]
    fn a_slot_is_due_when_the_last_of_it_is() {
        let mut calendar = Calendar::new();
        for (due, name) in [(151, "d"), (101, "b"), (100, "a"), (150, "c"), (-30, "z")] {
            calendar.insert(ms(due), name);
        }
        assert_eq!(calendar.next(), Some(ms(0)));
        assert_eq!(calendar.take_due(ms(-1)), Vec::<&str>::new());
        assert_eq!(calendar.take_due(ms(100)), ["z", "a"]);
        assert_eq!(calendar.next(), Some(ms(150)));
        assert_eq!(calendar.take_due(ms(149)), Vec::<&str>::new());
        assert_eq!(calendar.take_due(ms(1_000)), ["b", "c", "d"]);
        assert_eq!(calendar.next(), None);
    }

    #[test]
    fn both_ends_of_time() {
        let mut calendar = Calendar::new();
        calendar.insert(ServerTime::from_ns(i64::MIN), "first");
        calendar.insert(ServerTime::from_ns(i64::MAX), "last");
        assert_eq!(calendar.take_due(ms(0)), ["first"]);
        assert_eq!(calendar.next(), Some(ServerTime::from_ns(i64::MAX)));
        let mut ticks = Ticks::new(ms(0), Duration::ZERO, Duration::MAX);
        assert!(ticks.take(ServerTime::from_ns(i64::MAX)).is_some());
        assert_eq!(ticks.next(), ServerTime::from_ns(i64::MAX));
    }

    /// Ten thousand that begin at once, over the 200 slots of ten seconds: fifty a slot would be even.
    #[test]
    #[cfg_attr(miri, ignore = "ten thousand phases, plain arithmetic")]
    fn phases_spread() {
        let mut phases = Phases::default();
        let mut slots = BTreeMap::<i64, u32>::new();
        for _ in 0..10_000 {
            let ahead = phases.next(Duration::from_secs(10));
            let ticks = Ticks::new(ms(0), ahead, Duration::from_secs(10));
            assert!(ms(0) < ticks.next() && ticks.next() <= ms(10_000));
            *slots.entry(slot_of(ticks.next())).or_default() += 1;
        }
        assert_eq!(slots.len(), 200);
        let (least, most) = (slots.values().min(), slots.values().max());
        assert!(
            least >= Some(&48) && most <= Some(&52),
            "{least:?} {most:?}"
        );
    }

    #[test]
    fn missed_ticks_collapse_and_the_pace_stays() {
        let mut ticks = Ticks::new(ms(0), Duration::from_secs(1), Duration::from_secs(3));
        assert_eq!(ticks.next(), ms(2_000));
        assert_eq!(ticks.take(ms(1_999)), None);
        assert_eq!(ticks.take(ms(2_000)), Some(0));
        assert_eq!(ticks.take(ms(11_000)), Some(2)); // those of 5 s and 8 s
        assert_eq!(ticks.next(), ms(14_000));
        let mut each_slot = Ticks::new(ms(0), Duration::ZERO, Duration::ZERO);
        assert!(each_slot.take(ms(50)).is_some());
        assert!(each_slot.next() <= ms(51));
    }
}
