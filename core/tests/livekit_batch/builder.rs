//! Building by hand: the published encodings again, what is refused, and what a refusal leaves behind.

use media_metrics_core::livekit::batch::{
    AddError, AddSamplesError, Builder, Cap, Event, Label, Limits, MetricLabel, Part, Restriction,
    Sample, Sender, SharedBatch, Subject,
};
use media_metrics_core::livekit::messages::{EventMetric, MetricsBatch, TimeSeriesMetric};
use media_metrics_core::livekit::time::ServerTime;
use prost::Message;

use crate::vectors::encoding;

const S: i64 = 1_000_000_000;

fn at(ns: i64) -> ServerTime {
    ServerTime::from_ns(ns)
}

fn sample(value: f32) -> Sample {
    Sample::server(at(S), value)
}

fn event(start: i64, normalized_start: i64) -> Event<'static> {
    Event {
        start: at(start),
        normalized_start: at(normalized_start),
        end: None,
        normalized_end: None,
        metadata: "",
    }
}

/// The builder's bytes: kept up to date, copied, and emitted, they are the same.
fn hex(mut builder: Builder) -> String {
    let bytes = builder.to_batch().encode_to_vec();
    assert_eq!(builder.encoded_len(), bytes.len());
    assert_eq!(builder.encode(usize::MAX)[0].bytes(), bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn round_trips_have_the_published_bytes() {
    let t = 1_700_000_000 * S;
    let mut builder = Builder::new(Restriction::client_statistics("PA_1"));
    let publisher = Subject::of(MetricLabel::PublisherRtt, "PA_1");
    let row = builder
        .add_series(&publisher, &[Sample::server(at(t + 3 * S), 0.042)])
        .unwrap();
    let subscriber = Subject::of(MetricLabel::SubscriberRtt, "PA_1");
    let samples = [Sample::server(at(t + 3 * S), 0.031)];
    assert_eq!(builder.add_series(&subscriber, &samples), Ok(row + 1));
    builder
        .add_samples(row, &[Sample::server(at(t + 6 * S), 0.05)])
        .unwrap();
    builder.set_time(at(t + 10 * S), at(t + 10 * S));
    assert_eq!(
        hex(builder),
        encoding("publisher and subscriber RTT of one participant")
    );
}

#[test]
fn custom_labels_tracks_and_layers_have_the_published_bytes() {
    let mut builder = Builder::new(Restriction::none());
    let subject = Subject {
        label: Label::Custom("CustomMetric"),
        identity: "PA_1",
        track_sid: "TR_1",
        rid: "q",
    };
    let sample = Sample {
        at: at(5_000_000),
        normalized: at(5_005_000_000),
        value: -1.5,
    };
    builder.add_series(&subject, &[sample]).unwrap();
    assert_eq!(hex(builder), encoding("custom label, track and rid"));
}

#[test]
fn events_have_the_published_bytes() {
    let mut builder = Builder::new(Restriction::none());
    let subject = Subject {
        track_sid: "TR_1",
        ..Subject::of(MetricLabel::AgentsSttTtft, "PA_1")
    };
    let ended = Event {
        end: Some(at(0)),
        metadata: "{}",
        ..event(S, 1_500_000_000)
    };
    builder.add_event(&subject, &ended).unwrap();
    assert_eq!(hex(builder), encoding("event with an explicit end of 0"));

    let mut builder = Builder::new(Restriction::none());
    let subject = Subject::of(Label::Custom("E"), "");
    // Rounded down: 6.5 ms before 1970 are in the millisecond -7.
    builder
        .add_event(&subject, &event(-6_500_000, -1_500_000_000))
        .unwrap();
    assert_eq!(hex(builder), encoding("negative times"));
}

#[test]
fn times_alone_are_no_rows() {
    let mut builder = Builder::new(Restriction::none());
    let t = at(1_700_000_000_123_000_000);
    builder.set_time(t, t);
    assert!(builder.is_empty());
    let bytes = builder.to_batch().encode_to_vec();
    assert_eq!(builder.encoded_len(), bytes.len());
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, encoding("times only"));
    assert_eq!(builder.encode(usize::MAX), []);
    // Both ends of the range are moments like others.
    builder.set_time(at(i64::MIN), at(i64::MAX));
    let batch = builder.to_batch();
    assert_eq!(batch.timestamp_ms, -9_223_372_036_855);
    assert_eq!(batch.normalized_timestamp.unwrap().seconds, 9_223_372_036);
}

#[test]
fn a_series_without_samples_is_a_row() {
    let mut builder = Builder::new(Restriction::none());
    let subject = Subject::of(MetricLabel::PublisherRtt, "");
    assert_eq!(builder.add_series(&subject, &[]), Ok(0));
    assert!(!builder.is_empty());
    assert_eq!(builder.add_samples(0, &[]), Ok(()));
    let index = AddSamplesError::InvalidIndex {
        index: 1,
        series: 1,
    };
    assert_eq!(builder.add_samples(1, &[]), Err(index));
    assert_eq!(builder.finish(usize::MAX)[0].time_series.len(), 1);
    // Indexes start over.
    let index = AddSamplesError::InvalidIndex {
        index: 0,
        series: 0,
    };
    assert_eq!(builder.add_samples(0, &[sample(1.0)]), Err(index));
    assert_eq!(builder.add_series(&subject, &[]), Ok(0));
}

/// A refusal changes nothing, and says what and why.
#[test]
fn what_is_refused_leaves_no_trace() {
    let limits = Limits {
        rows: 2,
        samples_per_row: 2,
        table_bytes: 8,
        string_bytes: 6,
        metadata_bytes: 3,
        encoded_bytes: 60,
    };
    let mut builder = Builder::new(Restriction::client_statistics("PA_1")).with_limits(limits);
    let rtt = Subject::of(MetricLabel::PublisherRtt, "PA_1");
    let row = builder.add_series(&rtt, &[sample(0.1)]).unwrap();
    let before = builder.to_batch();
    let full = |cap, limit| AddError::Full { cap, limit };
    let of = |label, identity| Subject::of(label, identity);
    let number = |number| AddError::InvalidLabel {
        number: Some(number),
    };
    let freezes = Label::Number(3);
    for (subject, samples, error) in [
        (of(Label::Number(-1), "X"), vec![], number(-1)),
        (of(Label::Number(i32::MIN), "X"), vec![], number(i32::MIN)),
        (of(Label::Number(4_096), "X"), vec![], number(4_096)),
        (
            of(Label::Custom(""), "X"),
            vec![],
            AddError::InvalidLabel { number: None },
        ),
        (
            of(freezes, "X"),
            vec![],
            AddError::FilteredLabel { number: 3 },
        ),
        (
            of(freezes, ""),
            vec![],
            AddError::FilteredLabel { number: 3 },
        ),
        (
            rtt,
            vec![sample(1.0), sample(f32::NAN)],
            AddError::NonFinite { sample: 1 },
        ),
        (
            rtt,
            vec![sample(f32::INFINITY)],
            AddError::NonFinite { sample: 0 },
        ),
        (rtt, vec![sample(1.0); 3], full(Cap::SamplesPerRow, 2)),
        (
            of(Label::Number(4_095), "1234567"),
            vec![],
            full(Cap::StringBytes, 6),
        ),
        (
            of(Label::Custom("abcde"), ""),
            vec![],
            full(Cap::TableBytes, 8),
        ),
        (
            of(Label::Custom("abcd"), "PA_1"),
            vec![sample(1.0); 2],
            full(Cap::EncodedBytes, 60),
        ),
    ] {
        assert_eq!(builder.add_series(&subject, &samples), Err(error.clone()));
        assert_eq!(builder.to_batch(), before, "{error}");
    }
    let long = Event {
        metadata: "1234",
        ..event(0, 0)
    };
    let metadata = full(Cap::MetadataBytes, 3);
    assert_eq!(builder.add_event(&rtt, &long), Err(metadata));
    let invalid = AddError::InvalidLabel { number: None };
    assert_eq!(
        builder.add_event(&of(Label::Custom(""), ""), &event(0, 0)),
        Err(invalid)
    );
    let nan = AddSamplesError::NonFinite { sample: 0 };
    assert_eq!(builder.add_samples(row, &[sample(f32::NAN)]), Err(nan));
    let cap = Cap::SamplesPerRow;
    let too_many = AddSamplesError::Full { cap, limit: 2 };
    assert_eq!(builder.add_samples(row, &[sample(1.0); 2]), Err(too_many));
    assert_eq!(builder.to_batch(), before);

    builder
        .add_event(&of(Label::Custom("ab"), "PA_1"), &event(0, 0))
        .unwrap();
    let rows = full(Cap::Rows, 2);
    assert_eq!(builder.add_event(&rtt, &event(0, 0)), Err(rows.clone()));
    assert!(rows.to_string().contains("rows = 2"), "{rows}");
    // Emptied, it takes as much again.
    builder.finish(usize::MAX);
    builder.add_series(&rtt, &[sample(0.1)]).unwrap();
    let again = builder.to_batch();
    assert_eq!(
        (again.str_data, again.time_series),
        (before.str_data, before.time_series)
    );
}

/// One's own name for a metric is never filtered, even if it is spelt like one that is.
#[test]
fn a_custom_label_is_never_filtered() {
    let mut builder = Builder::new(Restriction::client_statistics("PA_1"));
    let name = MetricLabel::ClientVideoSubscriberFreezeCount.name();
    let subject = Subject::of(Label::Custom(name), "PA_2");
    assert_eq!(builder.add_series(&subject, &[sample(1.0)]), Ok(0));
}

/// A copy is a copy: what comes later, or the message's owner does, reaches nobody else.
#[test]
fn a_batch_handed_out_is_nobody_elses() {
    let mut builder = Builder::new(Restriction::none());
    let rtt = Subject::of(MetricLabel::PublisherRtt, "PA_1");
    builder.add_series(&rtt, &[sample(0.1)]).unwrap();
    let mut handed_out = builder.to_batch();
    let before = builder.to_batch();
    handed_out.time_series[0].samples.clear();
    handed_out.str_data.clear();
    assert_eq!(builder.to_batch(), before);
}

fn series(label: u32, identity: u32) -> TimeSeriesMetric {
    TimeSeriesMetric {
        label,
        participant_identity: identity,
        samples: vec![Default::default()],
        ..Default::default()
    }
}

/// A client that claims restricted rows for others, or none at all for nobody, reaches none of them.
#[test]
fn nobody_speaks_for_another_but_the_trusted() {
    let batch = MetricsBatch {
        timestamp_ms: 7,
        str_data: ["A", "B", "unused"].map(str::to_owned).into(),
        time_series: vec![
            series(3, 4_097),
            series(3, 0),
            series(17, 4_097),
            series(17, 4_096),
        ],
        events: vec![EventMetric {
            label: 5,
            participant_identity: 4_097,
            ..Default::default()
        }],
        ..Default::default()
    };
    let limits = Limits::default();
    let identities = |shared: &SharedBatch| {
        let series = shared
            .series()
            .map(|row| (row.label.number().unwrap(), row.identity.to_owned()));
        let events = shared
            .events()
            .map(|row| (row.label.number().unwrap(), row.identity.to_owned()));
        series.chain(events).collect::<Vec<_>>()
    };
    let row = |label: u32, identity: &str| (label, identity.to_owned());

    let client = Sender {
        identity: "A",
        trusted: false,
    };
    let (shared, counts) = SharedBatch::new(batch.clone(), &client, limits);
    assert_eq!(identities(&shared), [row(17, "A"), row(3, "A")]);
    assert_eq!(counts.rows_foreign_identity, 3);
    assert_eq!(shared.restricted_identities().collect::<Vec<_>>(), ["A"]);
    let mut for_b = Builder::new(Restriction::client_statistics("B"));
    for_b.merge_shared(&shared, Part::All);
    assert_eq!(for_b.len(), 1);
    assert_eq!(for_b.to_batch().str_data, ["A"]);

    let agent = Sender {
        identity: "agent",
        trusted: true,
    };
    let (shared, counts) = SharedBatch::new(batch.clone(), &agent, limits);
    let all = [
        row(17, "B"),
        row(17, "A"),
        row(3, "B"),
        row(3, "agent"),
        row(5, "B"),
    ];
    assert_eq!(
        (identities(&shared), counts.rows_dropped()),
        (all.to_vec(), 0)
    );

    let (shared, _) = SharedBatch::new(batch, &Sender::server(), limits);
    assert_eq!(identities(&shared)[3], row(3, ""));
    assert_eq!(shared.restricted_identities().collect::<Vec<_>>(), ["B"]);
    let mut nobody = Builder::new(Restriction::none());
    nobody.merge_shared(&shared, Part::RestrictedTo(""));
    assert!(nobody.is_empty());
}

/// It goes into an `Arc` and to any thread.
#[test]
fn a_shared_batch_may_be_read_from_anywhere() {
    fn shareable<T: Send + Sync + 'static>(_: &T) {}
    let (shared, _) = SharedBatch::new(
        MetricsBatch::default(),
        &Sender::server(),
        Limits::default(),
    );
    shareable(&shared);
    assert!(shared.is_empty() && !shared.has_common() && shared.encoded_len() == 0);
}
