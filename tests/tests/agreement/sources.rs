//! Which packets are one stream: an SSRC that changes, one that two senders share, one that comes back.

use media_metrics_tests::disagreement::Rule::{self, NoRestart};
use media_metrics_tests::figures::{Figure, Id};
use media_metrics_tests::pcap::Datagram;
use media_metrics_tests::reading::{Arrived, known};
use media_metrics_tests::traffic::{EPOCH_NS, Path, Source};
use media_metrics_tests::{analyze, tshark};

use crate::wire::{Capture, capture, id, on_the_wire};
use crate::{Needed, Subject, assert_explained};

const MS: u64 = 1_000_000;

fn audio(ssrc: u32, begin_ns: u64, seed: u64) -> Path {
    let source = Source {
        sequence: (seed * 9_973) as u16,
        timestamp: seed as u32 * 1_000_003,
        ..Source::audio(ssrc)
    };
    Path::new(source.send(300, begin_ns)).queue(seed, 5 * MS)
}

/// Each of these is a stream for us and for tshark.
fn two_streams(name: &str, streams: [(Id, &Path); 2]) {
    let file = capture(streams.iter().map(|(id, path)| (*id, &path.packets[..])));
    let ours = analyze::by_id(analyze::streams(&file.path(), &[""; 0]));
    let ports = streams.map(|(id, _)| id.to.port());
    let theirs = tshark::streams(&file.path(), &ports);
    assert_eq!((ours.len(), theirs.len()), (2, 2), "{name}");
    let mut surprises = Vec::new();
    for (id, path) in streams {
        let subject = Subject {
            name,
            arrived: &known(&path.packets),
            clock_rate: 8_000,
        };
        surprises.extend(subject.ours(&ours[&id]));
        surprises.extend(subject.tshark(&theirs[&id], &[], Needed::All));
        surprises.extend(subject.letter(&[], Needed::All));
    }
    assert_explained(&surprises);
}

#[test]
fn an_ssrc_that_changes_is_another_stream() {
    let before = audio(1, EPOCH_NS, 3);
    let after = audio(2, before.end_ns() + 20 * MS, 4);
    let changed = Id { ssrc: 2, ..id(0) };
    two_streams("SSRC change", [(id(0), &before), (changed, &after)]);
}

/// RFC 3550 §8.2: a collision, which the addresses tell apart.
#[test]
fn an_ssrc_of_two_senders_is_two_streams() {
    let (one, other) = (audio(1, EPOCH_NS, 5), audio(1, EPOCH_NS, 6));
    let elsewhere = Id { ssrc: 1, ..id(1) };
    two_streams("SSRC collision", [(id(0), &one), (elsewhere, &other)]);
}

/// How our streams of one SSRC and address are, one by one, and what tshark makes of all.
fn comes_back(name: &str, datagrams: &[Datagram], runs: &[&[Arrived]], all: &[Arrived]) {
    let file = Capture::of(datagrams);
    let ours = analyze::streams(&file.path(), &[""; 0]);
    assert_eq!(ours.len(), runs.len(), "{name}: {ours:?}");
    let mut surprises = Vec::new();
    for (stream, arrived) in ours.iter().zip(runs) {
        let subject = Subject {
            name,
            arrived,
            clock_rate: 8_000,
        };
        assert_eq!(stream.id, id(0), "{name}");
        surprises.extend(subject.ours(stream));
    }
    let theirs = tshark::streams(&file.path(), &[id(0).to.port()]);
    let subject = Subject {
        name,
        arrived: all,
        clock_rate: 8_000,
    };
    let rules: &[Rule] = &[NoRestart];
    surprises.extend(subject.tshark(&theirs[&id(0)], rules, Needed::All));
    assert_eq!(
        theirs.len(),
        1,
        "{name}: tshark knows neither goodbye nor silence"
    );
    assert_explained(&surprises);
}

/// RTCP BYE (RFC 3550 §6.6).
fn goodbye(ssrc: u32, at_ns: u64) -> Datagram {
    let mut bytes = vec![0x81, 203, 0, 1];
    bytes.extend(ssrc.to_be_bytes());
    let id = id(0);
    Datagram {
        at_ns,
        from: id.from,
        to: id.to,
        bytes,
    }
}

fn again(before: &Path, pause_ns: u64) -> (Vec<Datagram>, Vec<Arrived>, Path) {
    let after = audio(1, before.end_ns() + pause_ns, 8);
    let datagrams = [
        on_the_wire(id(0), &before.packets),
        on_the_wire(id(0), &after.packets),
    ]
    .concat();
    let all = known(&before.clone().then(after.clone()).packets);
    (datagrams, all, after)
}

#[test]
fn an_ssrc_that_comes_back_after_goodbye_is_another_stream() {
    let before = audio(1, EPOCH_NS, 7);
    let (mut datagrams, all, after) = again(&before, 200 * MS);
    let bye = goodbye(1, before.end_ns() + 10 * MS);
    datagrams.insert(before.packets.len(), bye);
    let runs = [&known(&before.packets)[..], &known(&after.packets)];
    comes_back("SSRC reused after BYE", &datagrams, &runs, &all);
}

#[test]
fn an_ssrc_that_comes_back_unrelated_after_long_silence_is_another_stream() {
    let before = audio(1, EPOCH_NS, 7);
    let (datagrams, all, after) = again(&before, 60_000 * MS);
    let runs = [&known(&before.packets)[..], &known(&after.packets)];
    comes_back("SSRC reused after silence", &datagrams, &runs, &all);
}

#[test]
fn an_ssrc_that_goes_on_at_once_elsewhere_is_a_restart() {
    let before = audio(1, EPOCH_NS, 7);
    let (datagrams, all, _) = again(&before, 20 * MS);
    comes_back("restart", &datagrams, &[&all], &all);
    let ours = analyze::streams(&Capture::of(&datagrams).path(), &[""; 0]);
    assert_eq!(ours[0].figures[&Figure::Restarts], 1.0);
}
