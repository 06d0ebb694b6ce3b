//! The table of disagreements is whole: each line has a stream that shows it, each rule of a stream has a
//! line, and people read the same.

use std::fmt::Write as _;

use media_metrics_tests::disagreement::{Disagreement, Peer, Rule, TABLE};
use media_metrics_tests::package;
use media_metrics_tests::reading::{known, read};

use crate::cases::{self, Case};

/// The rules by which `peer` differs in this stream.
fn rules(case: &Case, peer: Peer) -> Vec<Rule> {
    match peer {
        Peer::Tshark => case.tshark.to_vec(),
        Peer::Letter => [&[Rule::Probation], case.letter].concat(),
    }
}

/// The stream that shows this rule of this peer's with the fewest others.
fn stream(cases: &[Case], rule: Rule, peer: Peer) -> Option<&Case> {
    let shows = |case: &&Case| rules(case, peer).contains(&rule);
    let all = cases.iter().filter(shows);
    all.min_by_key(|case| rules(case, peer).len())
}

#[test]
fn every_line_is_shown_by_a_stream() {
    let cases = cases::all();
    for line in TABLE {
        for peer in line.peers() {
            let shown = stream(&cases, line.rule, peer);
            assert!(shown.is_some(), "{:?} of {peer:?}", line.rule);
        }
    }
}

#[test]
fn every_rule_of_a_stream_has_a_line() {
    for case in cases::all() {
        for peer in [Peer::Tshark, Peer::Letter] {
            for rule in rules(&case, peer) {
                let has_line = TABLE
                    .iter()
                    .any(|l| l.rule == rule && l.peers().contains(&peer));
                assert!(has_line, "{}: {rule:?} of {peer:?}", case.name);
            }
        }
    }
}

/// An example: the figure of one of the generated streams, ours and theirs.
fn example(cases: &[Case], line: &Disagreement) -> String {
    let figure = line.example;
    let mut text = String::new();
    let mut told = None;
    for peer in line.peers() {
        let case = stream(cases, line.rule, peer).unwrap();
        let arrived = known(&case.path.packets);
        let value = |rules: &[Rule]| {
            let value = read(&arrived, case.clock_rate, rules)[&figure];
            match figure.is_time() {
                true => format!("{value:.3} ms"),
                false => format!("{value}"),
            }
        };
        if told.replace(case.name) != Some(case.name) {
            write!(text, "{}: `{}` is {}", case.name, figure.key(), value(&[])).unwrap();
        }
        let theirs = value(&rules(case, peer));
        match peer {
            Peer::Tshark => write!(text, ", {theirs} by tshark").unwrap(),
            Peer::Letter => write!(text, ", {theirs} by the letter").unwrap(),
        }
    }
    text
}

fn markdown() -> String {
    let mut text = String::from(
        "| rule | figure | tshark | RFC 3550 to the letter | ours | what decides | example |\n\
         |---|---|---|---|---|---|---|\n",
    );
    let cases = cases::all();
    for line in TABLE {
        let or_same = |t: &'static str| if t.is_empty() { "as ours" } else { t };
        let (tshark, letter) = (or_same(line.tshark), or_same(line.letter));
        let (rule, figure, ours, decides) = (line.rule, line.figure, line.ours, line.decides);
        let example = example(&cases, line);
        writeln!(
            text,
            "| {rule:?} | {figure} | {tshark} | {letter} | {ours} | {decides} | {example} |"
        )
        .unwrap();
    }
    text
}

#[test]
fn the_documentation_has_the_same_table() {
    let path = package().join("../docs/rtp-statistics.md");
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let table = markdown();
    assert!(
        text.contains(&table),
        "{} should hold this table:\n\n{table}",
        path.display()
    );
}
