//! Tables, on the terminal and in `RESULTS.md`.
//!
//! Lives here: a target's section (its outcomes, its goals, what it loses), and putting it into the file
//! among the others' sections. Every figure and every verdict is computed from outcomes; none is typed.

use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

use crate::contest::{Outcome, Role};
use crate::machine::{self, Neighbours};
use crate::options::Options;
use crate::say;

/// The sections of the file, in their order, with their headings.
const SECTIONS: [(&str, &str); 7] = [
    ("hot", "Hot path"),
    ("merge", "Merge"),
    ("exposition", "Exposition"),
    ("facade", "The metrics facade"),
    ("memory", "Memory"),
    ("livekit", "LiveKit's pipeline"),
    ("analyze", "Captures"),
];

/// Above this share of the machine's time in other hands, a run is no record.
const BUSY: f64 = 0.05;

const HEADER: &str = "\
# Benchmark record

Written by `cargo xtask report`; do not edit. Contenders of one table run in
turns within one process, and a ratio (`x floor`) is the median of the ratios to the floor *of the same round*:
read ratios, since machines drift. `best` is the best round. Every answer was checked before its time counted.
The machine must be quiet otherwise; a section that was measured beside other work says so.
";

/// One target's part of the record.
#[derive(Debug)]
pub struct Section {
    key: &'static str,
    neighbours: Neighbours,
    text: String,
    lost: Vec<String>,
    goals: Vec<[String; 4]>,
    leads: Vec<[String; 4]>,
    reasons: Vec<(String, &'static str)>,
}

impl Section {
    /// An empty section; `key` is the bench target's name.
    #[must_use]
    pub fn new(key: &'static str) -> Self {
        Self {
            key,
            neighbours: Neighbours::watch(),
            text: String::new(),
            lost: Vec::new(),
            goals: Vec::new(),
            leads: Vec::new(),
            reasons: Vec::new(),
        }
    }

    /// Adds an outcome, and prints it.
    pub fn outcome(&mut self, outcome: &Outcome) {
        let mut head = vec![outcome.title.clone(), String::new()];
        for &n in &outcome.threads {
            let threads = if n == 1 {
                "1 thread".into()
            } else {
                format!("{n} threads")
            };
            head.extend([
                format!("{}, {threads}", outcome.unit),
                "x floor".into(),
                "best".into(),
            ]);
        }
        let counted = outcome.rows.iter().any(|row| row.instructions.is_some());
        head.extend(counted.then(|| "instructions".to_owned()));
        let rows = outcome.rows.iter().map(|row| {
            let mut cells = vec![row.name.clone(), row.role.word().to_owned()];
            for c in &row.cells {
                cells.extend([figure(c.median), figure(c.ratio), figure(c.best)]);
            }
            cells.extend(row.instructions.map(figure));
            cells
        });
        let rows: Vec<_> = rows.collect();
        self.table(&head, &rows);
        self.lost.extend(losses(outcome));
    }

    /// Adds a table of its own shape, and prints it. The first two columns are text, the others figures.
    pub fn table(&mut self, head: &[String], rows: &[Vec<String>]) {
        let table = table(head, rows);
        say::line(&table);
        self.text.push_str(&table);
        self.text.push('\n');
    }

    /// Adds a goal: `measured` should be at most `limit`.
    pub fn goal(&mut self, what: &str, measured: f64, limit: f64, unit: &str) {
        let verdict = if measured <= limit {
            "met"
        } else {
            "**missed**"
        };
        self.goals.push([
            what.to_owned(),
            format!("{} {unit}", figure(limit)).trim().to_owned(),
            format!("{} {unit}", figure(measured)).trim().to_owned(),
            verdict.to_owned(),
        ]);
    }

    /// Adds the ratio of `outcome`'s contender `name` in column `column` as a goal.
    pub fn ratio_goal(
        &mut self,
        what: &str,
        outcome: &Outcome,
        name: &str,
        column: usize,
        limit: f64,
    ) {
        let row = outcome.rows.iter().find(|r| r.name == name);
        let cell = row.and_then(|r| r.cells.get(column));
        // A name that is not there must not read as a goal that was met.
        self.goal(what, cell.map_or(f64::NAN, |c| c.ratio), limit, "x");
    }

    /// Adds a lead as a goal: in column `column` of `outcome`, `ours` should be at least `least` times as fast as `peer`.
    pub fn lead_goal(
        &mut self,
        outcome: &Outcome,
        (ours, peer): (&str, &str),
        column: usize,
        least: f64,
    ) {
        let ratio = |name: &str| {
            let row = outcome.rows.iter().find(|r| r.name == name);
            // A name that is not there must not read as a goal that was met.
            row.and_then(|r| r.cells.get(column))
                .map_or(f64::NAN, |c| c.ratio)
        };
        let lead = ratio(peer) / ratio(ours);
        let verdict = if lead >= least { "met" } else { "**missed**" };
        let threads = outcome.threads.get(column).copied().unwrap_or(0);
        self.leads.push([
            format!(
                "{}: {ours} before {peer}, {threads} thread(s)",
                outcome.title
            ),
            format!("{} x", figure(least)),
            format!("{} x", figure(lead)),
            verdict.to_owned(),
        ]);
    }

    /// Why goals and leads whose names begin so are missed, if they are.
    pub fn reason(&mut self, beginning: impl Into<String>, why: &'static str) {
        self.reasons.push((beginning.into(), why));
    }

    /// A line for each reason of which a goal or a lead was missed.
    fn excuses(&self) -> String {
        let missed = |row: &&[String; 4]| row[3] != "met";
        let missed: Vec<&String> = self
            .goals
            .iter()
            .chain(&self.leads)
            .filter(missed)
            .map(|row| &row[0])
            .collect();
        let mut text = String::new();
        for (beginning, why) in &self.reasons {
            if missed.iter().any(|what| what.starts_with(beginning)) {
                text.push_str(&format!("- Missed, {beginning}: {why}\n"));
            }
        }
        text
    }

    /// Prints the goals, why some were missed, and losses, and writes the section if the options ask for it.
    ///
    /// # Errors
    /// What the file system says, with the file's name.
    pub fn finish(mut self, options: &Options) -> io::Result<()> {
        if !self.goals.is_empty() {
            let head = ["goal", "at most", "measured", "verdict"].map(str::to_owned);
            let rows: Vec<_> = self.goals.iter().map(|g| g.to_vec()).collect();
            self.table(&head, &rows);
        }
        if !self.leads.is_empty() {
            let head = ["lead over a peer", "at least", "measured", "verdict"].map(str::to_owned);
            let rows: Vec<_> = self.leads.iter().map(|l| l.to_vec()).collect();
            self.table(&head, &rows);
        }
        let excuses = self.excuses();
        if !excuses.is_empty() {
            say::line(&excuses);
            self.text.push_str(&excuses);
            self.text.push('\n');
        }
        let mut lost = String::from("Faster or smaller than ours, apart from the floor: ");
        match self.lost.as_slice() {
            [] => lost.push_str("nobody."),
            all => lost.push_str(&all.join("; ")),
        }
        say::line(&lost);
        self.text.push_str(&lost);
        self.text.push('\n');
        match &options.markdown {
            Some(file) => self.write(file, options.quick).map_err(|e| {
                io::Error::new(e.kind(), format!("cannot write {}: {e}", file.display()))
            }),
            None => Ok(()),
        }
    }

    /// Counts a loss that no outcome shows.
    pub fn lost(&mut self, what: String) {
        self.lost.push(what);
    }

    fn write(&self, file: &Path, quick: bool) -> io::Result<()> {
        let old = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(e),
        };
        let mut remarks = String::new();
        if quick {
            remarks.push_str(" **A quick run: no record.**");
        }
        let others = self.neighbours.share();
        // Where the share is not known, the machine is not known to have been quiet.
        if others.is_nan() || others > BUSY {
            let percent = figure(others * 100.0);
            let _ = write!(
                remarks,
                " **No record: other processes took {percent} % of the machine meanwhile, and even ratios move then.**"
            );
        }
        let own = format!("On {}.{remarks}\n\n{}", machine::describe(), self.text);
        fs::write(file, merge(&old, self.key, &own))
    }
}

/// The file `old` with section `key` replaced by `own`; the others stay as they were measured.
fn merge(old: &str, key: &str, own: &str) -> String {
    let mut file = String::from(HEADER);
    for (name, heading) in SECTIONS {
        let text = if name == key {
            Some(own)
        } else {
            section(old, heading)
        };
        if let Some(text) = text {
            // Writing to a String can't fail.
            let _ = write!(file, "\n## {heading}\n\n{}\n", text.trim());
        }
    }
    file
}

/// The text below `## heading` in `file`, if it is there.
fn section<'a>(file: &'a str, heading: &str) -> Option<&'a str> {
    let (_, rest) = file.split_once(&format!("\n## {heading}\n"))?;
    Some(rest.split_once("\n## ").map_or(rest, |(own, _)| own))
}

/// Contenders that beat any row of ours in any column.
///
/// By the ratio to the floor of the same round, not by medians: load on the machine can double one
/// contender's median and spare another's. Against every row of ours: a fast special case must not hide
/// that the general one lost.
fn losses(outcome: &Outcome) -> Vec<String> {
    let rows = |wanted: fn(Role) -> bool| outcome.rows.iter().filter(move |r| wanted(r.role));
    let mut lost = Vec::new();
    for (i, threads) in outcome.threads.iter().enumerate() {
        for own in rows(|r| r == Role::Ours) {
            for other in rows(|r| matches!(r, Role::Peer | Role::Naive)) {
                if let (Some(a), Some(b)) = (own.cells.get(i), other.cells.get(i))
                    && b.ratio < a.ratio
                {
                    lost.push(format!(
                        "{} before our {} in \"{}\", {threads} thread(s): {} x against {} x the floor",
                        other.name,
                        own.name,
                        outcome.title,
                        figure(b.ratio),
                        figure(a.ratio),
                    ));
                }
            }
        }
    }
    lost
}

/// Three significant digits, thousands apart.
#[must_use]
pub fn figure(value: f64) -> String {
    match value {
        v if !v.is_finite() => "?".to_owned(),
        v if v >= 999.5 => {
            let digits = format!("{v:.0}");
            let mut out = String::new();
            for (i, c) in digits.chars().enumerate() {
                if i > 0 && (digits.len() - i) % 3 == 0 {
                    out.push(',');
                }
                out.push(c);
            }
            out
        }
        v if v >= 99.95 => format!("{v:.0}"),
        v if v >= 9.995 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

/// A Markdown table whose columns also line up on a terminal.
#[must_use]
pub fn table(head: &[String], rows: &[Vec<String>]) -> String {
    let width = |i: usize| {
        let cells = rows.iter().filter_map(|r| r.get(i));
        let longest = cells.chain(head.get(i)).map(|c| c.chars().count()).max();
        longest.unwrap_or(0).max(3)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut out = String::new();
    let mut line = |cells: &[String]| {
        for (i, (cell, &w)) in cells.iter().zip(&widths).enumerate() {
            // Writing to a String can't fail.
            let _ = if i < 2 {
                write!(out, "| {cell:<w$} ")
            } else {
                write!(out, "| {cell:>w$} ")
            };
        }
        out.push_str("|\n");
    };
    line(head);
    let rule = |(i, &w): (usize, &usize)| {
        if i < 2 {
            "-".repeat(w)
        } else {
            format!("{}:", "-".repeat(w - 1))
        }
    };
    line(&widths.iter().enumerate().map(rule).collect::<Vec<_>>());
    rows.iter().for_each(|r| line(r));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contest::{Cell, Row};

    fn row(role: Role, name: &str, median: f64) -> Row {
        let cell = Cell {
            median,
            best: median,
            ratio: median,
        };
        Row {
            role,
            name: name.into(),
            cells: vec![cell],
            instructions: None,
        }
    }

    #[test]
    fn figures_have_three_digits() {
        let all = [0.123, 1.0, 12.34, 123.4, 999.6, 1_234_567.0].map(figure);
        assert_eq!(all, ["0.12", "1.00", "12.3", "123", "1,000", "1,234,567"]);
    }

    #[test]
    fn a_section_is_replaced_and_the_others_stay() {
        let one = merge("", "memory", "M1");
        let two = merge(&one, "hot", "H1");
        let three = merge(&two, "hot", "H2");
        assert!(
            two.find("H1").unwrap() < two.find("M1").unwrap(),
            "fixed order"
        );
        assert!(three.contains("H2") && three.contains("M1") && !three.contains("H1"));
        assert_eq!(three.matches("# Benchmark record").count(), 1);
    }

    #[test]
    fn who_beats_us_is_named() {
        let outcome = Outcome {
            title: "t".into(),
            unit: "ns",
            threads: vec![1],
            rows: vec![
                row(Role::Floor, "f", 1.0),
                row(Role::Ours, "a", 3.0),
                row(Role::Ours, "b", 2.0),
                row(Role::Peer, "slow", 2.5),
                row(Role::Peer, "fast", 1.5),
            ],
        };
        let lost = losses(&outcome);
        assert_eq!(lost.len(), 3, "{lost:?}");
        assert!(
            lost[0].starts_with("slow before our a"),
            "though b is faster: {lost:?}"
        );
        assert!(
            lost[1].starts_with("fast before our a") && lost[2].starts_with("fast before our b")
        );
    }

    #[test]
    fn an_unknown_figure_is_never_a_goal_met() {
        let mut section = Section::new("hot");
        section.goal("g", f64::NAN, 2.0, "x");
        assert_eq!(section.goals[0][3], "**missed**");
        let outcome = Outcome {
            title: "t".into(),
            unit: "ns",
            threads: vec![2],
            rows: vec![row(Role::Ours, "a", 2.0), row(Role::Peer, "b", 8.0)],
        };
        section.lead_goal(&outcome, ("a", "b"), 0, 4.0);
        section.lead_goal(&outcome, ("a", "b"), 0, 4.1);
        section.lead_goal(&outcome, ("a", "gone"), 0, 1.0);
        let verdicts: Vec<_> = section.leads.iter().map(|l| l[3].as_str()).collect();
        assert_eq!(verdicts, ["met", "**missed**", "**missed**"]);
        assert_eq!(section.leads[0][2], "4.00 x");
        section.goal("kept", 1.0, 2.0, "x");
        section.reason("g", "since");
        section.reason("kept", "never");
        section.reason("t: a before gone", "gone");
        assert_eq!(
            section.excuses(),
            "- Missed, g: since\n- Missed, t: a before gone: gone\n"
        );
    }
}
