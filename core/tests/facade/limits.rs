//! Limits: what finds no place is added up, and counted.

use media_metrics_core::Registry;
use media_metrics_core::facade::Recorder;
use metrics::{counter, describe_counter, gauge, histogram, with_local_recorder};

use super::super::{facade, refused};

const OTHER: [&str; 2] = ["overflow", "true"];

#[test]
fn series_beyond_the_registrys_limit_are_one() {
    let registry = Registry::builder().max_series(3).build().unwrap();
    let recorder = Recorder::builder(&registry).build().unwrap();
    with_local_recorder(&recorder, || {
        for user in 0..5 {
            counter!("logins_total", "user" => user.to_string()).increment(1);
            counter!("logins_total", "user" => user.to_string()).increment(1);
        }
        gauge!("late", "a" => "b").set(7);
        histogram!("later", "a" => "b").record(1.0);
        counter!("plain_total").increment(1); // needs no label to be told apart
    });
    let snapshot = registry.collect();
    let logins = |labels: &[&str]| snapshot.counter("logins_total", labels);
    assert_eq!(logins(&["user", "2"]), Some(2));
    assert_eq!(logins(&["user", "3"]), None);
    assert_eq!(logins(&OTHER), Some(4));
    assert_eq!(snapshot.gauge("late", &OTHER), Some(7.0));
    assert_eq!(snapshot.histogram("later", &OTHER).unwrap().count(), 1);
    assert_eq!(snapshot.counter("plain_total", &[]), Some(1));
    let folded = |family| snapshot.counter("media_metrics_series_overflow_total", &[family]);
    assert_eq!(folded("logins_total"), Some(4));
    assert_eq!(folded("late"), Some(1));
    assert_eq!(refused(&snapshot, "full"), 0);
}

#[test]
fn one_name_cannot_take_all_series() {
    let registry = Registry::new().unwrap();
    let builder = Recorder::builder(&registry).max_series_per_name(2);
    let recorder = builder.build().unwrap();
    with_local_recorder(&recorder, || {
        for user in 0..10 {
            counter!("a_total", "user" => user.to_string()).increment(1);
        }
        counter!("b_total", "user" => "1").increment(1);
    });
    let snapshot = registry.collect();
    assert_eq!(snapshot.family("a_total").unwrap().schema().len(), 3);
    assert_eq!(snapshot.counter("a_total", &OTHER), Some(8));
    assert_eq!(snapshot.counter("b_total", &["user", "1"]), Some(1));
}

#[test]
fn names_beyond_their_limit_are_refused_and_leave_room_for_the_librarys_own() {
    let (registry, recorder) = facade();
    with_local_recorder(&recorder, || {
        for n in 0..1_030 {
            counter!(format!("user_{n}_total")).increment(1);
        }
        describe_counter!("late_total", "Late.");
        counter!("user_1023_total").increment(1);
    });
    let snapshot = registry.collect();
    assert_eq!(snapshot.counter("user_1023_total", &[]), Some(2));
    assert_eq!(snapshot.counter("user_1024_total", &[]), None);
    assert_eq!(refused(&snapshot, "full"), 7);
    registry.group(&["incoming", "audio"]).unwrap();
}

#[test]
fn labels_and_names_without_measure_are_cut_or_refused() {
    let (registry, recorder) = facade();
    let long = |byte: &str| byte.repeat(100_000);
    with_local_recorder(&recorder, || {
        counter!(long("n")).increment(1);
        counter!("a_total", long("l") => "x").increment(1);
        counter!("b_total", "l" => long("v")).increment(1);
        counter!("b_total", "l" => format!("{}w", long("v"))).increment(1);
        let many: Vec<_> = (0..65).map(|i| (format!("l{i}"), "v".to_owned())).collect();
        counter!("c_total", &many).increment(1);
    });
    let snapshot = registry.collect();
    assert_eq!(refused(&snapshot, "bad_key"), 3);
    let kept = "v".repeat(512);
    assert_eq!(snapshot.counter("b_total", &["l", &kept]), Some(2));
}
