//! OpenMetrics line by line. What pages of any content amount to is judged by somebody else's parser, in the
//! end-to-end tests.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use media_metrics_core::Registry;
use media_metrics_core::desc::{Desc, Unit};
use media_metrics_core::snapshot::{Builder, Snapshot};
use media_metrics_exporter::openmetrics::Encoder;

fn encode(encoder: &mut Encoder, snapshot: &Snapshot) -> String {
    let mut page = vec![b'x'; 10]; // what was there must go
    encoder.encode(snapshot, &mut page);
    String::from_utf8(page).unwrap()
}

fn page(builder: Builder) -> String {
    encode(&mut Encoder::new(), &builder.build())
}

#[test]
fn a_family_of_each_kind() {
    let sent = Desc::counter("sent_bytes_total", "Bytes \"sent\".").unit(Unit::Bytes);
    let messages = Desc::counter("messages", "No suffix.").labels(&["k"]);
    let rooms = Desc::gauge("room_total", "Rooms.");
    let load = Desc::gauge("load", "Its name does not end in its unit.").unit(Unit::Ratio);
    let wait = Desc::histogram("wait_seconds", "Wait.", &[0.000_01, 1.0, 1e6])
        .unit(Unit::Seconds)
        .per_unit(1e9)
        .labels(&["q"]);
    let builder = Builder::new()
        .counter(&sent, &[(&[], 5)])
        .counter(&messages, &[(&["a\"\\\n"], 7)])
        .gauge(&rooms, &[(&[], -0.5)])
        .gauge(&load, &[(&[], f64::NAN)])
        .histogram(&wait, &[(&["x"], &[10_000, 2_000_000_000])]);
    assert_eq!(
        page(builder),
        "# HELP load Its name does not end in its unit.\n\
         # TYPE load gauge\n\
         load NaN\n\
         # HELP messages No suffix.\n\
         # TYPE messages unknown\n\
         messages{k=\"a\\\"\\\\\\n\"} 7\n\
         # HELP room_total Rooms.\n\
         # TYPE room_total gauge\n\
         room_total -0.5\n\
         # HELP sent_bytes Bytes \\\"sent\\\".\n\
         # TYPE sent_bytes counter\n\
         # UNIT sent_bytes bytes\n\
         sent_bytes_total 5\n\
         # HELP wait_seconds Wait.\n\
         # TYPE wait_seconds histogram\n\
         # UNIT wait_seconds seconds\n\
         wait_seconds_bucket{q=\"x\",le=\"1e-05\"} 1\n\
         wait_seconds_bucket{q=\"x\",le=\"1.0\"} 1\n\
         wait_seconds_bucket{q=\"x\",le=\"1e+06\"} 2\n\
         wait_seconds_bucket{q=\"x\",le=\"+Inf\"} 2\n\
         wait_seconds_sum{q=\"x\"} 2.00001\n\
         wait_seconds_count{q=\"x\"} 2\n\
         # EOF\n"
    );
}

#[test]
fn nothing_is_a_whole_page() {
    assert_eq!(page(Builder::new()), "# EOF\n");
}

/// The standard allows a sum only where no sample can be negative.
#[test]
fn a_negative_bound_leaves_no_sum_and_no_count() {
    let desc = Desc::exact_histogram("skew", "Skew.", &[-1.0, 1.0]);
    assert_eq!(
        page(Builder::new().histogram(&desc, &[(&[], &[0, 1, 2])])),
        "# HELP skew Skew.\n# TYPE skew histogram\nskew_bucket{le=\"-1\"} 0\n\
         skew_bucket{le=\"1\"} 2\nskew_bucket{le=\"+Inf\"} 3\n# EOF\n"
    );
}

/// An info is one while it says 1: what it is to be follows the values, also of an encoder that has seen others.
#[test]
fn an_info_says_that_it_is_there() {
    let registry = Registry::new().unwrap();
    let desc = Desc::gauge("build_info", "Build.").labels(&["v"]);
    let gauges = ["1", "2"].map(|v| registry.gauge(&desc, &[v]).unwrap());
    let mut encoder = Encoder::new();
    for (levels, kind) in [
        ([Some(1.0), None], "info"),
        ([Some(1.0), Some(1.0)], "info"),
        ([Some(1.0), Some(0.0)], "gauge"),
        ([Some(0.0), None], "gauge"),
        ([None, Some(1.0)], "info"),
        ([Some(f64::NAN), None], "gauge"),
    ] {
        for (gauge, level) in gauges.iter().zip(levels) {
            match level {
                Some(level) => gauge.set(level),
                None => gauge.clear(),
            }
        }
        let page = encode(&mut encoder, &registry.collect());
        let name = if kind == "info" {
            "build"
        } else {
            "build_info"
        };
        assert!(
            page.contains(&format!("# TYPE {name} {kind}\n")),
            "{levels:?}: {page}"
        );
        assert!(page.contains("\nbuild_info{v="), "{page}");
    }
}

/// A family comes whose name a counter's type reserves, and the counter gives way.
#[test]
fn a_type_gives_way_to_a_name() {
    let registry = Registry::new().unwrap();
    let total = Desc::counter("joins_total", "Joins.");
    registry.counter(&total, &[]).unwrap().add(3);
    let mut encoder = Encoder::new();
    let before = encode(&mut encoder, &registry.collect());
    assert!(
        before.contains("# TYPE joins counter\njoins_total 3\n"),
        "{before}"
    );
    registry
        .gauge(&Desc::gauge("joins", "Joins now."), &[])
        .unwrap()
        .set(2.0);
    let after = encode(&mut encoder, &registry.collect());
    assert!(after.contains("# TYPE joins gauge\njoins 2\n"), "{after}");
    assert!(
        after.contains("# TYPE joins_total unknown\njoins_total 3\n"),
        "{after}"
    );
}
