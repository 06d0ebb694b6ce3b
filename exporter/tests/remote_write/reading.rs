//! Requests read by somebody else's software: bodies decompressed, decoded by a protobuf compiler's schema, and held against
//! what the specifications demand of every request.

use std::path::Path;
use std::sync::OnceLock;

use prost_reflect::{DescriptorPool, DynamicMessage, Value};

use crate::common::receiver::Received;

/// The marker of the specification: "Stale Markers".
pub(crate) const STALE: u64 = 0x7ff0_0000_0000_0002;

/// One series of a request, of either version.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// `name{label="value",…}` with labels in the order of the wire.
    pub(crate) id: String,
    pub(crate) time_ms: i64,
    pub(crate) value: Point,
    pub(crate) exemplars: Vec<Exemplar>,
    /// 2.0 only.
    pub(crate) started_ms: i64,
    pub(crate) kind: i32,
    pub(crate) help: String,
    pub(crate) unit: String,
}

/// Labels, value, and time in ms.
pub(crate) type Exemplar = (Vec<(String, String)>, f64, i64);

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Point {
    Number(f64),
    Stale,
    Native(Native),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Native {
    pub(crate) count: u64,
    pub(crate) sum: f64,
    pub(crate) schema: i32,
    pub(crate) zero_count: u64,
    pub(crate) spans: Vec<(i32, u32)>,
    pub(crate) deltas: Vec<i64>,
}

fn pool() -> &'static DescriptorPool {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    POOL.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/remote_write");
        let files = protox::compile(["v1.proto", "v2.proto"], [folder]).unwrap();
        DescriptorPool::from_file_descriptor_set(files).unwrap()
    })
}

/// The version that a request says it has.
pub(crate) fn version(request: &Received) -> u8 {
    assert_eq!(request.line, "POST /api/v1/write HTTP/1.1");
    assert_eq!(request.header("content-encoding"), Some("snappy"));
    assert!(
        request
            .header("user-agent")
            .unwrap()
            .starts_with("media-metrics/")
    );
    match (
        request.header("content-type").unwrap(),
        request.header("x-prometheus-remote-write-version").unwrap(),
    ) {
        ("application/x-protobuf", "0.1.0") => 1,
        ("application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0") => 2,
        other => panic!("{other:?}"),
    }
}

/// The message of a request, by the schema.
fn message(request: &Received) -> DynamicMessage {
    let name = match version(request) {
        1 => "prometheus.WriteRequest",
        _ => "io.prometheus.write.v2.Request",
    };
    let bytes = snap::raw::Decoder::new()
        .decompress_vec(&request.body)
        .unwrap();
    let descriptor = pool().get_message_by_name(name).unwrap();
    let message = DynamicMessage::decode(descriptor, &*bytes).unwrap();
    assert_eq!(
        unknown_fields(&message),
        0,
        "fields that the schema does not know"
    );
    message
}

fn unknown_fields(message: &DynamicMessage) -> usize {
    let of = |value: &Value| value.as_message().map_or(0, unknown_fields);
    let inner: usize = message
        .fields()
        .map(|(_, value)| match value {
            Value::List(list) => list.iter().map(of).sum(),
            value => of(value),
        })
        .sum();
    message.unknown_fields().count() + inner
}

/// All series of a request; fails where a rule is broken that holds for every request.
pub(crate) fn read(request: &Received) -> Vec<Series> {
    let is_v2 = version(request) == 2;
    let message = message(request);
    let symbols: Vec<String> = match is_v2 {
        true => list(&message, "symbols")
            .iter()
            .map(|s| s.as_str().unwrap().to_owned())
            .collect(),
        false => Vec::new(),
    };
    if is_v2 {
        assert_eq!(symbols[0], "");
        let mut once = symbols.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), symbols.len(), "a symbol twice");
    }
    let all = list(&message, "timeseries");
    assert!(!all.is_empty());
    all.iter()
        .map(|one| series(one.as_message().unwrap(), &symbols, is_v2))
        .collect()
}

fn series(one: &DynamicMessage, symbols: &[String], is_v2: bool) -> Series {
    let labels = labels(one, symbols, is_v2);
    assert!(labels.is_sorted_by(|a, b| a.0 < b.0), "{labels:?}");
    assert!(
        labels
            .iter()
            .all(|(name, value)| !name.is_empty() && !value.is_empty())
    );
    let name = &labels
        .iter()
        .find(|(name, _)| name == "__name__")
        .unwrap()
        .1;
    let others: Vec<String> = labels
        .iter()
        .filter(|(name, _)| name != "__name__")
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    let id = match others.is_empty() {
        true => name.clone(),
        false => format!("{name}{{{}}}", others.join(",")),
    };
    let (samples, histograms) = (list(one, "samples"), list(one, "histograms"));
    assert_eq!(
        samples.len() + histograms.len(),
        1,
        "{id}: one sample of a snapshot"
    );
    let point = samples.iter().chain(&histograms).next().unwrap();
    let point = point.as_message().unwrap();
    let value = match samples.is_empty() {
        true => native(point),
        false => number(point, "value"),
    };
    let metadata = is_v2.then(|| field(one, "metadata"));
    let metadata = metadata.as_ref().map(|m| m.as_message().unwrap());
    let symbol =
        |name| metadata.map_or("", |m| &symbols[field(m, name).as_u32().unwrap() as usize]);
    let exemplars = list(one, "exemplars");
    let exemplars = exemplars.iter().map(|e| {
        let e = e.as_message().unwrap();
        let value = field(e, "value").as_f64().unwrap();
        (self::labels(e, symbols, is_v2), value, int(e, "timestamp"))
    });
    Series {
        id,
        time_ms: int(point, "timestamp"),
        value,
        exemplars: exemplars.collect(),
        started_ms: if is_v2 {
            int(point, "start_timestamp")
        } else {
            0
        },
        kind: metadata.map_or(0, |m| field(m, "type").as_enum_number().unwrap()),
        help: symbol("help_ref").to_owned(),
        unit: symbol("unit_ref").to_owned(),
    }
}

fn labels(one: &DynamicMessage, symbols: &[String], is_v2: bool) -> Vec<(String, String)> {
    if is_v2 {
        let refs = list(one, "labels_refs");
        let texts = refs
            .iter()
            .map(|r| symbols[r.as_u32().unwrap() as usize].clone());
        let texts: Vec<String> = texts.collect();
        assert!(texts.len().is_multiple_of(2));
        return texts
            .chunks(2)
            .map(|pair| (pair[0].clone(), pair[1].clone()))
            .collect();
    }
    let text = |label: &DynamicMessage, name| field(label, name).as_str().unwrap().to_owned();
    let all = list(one, "labels");
    let all = all.iter().map(|label| label.as_message().unwrap());
    all.map(|label| (text(label, "name"), text(label, "value")))
        .collect()
}

fn number(point: &DynamicMessage, name: &str) -> Point {
    let value = field(point, name).as_f64().unwrap();
    match value.to_bits() {
        STALE => Point::Stale,
        _ => Point::Number(value),
    }
}

fn native(point: &DynamicMessage) -> Point {
    if number(point, "sum") == Point::Stale {
        return Point::Stale;
    }
    let schema = field(point, "schema").as_i32().unwrap();
    assert!((-4..=8).contains(&schema), "schema {schema}");
    let spans = list(point, "positive_spans");
    let spans = spans.iter().map(|span| {
        let span = span.as_message().unwrap();
        (
            field(span, "offset").as_i32().unwrap(),
            field(span, "length").as_u32().unwrap(),
        )
    });
    let deltas = list(point, "positive_deltas");
    Point::Native(Native {
        count: field(point, "count_int").as_u64().unwrap(),
        sum: field(point, "sum").as_f64().unwrap(),
        schema,
        zero_count: field(point, "zero_count_int").as_u64().unwrap(),
        spans: spans.collect(),
        deltas: deltas.iter().map(|d| d.as_i64().unwrap()).collect(),
    })
}

fn field(message: &DynamicMessage, name: &str) -> Value {
    message.get_field_by_name(name).unwrap().into_owned()
}

fn list(message: &DynamicMessage, name: &str) -> Vec<Value> {
    field(message, name).as_list().unwrap().to_vec()
}

fn int(message: &DynamicMessage, name: &str) -> i64 {
    field(message, name).as_i64().unwrap()
}
