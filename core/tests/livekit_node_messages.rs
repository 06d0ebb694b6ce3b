//! `NodeStats` on the wire, read by a decoder that knows nothing of it but field numbers and wire types.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]
#![cfg(feature = "livekit")]

use std::collections::BTreeMap;

use media_metrics_core::livekit::node::messages::{NodeStats, NodeStatsRate};
use prost::Message;

/// A field as the wire has it.
#[derive(Debug, PartialEq)]
enum Field {
    Varint(u64),
    Float(f32),
    Bytes(Vec<u8>),
}

/// Protobuf by its encoding rules alone, for the three wire types that occur.
fn fields(mut bytes: &[u8]) -> BTreeMap<u64, Field> {
    let mut fields = BTreeMap::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let field = match key & 7 {
            0 => Field::Varint(varint(&mut bytes)),
            2 => {
                let length = varint(&mut bytes) as usize;
                let (value, rest) = bytes.split_at(length);
                bytes = rest;
                Field::Bytes(value.to_vec())
            }
            5 => {
                let (value, rest) = bytes.split_first_chunk().unwrap();
                bytes = rest;
                Field::Float(f32::from_le_bytes(*value))
            }
            other => panic!("wire type {other}"),
        };
        assert_eq!(fields.insert(key >> 3, field), None, "field {}", key >> 3);
    }
    fields
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..70).step_by(7) {
        let (first, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return value;
        }
    }
    panic!("a varint without end")
}

/// Each field holds its own number, so that a swapped pair shows.
fn stats() -> NodeStats {
    NodeStats {
        started_at: 1,
        updated_at: 2,
        num_rooms: 3,
        num_clients: 4,
        num_tracks_in: 5,
        num_tracks_out: 6,
        bytes_in: 7,
        bytes_out: 8,
        packets_in: 9,
        packets_out: 10,
        nack_total: 11,
        num_cpus: 17,
        load_avg_last1min: 18.0,
        load_avg_last5min: 19.0,
        load_avg_last15min: 20.0,
        cpu_load: 21.0,
        retransmit_bytes_out: 22,
        retransmit_packets_out: 23,
        participant_signal_connected: 26,
        sys_packets_out: 28,
        sys_packets_dropped: 29,
        memory_total: 34,
        memory_used: 35,
        num_track_publish_attempts: 36,
        num_track_publish_success: 38,
        num_track_subscribe_attempts: 40,
        num_track_subscribe_success: 42,
        participant_rtc_connected: 44,
        participant_rtc_init: 46,
        forward_latency: 48,
        forward_jitter: 49,
        rates: vec![rate()],
        num_track_publish_cancels: 51,
        num_track_subscribe_cancels: 52,
        participant_rtc_canceled: 53,
        participant_rtc_active: 54,
        participant_signal_failed: 55,
        participant_signal_validation_failed: 56,
    }
}

fn rate() -> NodeStatsRate {
    NodeStatsRate {
        started_at: 1,
        ended_at: 2,
        duration: 3,
        track_publish_attempts: 4.0,
        track_publish_success: 5.0,
        track_subscribe_attempts: 6.0,
        track_subscribe_success: 7.0,
        bytes_in: 8.0,
        bytes_out: 9.0,
        packets_in: 10.0,
        packets_out: 11.0,
        nack_total: 12.0,
        sys_packets_out: 13.0,
        sys_packets_dropped: 14.0,
        retransmit_bytes_out: 15.0,
        retransmit_packets_out: 16.0,
        participant_signal_connected: 17.0,
        participant_rtc_connected: 18.0,
        participant_rtc_init: 19.0,
        cpu_load: 20.0,
        memory_load: 21.0,
        memory_used: 22.0,
        memory_total: 23.0,
        track_publish_cancels: 24.0,
        track_subscribe_cancels: 25.0,
        participant_rtc_canceled: 26.0,
        participant_rtc_active: 27.0,
        participant_signal_failed: 28.0,
        participant_signal_validation_failed: 29.0,
    }
}

#[test]
fn node_stats_has_the_numbers_and_types_of_the_schema() {
    let mut got = fields(&stats().encode_to_vec());
    let Some(Field::Bytes(nested)) = got.remove(&50) else {
        panic!("rates are not field 50");
    };
    let floats = 18..=21;
    let numbers = (1..=11)
        .chain(17..=23)
        .chain([26, 28, 29, 34, 35, 36, 38, 40, 42, 44, 46]);
    let numbers = numbers.chain([48, 49]).chain(51..=56);
    let expected: BTreeMap<u64, Field> = numbers
        .map(|n| match floats.contains(&n) {
            true => (n, Field::Float(n as f32)),
            false => (n, Field::Varint(n)),
        })
        .collect();
    assert_eq!(got, expected);

    let expected: BTreeMap<u64, Field> = (1..=3)
        .map(|n| (n, Field::Varint(n)))
        .chain((4..=29).map(|n| (n, Field::Float(n as f32))))
        .collect();
    assert_eq!(fields(&nested), expected);
}

#[test]
fn signed_and_unsigned_fields_are_told_apart() {
    let negative = NodeStats {
        started_at: -1,
        num_rooms: -1,
        ..NodeStats::default()
    };
    // int32 and int64 extend their sign to 64 bits; sint would write 1.
    let expected = [(1, Field::Varint(u64::MAX)), (3, Field::Varint(u64::MAX))];
    assert_eq!(fields(&negative.encode_to_vec()), BTreeMap::from(expected));
}

#[test]
fn what_a_newer_node_says_besides_is_skipped() {
    let mut bytes = stats().encode_to_vec();
    bytes.extend([0xd0, 0x3e, 1]); // field 1002, varint
    bytes.extend([0x7d, 0, 0, 0, 0]); // field 15, a deprecated float
    assert_eq!(NodeStats::decode(bytes.as_slice()).unwrap(), stats());
    assert!(NodeStats::decode(&bytes[..bytes.len() - 1]).is_err());
}
