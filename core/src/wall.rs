//! Times of the wall clock as numbers: since 1970, as whatever is written down has them.
//!
//! Lives here: what a time before 1970 amounts to. Not here: units on a wire, who reads the clock, and the library's own
//! time line (`clock`).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Time since 1970; none of a time before.
pub(crate) fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Nanoseconds since 1970; less than 0 of a time before.
pub(crate) fn ns_since_1970(time: SystemTime) -> i128 {
    // Fits: no duration has 2^94 nanoseconds.
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_nanos() as i128,
        Err(before) => -(before.duration().as_nanos() as i128),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_on_both_sides_of_1970() {
        let step = Duration::new(1, 500_000_000);
        for (time, since, ns) in [
            (UNIX_EPOCH + step, step, 1_500_000_000),
            (UNIX_EPOCH, Duration::ZERO, 0),
            (UNIX_EPOCH - step, Duration::ZERO, -1_500_000_000),
        ] {
            assert_eq!((since_1970(time), ns_since_1970(time)), (since, ns));
        }
    }
}
