//! Sent streams: what packets, reports and requests do, as the owner, groups and readers see it.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use media_metrics_core::registry::Registry;
use media_metrics_core::rtp::RtpHeader;
use media_metrics_core::rtp::rtcp::{self, Event, ReportBlock, SenderInfo};
use media_metrics_core::stream::{SendStream, SenderConfig, SenderStats};
use media_metrics_core::{RegisterError, Snapshot};
use proptest::prelude::*;

const GROUP: [&str; 2] = ["outgoing", "video"];
const SSRC: u32 = 7;
const RTX: (u32, u8) = (8, 97);
const MS: u64 = 1_000_000;

/// Three packets a frame, 25 frames a second.
fn header(sequence: u16) -> RtpHeader {
    RtpHeader {
        marker: sequence % 3 == 2,
        payload_type: 96,
        sequence,
        timestamp: u32::from(sequence / 3) * 3_600,
        ssrc: SSRC,
        header_len: 20,
        padding_len: 0,
        packet_len: 120,
    }
}

/// The retransmission of `original`, as RFC 4588 has it.
fn rtx(sequence: u16, original: u16) -> Vec<u8> {
    let mut packet = vec![0x80, RTX.1];
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&0_u32.to_be_bytes());
    packet.extend_from_slice(&RTX.0.to_be_bytes());
    packet.extend_from_slice(&original.to_be_bytes());
    packet.extend_from_slice(b"media");
    packet
}

fn send_rtx(stream: &mut SendStream, packet: &[u8], at_ns: u64) {
    stream.on_packet(&RtpHeader::parse(packet).unwrap(), packet, at_ns);
}

fn block(highest_sequence: u32, cumulative_lost: i32) -> ReportBlock {
    ReportBlock {
        ssrc: SSRC,
        fraction_lost: 64,
        cumulative_lost,
        highest_sequence,
        jitter_ticks: 900,
        last_report: 0,
        delay: 0,
    }
}

fn sender_report(ntp: u64) -> SenderInfo {
    SenderInfo {
        ssrc: SSRC,
        ntp,
        rtp_timestamp: 0,
        packets: 0,
        octets: 0,
    }
}

fn with_stream() -> (Registry, SendStream) {
    let r = Registry::new().unwrap();
    let group = r.sender_group(&GROUP).unwrap();
    let config = SenderConfig::new(SSRC, 90_000).rtx(RTX.0, RTX.1);
    let stream = r.sender(&group, config).unwrap();
    (r, stream)
}

fn send(stream: &mut SendStream, sequences: impl IntoIterator<Item = u16>) {
    for s in sequences {
        stream.on_rtp(&header(s), u64::from(s) * 10 * MS);
    }
}

fn total(s: &Snapshot, what: &str) -> u64 {
    s.counter(&format!("media_rtp_{what}_total"), &GROUP)
        .unwrap_or_else(|| panic!("no media_rtp_{what}_total"))
}

/// Number and sum, in recorded units, of a group's histogram.
fn samples(s: &Snapshot, what: &str) -> (u64, u64) {
    let h = s.histogram(&format!("media_rtp_{what}"), &GROUP).unwrap();
    (h.count(), h.sum())
}

#[test]
fn packets_and_frames_are_counted_and_folded() {
    let (r, mut stream) = with_stream();
    send(&mut stream, 0..9);
    let mut padded = header(9);
    padded.padding_len = 100;
    stream.on_rtp(&padded, 95 * MS);
    assert_eq!(stream.on_key_frame(95 * MS), None, "nobody asked");
    let s = r.collect();
    assert_eq!(total(&s, "sent_packets"), 10);
    assert_eq!(total(&s, "sent_bytes"), 1_200);
    assert_eq!(total(&s, "sent_header_bytes"), 200);
    assert_eq!(total(&s, "sent_padding_bytes"), 100);
    assert_eq!(total(&s, "sent_frames"), 4);
    assert_eq!(total(&s, "sent_key_frames"), 1);
    assert_eq!(total(&s, "retransmitted_packets"), 0);
    assert_eq!(s.gauge("media_rtp_senders", &GROUP), Some(1.0));
    let stats = stream.stats();
    assert_eq!(
        (stats.sent.padding_packets, stats.sent.highest_sequence),
        (1, 9)
    );
    assert_eq!(
        (stats.sent.first_departure_ns, stats.sent.last_departure_ns),
        (0, 95 * MS)
    );
    let [shown] = &r.senders()[..] else {
        panic!("one sender");
    };
    assert_eq!(
        (shown.ssrc, shown.clock_rate, shown.id),
        (SSRC, 90_000, stream.id())
    );
    assert_eq!(
        (&shown.group[..], shown.stats),
        (&GROUP.map(String::from)[..], stats)
    );
    drop(stream);
    let s = r.collect();
    assert_eq!(s.gauge("media_rtp_senders", &GROUP), Some(0.0));
    assert_eq!(
        (total(&s, "senders_started"), total(&s, "senders_ended")),
        (1, 1)
    );
    assert_eq!(total(&s, "sent_packets"), 10, "its totals stay");
    assert!(r.senders().is_empty());
}

#[test]
fn what_is_sent_again_is_a_retransmission_and_what_is_only_late_is_none() {
    let (r, mut stream) = with_stream();
    send(&mut stream, [65_533, 65_534, 0, 1]);
    stream.on_rtp(&header(65_535), 0); // the publisher's packet was late
    assert_eq!(stream.stats().sent.retransmitted_packets, 0);
    stream.on_rtp(&header(65_535), 0);
    send_rtx(&mut stream, &rtx(1, 65_534), 0);
    let mut by_type = RtpHeader::parse(&rtx(2, 0)).unwrap();
    by_type.ssrc = 99;
    stream.on_rtp(&by_type, 0);
    let mut probe = RtpHeader::parse(&rtx(3, 0)).unwrap();
    (probe.padding_len, probe.packet_len) = (200, 212);
    stream.on_rtp(&probe, 0);
    let sent = stream.stats().sent;
    assert_eq!((sent.packets, sent.retransmitted_packets), (9, 3));
    assert_eq!(
        (sent.retransmitted_bytes, sent.retransmitted_payload_bytes),
        (120 + 19 + 19, 100 + 7 + 7)
    );
    assert_eq!((sent.padding_packets, sent.highest_sequence), (1, 65_537));
    // One of 65,533 and 65,534, one of 0 and 1; late packets begin none.
    assert_eq!(sent.frames, 2);
    let s = r.collect();
    assert_eq!(total(&s, "retransmitted_packets"), 3);
    assert_eq!(total(&s, "retransmitted_bytes"), 158);
}

#[test]
fn numbers_that_begin_anew_are_followed() {
    let (_r, mut stream) = with_stream();
    send(&mut stream, 100..110);
    stream.on_report(&block(109, 5), 0);
    send(&mut stream, 30_000..30_010);
    let stats = stream.stats();
    assert_eq!(
        (stats.sent.restarts, stats.sent.highest_sequence),
        (1, 30_009)
    );
    assert_eq!(
        (stats.sent.packets, stats.sent.retransmitted_packets),
        (20, 0)
    );
    // 100..110 are of the frames 33 to 36, 30,000..30,010 of 10,000 to 10,003.
    assert_eq!(stats.sent.frames, 8);
    stream.on_report(&block(30_009, 1), 0);
    let remote = stream.stats().remote.unwrap();
    assert_eq!(
        (remote.lost, remote.restarts, remote.highest_sequence),
        (6, 1, 30_009)
    );
}

#[test]
fn a_nack_is_timed_to_its_answer_plain_or_rtx() {
    let (r, mut stream) = with_stream();
    send(&mut stream, 0..20);
    stream.on_nack([3, 4, 5], 300 * MS);
    stream.on_nack([4], 310 * MS);
    stream.on_rtp(&header(3), 320 * MS);
    send_rtx(&mut stream, &rtx(0, 4), 340 * MS);
    send_rtx(&mut stream, &rtx(1, 4), 350 * MS); // nobody waits for it any more
    let f = stream.stats().feedback;
    assert_eq!((f.nacks, f.nacked_packets, f.nacked_again), (2, 4, 1));
    assert_eq!(
        (f.recovered, f.recovery_seconds, f.unanswered),
        (2, 0.06, 0)
    );
    let s = r.collect();
    assert_eq!(
        (total(&s, "nacks_received"), total(&s, "nacked_packets")),
        (2, 4)
    );
    assert_eq!(samples(&s, "nack_recovery_seconds").0, 2);
    // A probe of nothing but padding, whose first two bytes are no number.
    stream.on_nack([0], 355 * MS);
    let mut probe = rtx(2, 0)[..12].to_vec();
    probe[0] |= 0x20;
    probe.extend_from_slice(&[0, 0, 0, 4]);
    send_rtx(&mut stream, &probe, 356 * MS);
    assert_eq!(stream.stats().feedback.recovered, 2);
    stream.on_nack(std::iter::repeat_n(5, 9).chain([5 + 256]), 360 * MS);
    assert_eq!(stream.stats().feedback.unanswered, 1, "5 made room for 261");
}

/// Whoever asks for what was not sent yet gets no answer by its being sent.
#[test]
fn only_what_comes_again_or_late_answers_a_nack() {
    let (_r, mut stream) = with_stream();
    send(&mut stream, 0..60);
    stream.on_nack(60..200, 600 * MS);
    send(&mut stream, (60..130).chain(140..160));
    assert_eq!(stream.stats().feedback.recovered, 0);
    stream.on_rtp(&header(135), 2_000 * MS); // not sent before, and waited for
    stream.on_rtp(&header(128), 2_000 * MS);
    let f = stream.stats().feedback;
    assert_eq!((f.recovered, f.recovery_seconds), (2, 2.8));
    // Another run's number is another packet.
    send(&mut stream, 30_000..30_002);
    stream.on_nack([40_000, 40_001], 2_100 * MS);
    send(&mut stream, 40_000..40_002);
    let stats = stream.stats();
    assert_eq!((stats.sent.restarts, stats.feedback.recovered), (2, 2));
}

#[test]
fn a_key_frame_answers_the_first_open_request() {
    let (r, mut stream) = with_stream();
    send(&mut stream, 0..3);
    stream.on_pli(10 * MS);
    stream.on_fir(1, 20 * MS);
    stream.on_fir(1, 30 * MS);
    assert_eq!(stream.on_key_frame(110 * MS), Some(100 * MS));
    assert_eq!(stream.on_key_frame(210 * MS), None);
    let f = stream.stats().feedback;
    assert_eq!((f.plis, f.firs, f.key_frames_requested), (1, 1, 1));
    assert_eq!(f.firs_repeated, 1);
    assert_eq!(
        (f.key_frame_request_seconds, stream.stats().sent.key_frames),
        (0.1, 2)
    );
    let s = r.collect();
    assert_eq!(
        (total(&s, "plis_received"), total(&s, "firs_received")),
        (1, 1)
    );
    assert_eq!(samples(&s, "key_frame_request_seconds").0, 1);
}

#[test]
fn reports_measure_the_round_trip_and_stay_apart() {
    let (r, mut stream) = with_stream();
    assert_eq!(stream.stats().remote, None);
    stream.on_report(&block(5, 0), 0);
    assert_eq!(stream.stats().remote, None, "nothing was sent");
    send(&mut stream, 0..100);
    stream.on_sender_report(&sender_report(0x1_0000), 1_000 * MS);
    stream.on_sender_report(&sender_report(0x2_0000), 2_000 * MS);
    // The first one's echo comes after the second left, held for a quarter of a second.
    let mut report = block(99, -2);
    (report.last_report, report.delay) = (1, 0x4000);
    assert_eq!(stream.on_report(&report, 2_350 * MS), Some(1_100 * MS));
    report.last_report = 2;
    assert_eq!(stream.on_report(&report, 2_400 * MS), Some(150 * MS));
    assert_eq!(
        stream.on_report(&report, 2_500 * MS),
        None,
        "the same again"
    );
    report.delay = u32::MAX;
    assert_eq!(
        stream.on_report(&report, 2_500 * MS),
        None,
        "held for 18 hours"
    );
    assert_eq!(
        stream.on_report(&block(98, 50), 2_600 * MS),
        None,
        "an old one"
    );
    let of_rtx = ReportBlock {
        ssrc: RTX.0,
        ..block(9, 9)
    };
    assert_eq!(stream.on_report(&of_rtx, 2_600 * MS), None);
    let SenderStats {
        sent,
        feedback: f,
        remote,
        ..
    } = stream.stats();
    let remote = remote.unwrap();
    assert_eq!(sent.sender_reports, 2);
    assert_eq!((f.reports, f.reports_stale, f.reports_not_sent), (4, 1, 1));
    assert_eq!(f.round_trips_impossible, 1);
    assert_eq!(
        (remote.lost, remote.fraction_lost, remote.jitter_seconds),
        (-2, 0.25, 0.01)
    );
    assert_eq!(
        (remote.highest_sequence, remote.last_report_ns),
        (99, 2_500 * MS)
    );
    let rtt = remote.rtt.unwrap();
    assert_eq!(
        (rtt.seconds, rtt.min_seconds, rtt.max_seconds),
        (0.15, 0.15, 1.1)
    );
    assert_eq!((rtt.total_seconds, rtt.measurements), (1.25, 2));
    let s = r.collect();
    assert_eq!(
        (
            total(&s, "remote_reports"),
            total(&s, "remote_packets_lost")
        ),
        (4, 0)
    );
    assert_eq!(samples(&s, "remote_rtt_seconds").0, 2);
    assert_eq!(samples(&s, "remote_jitter_seconds"), (4, 4 * 10 * MS));
    assert_eq!(samples(&s, "remote_fraction_lost_ratio"), (4, 4 * 250_000));
}

#[test]
fn losses_reported_never_go_back_and_what_was_taken_back_is_made_up_for() {
    let (r, mut stream) = with_stream();
    send(&mut stream, 0..1_000);
    let mut counted = |lost| {
        stream.on_report(&block(999, lost), 0);
        total(&r.collect(), "remote_packets_lost")
    };
    assert_eq!([10, 6, 8, 12, 9].map(&mut counted), [10, 10, 10, 12, 12]);
    drop(stream);
    assert_eq!(total(&r.collect(), "remote_packets_lost"), 12);
    // 3 too many: the group's next 3 losses are not counted.
    let group = r.sender_group(&GROUP).unwrap();
    let mut next = r.sender(&group, SenderConfig::new(SSRC, 90_000)).unwrap();
    send(&mut next, 0..1_000);
    next.on_report(&block(999, 5), 0);
    drop(next);
    assert_eq!(total(&r.collect(), "remote_packets_lost"), 14);
}

#[test]
fn estimates_and_extended_reports_are_shown_as_the_peer_made_them() {
    let (_r, mut stream) = with_stream();
    let before = stream.stats();
    assert_eq!(before.remote_estimate.bitrate_bps, None);
    assert_eq!((before.remote_summary, before.remote_voip), (None, None));
    // REMB, transport-wide feedback and XR of the hand-written datagrams.
    let lines = include_str!("vectors/rtcp-tshark.tsv").lines();
    for payload in lines.filter_map(|l| l.split('\t').next()) {
        let bytes: Vec<u8> = (0..payload.len() / 2)
            .filter_map(|at| u8::from_str_radix(&payload[at * 2..at * 2 + 2], 16).ok())
            .collect();
        // The first line has names in place of bytes.
        let _ = rtcp::parse(&bytes, |event| match event {
            Event::Remb(remb) => stream.on_remb(remb.bitrate_bps, 5),
            Event::TransportFeedback(t) if t.base_sequence == 100 => {
                stream.on_transport_feedback(&t);
            }
            Event::Summary { summary, .. } => stream.on_summary(&summary),
            Event::Voip { metrics, .. } => stream.on_voip_metrics(&metrics),
            _ => {}
        });
    }
    let stats = stream.stats();
    let estimate = stats.remote_estimate;
    assert_eq!(
        (estimate.bitrate_bps, estimate.bitrate_arrival_ns),
        (Some(0x2_ffff << 3), 5)
    );
    assert_eq!(
        (estimate.transport_reports, estimate.transport_packets),
        (1, 6)
    );
    assert_eq!(estimate.transport_missing, 1);
    assert_eq!(stats.remote_summary.unwrap().lost(), Some(3));
    assert_eq!(stats.remote_voip.unwrap().r_factor(), Some(93));
    assert_eq!(stats.remote, None, "none of them is a report block");
}

/// A packet of these words, written as in the RFCs.
fn packet(first: u8, kind: u8, words: &[u32]) -> Vec<u8> {
    let mut bytes = vec![0x80 | first, kind, 0, words.len() as u8];
    bytes.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    bytes
}

/// Whether each event of a datagram was taken.
fn taken(stream: &mut SendStream, datagram: &[u8]) -> Vec<bool> {
    let mut taken = Vec::new();
    rtcp::parse(datagram, |event| {
        taken.push(stream.on_event(&event, 5 * MS));
    })
    .unwrap();
    taken
}

#[test]
fn an_event_is_taken_by_the_stream_that_it_is_about_and_by_no_other() {
    let remb = u32::from_be_bytes(*b"REMB");
    let about = |ssrc: u32| {
        [
            packet(1, 201, &[1, ssrc, 0, 9, 900, 0, 0]),
            packet(1, 205, &[1, ssrc, 9 << 16 | 1]), // 9 and 10
            packet(1, 206, &[1, ssrc]),
            packet(4, 206, &[1, 0, ssrc, 5 << 24]),
            packet(15, 206, &[1, 0, remb, 2 << 24 | 1_000, 99, ssrc]),
            packet(15, 205, &[1, ssrc, 4, 0, 0x0004 << 16]), // 4 packets, none came
            packet(
                0,
                207,
                &[1, 6 << 24 | 0xe0 << 16 | 9, ssrc, 1, 2, 3, 4, 5, 6, 7, 0],
            ),
            packet(
                0,
                207,
                &[1, 7 << 24 | 8, ssrc, 0x0102_0304, 0, 0, 0, 0, 0, 0],
            ),
        ]
    };
    let (_r, mut stream) = with_stream();
    send(&mut stream, 0..10);
    let before = stream.stats();
    for other in [99, RTX.0] {
        for datagram in about(other) {
            assert_eq!(taken(&mut stream, &datagram), [false], "{datagram:?}");
        }
    }
    // Whoever says so: a sender report of ours counts when it leaves.
    let sender_report = packet(0, 200, &[SSRC, 0, 0, 0, 0, 0]);
    assert_eq!(taken(&mut stream, &sender_report), [false]);
    assert_eq!(stream.stats(), before);

    for datagram in about(SSRC) {
        assert_eq!(taken(&mut stream, &datagram), [true], "{datagram:?}");
    }
    let stats = stream.stats();
    let (feedback, estimate) = (stats.feedback, stats.remote_estimate);
    assert_eq!(stats.remote.unwrap().jitter_seconds, 0.01);
    assert_eq!((feedback.nacks, feedback.nacked_packets), (1, 2));
    assert_eq!((feedback.plis, feedback.firs), (1, 1));
    assert_eq!(
        (estimate.bitrate_bps, estimate.bitrate_arrival_ns),
        (Some(1_000), 5 * MS)
    );
    assert_eq!(
        (estimate.transport_packets, estimate.transport_missing),
        (4, 4)
    );
    assert!(stats.remote_summary.is_some() && stats.remote_voip.is_some());
}

#[test]
fn limits_and_foreign_groups() {
    let r = Registry::builder()
        .max_streams(2)
        .max_groups(1)
        .build()
        .unwrap();
    let group = r.sender_group(&GROUP).unwrap();
    let received = r.group(&["incoming", "video"]).unwrap();
    assert_eq!(
        r.sender_group(&["outgoing", "audio"]).unwrap_err(),
        RegisterError::TooManyGroups { limit: 1 }
    );
    assert!(r.sender_group(&["outgoing"]).is_err());
    let config = SenderConfig::new(SSRC, 90_000);
    assert_eq!(
        r.sender(&group, SenderConfig::new(SSRC, 0)).unwrap_err(),
        RegisterError::BadClockRate
    );
    assert_eq!(
        Registry::new().unwrap().sender(&group, config).unwrap_err(),
        RegisterError::ForeignGroup
    );
    let one = r.sender(&group, config).unwrap();
    let other = r
        .stream(&received, media_metrics_core::StreamConfig::new(1, 90_000))
        .unwrap();
    assert_eq!(
        r.sender(&group, config).unwrap_err(),
        RegisterError::TooManyStreams { limit: 2 }
    );
    assert_ne!(one.id(), other.id());
    drop(one);
    let s = r.collect();
    assert_eq!(
        s.counter("media_metrics_streams_refused_total", &[]),
        Some(1)
    );
    assert!(r.sender(&group, config).is_ok(), "room again");
}

#[test]
fn senders_come_and_go_and_nothing_is_lost() {
    let r = Registry::new().unwrap();
    let group = r.sender_group(&GROUP).unwrap();
    for ssrc in 0..300 {
        let mut stream = r.sender(&group, SenderConfig::new(ssrc, 90_000)).unwrap();
        send(&mut stream, 0..10);
        if ssrc % 3 == 0 {
            r.collect(); // some are seen alive, some only after their end
        }
        stream.on_pli(0);
    }
    let s = r.collect();
    assert_eq!(
        (total(&s, "sent_packets"), total(&s, "plis_received")),
        (3_000, 300)
    );
    assert_eq!(
        (total(&s, "senders_started"), total(&s, "senders_ended")),
        (300, 300)
    );
    assert!(r.senders().is_empty());
}

/// What a reader sees is of one moment: of packets in order, of retransmissions and of reports.
#[test]
fn a_reader_never_sees_half_a_packet() {
    let (r, mut stream) = with_stream();
    r.collect(); // adopts the stream
    let done = AtomicBool::new(false);
    let meetings = AtomicU64::new(0);
    // Until they met often enough; never longer than some seconds.
    let (enough, most) = if cfg!(miri) {
        (5, 200)
    } else {
        (1_000, 100_000_000)
    };
    let rounds = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut last = 0;
            while !done.load(Ordering::Relaxed) {
                for shown in r.senders() {
                    let SenderStats {
                        sent,
                        feedback,
                        remote,
                        ..
                    } = shown.stats;
                    assert_eq!(sent.bytes, sent.packets * 120);
                    assert_eq!(sent.header_bytes, sent.packets * 20);
                    assert_eq!(sent.retransmitted_bytes, sent.retransmitted_packets * 120);
                    let lost = remote.map_or(0, |r| r.lost);
                    assert_eq!(lost, feedback.reports as i64);
                    assert_eq!(feedback.nacked_packets, feedback.nacks * 3);
                    assert!(sent.packets >= last);
                    let news = u64::from(sent.packets > last);
                    meetings.fetch_add(news, Ordering::Relaxed);
                    last = sent.packets;
                }
            }
        });
        let mut reports = 0;
        let mut round = 0;
        while meetings.load(Ordering::Relaxed) < enough && round < most && !reader.is_finished() {
            let n = round as u16;
            stream.on_rtp(&header(n), round);
            if round % 5 == 0 {
                stream.on_rtp(&header(n), round); // again
                stream.on_nack([n, n.wrapping_sub(1), n.wrapping_sub(2)], round);
            }
            if round % 7 == 0 {
                reports += 1;
                stream.on_report(&block(round as u32, reports), round);
            }
            round += 1;
        }
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap();
        round
    });
    assert_eq!(stream.stats().sent.packets, rounds + rounds.div_ceil(5));
    let met = meetings.into_inner();
    // As often as the scheduler let them; but a test in which they never did has tested nothing.
    assert!(
        cfg!(miri) || met >= 10,
        "they met {met} times in {rounds} rounds"
    );
}

#[test]
fn a_packet_allocates_nothing_nor_does_a_report_after_the_first() {
    let (_r, mut stream) = with_stream();
    let packets = allocation_counter::measure(|| send(&mut stream, (0..500).chain(400..450)));
    assert_eq!(packets.count_total, 0);
    let mut feedback = |round: u64| {
        stream.on_sender_report(&sender_report(round << 16), round);
        stream.on_report(&block(499, round as i32), round);
        stream.on_nack(0..300, round);
        stream.on_pli(round);
        stream.on_rtp(&header(299), round);
        stream.on_key_frame(round);
    };
    feedback(1);
    let rest = allocation_counter::measure(|| (2..50).for_each(&mut feedback));
    assert_eq!(rest.count_total, 0);
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

    /// The oracle remembers every number sent and asked for.
    #[test]
    fn retransmissions_and_recoveries_are_those_of_a_slow_oracle(
        start in any::<u16>(),
        steps in prop::collection::vec((0_u8..10, 0_u16..120), 1..300),
    ) {
        let (_r, mut stream) = with_stream();
        let mut next = 0_u16;
        let mut sent = BTreeSet::new();
        let mut asked: BTreeMap<u16, u64> = BTreeMap::new();
        let (mut again, mut recovered, mut recovery_ns) = (0, 0, 0);
        for (at, (kind, back)) in steps.into_iter().enumerate() {
            let at = at as u64 * MS;
            let behind = next.saturating_sub(back + 1);
            let number = match kind {
                0..5 => { next += 1; next - 1 }             // the next
                5 => { next += 2 + back % 5; next - 1 }     // over a gap
                6 | 7 => behind,                            // again, or late
                _ => {
                    if next > 0 {
                        stream.on_nack([start.wrapping_add(behind)], at);
                        asked.entry(behind).or_insert(at);
                    }
                    continue;
                }
            };
            if next == 0 {
                continue; // nothing to go back to
            }
            stream.on_rtp(&header(start.wrapping_add(number)), at);
            again += u64::from(!sent.insert(number));
            if let Some(since) = asked.remove(&number) {
                recovered += 1;
                recovery_ns += at - since;
            }
        }
        let stats = stream.stats();
        prop_assert_eq!(stats.sent.retransmitted_packets, again);
        prop_assert_eq!(stats.feedback.recovered, recovered);
        prop_assert!((stats.feedback.recovery_seconds - recovery_ns as f64 / 1e9).abs() < 1e-9);
    }
}
