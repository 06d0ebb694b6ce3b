//! Exemplars and start times, in the formats that have a place for them, and in no other.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod common;

use std::time::{Duration, SystemTime};

use common::messages::{Exemplar as Message, LabelPair, Timestamp, read};
use media_metrics_core::desc::Desc;
use media_metrics_core::exemplar::Exemplar;
use media_metrics_core::snapshot::{Builder, Snapshot};
use media_metrics_exporter::{Escaping, openmetrics, protobuf, text};

static WAIT: Desc = Desc::histogram("wait_seconds", "Wait.", &[0.5, 1.0, 2.0])
    .per_unit(10.0)
    .labels(&["q"]);

fn at(ms: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
}

fn with(desc: &Desc, exemplars: Vec<Exemplar>) -> Snapshot {
    let labels = &["x"][..desc.label_names().len()];
    Builder::new()
        .histogram(desc, &[(labels, &[3, 7, 70])])
        .exemplars(desc.name(), labels, exemplars)
        .build()
}

fn some() -> Vec<Exemplar> {
    vec![
        Exemplar::new([("ssrc", "1"), ("kind", "a\"b\\\n")], 0.5, at(1_500)),
        Exemplar::new([("ssrc", "2")], 7.0, at(2_000)),
    ]
}

fn page(encoder: openmetrics::Encoder, snapshot: &Snapshot) -> String {
    let (mut encoder, mut page) = (encoder, Vec::new());
    encoder.encode(snapshot, &mut page);
    String::from_utf8(page).unwrap()
}

fn message(snapshot: &Snapshot) -> common::messages::Histogram {
    let mut page = Vec::new();
    protobuf::Encoder::new().encode(snapshot, &mut page);
    read(&page)[0].metric[0].histogram.clone().unwrap()
}

#[test]
fn each_stands_behind_the_bucket_that_it_is_in() {
    let snapshot = with(&WAIT, some());
    assert_eq!(
        page(openmetrics::Encoder::new(), &snapshot),
        "# HELP wait_seconds Wait.\n# TYPE wait_seconds histogram\n\
         wait_seconds_bucket{q=\"x\",le=\"0.5\"} 1 # {ssrc=\"1\",kind=\"a'b\\\\\\n\"} 0.5 1.500\n\
         wait_seconds_bucket{q=\"x\",le=\"1.0\"} 2\n\
         wait_seconds_bucket{q=\"x\",le=\"2.0\"} 2\n\
         wait_seconds_bucket{q=\"x\",le=\"+Inf\"} 3 # {ssrc=\"2\"} 7 2.000\n\
         wait_seconds_sum{q=\"x\"} 8\nwait_seconds_count{q=\"x\"} 3\n# EOF\n"
    );
    let mut plain = Vec::new();
    text::Encoder::new().encode(&snapshot, &mut plain);
    assert!(!String::from_utf8(plain).unwrap().contains(" # "));
}

#[test]
fn messages_have_them_in_classic_and_beside_native_buckets() {
    let pair = |name: &str, value: &str| LabelPair {
        name: name.into(),
        value: value.into(),
    };
    let time = |ms| Some(Timestamp::from(at(ms)));
    let wanted = [
        Message {
            label: vec![pair("ssrc", "1"), pair("kind", "a\"b\\\n")],
            value: Some(0.5),
            timestamp: time(1_500),
        },
        Message {
            label: vec![pair("ssrc", "2")],
            value: Some(7.0),
            timestamp: time(2_000),
        },
    ];
    let both = message(&with(&WAIT, some()));
    let told: Vec<_> = both
        .bucket
        .iter()
        .map(|b| (b.upper_bound, b.cumulative_count))
        .collect();
    let bounds = [(0.5, 1), (1.0, 2), (2.0, 2), (f64::INFINITY, 3)];
    assert_eq!(told, bounds.map(|(bound, n)| (Some(bound), Some(n))));
    let [first, none, also_none, last] = [0, 1, 2, 3].map(|i| both.bucket[i].exemplar.clone());
    assert_eq!([first.unwrap(), last.unwrap()], wanted);
    assert_eq!((none, also_none), (None, None));
    assert_eq!(both.exemplars, wanted);
    let classic = message(&with(&WAIT.clone().classic_only(), some()));
    assert_eq!(classic.exemplars, []);
    assert_eq!(classic.bucket, both.bucket);
    // Without one above the last bound, the count alone tells of that bucket.
    let without = message(&with(&WAIT, some()[..1].to_vec()));
    assert_eq!(without.bucket.len(), 3);
    let none = message(&with(&WAIT, vec![]));
    let stripped = |mut h: common::messages::Histogram| {
        h.created_timestamp = None;
        h.exemplars.clear();
        h.bucket.iter_mut().for_each(|b| b.exemplar = None);
        h
    };
    assert_eq!(stripped(without), stripped(none));
}

#[test]
fn hostile_ones_leave_a_page_that_can_be_read() {
    let later = SystemTime::now() + Duration::from_secs(3_600);
    let snapshot = with(
        &WAIT,
        vec![
            Exemplar::new([("ssrc", "1")], f64::NAN, at(1)),
            Exemplar::new(
                [("a.b", "1"), ("a_b", "2"), ("", "3"), ("a_b", "4")],
                0.75,
                at(1),
            ),
            Exemplar::new([("ssrc", "1")], f64::INFINITY, later),
        ],
    );
    let now = snapshot
        .time()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    let open = page(openmetrics::Encoder::new(), &snapshot);
    assert!(open.contains("le=\"0.5\"} 1\n"), "{open}");
    assert!(
        open.contains("le=\"1.0\"} 2 # {a_b=\"1\"} 0.75 0.001\n"),
        "{open}"
    );
    let last = format!(
        "}} 3 # {{ssrc=\"1\"}} +Inf {}.{:03}\n",
        now.as_secs(),
        now.subsec_millis()
    );
    assert!(open.contains(&last), "{open}");
    let utf8 = page(
        openmetrics::Encoder::new().names(Escaping::AllowUtf8),
        &snapshot,
    );
    assert!(
        utf8.contains(" # {\"a.b\"=\"1\",a_b=\"2\"} 0.75 "),
        "{utf8}"
    );
    let before = SystemTime::UNIX_EPOCH - Duration::from_secs(5);
    let early = with(&WAIT, vec![Exemplar::new([("a", "b")], 0.1, before)]);
    assert!(page(openmetrics::Encoder::new(), &early).contains(" # {a=\"b\"} 0.1 0.000\n"));
    assert_eq!(
        message(&early).exemplars[0].timestamp,
        Some(Timestamp::from(at(0)))
    );
}

/// Names may grow when they are escaped: the limit is of what stands on the page.
#[test]
fn labels_stay_within_the_limit_of_the_standard() {
    let value = "v".repeat(100);
    let labels = [("a", &*value), ("é.é.é.é.é.é", "x"), ("b", "")];
    let snapshot = with(&WAIT, vec![Exemplar::new(labels, 0.1, at(1))]);
    let of = |names| page(openmetrics::Encoder::new().names(names), &snapshot);
    assert!(of(Escaping::Underscores).contains(",___________=\"x\",b=\"\"} 0.1"));
    let values = of(Escaping::Values);
    assert!(
        values.contains(&format!("# {{a=\"{value}\"}} 0.1")),
        "{values}"
    );
}

/// A family without a type has no exemplars, nor may it have any.
#[test]
fn untyped_histograms_have_none() {
    let created = Desc::counter("wait_seconds_created", "In the way.");
    let snapshot = Builder::new()
        .counter(&created, &[(&[], 1)])
        .histogram(&WAIT, &[(&["x"], &[3])])
        .exemplars("wait_seconds", &["x"], some())
        .build();
    let open = page(openmetrics::Encoder::new().created(true), &snapshot);
    assert!(
        open.contains("# TYPE wait_seconds_bucket unknown\n"),
        "{open}"
    );
    assert!(!open.contains(" # {"), "{open}");
}

#[test]
fn openmetrics_tells_starts_only_if_asked() {
    let packets = Desc::counter("packets_total", "Packets.").labels(&["k"]);
    let room = Desc::gauge("rooms", "Rooms.");
    let snapshot = Builder::new()
        .counter(&packets, &[(&["a"], 1), (&["b"], 2)])
        .gauge(&room, &[(&[], 3.0)])
        .histogram(&WAIT, &[(&["x"], &[3])])
        .exemplars("wait_seconds", &["x"], some())
        .build();
    assert!(!page(openmetrics::Encoder::new(), &snapshot).contains("_created"));
    let open = page(openmetrics::Encoder::new().created(true), &snapshot);
    let time = |family: usize, series| {
        let created = snapshot.families()[family]
            .schema()
            .created(series)
            .unwrap();
        let since = created.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        format!("{}.{:03}", since.as_secs(), since.subsec_millis())
    };
    let counters = format!(
        "packets_total{{k=\"a\"}} 1\npackets_created{{k=\"a\"}} {}\n\
         packets_total{{k=\"b\"}} 2\npackets_created{{k=\"b\"}} {}\n# HELP rooms",
        time(0, 0),
        time(0, 1)
    );
    assert!(open.contains(&counters), "{open}");
    let last = format!(
        "wait_seconds_count{{q=\"x\"}} 1\nwait_seconds_created{{q=\"x\"}} {}\n# EOF\n",
        time(2, 0)
    );
    assert!(open.ends_with(&last), "{open}");
}

/// Of what comes from elsewhere nobody knows when it began: there is no such line, and all others stay where they were.
#[test]
fn starts_that_nobody_knows_are_not_told() {
    let theirs = Desc::counter("theirs_total", "Theirs.").labels(&["k"]);
    let ours = Desc::counter("ours_total", "Ours.");
    let snapshot = Builder::new()
        .counter(&ours, &[(&[], 7)])
        .of_others()
        .counter(&theirs, &[(&["a"], 1), (&["b"], 2)])
        .histogram(&WAIT, &[(&["x"], &[3])])
        .build();
    let plain = page(openmetrics::Encoder::new(), &snapshot);
    let told = page(openmetrics::Encoder::new().created(true), &snapshot);
    let (starts, rest): (Vec<&str>, Vec<&str>) =
        told.lines().partition(|line| line.contains("_created"));
    assert_eq!(starts.len(), 1, "{told}");
    assert!(starts[0].starts_with("ours_created "), "{told}");
    assert_eq!(rest, plain.lines().collect::<Vec<_>>());
}
