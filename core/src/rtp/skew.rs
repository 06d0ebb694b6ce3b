//! Skew of the sender's clock against the arrival clock.
//!
//! Lives here: the estimate, from the transit times that `jitter` steps through. Not here: sender reports,
//! clocks.
//!
//! A fast sender's media runs ahead of its arrival: transit (arrival less media time) falls, with the skew
//! as its slope. Queues only ever add to a transit, so of each second or more the *lowest* counts, and the
//! slope is a line of least squares through those. What a path does besides must not look like a clock:
//!
//! - A route that gets longer, a timestamp that jumps: the level steps, for good. The line is broken there.
//!   Before and after have means of their own, and one slope in common.
//! - A queue that stands for seconds: a low point far from the line is left out, unless three in a row say
//!   that it is the level that moved.
//! - A clock that changes as it warms: the older a point, the less it counts.
//!
//! The classic answer to the one-sided noise, a line under the lower hull of all points (Moon, Skelly and
//! Towsley, INFOCOM 1999), needs the hull, which grows; this is 72 bytes.

/// A point counts for half after about 0.7 times so many seconds; of a change of the clock, the slope has
/// followed nine tenths after four times.
const MEMORY_S: f64 = 300.0;

/// The shortest time of which the lowest transit is a point.
const BATCH_NS: i64 = 1_000_000_000;
/// No frame since the last point: below 0 whatever the first one adds.
const NO_FRAME: i64 = i64::MIN / 2;
/// Points before the first estimate: five seconds at least.
const MIN_POINTS: u8 = 6;
/// The largest standard error of an estimate, in ppm, that is still worth saying.
const MAX_ERROR_PPM: f64 = 25.0;
/// So many points in a row off the line make a new level.
const NEW_LEVEL: u8 = 3;
/// Off the line: so many times the mean distance, and at least so many nanoseconds.
const FAR: f32 = 6.0;
const FAR_NS: f32 = 1e6;
/// The same while the line has fewer than [`MIN_POINTS`].
const FAR_AT_FIRST_NS: f32 = 1e9;

/// Clock skew of one stream's sender against the arrival clock.
///
/// - **Meaning**: parts per million by which the sender's media clock is faster than the arrival clock, both
///   as they are: it tells neither which of the two is wrong, nor an RTP clock rate that was named wrongly.
/// - **Accuracy**: see [`ppm`](Self::ppm). A level that steps by more than the noise hides, and a queue that
///   stands a few seconds, cost next to nothing; a delay that grows evenly for minutes can't be told from a
///   clock. Of a change of the clock, nine tenths are followed after twenty minutes.
/// - **Cost**: an addition and a comparison a frame; a few dozen instructions a second; 72 bytes.
/// - **Errors, panics**: none; a clock that steps back begins anew.
///
/// ```
/// # use media_metrics_core::rtp::Skew;
/// let mut skew = Skew::new();
/// for frame in 1..=1_000_u64 {
///     // 20 ms of media each 20 ms less 2 µs: the sender's clock is 100 ppm fast
///     skew.on_frame(-2_000);
///     let transit_ns = frame as i64 * -2_000;
///     if frame % 64 == 0 {
///         skew.on_batch(frame * 19_998_000, transit_ns);
///     }
/// }
/// assert!((skew.ppm().unwrap() - 100.0).abs() < 0.1);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Skew {
    /// Transit of the newest frame less the lowest since the last point; far below 0 without frames.
    above_ns: i64,
    /// The last point: lowest transit, and when its batch ended.
    point_ns: i64,
    arrival_ns: u64,
    /// The last point's distance from the mean of its level's points, in seconds and in nanoseconds. So there is
    /// no origin, and nothing to lose digits against.
    ahead_s: f64,
    ahead_ns: f64,
    /// Sums of squares and of products about the means, of all levels.
    squares: f64,
    products: f64,
    /// What the points of this level weigh.
    weight: f32,
    /// Mean distance of a point from the line of those before it, in nanoseconds.
    spread_ns: f32,
    /// Points on the line, up to 255.
    points: u8,
    /// Points off the line, in a row, up to now.
    off: u8,
}

const _: () = assert!(size_of::<Skew>() == 72); // it is part of the hot state of each stream

impl Default for Skew {
    fn default() -> Self {
        Self::new()
    }
}

impl Skew {
    /// Nothing known yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            above_ns: NO_FRAME,
            point_ns: 0,
            arrival_ns: 0,
            ahead_s: 0.0,
            ahead_ns: 0.0,
            squares: 0.0,
            products: 0.0,
            weight: 0.0,
            spread_ns: 0.0,
            points: 0,
            off: 0,
        }
    }

    /// A frame, newer than all before, came `transit_step_ns` later after the last one than its timestamp
    /// says (the D of RFC 3550 §6.4.1, in nanoseconds).
    #[inline(always)]
    pub fn on_frame(&mut self, transit_step_ns: i64) {
        // How high above the lowest of the batch, rather than how high and how low: one number less.
        self.above_ns = self.above_ns.wrapping_add(transit_step_ns).max(0);
    }

    /// To be called now and then, best several times a second or each 64 packets; `arrival_ns` is of the
    /// newest packet, `transit_ns` of the newest frame, from any origin: the sum of all steps. Does something
    /// a second after it last did at the soonest, if there was a frame: then it says true, and
    /// [`ppm`](Self::ppm) something new.
    #[inline(always)]
    pub fn on_batch(&mut self, arrival_ns: u64, transit_ns: i64) -> bool {
        let since_ns = arrival_ns.wrapping_sub(self.arrival_ns) as i64;
        let due = !(0..BATCH_NS).contains(&since_ns) || self.points == 0;
        if due && self.above_ns >= 0 {
            let lowest_ns = transit_ns.wrapping_sub(self.above_ns);
            self.on_point(arrival_ns, since_ns, lowest_ns);
            return true;
        }
        false
    }

    /// The next frame is of another timeline, perhaps another sender's: begins anew.
    pub fn restart(&mut self) {
        *self = Self::new();
    }

    #[cold]
    fn on_point(&mut self, arrival_ns: u64, since_ns: i64, lowest_ns: i64) {
        if since_ns < 0 && self.points > 0 {
            self.restart(); // the arrival clock stepped back: what is of before says nothing any more
            return;
        }
        let risen_ns = lowest_ns.wrapping_sub(self.point_ns) as f64;
        let since_s = since_ns as f64 / 1e9;
        (self.point_ns, self.arrival_ns) = (lowest_ns, arrival_ns);
        self.above_ns = NO_FRAME;
        if self.points == 0 {
            // Perhaps the lowest of less than a second: it marks where the first batch begins, and weighs nothing.
            self.points = 1;
            return;
        }
        let kept = MEMORY_S / (MEMORY_S + since_s);
        self.squares *= kept;
        self.products *= kept;
        self.weight *= kept as f32;
        self.ahead_s += since_s;
        self.ahead_ns += risen_ns;
        let distance_ns = (self.ahead_ns - self.slope() * self.ahead_s).abs() as f32;
        if distance_ns > self.far_ns() {
            self.off += 1;
            if self.off == NEW_LEVEL {
                (self.ahead_s, self.ahead_ns, self.weight) = (0.0, 0.0, 1.0);
                self.off = 0;
            }
            return;
        }
        self.off = 0;
        if self.points > 2 {
            // The mean of the first few, then of the last sixteen.
            let of = f32::from(self.points.min(18) - 2);
            self.spread_ns += (distance_ns - self.spread_ns) / of;
        }
        self.points = self.points.saturating_add(1);
        // Welford's step, with the mean moved to the point's side of the equation.
        let before = f64::from(self.weight) / (f64::from(self.weight) + 1.0);
        self.squares += before * self.ahead_s * self.ahead_s;
        self.products += before * self.ahead_s * self.ahead_ns;
        self.ahead_s *= before;
        self.ahead_ns *= before;
        self.weight += 1.0;
    }

    /// Nanoseconds of transit a second.
    fn slope(&self) -> f64 {
        if self.squares > 0.0 {
            self.products / self.squares
        } else {
            0.0
        }
    }

    fn far_ns(&self) -> f32 {
        if self.points < MIN_POINTS {
            FAR_AT_FIRST_NS
        } else {
            (FAR * self.spread_ns).max(FAR_NS)
        }
    }

    /// The skew: above 0, the sender's clock is fast. `None` until there are six points (at least five seconds), and
    /// as long as their scatter leaves it uncertain by more than 25 ppm (standard error).
    ///
    /// Its error, on a path whose delay varies by 20 ms from frame to frame (evenly, in an exponential or a
    /// normal distribution), with 50 audio packets or 30 video frames a second:
    ///
    /// | after | told | off by at most |
    /// |---|---|---|
    /// | 20 s | if there is less noise | 40 ppm |
    /// | 1 min | always | 30 ppm |
    /// | 10 min | always | 1.5 ppm |
    ///
    /// Without noise it is right to a hundredth of itself from the first. A delay that steps by less than the
    /// noise hides (six times the scatter of the lowest transits) tilts the line until it is long: 5 ms within
    /// the first minute, in normally distributed noise, by 50 ppm and more, after ten minutes by 3 at most.
    #[must_use]
    pub fn ppm(&self) -> Option<f64> {
        // A normal distribution's mean distance, times 1.25, is its standard deviation.
        let error_ppm = 1.25 * f64::from(self.spread_ns) / self.squares.sqrt() / 1e3;
        (self.points >= MIN_POINTS && error_ppm <= MAX_ERROR_PPM).then(|| -self.slope() / 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Noise {
        None,
        /// 0 to 20 ms.
        Uniform,
        /// 5 ms on average, 20 ms at most.
        Exponential,
        /// 10 ms, with a standard deviation of 3.3 ms: the hard case, as few come early.
        Gaussian,
    }

    /// A sender with a known skew, a path with a known noise.
    struct Stream {
        noise: Noise,
        /// Seed of SplitMix64.
        seed: u64,
        frame_ms: f64,
        packets_per_frame: u32,
        sent_ns: f64,
        media_ns: f64,
        transit_ns: i64,
        packets: u32,
        skew: Skew,
    }

    impl Stream {
        fn new(noise: Noise, seed: u64, (frame_ms, packets_per_frame): (f64, u32)) -> Self {
            Self {
                noise,
                seed: seed << 32,
                frame_ms,
                packets_per_frame,
                sent_ns: 1e15,
                media_ns: 0.0,
                transit_ns: 1 << 60,
                packets: 0,
                skew: Skew::new(),
            }
        }

        fn uniform(&mut self) -> f64 {
            self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (self.seed ^ (self.seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
        }

        fn noise_ms(&mut self) -> f64 {
            match self.noise {
                Noise::None => 0.0,
                Noise::Uniform => 20.0 * self.uniform(),
                Noise::Exponential => (-5.0 * (1.0 - self.uniform()).ln()).min(20.0),
                // The sum of twelve uniform numbers has the variance 1.
                Noise::Gaussian => {
                    let normal = (0..12).map(|_| self.uniform() - 0.5).sum::<f64>();
                    (10.0 + 3.3 * normal).clamp(0.0, 20.0)
                }
            }
        }

        /// `seconds` of packets of a sender `ppm` fast, on a path of `delay_ms` and the noise.
        fn run(&mut self, seconds: f64, ppm: f64, delay_ms: f64) -> Option<f64> {
            let end = self.sent_ns + seconds * 1e9;
            while self.sent_ns < end {
                self.media_ns += self.frame_ms * 1e6;
                self.sent_ns += self.frame_ms * 1e6 / (1.0 + ppm / 1e6);
                let arrival_ns = self.sent_ns + (delay_ms + self.noise_ms()) * 1e6;
                let transit_ns = (arrival_ns - self.media_ns) as i64;
                self.skew.on_frame(transit_ns - self.transit_ns);
                self.transit_ns = transit_ns;
                for _ in 0..self.packets_per_frame {
                    self.packets += 1;
                    if self.packets.is_multiple_of(64) {
                        self.skew.on_batch(arrival_ns as u64, self.transit_ns);
                    }
                }
            }
            self.skew.ppm()
        }
    }

    const AUDIO: (f64, u32) = (20.0, 1);
    const VIDEO: (f64, u32) = (1_000.0 / 30.0, 5);
    const MINUTE: f64 = 60.0;
    const HOUR: f64 = 3_600.0;
    const SKEWS: [f64; 7] = [0.0, 20.0, -20.0, 100.0, -100.0, 500.0, -500.0];

    const NOISES: &[Noise] = match cfg!(miri) {
        true => &[Noise::None],
        false => &[Noise::None, Noise::Uniform, Noise::Exponential],
    };

    fn near(got: Option<f64>, want: f64, within: f64) -> bool {
        got.is_some_and(|got| (got - want).abs() <= within)
    }

    /// The table of [`Skew::ppm`], and who is in it.
    #[test]
    #[cfg_attr(miri, ignore = "plain arithmetic, and an hour of it under Miri")]
    fn the_error_stays_within_its_bound() {
        let bounds = [
            (10.0, 40.0),
            (20.0, 40.0),
            (MINUTE, 30.0),
            (10.0 * MINUTE, 1.5),
        ];
        for noise in [Noise::Uniform, Noise::Exponential, Noise::Gaussian] {
            for (media, (seconds, bound)) in bounds.map(|b| [(AUDIO, b), (VIDEO, b)]).concat() {
                let mut told = 0;
                for (seed, ppm) in (1..=10).flat_map(|seed| SKEWS.map(|ppm| (seed, ppm))) {
                    if let Some(got) = Stream::new(noise, seed, media).run(seconds, ppm, 30.0) {
                        told += 1;
                        let case = format!("{noise:?}, {media:?}, {seconds} s, {ppm} ppm: {got}");
                        assert!((got - ppm).abs() <= bound, "{case}");
                    }
                }
                assert!(
                    told == 70 || seconds < MINUTE,
                    "{noise:?}, {media:?}: {told}"
                );
            }
        }
    }

    #[test]
    fn without_noise_it_is_known_after_a_few_seconds() {
        for (media, ppm) in [AUDIO, VIDEO]
            .into_iter()
            .flat_map(|m| SKEWS.map(|ppm| (m, ppm)))
        {
            let mut stream = Stream::new(Noise::None, 0, media);
            assert_eq!(stream.run(4.9, ppm, 30.0), None);
            let got = stream.run(5.1, ppm, 30.0);
            let within = 0.01 + ppm.abs() / 100.0;
            assert!(near(got, ppm, within), "{media:?}, {ppm} ppm: {got:?}");
        }
    }

    /// A longer route, a shorter one, timestamps that jump by an hour either way.
    #[test]
    fn a_level_that_steps_is_no_clock() {
        for &noise in NOISES {
            let steps = [(50.0, 0.0), (-25.0, 0.0), (0.0, HOUR), (0.0, -HOUR)];
            for (delay_ms, jump_s) in steps.into_iter().step_by(if cfg!(miri) { 2 } else { 1 }) {
                let mut stream = Stream::new(noise, 3, AUDIO);
                let before = stream.run(MINUTE, 100.0, 40.0);
                stream.media_ns += jump_s * 1e9;
                let after =
                    [1.0, 2.0, 3.0, 10.0, 50.0].map(|s| stream.run(s, 100.0, 40.0 + delay_ms));
                for ppm in after.into_iter().chain([before]) {
                    assert!(
                        near(ppm, 100.0, 10.0),
                        "{noise:?}, {delay_ms} ms, {jump_s} s: {after:?}"
                    );
                }
            }
        }
    }

    /// A small one that noise hides fades, as documented.
    #[test]
    #[cfg_attr(miri, ignore = "plain arithmetic on ten minutes of packets")]
    fn a_hidden_step_fades() {
        let mut stream = Stream::new(Noise::Gaussian, 3, AUDIO);
        stream.run(MINUTE / 2.0, 100.0, 40.0);
        let soon = stream.run(MINUTE / 2.0, 100.0, 45.0);
        assert!(!near(soon, 100.0, 50.0), "{soon:?}: was it seen?");
        let later = stream.run(10.0 * MINUTE, 100.0, 45.0);
        assert!(near(later, 100.0, 3.0), "{later:?}");
    }

    /// ... even before there is a line to be far from.
    #[test]
    fn an_early_jump_is_no_clock() {
        let mut stream = Stream::new(Noise::None, 0, AUDIO);
        stream.run(3.0, 100.0, 40.0);
        stream.media_ns += 1e9 * HOUR;
        let ppm = stream.run(15.0, 100.0, 40.0);
        assert!(near(ppm, 100.0, 1.0), "{ppm:?}");
    }

    #[test]
    fn a_queue_that_stands_for_seconds_is_no_clock() {
        for &noise in NOISES {
            let mut stream = Stream::new(noise, 3, VIDEO);
            stream.run(MINUTE, 20.0, 40.0);
            for (seconds, delay_ms) in [(2.0, 140.0), (10.0, 40.0), (5.0, 240.0), (10.0, 40.0)] {
                let ppm = stream.run(seconds, 20.0, delay_ms);
                assert!(
                    near(ppm, 20.0, 10.0),
                    "{noise:?}, {seconds} s of {delay_ms} ms: {ppm:?}"
                );
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "plain arithmetic, and an hour of it under Miri")]
    fn after_an_hour_it_still_follows() {
        for noise in [Noise::None, Noise::Exponential, Noise::Gaussian] {
            let mut stream = Stream::new(noise, 5, AUDIO);
            assert!(near(stream.run(HOUR, 20.0, 40.0), 20.0, 0.5));
            // Nine tenths of 100 ppm after twenty minutes, all but a hundredth after forty.
            assert!(
                near(stream.run(4.0 * MEMORY_S, -80.0, 40.0), -80.0, 10.0),
                "{noise:?}"
            );
            assert!(
                near(stream.run(4.0 * MEMORY_S, -80.0, 40.0), -80.0, 1.0),
                "{noise:?}"
            );
        }
    }

    /// A muted hour is a long base for the line, not a step.
    #[test]
    #[cfg_attr(miri, ignore = "plain arithmetic on ten minutes of packets")]
    fn a_pause_changes_nothing() {
        let mut stream = Stream::new(Noise::Uniform, 5, AUDIO);
        stream.run(10.0 * MINUTE, 50.0, 40.0);
        stream.sent_ns += 1e9 * HOUR;
        stream.media_ns += 1e9 * HOUR * (1.0 + 50e-6);
        let ppm = stream.run(MINUTE, 50.0, 40.0);
        assert!(near(ppm, 50.0, 1.0), "{ppm:?}");
    }

    #[test]
    fn a_restart_or_a_clock_that_steps_back_begins_anew() {
        let mut stream = Stream::new(Noise::None, 0, AUDIO);
        assert!(stream.run(MINUTE, 500.0, 40.0).is_some());
        stream.skew.restart();
        assert_eq!(stream.run(4.0, -500.0, 40.0), None);
        assert!(near(stream.run(10.0, -500.0, 40.0), -500.0, 5.0));
        stream.sent_ns -= 1e9 * HOUR;
        assert_eq!(stream.run(4.0, 500.0, 40.0), None);
        assert!(near(stream.run(10.0, 500.0, 40.0), 500.0, 5.0));
    }

    #[test]
    fn both_ends_of_every_range() {
        let mut skew = Skew::new();
        for arrival_ns in [u64::MAX, 0, 1 << 63, u64::MAX, 1 << 62, (1 << 62) + 1] {
            for step in [i64::MIN, i64::MAX, 0, -1, i64::MIN] {
                skew.on_frame(step);
                skew.on_batch(arrival_ns, step);
                assert!(skew.ppm().is_none_or(f64::is_finite));
            }
        }
        // No frame, no point: whoever sends one frame an hour is told nothing of.
        let mut silent = Skew::new();
        for s in 0..100 {
            assert!(!silent.on_batch(s * 1_000_000_000, 0));
        }
        assert_eq!(silent.points, 0);
    }
}
