//! Times as OTLP has them.
//!
//! Lives here: nanoseconds since 1970, and starts that are never after what they are the start of. Not here: which
//! series began when (core).

use std::time::SystemTime;

use crate::wall::since_1970;

/// Nanoseconds since 1970: 0, which OTLP takes for unknown, before then; the largest number after the year 2554.
pub(super) fn nanoseconds(time: SystemTime) -> u64 {
    u64::try_from(since_1970(time).as_nanos()).unwrap_or(u64::MAX)
}

/// Starts of series, by a wall clock that may have been set back since they began.
#[derive(Debug, Default)]
pub(super) struct Starts {
    /// The earliest time at which a series that was there had not yet begun.
    set_back: Option<u64>,
}

impl Starts {
    /// When a series that was `created` began, told at `now`.
    ///
    /// A start that moves tells a receiver that the series was reset. So of series that begin in the future, because
    /// the clock was set back, the start is the first such `now`, and stays it until the clock has caught up.
    pub(super) fn of(&mut self, created: SystemTime, now: u64) -> u64 {
        let created = nanoseconds(created);
        if created <= now {
            return created;
        }
        let earliest = self.set_back.map_or(now, |earlier| earlier.min(now));
        self.set_back = Some(earliest);
        earliest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn both_ends_of_time() {
        assert_eq!(nanoseconds(UNIX_EPOCH - Duration::from_secs(1)), 0);
        assert_eq!(nanoseconds(UNIX_EPOCH), 0);
        assert_eq!(nanoseconds(at(1)), 1_000_000_000);
        assert_eq!(nanoseconds(at(1 << 40)), u64::MAX);
    }

    #[test]
    fn a_start_is_never_after_now_and_stays_where_it_is() {
        let mut starts = Starts::default();
        let mut start = |created, now| starts.of(at(created), nanoseconds(at(now)));
        let seconds = |s: u64| s * 1_000_000_000;
        assert_eq!(start(100, 100), seconds(100));
        assert_eq!(start(100, 200), seconds(100));
        // An hour back, and two more looks.
        assert_eq!(start(10_000, 6_400), seconds(6_400));
        assert_eq!(start(10_000, 6_401), seconds(6_400));
        assert_eq!(start(6_402, 6_403), seconds(6_402), "began since");
        // Back once more: earlier than that it can't have begun.
        assert_eq!(start(10_000, 5_000), seconds(5_000));
        assert_eq!(start(10_000, 5_001), seconds(5_000));
    }
}
