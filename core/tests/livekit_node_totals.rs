//! A node's totals, read off the families of its registry.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]
#![cfg(feature = "livekit")]

use std::time::Duration;

use media_metrics_core::livekit::families::*;
use media_metrics_core::livekit::node::totals::NodeTotals;
use media_metrics_core::{Counter, Desc, Registry};

/// A name of a node that is not a label as it stands.
const STRANGE: &str = "N\u{FFFF}1";

fn of(node_id: &str) -> NodeIdentity {
    NodeIdentity::new(node_id, NodeType::Media)
}

/// Every figure has a number of its own, and another node's of the same registry are not in it.
#[test]
fn every_total_is_a_familys() {
    let registry = Registry::new().unwrap();
    let (node, other) = (of(STRANGE), of("N2"));
    let families = Families::register(&registry, node.clone()).unwrap();
    let others = Families::register(&registry, other.clone()).unwrap();
    others.room_created();
    others.join(JoinState::RtcInit);

    let times = |n: u64, tell: &dyn Fn()| (0..n).for_each(|_| tell());
    let (audio, video) = (TrackKind::Audio, TrackKind::Video);
    times(1, &|| families.room_created());
    times(2, &|| families.participant_came());
    times(3, &|| families.track_published(audio));
    times(4, &|| families.track_published(video));
    times(9, &|| families.track_subscribed(video));
    times(10, &|| families.join(JoinState::SignalConnected));
    times(11, &|| families.join(JoinState::SignalFailed));
    times(12, &|| families.join(JoinState::SignalValidationFailed));
    times(13, &|| families.join(JoinState::RtcInit));
    times(14, &|| families.join(JoinState::RtcConnected));
    times(15, &|| families.join(JoinState::RtcCanceled { warp: true }));
    times(16, &|| families.join(JoinState::RtcActive { warp: false }));
    times(1, &|| families.join(JoinState::RtcActive { warp: true }));
    times(18, &|| families.track_publish(audio, PublishState::Attempt));
    times(1, &|| families.track_publish(video, PublishState::Attempt));
    times(20, &|| families.track_publish(video, PublishState::Success));
    times(21, &|| families.track_publish(video, PublishState::Cancel));
    times(22, &|| families.track_subscribe(SubscribeState::Attempt));
    times(23, &|| families.track_subscribe(SubscribeState::Success));
    times(24, &|| families.track_subscribe(SubscribeState::Cancel));
    let failed = SubscribeState::Failure(SubscribeError::Other);
    times(99, &|| families.track_subscribe(failed));
    let counter = |desc: &Desc, own: &[&str], n| {
        let values = [own, &[STRANGE, "MEDIA"][..]].concat();
        let counter: Counter = registry.counter(desc, &values).unwrap();
        counter.add(n);
    };
    for (direction, transmission, packets, bytes) in [
        ("incoming", "initial", 30, 300),
        ("outgoing", "initial", 40, 400),
        ("outgoing", "retransmit", 5, 50),
    ] {
        let own = [direction, transmission, "DE"];
        counter(&catalog::PACKET_TOTAL, &own, packets);
        counter(&catalog::PACKET_BYTES, &own, bytes);
    }
    counter(&catalog::NACK_TOTAL, &["incoming", "DE"], 6);
    counter(&catalog::NACK_TOTAL, &["outgoing", ""], 1);

    let expected = NodeTotals {
        rooms: 1,
        clients: 2,
        tracks_in: 7,
        tracks_out: 9,
        bytes_in: 300,
        bytes_out: 450,
        packets_in: 30,
        packets_out: 45,
        retransmit_bytes_out: 50,
        retransmit_packets_out: 5,
        nacks: 7,
        signal_connected: 10,
        signal_failed: 11,
        signal_validation_failed: 12,
        rtc_init: 13,
        rtc_connected: 14,
        rtc_canceled: 15,
        rtc_active: 17,
        publish_attempts: 19,
        publish_success: 20,
        publish_cancels: 21,
        subscribe_attempts: 22,
        subscribe_success: 23,
        subscribe_cancels: 24,
        forward_latency: None,
        forward_jitter: None,
    };
    assert_eq!(NodeTotals::of(&registry.collect(), &node), expected);
    let of_the_other = NodeTotals {
        rooms: 1,
        rtc_init: 1,
        ..NodeTotals::default()
    };
    assert_eq!(NodeTotals::of(&registry.collect(), &other), of_the_other);

    for (desc, ns) in [
        (&catalog::FORWARD_LATENCY, 250_000.7),
        (&catalog::FORWARD_JITTER, 9e9),
    ] {
        let gauge = registry.gauge(desc, &[STRANGE, "MEDIA"]).unwrap();
        gauge.set(ns);
    }
    let expected = NodeTotals {
        forward_latency: Some(Duration::from_nanos(250_000)),
        forward_jitter: Some(Duration::from_secs(9)),
        ..expected
    };
    assert_eq!(NodeTotals::of(&registry.collect(), &node), expected);
}

#[test]
fn without_families_all_is_0() {
    let empty = Registry::new().unwrap().collect();
    assert_eq!(NodeTotals::of(&empty, &of("N")), NodeTotals::default());
}
