//! A worker's streams, from outside: which packet and which report belongs to which, when one begins and ends.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::net::SocketAddr;

use media_metrics_core::Registry;
use media_metrics_core::catalog::{RTP_ENDED, RTP_PACKETS, RTP_STARTED};
use media_metrics_core::rtp::RtpHeader;
use media_metrics_core::rtp::rtcp::SenderInfo;
use media_metrics_core::stream::SentStats;
use media_metrics_forwarder::flows::{FlowConfig, FlowLimit, Flows, NAMESAKES};
use media_metrics_forwarder::meter::Instruments;
use media_metrics_forwarder::payload::PayloadTypes;

/// Longer than a table that was full waits until it asks for room again.
const A_WHILE: u64 = SECOND;

const SECOND: u64 = 1_000_000_000;

const TO: [&str; 2] = ["127.0.0.1:6000", "127.0.0.1:7000"];

fn config() -> FlowConfig {
    FlowConfig {
        payloads: PayloadTypes::standard(),
        idle_ns: 10 * SECOND,
        limit: FlowLimit::new(100),
    }
}

fn flows(most: usize) -> (Flows, Registry) {
    let registry = Registry::new().unwrap();
    let recorder = Instruments::register(&registry).unwrap().recorder();
    let room = || TO.map(|to| to.parse().unwrap()).to_vec();
    let config = FlowConfig {
        limit: FlowLimit::new(most),
        ..config()
    };
    let flows = Flows::new(config, Some(recorder), vec![room(), room()]);
    (flows, registry)
}

/// A packet arrives; false if it has no stream.
fn arrive(flows: &mut Flows, at: (u16, SocketAddr), ssrc: u32, sequence: u16, now: u64) -> bool {
    let mut bytes = [0x80, 111, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    bytes[2..4].copy_from_slice(&sequence.to_be_bytes());
    bytes[8..12].copy_from_slice(&ssrc.to_be_bytes());
    let header = RtpHeader::parse(&bytes).unwrap();
    flows.on_rtp(at.0, at.1, &header, &bytes, now).is_some()
}

fn bye(flows: &mut Flows, at: (u16, SocketAddr), ssrc: u32) -> bool {
    let known = flows.on_bye(at.0, at.1, ssrc);
    flows.settle();
    known
}

fn from(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

#[test]
fn streams_are_told_apart_by_room_source_and_ssrc() {
    let (mut flows, _registry) = flows(100);
    let v6 = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 1));
    for (room, source, ssrc) in [
        (0, from(1), 7),
        (1, from(1), 7),
        (0, from(2), 7),
        (0, from(1), 8),
        (0, v6, 7),
    ] {
        assert!(arrive(&mut flows, (room, source), ssrc, 1, 1));
        assert!(arrive(&mut flows, (room, source), ssrc, 2, 2));
    }
    assert_eq!(flows.len(), 5);
    assert!(flows.finish().iter().all(|s| s.stats.packets == 2));
}

#[test]
fn over_the_limit_packets_are_untracked_until_there_is_room() {
    let (mut flows, _registry) = flows(2);
    assert!(arrive(&mut flows, (0, from(1)), 1, 1, 1));
    assert!(arrive(&mut flows, (0, from(1)), 2, 1, 1));
    for n in 0..1_000 {
        assert!(!arrive(&mut flows, (0, from(1)), 3 + n, 1, 2));
    }
    assert!(
        arrive(&mut flows, (0, from(1)), 1, 2, 3),
        "those that are there go on"
    );
    bye(&mut flows, (0, from(1)), 1);
    assert!(
        !arrive(&mut flows, (0, from(1)), 9, 1, 4),
        "not asked again at once"
    );
    assert!(arrive(&mut flows, (0, from(1)), 9, 1, 2 + A_WHILE));
    assert_eq!(flows.len(), 2);
}

#[test]
fn a_goodbye_ends_only_the_source_s_own_stream() {
    let (mut flows, registry) = flows(10);
    arrive(&mut flows, (0, from(1)), 7, 1, 1);
    bye(&mut flows, (0, from(2)), 7);
    bye(&mut flows, (1, from(1)), 7);
    bye(&mut flows, (0, from(1)), 8);
    assert_eq!(flows.len(), 1);
    bye(&mut flows, (0, from(1)), 7);
    assert!(flows.is_empty());
    let snapshot = registry.collect();
    let count = |name| snapshot.counter(name, &["incoming", "audio"]);
    assert_eq!(count(RTP_STARTED.name()), Some(1));
    assert_eq!(count(RTP_ENDED.name()), Some(1));
    assert_eq!(count(RTP_PACKETS.name()), Some(1), "its totals stay");
}

#[test]
fn idle_streams_end_and_busy_ones_do_not() {
    let (mut flows, _registry) = flows(10);
    flows.sweep(0);
    arrive(&mut flows, (0, from(1)), 1, 1, SECOND);
    arrive(&mut flows, (0, from(1)), 2, 1, SECOND);
    arrive(&mut flows, (0, from(1)), 2, 2, 9 * SECOND);
    flows.sweep(11 * SECOND - 1);
    assert_eq!(flows.len(), 2, "a nanosecond before its time");
    flows.sweep(11 * SECOND);
    assert_eq!(flows.len(), 2, "it is not looked at for every packet");
    flows.sweep(12 * SECOND);
    assert_eq!(flows.len(), 1);
    flows.sweep(20 * SECOND);
    assert!(flows.is_empty());
    assert_eq!(flows.finish().len(), 2);
}

fn report(ssrc: u32) -> SenderInfo {
    SenderInfo {
        ssrc,
        ntp: 1 << 32,
        rtp_timestamp: 0,
        packets: 1,
        octets: 1,
    }
}

/// Where feedback about an SSRC of room 0 goes.
fn publishers(flows: &mut Flows, ssrc: u32) -> Vec<u16> {
    let mut ports = Vec::new();
    let known = flows.each_of(0, ssrc, |flow| ports.push(flow.control().port()));
    assert_eq!(known, !ports.is_empty());
    ports
}

#[test]
fn a_full_registry_is_a_limit_too_and_takes_no_place() {
    let registry = Registry::builder().max_streams(3).build().unwrap();
    let recorder = Instruments::register(&registry).unwrap().recorder();
    let room = TO.map(|to| to.parse().unwrap()).to_vec();
    let shared = FlowConfig {
        limit: FlowLimit::new(2),
        ..config()
    };
    let mut flows = Flows::new(shared.clone(), Some(recorder), vec![room]);
    let mut others = Flows::new(shared, None, vec![Vec::new()]); // another worker's
    let first = arrive(&mut flows, (0, from(1)), 1, 1, 1);
    assert!(first, "a stream and two ways");
    assert!(!arrive(&mut flows, (0, from(1)), 2, 1, 1));
    assert!(
        arrive(&mut others, (0, from(2)), 3, 1, 1),
        "the second place"
    );
    assert!(!arrive(&mut others, (0, from(2)), 4, 1, 1));
    bye(&mut flows, (0, from(1)), 1);
    registry.collect(); // frees the ended ones' places
    assert!(arrive(&mut flows, (0, from(1)), 2, 1, 1 + A_WHILE));
}

#[test]
fn reports_find_the_publishers_of_their_room_as_long_as_they_publish() {
    let (mut flows, _registry) = flows(100);
    for (room, source, ssrc) in [
        (0, from(1), 7),
        (0, from(2), 7),
        (0, from(3), 8),
        (1, from(4), 7),
    ] {
        arrive(&mut flows, (room, source), ssrc, 1, SECOND);
    }
    assert_eq!(publishers(&mut flows, 7), [1, 2]);
    assert_eq!(publishers(&mut flows, 8), [3]);
    assert!(publishers(&mut flows, 9).is_empty());
    assert!(bye(&mut flows, (0, from(1)), 7));
    assert_eq!(publishers(&mut flows, 7), [2]);
    flows.sweep(20 * SECOND);
    assert!(publishers(&mut flows, 7).is_empty());
    assert!(flows.is_empty());
}

#[test]
fn a_publisher_gets_reports_where_its_own_come_from() {
    let (mut flows, _registry) = flows(100);
    arrive(&mut flows, (0, from(10)), 7, 1, 1);
    let elsewhere = SocketAddr::from(([127, 0, 0, 2], 11));
    assert!(
        !flows.on_sender_report((0, elsewhere), &report(7), 2, 0),
        "another host"
    );
    assert!(
        !flows.on_sender_report((0, from(11)), &report(8), 2, 0),
        "another stream"
    );
    assert_eq!(publishers(&mut flows, 7), [10]);
    assert!(flows.on_sender_report((0, from(11)), &report(7), 2, 0));
    assert_eq!(publishers(&mut flows, 7), [11]);
    assert!(!bye(&mut flows, (0, from(12)), 7));
    assert!(
        bye(&mut flows, (0, from(11)), 7),
        "and says goodbye from there"
    );
}

#[test]
fn of_two_on_one_host_each_speaks_for_its_own() {
    let (mut flows, _registry) = flows(100);
    arrive(&mut flows, (0, from(10)), 7, 1, 1);
    arrive(&mut flows, (0, from(20)), 7, 1, 1);
    assert!(flows.on_sender_report((0, from(20)), &report(7), 2, 0));
    assert_eq!(publishers(&mut flows, 7), [10, 20]);
}

#[test]
fn no_report_goes_to_more_than_a_few_namesakes() {
    let (mut flows, _registry) = flows(100);
    for port in 1..=20 {
        assert!(arrive(&mut flows, (0, from(port)), 7, 1, 1));
    }
    assert_eq!(publishers(&mut flows, 7).len(), NAMESAKES);
    assert_eq!(flows.len(), 20);
}

#[test]
fn who_said_goodbye_is_there_until_the_batch_is_through() {
    let (mut flows, _registry) = flows(100);
    let packet = [0x80, 111, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7];
    let header = RtpHeader::parse(&packet).unwrap();
    let placed = flows.on_rtp(0, from(1), &header, &packet, 1).unwrap();
    flows.on_bye(0, from(1), 7);
    // A new stream of that name in the same batch is another one.
    let again = flows.on_rtp(0, from(1), &header, &packet, 2).unwrap();
    assert_ne!(placed, again);
    flows.on_departure(&placed, 0, &header, &packet, 3);
    flows.settle();
    assert_eq!(flows.len(), 1);
    let finished: Vec<u64> = flows.finish().iter().map(|s| s.stats.packets).collect();
    assert_eq!(finished, [1, 1]);
}

#[test]
fn a_retransmission_counts_on_the_way_of_the_only_stream_that_it_can_repeat() {
    let registry = Registry::new().unwrap();
    let recorder = Instruments::register(&registry).unwrap().recorder();
    let repeated = FlowConfig {
        payloads: PayloadTypes::standard().with_retransmissions([(97, 96)]),
        ..config()
    };
    let room = TO.map(|to| to.parse().unwrap()).to_vec();
    let mut flows = Flows::new(repeated, Some(recorder), vec![room]);
    let mut send = |pt: u8, ssrc: u8, tail: &[u8]| {
        let mut packet = vec![0x80, pt, 0, 5, 0, 0, 0, 0, 0, 0, 0, ssrc];
        packet.extend(tail);
        let header = RtpHeader::parse(&packet).unwrap();
        let placed = flows.on_rtp(0, from(1), &header, &packet, 1).unwrap();
        flows.on_departure(&placed, 0, &header, &packet, 2);
    };
    send(97, 8, &[0, 5, 1]); // nobody's
    send(96, 7, &[1]);
    send(97, 8, &[0, 5, 1]);
    send(96, 9, &[1]);
    send(97, 8, &[0, 5, 1]); // anybody's
    registry.collect();
    let mut sent: Vec<_> = registry
        .senders()
        .iter()
        .map(|s| (s.ssrc, s.stats.sent))
        .collect();
    sent.sort_by_key(|(ssrc, _)| *ssrc);
    let counted = |(ssrc, s): &(u32, SentStats)| (*ssrc, s.packets, s.retransmitted_packets);
    // Two ways each: the second subscriber got nothing.
    let counted: Vec<_> = sent
        .iter()
        .map(counted)
        .filter(|(_, n, _)| *n > 0)
        .collect();
    assert_eq!(counted, [(7, 2, 1), (9, 1, 0)]);
}

#[test]
fn without_a_recorder_streams_are_told_apart_and_limited_all_the_same() {
    let limited = FlowConfig {
        limit: FlowLimit::new(2),
        ..config()
    };
    let mut flows = Flows::new(limited, None, vec![Vec::new()]);
    for ssrc in 1..=3 {
        assert_eq!(arrive(&mut flows, (0, from(1)), ssrc, 1, 1), ssrc < 3);
    }
    assert!(flows.on_sender_report((0, from(11)), &report(1), 2, 0));
    assert_eq!(publishers(&mut flows, 1), [11]);
    assert!(flows.finish().is_empty());
}
