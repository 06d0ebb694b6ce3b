//! Streams of seeded random make, harmed at random: what no list of cases has thought of.
//!
//! Nobody knows which rules such a stream needs, so each judge has all of its rules that are not about
//! single payload types. Every other stream is harmed from its first packet on: for these RFC 3550's
//! probation begins anew with each gap, and they are not its to judge.

use fastrand::Rng;
use media_metrics_tests::disagreement::Rule::{self, *};
use media_metrics_tests::plan::Plan;
use media_metrics_tests::reading::known;
use media_metrics_tests::traffic::{EPOCH_NS, Marker, Path, Source};
use media_metrics_tests::{analyze, tshark};

use crate::wire::{capture, id};
use crate::{Needed, Subject, assert_explained};

const STREAMS: usize = 150;

const OF_TSHARK: &[Rule] = &[
    BeginsWithFirst,
    EndsWithLast,
    CyclesGuessed,
    EveryPacketSteps,
    LateSteps,
    EarlyLeftOut,
    DuplicatesStep,
    MarkedLeftOut,
];

const OF_LETTER: &[Rule] = &[
    MisorderOf100,
    OldPairRestarts,
    RestartForgets,
    RestartCompared,
    BeginsWithFirst,
    EveryPacketSteps,
    LateSteps,
    DuplicatesStep,
];

fn begins_in_order(n: usize) -> bool {
    n.is_multiple_of(2)
}

/// A stream, and its clock rate.
fn random(n: usize, rng: &mut Rng) -> (Path, u32) {
    let mut source = match rng.bool() {
        true => Source::audio(n as u32 + 1),
        false => Source::video(n as u32 + 1),
    };
    // Many of them wrap.
    source.sequence = u16::MAX - (rng.u16(..) >> rng.u8(0..16));
    source.timestamp = u32::MAX - (rng.u32(..) >> rng.u8(0..32));
    source.skew_ppm = rng.i64(-500..=500);
    source.csrcs = rng.u8(0..=15);
    source.extension = rng.bool().then(|| rng.u16(0..20));
    source.payload = rng.usize(1..200);
    source.marker = match rng.u8(0..3) {
        0 => Marker::Never,
        1 => Marker::FrameEnd,
        _ => Marker::Always,
    };
    let sent = source.send(rng.u64(100..600), EPOCH_NS + rng.u64(0..1_000_000_000));
    let packets = sent.len() as u64;
    let unharmed = if begins_in_order(n) { 3 } else { 0 };
    let plan = Plan {
        seed: rng.u64(..),
        harmed: unharmed..packets,
        lose: rng.u64(0..80),
        burst: rng.u64(1..12),
        double: rng.u64(0..60),
        swap: rng.u64(0..60),
    };
    let mut path = Path::new(sent)
        .queue(rng.u64(..), rng.u64(0..20_000_000))
        .harm(&plan);
    for _ in 0..rng.u8(0..4) {
        let n = rng.usize(unharmed as usize..path.packets.len() / 2);
        let places = rng.usize(1..path.packets.len() / 2 - 1);
        path = path.hold_back(n, places);
    }
    (path, source.clock_rate)
}

#[test]
fn all_judges_agree_or_are_explained() {
    let mut rng = Rng::with_seed(0x5eed);
    let streams: Vec<(Path, u32)> = (0..STREAMS).map(|n| random(n, &mut rng)).collect();
    let ids: Vec<_> = (0..STREAMS).map(id).collect();
    let made = ids.iter().zip(&streams);
    let file = capture(made.map(|(id, (path, _))| (*id, &path.packets[..])));
    let ours = analyze::by_id(analyze::streams(&file.path(), &[""; 0]));
    let ports: Vec<u16> = ids.iter().map(|id| id.to.port()).collect();
    let theirs = tshark::streams(&file.path(), &ports);
    let mut surprises = Vec::new();
    for (id, (path, clock_rate)) in ids.iter().zip(&streams) {
        let arrived = known(&path.packets);
        let subject = Subject {
            name: &format!("stream {}", id.ssrc),
            arrived: &arrived,
            clock_rate: *clock_rate,
        };
        surprises.extend(subject.ours(&ours[id]));
        surprises.extend(subject.tshark(&theirs[id], OF_TSHARK, Needed::Perhaps));
        if begins_in_order(id.ssrc as usize - 1) {
            surprises.extend(subject.letter(OF_LETTER, Needed::Perhaps));
        }
    }
    assert_explained(&surprises);
}

/// Runs of random numbers, each harmed inside; where one run ends and the next begins, two packets in
/// sequence arrive.
fn restarting(n: usize, rng: &mut Rng) -> Path {
    let mut begin_ns = EPOCH_NS + rng.u64(0..1_000_000_000);
    let mut sequence = rng.u16(..);
    let mut path: Option<Path> = None;
    for _ in 0..rng.u8(2..6) {
        let source = Source {
            sequence,
            timestamp: rng.u32(..),
            ..Source::audio(n as u32 + 1)
        };
        let packets = rng.u64(50..300);
        let plan = Plan {
            seed: rng.u64(..),
            harmed: 3..packets - 3,
            lose: rng.u64(0..80),
            burst: rng.u64(1..5),
            double: rng.u64(0..60),
            swap: rng.u64(0..60),
        };
        let run = Path::new(source.send(packets, begin_ns));
        let run = run.queue(rng.u64(..), rng.u64(0..20_000_000)).harm(&plan);
        begin_ns = run.end_ns() + 20_000_000;
        // Far from where the last run ends, and so from where a gap or a late packet could lead.
        sequence = sequence.wrapping_add(packets as u16 + rng.u16(5_000..60_000));
        path = Some(match path {
            Some(before) => before.then(run),
            None => run,
        });
    }
    path.unwrap_or_else(|| Path::new(Vec::new()))
}

#[test]
fn restarts_are_counted_and_cost_nothing() {
    let mut rng = Rng::with_seed(0xa9a1);
    let paths: Vec<Path> = (0..STREAMS).map(|n| restarting(n, &mut rng)).collect();
    let made = paths.iter().enumerate();
    let file = capture(made.map(|(n, path)| (id(n), &path.packets[..])));
    let ours = analyze::by_id(analyze::streams(&file.path(), &[""; 0]));
    let mut surprises = Vec::new();
    for (n, path) in paths.iter().enumerate() {
        let subject = Subject {
            name: &format!("stream {}", n + 1),
            arrived: &known(&path.packets),
            clock_rate: 8_000,
        };
        surprises.extend(subject.ours(&ours[&id(n)]));
        surprises.extend(subject.letter(OF_LETTER, Needed::Perhaps));
    }
    assert_explained(&surprises);
}
