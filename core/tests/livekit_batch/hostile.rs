//! Bytes that nobody means well with: never a panic, never much memory.

use allocation_counter::measure;
use media_metrics_core::livekit::Rules;
use media_metrics_core::livekit::batch::{
    Builder, DecodeError, DecodeLimits, Limits, Restriction, Sender, SharedBatch, data_packet,
    decode_batch, decode_data_packet,
};
use media_metrics_core::livekit::messages::{
    DataPacket, EventMetric, MetricSample, MetricsBatch, TimeSeriesMetric, Timestamp,
};
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message;

use crate::messages::cases;
use crate::model::rows;

const LIMITS: DecodeLimits = DecodeLimits {
    message_bytes: 64 << 10,
    memory_bytes: 1 << 20,
};

/// A batch with something in every field.
pub(crate) fn full_batch() -> MetricsBatch {
    let time = Some(Timestamp {
        seconds: 1_700_000_000,
        nanos: 5,
    });
    let sample = MetricSample {
        timestamp_ms: 3,
        normalized_timestamp: time,
        value: 0.5,
    };
    MetricsBatch {
        timestamp_ms: 1,
        normalized_timestamp: time,
        str_data: ["own", "PA_1", "TR_1", "q"].map(str::to_owned).into(),
        time_series: vec![
            TimeSeriesMetric {
                label: 4_096,
                participant_identity: 4_097,
                track_sid: 4_098,
                samples: vec![sample; 3],
                rid: 4_099,
            };
            2
        ],
        events: vec![EventMetric {
            label: 1,
            participant_identity: 4_097,
            track_sid: 4_098,
            start_timestamp_ms: -4,
            end_timestamp_ms: Some(5),
            normalized_start_timestamp: time,
            normalized_end_timestamp: time,
            metadata: "metadata".to_owned(),
            rid: 4_099,
        }],
    }
}

/// Whatever decodes goes all the way, by both sets of rules; what comes out is in order.
fn digest(batch: MetricsBatch) {
    let given = (batch.time_series.len() + batch.events.len()) as u64;
    for rules in [Rules::Corrected, Rules::Reference] {
        let mut builder = Builder::new(Restriction::client_statistics("PA_1")).with_rules(rules);
        let counts = builder.merge(&batch);
        assert_eq!(counts.rows + counts.rows_dropped(), given);
        for message in builder.finish(1_000) {
            rows(&message);
        }
    }
    let sender = Sender {
        identity: "PA_1",
        trusted: false,
    };
    let (shared, counts) = SharedBatch::new(batch, &sender, Limits::default());
    assert_eq!(counts.rows, shared.len() as u64);
    assert_eq!(counts.rows + counts.rows_dropped(), given);
}

/// Bytes that may be anything, as a batch and as a packet: below the limits they are what prost alone takes
/// them for.
fn feed(bytes: &[u8]) {
    let plain = MetricsBatch::decode(bytes).ok();
    let ours = decode_batch(bytes, &LIMITS).ok();
    assert_eq!(format!("{ours:?}"), format!("{plain:?}")); // text, as NaN is not itself
    let decoded = [
        decode_batch(bytes, &LIMITS),
        decode_data_packet(bytes, &LIMITS),
    ];
    decoded.into_iter().flatten().for_each(digest);
}

#[test]
fn truncated_at_every_byte() {
    let batch = full_batch().encode_to_vec();
    let packet = data_packet("PA_1", &[&batch]);
    for len in 0..packet.len() {
        feed(&packet[..len]);
        // A packet ends with its batch: cut off there it is broken, cut off before it carries none.
        let error = decode_data_packet(&packet[..len], &LIMITS).unwrap_err();
        let expected = if len == 0 || len == 6 {
            "no_metrics"
        } else {
            "malformed"
        };
        assert_eq!(error.reason(), expected, "{len}");
    }
    batch
        .iter()
        .enumerate()
        .for_each(|(len, _)| feed(&batch[..len]));
    digest(decode_data_packet(&packet, &LIMITS).unwrap());
}

#[test]
fn every_bit_flipped() {
    let packet = data_packet("PA_1", &[&full_batch().encode_to_vec()]);
    for bit in 0..packet.len() * 8 {
        let mut bytes = packet.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        feed(&bytes);
        feed(&bytes[8..]);
    }
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..200)) {
        feed(&bytes);
    }

    /// Pieces of real messages, repeated, cut and mixed.
    #[test]
    fn any_pieces(pieces in vec((0..300_usize, 0..60_usize), 0..12)) {
        let batch = full_batch().encode_to_vec();
        let bytes: Vec<u8> = pieces
            .into_iter()
            .flat_map(|(at, len)| batch.iter().copied().skip(at % batch.len()).take(len))
            .collect();
        feed(&bytes);
        feed(&data_packet("", &[&bytes]));
    }
}

#[test]
fn a_packet_comes_back_and_other_packets_carry_none() {
    let batch = full_batch();
    let bytes = batch.encode_to_vec();
    let packet = DataPacket {
        participant_identity: "PA_1".to_owned(),
        metrics: Some(batch.clone()),
        ..DataPacket::default()
    };
    assert_eq!(data_packet("PA_1", &[&bytes]), packet.encode_to_vec());
    assert_eq!(
        data_packet("PA_1", &[&bytes[..9], &bytes[9..]]),
        packet.encode_to_vec()
    );
    let hidden = DataPacket {
        participant_identity: String::new(),
        ..packet
    };
    assert_eq!(data_packet("", &[&bytes]), hidden.encode_to_vec());
    let more = DataPacket {
        sequence: 9,
        participant_sid: "PA_x".to_owned(),
        ..hidden
    };
    assert_eq!(
        decode_data_packet(&more.encode_to_vec(), &LIMITS),
        Ok(batch)
    );
    // An empty batch is a batch.
    let empty = data_packet("PA_1", &[]);
    assert_eq!(
        decode_data_packet(&empty, &LIMITS),
        Ok(MetricsBatch::default())
    );
    let nothing = DataPacket {
        sequence: 9,
        ..DataPacket::default()
    };
    let error = decode_data_packet(&nothing.encode_to_vec(), &LIMITS);
    assert_eq!(error, Err(DecodeError::NoMetrics));
    // What users send to each other (2) and chat messages (9) are not for us.
    let error = decode_data_packet(&[0x12, 2, 0x0a, 0, 0x4a, 0], &LIMITS);
    assert_eq!(error, Err(DecodeError::NoMetrics));
}

#[test]
fn unknown_fields_are_skipped_and_repeated_ones_are_one() {
    let batch = full_batch();
    let mut bytes = batch.encode_to_vec();
    // Field 15 as a varint, a string, 8 and 4 bytes, and a group with a varint inside.
    let unknown = [
        &[0x78, 0x96, 0x01][..],
        &[0x7a, 3, b'a', b'b', b'c'],
        &[0x79, 1, 2, 3, 4, 5, 6, 7, 8],
        &[0x7d, 1, 2, 3, 4],
        &[0x7b, 0x08, 1, 0x7c],
    ]
    .concat();
    bytes.extend(&unknown);
    assert_eq!(decode_batch(&bytes, &LIMITS), Ok(batch.clone()));
    // A time again: the last one holds. A packet's batch again: one batch of both.
    bytes.extend([0x08, 2]);
    assert_eq!(decode_batch(&bytes, &LIMITS).unwrap().timestamp_ms, 2);
    let twice = data_packet("", &[&bytes]).repeat(2);
    let both = decode_data_packet(&twice, &LIMITS).unwrap();
    assert_eq!(both.time_series.len(), 2 * batch.time_series.len());
    digest(both);
}

#[test]
fn what_is_too_long_is_not_read() {
    let limits = DecodeLimits {
        message_bytes: 100,
        ..LIMITS
    };
    let error = DecodeError::TooLong {
        bytes: 101,
        limit: 100,
    };
    assert_eq!(decode_batch(&[0xff; 101], &limits), Err(error.clone()));
    assert_eq!(decode_data_packet(&[0xff; 101], &limits), Err(error));
    let error = decode_batch(&[0xff; 100], &limits).unwrap_err();
    assert_eq!(error.reason(), "malformed");
    let none = DecodeLimits {
        message_bytes: 0,
        memory_bytes: 0,
    };
    assert_eq!(decode_batch(&[], &none), Ok(MetricsBatch::default()));
}

/// Two bytes on the wire that are a hundred in memory: what would take up too much is not decoded, and what
/// is decoded takes up no more than was said.
#[test]
fn empty_elements_cost_no_more_memory_than_the_limit() {
    let dense = |element: &[u8], wrap: bool| {
        let inner = element.repeat((64_000 / element.len()).min(64_000));
        let Some(wrapped) = wrap.then(|| data_packet("", &[&inner])) else {
            return inner;
        };
        // A row in the place of a packet's batch: the same bytes with another number.
        [&[0x22], &wrapped[1..]].concat()
    };
    let samples = dense(&[0x22, 0], true);
    let series = dense(&[0x22, 0], false);
    let series_of_one = dense(&[0x22, 2, 0x22, 0], false);
    let events = dense(&[0x2a, 0], false);
    let strings = dense(&[0x1a, 0], false);
    let long_strings = dense(&[&[0x1a, 100][..], &[b'x'; 100]].concat(), false);
    let metadata = dense(&[&[0x2a, 102, 0x42, 100][..], &[b'x'; 100]].concat(), false);
    let many = [
        samples,
        series,
        series_of_one,
        events,
        strings,
        long_strings,
        metadata,
    ];
    for (i, bytes) in many.iter().enumerate() {
        for bytes in [bytes.clone(), data_packet("", &[bytes])] {
            let decode = if bytes[0] == 0x42 {
                decode_data_packet
            } else {
                decode_batch
            };
            let refused = measure(|| drop(decode(&bytes, &LIMITS)));
            assert!(
                refused.bytes_max < 3 << 19,
                "{i}: {} bytes",
                refused.bytes_max
            );
            // What it says that it would take up, it does take up; growing, half as much again.
            let tight = DecodeLimits {
                memory_bytes: 0,
                ..LIMITS
            };
            let Err(DecodeError::TooLarge { bytes: said, .. }) = decode(&bytes, &tight) else {
                panic!("{i}: {bytes:?}");
            };
            let wide = DecodeLimits {
                memory_bytes: said,
                ..LIMITS
            };
            let taken = measure(|| drop(decode(&bytes, &wide).unwrap()));
            let most = (said + said / 2 + 4_096) as u64;
            assert!(taken.bytes_max <= most, "{i}: {} > {most}", taken.bytes_max);
            assert!(
                taken.bytes_max * 3 >= said as u64,
                "{i}: {} of {said}",
                taken.bytes_max
            );
        }
    }
    let events = decode_batch(&many[3], &LIMITS).unwrap_err();
    assert_eq!(events.reason(), "too_large");
}

/// A batch as large as a client may send, of the smallest rows that mean something, is not refused.
#[test]
fn the_limits_let_honest_batches_in() {
    let sample = MetricSample {
        timestamp_ms: 1_700_000_000_000,
        value: 1.0,
        ..Default::default()
    };
    let row = TimeSeriesMetric {
        label: 17,
        participant_identity: 4_096,
        samples: vec![sample],
        ..Default::default()
    };
    let mut batch = MetricsBatch {
        str_data: vec!["PA_1".to_owned()],
        ..Default::default()
    };
    while batch.encoded_len() + 30 < LIMITS.message_bytes {
        batch.time_series.push(row.clone());
    }
    assert_eq!(decode_batch(&batch.encode_to_vec(), &LIMITS), Ok(batch));
}
