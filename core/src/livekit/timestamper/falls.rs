//! C7: a fall of the delay by more than a second is believed when a second report says so, too.
//!
//! Lives here: which reports reach the estimator. Not here: what they do to it.
//!
//! A rise is doubted by the estimator itself, for 10 s. A fall it takes at once, at nine tenths, and a single wrong
//! time that lies an hour ahead would move every time of the next 15 s. So a report that claims such a fall is
//! held back. The next report either refutes it, or claims such a fall, too: within 10 s that confirms the
//! smaller of the two, which both agree on. From then on the estimate starts there; it has no way to go.
//! Where reports come more than 10 s apart, the third in a row confirms, or nothing ever would.

/// A fall by more than this is held back.
pub(super) const SUSPECT_FALL_NS: i64 = 1_000_000_000;
/// How long a suspect waits for the second report.
const CONFIRM_WITHIN_NS: i64 = 10_000_000_000;

/// The report that waits for a second one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Falls {
    suspect: Option<Suspect>,
}

#[derive(Clone, Copy, Debug)]
struct Suspect {
    delay_ns: i64,
    since_ns: i64,
    /// One before it waited in vain.
    second: bool,
}

/// What becomes of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// For the estimator.
    Usual,
    /// For nobody yet.
    Held,
    /// The delay has fallen to this.
    FellTo(i64),
}

impl Falls {
    pub(super) const fn new() -> Self {
        Self { suspect: None }
    }

    /// Judges a report of `delay_ns` that came at `receiver_ns`.
    pub(super) fn judge(&mut self, estimate_ns: i64, delay_ns: i64, receiver_ns: i64) -> Verdict {
        if estimate_ns.saturating_sub(delay_ns) <= SUSPECT_FALL_NS {
            self.suspect = None;
            return Verdict::Usual;
        }
        let before = self.suspect.take();
        if let Some(before) = before
            && (before.second || receiver_ns.saturating_sub(before.since_ns) <= CONFIRM_WITHIN_NS)
        {
            return Verdict::FellTo(before.delay_ns.max(delay_ns));
        }
        self.suspect = Some(Suspect {
            delay_ns,
            since_ns: receiver_ns,
            second: before.is_some(),
        });
        Verdict::Held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000_000;

    fn judge(reports: &[(i64, i64)]) -> Vec<Verdict> {
        let mut falls = Falls::new();
        let judged = reports
            .iter()
            .map(|&(delay_ns, at_ns)| falls.judge(100 * S, delay_ns, at_ns));
        judged.collect()
    }

    use Verdict::{FellTo, Held, Usual};

    #[test]
    fn more_than_a_second_is_held_and_exactly_a_second_is_not() {
        assert_eq!(judge(&[(99 * S, 0), (99 * S - 1, 5 * S)]), [Usual, Held]);
        assert_eq!(judge(&[(i64::MAX, 0), (i64::MIN, S)]), [Usual, Held]);
    }

    #[test]
    fn the_second_within_ten_seconds_confirms_what_both_say() {
        assert_eq!(
            judge(&[(40 * S, 0), (41 * S, 10 * S)]),
            [Held, FellTo(41 * S)]
        );
        assert_eq!(
            judge(&[(40 * S, 0), (30 * S, S), (30 * S, 2 * S)]),
            [Held, FellTo(40 * S), Held]
        );
    }

    #[test]
    fn a_usual_report_refutes() {
        assert_eq!(
            judge(&[(40 * S, 0), (100 * S, S), (40 * S, 2 * S)]),
            [Held, Usual, Held]
        );
    }

    #[test]
    fn reports_that_are_rare_take_three() {
        let late = 10 * S + 1;
        assert_eq!(
            judge(&[(40 * S, 0), (40 * S, late), (40 * S, 2 * late)]),
            [Held, Held, FellTo(40 * S)]
        );
    }
}
