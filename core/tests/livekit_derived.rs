//! LiveKit's families that follow from streams: exact totals, one sample a stream and window.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::sync::Arc;
use std::time::Duration;

use media_metrics_core::livekit::derive_families;
use media_metrics_core::livekit::families::{NodeIdentity, NodeType};
use media_metrics_core::quality::{Codec, Config};
use media_metrics_core::rtp::RtpHeader;
use media_metrics_core::rtp::rtcp::{ReportBlock, SenderInfo};
use media_metrics_core::{
    Registry, SendStream, SenderConfig, Snapshot, Stream, StreamConfig, catalog,
};

const MS: u64 = 1_000_000;
const NODE: [&str; 2] = ["ND_test", "SERVER"];

fn node() -> NodeIdentity {
    NodeIdentity::new(NODE[0], NodeType::Server)
}

/// Every merge ends a window.
fn registry() -> Registry {
    let every = Registry::builder().quality_window(Duration::from_nanos(1));
    every.build().unwrap()
}

fn merge(registry: &Registry) -> Arc<Snapshot> {
    std::thread::sleep(Duration::from_millis(1)); // a window of no time is none
    registry.collect()
}

fn header(sequence: u16) -> RtpHeader {
    RtpHeader {
        marker: false,
        payload_type: 111,
        sequence,
        timestamp: u32::from(sequence) * 960,
        ssrc: 7,
        header_len: 12,
        padding_len: 0,
        packet_len: 100,
    }
}

fn stream(registry: &Registry, group: &[&str]) -> Stream {
    let group = registry.group(group).unwrap();
    let config = StreamConfig::new(7, 48_000);
    registry.stream(&group, config).unwrap()
}

fn sender(registry: &Registry, group: &[&str]) -> SendStream {
    let group = registry.sender_group(group).unwrap();
    let config = SenderConfig::new(7, 48_000);
    registry.sender(&group, config).unwrap()
}

fn receive(stream: &mut Stream, numbers: impl IntoIterator<Item = u16>) {
    for n in numbers {
        stream.on_rtp(&header(n), u64::from(n) * 20 * MS);
    }
}

fn total(s: &Snapshot, name: &str, values: &[&str]) -> u64 {
    let values = [values, &NODE].concat();
    s.counter(&format!("livekit_{name}"), &values)
        .unwrap_or_else(|| panic!("no livekit_{name}{values:?}"))
}

/// Buckets, and the sum.
fn samples(s: &Snapshot, name: &str, values: &[&str]) -> (Vec<u64>, f64) {
    let values = [values, &NODE].concat();
    let h = s
        .histogram(&format!("livekit_{name}"), &values)
        .unwrap_or_else(|| panic!("no livekit_{name}{values:?}"));
    (h.classic().collect(), h.exact_sum().unwrap())
}

const IN_AUDIO: [&str; 4] = ["incoming", "UNKNOWN", "AUDIO", ""];
const OUT_VIDEO: [&str; 4] = ["outgoing", "UNKNOWN", "VIDEO", ""];

#[test]
fn what_is_received_is_shown_once() {
    let registry = registry();
    derive_families(&registry, &node(), None).unwrap();
    let mut stream = stream(&registry, &["incoming", "audio"]);
    // 20 numbers, 4 of them lost, 1 late, 1 twice.
    receive(
        &mut stream,
        [0, 1, 2, 3, 4, 6, 5, 7, 7, 8, 9, 10, 11, 12, 13, 14, 19],
    );
    stream.on_nack_sent(4);
    stream.on_nack_sent(2);
    stream.on_pli_sent();
    stream.on_fir_sent();
    let s = merge(&registry);
    assert_eq!(total(&s, "packet_total", &["incoming", "initial", ""]), 16);
    assert_eq!(
        total(&s, "packet_bytes", &["incoming", "initial", ""]),
        1_600
    );
    assert_eq!(total(&s, "nack_total", &["incoming", ""]), 6);
    assert_eq!(total(&s, "pli_total", &["incoming", ""]), 1);
    let firs = s.counter("livekit_fir_total", &["incoming", "", NODE[0], NODE[1]]);
    assert_eq!(firs, None, "the reference does not count those it sends");
    assert_eq!(
        s.counter("media_rtp_firs_sent_total", &["incoming", "audio"]),
        Some(1)
    );
    assert_eq!(total(&s, "packet_out_of_order_total", &IN_AUDIO), 1);
    // The late packet came 20 ms after it was due, by timestamps and arrivals alike.
    assert_eq!(samples(&s, "jitter_us", &IN_AUDIO).0[9], 1);
    let rtt = s.family("livekit_rtt_ms").map(|f| f.schema().len());
    assert_eq!(rtt, None, "nothing measures it");
    // What is missing may still come: its share is known at the next merge.
    assert_eq!(total(&s, "packet_loss_total", &IN_AUDIO), 0);
    assert_eq!(samples(&s, "packet_loss_percent", &IN_AUDIO).0[10], 0);
    let s = merge(&registry);
    assert_eq!(total(&s, "packet_loss_total", &IN_AUDIO), 4);
    let (loss, sum) = samples(&s, "packet_loss_percent", &IN_AUDIO);
    assert_eq!(
        (&*loss, sum),
        (&[0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1][..], 20.0)
    );
    let (late, sum) = samples(&s, "packet_out_of_order_percent", &IN_AUDIO);
    assert_eq!((&*late, sum), (&[0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1][..], 5.0));

    // A window without loss is a sample of 0, in a bucket of its own; one without traffic is none.
    receive(&mut stream, 20..30);
    merge(&registry);
    let s = merge(&registry);
    let (loss, sum) = samples(&s, "packet_loss_percent", &IN_AUDIO);
    assert_eq!((loss[0], loss[10], sum), (1, 2, 20.0));
    let s = merge(&registry);
    assert_eq!(samples(&s, "packet_loss_percent", &IN_AUDIO).0[10], 2);
    assert_eq!(samples(&s, "jitter_us", &IN_AUDIO).0[9], 2);

    // The end of a stream is the end of its window, and totals stay.
    receive(&mut stream, [30, 32]);
    drop(stream);
    let s = merge(&registry);
    let (loss, sum) = samples(&s, "packet_loss_percent", &IN_AUDIO);
    assert_eq!((loss[0], loss[10]), (1, 3));
    assert!((sum - 20.0 - 100.0 / 3.0).abs() < 1e-9, "{sum}");
    assert_eq!(total(&s, "packet_loss_total", &IN_AUDIO), 5);
    assert_eq!(total(&s, "packet_total", &["incoming", "initial", ""]), 28);
    assert_eq!(
        s.counter("media_rtp_packets_total", &["incoming", "audio"]),
        Some(29)
    );
}

/// A packet that is late over a window's edge is neither in the total of losses nor in a window's share.
#[test]
fn what_comes_late_over_an_edge_is_no_loss() {
    let registry = registry();
    derive_families(&registry, &node(), None).unwrap();
    let mut stream = stream(&registry, &["incoming", "audio"]);
    receive(&mut stream, (0..10).filter(|n| *n != 8));
    merge(&registry);
    receive(&mut stream, [8, 10]);
    merge(&registry);
    merge(&registry);
    drop(stream);
    let s = merge(&registry);
    assert_eq!(total(&s, "packet_loss_total", &IN_AUDIO), 0);
    let (loss, sum) = samples(&s, "packet_loss_percent", &IN_AUDIO);
    assert_eq!((loss[0], sum), (loss[10], 0.0));
}

#[test]
fn what_is_sent_is_shown_as_its_receivers_report_it() {
    let registry = registry();
    derive_families(&registry, &node(), None).unwrap();
    let mut stream = sender(&registry, &["outgoing", "video"]);
    let send = |stream: &mut SendStream, n: u16| stream.on_rtp(&header(n), u64::from(n) * 20 * MS);
    (0..100).for_each(|n| send(&mut stream, n));
    send(&mut stream, 50); // again
    stream.on_nack([50, 51], 2_010 * MS);
    stream.on_pli(2_010 * MS);
    stream.on_fir(1, 2_010 * MS);
    // A report that answers a sender report, 119 ms after it, 20 ms of which at the receiver.
    let ntp = 1_000_u64 << 32;
    let info = SenderInfo {
        ssrc: 7,
        ntp,
        rtp_timestamp: 0,
        packets: 0,
        octets: 0,
    };
    stream.on_sender_report(&info, 2_000 * MS);
    let block = ReportBlock {
        ssrc: 7,
        fraction_lost: 64,
        cumulative_lost: 25,
        highest_sequence: 99,
        jitter_ticks: 960,
        last_report: (ntp >> 16) as u32,
        delay: 65_536 / 50,
    };
    stream.on_report(&block, 2_119 * MS);
    let s = merge(&registry);
    assert_eq!(total(&s, "packet_total", &["outgoing", "initial", ""]), 100);
    assert_eq!(
        total(&s, "packet_total", &["outgoing", "retransmit", ""]),
        1
    );
    assert_eq!(
        total(&s, "packet_bytes", &["outgoing", "initial", ""]),
        10_000
    );
    assert_eq!(
        total(&s, "packet_bytes", &["outgoing", "retransmit", ""]),
        100
    );
    assert_eq!(total(&s, "nack_total", &["outgoing", ""]), 2);
    assert_eq!(total(&s, "pli_total", &["outgoing", ""]), 1);
    assert_eq!(total(&s, "fir_total", &["outgoing", ""]), 1);
    assert_eq!(total(&s, "packet_loss_total", &OUT_VIDEO), 25);
    assert_eq!(
        samples(&s, "packet_loss_percent", &OUT_VIDEO),
        (vec![0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1], 25.0)
    );
    assert_eq!(samples(&s, "jitter_us", &OUT_VIDEO).1, 20_000.0);
    let (rtt, sum) = samples(&s, "rtt_ms", &OUT_VIDEO);
    assert_eq!(&*rtt, [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
    assert!((98.9..99.1).contains(&sum), "{sum}");
    // More traffic without a report: nobody knows how that went, and that is counted.
    (100..200).for_each(|n| send(&mut stream, n));
    let s = merge(&registry);
    assert_eq!(samples(&s, "packet_loss_percent", &OUT_VIDEO).0[10], 1);
    let unmeasured =
        |s: &Snapshot, f| s.counter("media_rtp_windows_unmeasured_total", &["outgoing", f]);
    assert_eq!(
        (unmeasured(&s, "rtt"), unmeasured(&s, "jitter")),
        (Some(1), Some(1))
    );
    // And a report without a round trip: counted as such.
    let block = ReportBlock {
        highest_sequence: 199,
        last_report: 0,
        jitter_ticks: 0,
        ..block
    };
    stream.on_report(&block, 4_500 * MS);
    let s = merge(&registry);
    let (loss, sum) = samples(&s, "packet_loss_percent", &OUT_VIDEO);
    assert_eq!((loss[0], loss[10], sum), (1, 2, 25.0));
    assert_eq!(samples(&s, "rtt_ms", &OUT_VIDEO).0[10], 1);
    assert_eq!(
        samples(&s, "jitter_us", &OUT_VIDEO).0,
        [1, 1, 2, 2, 2, 2, 2, 2, 2, 2],
        "0 is a jitter"
    );
    assert_eq!(
        (unmeasured(&s, "rtt"), unmeasured(&s, "jitter")),
        (Some(2), Some(1))
    );
}

#[test]
fn streams_that_were_there_before_are_taken_over() {
    let registry = registry();
    let mut stream = stream(&registry, &["incoming", "audio"]);
    receive(&mut stream, 0..10);
    registry.collect();
    derive_families(&registry, &node(), None).unwrap();
    derive_families(&registry, &node(), None).unwrap(); // once more is nothing more
    receive(&mut stream, (10..30).filter(|n| n % 10 != 5));
    let s = merge(&registry);
    assert_eq!(total(&s, "packet_total", &["incoming", "initial", ""]), 28);
    // The window is of what came since.
    let s = merge(&registry);
    let (loss, sum) = samples(&s, "packet_loss_percent", &IN_AUDIO);
    assert_eq!((loss[10], sum), (1, 10.0));
}

#[test]
fn labels_come_from_the_group_and_groups_may_share_them() {
    let names = ["direction", "room", "type", "source", "country"];
    let registry = Registry::builder().group_labels(&names).build().unwrap();
    derive_families(&registry, &node(), None).unwrap();
    for room in ["a", "b"] {
        let group = ["incoming", room, "video", "CAMERA", "DE"];
        receive(&mut stream(&registry, &group), 0..10);
    }
    let s = registry.collect();
    assert_eq!(
        total(&s, "packet_total", &["incoming", "initial", "DE"]),
        20
    );
    let both = samples(
        &s,
        "packet_loss_percent",
        &["incoming", "CAMERA", "VIDEO", "DE"],
    );
    assert_eq!(both.0[0], 2);
}

#[test]
fn the_forwarding_time_is_that_of_the_histogram() {
    let registry = Registry::new().unwrap();
    let latency = registry.histogram(&catalog::FORWARD_LATENCY, &[]).unwrap();
    latency.record(3_000_000); // before anybody asked
    derive_families(&registry, &node(), Some(Duration::from_secs(3_600))).unwrap();
    for ns in [40_000, 60_000, 70_000, 30_000_000] {
        latency.record(ns);
    }
    let s = registry.collect();
    let (buckets, sum) = samples(&s, "forward_latency_ns", &[]);
    assert_eq!(buckets, [1, 3, 3, 3, 3, 3, 4, 4, 4, 4, 5]);
    assert_eq!(sum, 33_170_000.0);
    let gauge = |s: &Snapshot, name: &str| s.gauge(&format!("livekit_forward_{name}"), &NODE);
    // Of the five, by Python's statistics.stdev; a bucket reaches 0.4 % to each side of its middle.
    let (mean, deviation) = (gauge(&s, "latency").unwrap(), gauge(&s, "jitter").unwrap());
    assert!((mean / 6_634_000.0 - 1.0).abs() < 0.004, "{mean}");
    assert!(
        (deviation / 13_124_027.0 - 1.0).abs() < 0.006,
        "{deviation}"
    );
    // Nothing new: the window still has them, the buckets are as they were.
    let s = registry.collect();
    assert_eq!(samples(&s, "forward_latency_ns", &[]).0[10], 5);
}

#[test]
fn without_traffic_there_is_no_forwarding_time() {
    let registry = Registry::new().unwrap();
    derive_families(&registry, &node(), Some(Duration::from_secs(10))).unwrap();
    let s = registry.collect();
    assert_eq!(s.gauge("livekit_forward_latency", &NODE), None);
    assert_eq!(s.gauge("livekit_forward_jitter", &NODE), None);
    assert_eq!(samples(&s, "forward_latency_ns", &[]).0[10], 0);
    // Turned off, there is no family at all.
    let registry = Registry::new().unwrap();
    derive_families(&registry, &node(), None).unwrap();
    assert!(
        registry
            .collect()
            .family("livekit_forward_latency_ns")
            .is_none()
    );
}

#[test]
fn participants_are_rated_each_window() {
    let registry = registry();
    derive_families(&registry, &node(), None).unwrap();
    let mut stream = stream(&registry, &["incoming", "audio"]);
    let opus = Config::inbound(Codec::Opus.loss_weight(false));
    let anna = registry.participant("anna");
    let _control = registry.judge(&stream, opus, Some(&anna)).unwrap();
    receive(&mut stream, 0..100);
    let s = merge(&registry);
    let (rating, sum) = samples(&s, "quality_rating", &[]);
    assert_eq!((&*rating, sum), (&[0, 0, 1, 1][..], 2.0), "excellent is 2");
    assert_eq!(samples(&s, "quality_score", &[]).1, 4.5);
    let given = |s: &Snapshot, rating| s.counter("media_participant_ratings_total", &[rating]);
    assert_eq!(
        (given(&s, "excellent"), given(&s, "lost")),
        (Some(1), Some(0))
    );
    // Half of them lost: two merges later that is settled, and it hurts.
    for from in [100, 200, 300] {
        receive(&mut stream, (from..from + 100).filter(|n| n % 2 == 0));
        merge(&registry);
    }
    let s = merge(&registry);
    let (rating, _) = samples(&s, "quality_rating", &[]);
    let windows = rating[3];
    assert!(windows >= 4, "{rating:?}");
    let by_name: u64 = ["lost", "poor", "good", "excellent"]
        .iter()
        .filter_map(|r| given(&s, r))
        .sum();
    assert_eq!(by_name, windows);
    assert!(given(&s, "poor").unwrap() + given(&s, "good").unwrap() > 0);
}
