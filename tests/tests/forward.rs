//! The main job, end to end: real senders, a network that harms by plan, the program as it ships, real
//! receivers, and every figure read through a real Prometheus.
//!
//! Nothing here depends on how long something takes: senders stop after a number of frames, the plan
//! is seeded, and the relay's books say what the figures must be.

use media_metrics_tests::gst::{self, Media};
use media_metrics_tests::ledger::Truth;
use media_metrics_tests::plan::Plan;
use media_metrics_tests::program::Program;
use media_metrics_tests::prometheus::{self, Prometheus};
use media_metrics_tests::relay::{Record, Relay};
use media_metrics_tests::subscriber::Subscriber;
use media_metrics_tests::wait::{self, PATIENCE};
use media_metrics_tests::{Traffic, ffmpeg, ports};

/// The figures of all streams of one kind, and what they must be.
fn figures(kind: &str, truth: &Truth) -> Vec<(String, u64)> {
    [
        ("packets", truth.traffic.packets),
        ("bytes", truth.traffic.bytes),
        ("packets_expected", truth.expected),
        ("packets_lost", truth.lost),
        ("packets_duplicate", truth.duplicates),
        ("packets_reordered", truth.reordered),
        ("packets_stale", 0),
        ("frames", truth.frames),
        ("stream_restarts", 0),
    ]
    .map(|(name, expected)| {
        let query = format!(r#"sum(media_rtp_{name}_total{{direction="incoming",kind="{kind}"}})"#);
        (query, expected)
    })
    .to_vec()
}

/// The figures of the forwarder itself: `rtp` packets came in, of `streams` streams, and went out to
/// `subscribers` each.
fn forwarding(rtp: Traffic, rtcp: Traffic, streams: u64, subscribers: u64) -> Vec<(String, u64)> {
    [
        ("sum(media_rtp_streams_started_total)", streams),
        (
            "sum(media_forward_packets_total)",
            rtp.packets * subscribers,
        ),
        ("sum(media_forward_bytes_total)", rtp.bytes * subscribers),
        ("sum(media_forward_latency_seconds_count)", rtp.packets),
        (
            r#"sum(media_forward_latency_seconds_bucket{le="+Inf"})"#,
            rtp.packets,
        ),
        ("sum(media_forward_rtcp_packets_total)", rtcp.packets),
        ("sum(media_forward_send_errors_total) or vector(0)", 0),
        ("sum(media_forward_packets_rejected_total) or vector(0)", 0),
        ("sum(media_forward_packets_untracked_total) or vector(0)", 0),
    ]
    .map(|(query, expected)| (query.to_owned(), expected))
    .to_vec()
}

fn assert_figures(prometheus: &Prometheus, table: &[(String, u64)]) {
    let table: Vec<(&str, u64)> = table.iter().map(|(q, v)| (q.as_str(), *v)).collect();
    prometheus.wait_for("up", 1);
    prometheus.expect(&table);
}

/// One stream on an unharmed path: sender, program, Prometheus and both receivers agree on every
/// packet and byte, and the media plays.
fn clean(media: Media, kind: &str, buffers: u32) {
    let counting = Subscriber::start();
    let at = ports::free();
    let receiver = gst::Receiver::start(media, at);
    let program = Program::forward(&[counting.address(), at]);
    let prometheus = Prometheus::scraping(program.metrics());

    let relay = Relay::start(program.listen(), Plan::clean());
    let sent = gst::Sender::start(media, 0xA11CE, buffers, relay.address()).finish(PATIENCE);
    let record = relay.finish();
    let truth = record.truth();
    assert_eq!(record.received, sent);
    assert_eq!((truth.expected, truth.lost), (sent.packets, 0));

    let mut table = figures(kind, &truth);
    table.extend(forwarding(sent, record.rtcp, 1, 2));
    assert_figures(&prometheus, &table);
    let page = prometheus::get(&format!("http://{}/metrics", program.metrics()));
    let verdict = page.as_deref().map(prometheus::check_metrics);
    assert_eq!(verdict, Ok(Ok(())), "{page:?}");
    let _printed = program.finish();
    let received = counting.finish();
    assert_eq!(
        (received.rtp, received.rtcp, received.other),
        (sent, record.rtcp, 0)
    );
    assert_eq!(
        received.order, record.sent,
        "unchanged, and in the order in which they came"
    );
    receiver.wait_for(sent + record.rtcp);
    assert!(
        receiver.decoded() > u64::from(buffers) / 2,
        "media that can be played"
    );
}

#[test]
fn opus_from_gstreamer_is_forwarded_and_counted_to_the_byte() {
    clean(Media::Opus, "audio", 200);
}

#[test]
fn vp8_from_gstreamer_is_forwarded_and_counted_to_the_byte() {
    clean(Media::Vp8, "video", 60);
}

/// Three streams, each harmed in its own way, at the same time: what was done is what is shown.
#[test]
fn injected_loss_duplicates_and_reordering_are_what_the_metrics_show() {
    let counting = Subscriber::start();
    let program = Program::forward(&[counting.address()]);
    let prometheus = Prometheus::scraping(program.metrics());

    // The last packets of each stream pass: a loss shows when something arrives behind it. Video has a
    // packet a frame at least, so these plans are through before the 75 frames are.
    let opus_plan = Plan {
        seed: 3,
        harmed: 5..230,
        lose: 40,
        burst: 1,
        double: 20,
        swap: 30,
    };
    let vp8_plan = Plan {
        seed: 11,
        harmed: 5..65,
        lose: 30,
        burst: 4,
        double: 60,
        swap: 80,
    };
    let h264_plan = Plan {
        seed: 1,
        ..vp8_plan.clone()
    };
    let relay = |plan| Relay::start(program.listen(), plan);
    let (opus, vp8, h264) = (relay(opus_plan), relay(vp8_plan), relay(h264_plan));
    let opus_sender = gst::Sender::start(Media::Opus, 0xA, 250, opus.address());
    let vp8_sender = gst::Sender::start(Media::Vp8, 0xB, 75, vp8.address());
    let h264_sender = ffmpeg::Sender::start(0xC, 75, h264.address());
    let sent = [opus_sender.finish(PATIENCE), vp8_sender.finish(PATIENCE)];
    h264_sender.finish(PATIENCE);
    let records = [opus, vp8, h264].map(Relay::finish);
    assert_eq!([records[0].received, records[1].received], sent);

    for (record, ssrc) in records.iter().zip([0xA, 0xB, 0xC]) {
        let (truth, did) = (
            record.truth(),
            (record.lost, record.doubled, record.swapped),
        );
        assert_eq!(
            (truth.lost, truth.duplicates, truth.reordered),
            did,
            "{ssrc:X}: all of it shows"
        );
        assert!(
            did.0 > 0 && did.1 > 0 && did.2 > 0,
            "{ssrc:X}: a plan that harms nothing: {did:?}"
        );
    }
    let [audio, vp8, h264] = records.each_ref().map(Record::truth);
    let mut table = figures("audio", &audio);
    table.extend(figures("video", &sum(&vp8, &h264)));
    let all = [&audio, &vp8, &h264]
        .iter()
        .fold(Traffic::default(), |t, s| t + s.traffic);
    let rtcp = records.iter().fold(Traffic::default(), |t, r| t + r.rtcp);
    table.extend(forwarding(all, rtcp, 3, 1));
    assert_figures(&prometheus, &table);

    wait::until("all packets at the counting subscriber", PATIENCE, || {
        let received = counting.received().rtp;
        if received == all {
            Ok(())
        } else {
            Err(format!("{received:?} of {all:?}; {}", program.quoted()))
        }
    });
    let _printed = program.finish();
    let received = counting.finish();
    assert_eq!((received.rtcp, received.other), (rtcp, 0));
    for (record, ssrc) in records.iter().zip([0xA, 0xB, 0xC]) {
        assert_eq!(
            received.of(ssrc),
            record.sent,
            "{ssrc:X}: as the relay sent it, harm and all"
        );
    }
}

fn sum(a: &Truth, b: &Truth) -> Truth {
    Truth {
        traffic: a.traffic + b.traffic,
        expected: a.expected + b.expected,
        lost: a.lost + b.lost,
        duplicates: a.duplicates + b.duplicates,
        reordered: a.reordered + b.reordered,
        frames: a.frames + b.frames,
    }
}
