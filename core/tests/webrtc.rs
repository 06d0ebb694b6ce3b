//! Streams in the words of W3C webrtc-stats: every name is the standard's, with its type and meaning.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use media_metrics_core::rtp::RtpHeader;
use media_metrics_core::rtp::rtcp::{ReportBlock, SenderInfo};
use media_metrics_core::webrtc::{Clock, Kind, incoming, outgoing};
use media_metrics_core::{Registry, SendStream, SenderConfig, Stream, StreamConfig};
use serde_json::Value;

/// The standard's members; see the file.
const MEMBERS: &str = include_str!("webrtc/members.txt");

const SECOND: u64 = 1_000_000_000;
const SSRC: u32 = 0x1234_5678;

/// `now` of the tests: 100 s on the hosts' clock, midnight of 2024 on the wall.
fn clock() -> Clock {
    Clock::new(
        100 * SECOND,
        UNIX_EPOCH + Duration::from_secs(1_704_067_200),
    )
}

/// Milliseconds since 1970 when the host's clock showed `ns`.
fn at(ns: u64) -> f64 {
    1_704_067_200_000.0 + (ns as f64 - 100.0 * SECOND as f64) / 1e6
}

/// Type of each member of a dictionary and of those it inherits from, and whether it is required.
fn members(dictionary: &str) -> BTreeMap<&'static str, (String, bool)> {
    let mut all = BTreeMap::new();
    let mut wanted = dictionary.to_owned();
    loop {
        let mut parent = None;
        for line in MEMBERS.lines().filter(|l| !l.starts_with('#')) {
            let (of, rest) = line.split_once(' ').unwrap();
            if of != wanted {
                continue;
            }
            if let Some(name) = rest.strip_prefix(": ") {
                parent = Some(name.to_owned());
            } else {
                let (name, rest) = rest.split_once(' ').unwrap();
                let of_type = rest.trim_end_matches(" required").to_owned();
                all.insert(name, (of_type, rest.ends_with(" required")));
            }
        }
        match parent {
            Some(name) => wanted = name,
            None => return all,
        }
    }
}

fn has_type(value: &Value, of_type: &str) -> bool {
    match of_type {
        "DOMString" | "RTCStatsType" => value.is_string(),
        "boolean" => value.is_boolean(),
        "unsigned long" => value.as_u64().is_some_and(|n| n <= u64::from(u32::MAX)),
        "unsigned long long" => value.is_u64(),
        "long long" => value.is_i64() || value.is_u64(),
        "double" | "DOMHighResTimeStamp" => value.as_f64().is_some_and(f64::is_finite),
        other => panic!("no rule for {other}"),
    }
}

/// Serialises, and holds every member against the standard's table.
fn checked(object: &impl serde::Serialize, dictionary: &str, of_type: &str) -> Value {
    let value = serde_json::to_value(object).unwrap();
    let table = members(dictionary);
    for (name, value) in value.as_object().unwrap() {
        let (wanted, _) = table
            .get(name.as_str())
            .unwrap_or_else(|| panic!("{dictionary} has no member {name}"));
        assert!(has_type(value, wanted), "{name} is {value}, not {wanted}");
    }
    for (name, _) in table.iter().filter(|(_, (_, required))| *required) {
        assert!(value.get(name).is_some(), "{dictionary} requires {name}");
    }
    assert_eq!(value["type"], of_type);
    value
}

/// One packet: header, payload of zeros, padding.
fn packet(sequence: u16, timestamp: u32, payload: usize, padding: u8) -> Vec<u8> {
    let first = 0x80 | if padding > 0 { 0x20 } else { 0 };
    let mut packet = vec![first, 96];
    packet.extend(sequence.to_be_bytes());
    packet.extend(timestamp.to_be_bytes());
    packet.extend(SSRC.to_be_bytes());
    packet.resize(12 + payload + usize::from(padding), 0);
    if padding > 0 {
        *packet.last_mut().unwrap() = padding;
    }
    packet
}

fn receiver(registry: &Registry) -> Stream {
    let group = registry.group(&["incoming", "video"]).unwrap();
    let config = StreamConfig::new(SSRC, 90_000);
    registry.stream(&group, config).unwrap()
}

fn receive(stream: &mut Stream, packet: &[u8], arrival_ns: u64) {
    stream.on_rtp(&RtpHeader::parse(packet).unwrap(), arrival_ns);
}

/// The one stream received, as of now.
fn inbound(registry: &Registry, kind: Kind) -> (Value, Option<Value>) {
    registry.collect();
    let stream = registry.streams().pop().unwrap();
    let (inbound, remote) = incoming(&stream, kind, "camera", &clock());
    (
        checked(&inbound, "RTCInboundRtpStreamStats", "inbound-rtp"),
        remote.map(|r| checked(&r, "RTCRemoteOutboundRtpStreamStats", "remote-outbound-rtp")),
    )
}

#[test]
fn a_received_stream() {
    let registry = Registry::new().unwrap();
    let mut stream = receiver(&registry);
    // 1, 2, 2 again, 5 with padding, 6 of nothing but padding, all 100 ms apart on both clocks.
    for (n, (sequence, payload, padding)) in (1_u32..).zip([
        (1, 100, 0),
        (2, 200, 0),
        (2, 200, 0),
        (5, 50, 8),
        (6, 0, 255),
    ]) {
        let packet = packet(sequence, n * 9_000, payload, padding);
        receive(
            &mut stream,
            &packet,
            90 * SECOND + u64::from(n) * SECOND / 10,
        );
    }
    let (got, remote) = inbound(&registry, Kind::Video);
    assert!(
        remote.is_none() && got.get("remoteId").is_none(),
        "no report came"
    );
    assert_eq!(got["timestamp"], at(100 * SECOND));
    assert_eq!(got["ssrc"], SSRC);
    assert_eq!(got["kind"], "video");
    assert_eq!(got["trackIdentifier"], "camera");
    assert_eq!(got["packetsReceived"], 5);
    // Six expected, five received, one of them twice (RFC 3550 A.3).
    assert_eq!(got["packetsLost"], 1);
    assert_eq!(got["bytesReceived"], 550, "payload alone");
    assert_eq!(got["headerBytesReceived"], 5 * 12 + 8 + 255);
    assert_eq!(got["jitter"], 0.0);
    assert_eq!(
        got["lastPacketReceivedTimestamp"],
        at(90 * SECOND + SECOND / 2)
    );
    for unknown in ["framesReceived", "mid", "rtxSsrc", "framesDecoded"] {
        assert!(got.get(unknown).is_none(), "{unknown}");
    }
}

/// Negative loss, and jitter in seconds whatever the clock rate.
#[test]
fn more_duplicates_than_losses_and_a_late_frame() {
    let registry = Registry::new().unwrap();
    let mut stream = receiver(&registry);
    receive(&mut stream, &packet(1, 0, 10, 0), SECOND);
    receive(&mut stream, &packet(1, 0, 10, 0), SECOND);
    receive(&mut stream, &packet(1, 0, 10, 0), SECOND);
    receive(
        &mut stream,
        &packet(2, 90_000, 10, 0),
        2 * SECOND + 160_000_000,
    );
    let (got, _) = inbound(&registry, Kind::Audio);
    assert_eq!(got["packetsLost"], -2);
    let jitter = got["jitter"].as_f64().unwrap();
    assert!(
        (jitter - 0.010).abs() < 1e-6,
        "{jitter}: a sixteenth of 160 ms"
    );
}

#[test]
fn nothing_received_has_no_last_packet() {
    let registry = Registry::new().unwrap();
    let _stream = receiver(&registry);
    let (got, _) = inbound(&registry, Kind::Audio);
    assert!(got.get("lastPacketReceivedTimestamp").is_none());
    assert_eq!(got["packetsReceived"], 0);
}

#[test]
fn what_its_sender_reports_and_was_asked_for() {
    let registry = Registry::new().unwrap();
    let mut stream = receiver(&registry);
    receive(&mut stream, &packet(1, 0, 10, 0), SECOND);
    // 2024-01-01 00:00:00.25 by the sender's clock.
    let info = SenderInfo {
        ssrc: SSRC,
        ntp: (3_913_056_000 << 32) + (1 << 30),
        rtp_timestamp: 0,
        packets: 70,
        octets: 7_000,
    };
    stream.on_sender_report(&info, 99 * SECOND);
    stream.on_nack_sent(17);
    stream.on_pli_sent();
    stream.on_pli_sent();
    let (got, remote) = inbound(&registry, Kind::Video);
    assert_eq!(got["nackCount"], 1, "packets, not numbers");
    assert_eq!((&got["pliCount"], &got["firCount"]), (&2.into(), &0.into()));
    let remote = remote.unwrap();
    assert_eq!(
        (&got["remoteId"], &got["id"]),
        (&remote["id"], &remote["localId"])
    );
    assert_ne!(got["id"], remote["id"]);
    assert_eq!(remote["timestamp"], at(99 * SECOND), "when the report came");
    assert_eq!(remote["remoteTimestamp"], 1_704_067_200_250.0);
    assert_eq!(
        (&remote["packetsSent"], &remote["bytesSent"]),
        (&70.into(), &7_000.into())
    );
    assert_eq!(remote["reportsSent"], 1);
    assert!(remote.get("roundTripTime").is_none());
    let (audio, _) = inbound(&registry, Kind::Audio);
    assert!(audio.get("pliCount").is_none() && audio.get("firCount").is_none());
}

fn sender(registry: &Registry) -> SendStream {
    let group = registry.sender_group(&["outgoing", "video"]).unwrap();
    let config = SenderConfig::new(SSRC, 90_000);
    registry.sender(&group, config).unwrap()
}

/// The one stream sent, as of now.
fn outbound(registry: &Registry, kind: Kind) -> (Value, Option<Value>) {
    registry.collect();
    let stream = registry.senders().pop().unwrap();
    let (outbound, remote) = outgoing(&stream, kind, &clock());
    (
        checked(&outbound, "RTCOutboundRtpStreamStats", "outbound-rtp"),
        remote.map(|r| checked(&r, "RTCRemoteInboundRtpStreamStats", "remote-inbound-rtp")),
    )
}

#[test]
fn a_sent_stream_and_what_its_receiver_reports() {
    let registry = Registry::new().unwrap();
    let mut stream = sender(&registry);
    let mut send = |sequence, timestamp, payload, padding| {
        let packet = packet(sequence, timestamp, payload, padding);
        let header = RtpHeader::parse(&packet).unwrap();
        stream.on_rtp(&header, 90 * SECOND);
    };
    send(1, 0, 100, 0);
    send(2, 3_000, 200, 0);
    send(3, 3_000, 300, 4);
    send(2, 3_000, 200, 0); // again
    stream.on_nack([2], 91 * SECOND);
    stream.on_pli(91 * SECOND);
    stream.on_pli(92 * SECOND);
    for (sequence, at) in [(1, 92), (1, 93), (2, 94)] {
        stream.on_fir(sequence, at * SECOND);
    }

    let (got, remote) = outbound(&registry, Kind::Video);
    assert!(remote.is_none() && got.get("remoteId").is_none());
    assert_eq!(
        (&got["packetsSent"], &got["bytesSent"]),
        (&4.into(), &800.into())
    );
    assert_eq!(got["headerBytesSent"], 4 * 12 + 4);
    assert_eq!(got["retransmittedPacketsSent"], 1);
    assert_eq!(got["retransmittedBytesSent"], 200);
    assert_eq!(
        (&got["framesSent"], &got["nackCount"]),
        (&2.into(), &1.into())
    );
    assert_eq!(got["pliCount"], 2);
    assert_eq!(got["firCount"], 3, "packets, not requests");
    let (audio, _) = outbound(&registry, Kind::Audio);
    for of_video in ["framesSent", "pliCount", "firCount"] {
        assert!(
            audio.get(of_video).is_none(),
            "{of_video} must not exist for audio"
        );
    }

    // A report left 2 s ago; the receiver held it for 1 s and had lost a quarter.
    let info = SenderInfo {
        ssrc: SSRC,
        ntp: 0x0000_7777_8888_0000,
        rtp_timestamp: 0,
        packets: 4,
        octets: 800,
    };
    stream.on_sender_report(&info, 97 * SECOND);
    let block = ReportBlock {
        ssrc: SSRC,
        fraction_lost: 64,
        cumulative_lost: -1,
        highest_sequence: 3,
        jitter_ticks: 900,
        last_report: info.middle(),
        delay: 65_536,
    };
    stream.on_report(&block, 99 * SECOND);
    let (got, remote) = outbound(&registry, Kind::Video);
    let remote = remote.unwrap();
    assert_eq!(
        (&got["remoteId"], &got["id"]),
        (&remote["id"], &remote["localId"])
    );
    assert_eq!(remote["timestamp"], at(99 * SECOND), "when the report came");
    assert_eq!(remote["packetsLost"], -1);
    assert_eq!(
        (&remote["jitter"], &remote["fractionLost"]),
        (&0.01.into(), &0.25.into())
    );
    assert_eq!(
        (&remote["roundTripTime"], &remote["totalRoundTripTime"]),
        (&1.0.into(), &1.0.into())
    );
    assert_eq!(remote["roundTripTimeMeasurements"], 1);
}

/// Objects of one report have different names, and keep them.
#[test]
fn ids_are_unlike_and_stay() {
    let registry = Registry::new().unwrap();
    let _all = [receiver(&registry), receiver(&registry)];
    let _sent = [sender(&registry), sender(&registry)];
    let ids = || -> Vec<String> {
        registry.collect();
        let mut ids: Vec<String> = Vec::new();
        for stream in registry.streams() {
            let (local, _) = incoming(&stream, Kind::Video, "t", &clock());
            ids.push(local.rtp.id);
        }
        for stream in registry.senders() {
            ids.push(outgoing(&stream, Kind::Video, &clock()).0.rtp.id);
        }
        ids.sort();
        ids
    };
    let first = ids();
    assert!(
        first.len() == 4 && first.windows(2).all(|pair| pair[0] != pair[1]),
        "{first:?}"
    );
    assert_eq!(first, ids());
}

fn members_of(object: &Value) -> usize {
    object.as_object().unwrap().len()
}

/// What the host fills in has the standard's names, too.
#[test]
fn what_the_host_fills_in() {
    let registry = Registry::new().unwrap();
    let _streams = (receiver(&registry), sender(&registry));
    registry.collect();
    let received = registry.streams().pop().unwrap();
    let (mut object, _) = incoming(&received, Kind::Video, "t", &clock());
    let before = members_of(&serde_json::to_value(&object).unwrap());
    object.mid = Some("0".into());
    object.frames_received = Some(1);
    object.rtx_ssrc = Some(5);
    object.retransmitted_packets_received = Some(6);
    object.retransmitted_bytes_received = Some(7);
    let got = checked(&object, "RTCInboundRtpStreamStats", "inbound-rtp");
    assert_eq!(members_of(&got), before + 5, "{got}");

    let sent = registry.senders().pop().unwrap();
    let (mut object, _) = outgoing(&sent, Kind::Video, &clock());
    let before = members_of(&serde_json::to_value(&object).unwrap());
    object.mid = Some("0".into());
    object.rid = Some("h".into());
    object.rtx_ssrc = Some(2);
    let got = checked(&object, "RTCOutboundRtpStreamStats", "outbound-rtp");
    assert_eq!(members_of(&got), before + 3, "{got}");
}

/// The judge is judged: a table that is not read, or lets all pass, proves nothing.
#[test]
fn the_table_is_the_standards() {
    let count = |d| members(d).len();
    assert_eq!(count("RTCRtpStreamStats"), 7);
    assert_eq!(count("RTCInboundRtpStreamStats"), 7 + 7 + 56);
    assert_eq!(count("RTCRemoteOutboundRtpStreamStats"), 7 + 2 + 6);
    assert!(!has_type(&Value::from(-1), "unsigned long long"));
    assert!(!has_type(&Value::from(1_u64 << 32), "unsigned long"));
    assert!(!has_type(&Value::from("1"), "double"));
    let wrong = std::panic::catch_unwind(|| {
        let object = BTreeMap::from([("bytesGot", 1)]);
        checked(&object, "RTCInboundRtpStreamStats", "inbound-rtp")
    });
    assert!(wrong.is_err());
}
