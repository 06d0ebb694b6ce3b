//! Interarrival jitter (RFC 3550 §6.4.1, A.8), once per frame.
//!
//! Lives here: the filter. Not here: which packet begins a frame (`receiver`), clocks.
//!
//! A.8 takes a step for every packet. Packets of one frame share a timestamp and leave in a burst, so
//! the spread of the burst would drown the jitter of the path: the filter steps once per timestamp, on
//! the first packet that brings it, and not for late packets of older frames. For audio, where every
//! packet has its own timestamp, this is A.8 to the letter.

/// Interarrival jitter of one stream, in **RTP clock ticks** (divide by the clock rate for seconds).
///
/// - **Range**: 0 until two frames have arrived; smoothed with gain 1/16.
/// - **Source**: RFC 3550 §6.4.1 and A.8, without A.8's rounding to whole ticks; the W3C `jitter` is
///   this value in seconds.
/// - **Errors, panics**: none; a wrap of the 32-bit timestamp is an ordinary step.
///
/// ```
/// use media_metrics_core::rtp::Jitter;
/// let mut jitter = Jitter::new(90_000);
/// jitter.on_frame(0, u32::MAX - 999);
/// // 3,000 ticks (33.3 ms) later by timestamp, across the wrap; 43.3 ms later by the clock
/// jitter.on_frame(43_333_333, 2_000);
/// assert!((jitter.ticks() - 900.0 / 16.0).abs() < 0.001);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Jitter {
    ticks: f64,
    ticks_per_ns: f64,
    arrival_ns: u64,
    timestamp: u32,
    /// Whether `arrival_ns` and `timestamp` are of a frame: a flag, since any value is a legal one.
    primed: bool,
}

impl Jitter {
    /// No jitter yet. A clock rate of 0 Hz leaves it at 0 for ever.
    #[must_use]
    pub fn new(clock_rate: u32) -> Self {
        Self {
            ticks: 0.0,
            ticks_per_ns: f64::from(clock_rate) / 1e9,
            arrival_ns: 0,
            timestamp: 0,
            primed: false,
        }
    }

    /// The first packet of a frame arrived.
    pub fn on_frame(&mut self, arrival_ns: u64, timestamp: u32) {
        if self.primed {
            self.on_next_frame(arrival_ns, timestamp);
        } else {
            self.arrival_ns = arrival_ns;
            self.timestamp = timestamp;
            self.primed = true;
        }
    }

    /// As [`on_frame`](Self::on_frame), for a caller who knows that a frame came before, and no restart
    /// since.
    #[inline(always)]
    pub fn on_next_frame(&mut self, arrival_ns: u64, timestamp: u32) {
        // Differences of neighbours, in wrapping arithmetic: no origin, so nothing to overflow.
        let arrival = arrival_ns.wrapping_sub(self.arrival_ns) as i64;
        let media = timestamp.wrapping_sub(self.timestamp) as i32;
        self.arrival_ns = arrival_ns;
        self.timestamp = timestamp;
        // Not `mul_add`: a function call where the target has no fused instruction.
        let d = (arrival as f64 * self.ticks_per_ns - f64::from(media)).abs();
        self.ticks += (d - self.ticks) * (1.0 / 16.0);
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
        self.primed.then_some(self.timestamp)
    }

    /// Timestamp of the last frame; 0 before the first.
    #[must_use]
    #[inline(always)]
    pub const fn timestamp(&self) -> u32 {
        self.timestamp
    }

    /// The jitter now, in ticks of the RTP clock.
    #[must_use]
    #[inline(always)]
    pub const fn ticks(&self) -> f64 {
        self.ticks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 0.001
    }

    #[test]
    fn follows_the_worked_example_of_a_8() {
        let mut j = Jitter::new(90_000);
        let mut seen = Vec::new();
        for (ms, ts) in [(0, 1_000), (33, 4_000), (70, 7_000), (100, 10_000)] {
            j.on_frame(ms * MS, ts);
            seen.push(j.ticks());
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
        assert!(close(j.ticks(), 5.0));
        j.restart();
        j.on_frame(50 * MS, 0xdead_beef);
        assert!(close(j.ticks(), 5.0));
        j.on_frame(70 * MS, 0xdead_beef + 160);
        assert!(close(j.ticks(), 5.0 * 15.0 / 16.0));
    }

    #[test]
    fn arrivals_may_step_back() {
        let mut j = Jitter::new(8_000);
        j.on_frame(20 * MS, 0);
        j.on_frame(0, 0); // 20 ms early
        assert!(close(j.ticks(), 10.0));
    }

    #[test]
    fn a_clock_of_0_hz_is_harmless() {
        let mut j = Jitter::new(0);
        j.on_frame(0, 0);
        j.on_frame(u64::MAX, 0);
        assert_eq!(j.ticks(), 0.0);
    }
}
