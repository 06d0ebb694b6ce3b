//! The published vectors: 6 encodings, and 19 merges by the reference's rules and by the corrected ones, to
//! the byte.

use media_metrics_core::livekit::Rules;
use media_metrics_core::livekit::batch::{Builder, Restriction};
use media_metrics_core::livekit::messages::MetricsBatch;
use prost::Message;
use serde_json::Value;

use crate::schema::from_json;

fn vectors(kind: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../data/livekit/batches.json")).unwrap();
    all[kind].as_array().unwrap().clone()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The published bytes of an encoding, in hex.
pub(crate) fn encoding(name: &str) -> String {
    let vectors = vectors("encode");
    let vector = vectors
        .iter()
        .find(|vector| vector["name"] == name)
        .unwrap();
    vector["hex"].as_str().unwrap().to_owned()
}

/// A message in JSON, read by the compiled schema.
fn message(json: &Value) -> MetricsBatch {
    MetricsBatch::decode(&*from_json("MetricsBatch", json)).unwrap()
}

#[test]
fn encodings() {
    let vectors = vectors("encode");
    assert_eq!(vectors.len(), 6);
    for vector in &vectors {
        let name = &vector["name"];
        let batch = message(&vector["message"]);
        let bytes = batch.encode_to_vec();
        assert_eq!(hex(&bytes), vector["hex"], "{name}");
        assert_eq!(bytes.len(), vector["bytes"], "{name}");
        assert_eq!(batch.encoded_len(), bytes.len(), "{name}");
        assert_eq!(MetricsBatch::decode(&*bytes).unwrap(), batch, "{name}");
    }
}

fn restriction(vector: &Value) -> Restriction {
    let number = |v: &Value| u32::try_from(v.as_u64().unwrap()).unwrap();
    let ranges = vector["restricted_ranges"].as_array().unwrap();
    let ranges = ranges.iter().map(|r| number(&r[0])..=number(&r[1]));
    Restriction::new(
        ranges.collect(),
        vector["restricted_identity"].as_str().unwrap(),
    )
}

fn merges(rules: Rules, column: &str) {
    let vectors = vectors("merge");
    assert_eq!(vectors.len(), 19);
    for vector in &vectors {
        let name = &vector["name"];
        let mut builder = Builder::new(restriction(vector)).with_rules(rules);
        for base in vector["base"].as_array().unwrap() {
            builder.merge(&message(base));
        }
        let other = message(&vector["other"]);
        let given = other.time_series.len() + other.events.len();
        let counts = builder.merge(&other);
        let expected = &vector[column];
        let batch = builder.to_batch();
        assert_eq!(batch, message(&expected["message"]), "{name}");
        assert_eq!(hex(&batch.encode_to_vec()), expected["hex"], "{name}");
        assert_eq!(builder.encoded_len(), batch.encoded_len(), "{name}");
        assert_eq!(counts.rows + counts.rows_dropped(), given as u64, "{name}");
        if rules == Rules::Corrected {
            assert_eq!(counts.rows_dropped(), expected["rows_dropped"], "{name}");
        }
        let emitted: Vec<_> = builder
            .encode(usize::MAX)
            .iter()
            .map(|m| hex(m.bytes()))
            .collect();
        let message = expected["hex"].as_str().unwrap();
        let expected = if message.is_empty() {
            &[][..]
        } else {
            &[message]
        };
        assert_eq!(emitted, expected, "{name}");
    }
}

#[test]
fn merges_by_the_corrected_rules() {
    merges(Rules::Corrected, "corrected");
}

#[test]
fn merges_by_the_references_rules() {
    merges(Rules::Reference, "reference");
}
