//! LiveKit's own client packages and our messages: what one side writes, the other reads.
//!
//! Random messages with a fixed seed, in both directions: negative times, an end of 0, labels that nobody
//! knows, indexes that lead nowhere, texts of all kinds.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::HashMap;

use fastrand::Rng;
use media_metrics_core::livekit::batch::{
    Builder, DecodeLimits, Label, MetricLabel, Restriction, Sample, Subject, data_packet,
    decode_data_packet,
};
use media_metrics_core::livekit::messages::{
    DataPacket, EventMetric, MetricSample, MetricsBatch, MetricsRecordingHeader, TimeSeriesMetric,
    Timestamp,
};
use media_metrics_core::livekit::time::ServerTime;
use media_metrics_tests::livekit::Peer;
use prost::Message;
use serde_json::{Value, json};

const SEED: u32 = 20_261;
const MESSAGES: u32 = 400;

const TEXTS: [&str; 7] = ["", "PA_1", "TR_1", "q", "CustomMetric", "żółć", "\0"];

// What is in our messages, in the peers' words.

fn time(time: Option<Timestamp>) -> Value {
    time.map_or(
        Value::Null,
        |t| json!({"seconds": t.seconds.to_string(), "nanos": t.nanos}),
    )
}

fn series(row: &TimeSeriesMetric) -> Value {
    let sample = |s: &MetricSample| {
        json!({
            "timestamp_ms": s.timestamp_ms.to_string(),
            "normalized_timestamp": time(s.normalized_timestamp),
            "value": s.value.to_bits(),
        })
    };
    json!({
        "label": row.label,
        "participant_identity": row.participant_identity,
        "track_sid": row.track_sid,
        "rid": row.rid,
        "samples": row.samples.iter().map(sample).collect::<Vec<_>>(),
    })
}

fn event(event: &EventMetric) -> Value {
    json!({
        "label": event.label,
        "participant_identity": event.participant_identity,
        "track_sid": event.track_sid,
        "rid": event.rid,
        "start_timestamp_ms": event.start_timestamp_ms.to_string(),
        "end_timestamp_ms": event.end_timestamp_ms.map(|end| end.to_string()),
        "normalized_start_timestamp": time(event.normalized_start_timestamp),
        "normalized_end_timestamp": time(event.normalized_end_timestamp),
        "metadata": event.metadata,
    })
}

fn batch(batch: &MetricsBatch) -> Value {
    json!({
        "timestamp_ms": batch.timestamp_ms.to_string(),
        "normalized_timestamp": time(batch.normalized_timestamp),
        "str_data": batch.str_data,
        "time_series": batch.time_series.iter().map(series).collect::<Vec<_>>(),
        "events": batch.events.iter().map(event).collect::<Vec<_>>(),
    })
}

fn packet(packet: &DataPacket) -> Value {
    json!({
        "participant_identity": packet.participant_identity,
        "sequence": packet.sequence,
        "participant_sid": packet.participant_sid,
        "metrics": packet.metrics.as_ref().map(batch),
    })
}

fn header(header: &MetricsRecordingHeader) -> Value {
    json!({
        "room_id": header.room_id,
        "duration": header.duration.to_string(),
        "start_time": time(header.start_time),
        "room_tags": header.room_tags,
        "room_name": header.room_name,
        "room_start_time": time(header.room_start_time),
        "job_id": header.job_id,
        "simulated": header.simulated,
        "redaction_enabled": header.redaction_enabled,
    })
}

// Random messages of ours.

fn text(rng: &mut Rng) -> String {
    rng.choice(TEXTS).unwrap().to_owned()
}

fn some_time(rng: &mut Rng) -> Option<Timestamp> {
    let any = rng.i64(0..1 << 33);
    let seconds = rng.choice([0, -1, -62_135_596_800, i64::MAX, any])?;
    let nanos = rng.choice([0, 1, 999_999_999])?;
    rng.bool().then_some(Timestamp { seconds, nanos })
}

fn int64(rng: &mut Rng) -> i64 {
    let bits = rng.u32(0..64);
    let any = rng.i64(..) >> bits;
    rng.choice([0, -1, i64::MIN, i64::MAX, any]).unwrap()
}

fn index(rng: &mut Rng) -> u32 {
    rng.choice([0, 1, 17, 3_000, 4_095, 4_096, 4_097, 5_000, u32::MAX])
        .unwrap()
}

fn several<T>(rng: &mut Rng, most: usize, mut one: impl FnMut(&mut Rng) -> T) -> Vec<T> {
    (0..rng.usize(..most)).map(|_| one(rng)).collect()
}

fn some_packet(rng: &mut Rng) -> DataPacket {
    let some_sample = |rng: &mut Rng| MetricSample {
        timestamp_ms: int64(rng),
        normalized_timestamp: some_time(rng),
        value: rng.f32() * 1_000.0 - 500.0,
    };
    let some_series = |rng: &mut Rng| TimeSeriesMetric {
        label: index(rng),
        participant_identity: index(rng),
        track_sid: index(rng),
        samples: several(rng, 5, some_sample),
        rid: index(rng),
    };
    let some_event = |rng: &mut Rng| EventMetric {
        label: index(rng),
        participant_identity: index(rng),
        track_sid: index(rng),
        start_timestamp_ms: int64(rng),
        end_timestamp_ms: rng.bool().then(|| int64(rng)),
        normalized_start_timestamp: some_time(rng),
        normalized_end_timestamp: some_time(rng),
        metadata: text(rng),
        rid: index(rng),
    };
    let metrics = MetricsBatch {
        timestamp_ms: int64(rng),
        normalized_timestamp: some_time(rng),
        str_data: several(rng, 6, text),
        time_series: several(rng, 6, some_series),
        events: several(rng, 4, some_event),
    };
    DataPacket {
        participant_identity: text(rng),
        metrics: Some(metrics),
        sequence: rng.u32(..),
        participant_sid: text(rng),
    }
}

fn some_header(rng: &mut Rng) -> MetricsRecordingHeader {
    MetricsRecordingHeader {
        room_id: text(rng),
        duration: rng.u64(..),
        start_time: some_time(rng),
        room_tags: several(rng, 4, |rng| (text(rng), text(rng)))
            .into_iter()
            .collect(),
        room_name: text(rng),
        room_start_time: some_time(rng),
        job_id: text(rng),
        simulated: rng.bool(),
        redaction_enabled: rng.bool(),
    }
}

// The two directions.

fn theirs_are_read_here(peer: &Peer, headers: bool) {
    let limits = DecodeLimits::default();
    let mut kinds = HashMap::new();
    for made in peer.make(SEED, MESSAGES) {
        match made.kind.as_str() {
            "packet" => {
                let read = DataPacket::decode(&*made.bytes).unwrap();
                assert_eq!(packet(&read), made.content);
                let metrics = decode_data_packet(&made.bytes, &limits).unwrap();
                assert_eq!(batch(&metrics), made.content["metrics"]);
                // Written again it is the same message.
                assert_eq!(read.encode_to_vec(), made.bytes);
            }
            "header" => {
                let read = MetricsRecordingHeader::decode(&*made.bytes).unwrap();
                assert_eq!(header(&read), made.content);
            }
            kind => panic!("what is a {kind}?"),
        }
        *kinds.entry(made.kind).or_insert(0) += 1;
    }
    assert!(kinds["packet"] >= MESSAGES * 3 / 4, "{kinds:?}");
    assert_eq!(kinds.contains_key("header"), headers, "{kinds:?}");
}

fn ours_are_read_there(peer: &Peer, headers: bool) {
    let mut rng = Rng::with_seed(SEED.into());
    let mut messages = Vec::new();
    let mut contents = Vec::new();
    for _ in 0..MESSAGES {
        let message = some_packet(&mut rng);
        messages.push(("packet", message.encode_to_vec()));
        contents.push(packet(&message));
        if headers {
            let message = some_header(&mut rng);
            messages.push(("header", message.encode_to_vec()));
            contents.push(header(&message));
        }
    }
    for (read, content) in peer.read(&messages).iter().zip(&contents) {
        assert_eq!(read, content);
    }
}

/// What a server sends: built, emitted, continued and wrapped without a look at the message.
fn what_a_server_emits_is_read_there(peer: &Peer) {
    let now = ServerTime::from_ns(1_700_000_010_000_000_000);
    let mut builder = Builder::new(Restriction::none());
    let rtt = Subject::of(MetricLabel::PublisherRtt, "PA_1");
    builder
        .add_series(&rtt, &[Sample::server(now, 0.042)])
        .unwrap();
    builder.set_time(now, now);
    let common = builder.encode(usize::MAX).remove(0);
    let own = Subject {
        track_sid: "TR_1",
        ..Subject::of(Label::Custom("own"), "PA_2")
    };
    builder
        .add_series(&own, &[Sample::server(now, 1.0)])
        .unwrap();
    let behind = builder.encode_behind(&common, 60_000);
    let bytes = data_packet("PA_2", &[common.bytes(), &behind.tail]);
    let read = peer.read(&[("packet", bytes)]).remove(0);
    assert_eq!(read["participant_identity"], "PA_2");
    let metrics = &read["metrics"];
    assert_eq!(metrics["timestamp_ms"], "1700000010000");
    assert_eq!(metrics["str_data"], json!(["PA_1", "own", "PA_2", "TR_1"]));
    let indexes = |row: &Value| {
        ["label", "participant_identity", "track_sid"].map(|field| row[field].as_u64().unwrap())
    };
    let rows = metrics["time_series"].as_array().unwrap();
    let rows: Vec<_> = rows.iter().map(indexes).collect();
    assert_eq!(rows, [[17, 4_096, 0], [4_097, 4_098, 4_099]]);
}

fn labels_are_the_same(peer: &Peer) {
    let mut ours: HashMap<&str, u32> = MetricLabel::ALL
        .iter()
        .map(|l| (l.name(), l.number()))
        .collect();
    ours.insert("METRIC_LABEL_PREDEFINED_MAX_VALUE", 4_096);
    assert_eq!(json!(ours), peer.labels());
}

#[test]
fn python() {
    let peer = Peer::python();
    theirs_are_read_here(&peer, true);
    ours_are_read_there(&peer, true);
    what_a_server_emits_is_read_there(&peer);
    labels_are_the_same(&peer);
}

/// Its package has no header of recordings.
#[test]
fn javascript() {
    let peer = Peer::node();
    theirs_are_read_here(&peer, false);
    ours_are_read_there(&peer, false);
    what_a_server_emits_is_read_there(&peer);
    labels_are_the_same(&peer);
}
