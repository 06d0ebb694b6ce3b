//! All generated streams, in one capture in order of time, each from a port of its own.

use std::sync::OnceLock;

use media_metrics_tests::disagreement::Rule;
use media_metrics_tests::figures::{Figure, Id};
use media_metrics_tests::pcap;
use media_metrics_tests::reading::{known, read};
use media_metrics_tests::{analyze, appendix_a, tshark};

use crate::cases::{self, Case};
use crate::wire::{Capture, capture, id, on_the_wire};
use crate::{Needed, Subject, assert_explained};

struct Generated {
    capture: Capture,
    cases: Vec<Case>,
}

fn generated() -> &'static Generated {
    static MADE: OnceLock<Generated> = OnceLock::new();
    MADE.get_or_init(|| {
        let cases = cases::all();
        let streams = cases.iter().enumerate();
        let capture = capture(streams.map(|(n, case)| (id(n), &case.path.packets[..])));
        Generated { capture, cases }
    })
}

/// What `look` finds in each case.
fn all_cases(look: impl Fn(Id, &Case, &Subject<'_>) -> Vec<String>) -> Vec<String> {
    let cases = generated().cases.iter().enumerate();
    cases
        .flat_map(|(n, case)| {
            let arrived = known(&case.path.packets);
            let subject = Subject {
                name: case.name,
                arrived: &arrived,
                clock_rate: case.clock_rate,
            };
            look(id(n), case, &subject)
        })
        .collect()
}

#[test]
fn analyze_says_what_the_packets_say() {
    let streams = analyze::streams(&generated().capture.path(), &[""; 0]);
    let streams = analyze::by_id(streams);
    assert_eq!(streams.len(), generated().cases.len());
    let surprises = all_cases(|id, _, subject| subject.ours(&streams[&id]));
    assert_explained(&surprises);
}

#[test]
fn tshark_says_the_same_or_what_its_rules_make_of_them() {
    let ports: Vec<u16> = (0..generated().cases.len())
        .map(|n| id(n).to.port())
        .collect();
    let streams = tshark::streams(&generated().capture.path(), &ports);
    let surprises =
        all_cases(|id, case, subject| subject.tshark(&streams[&id], case.tshark, Needed::All));
    assert_explained(&surprises);
}

#[test]
fn appendix_a_says_the_same_or_what_its_rules_make_of_them() {
    assert_explained(&all_cases(|_, case, subject| {
        subject.letter(case.letter, Needed::All)
    }));
}

/// A.8 as printed rounds to whole ticks: what that costs, and that it costs something.
#[test]
fn whole_ticks_are_two_ticks_from_fractions_at_most() {
    let mut apart = Vec::new();
    for case in &generated().cases {
        let source = appendix_a::read(&known(&case.path.packets), case.clock_rate);
        apart.push((f64::from(source.reported_ticks()) - source.ticks()).abs());
    }
    assert!(apart.iter().all(|&ticks| ticks <= 2.0), "{apart:?}");
    assert!(apart.iter().any(|&ticks| ticks > 0.5), "{apart:?}");
}

/// The plain reading is no guess of its own: who harmed the packets says the same.
#[test]
fn the_plain_reading_is_what_was_done_to_the_packets() {
    let surprises = all_cases(|_, case, subject| {
        if case.tshark.contains(&Rule::FarBehindCounts) {
            return Vec::new(); // what was held back for so long is as good as dropped
        }
        let books = case.path.books;
        let figures = read(subject.arrived, subject.clock_rate, &[]);
        let done = [
            (Figure::Packets, books.sent - books.dropped + books.doubled),
            (Figure::Expected, books.sent),
            (Figure::Lost, books.dropped),
            (Figure::Duplicates, books.doubled),
            (Figure::OutOfOrder, books.swapped),
        ];
        let differs = done.iter().filter(|(f, done)| figures[f] != *done as f64);
        differs
            .map(|(f, done)| format!("{}: {f:?}: {} for {done}", case.name, figures[f]))
            .collect()
    });
    assert_explained(&surprises);
}

/// What a stream is called, and on which ports it goes, changes nothing; nor does the file's format.
#[test]
fn other_formats_of_the_same_capture_give_the_same() {
    let first = &generated().cases[3].path.packets;
    let folder = tempfile::tempdir().unwrap();
    let pcap = folder.path().join("a.pcap");
    std::fs::write(&pcap, pcap::write(&on_the_wire(id(3), first))).unwrap();
    let tool = |program: &str, arguments: &[&str]| {
        let status = std::process::Command::new(program)
            .args(arguments)
            .current_dir(folder.path())
            .status();
        assert!(status.is_ok_and(|s| s.success()), "{program} {arguments:?}");
    };
    tool("editcap", &["-F", "pcapng", "a.pcap", "a.pcapng"]);
    tool("gzip", &["--keep", "a.pcap", "a.pcapng"]);
    let wanted = analyze::streams(&pcap, &[""; 0]).remove(0).json;
    for name in ["a.pcapng", "a.pcap.gz", "a.pcapng.gz"] {
        let streams = analyze::streams(&folder.path().join(name), &[""; 0]);
        assert_eq!(streams.len(), 1, "{name}");
        assert_eq!(streams[0].json, wanted, "{name}");
    }
}
