//! OpenMetrics 2.0, read by a strict parser of its own grammar: what went in comes out.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod common;

use std::time::{Duration, SystemTime};

use common::expected_openmetrics_2::{expected, seconds};
use common::openmetrics_2::{Exemplar as Seen, Family, parse};
use common::random::{build, families};
use media_metrics_core::desc::{Desc, Unit};
use media_metrics_core::exemplar::Exemplar;
use media_metrics_core::snapshot::{Builder, Snapshot};
use media_metrics_exporter::Escaping;
use media_metrics_exporter::openmetrics_2::Encoder;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn encode(encoder: &mut Encoder, snapshot: &Snapshot) -> Vec<u8> {
    let mut page = vec![b'x'; 10]; // what was there must go
    encoder.encode(snapshot, &mut page);
    page
}

#[track_caller]
fn read(page: &[u8]) -> Vec<Family> {
    parse(page).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(page)))
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn what_goes_in_comes_out(plans in families()) {
        let snapshot = build(&plans);
        let mut expected: Vec<Family> = snapshot.families().iter().map(expected).collect();
        expected.retain(|f| !f.samples.is_empty()); // without a value there is nothing to say
        let page = encode(&mut Encoder::new(), &snapshot);
        // By its text: NaN is not itself.
        prop_assert_eq!(format!("{:?}", read(&page)), format!("{expected:?}"));
    }

    /// An encoder that has seen anything writes what a new one writes.
    #[test]
    fn what_was_seen_before_leaves_no_trace(all in vec(families(), 1..4)) {
        let snapshots: Vec<_> = all.iter().map(|plans| build(plans)).collect();
        let mut old = Encoder::new();
        for snapshot in snapshots.iter().chain(&snapshots).chain(snapshots.iter().rev()) {
            prop_assert_eq!(encode(&mut old, snapshot), encode(&mut Encoder::new(), snapshot));
        }
    }
}

#[test]
fn names_are_as_they_are() {
    let served = Desc::counter("http.requests", "Requests, \"all\" of them.")
        .labels(&["http.method", "plain", "quo\"ted\\"])
        .utf8_names();
    let info = Desc::gauge("build_info", "Build.");
    let load = Desc::gauge("load_ratio", "Load.").unit(Unit::Ratio);
    let wait = Desc::exact_histogram("wait", "Wait.", &[-1.0, 2.5e-5, 1e6]).unit(Unit::Seconds);
    let empty = Desc::histogram("empty_seconds", "", &[]).unit(Unit::Seconds);
    let snapshot = Builder::new()
        .counter(&served, &[(&["GET", "a\nb", ""], 7)])
        .gauge(&info, &[(&[], 1.0)])
        .gauge(&load, &[(&[], None)])
        .histogram(&wait, &[(&[], &[0, 1])])
        .histogram(&empty, &[(&[], &[])])
        .build();
    let page = String::from_utf8(encode(&mut Encoder::new(), &snapshot)).unwrap();
    let st = format!(
        "st@{:.3}",
        seconds(snapshot.families()[0].schema().created(0).unwrap())
    );
    let wanted = "# TYPE build_info info\n# HELP build_info Build.\nbuild_info 1\n\
         # TYPE empty_seconds histogram\n# UNIT empty_seconds seconds\n# HELP empty_seconds \n\
         empty_seconds {count:0,sum:0,schema:3,zero_threshold:2.938735877055719e-39,zero_count:0,bucket:[+Inf:0]} ST\n\
         # TYPE \"http.requests\" counter\n# HELP \"http.requests\" Requests, \\\"all\\\" of them.\n\
         {\"http.requests\",\"http.method\"=\"GET\",plain=\"a\\nb\",\"quo\\\"ted\\\\\"=\"\"} 7 ST\n\
         # TYPE wait histogram\n# UNIT wait seconds\n# HELP wait Wait.\n\
         wait {count:2,sum:1,bucket:[-1.0:0,2.5e-05:1,1e+06:2,+Inf:2]} ST\n# EOF\n";
    // Milliseconds may pass between the families.
    let page: String = page
        .split_inclusive('\n')
        .map(|line| match line.split_once(" st@") {
            Some((sample, start)) => {
                let start: f64 = start.trim().parse().unwrap();
                assert!((start - st[3..].parse::<f64>().unwrap()).abs() < 10.0);
                format!("{sample} ST\n")
            }
            None => line.to_owned(),
        })
        .collect();
    assert_eq!(page, wanted);
    read(&encode(&mut Encoder::new(), &snapshot));
    let escaped = encode(&mut Encoder::new().names(Escaping::Values), &snapshot);
    let name = &read(&escaped)[2].name;
    assert_eq!(name, "U__http_2e_requests");
}

#[test]
fn exemplars_stand_behind_the_start_with_their_times() {
    let wait = Desc::histogram("wait_seconds", "Wait.", &[0.5, 1.0]).per_unit(10.0);
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_520_430_000_123);
    let later = SystemTime::now() + Duration::from_secs(3_600);
    let snapshot = Builder::new()
        .histogram(&wait, &[(&[], &[3, 7, 70])])
        .exemplars(
            "wait_seconds",
            &[],
            vec![
                Exemplar::new([("ssrc", "1"), ("room.name", "\"x\"")], 0.3, at),
                Exemplar::new([("ssrc", "2")], f64::NAN, at),
                Exemplar::new([("", ""); 0], 7.0, later),
            ],
        )
        .build();
    let families = read(&encode(&mut Encoder::new(), &snapshot));
    let pair = |(n, v): (&str, &str)| (n.to_owned(), v.to_owned());
    let wanted = [
        Seen {
            labels: [("ssrc", "1"), ("room.name", "\"x\"")].map(pair).to_vec(),
            value: 0.3,
            time: 1_520_430_000.123,
        },
        Seen {
            labels: vec![],
            value: 7.0,
            time: seconds(snapshot.time()), // not of the future
        },
    ];
    assert_eq!(families[0].samples[0].exemplars, wanted);
}

#[test]
fn nothing_is_a_whole_page() {
    let page = encode(&mut Encoder::new(), &Builder::new().build());
    assert_eq!(page, b"# EOF\n");
}

/// A reader that lets everything pass proves nothing. The first are the standard's own examples.
#[test]
fn the_reader_is_strict() {
    for good in [
        "",
        "# TYPE foo counter\nfoo 17.0 st@1520879607.789\n",
        "# TYPE foo histogram\nfoo {count:17,sum:324789.3,bucket:[0.0:0,1e-05:0,0.0001:5,0.1:8,1.0:10,10.0:11,100000.0:11,1e+06:15,1e+23:16,1.1e+23:17,+Inf:17]} st@1520430000.123\n",
        "# TYPE foo histogram\nfoo {count:17,sum:324789.3,schema:0,zero_threshold:1e-4,zero_count:0,positive_spans:[0:2],positive_buckets:[5,12]} st@1520430000.123 # {trace_id=\"shaZ8oxi\"} 0.67 1520879607.789 # {} 1.2 1520879608.589\n",
        "# TYPE a histogram\na {count:0,sum:0,schema:3,zero_threshold:1e-4,zero_count:0} st@1520430000.123\n",
        "# TYPE \"foodb.read.errors\" counter\n{\"foodb.read.errors\",\"service.name\"=\"my_service\"} 3482\n",
    ] {
        let page = format!("{good}# EOF\n");
        assert_eq!(parse(page.as_bytes()).err(), None, "{page}");
    }
    for bad in [
        "\n",
        "# TYPE foo total\nfoo 1\n",
        "# TYPE foo counter\nfoo 1 # {} 1\n",
        "# TYPE foo counter\nfoo  1\n",
        "# TYPE foo counter\nfoo NaN\n",
        "# TYPE foo gauge\nfoo 1\nfoo 2\n",
        "# TYPE foo gauge\nfoo 1\n# HELP foo Foo.\n",
        "# TYPE foo gauge\nfoo 1\n# TYPE bar gauge\nbar 1\nfoo{a=\"b\"} 2\n",
        "# TYPE foo gauge\nfoo 1 st@5\n",
        "# TYPE foo gauge\nfoo{a=\"b\",} 1\n",
        "# TYPE foo gauge\nfoo{a.b=\"b\"} 1\n",
        "# TYPE foo gauge\nfoo{a=\"\\x\"} 1\n",
        "# TYPE foo gauge\nfoo 1e\n",
        "# TYPE foo info\nfoo 1\n",
        "# TYPE foo histogram\nfoo {count:1,sum:1}\n",
        "# TYPE foo histogram\nfoo {count:1,sum:1,bucket:[]}\n",
        "# TYPE foo histogram\nfoo {count:1,sum:1,bucket:[1:1,+Inf:2]}\n",
        "# TYPE foo histogram\nfoo {count:1,sum:1,bucket:[1:2,+Inf:1]}\n",
        "# TYPE foo histogram\nfoo {count:2,sum:1,schema:0,zero_threshold:0,zero_count:0,positive_spans:[0:1],positive_buckets:[1]}\n",
        "# TYPE foo histogram\nfoo {count:2,sum:1,schema:0,zero_threshold:0,zero_count:0,positive_spans:[0:1],positive_buckets:[1,1]}\n",
        "# TYPE foo histogram\nfoo {count:2,sum:1,schema:9,zero_threshold:0,zero_count:2}\n",
    ] {
        let page = format!("{bad}# EOF\n");
        assert!(parse(page.as_bytes()).is_err(), "{page}");
    }
    assert!(parse(b"# TYPE foo gauge\nfoo 1\n").is_err());
}
