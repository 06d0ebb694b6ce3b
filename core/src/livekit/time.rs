//! Server time: nanoseconds since 1970 that never step.
//!
//! Lives here: the type, conversions, the clock. Not here: who may read the clock (hosts and the scheduler;
//! everything else gets the time as an argument).

use std::time::{Duration, Instant, SystemTime};

use super::messages::Timestamp;
use crate::wall::since_1970;

const NS_PER_MS: i64 = 1_000_000;
const NS_PER_S: i64 = 1_000_000_000;

/// A moment on the server's clock, in nanoseconds since 1970.
///
/// - **Range**: the years 1677 to 2262. Arithmetic saturates.
/// - **Source**: [`Clock`], or a test's imagination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerTime(i64);

impl ServerTime {
    /// This many nanoseconds after 1970 (before, if negative).
    #[must_use]
    pub const fn from_ns(ns: i64) -> Self {
        Self(ns)
    }

    /// This many milliseconds after 1970; `None` if that is out of range.
    #[must_use]
    pub const fn from_ms(ms: i64) -> Option<Self> {
        match ms.checked_mul(NS_PER_MS) {
            Some(ns) => Some(Self(ns)),
            None => None,
        }
    }

    /// What protobuf has; `None` if that is out of range.
    #[must_use]
    pub fn from_timestamp(timestamp: Timestamp) -> Option<Self> {
        // Wide: the first moment is a fraction after a second that is out of range.
        let ns = i128::from(timestamp.seconds) * i128::from(NS_PER_S);
        let ns = ns + i128::from(timestamp.nanos);
        i64::try_from(ns).ok().map(Self)
    }

    /// Nanoseconds since 1970.
    #[must_use]
    pub const fn ns(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since 1970, rounded down.
    #[must_use]
    pub const fn ms(self) -> i64 {
        self.0.div_euclid(NS_PER_MS)
    }

    /// As protobuf has it.
    #[must_use]
    pub const fn timestamp(self) -> Timestamp {
        Timestamp {
            seconds: self.0.div_euclid(NS_PER_S),
            nanos: self.0.rem_euclid(NS_PER_S) as i32,
        }
    }

    /// `duration` later; the end of the range, if that is sooner.
    #[must_use]
    pub const fn after(self, duration: Duration) -> Self {
        let ns = duration.as_nanos();
        let ns = if ns > i64::MAX as u128 {
            i64::MAX
        } else {
            ns as i64
        };
        Self(self.0.saturating_add(ns))
    }

    /// Time since `earlier`; 0 if that is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        let ns = self.0 as i128 - earlier.0 as i128;
        Duration::from_nanos(if ns < 0 { 0 } else { ns as u64 })
    }
}

/// The server's clock: the wall clock's reading when it was made, advanced by the monotonic clock.
///
/// It never steps and never goes back; if the wall clock is corrected later, it does not follow.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall: ServerTime,
    monotonic: Instant,
}

impl Clock {
    /// A clock that is right now.
    #[must_use]
    pub fn new() -> Self {
        Self {
            wall: ServerTime(0).after(since_1970(SystemTime::now())),
            monotonic: Instant::now(),
        }
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> ServerTime {
        self.at(Instant::now())
    }

    /// What this clock says at `instant`.
    #[must_use]
    pub fn at(&self, instant: Instant) -> ServerTime {
        let after = instant.saturating_duration_since(self.monotonic);
        self.wall.after(after)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_1970_are_rounded_down() {
        let t = ServerTime::from_ns(-1_500_000_000);
        assert_eq!(t.ms(), -1_500);
        let expected = Timestamp {
            seconds: -2,
            nanos: 500_000_000,
        };
        assert_eq!(t.timestamp(), expected);
        assert_eq!(ServerTime::from_ns(-1).ms(), -1);
        assert_eq!(ServerTime::from_ns(-1).timestamp().nanos, 999_999_999);
    }

    #[test]
    fn both_ends_of_the_range() {
        let (first, last) = (ServerTime::from_ns(i64::MIN), ServerTime::from_ns(i64::MAX));
        assert_eq!(last.after(Duration::MAX), last);
        assert_eq!(first.since(last), Duration::ZERO);
        assert_eq!(last.since(first).as_nanos(), u128::from(u64::MAX));
        assert_eq!(ServerTime::from_ms(i64::MAX / 1_000_000 + 1), None);
        let edge = ServerTime::from_ms(i64::MIN / 1_000_000).unwrap();
        assert_eq!(edge.ms(), i64::MIN / 1_000_000);
        assert!((0..1_000_000_000).contains(&first.timestamp().nanos));
        for end in [first, last] {
            assert_eq!(ServerTime::from_timestamp(end.timestamp()), Some(end));
        }
        let (seconds, nanos) = (i64::MAX, 0);
        assert_eq!(
            ServerTime::from_timestamp(Timestamp { seconds, nanos }),
            None
        );
    }

    #[test]
    fn the_clock_follows_the_monotonic_one() {
        let clock = Clock::new();
        let later = clock.monotonic + Duration::from_millis(1_500);
        let passed = clock.at(later).since(clock.at(clock.monotonic));
        assert_eq!(passed, Duration::from_millis(1_500));
        assert!(clock.at(clock.monotonic) <= clock.now());
    }
}
