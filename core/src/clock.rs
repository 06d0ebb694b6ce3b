//! The library's own time line.
//!
//! Lives here: the time since the library was first used, for events that hosts tell of without a time; lengths of
//! time as the numbers that are recorded. Not here: arrival times, which are the host's; intervals (`rhythm`).

use std::sync::LazyLock;
use std::time::{Duration, Instant};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Now, since the first call.
pub(crate) fn uptime() -> Duration {
    uptime_at(Instant::now())
}

/// `now`, since the first call; 0 for a time before it.
pub(crate) fn uptime_at(now: Instant) -> Duration {
    now.saturating_duration_since(*START)
}

/// A length of time in nanoseconds; of one beyond 2^64 of them, the largest number.
#[inline]
pub(crate) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_for_a_number_is_the_largest() {
        assert_eq!(nanoseconds(Duration::new(1, 5)), 1_000_000_005);
        assert_eq!(nanoseconds(Duration::from_nanos(u64::MAX)), u64::MAX);
        assert_eq!(nanoseconds(Duration::MAX), u64::MAX);
    }
}
