//! Any batches, merged and emitted: compared with the slow model, by both sets of rules, with and without
//! caps, whole, split, and behind another message.

use media_metrics_core::livekit::Rules;
use media_metrics_core::livekit::batch::{
    Behind, Builder, EncodedBatch, Event, Label, Limits, Part, Restriction, Sample, Sender,
    SharedBatch, Subject,
};
use media_metrics_core::livekit::messages::MetricsBatch;
use media_metrics_core::livekit::time::ServerTime;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use prost::Message;

use crate::model::{Model, Row, bytes, rows, samples_one_by_one, texts};
use crate::random::any_batch;

pub(crate) fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(4_096),
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn any_rules() -> impl Strategy<Value = Rules> {
    prop_oneof![Just(Rules::Corrected), Just(Rules::Reference)]
}

fn any_restriction() -> impl Strategy<Value = Restriction> {
    let identity = prop::sample::select(vec!["", "PA_1", "PA_2", "nobody"]);
    prop_oneof![
        3 => identity.clone().prop_map(Restriction::client_statistics),
        1 => Just(Restriction::none()),
        1 => identity.prop_map(|identity| Restriction::new(vec![0..=1, 17..=4_095], identity)),
    ]
}

fn any_limits() -> impl Strategy<Value = Limits> {
    let small = |most: usize| prop_oneof![3 => 0..most, 2 => Just(usize::MAX)];
    (
        small(12),
        small(5),
        small(20),
        small(13),
        small(10),
        small(400),
    )
        .prop_map(
            |(rows, samples_per_row, table_bytes, string_bytes, metadata_bytes, encoded_bytes)| {
                Limits {
                    rows,
                    samples_per_row,
                    table_bytes,
                    string_bytes,
                    metadata_bytes,
                    encoded_bytes,
                }
            },
        )
}

fn model(restriction: &Restriction, rules: Rules) -> Model {
    let ranges = (0..4_096)
        .filter(|label| restriction.refuses(*label, "somebody else"))
        .map(|label| label..=label);
    Model::new(rules, ranges.collect(), restriction.identity())
}

/// No string without a row that uses it.
fn assert_no_idle_string(batch: &MetricsBatch) {
    let series = batch.time_series.iter();
    let mut used: Vec<u32> = series
        .flat_map(|r| [r.label, r.participant_identity, r.track_sid, r.rid])
        .collect();
    let events = batch.events.iter();
    used.extend(events.flat_map(|e| [e.label, e.participant_identity, e.track_sid, e.rid]));
    for index in 4_096..4_096 + batch.str_data.len() as u32 {
        assert!(used.contains(&index), "nobody uses {index}: {batch:?}");
    }
    let mut distinct = batch.str_data.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), batch.str_data.len(), "a string twice");
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn a_merge_is_what_the_model_says_to_the_byte(
        batch in any_batch(), restriction in any_restriction(), rules in any_rules(), coalescing: bool,
    ) {
        let mut model = model(&restriction, rules);
        let mut builder = Builder::new(restriction).with_rules(rules);
        if coalescing {
            builder = builder.coalescing();
            model.coalescing = true;
        }
        let source = bytes(&batch);
        let counts = builder.merge(&batch);
        prop_assert_eq!(counts, model.merge(&batch));
        prop_assert_eq!(bytes(&batch), source); // only read
        let merged = builder.to_batch();
        prop_assert_eq!(bytes(&merged), bytes(&model.message()));
        prop_assert_eq!(builder.encoded_len(), merged.encoded_len());
        assert_no_idle_string(&merged);
    }

    #[test]
    fn several_merges_have_the_rows_that_the_model_has(
        batches in vec(any_batch(), 0..4), restriction in any_restriction(), rules in any_rules(),
        coalescing: bool,
    ) {
        let mut model = model(&restriction, rules);
        let mut builder = Builder::new(restriction).with_rules(rules);
        if coalescing {
            builder = builder.coalescing();
            model.coalescing = true;
        }
        for batch in &batches {
            prop_assert_eq!(builder.merge(batch), model.merge(batch));
        }
        // The message has the series first.
        model.rows.sort_by_key(|row| row.event.is_some());
        prop_assert_eq!(texts(&rows(&builder.to_batch())), texts(&model.rows));
        prop_assert_eq!(builder.encoded_len(), builder.to_batch().encoded_len());
    }

    /// Below caps: the model's rows, some left out, some shorter; all of it in the books.
    #[test]
    fn caps_hold_and_what_is_cut_is_counted(
        batches in vec(any_batch(), 1..4), limits in any_limits(), rules in any_rules(),
        coalescing: bool,
    ) {
        let mut builder = Builder::new(Restriction::none()).with_limits(limits).with_rules(rules);
        let mut model = model(&Restriction::none(), rules);
        if coalescing {
            builder = builder.coalescing();
        }
        for batch in &batches {
            let (counts, uncut) = (builder.merge(batch), model.merge(batch));
            prop_assert_eq!(counts.rows + counts.rows_dropped(), uncut.rows + uncut.rows_dropped());
            prop_assert!(counts.samples + counts.samples_over_limit <= uncut.samples);
            prop_assert_eq!(counts.samples_non_finite, uncut.samples_non_finite);
            if counts.rows_dropped() == uncut.rows_dropped() {
                prop_assert_eq!(counts.samples + counts.samples_over_limit, uncut.samples);
            }
        }
        let merged = builder.to_batch();
        prop_assert_eq!(builder.encoded_len(), merged.encoded_len());
        assert_no_idle_string(&merged);
        prop_assert!(builder.len() <= limits.rows);
        prop_assert!(merged.encoded_len() <= limits.encoded_bytes);
        prop_assert!(merged.str_data.iter().map(String::len).sum::<usize>() <= limits.table_bytes);
        prop_assert!(merged.str_data.iter().all(|s| s.len() <= limits.string_bytes));
        prop_assert!(merged.time_series.iter().all(|r| r.samples.len() <= limits.samples_per_row));
        prop_assert!(merged.events.iter().all(|e| e.metadata.len() <= limits.metadata_bytes));
        if !coalescing {
            let mut cut = rows(&merged);
            cut.sort_by_key(|row| row.event.is_some());
            model.rows.sort_by_key(|row| row.event.is_some());
            let mut full = model.rows.iter();
            for row in cut {
                let original = full.find(|full| is_cut_from(&row, full));
                prop_assert!(original.is_some(), "not of the model, or out of order: {:?}", row);
            }
        }
    }

    #[test]
    fn messages_are_bounded_and_hold_every_row(
        batches in vec(any_batch(), 0..4), max in 0..600_usize,
    ) {
        let mut builder = Builder::new(Restriction::none());
        for batch in &batches {
            builder.merge(batch);
        }
        let now = ServerTime::from_ns(1_700_000_000_123_456_789);
        builder.set_time(now, now.after(std::time::Duration::from_nanos(1)));
        let whole = builder.to_batch();
        let mut copy = builder.clone();
        let messages = builder.finish(max);
        prop_assert!(builder.is_empty() && builder.encoded_len() == 0);
        let encoded: Vec<_> = copy.encode(max).iter().map(|m| m.bytes().to_vec()).collect();
        prop_assert_eq!(encoded, messages.iter().map(bytes).collect::<Vec<_>>());
        let mut all = Vec::new();
        for message in &messages {
            prop_assert!(is_bounded(message, max), "{} > {max}: {message:?}", message.encoded_len());
            prop_assert_eq!(message.timestamp_ms, whole.timestamp_ms);
            prop_assert_eq!(message.normalized_timestamp, whole.normalized_timestamp);
            assert_no_idle_string(message);
            all.extend(rows(message));
        }
        prop_assert_eq!(samples_one_by_one(&all), samples_one_by_one(&rows(&whole)));
        let fits_in_one = whole.encoded_len() <= max && !whole.time_series.is_empty();
        if fits_in_one {
            prop_assert_eq!(messages.len(), 1);
        }
    }

    #[test]
    fn rows_behind_a_message_are_rows_of_that_message(
        common in any_batch(), own in any_batch(), max in 0..1_200_usize,
    ) {
        let now = ServerTime::from_ns(1_700_000_000_123_456_789);
        let mut builder = Builder::new(Restriction::none());
        builder.merge(&common);
        builder.set_time(now, now);
        for common in builder.encode(usize::MAX) {
            let mut builder = Builder::new(Restriction::client_statistics("PA_1"));
            builder.merge(&own);
            builder.set_time(now, now);
            let own_rows = rows(&builder.to_batch());
            let Behind { tail, more } = builder.encode_behind(&common, max);
            prop_assert!(builder.is_empty());
            prop_assert!(tail.is_empty() || common.bytes().len() + tail.len() <= max);
            let both = MetricsBatch::decode(&*[common.bytes(), &tail].concat()).unwrap();
            let first = MetricsBatch::decode(common.bytes()).unwrap();
            prop_assert_eq!(both.timestamp_ms, first.timestamp_ms);
            prop_assert_eq!(both.normalized_timestamp, first.normalized_timestamp);
            let mut expected = rows(&first);
            expected.extend(own_rows);
            expected.sort_by_key(|row| row.event.is_some());
            let mut got = rows(&both);
            for message in more.iter().map(EncodedBatch::bytes) {
                let message = MetricsBatch::decode(message).unwrap();
                prop_assert!(is_bounded(&message, max));
                prop_assert_eq!(message.timestamp_ms, now.ms());
                got.extend(rows(&message));
            }
            got.sort_by_key(|row| row.event.is_some());
            prop_assert_eq!(samples_one_by_one(&got), samples_one_by_one(&expected));
        }
    }

    /// What a receiver gets of a shared batch, in parts and as a whole, is what the model merges for it from
    /// the sender's own batch.
    #[test]
    fn a_shared_batch_serves_each_receiver_as_a_merge_would(
        batch in any_batch(), receiver in prop::sample::select(vec!["PA_1", "PA_2", "x"]),
        sender in prop::sample::select(vec!["", "PA_1", "PA_2"]), trusted: bool,
    ) {
        let own = Restriction::client_statistics(receiver);
        let mut model = model(&own, Rules::Corrected);
        model.sender = Some((sender.to_owned(), trusted));
        model.merge(&batch);
        model.rows.sort_by_key(|row| row.is_client_statistic());
        model.rows.sort_by_key(|row| row.event.is_some());

        let sender = Sender { identity: sender, trusted };
        let (shared, counts) = SharedBatch::new(batch.clone(), &sender, Limits::default());
        let given = batch.time_series.len() + batch.events.len();
        prop_assert_eq!(counts.rows, shared.len() as u64);
        prop_assert_eq!(counts.rows + counts.rows_dropped(), given as u64);

        let mut whole = Builder::new(own);
        whole.merge_shared(&shared, Part::All);
        prop_assert_eq!(texts(&rows(&whole.to_batch())), texts(&model.rows));

        let mut parts = Builder::new(Restriction::none());
        parts.merge_shared(&shared, Part::Common);
        prop_assert_eq!(parts.is_empty(), !shared.has_common());
        prop_assert!(rows(&parts.to_batch()).iter().all(|row| !row.is_client_statistic()));
        parts.merge_shared(&shared, Part::RestrictedTo(receiver));
        prop_assert_eq!(texts(&rows(&parts.to_batch())), texts(&model.rows));

        let owns = model.rows.iter().any(Row::is_client_statistic);
        prop_assert_eq!(shared.restricted_identities().any(|owner| owner == receiver), owns);
        if !trusted {
            prop_assert!(shared.series().all(|row| row.identity == sender.identity));
        }
    }
}

/// The row itself, or its first samples, or its event with less text.
fn is_cut_from(row: &Row, full: &Row) -> bool {
    let mut cut = full.clone();
    cut.samples.truncate(row.samples.len());
    if let (Some(cut), Some(row)) = (&mut cut.event, &row.event)
        && cut.metadata.starts_with(&row.metadata)
    {
        cut.metadata.clone_from(&row.metadata);
    }
    cut.text() == row.text()
}

/// Within the limit, or nothing of it could go elsewhere.
fn is_bounded(message: &MetricsBatch, max: usize) -> bool {
    let (series, events) = (&message.time_series, &message.events);
    let alone = series.len() + events.len() == 1;
    message.encoded_len() <= max || alone && series.iter().all(|row| row.samples.len() <= 1)
}

/// More strings than two bytes of an index can tell apart, in front of the continuation.
#[test]
fn indexes_behind_a_large_table_grow_by_a_byte() {
    let at = ServerTime::from_ns(0);
    let limits = Limits {
        rows: usize::MAX,
        table_bytes: usize::MAX,
        ..Limits::default()
    };
    let mut builder = Builder::new(Restriction::none()).with_limits(limits);
    for i in 0..16_384 - 4_096 {
        let identity = i.to_string();
        builder
            .add_series(&Subject::of(Label::Number(17), &identity), &[])
            .unwrap();
    }
    let common = builder.encode(usize::MAX).remove(0);
    let own = Subject::of(Label::Custom("own"), "me");
    builder
        .add_series(&own, &[Sample::server(at, 1.0)])
        .unwrap();
    let own_rows = rows(&builder.to_batch());
    let room = common.bytes().len() + builder.encoded_len() + 2;
    assert!(
        builder
            .clone()
            .encode_behind(&common, room - 1)
            .tail
            .is_empty()
    );
    let behind = builder.encode_behind(&common, room);
    let both = MetricsBatch::decode(&*[common.bytes(), &behind.tail].concat()).unwrap();
    assert_eq!(rows(&both).last().unwrap().text(), own_rows[0].text());
    assert_eq!(both.encoded_len(), room);
}

/// The largest row that the default caps let in, with the largest times and indexes.
#[test]
fn any_row_below_the_default_caps_fits_into_6300_bytes() {
    let limits = Limits::default();
    let text = |first: char| format!("{first}{}", "x".repeat(limits.string_bytes - 1));
    let (name, identity, track_sid, rid) = (text('a'), text('b'), text('c'), text('d'));
    let subject = Subject {
        label: Label::Custom(&name),
        identity: &identity,
        track_sid: &track_sid,
        rid: &rid,
    };
    let at = ServerTime::from_ns(-1);
    let event = Event {
        start: at,
        normalized_start: at,
        end: Some(at),
        normalized_end: Some(at),
        metadata: &"x".repeat(limits.metadata_bytes),
    };
    let mut builder = Builder::new(Restriction::none());
    builder.add_event(&subject, &event).unwrap();
    builder.add_event(&subject, &event).unwrap();
    builder.set_time(at, at);
    let messages = builder.encode(6_300);
    assert_eq!(messages.len(), 2);
    assert!(
        messages
            .iter()
            .all(|message| (6_200..=6_300).contains(&message.bytes().len()))
    );
}
