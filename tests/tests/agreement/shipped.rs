//! Captures that others have made: those of sip-tester, with G.711 and telephone events.

use std::path::PathBuf;

use media_metrics_tests::disagreement::Rule::{self, DuplicatesStep, EveryPacketSteps};
use media_metrics_tests::reading::streams;
use media_metrics_tests::{analyze, pcap, tshark};

use crate::{Needed, Subject, assert_explained};

const FOLDER: &str = "/usr/share/sip-tester";

fn capture(name: &str) -> PathBuf {
    let path = PathBuf::from(FOLDER).join(name);
    let hint = "`cargo xtask setup` installs sip-tester, or says how";
    assert!(path.is_file(), "no {}: {hint}", path.display());
    path
}

/// Every stream of the file agrees, or differs by these rules; there are `wanted` streams.
fn hold(name: &str, wanted: usize, tshark_rules: &[Rule], letter_rules: &[Rule]) {
    let path = capture(name);
    let datagrams = pcap::read(&path);
    let packets = streams(&datagrams);
    assert_eq!(packets.len(), wanted, "{name}");
    let ours = analyze::by_id(analyze::streams(&path, &["--clock-rate", "101=8000"]));
    assert_eq!(ours.len(), wanted, "{name}: analyze");
    let ports: Vec<u16> = packets.keys().map(|id| id.to.port()).collect();
    let theirs = tshark::streams(&path, &ports);
    let mut surprises = Vec::new();
    for (id, arrived) in &packets {
        let subject = Subject {
            name,
            arrived,
            clock_rate: 8_000,
        };
        surprises.extend(subject.ours(&ours[id]));
        surprises.extend(subject.tshark(&theirs[id], tshark_rules, Needed::All));
        surprises.extend(subject.letter(letter_rules, Needed::All));
    }
    assert_explained(&surprises);
}

#[test]
fn g711_of_2002() {
    hold("g711a.pcap", 1, &[], &[]);
}

/// An event is one timestamp, and its last packet comes three times with one number.
#[test]
fn telephone_events_of_2005() {
    for key in [
        "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "star", "pound",
    ] {
        let name = format!("dtmf_2833_{key}.pcap");
        hold(&name, 1, &[], &[EveryPacketSteps, DuplicatesStep]);
    }
}
