//! The usual packet rate of a stream, and how much lighter losses are below it.
//!
//! Lives here: a histogram of rates, its mode, when the mode is taken and when the past is forgotten.
//! Not here: which windows are judged (`scorer`).
//!
//! With discontinuous transmission, or on a still screen, few packets are sent, and one of them lost is a
//! large share and a small harm. So the loss weight shrinks with the root of how far the rate is below
//! the usual one.

use std::time::Duration;

use super::config::Config;

/// Bins of a [`RateHistogram`]: each 2 packets per second wide, the last one open upwards.
pub const RATE_BINS: usize = 250;

const OVERFLOW_BIN: u8 = RATE_BINS as u8 - 1;
const _: () = assert!(RATE_BINS <= 1 << u8::BITS, "a bin is told in 8 bits");

/// The mode is first taken with more readings than this.
const ENOUGH_READINGS: u32 = 10;
/// And then again when it is older than this.
const MODE_AGE: Duration = Duration::from_secs(120);
/// A rate seen so often is no accident, for `Config::ignore_silence`.
const SEEN: u16 = 3;

/// How often each packet rate was seen.
///
/// - **Bins**: a rate of `r` packets per second is in bin `floor(r / 2 + 1/2)`, at most 249.
/// - **Memory**: two bytes a bin, inline. When a count is about to overflow, all are halved.
///
/// ```
/// use media_metrics_core::quality::RateHistogram;
/// let mut rates = RateHistogram::new();
/// for pps in [180.0, 220.0, 220.0, 200.0, 220.0] {
///     rates.count(pps);
/// }
/// assert_eq!(rates.mode(), 110); // 220 packets per second, seen 3 times
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateHistogram {
    counts: [u16; RATE_BINS],
}

impl Default for RateHistogram {
    fn default() -> Self {
        Self::new()
    }
}

impl RateHistogram {
    /// Without readings.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            counts: [0; RATE_BINS],
        }
    }

    /// Counts one window's rate, in packets per second. What is negative or no number is in bin 0.
    pub fn count(&mut self, pps: f64) {
        // A cast from a float saturates, and takes what is no number for 0.
        let bin = ((pps / 2.0 + 0.5) as u8).min(OVERFLOW_BIN);
        if let Some(count) = self.counts.get_mut(usize::from(bin)) {
            *count += 1;
            if *count == u16::MAX {
                self.halve(1);
            }
        }
    }

    /// The bin with the largest count, the lowest of equals; bin 0 without readings.
    #[must_use]
    pub fn mode(&self) -> u8 {
        self.mode_from(0)
    }

    /// As [`mode`](Self::mode), but among the bins from a quarter of the highest bin that was seen at
    /// least 3 times: the mode of the windows that were not silent.
    #[must_use]
    pub fn mode_of_speech(&self) -> u8 {
        let highest = self.counts.iter().rposition(|&count| count >= SEEN);
        self.mode_from(highest.unwrap_or(0).div_ceil(4))
    }

    fn mode_from(&self, lowest: usize) -> u8 {
        let mut best = (0, 0);
        for (bin, &count) in (0..=OVERFLOW_BIN).zip(&self.counts).skip(lowest) {
            if count > best.1 {
                best = (bin, count);
            }
        }
        best.0
    }

    /// Halves all counts, `times` times over.
    fn halve(&mut self, times: u32) {
        for count in &mut self.counts {
            *count = count.checked_shr(times).unwrap_or(0);
        }
    }
}

/// The usual rate of one stream or layer, kept up to date.
#[derive(Clone, Debug)]
pub(super) struct UsualRate {
    histogram: RateHistogram,
    /// Readings ever, halvings or not.
    readings: u32,
    mode: u8,
    mode_at: Option<Duration>,
    /// Up to when the past was halved.
    halved_at: Duration,
}

impl UsualRate {
    pub(super) const fn new(at: Duration) -> Self {
        Self {
            histogram: RateHistogram::new(),
            readings: 0,
            mode: 0,
            mode_at: None,
            halved_at: at,
        }
    }

    /// Counts a window's rate, then refreshes the mode if that is due.
    pub(super) fn on_window(&mut self, at: Duration, pps: f64, config: &Config) {
        if let Some(half_life) = config.rate_half_life {
            self.forget(at, half_life);
        }
        self.histogram.count(pps);
        self.readings = self.readings.saturating_add(1);
        // Should the clock go back, the mode is not stuck until it is where it was.
        self.mode_at = self.mode_at.map(|t| t.min(at));
        let due = self.mode_at.is_none_or(|t| at - t > MODE_AGE);
        if self.readings > ENOUGH_READINGS && due {
            self.mode_at = Some(at);
            self.mode = if config.ignore_silence {
                self.histogram.mode_of_speech()
            } else {
                self.histogram.mode()
            };
        }
    }

    fn forget(&mut self, at: Duration, half_life: Duration) {
        self.halved_at = self.halved_at.min(at);
        let past = at - self.halved_at;
        let times = past.as_nanos() / half_life.as_nanos().max(1);
        if times > 0 {
            self.histogram
                .halve(u32::try_from(times).unwrap_or(u32::MAX));
            // What is left of a half-life stays due.
            let rest = past.as_nanos() % half_life.as_nanos().max(1);
            self.halved_at = at.saturating_sub(nanos(rest));
        }
    }

    /// Packets per second; `None` while unknown, or beyond the histogram.
    pub(super) fn pps(&self) -> Option<f64> {
        (1..OVERFLOW_BIN)
            .contains(&self.mode)
            .then(|| 2.0 * f64::from(self.mode))
    }

    /// The loss weight at `pps` packets per second.
    pub(super) fn lighten(&self, weight: f64, pps: f64) -> f64 {
        self.pps().map_or(weight, |usual| {
            weight * (pps / usual).clamp(0.0, 1.0).sqrt()
        })
    }
}

/// A duration of so many nanoseconds, at most 584 years.
fn nanos(ns: u128) -> Duration {
    Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn counted(pps: &[(f64, usize)]) -> RateHistogram {
        let mut rates = RateHistogram::new();
        for &(pps, times) in pps {
            (0..times).for_each(|_| rates.count(pps));
        }
        rates
    }

    #[test]
    fn any_rate_has_a_bin() {
        for (pps, bin) in [
            (f64::NAN, 0),
            (-1e300, 0),
            (0.99, 0),
            (1.0, 1),
            (496.99, 248),
            (497.0, 249),
            (f64::INFINITY, 249),
        ] {
            assert_eq!(counted(&[(pps, 1)]).mode(), bin, "{pps}");
        }
        assert_eq!(RateHistogram::new().mode(), 0);
    }

    #[test]
    fn the_mode_of_speech_passes_over_silence() {
        let microphone = counted(&[(2.4, 500), (50.0, 40), (400.0, 2)]);
        assert_eq!(microphone.mode(), 1);
        assert_eq!(microphone.mode_of_speech(), 25, "400 was seen too seldom");
        let edge = counted(&[(12.0, 9), (14.0, 8), (50.0, 3)]);
        assert_eq!(edge.mode_of_speech(), 7, "bin 6 is below a quarter of 25");
        assert_eq!(RateHistogram::new().mode_of_speech(), 0);
    }

    #[test]
    #[cfg_attr(miri, ignore = "plain arithmetic, many counts")]
    fn a_full_count_halves_all() {
        let mut rates = counted(&[(100.0, 40_000)]);
        (0..60_000).for_each(|_| rates.count(50.0));
        assert_eq!(rates.mode(), 25);
        (0..70_000).for_each(|_| rates.count(100.0));
        assert_eq!(rates.mode(), 50);
    }

    #[test]
    #[cfg_attr(miri, ignore = "plain arithmetic, many windows")]
    fn the_past_is_forgotten_by_halves() {
        let mut forgetful = Config::inbound(8.0);
        let mut stubborn = forgetful;
        stubborn.rate_half_life = None;
        for (config, usual) in [(&mut forgetful, 300.0), (&mut stubborn, 50.0)] {
            let mut rate = UsualRate::new(Duration::ZERO);
            // An hour at 50, then 40 minutes at 300 packets per second, every 5 s.
            for i in 1..=1_200 {
                let pps = if i <= 720 { 50.0 } else { 300.0 };
                rate.on_window(5 * i * SECOND, pps, config);
            }
            assert_eq!(rate.pps(), Some(usual));
        }
    }

    #[test]
    fn the_mode_is_refreshed_every_two_minutes() {
        let config = Config::inbound(8.0);
        let mut rate = UsualRate::new(Duration::ZERO);
        (1..=11).for_each(|i| rate.on_window(5 * i * SECOND, 50.0, &config));
        (12..=35).for_each(|i| rate.on_window(5 * i * SECOND, 90.0, &config));
        assert_eq!(rate.pps(), Some(50.0), "just 120 s old");
        rate.on_window(36 * 5 * SECOND, 90.0, &config);
        assert_eq!(rate.pps(), Some(90.0));
    }

    #[test]
    fn what_is_left_of_a_half_life_stays_due() {
        let mut rate = UsualRate::new(Duration::ZERO);
        rate.histogram = counted(&[(50.0, 400)]);
        for (at, count) in [(9, 400), (15, 200), (19, 200), (20, 100), (49, 25)] {
            rate.forget(at * SECOND, 10 * SECOND);
            assert_eq!(rate.histogram, counted(&[(50.0, count)]), "{at} s");
        }
    }

    #[test]
    fn a_clock_that_goes_back_does_not_freeze_the_mode() {
        let config = Config::inbound(8.0);
        let mut rate = UsualRate::new(Duration::ZERO);
        (0..11).for_each(|_| rate.on_window(Duration::MAX, 50.0, &config));
        assert_eq!(rate.pps(), Some(50.0));
        (1..60).for_each(|i| rate.on_window(5 * i * SECOND, 90.0, &config));
        assert_eq!(rate.pps(), Some(90.0));
    }

    #[test]
    fn a_half_life_of_nothing_forgets_at_once() {
        let mut config = Config::inbound(8.0);
        config.rate_half_life = Some(Duration::ZERO);
        let mut rate = UsualRate::new(Duration::ZERO);
        (1..=11).for_each(|i| rate.on_window(i * SECOND, f64::from(i) * 20.0, &config));
        assert_eq!(rate.pps(), Some(220.0), "only the last reading is left");
    }
}
