//! Hosts whose RTP library hands header and payload over apart record the same as those that have the packet whole.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::num::NonZeroU8;

use media_metrics_core::rtp::{RtpHeader, VideoCodec};
use media_metrics_core::{Registry, SenderConfig, StreamConfig};

fn packet(payload_type: u8, ssrc: u8, sequence: u16, timestamp: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, payload_type];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0, 0, timestamp, 0, 0, 0, 0, ssrc]);
    packet.extend(payload);
    packet
}

#[test]
fn key_frames_are_seen_in_a_payload() {
    const KEY_FRAME: [u8; 7] = [0x10, 0x50, 0x01, 0x00, 0x9d, 0x01, 0x2a];
    const OTHER: [u8; 4] = [0x10, 0x51, 0x01, 0x00];
    let registry = Registry::new().unwrap();
    let group = registry.group(&["incoming", "video"]).unwrap();
    let config = StreamConfig::new(7, 90_000).video_codec(VideoCodec::Vp8);
    let mut whole = registry.stream(&group, config).unwrap();
    // Of an extension that it can't see it makes nothing: the payload is not read as a packet.
    let config = config.dependency_descriptor(NonZeroU8::MIN);
    let mut apart = registry.stream(&group, config).unwrap();
    let mut began = Vec::new();
    for (sequence, payload) in [&KEY_FRAME[..], &OTHER, &KEY_FRAME, &[], &KEY_FRAME]
        .into_iter()
        .enumerate()
    {
        let packet = packet(96, 7, sequence as u16, sequence as u8, payload);
        let header = RtpHeader::parse(&packet).unwrap();
        let at = 1_000_000 * sequence as u64;
        let of_whole = whole.on_packet(&header, &packet, at);
        assert_eq!(apart.on_payload(&header, payload, at), of_whole);
        began.push(of_whole.1);
    }
    assert_eq!(began, [true, false, true, false, true]);
    assert_eq!(apart.stats(), whole.stats());
}

#[test]
fn retransmissions_answer_from_a_payload() {
    let registry = Registry::new().unwrap();
    let group = registry.sender_group(&["outgoing", "video"]).unwrap();
    let config = SenderConfig::new(7, 90_000).rtx(8, 97);
    let [mut whole, mut apart] = [(); 2].map(|()| registry.sender(&group, config).unwrap());
    let asked_at = 50_000_000;
    for (n, (payload_type, ssrc, sequence, payload)) in [
        (96, 7, 5, &[1, 2, 3][..]),
        (96, 7, 6, &[1, 2, 3]),
        (97, 8, 1, &[0, 5, 1, 2, 3]), // 5 again
        (97, 8, 2, &[0]),             // too short to say which
        (97, 8, 3, &[]),              // padding alone
    ]
    .into_iter()
    .enumerate()
    {
        if n == 2 {
            whole.on_nack([5, 6], asked_at);
            apart.on_nack([5, 6], asked_at);
        }
        let packet = packet(payload_type, ssrc, sequence, 1, payload);
        let header = RtpHeader::parse(&packet).unwrap();
        let at = asked_at + n as u64 * 1_000_000;
        whole.on_packet(&header, &packet, at);
        apart.on_payload(&header, payload, at);
    }
    let stats = apart.stats();
    assert_eq!(stats, whole.stats());
    assert_eq!(
        (stats.sent.packets, stats.sent.retransmitted_packets),
        (5, 2)
    );
    assert_eq!(stats.feedback.recovery_seconds, 0.002);
}
