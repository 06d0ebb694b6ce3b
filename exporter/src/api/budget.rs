//! How much of a processor requests may take.
//!
//! Lives here: when there is time for one more. Not here: what the time is spent on. Time is an argument.

use std::time::{Duration, Instant};

/// Each time unit of work is followed by this many of rest: so a quarter of a processor at most.
const REST: u32 = 3;

/// Rest that may be owed before the next has to wait: work of a third of a second at once is fine.
const PATIENCE: Duration = Duration::from_secs(1);

/// Time owed.
#[derive(Debug, Default)]
pub(super) struct Budget {
    rested_at: Option<Instant>,
}

impl Budget {
    /// Whether work may begin now.
    pub(super) fn allows(&self, now: Instant) -> bool {
        self.wait(now).is_zero()
    }

    /// How long until it may.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        let owed = self.rested_at.map(|at| at.saturating_duration_since(now));
        owed.unwrap_or_default().saturating_sub(PATIENCE)
    }

    /// Work was done from `begun` to `now`.
    pub(super) fn took(&mut self, begun: Instant, now: Instant) {
        let work = now.saturating_duration_since(begun);
        // Work is no rest: what was owed when it began is owed when it ends.
        let from = self.rested_at.map_or(begun, |at| at.max(begun));
        self.rested_at = from.checked_add(work.saturating_mul(1 + REST));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_and_in_the_long_run_a_quarter() {
        let start = Instant::now();
        let ms = Duration::from_millis;
        let (mut budget, mut now, mut worked) = (Budget::default(), start, Duration::ZERO);
        while now < start + ms(60_000) {
            if budget.allows(now) {
                budget.took(now, now + ms(10));
                worked += ms(10);
                now += ms(10);
            } else {
                now += ms(1);
            }
        }
        assert!(worked > ms(15_000) && worked < ms(15_500), "{worked:?}");
        // Who has to wait is told for how long.
        let wait = budget.wait(now);
        assert!(budget.allows(now + wait) && wait <= ms(40), "{wait:?}");
        // After a rest a burst again.
        now += ms(10_000);
        for _ in 0..30 {
            assert!(budget.allows(now));
            budget.took(now, now + ms(10));
            now += ms(10);
        }
    }
}
