//! Whatever a snapshot holds survives the wire: names, help, labels, values, order.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::expected_text::{expected, normal};
use common::parser::parse;
use common::random::{build, families};
use media_metrics_core::Registry;
use media_metrics_core::desc::{Desc, Kind, Unit};
use media_metrics_core::snapshot::{Builder, Snapshot};
use media_metrics_exporter::text::Encoder;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn encode(encoder: &mut Encoder, snapshot: &Snapshot) -> String {
    let mut page = vec![b'x'; 10]; // what was there must go
    encoder.encode(snapshot, &mut page);
    String::from_utf8(page).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn what_goes_in_comes_out(plans in families()) {
        let snapshot = build(&plans);
        let page = encode(&mut Encoder::new(), &snapshot);
        let mut expected = expected(&snapshot);
        expected.retain(|f| !f.samples.is_empty()); // without a value there is nothing to say
        match parse(page.as_bytes()) {
            Ok(read) => prop_assert_eq!(normal(read), normal(expected), "{}", page),
            Err(e) => prop_assert!(false, "{}: {}", e, page),
        }
    }

    /// An encoder that has seen anything writes what a new one writes.
    #[test]
    fn what_was_seen_before_leaves_no_trace(all in vec(families(), 1..5)) {
        let snapshots: Vec<_> = all.iter().map(|plans| build(plans)).collect();
        let mut old = Encoder::new();
        for snapshot in snapshots.iter().chain(&snapshots).chain(snapshots.iter().rev()) {
            prop_assert_eq!(encode(&mut old, snapshot), encode(&mut Encoder::new(), snapshot));
        }
    }
}

/// Asked once for each family, and once more for one that changed; and nothing of a hidden one is there.
#[test]
fn families_that_are_not_shown_leave_no_line() {
    let registry = Registry::new().unwrap();
    let desc = |name: &str, kind| Desc::dynamic(kind, name.into(), "Help.".into());
    let a = desc("a_total", Kind::Counter).dynamic_labels(["x"]);
    let b = desc("b", Kind::Histogram).dynamic_bounds(vec![1.0, 2.0]);
    let c = desc("c", Kind::Gauge);
    registry.counter(&a, &["1"]).unwrap().add(7);
    registry.histogram(&b, &[]).unwrap().record(1);
    registry.gauge(&c, &[]).unwrap().set(3.0);

    let (tell, asked) = std::sync::mpsc::channel();
    let mut encoder = Encoder::only(move |name| {
        tell.send(name.to_owned()).unwrap();
        name == "a_total" || name == "c"
    });
    let of_these = |asked: &std::sync::mpsc::Receiver<String>| {
        let asked: Vec<String> = asked.try_iter().collect();
        ["a_total", "b", "c"].map(|name| asked.iter().filter(|n| *n == name).count())
    };
    let shown = |page: &str| {
        page.lines()
            .filter(|l| !l.starts_with('#'))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let first = encode(&mut encoder, &registry.collect());
    assert_eq!(shown(&first), ["a_total{x=\"1\"} 7", "c 3"]);
    assert_eq!(
        parse(first.as_bytes()).unwrap().len(),
        2,
        "no comments of others: {first}"
    );
    assert_eq!(of_these(&asked), [1, 1, 1]);

    assert_eq!(encode(&mut encoder, &registry.collect()), first);
    assert_eq!(of_these(&asked), [0, 0, 0]);

    registry.counter(&a, &["2"]).unwrap().inc();
    let more = encode(&mut encoder, &registry.collect());
    assert_eq!(
        shown(&more),
        ["a_total{x=\"1\"} 7", "a_total{x=\"2\"} 1", "c 3"]
    );
    assert_eq!(of_these(&asked), [1, 0, 0]);
}

#[test]
fn series_and_families_come_and_numbers_change() {
    let registry = Registry::new().unwrap();
    let desc = |name: &str| {
        let help = format!("{name}.");
        Desc::dynamic(Kind::Counter, name.to_owned(), help).dynamic_labels(["k"])
    };
    let mut encoder = Encoder::new();
    let mut page = |what: &str| {
        let page = encode(&mut encoder, &registry.collect());
        assert_eq!(
            page,
            encode(&mut Encoder::new(), &registry.latest()),
            "{what}"
        );
        parse(page.as_bytes()).unwrap();
        page
    };
    let middle = registry.counter(&desc("m_total"), &["1"]).unwrap();
    middle.add(1);
    assert!(page("first").contains("m_total{k=\"1\"} 1\n"));
    middle.add(999_999);
    assert!(page("number").contains("m_total{k=\"1\"} 1000000\n"));
    let second = registry.counter(&desc("m_total"), &["2"]).unwrap();
    second.add(5);
    let text = page("series");
    assert!(text.contains("m_total{k=\"1\"} 1000000\n") && text.contains("m_total{k=\"2\"} 5\n"));
    registry.counter(&desc("a_total"), &["x"]).unwrap().add(3);
    registry.counter(&desc("z_total"), &["x"]).unwrap().add(4);
    let text = page("families on both sides");
    let at = |line| {
        text.find(line)
            .unwrap_or_else(|| panic!("{line} not in {text}"))
    };
    assert!(at("a_total{k=\"x\"} 3\n") < at("m_total{k=\"1\"}"));
    assert!(at("m_total{k=\"2\"} 5\n") < at("z_total{k=\"x\"} 4\n"));
}

#[test]
fn a_histogram_line_by_line() {
    let desc = Desc::histogram("wait_seconds", "Time\\waited.", &[0.000_01, 0.5, 1e6])
        .unit(Unit::Seconds)
        .per_unit(1e9)
        .layout_of(3, 1 << 60)
        .labels(&["q"]);
    let samples = [10_000, 10_500, 500_000_000, 2_000_000_000_000_000];
    let snapshot = Builder::new()
        .histogram(&desc, &[(&["a\"b"], &samples)])
        .build();
    assert_eq!(
        encode(&mut Encoder::new(), &snapshot),
        "# HELP wait_seconds Time\\\\waited.\n\
         # TYPE wait_seconds histogram\n\
         wait_seconds_bucket{q=\"a\\\"b\",le=\"1e-05\"} 1\n\
         wait_seconds_bucket{q=\"a\\\"b\",le=\"0.5\"} 3\n\
         wait_seconds_bucket{q=\"a\\\"b\",le=\"1e+06\"} 3\n\
         wait_seconds_bucket{q=\"a\\\"b\",le=\"+Inf\"} 4\n\
         wait_seconds_sum{q=\"a\\\"b\"} 2000000.5000205\n\
         wait_seconds_count{q=\"a\\\"b\"} 4\n"
    );
}

#[test]
fn an_empty_snapshot_is_an_empty_page() {
    assert_eq!(encode(&mut Encoder::new(), &Builder::new().build()), "");
}

/// One encoder, whose fixed bytes stay: lines come and go with the values, whichever is first or last.
#[test]
fn a_gauge_without_a_value_has_no_line() {
    let registry = Registry::new().unwrap();
    let desc = Desc::gauge("delay_seconds", "Delay.").labels(&["n"]);
    let gauges = ["1", "2", "3"].map(|n| registry.gauge(&desc, &[n]).unwrap());
    let mut encoder = Encoder::new();
    for present in 0..8_usize {
        for (i, gauge) in gauges.iter().enumerate() {
            match present >> i & 1 {
                1 => gauge.set(i as f64 + 0.5),
                _ => gauge.clear(),
            }
        }
        let page = encode(&mut encoder, &registry.collect());
        parse(page.as_bytes()).unwrap_or_else(|e| panic!("{e}: {page}"));
        let got: Vec<&str> = page.lines().filter(|l| l.contains("delay")).collect();
        let mut wanted = vec![
            "# HELP delay_seconds Delay.".to_owned(),
            "# TYPE delay_seconds gauge".to_owned(),
        ];
        wanted.extend(
            (0..3)
                .filter(|i| present >> i & 1 == 1)
                .map(|i| format!("delay_seconds{{n=\"{}\"}} {i}.5", i + 1)),
        );
        if present == 0 {
            wanted.clear(); // a description of nothing is no use to anybody
        }
        assert_eq!(got, wanted, "{present:03b}");
    }
}

/// A level of NaN is a value; no level is none.
#[test]
fn nan_is_a_value() {
    let desc = Desc::gauge("x", "X.").labels(&["n"]);
    let levels = [(&["1"][..], Some(f64::NAN)), (&["2"], None)];
    let snapshot = Builder::new().gauge(&desc, &levels).build();
    assert_eq!(
        encode(&mut Encoder::new(), &snapshot),
        "# HELP x X.\n# TYPE x gauge\nx{n=\"1\"} NaN\n"
    );
    assert_eq!(snapshot.gauge("x", &["2"]), None);
}

/// The judge is judged: a parser that lets everything pass proves nothing.
#[test]
fn the_parser_refuses_what_is_wrong() {
    let good = "# HELP a A.\n# TYPE a gauge\na{x=\"1\"} 2\n";
    assert!(parse(good.as_bytes()).is_ok());
    for (from, to) in [
        ("# HELP a A.\n", ""),
        ("# TYPE a gauge\n", ""),
        ("gauge", "gouge"),
        (" 2\n", " 2"),
        (" 2\n", "  2\n"),
        (" 2\n", " 2 1700000000\n"),
        (" 2\n", " inf\n"),
        (" 2\n", " 2\n\n"),
        (" 2\n", " 2\na{x=\"1\"} 3\n"),
        (" 2\n", " 2\nb 3\n"),
        ("\"1\"", "\"1\","),
        ("\"1\"", "\"1\",x=\"2\""),
        ("\"1\"", "\"\\t\""),
        ("\"1\"", "\"1"),
        ("\"1\"", "1"),
        ("{x", "{9"),
        ("A.", "A\\t"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert!(parse(bad.as_bytes()).is_err(), "{bad}");
    }
    let good = "# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"2\"} 3\n\
                h_bucket{le=\"+Inf\"} 3\nh_sum 4\nh_count 3\n";
    assert!(parse(good.as_bytes()).is_ok());
    for (from, to) in [
        ("h_count 3", "h_count 4"),
        ("h_count 3\n", ""),
        ("h_sum 4\n", ""),
        ("le=\"2\"} 3", "le=\"2\"} 1"),
        ("le=\"2\"", "le=\"0.5\""),
        ("h_bucket{le=\"+Inf\"} 3\n", ""),
        ("h_sum 4", "h_sum{x=\"1\"} 4"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert!(parse(bad.as_bytes()).is_err(), "{bad}");
    }
}
