//! The one-way-delay estimator: how far a receiver's clock is ahead of a sender's, delay included.
//!
//! Lives here: the update rules, pure; those of the reference, and those with the corrections C1 to C6, whose
//! places are marked. Not here: which reports get here (`falls`, and [`super::Timestamper`]).
//!
//! `receiver time - sender time` is clock offset plus propagation delay, and nothing can tell the two apart. The
//! estimate follows falls at once (a report that was under way for less time knows better), rises slowly, and
//! steps to a level that reports have kept to for 10 s. All times are signed nanoseconds; arithmetic saturates.
//!
//! The adjustment of an estimate's beginning that senders' reports of RTP streams need has no part in this.

use crate::livekit::Rules;

const FALL_FACTOR: f64 = 0.9;
const RISE_FACTOR: f64 = 0.1;
const SPIKE_FACTOR: f64 = 0.5;
/// What a report may lie above the estimate without being suspicious.
const HIGH_MIN_NS: i64 = 10_000_000;
/// And how many times the long-term delta.
const HIGH_FACTOR: i64 = 2;
/// Reports in a row that make a step, if they span [`PERSISTENCE_NS`].
const STEP_REPORTS: u32 = 2;
/// How long reports have to stay high for a step; the horizon of the long-term delta, too.
const PERSISTENCE_NS: i64 = 10_000_000_000;
/// Deltas from here on say nothing about the usual spread.
const LONG_TERM_BOUND_NS: i64 = 50_000_000;

/// The estimator's state.
///
/// ```
/// # use media_metrics_core::livekit::{Rules, timestamper::Estimator};
/// let mut estimator = Estimator::new(Rules::Corrected);
/// let ms = |ms: i64| ms * 1_000_000;
/// estimator.update(ms(0), ms(100));
/// let after = estimator.update(ms(5_000), ms(5_104)); // 4 ms above the estimate: a tenth is followed
/// assert_eq!(after.delay_ns, 100_400_000);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Estimator {
    rules: Rules,
    state: Option<State>,
}

/// What an update leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Estimate {
    /// Receiver time minus sender time, smoothed, in ns: what is added to a sender's time.
    pub delay_ns: i64,
    /// Whether the estimate began anew: at the first update, and at steps.
    pub step: bool,
}

#[derive(Clone, Copy, Debug)]
struct State {
    estimate_ns: i64,
    sender_ns: i64,
    /// How far reports usually lie above the estimate.
    long_term_ns: Option<i64>,
    high: Option<High>,
}

/// Reports that are high, in a row.
#[derive(Clone, Copy, Debug)]
struct High {
    reports: u32,
    since_ns: i64,
    level_ns: i64,
}

impl Estimator {
    /// Without an estimate yet.
    #[must_use]
    pub const fn new(rules: Rules) -> Self {
        Self { rules, state: None }
    }

    /// Whose arithmetic this is.
    #[must_use]
    pub const fn rules(&self) -> Rules {
        self.rules
    }

    /// The estimate in ns; `None` before the first update.
    #[must_use]
    pub fn delay_ns(&self) -> Option<i64> {
        self.state.map(|state| state.estimate_ns)
    }

    /// Takes a report that was sent at `sender_ns` on the sender's clock and came at `receiver_ns` on ours.
    pub fn update(&mut self, sender_ns: i64, receiver_ns: i64) -> Estimate {
        let delay_ns = receiver_ns.saturating_sub(sender_ns);
        match &mut self.state {
            None => self.restart(sender_ns, delay_ns),
            Some(state) => {
                let step = state.update(self.rules, sender_ns, receiver_ns, delay_ns);
                let delay_ns = state.estimate_ns;
                Estimate { delay_ns, step }
            }
        }
    }

    /// Begins anew with this delay.
    pub(super) const fn restart(&mut self, sender_ns: i64, delay_ns: i64) -> Estimate {
        self.state = Some(State {
            estimate_ns: delay_ns,
            sender_ns,
            long_term_ns: None,
            high: None,
        });
        Estimate {
            delay_ns,
            step: true,
        }
    }
}

impl State {
    /// Whether this is a step.
    fn update(&mut self, rules: Rules, sender_ns: i64, receiver_ns: i64, delay_ns: i64) -> bool {
        let delta_ns = delay_ns.saturating_sub(self.estimate_ns);
        let mut step = false;
        if self.is_high(rules, delta_ns) {
            let high = High::after(self.high, rules, receiver_ns, delay_ns);
            self.high = Some(high);
            // C5: the hold time is measured on the reports' own clock.
            let held_ns = receiver_ns.saturating_sub(high.since_ns);
            step = high.reports >= STEP_REPORTS && held_ns >= PERSISTENCE_NS;
            if step {
                self.estimate_ns = high.level_ns;
                (self.long_term_ns, self.high) = (None, None);
            }
        } else {
            self.high = None;
            // C2: what is not high is followed. The reference leaves a dead band.
            if rules == Rules::Corrected || delta_ns <= HIGH_MIN_NS {
                let rises = delta_ns > 0;
                let factor = if rises { RISE_FACTOR } else { FALL_FACTOR };
                self.estimate_ns = self.estimate_ns.saturating_add(part(factor, delta_ns));
            }
        }
        // C4: the delta to an estimate that has just been given up says nothing about the new one.
        if delta_ns < LONG_TERM_BOUND_NS && !(step && rules == Rules::Corrected) {
            self.adapt_long_term(rules, sender_ns, delta_ns);
        }
        self.sender_ns = sender_ns;
        step
    }

    fn is_high(&self, rules: Rules, delta_ns: i64) -> bool {
        let above = |usual_ns: i64| delta_ns > usual_ns.saturating_mul(HIGH_FACTOR);
        let unusual = match rules {
            // C1: whatever is known of the usual spread.
            Rules::Corrected => above(self.long_term_ns.unwrap_or(0)),
            Rules::Reference => self.known_long_term(rules).is_some_and(above),
        };
        delta_ns > HIGH_MIN_NS && unusual
    }

    fn adapt_long_term(&mut self, rules: Rules, sender_ns: i64, delta_ns: i64) {
        let adapted_ns = match self.known_long_term(rules) {
            None => delta_ns,
            Some(usual_ns) => {
                let passed_ns = sender_ns.saturating_sub(self.sender_ns);
                let share = (passed_ns as f64 / PERSISTENCE_NS as f64).min(1.0);
                let share = match rules {
                    // C3: a sender's clock that went back unlearns nothing.
                    Rules::Corrected => share.max(0.0),
                    Rules::Reference => share,
                };
                usual_ns.saturating_add(part(share, delta_ns.saturating_sub(usual_ns)))
            }
        };
        self.long_term_ns = Some(adapted_ns.max(0));
    }

    /// C6: that nothing is known is not the same as 0. To the reference it is.
    fn known_long_term(&self, rules: Rules) -> Option<i64> {
        let zero_is_a_value = rules == Rules::Corrected;
        self.long_term_ns.filter(|&ns| ns != 0 || zero_is_a_value)
    }
}

impl High {
    fn after(before: Option<Self>, rules: Rules, receiver_ns: i64, delay_ns: i64) -> Self {
        let Some(before) = before else {
            return Self {
                reports: 1,
                since_ns: receiver_ns,
                level_ns: delay_ns,
            };
        };
        // C6: a level of 0 is a level. To the reference it is none.
        let level_ns = match (before.level_ns, rules) {
            (0, Rules::Reference) => delay_ns,
            (level_ns, _) => {
                let above_ns = delay_ns.saturating_sub(level_ns);
                level_ns.saturating_add(part(SPIKE_FACTOR, above_ns))
            }
        };
        Self {
            reports: before.reports.saturating_add(1),
            level_ns,
            ..before
        }
    }
}

/// The product, cut toward 0 to whole nanoseconds; the ends of the range are its limits.
fn part(factor: f64, ns: i64) -> i64 {
    (factor * ns as f64) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_the_range_saturate() {
        let ends = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX];
        for rules in [Rules::Corrected, Rules::Reference] {
            let mut estimator = Estimator::new(rules);
            for i in 0..if cfg!(miri) { 7 * 7 } else { 2_401 } {
                let (sender, receiver) = (ends[i % 7], ends[i / 7 % 7]);
                let estimate = estimator.update(sender, receiver);
                assert_eq!(estimator.delay_ns(), Some(estimate.delay_ns));
            }
            let mut far = Estimator::new(rules);
            assert_eq!(far.update(i64::MAX, i64::MIN).delay_ns, i64::MIN);
            // From one end to the other the estimate is high until it steps.
            for _ in 0..3 {
                far.update(i64::MIN, i64::MIN + 1);
                far.update(i64::MIN, i64::MAX);
            }
            let steps = rules == Rules::Corrected;
            assert_eq!(far.delay_ns() == Some(i64::MIN), !steps, "{rules:?}");
        }
    }

    /// C6: a spread of exactly 0 is known, and moves by a share; the reference starts over.
    #[test]
    fn a_long_term_delta_of_zero_is_known() {
        let usual = |rules| {
            let mut estimator = Estimator::new(rules);
            for (sender_s, delay_ms) in [(0, 100), (5, 100), (10, 108)] {
                let sender_ns = sender_s * 1_000_000_000;
                estimator.update(sender_ns, sender_ns + delay_ms * 1_000_000);
            }
            estimator.state.and_then(|state| state.long_term_ns)
        };
        assert_eq!(usual(Rules::Corrected), Some(4_000_000));
        assert_eq!(usual(Rules::Reference), Some(8_000_000));
    }

    /// C3: of two reports with sender times in the wrong order, the second moves the estimate only.
    #[test]
    fn a_sender_clock_that_goes_back_unlearns_nothing() {
        let usual = |rules| {
            let mut estimator = Estimator::new(rules);
            for (sender_s, delay_ms) in [(0, 100), (5, 104), (3, 108)] {
                let sender_ns = sender_s * 1_000_000_000;
                estimator.update(sender_ns, sender_ns + delay_ms * 1_000_000);
            }
            estimator.state.and_then(|state| state.long_term_ns)
        };
        assert_eq!(usual(Rules::Corrected), Some(4_000_000));
        assert!(usual(Rules::Reference) < Some(4_000_000));
    }

    /// C6: a run of high reports may begin at a delay of 0; the reference starts it over.
    #[test]
    fn a_level_of_zero_is_a_level() {
        let stepped_to = |rules| {
            let mut estimator = Estimator::new(rules);
            let last = [-100, -98, 0, 6, 6].iter().zip(0..).map(|(delay_ms, i)| {
                let sender_ns = i * 5_000_000_000;
                estimator.update(sender_ns, sender_ns + delay_ms * 1_000_000)
            });
            last.last()
        };
        let step = |delay_ns| {
            Some(Estimate {
                delay_ns,
                step: true,
            })
        };
        assert_eq!(stepped_to(Rules::Corrected), step(4_500_000));
        assert_eq!(stepped_to(Rules::Reference), step(6_000_000));
    }

    /// C4: a delay that creeps up by less than 50 ms, but too fast to be followed, steps and leaves no trace. The
    /// reference takes the delta to the estimate that it gave up for the new one's usual spread.
    #[test]
    fn a_step_forgets_the_old_deltas() {
        let delays_ms = [0, 1, 11, 13, 15, 17, 20, 23, 26, 30, 34, 39, 45];
        for (rules, usual_ns) in [
            (Rules::Corrected, None),
            (Rules::Reference, Some(44_900_000)),
        ] {
            let mut estimator = Estimator::new(rules);
            let steps = delays_ms.iter().zip(0..).map(|(delay_ms, sender_s)| {
                let sender_ns = sender_s * 1_000_000_000;
                let receiver_ns = sender_ns + delay_ms * 1_000_000;
                estimator.update(sender_ns, receiver_ns).step
            });
            let steps: Vec<bool> = steps.collect();
            assert_eq!(steps.iter().rposition(|&step| step), Some(12), "{rules:?}");
            assert_eq!(steps[1..].iter().filter(|&&step| step).count(), 1);
            assert_eq!(
                estimator.state.map(|state| state.long_term_ns),
                Some(usual_ns)
            );
        }
    }
}
