//! Real senders, recorded here while they send, and harmed by plan on the way: GStreamer's Opus and
//! VP8, ffmpeg's H.264, with their RTCP on the same port. A session announcement in the capture tells
//! everybody the clock rates.
//!
//! How many packets a frame has is the encoder's business, so a rule may be named that a capture does
//! not need.

use std::net::SocketAddr;

use media_metrics_tests::disagreement::Rule::{
    self, DuplicatesStep, EveryPacketSteps, LateSteps, MarkedLeftOut,
};
use media_metrics_tests::figures::Figure;
use media_metrics_tests::gst::{self, Media};
use media_metrics_tests::pcap;
use media_metrics_tests::plan::Plan;
use media_metrics_tests::reading::streams;
use media_metrics_tests::record::{Recorder, announcement};
use media_metrics_tests::relay::{Record, Relay};
use media_metrics_tests::wait::PATIENCE;
use media_metrics_tests::{analyze, ffmpeg, tshark};

use crate::{Needed, Subject, assert_explained};

/// What a stream is, as its SDP has it.
struct Announced {
    media: &'static str,
    payload_type: u8,
    format: &'static str,
    clock_rate: u32,
}

/// Records one sender behind a relay, and holds the capture against everybody. The relay's books are
/// a fourth judge.
fn hold(
    announced: &Announced,
    plan: Plan,
    send: impl FnOnce(SocketAddr),
    tshark_rules: &[Rule],
    letter_rules: &[Rule],
) {
    let recorder = Recorder::start();
    let relay = Relay::start(recorder.address().into(), plan);
    send(relay.address());
    let record = relay.finish();
    let mut datagrams = recorder.finish();
    let packets = streams(&datagrams);
    let [(id, arrived)] = &packets.iter().collect::<Vec<_>>()[..] else {
        panic!("one stream was sent: {:?}", packets.keys());
    };
    let Announced {
        media,
        payload_type,
        format,
        clock_rate,
    } = *announced;
    datagrams.insert(0, announcement(&datagrams[0], media, payload_type, format));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recorded.pcap");
    std::fs::write(&path, pcap::write(&datagrams)).unwrap();

    let ours = analyze::by_id(analyze::streams(&path, &[""; 0]));
    assert_eq!(
        ours.keys().collect::<Vec<_>>(),
        [*id],
        "one stream, no more"
    );
    let theirs = tshark::streams(&path, &[id.to.port()]);
    let subject = Subject {
        name: format,
        arrived,
        clock_rate,
    };
    let mut surprises = subject.ours(&ours[id]);
    surprises.extend(subject.tshark(&theirs[id], tshark_rules, Needed::Perhaps));
    surprises.extend(subject.letter(letter_rules, Needed::Perhaps));
    surprises.extend(books(&record, &ours[id]));
    assert_explained(&surprises);
}

/// Where `stream` is not what the relay did.
fn books(record: &Record, stream: &analyze::Stream) -> Vec<String> {
    let truth = record.truth();
    [
        (Figure::Packets, truth.traffic.packets),
        (Figure::Bytes, truth.traffic.bytes),
        (Figure::Expected, truth.expected),
        (Figure::Lost, record.lost),
        (Figure::Duplicates, record.doubled),
        (Figure::OutOfOrder, record.swapped),
    ]
    .iter()
    .filter(|(figure, did)| stream.figures[figure] != *did as f64)
    .map(|(figure, did)| format!("{figure:?}: the relay did {did}: {}", stream.json))
    .collect()
}

fn plan(seed: u64, packets: u64) -> Plan {
    Plan {
        seed,
        harmed: 5..packets - 20,
        lose: 40,
        burst: 2,
        double: 30,
        swap: 40,
    }
}

#[test]
fn opus_from_gstreamer() {
    let opus = Announced {
        media: "audio",
        payload_type: 111,
        format: "opus/48000/2",
        clock_rate: 48_000,
    };
    let send = |to| {
        let _sent = gst::Sender::start(Media::Opus, 0x0b05, 200, to).finish(PATIENCE);
    };
    let rules = [LateSteps, DuplicatesStep];
    hold(&opus, plan(31, 200), send, &rules, &rules);
}

#[test]
fn vp8_from_gstreamer() {
    let vp8 = Announced {
        media: "video",
        payload_type: 96,
        format: "VP8/90000",
        clock_rate: 90_000,
    };
    let send = |to| {
        let _sent = gst::Sender::start(Media::Vp8, 0x0b08, 60, to).finish(PATIENCE);
    };
    let letter = [EveryPacketSteps, LateSteps, DuplicatesStep];
    let tshark = [&letter[..], &[MarkedLeftOut]].concat();
    hold(&vp8, plan(32, 80), send, &tshark, &letter);
}

#[test]
fn h264_from_ffmpeg() {
    let h264 = Announced {
        media: "video",
        payload_type: 96,
        format: "H264/90000",
        clock_rate: 90_000,
    };
    let send = |to| ffmpeg::Sender::start(0x0264, 60, to).finish(PATIENCE);
    let letter = [EveryPacketSteps, LateSteps, DuplicatesStep];
    let tshark = [&letter[..], &[MarkedLeftOut]].concat();
    hold(&h264, plan(33, 80), send, &tshark, &letter);
}
