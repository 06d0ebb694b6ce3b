//! Interarrival jitter (RFC 3550 §6.4.1, A.8), once per frame.
//!
//! Lives here: the filter. Not here: which packet begins a frame (`receiver`), clocks.
//!
//! A.8 takes a step for every packet. Packets of one frame share a timestamp and leave in a burst, so
//! the spread of the burst would drown the jitter of the path: the filter steps once per timestamp, on
//! the first packet that brings it, and not for late packets of older frames. For audio, where every
//! packet has its own timestamp, this is A.8 to the letter.
//!
//! The filter runs in nanoseconds, in fixed point: its one serial dependency is then a subtraction, a
//! shift and an addition, a fifth of what the same chain costs in floating point.

/// Interarrival jitter of one stream.
///
/// - **Range**: 0 until two frames have arrived; smoothed with gain 1/16.
/// - **Source**: RFC 3550 §6.4.1 and A.8, without A.8's rounding to whole ticks; the W3C `jitter` is
///   [`seconds`](Self::seconds).
/// - **Errors, panics**: none; a wrap of the 32-bit timestamp is an ordinary step. A clock that jumps by
///   centuries gives a wrong value, which decays like any other.
///
/// ```
/// use media_metrics_core::rtp::Jitter;
/// let mut jitter = Jitter::new(90_000);
/// jitter.on_frame(0, u32::MAX - 999);
/// // 3,000 ticks (33.3 ms) later by timestamp, across the wrap; 43.3 ms later by the clock
/// jitter.on_frame(43_333_333, 2_000);
/// assert!((jitter.seconds() - 0.010 / 16.0).abs() < 1e-9);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Jitter {
    value: JitterValue,
    /// Nanoseconds in a tick, times 2^32, rounded up: at most 2^62. Signed, so that the product is one
    /// instruction.
    ns_per_tick: i64,
    /// Nanoseconds in half a cycle of the timestamp. (A whole cycle is the number above: that many ticks.)
    half_cycle_ns: i64,
    arrival_ns: u64,
    /// With its wraps, and one cycle up, so that frames may lie before the first; its low half is the
    /// timestamp as it came.
    timestamp: u64,
    /// Whether `arrival_ns` and `timestamp` are of a frame: a flag, since any value is a legal one.
    primed: bool,
}

/// A jitter as the filter keeps it: nanoseconds times 16, as A.8 keeps its ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct JitterValue(u64);

impl JitterValue {
    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn ns(self) -> u64 {
        self.0 >> 4
    }

    pub(crate) fn seconds(self) -> f64 {
        self.0 as f64 / 16e9
    }

    /// J += d - J / 16, with J sixteen times too large: wraps only for deviations of centuries.
    #[inline(always)]
    const fn step(self, deviation_ns: u64) -> Self {
        Self(self.0.wrapping_add(deviation_ns).wrapping_sub(self.0 >> 4))
    }
}

/// Of [`Jitter::extended`]: the timestamp with its wraps since the first frame, which has none; 0 for one that lies
/// a wrap before that. Goes on across restarts, where the new timestamp is taken as ahead.
pub(crate) const fn timestamp_of(extended: u64) -> u64 {
    extended.saturating_sub(CYCLE)
}

/// Ticks from one wrap of a timestamp to the next.
const CYCLE: u64 = 1 << 32;

impl Jitter {
    /// No jitter yet, of a stream whose timestamps tick at `clock_rate` Hz (0 counts as 1).
    #[must_use]
    pub fn new(clock_rate: u32) -> Self {
        // Up, so that a whole number of nanoseconds is not cut to one less.
        let ns_per_tick = ((1_000_000_000 << 32) / i64::from(clock_rate.max(1))) + 1;
        Self {
            value: JitterValue::default(),
            ns_per_tick,
            half_cycle_ns: ns_per_tick / 2,
            arrival_ns: 0,
            timestamp: CYCLE,
            primed: false,
        }
    }

    /// The first packet of a frame arrived. Gives what [`on_next_frame`](Self::on_next_frame) does, if there
    /// was a frame to compare it with.
    pub fn on_frame(&mut self, arrival_ns: u64, timestamp: u32) -> Option<i64> {
        if self.primed {
            Some(self.on_next_frame(arrival_ns, timestamp))
        } else {
            self.arrival_ns = arrival_ns;
            let ahead = timestamp.wrapping_sub(self.timestamp());
            self.timestamp = self.timestamp.wrapping_add(u64::from(ahead));
            self.primed = true;
            None
        }
    }

    /// As [`on_frame`](Self::on_frame), for a caller who knows that a frame came before, and no restart
    /// since. Gives the frame's transit time less the last one's, in nanoseconds: RFC 3550's D.
    #[inline(always)]
    pub fn on_next_frame(&mut self, arrival_ns: u64, timestamp: u32) -> i64 {
        // Differences of neighbours, in wrapping arithmetic: no origin, so nothing to overflow.
        let arrival = arrival_ns.wrapping_sub(self.arrival_ns) as i64;
        let media = timestamp.wrapping_sub(self.timestamp()) as i32;
        self.arrival_ns = arrival_ns;
        self.timestamp = self.timestamp.wrapping_add(i64::from(media) as u64);
        // Below 2^31 ticks times 2^62: what is left after the shift fits 64 bits.
        let media = ((i128::from(media) * i128::from(self.ns_per_tick)) >> 32) as i64;
        let mut deviation = arrival.wrapping_sub(media);
        if deviation > self.half_cycle_ns {
            deviation = self.after_a_pause(deviation);
        }
        self.value = self.value.step(deviation.unsigned_abs());
        deviation
    }

    /// So long was nothing heard that the timestamps may have wrapped unseen: takes the number of wraps that
    /// brings them nearest to the time that passed.
    ///
    /// In line, though rare: a call would cost every packet the registers that it may spoil.
    #[inline(always)]
    fn after_a_pause(&mut self, deviation: i64) -> i64 {
        // Above half a cycle, which is above 0: no sign to mind, and 1 wrap at least.
        let cycle = self.ns_per_tick.unsigned_abs().max(1);
        let wraps = (deviation.unsigned_abs() + cycle / 2) / cycle;
        self.timestamp = self.timestamp.wrapping_add(CYCLE.wrapping_mul(wraps));
        deviation.wrapping_sub(wraps.wrapping_mul(cycle) as i64)
    }

    /// Arrival of the newest frame less its timestamp, in nanoseconds from an arbitrary origin.
    pub(crate) fn transit_ns(&self) -> i64 {
        let media = (u128::from(self.timestamp) * self.ns_per_tick as u128) >> 32;
        self.arrival_ns.wrapping_sub(media as u64) as i64
    }

    /// The next frame is not compared with the last: the stream restarted. The value stays, as RFC 3550
    /// knows no reset of it.
    pub fn restart(&mut self) {
        self.primed = false;
    }

    /// Timestamp of the last frame; `None` before the first and after a restart.
    #[must_use]
    #[inline(always)]
    pub fn last_timestamp(&self) -> Option<u32> {
        self.primed.then_some(self.timestamp())
    }

    /// Timestamp of the last frame; 0 before the first.
    #[must_use]
    #[inline(always)]
    pub const fn timestamp(&self) -> u32 {
        self.timestamp as u32
    }

    /// What [`timestamp_of`] makes the extended timestamp of.
    #[inline(always)]
    pub(crate) const fn extended(&self) -> u64 {
        self.timestamp
    }

    /// The jitter now, in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.value.seconds()
    }

    #[inline(always)]
    pub(crate) const fn value(&self) -> JitterValue {
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: u64 = 1_000_000;

    /// In ticks of `rate`, as RFC 3550 has it.
    fn ticks(j: &Jitter, rate: f64) -> f64 {
        j.seconds() * rate
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 0.001
    }

    #[test]
    fn follows_the_worked_example_of_a_8() {
        let mut j = Jitter::new(90_000);
        let mut seen = Vec::new();
        for (ms, ts) in [(0, 1_000), (33, 4_000), (70, 7_000), (100, 10_000)] {
            j.on_frame(ms * MS, ts);
            seen.push(ticks(&j, 90_000.0));
        }
        for (got, want) in seen.iter().zip([0.0, 1.875, 22.383, 39.734]) {
            assert!(close(*got, want), "{seen:?}");
        }
    }

    #[test]
    fn a_restart_keeps_the_value_and_skips_one_comparison() {
        let mut j = Jitter::new(8_000);
        j.on_frame(0, 0);
        j.on_frame(30 * MS, 160); // 10 ms late: 80 ticks
        assert!(close(ticks(&j, 8_000.0), 5.0));
        j.restart();
        j.on_frame(50 * MS, 0xdead_beef);
        assert!(close(ticks(&j, 8_000.0), 5.0));
        j.on_frame(70 * MS, 0xdead_beef + 160);
        assert!(close(ticks(&j, 8_000.0), 5.0 * 15.0 / 16.0));
    }

    #[test]
    fn silence_of_hours_is_no_jitter_if_the_timestamps_go_on() {
        for hours in [1, 6, 7, 8, 13, 14, 24 * 365] {
            let mut j = Jitter::new(90_000);
            let ticks = |ms: u64| (1_000_u64 + ms * 90) as u32;
            j.on_frame(0, ticks(0));
            j.on_frame(20 * MS, ticks(20));
            let after = 20 + hours * 3_600_000;
            j.on_frame(after * MS, ticks(after));
            assert!(j.seconds() < 1e-6, "{hours} h: {} s", j.seconds());
            assert_eq!(timestamp_of(j.extended()), 1_000 + after * 90, "{hours} h");
        }
    }

    #[test]
    fn a_timestamp_before_the_first_is_none_below_0() {
        let mut j = Jitter::new(90_000);
        j.on_frame(0, 1_000);
        j.on_frame(0, 1_000_u32.wrapping_sub(3_000));
        assert_eq!(timestamp_of(j.extended()), 0);
        j.on_frame(0, 4_000);
        assert_eq!(timestamp_of(j.extended()), 4_000);
    }

    #[test]
    fn arrivals_may_step_back() {
        let mut j = Jitter::new(8_000);
        j.on_frame(20 * MS, 0);
        j.on_frame(0, 0); // 20 ms early
        assert!(close(ticks(&j, 8_000.0), 10.0));
    }

    #[test]
    fn both_ends_of_every_range() {
        for rate in [0, 1, 8_000, 90_000, u32::MAX] {
            let mut j = Jitter::new(rate);
            for (arrival, timestamp) in [(0, 0), (u64::MAX, 1 << 31), (1 << 63, 0), (0, u32::MAX)] {
                j.on_frame(arrival, timestamp);
            }
            // Whatever that was, it decays.
            for _ in 0..1_000 {
                j.on_frame(0, u32::MAX);
            }
            assert_eq!(j.value().ns(), 0, "{rate} Hz");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

        /// Within a millionth of a tick and a millionth of the value of A.8 in floating point.
        #[test]
        fn agrees_with_a_8_in_floating_point(
            rate in prop::sample::select(vec![8_000_u32, 16_000, 44_100, 48_000, 90_000]),
            frames in prop::collection::vec((0_u64..200_000_000, 0_u32..20_000), 1..if cfg!(miri) { 40 } else { 300 }),
        ) {
            let mut jitter = Jitter::new(rate);
            let (mut oracle, mut last, mut arrival, mut timestamp) = (0.0, None, 0, u32::MAX - 30_000);
            for (ns, step) in frames {
                arrival += ns;
                timestamp = timestamp.wrapping_add(step);
                jitter.on_frame(arrival, timestamp);
                if let Some((a, t)) = last {
                    let ticks = (arrival - a) as f64 * f64::from(rate) / 1e9;
                    let d: f64 = ticks - f64::from(timestamp.wrapping_sub(t));
                    oracle += (d.abs() - oracle) / 16.0;
                }
                last = Some((arrival, timestamp));
            }
            let got = ticks(&jitter, f64::from(rate));
            // A nanosecond of rounding a frame is 90,000 / 1e9 of a tick.
            prop_assert!((got - oracle).abs() <= 2e-4 + oracle * 1e-6, "{got} for {oracle}");
        }
    }
}
