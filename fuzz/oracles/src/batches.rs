//! LiveKit's batches: decoded within bounds, merged by both sets of rules, restricted, shared, written again.
//!
//! Lives here: any bytes and any message, against prost alone and against core's model of merging. Not here: times
//! (`clocks`), the model itself (core's own tests).

use media_metrics_core::livekit::Rules;
use media_metrics_core::livekit::batch::{
    Builder, DecodeError, DecodeLimits, Limits, Part, Restriction, Sender, SharedBatch,
    data_packet, decode_batch, decode_data_packet,
};
use media_metrics_core::livekit::messages::{DataPacket, MetricsBatch};
use prost::Message as _;

use crate::models::batch::{self, Model, rows, samples_one_by_one, texts};

/// More than an input can hold: within these, ours is prost's own decoding.
const WIDE: DecodeLimits = DecodeLimits {
    message_bytes: 1 << 20,
    memory_bytes: 1 << 30,
};

/// The model knows no caps; `capped` holds these.
const UNLIMITED: Limits = Limits {
    rows: usize::MAX,
    samples_per_row: usize::MAX,
    table_bytes: usize::MAX,
    string_bytes: usize::MAX,
    metadata_bytes: usize::MAX,
    encoded_bytes: usize::MAX,
};

const IDENTITY: &str = "PA_1";

/// Takes the bytes for a batch, and for a packet that carries one.
pub fn target(data: &[u8]) {
    let (&choice, bytes) = data.split_first().unwrap_or((&0, &[]));
    let plain = MetricsBatch::decode(bytes).ok();
    let ours = decode_batch(bytes, &WIDE).ok();
    same(ours.as_ref(), plain.as_ref());
    let packet = DataPacket::decode(bytes).ok().and_then(|p| p.metrics);
    same(
        decode_data_packet(bytes, &WIDE).ok().as_ref(),
        packet.as_ref(),
    );
    bounded(bytes, choice);
    if let Some(batch) = &plain {
        let carried = data_packet(IDENTITY, &[bytes]);
        same(
            decode_data_packet(&carried, &WIDE).ok().as_ref(),
            Some(batch),
        );
    }
    for batch in plain.into_iter().chain(packet) {
        merged(&batch, choice);
        capped(&batch, choice);
        shared(batch, choice & 1 == 1);
    }
}

/// As text, for a value that is not a number is not itself.
fn same(ours: Option<&MetricsBatch>, theirs: Option<&MetricsBatch>) {
    assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
}

/// Tight limits refuse, and change nothing of what they let pass; what would take up too much is said to.
fn bounded(bytes: &[u8], choice: u8) {
    let limits = DecodeLimits {
        message_bytes: usize::from(choice) * 8,
        memory_bytes: usize::from(choice) * 16,
    };
    let result = decode_batch(bytes, &limits);
    assert_eq!(
        matches!(result, Err(DecodeError::TooLong { .. })),
        bytes.len() > limits.message_bytes
    );
    match result {
        Ok(batch) => {
            same(Some(&batch), MetricsBatch::decode(bytes).ok().as_ref());
            let rows = batch.time_series.len() + batch.events.len();
            assert!(
                rows * 32 <= limits.memory_bytes.max(32),
                "{rows} rows in {limits:?}"
            );
        }
        Err(DecodeError::TooLarge { bytes: said, limit }) => {
            assert!(said > limit && limit == limits.memory_bytes);
            let wide = DecodeLimits {
                memory_bytes: said,
                ..WIDE
            };
            assert!(!matches!(
                decode_batch(bytes, &wide),
                Err(DecodeError::TooLarge { .. })
            ));
        }
        Err(_) => {}
    }
}

/// Merged once and twice, with and without coalescing, by both sets of rules, as the model does it.
fn merged(batch: &MetricsBatch, choice: u8) {
    let ranges = if choice & 2 == 2 {
        vec![3..=16]
    } else {
        Vec::new()
    };
    for rules in [Rules::Corrected, Rules::Reference] {
        let restriction = match ranges.is_empty() {
            true => Restriction::new(Vec::new(), IDENTITY),
            false => Restriction::client_statistics(IDENTITY),
        };
        let mut model = Model::new(rules, ranges.clone(), IDENTITY);
        model.coalescing = choice & 4 == 4;
        let mut builder = Builder::new(restriction)
            .with_rules(rules)
            .with_limits(UNLIMITED);
        if model.coalescing {
            builder = builder.coalescing();
        }
        for _ in 0..1 + (choice >> 3 & 1) {
            let counts = builder.merge(batch);
            assert_eq!(counts, model.merge(batch));
            assert_eq!(counts.rows + counts.rows_dropped(), given(batch));
        }
        let messages = builder.finish(1_000);
        let told: Vec<_> = messages.iter().flat_map(rows).collect();
        assert_eq!(
            samples_one_by_one(&told).len(),
            samples_one_by_one(&model.rows).len()
        );
        if messages.len() == 1 {
            in_order(&told, &model, rules);
        }
        for message in &messages {
            // What is written is read again as it was, but for a value of -0: prost takes it for the default.
            let again = decode_batch(&message.encode_to_vec(), &WIDE).unwrap();
            let text =
                |batch: &MetricsBatch| format!("{batch:?}").replace("value: -0.0", "value: 0.0");
            assert_eq!(text(&again), text(message));
        }
    }
}

/// Within tight limits: none is passed, and what is kept is a part of what was given.
fn capped(batch: &MetricsBatch, choice: u8) {
    let small = usize::from(choice);
    let limits = Limits {
        rows: small % 5,
        samples_per_row: small % 3,
        table_bytes: small % 40,
        string_bytes: small % 9,
        metadata_bytes: small % 7,
        encoded_bytes: small * 4,
    };
    let mut builder = Builder::new(Restriction::none()).with_limits(limits);
    let counts = builder.merge(batch);
    assert_eq!(counts.rows + counts.rows_dropped(), given(batch));
    assert_eq!(builder.len() as u64, counts.rows);
    let kept = builder.to_batch();
    assert_eq!(builder.encoded_len(), kept.encoded_len());
    // Whatever became of the rows before it, a row has its own names.
    let mut model = Model::new(Rules::default(), Vec::new(), IDENTITY);
    model.merge(batch);
    for row in rows(&kept) {
        let mut given = model.rows.iter();
        assert!(
            given.any(|given| given.label == row.label && given.fields == row.fields),
            "{row:?}"
        );
    }
    assert!(builder.len() <= limits.rows, "{} rows", builder.len());
    assert!(kept.str_data.iter().map(String::len).sum::<usize>() <= limits.table_bytes);
    assert!(kept.str_data.iter().all(|s| s.len() <= limits.string_bytes));
    assert!(
        kept.time_series
            .iter()
            .all(|s| s.samples.len() <= limits.samples_per_row)
    );
    assert!(
        kept.events
            .iter()
            .all(|e| e.metadata.len() <= limits.metadata_bytes)
    );
    assert!(
        builder.is_empty() || kept.encoded_len() <= limits.encoded_bytes,
        "{kept:?}"
    );
}

fn in_order(told: &[batch::Row], model: &Model, rules: Rules) {
    let (series, events): (Vec<_>, Vec<_>) =
        model.rows.iter().cloned().partition(|r| r.event.is_none());
    let wanted: Vec<_> = series.into_iter().chain(events).collect();
    assert_eq!(texts(told), texts(&wanted), "{rules:?}");
}

fn given(batch: &MetricsBatch) -> u64 {
    (batch.time_series.len() + batch.events.len()) as u64
}

/// The way of a client's batch to all others of its room: rows are held against who sent them.
fn shared(batch: MetricsBatch, trusted: bool) {
    let sender = Sender {
        identity: IDENTITY,
        trusted,
    };
    let mut model = Model::new(Rules::Corrected, Vec::new(), IDENTITY);
    model.sender = Some((IDENTITY.to_owned(), trusted));
    let wanted = model.merge(&batch);
    let rows = given(&batch);
    let (shared, counts) = SharedBatch::new(batch, &sender, UNLIMITED);
    assert_eq!(counts, wanted);
    assert_eq!(counts.rows + counts.rows_dropped(), rows);
    assert_eq!(shared.len() as u64, counts.rows);
    // Whoever may have all of it gets what the model has.
    let mut builder = Builder::new(Restriction::none()).with_limits(UNLIMITED);
    builder.merge_shared(&shared, Part::All);
    let [message] = &builder.finish(usize::MAX)[..] else {
        return assert_eq!(counts.rows, 0);
    };
    let sorted = |rows: &[batch::Row]| {
        let mut texts = texts(rows);
        texts.sort();
        texts
    };
    assert_eq!(sorted(&batch::rows(message)), sorted(&model.rows));
}
