//! The traffic that shares and counts are tried on: at a threshold and just under it, for long and for a moment, little
//! and none, before and after a restart, one in a crowd.

use super::super::model::{Case, Firing, critical, warning};

/// Counters of a case, in promtool's notation.
pub(super) struct Counters {
    /// All events.
    pub(super) all: String,
    /// Those that count.
    pub(super) bad: String,
    /// The others.
    pub(super) good: String,
}

/// Minutes, events a minute, and the share of them that is bad.
type Phase = (u32, f64, f64);

impl Counters {
    fn of(phases: &[Phase]) -> Self {
        let counter = |rate: fn(f64, f64) -> f64| {
            let phases = phases.iter();
            counter(phases.map(|(minutes, all, share)| (*minutes, rate(*all, *share))))
        };
        Self {
            all: counter(|all, _| all),
            bad: counter(bad_of),
            good: counter(|all, share| all - bad_of(all, share)),
        }
    }

    /// The counters of a process that starts anew after half of the minutes.
    fn restarted(phase: Phase) -> Self {
        let (once, text) = (Self::of(&[phase]), |one: &str| format!("{one} {one}"));
        Self {
            all: text(&once.all),
            bad: text(&once.bad),
            good: text(&once.good),
        }
    }
}

/// So many of these, as a number that is written in few digits.
fn bad_of(all: f64, share: f64) -> f64 {
    (all * share * 1e6).round() / 1e6
}

/// A counter that grows by so much a minute for so many minutes, and then by another amount.
fn counter(phases: impl Iterator<Item = (u32, f64)>) -> String {
    let mut level = 0.0;
    let mut parts = Vec::new();
    for (at, (minutes, step)) in phases.enumerate() {
        let (first, steps) = match at {
            0 => (level, minutes),
            _ => (level + step, minutes - 1),
        };
        parts.push(format!("{first}+{step}x{steps}"));
        level += step * f64::from(minutes);
    }
    parts.join(" ")
}

/// A share with two severities over two windows: `sustained` is the condition.
pub(super) struct Sustained {
    /// Shares from which it warns, and from which it is critical.
    pub(super) thresholds: [f64; 2],
    /// How 1.2 times the first is shown, 0.98 and 1.2 times the second.
    pub(super) shown: [&'static str; 3],
    /// Least events a second.
    pub(super) least: f64,
    /// Events a minute of a busy target: much more than the least.
    pub(super) busy: f64,
    /// Minutes of the windows.
    pub(super) windows: [u32; 2],
    /// Labels of the alert.
    pub(super) labels: Vec<(&'static str, &'static str)>,
    /// What the warning shows after a spike that is not critical, if it has come to that by then.
    pub(super) after_spike: Option<&'static str>,
    /// The series that say it.
    pub(super) series: fn(&Counters) -> Vec<(String, String)>,
}

impl Sustained {
    fn warns(&self, value: &'static str) -> Vec<Firing> {
        vec![warning(&self.labels, value)]
    }

    fn both(&self, value: &'static str) -> Vec<Firing> {
        vec![warning(&self.labels, value), critical(&self.labels, value)]
    }

    fn case(&self, name: &'static str, phases: &[Phase]) -> Case {
        Case::new(name, (self.series)(&Counters::of(phases)))
    }

    /// A spike in the short window that brings the long one to four fifths of a threshold at most: its minutes, and traffic.
    fn spike(&self, threshold: f64) -> (u32, [Phase; 3]) {
        let [short, long] = self.windows;
        let minutes = short - 1;
        let share = 0.8 * threshold * f64::from(long) / f64::from(minutes);
        let spike = (minutes, self.busy, share.min(1.0));
        (
            minutes,
            [(long, self.busy, 0.0), spike, (long, self.busy, 0.0)],
        )
    }

    /// All cases.
    pub(super) fn cases(&self) -> Vec<Case> {
        let [warn, grave] = self.thresholds;
        let [short, long] = self.windows;
        let busy = self.busy;
        let steady = |all, share| [(2 * long, all, share)];
        let (_, warning_spike) = self.spike(warn);
        let (minutes, grave_spike) = self.spike(grave);
        let after = self.after_spike.map(|value| self.warns(value));
        let restarted = Counters::restarted((long, busy, warn / 2.0));
        let least = self.least * 60.0;
        vec![
            self.case(
                "a fifth above the milder threshold, for long",
                &steady(busy, 1.2 * warn),
            )
            .quiet(&[2])
            .fires(2 * long, self.warns(self.shown[0])),
            self.case(
                "a fifth above the other threshold, for long",
                &steady(busy, 1.2 * grave),
            )
            .quiet(&[1])
            .fires(2 * long, self.both(self.shown[2])),
            self.case(
                "just under the milder threshold",
                &steady(busy, 0.98 * warn),
            )
            .quiet(&[short, long, 2 * long]),
            self.case(
                "just under the other threshold",
                &steady(busy, 0.98 * grave),
            )
            .fires(2 * long, self.warns(self.shown[1])),
            self.case("a short spike", &warning_spike).quiet(&[
                long + 2,
                long + 7,
                long + short,
                2 * long,
            ]),
            self.case("a short spike that is grave", &grave_spike)
                .fires(long + minutes + 2, after.unwrap_or_default())
                .quiet(&[long + 2 * short + 10]),
            self.case(
                "over: the long window is bad, the short one is not",
                &[(long, busy, (2.0 * grave).min(1.0)), (long, busy, 0.0)],
            )
            .quiet(&[long + short + 1]),
            self.case(
                "everything is bad, of too little to tell",
                &steady(0.99 * least, 1.0),
            )
            .quiet(&[short, long, 2 * long]),
            self.case(
                "everything is bad, of just enough",
                &steady(1.01 * least, 1.0),
            )
            .fires(2 * long, self.both("100%")),
            self.case("idle", &steady(0.0, 0.0))
                .quiet(&[short, 2 * long]),
            Case::new(
                "a restart, at half of the milder threshold",
                (self.series)(&restarted),
            )
            .quiet(&[long, long + 1, long + 3, long + short, 2 * long]),
            self.case("one bad one in a crowd of a thousand", &steady(busy, 0.001))
                .quiet(&[long, 2 * long]),
        ]
    }
}

/// A share with one severity over one window, held for ten minutes.
pub(super) struct Held {
    /// The share from which it warns.
    pub(super) threshold: f64,
    /// How 1.2 times that is shown.
    pub(super) shown: &'static str,
    /// Least events a second, if there is one.
    pub(super) least: f64,
    /// Events a minute of a busy target: much more than the least.
    pub(super) busy: f64,
    /// Labels of the alert.
    pub(super) labels: Vec<(&'static str, &'static str)>,
    /// The series that say it.
    pub(super) series: fn(&Counters) -> Vec<(String, String)>,
}

impl Held {
    fn case(&self, name: &'static str, phases: &[Phase]) -> Case {
        Case::new(name, (self.series)(&Counters::of(phases)))
    }

    /// All cases.
    pub(super) fn cases(&self) -> Vec<Case> {
        let fires = |value| vec![warning(&self.labels, value)];
        let steady = |all, share| [(60, all, share)];
        let restarted = Counters::restarted((30, self.busy, self.threshold / 2.0));
        let mut cases = vec![
            self.case(
                "a fifth above the threshold",
                &steady(self.busy, 1.2 * self.threshold),
            )
            .quiet(&[5])
            .fires(60, fires(self.shown)),
            self.case(
                "just under the threshold",
                &steady(self.busy, 0.98 * self.threshold),
            )
            .quiet(&[30, 60]),
            self.case(
                "everything is bad for three minutes",
                &[
                    (30, self.busy, 0.0),
                    (3, self.busy, 1.0),
                    (30, self.busy, 0.0),
                ],
            )
            .quiet(&[33, 36, 38, 40, 60]),
            self.case("idle", &steady(0.0, 0.0)).quiet(&[30, 60]),
            Case::new(
                "a restart, at half of the threshold",
                (self.series)(&restarted),
            )
            .quiet(&[30, 31, 35, 45, 60]),
        ];
        if self.least > 0.0 {
            let least = self.least * 60.0;
            cases.push(
                self.case(
                    "everything is bad, of too little to tell",
                    &steady(0.99 * least, 1.0),
                )
                .quiet(&[30, 60]),
            );
            cases.push(
                self.case(
                    "everything is bad, of just enough",
                    &steady(1.01 * least, 1.0),
                )
                .fires(60, fires("100%")),
            );
        }
        cases
    }
}

/// A counter that should not grow.
pub(super) struct Growing {
    /// Growth a minute at which it fires, and how the alert shows it.
    pub(super) above: (f64, &'static str),
    /// Growth a minute that is let pass; 0: none.
    pub(super) below: f64,
    /// What fires.
    pub(super) firing: fn(&'static str) -> Vec<Firing>,
    /// The series that say it.
    pub(super) series: fn(&str) -> Vec<(String, String)>,
}

impl Growing {
    /// All cases.
    pub(super) fn cases(&self) -> Vec<Case> {
        let case = |name, values: &str| Case::new(name, (self.series)(values));
        let (above, shown) = self.above;
        let growing = |step: f64| format!("0+{step}x60");
        let mut cases = vec![
            case("it grows all the time", &growing(above))
                .quiet(&[1])
                .fires(60, (self.firing)(shown)),
            case("it grew once", &format!("0x30 {above}x30")).quiet(&[31, 33, 36, 60]),
            case(
                "it grew before, and has stopped",
                &format!("0+{above}x30 {}x30", above * 30.0),
            )
            .fires(30, (self.firing)(shown))
            .quiet(&[37, 60]),
            case("nothing ever happened", "0x60").quiet(&[30, 60]),
            case("a restart sets it to 0", "7x30 0x30").quiet(&[30, 31, 36, 60]),
        ];
        if self.below > 0.0 {
            cases.push(case("it grows slowly", &growing(self.below)).quiet(&[30, 60]));
        }
        cases
    }
}
