//! The figures of `media-metrics analyze` against two judges: `tshark -z rtp,streams`, and RFC 3550
//! Appendix A to the letter.
//!
//! All three must be what the packets themselves say, read plainly: ours by our definitions, the
//! judges' by these and the rules of `media_metrics_tests::disagreement` that the capture names. So a
//! figure agrees, or a rule explains the difference to the last digit; and a rule that is named but not
//! needed fails, too.

#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

mod cases;
mod generated;
mod links;
mod random;
mod recorded;
mod shipped;
mod sources;
mod table;
mod wire;

use media_metrics_tests::analyze::Stream;
use media_metrics_tests::appendix_a;
use media_metrics_tests::disagreement::{Rule, Surprise, differences, explain, idle};
use media_metrics_tests::figures::Figures;
use media_metrics_tests::reading::{Arrived, read};
use media_metrics_tests::tshark;

/// Ours keeps jitter in whole sixteenths of a nanosecond, and cuts: within this of the real number.
const OURS_MS: f64 = 1e-5;
/// Two ways to add up the same floating point numbers.
const LETTER_MS: f64 = 1e-5;

/// Whether each rule that a capture names must explain something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needed {
    All,
    Perhaps,
}

/// One stream of a capture, and what is known about it.
struct Subject<'a> {
    name: &'a str,
    arrived: &'a [Arrived],
    clock_rate: u32,
}

impl Subject<'_> {
    fn ours(&self, stream: &Stream) -> Vec<Surprise> {
        let figures = &stream.figures;
        let defined = read(self.arrived, self.clock_rate, &[]);
        let mut surprises = differences(&defined, figures, OURS_MS);
        let absent = defined.iter().filter(|(f, _)| !figures.contains_key(f));
        let wrongly = absent.filter(|(_, value)| **value != 0.0);
        surprises.extend(wrongly.map(|(figure, value)| format!("{figure:?} is null for {value}")));
        if stream.json["clock_rate"] != self.clock_rate {
            surprises.push(format!("{} Hz: {}", self.clock_rate, stream.json));
        }
        self.named("analyze", surprises)
    }

    fn tshark(&self, figures: &Figures, rules: &[Rule], needed: Needed) -> Vec<Surprise> {
        let explained = self.explained(figures, rules, needed, tshark::ROUNDING_MS);
        self.named("tshark", explained)
    }

    /// `rules` besides [`Rule::Probation`], which every stream shows.
    fn letter(&self, rules: &[Rule], needed: Needed) -> Vec<Surprise> {
        let figures = appendix_a::read(self.arrived, self.clock_rate).figures();
        let rules = [&[Rule::Probation], rules].concat();
        let explained = self.explained(&figures, &rules, needed, LETTER_MS);
        self.named("RFC 3550", explained)
    }

    fn explained(
        &self,
        theirs: &Figures,
        rules: &[Rule],
        needed: Needed,
        tolerance_ms: f64,
    ) -> Vec<Surprise> {
        let mut surprises = explain(self.arrived, self.clock_rate, rules, theirs, tolerance_ms);
        if needed == Needed::All && surprises.is_empty() {
            surprises = idle(self.arrived, self.clock_rate, rules, theirs, tolerance_ms);
        }
        surprises
    }

    fn named(&self, who: &str, surprises: Vec<Surprise>) -> Vec<Surprise> {
        let name = self.name;
        surprises
            .into_iter()
            .map(|surprise| format!("{name}: {who}: {surprise}"))
            .collect()
    }
}

/// What is in no rule fails, all at once.
#[track_caller]
fn assert_explained(surprises: &[Surprise]) {
    assert!(surprises.is_empty(), "\n  {}", surprises.join("\n  "));
}
