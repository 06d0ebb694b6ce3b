//! Intervals of one length that are looked at by ticks.
//!
//! Lives here: when such an interval ends. Not here: which clock it is by (`clock`), what ends with it (`judge`,
//! `livekit::derived`).

use std::time::Duration;

/// Intervals of one length, end to end, whose ends are seen by ticks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rhythm {
    began: Duration,
}

impl Rhythm {
    /// The first interval begins now.
    pub(crate) const fn new(now: Duration) -> Self {
        Self { began: now }
    }

    /// When the interval began.
    pub(crate) const fn began(self) -> Duration {
        self.began
    }

    /// The interval began so much earlier.
    pub(crate) const fn advance(&mut self, by: Duration) {
        self.began = self.began.saturating_sub(by);
    }

    /// Whether the interval ends with this tick, and the next begins. Ticks come each `period`, or when they
    /// are asked for (0).
    ///
    /// A tick that is nearer to the end than the next one will be is the end: else intervals of a whole number of
    /// periods would now and then last one more, for a microsecond. What comes late does not delay the next end.
    pub(crate) fn ends(&mut self, now: Duration, length: Duration, period: Duration) -> bool {
        let end = self.began.saturating_add(length);
        if now.saturating_add(period / 2) < end {
            return false;
        }
        let on_time = now < end.saturating_add(length);
        self.began = if on_time { end } else { now };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    /// How many of these ticks were ends.
    fn ends(length: Duration, period: Duration, ticks: impl Iterator<Item = Duration>) -> usize {
        let mut rhythm = Rhythm::new(Duration::ZERO);
        ticks
            .filter(|now| rhythm.ends(*now, length, period))
            .count()
    }

    #[test]
    fn ticks_that_are_a_little_late_or_early_cost_no_interval() {
        let jittery = (1..=120).map(|n| ms(n * 1_000 + n * 7 % 5).saturating_sub(ms(2)));
        assert_eq!(ends(ms(5_000), ms(1_000), jittery), 24);
        let each = (1..=600).map(|n| ms(n * 100 + n % 2));
        assert_eq!(ends(ms(500), ms(100), each), 120);
    }

    #[test]
    fn lengths_that_are_no_whole_number_of_periods_are_right_on_average() {
        let each = (1..=1_000).map(|n| ms(n * 300));
        assert_eq!(ends(ms(1_000), ms(300), each), 300);
    }

    #[test]
    fn after_a_long_silence_it_begins_anew() {
        let mut rhythm = Rhythm::new(Duration::ZERO);
        assert!(rhythm.ends(ms(60_000), ms(5_000), ms(1_000)));
        assert_eq!(rhythm.began(), ms(60_000));
        assert!(!rhythm.ends(ms(61_000), ms(5_000), ms(1_000)));
    }

    #[test]
    fn without_a_period_no_interval_ends_early() {
        let mut rhythm = Rhythm::new(Duration::ZERO);
        assert!(!rhythm.ends(ms(4_999), ms(5_000), Duration::ZERO));
        assert!(rhythm.ends(ms(5_000), ms(5_000), Duration::ZERO));
    }
}
