//! Times of the wall clock as numbers: since 1970, as formats and pages have them.
//!
//! Lives here: what a time before 1970 amounts to. Not here: units (who writes them), who reads the clock; times that may
//! be less than 0 (`push::remote_write`).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Time since 1970; none of a time before.
#[inline]
pub(crate) fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_on_both_sides_of_1970() {
        let step = Duration::new(1, 500_000_000);
        assert_eq!(since_1970(UNIX_EPOCH + step), step);
        assert_eq!(since_1970(UNIX_EPOCH), Duration::ZERO);
        assert_eq!(since_1970(UNIX_EPOCH - step), Duration::ZERO);
    }
}
