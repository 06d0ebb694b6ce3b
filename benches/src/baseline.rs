//! The recorded instruction counts (`instructions.toml`), and comparing new ones with them.
//!
//! Lives here: the file's format, the tolerance, the verdicts. Not here: counting (`callgrind`).

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Where the record stands in the tree.
pub const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.toml");

/// A probe may grow by this share, or by [`SLACK`], whichever is more, before the check fails.
const PERCENT: f64 = 2.0;

/// Instructions by which a small function may grow: one, which no percentage of ten would allow.
const SLACK: f64 = 1.0;

/// Instruction counts by probe, and what they were counted with.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    /// The compiler's own line.
    pub rustc: String,
    /// How much a count may grow, in per cent.
    pub percent: f64,
    /// How much a count may grow, in instructions, if that is more.
    pub slack: f64,
    /// Instructions per call.
    pub counts: BTreeMap<String, f64>,
}

/// What became of one probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Within the tolerance.
    Same,
    /// Fewer than the tolerance allows for: good, and the record should say so.
    Shrunk,
    /// More than the tolerance: the check fails.
    Grown,
    /// Counted but not recorded: the check fails.
    Unrecorded,
    /// Recorded but not counted: the check fails.
    Vanished,
}

impl Verdict {
    /// Whether the check fails.
    #[must_use]
    pub const fn fails(self) -> bool {
        matches!(self, Self::Grown | Self::Unrecorded | Self::Vanished)
    }

    /// The words in the table.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Shrunk => "shrunk: run `instructions record`",
            Self::Grown => "GROWN",
            Self::Unrecorded => "NOT RECORDED: run `instructions record`",
            Self::Vanished => "NO SUCH PROBE: run `instructions record`",
        }
    }
}

impl Baseline {
    /// A record of `counts`, with the tolerance that stands in this file.
    #[must_use]
    pub fn new(rustc: String, counts: BTreeMap<String, f64>) -> Self {
        Self {
            rustc,
            percent: PERCENT,
            slack: SLACK,
            counts,
        }
    }

    /// The file's text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "# Instructions per call of each hot function, its `ret` included, counted by callgrind.\n\
             # Written by `cargo run --release -p media-metrics-benches --bin instructions -- record`;\n\
             # `… -- check` fails when one grew by more than the larger of the two tolerances.\n\
             rustc = \"{}\"\n\
             tolerance_percent = {:?}\n\
             tolerance_instructions = {:?}\n\
             \n[instructions]\n",
            self.rustc, self.percent, self.slack
        );
        for (name, count) in &self.counts {
            // Writing to a String can't fail.
            let _ = writeln!(text, "{name} = {count:.2}");
        }
        text
    }

    /// Reads what [`to_text`](Self::to_text) wrote.
    ///
    /// # Errors
    /// Names the line that is not understood, or the key that is missing.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (mut rustc, mut percent, mut slack) = (None, None, None);
        let mut counts = BTreeMap::new();
        let mut in_table = false;
        for (i, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let bad = || {
                format!(
                    "instructions.toml, line {}: {line:?} is not understood",
                    i + 1
                )
            };
            if line == "[instructions]" {
                in_table = true;
                continue;
            }
            let (key, value) = line.split_once(" = ").ok_or_else(bad)?;
            let number = || value.parse::<f64>().map_err(|_| bad());
            match key {
                _ if in_table => {
                    counts.insert(key.to_owned(), number()?);
                }
                "rustc" => rustc = Some(value.trim_matches('"').to_owned()),
                "tolerance_percent" => percent = Some(number()?),
                "tolerance_instructions" => slack = Some(number()?),
                _ => return Err(bad()),
            }
        }
        let missing = |key: &str| format!("instructions.toml: `{key}` is missing");
        Ok(Self {
            rustc: rustc.ok_or_else(|| missing("rustc"))?,
            percent: percent.ok_or_else(|| missing("tolerance_percent"))?,
            slack: slack.ok_or_else(|| missing("tolerance_instructions"))?,
            counts,
        })
    }

    /// One verdict for each probe, recorded or counted.
    #[must_use]
    pub fn compare(&self, now: &BTreeMap<String, f64>) -> BTreeMap<String, Verdict> {
        let names = self.counts.keys().chain(now.keys());
        let verdict = |name: &String| match (self.counts.get(name), now.get(name)) {
            (Some(&then), Some(&now)) => {
                let tolerance = (then * self.percent / 100.0).max(self.slack);
                // The file keeps two decimals: half of the last is no change.
                if now > then + tolerance + 0.005 {
                    Verdict::Grown
                } else if now < then - tolerance - 0.005 {
                    Verdict::Shrunk
                } else {
                    Verdict::Same
                }
            }
            (None, _) => Verdict::Unrecorded,
            (_, None) => Verdict::Vanished,
        };
        names.map(|n| (n.clone(), verdict(n))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(all: &[(&str, f64)]) -> BTreeMap<String, f64> {
        all.iter().map(|&(n, c)| (n.to_owned(), c)).collect()
    }

    #[test]
    fn what_was_written_is_read() {
        let written = Baseline::new(
            "rustc 1.2.3 (x)".into(),
            counts(&[("a", 9.0), ("b", 71.25)]),
        );
        assert_eq!(Baseline::parse(&written.to_text()), Ok(written));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        assert!(Baseline::parse("x = 1").unwrap_err().contains("line 1"));
        assert!(
            Baseline::parse("rustc = \"r\"\n")
                .unwrap_err()
                .contains("tolerance_percent")
        );
    }

    #[test]
    fn growth_beyond_the_tolerance_fails() {
        let base = Baseline::new(
            "r".into(),
            counts(&[("ten", 10.0), ("hundred", 100.0), ("gone", 1.0)]),
        );
        let verdicts = |ten, hundred| {
            let v = base.compare(&counts(&[("ten", ten), ("hundred", hundred), ("new", 1.0)]));
            (v["ten"], v["hundred"], v["new"], v["gone"])
        };
        use Verdict::{Grown, Same, Shrunk, Unrecorded, Vanished};
        assert_eq!(verdicts(11.0, 102.0), (Same, Same, Unrecorded, Vanished));
        assert_eq!(verdicts(11.1, 102.1), (Grown, Grown, Unrecorded, Vanished));
        assert_eq!(verdicts(8.0, 97.0), (Shrunk, Shrunk, Unrecorded, Vanished));
        assert!([Grown, Unrecorded, Vanished].iter().all(|v| v.fails()));
        assert!(!Same.fails() && !Shrunk.fails());
    }
}
