//! Our messages against the schema, compiled by a protobuf compiler: what we write is read by field name,
//! and the other way round.

use std::collections::HashMap;
use std::path::Path;
use std::sync::OnceLock;

use media_metrics_core::livekit::batch::{FIRST_STRING_INDEX, MetricLabel};
use media_metrics_core::livekit::messages::{
    DataPacket, EventMetric, MetricSample, MetricsBatch, MetricsRecordingHeader, TimeSeriesMetric,
    Timestamp,
};
use proptest::prelude::*;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, Value};
use serde_json::json;

use crate::messages::cases;
use crate::random::any_batch;

/// The compiled schema.
fn pool() -> &'static DescriptorPool {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    POOL.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/livekit");
        let files = protox::compile(["livekit_models.proto"], [folder]).unwrap();
        DescriptorPool::from_file_descriptor_set(files).unwrap()
    })
}

pub(crate) fn descriptor(message: &str) -> MessageDescriptor {
    let name = format!("livekit.{message}");
    pool().get_message_by_name(&name).unwrap()
}

/// A message in protobuf's JSON mapping, by the schema's names.
pub(crate) fn from_json(message: &str, json: &serde_json::Value) -> Vec<u8> {
    let message = DynamicMessage::deserialize(descriptor(message), json).unwrap();
    message.encode_to_vec()
}

/// The same, in the other direction.
fn to_json(message: &str, bytes: &[u8]) -> serde_json::Value {
    let message = DynamicMessage::decode(descriptor(message), bytes).unwrap();
    assert_eq!(
        unknown_fields(&message),
        0,
        "fields that the schema does not know"
    );
    let options = prost_reflect::SerializeOptions::new().use_proto_field_name(true);
    message
        .serialize_with_options(serde_json::value::Serializer, &options)
        .unwrap()
}

fn unknown_fields(message: &DynamicMessage) -> usize {
    let inner: usize = message
        .fields()
        .map(|(_, value)| match value {
            Value::Message(inner) => unknown_fields(inner),
            Value::List(list) => list
                .iter()
                .filter_map(Value::as_message)
                .map(unknown_fields)
                .sum(),
            _ => 0,
        })
        .sum();
    message.unknown_fields().count() + inner
}

/// Every field with a value of its own, so that no two can be mixed up.
#[test]
fn every_field_has_the_name_that_the_schema_gives_it() {
    let at = |seconds| Some(Timestamp { seconds, nanos: 5 });
    let time = |seconds: i64| format!("1970-01-01T00:00:{seconds:02}.000000005Z");
    let batch = MetricsBatch {
        timestamp_ms: -1,
        normalized_timestamp: at(2),
        str_data: vec!["three".to_owned(), String::new()],
        time_series: vec![TimeSeriesMetric {
            label: 41,
            participant_identity: 42,
            track_sid: 43,
            samples: vec![MetricSample {
                timestamp_ms: 441,
                normalized_timestamp: at(44),
                value: 443.5,
            }],
            rid: 45,
        }],
        events: vec![EventMetric {
            label: 51,
            participant_identity: 52,
            track_sid: 53,
            start_timestamp_ms: 54,
            end_timestamp_ms: Some(0),
            normalized_start_timestamp: at(56),
            normalized_end_timestamp: Some(Timestamp::default()),
            metadata: "58".to_owned(),
            rid: 59,
        }],
    };
    let expected = json!({
        "timestamp_ms": "-1",
        "normalized_timestamp": time(2),
        "str_data": ["three", ""],
        "time_series": [{
            "label": 41, "participant_identity": 42, "track_sid": 43, "rid": 45,
            "samples": [{"timestamp_ms": "441", "normalized_timestamp": time(44), "value": 443.5}],
        }],
        "events": [{
            "label": 51, "participant_identity": 52, "track_sid": 53,
            "start_timestamp_ms": "54", "end_timestamp_ms": "0",
            "normalized_start_timestamp": time(56),
            "normalized_end_timestamp": "1970-01-01T00:00:00Z",
            "metadata": "58", "rid": 59,
        }],
    });
    assert_eq!(to_json("MetricsBatch", &batch.encode_to_vec()), expected);
    assert_eq!(
        MetricsBatch::decode(&*from_json("MetricsBatch", &expected)).unwrap(),
        batch
    );

    let packet = DataPacket {
        participant_identity: "four".to_owned(),
        metrics: Some(batch),
        sequence: 16,
        participant_sid: "seventeen".to_owned(),
    };
    let expected = json!({
        "participant_identity": "four", "metrics": expected, "sequence": 16,
        "participant_sid": "seventeen",
    });
    assert_eq!(to_json("DataPacket", &packet.encode_to_vec()), expected);
    assert_eq!(
        DataPacket::decode(&*from_json("DataPacket", &expected)).unwrap(),
        packet
    );

    let header = MetricsRecordingHeader {
        room_id: "one".to_owned(),
        duration: 3,
        start_time: at(4),
        room_tags: HashMap::from([("five".to_owned(), "5".to_owned())]),
        room_name: "six".to_owned(),
        room_start_time: at(7),
        job_id: "eight".to_owned(),
        simulated: true,
        redaction_enabled: true,
    };
    let expected = json!({
        "room_id": "one", "duration": "3", "start_time": time(4), "room_tags": {"five": "5"},
        "room_name": "six", "room_start_time": time(7), "job_id": "eight", "simulated": true,
        "redaction_enabled": true,
    });
    assert_eq!(
        to_json("MetricsRecordingHeader", &header.encode_to_vec()),
        expected
    );
    let bytes = from_json("MetricsRecordingHeader", &expected);
    assert_eq!(MetricsRecordingHeader::decode(&*bytes).unwrap(), header);
}

/// The two booleans at the end of a header, one without the other.
#[test]
fn simulated_and_redacted_are_two_things() {
    for (name, header) in [
        (
            "simulated",
            MetricsRecordingHeader {
                simulated: true,
                ..Default::default()
            },
        ),
        (
            "redaction_enabled",
            MetricsRecordingHeader {
                redaction_enabled: true,
                ..Default::default()
            },
        ),
    ] {
        let json = to_json("MetricsRecordingHeader", &header.encode_to_vec());
        assert_eq!(json, json!({ name: true }));
    }
}

/// A field of the schema that none of our messages has would be lost on the way through.
#[test]
fn no_field_of_the_schema_is_left_out() {
    for (message, fields) in [
        ("MetricsBatch", 5),
        ("TimeSeriesMetric", 5),
        ("MetricSample", 3),
        ("EventMetric", 9),
        ("MetricsRecordingHeader", 9),
    ] {
        assert_eq!(descriptor(message).fields().len(), fields, "{message}");
    }
    let header = descriptor("MetricsRecordingHeader");
    assert!(header.reserved_ranges().any(|range| range.contains(&2)));
}

#[test]
fn labels_have_the_schemas_names_and_numbers() {
    let schema = pool().get_enum_by_name("livekit.MetricLabel").unwrap();
    for label in MetricLabel::ALL {
        let value = schema.get_value(label.number().cast_signed()).unwrap();
        assert_eq!(value.name(), label.name());
    }
    let end = schema
        .get_value_by_name("METRIC_LABEL_PREDEFINED_MAX_VALUE")
        .unwrap();
    assert_eq!(end.number().cast_unsigned(), FIRST_STRING_INDEX);
    assert_eq!(schema.values().len(), MetricLabel::ALL.len() + 1);
}

/// Written by name from a schema, message by message; `None` fields are left out.
fn dynamic(message: &str, fields: Vec<(&str, Option<Value>)>) -> DynamicMessage {
    let mut dynamic = DynamicMessage::new(descriptor(message));
    for (name, value) in fields {
        if let Some(value) = value {
            dynamic.set_field_by_name(name, value);
        }
    }
    dynamic
}

fn dynamic_time(time: Option<Timestamp>) -> Option<Value> {
    let descriptor = pool()
        .get_message_by_name("google.protobuf.Timestamp")
        .unwrap();
    time.map(|time| {
        let mut dynamic = DynamicMessage::new(descriptor);
        dynamic.set_field_by_name("seconds", Value::I64(time.seconds));
        dynamic.set_field_by_name("nanos", Value::I32(time.nanos));
        Value::Message(dynamic)
    })
}

fn dynamic_batch(batch: &MetricsBatch) -> DynamicMessage {
    let sample = |s: &MetricSample| {
        Value::Message(dynamic(
            "MetricSample",
            vec![
                ("timestamp_ms", Some(Value::I64(s.timestamp_ms))),
                ("normalized_timestamp", dynamic_time(s.normalized_timestamp)),
                ("value", Some(Value::F32(s.value))),
            ],
        ))
    };
    let series = |s: &TimeSeriesMetric| {
        Value::Message(dynamic(
            "TimeSeriesMetric",
            vec![
                ("label", Some(Value::U32(s.label))),
                (
                    "participant_identity",
                    Some(Value::U32(s.participant_identity)),
                ),
                ("track_sid", Some(Value::U32(s.track_sid))),
                ("rid", Some(Value::U32(s.rid))),
                (
                    "samples",
                    Some(Value::List(s.samples.iter().map(sample).collect())),
                ),
            ],
        ))
    };
    let event = |e: &EventMetric| {
        Value::Message(dynamic(
            "EventMetric",
            vec![
                ("label", Some(Value::U32(e.label))),
                (
                    "participant_identity",
                    Some(Value::U32(e.participant_identity)),
                ),
                ("track_sid", Some(Value::U32(e.track_sid))),
                ("rid", Some(Value::U32(e.rid))),
                ("start_timestamp_ms", Some(Value::I64(e.start_timestamp_ms))),
                ("end_timestamp_ms", e.end_timestamp_ms.map(Value::I64)),
                (
                    "normalized_start_timestamp",
                    dynamic_time(e.normalized_start_timestamp),
                ),
                (
                    "normalized_end_timestamp",
                    dynamic_time(e.normalized_end_timestamp),
                ),
                ("metadata", Some(Value::String(e.metadata.clone()))),
            ],
        ))
    };
    let strings = batch.str_data.iter().cloned().map(Value::String);
    dynamic(
        "MetricsBatch",
        vec![
            ("timestamp_ms", Some(Value::I64(batch.timestamp_ms))),
            (
                "normalized_timestamp",
                dynamic_time(batch.normalized_timestamp),
            ),
            ("str_data", Some(Value::List(strings.collect()))),
            (
                "time_series",
                Some(Value::List(batch.time_series.iter().map(series).collect())),
            ),
            (
                "events",
                Some(Value::List(batch.events.iter().map(event).collect())),
            ),
        ],
    )
}

proptest! {
    #![proptest_config(cases(500))]

    /// Ours and the compiler's bytes are the same, for any batch; and both are read alike.
    #[test]
    fn any_batch_has_the_bytes_of_the_schema(batch in any_batch()) {
        let ours = batch.encode_to_vec();
        let theirs = dynamic_batch(&batch).encode_to_vec();
        prop_assert_eq!(&ours, &theirs);
        prop_assert_eq!(MetricsBatch::decode(&*theirs).unwrap().encode_to_vec(), ours);
    }
}
