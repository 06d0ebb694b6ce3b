//! How much a sender may send: a rate with a burst.
//!
//! Lives here: the limiter (a token bucket, in the form that the generic cell rate algorithm of ITU-T I.371
//! gives it: one time instead of a level and a time). Not here: what is limited, clocks.

use std::time::Duration;

use crate::livekit::time::ServerTime;

const NS_PER_S: u64 = 1_000_000_000;

/// So much a second, and so much at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Units a second, in the long run; 0 admits nothing.
    pub per_second: u32,
    /// Units at once, after a time without any. What is larger than this is never admitted.
    pub burst: u32,
}

/// When the bucket will be full again: all that a limiter has to remember.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    full_at: ServerTime,
}

impl Bucket {
    /// Full at any time.
    pub(super) const fn new() -> Self {
        Self {
            full_at: ServerTime::from_ns(i64::MIN),
        }
    }

    /// Whether `units` are there now. It takes nothing.
    pub(super) fn has(self, rate: Rate, units: usize, now: ServerTime) -> bool {
        let Some(cost) = time_for(units, rate.per_second) else {
            return false;
        };
        let level = self.full_at.max(now).after(cost);
        time_for(rate.burst as usize, rate.per_second).is_some_and(|most| level.since(now) <= most)
    }

    /// Takes `units`.
    pub(super) fn take(&mut self, rate: Rate, units: usize, now: ServerTime) {
        let cost = time_for(units, rate.per_second).unwrap_or(Duration::MAX);
        self.full_at = self.full_at.max(now).after(cost);
    }
}

/// How long it takes until `units` have come together again; `None`: for ever.
fn time_for(units: usize, per_second: u32) -> Option<Duration> {
    let ns = (units as u64).checked_mul(NS_PER_S)?;
    ns.checked_div(per_second.into()).map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(bucket: &mut Bucket, rate: Rate, units: usize, now_ms: i64) -> bool {
        let now = ServerTime::from_ns(now_ms * 1_000_000);
        let there = bucket.has(rate, units, now);
        if there {
            bucket.take(rate, units, now);
        }
        there
    }

    #[test]
    fn a_burst_then_the_rate() {
        let rate = Rate {
            per_second: 5,
            burst: 20,
        };
        let mut bucket = Bucket::new();
        let start = 1_700_000_000_000;
        let at_once = (0..30).filter(|_| admitted(&mut bucket, rate, 1, start));
        assert_eq!(at_once.count(), 20);
        let in_ten_seconds = (1..=1_000).filter(|i| admitted(&mut bucket, rate, 1, start + i * 10));
        assert_eq!(in_ten_seconds.count(), 50);
        let after_a_pause = (0..30).filter(|_| admitted(&mut bucket, rate, 1, start + 60_000));
        assert_eq!(after_a_pause.count(), 20);
    }

    #[test]
    fn what_exceeds_the_burst_and_a_rate_of_0_admit_nothing() {
        let bytes = Rate {
            per_second: 1_000,
            burst: 4_000,
        };
        assert!(admitted(&mut Bucket::new(), bytes, 4_000, 0));
        assert!(!admitted(&mut Bucket::new(), bytes, 4_001, 0));
        let none = Rate {
            per_second: 0,
            burst: 10,
        };
        assert!(!admitted(&mut Bucket::new(), none, 1, 0));
        assert!(!Bucket::new().has(bytes, usize::MAX, ServerTime::from_ns(i64::MAX)));
    }

    /// Two threads may come with times in the wrong order: the bucket does not fill by that.
    #[test]
    fn time_that_goes_back_gives_nothing() {
        let rate = Rate {
            per_second: 1,
            burst: 2,
        };
        let mut bucket = Bucket::new();
        assert!(admitted(&mut bucket, rate, 2, 10_000));
        assert!(!admitted(&mut bucket, rate, 1, 9_000));
        assert!(!admitted(&mut bucket, rate, 1, 10_999));
        assert!(admitted(&mut bucket, rate, 1, 11_000));
    }
}
