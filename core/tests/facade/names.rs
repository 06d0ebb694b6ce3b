//! Names: families, label sets, descriptions, kinds.

use media_metrics_core::desc::{Desc, Kind, Unit};
use metrics::{Label, with_local_recorder};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use super::super::{facade, recorded, refused};

#[test]
fn one_name_is_one_family_whatever_its_labels() {
    let snapshot = recorded(|| {
        counter!("jobs.done").increment(1);
        counter!("jobs.done", "queue" => "mail").increment(2);
        counter!("jobs.done", "queue" => "mail", "host" => "a").increment(4);
        counter!("jobs.done", "host" => "a", "queue" => "mail").increment(8);
        counter!("jobs_done", "queue" => "mail").increment(16);
    });
    let family = snapshot.family("jobs_done").unwrap();
    let schema = family.schema();
    let labels: Vec<Vec<_>> = (0..schema.len())
        .map(|i| schema.labels(i).collect())
        .collect();
    assert_eq!(
        labels,
        [
            vec![],
            vec![("queue", "mail")],
            vec![("host", "a"), ("queue", "mail")],
        ]
    );
    let total = |labels: &[&str]| snapshot.counter("jobs_done", labels);
    assert_eq!(total(&[]), Some(1));
    assert_eq!(total(&["queue", "mail"]), Some(18));
    assert_eq!(total(&["host", "a", "queue", "mail"]), Some(12));
}

#[test]
fn labels_that_a_page_cannot_have_get_other_names() {
    let snapshot = recorded(|| {
        let labels = vec![
            Label::new("__name__", "x"),
            Label::new("le", "1"),
            Label::new("a b", "first"),
            Label::new("a-b", "last"),
        ];
        histogram!("h", labels).record(1.0);
    });
    let schema = snapshot.family("h").unwrap().schema();
    let labels: Vec<_> = schema.labels(0).collect();
    assert_eq!(
        labels,
        [("_name__", "x"), ("a_b", "last"), ("exported_le", "1")]
    );
}

#[test]
fn the_first_description_counts_before_and_after_the_first_use() {
    let (registry, recorder) = facade();
    let help = |name: &str| {
        let snapshot = registry.collect();
        let desc = snapshot.family(name).unwrap().schema().desc();
        (desc.help().to_owned(), desc.exposed_unit())
    };
    with_local_recorder(&recorder, || {
        describe_counter!("early_bytes_total", metrics::Unit::Bytes, "Early.");
        counter!("early_bytes_total").increment(1);
        gauge!("late.seconds").set(1);
        gauge!("never").set(1);
    });
    assert_eq!(help("early_bytes_total"), ("Early.".into(), Unit::Bytes));
    assert_eq!(help("late_seconds").0, "Not described.");
    with_local_recorder(&recorder, || {
        describe_gauge!("late.seconds", metrics::Unit::Seconds, "Late.");
        describe_gauge!("late.seconds", "Too late.");
        describe_histogram!("early_bytes_total", "Of another kind, and second.");
        gauge!("late.seconds", "more" => "1").set(2);
    });
    assert_eq!(help("late_seconds"), ("Late.".into(), Unit::Seconds));
    assert_eq!(help("early_bytes_total").0, "Early.");
    assert_eq!(
        registry.latest().gauge("late_seconds", &["more", "1"]),
        Some(2.0)
    );
    assert_eq!(help("never").0, "Not described.");
}

#[test]
fn a_name_used_as_another_kind_is_refused_and_counted() {
    let snapshot = recorded(|| {
        counter!("x.total").increment(1);
        gauge!("x_total").set(99);
        histogram!("x.total").record(99);
        gauge!("x.total", "a" => "b").increment(1);
    });
    let family = snapshot.family("x_total").unwrap().schema();
    assert_eq!((family.desc().kind(), family.len()), (Kind::Counter, 1));
    assert_eq!(snapshot.counter("x_total", &[]), Some(1));
    assert_eq!(refused(&snapshot, "kind"), 3);
}

#[test]
fn names_that_are_taken_are_refused_and_counted() {
    static OURS: Desc = Desc::counter("ours_total", "Ours.");
    let (registry, recorder) = facade();
    registry.counter(&OURS, &[]).unwrap().add(1);
    with_local_recorder(&recorder, || {
        counter!("ours_total").increment(99);
        counter!("media.rtp_packets_total", "kind" => "audio").increment(99);
        gauge!("media_forward_latency_seconds_sum").set(99);
        histogram!("wait").record(1.0);
        counter!("wait_count").increment(99);
        gauge!("").set(99);
    });
    let snapshot = registry.collect();
    assert_eq!(snapshot.counter("ours_total", &[]), Some(1));
    assert!(snapshot.family("wait_count").is_none());
    assert_eq!(refused(&snapshot, "bad_key"), 1);
    assert_eq!(refused(&snapshot, "taken"), 4);
    // The library's own names are kept for it, also those that nobody has used yet.
    registry.group(&["incoming", "audio"]).unwrap();
}
