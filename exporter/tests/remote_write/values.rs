//! What a snapshot becomes on the wire.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use media_metrics_core::desc::{Desc, Unit};
use media_metrics_core::exemplar::Exemplar;
use media_metrics_core::snapshot::Builder;
use media_metrics_exporter::push::PushError;
use media_metrics_exporter::push::remote_write::{Histograms, Version};
use proptest::prelude::*;

use crate::common::random;
use crate::common::receiver::Receiver;
use crate::reading::{Native, Point};
use crate::{Running, everything, lines, push, reading, takes_all};

static WAIT: Desc = Desc::histogram("wait_seconds", "Wait.", &[0.5, 1e6])
    .unit(Unit::Seconds)
    .per_unit(1e9)
    .labels(&["Queue", "a"]);

fn one_of_each() -> Builder {
    let packets = Desc::counter("packets_total", "Packets.").labels(&["kind", "empty"]);
    let level = Desc::gauge("level_ratio", "Level.")
        .unit(Unit::Ratio)
        .labels(&["x"]);
    let half_a_second = 500_000_000;
    Builder::new()
        .counter(&packets, &[(&["a\"\\\nü", ""], 1 << 50), (&["b", "c"], 0)])
        .gauge(
            &level,
            &[
                (&["1"], Some(-0.0)),
                (&["2"], None),
                (&["3"], Some(f64::NAN)),
            ],
        )
        .histogram(
            &WAIT,
            &[(&["q", "z"], &[0, half_a_second, 2 * half_a_second])],
        )
}

#[test]
fn both_versions_say_the_same() {
    for (version, number) in [(Version::V1, 1), (Version::V2, 2)] {
        let receiver = Receiver::start(|_, _| takes_all());
        let push = push(&receiver).version(version).stale_on_stop(false);
        let mut push = Running::start(push.label("job", "sfu").label("a", "not this one"));
        let before = SystemTime::now();
        push.report(one_of_each());
        let told = push.stop();
        let [request] = receiver.requests().try_into().unwrap();
        assert_eq!(reading::version(&request), number);
        let series = reading::read(&request);
        let wanted = [
            (
                "level_ratio{a=\"not this one\",job=\"sfu\",x=\"1\"}",
                Some(-0.0),
            ),
            (
                "level_ratio{a=\"not this one\",job=\"sfu\",x=\"3\"}",
                Some(f64::NAN),
            ),
            (
                "packets_total{a=\"not this one\",job=\"sfu\",kind=\"a\\\"\\\\\\nü\"}",
                Some(2_f64.powi(50)),
            ),
            (
                "packets_total{a=\"not this one\",empty=\"c\",job=\"sfu\",kind=\"b\"}",
                Some(0.0),
            ),
            (
                "wait_seconds_bucket{Queue=\"q\",a=\"z\",job=\"sfu\",le=\"0.5\"}",
                Some(2.0),
            ),
            (
                "wait_seconds_bucket{Queue=\"q\",a=\"z\",job=\"sfu\",le=\"1e+06\"}",
                Some(3.0),
            ),
            (
                "wait_seconds_bucket{Queue=\"q\",a=\"z\",job=\"sfu\",le=\"+Inf\"}",
                Some(3.0),
            ),
            (
                "wait_seconds_sum{Queue=\"q\",a=\"z\",job=\"sfu\"}",
                Some(1.5),
            ),
            (
                "wait_seconds_count{Queue=\"q\",a=\"z\",job=\"sfu\"}",
                Some(3.0),
            ),
        ];
        let bits = |lines: &[(&str, Option<f64>)]| -> Vec<_> {
            lines
                .iter()
                .map(|(id, v)| {
                    (
                        (*id).to_owned(),
                        v.map(|v| if v.is_nan() { 1 } else { v.to_bits() }),
                    )
                })
                .collect()
        };
        assert_eq!(bits(&lines(&series)), bits(&wanted));
        let ms = |time: SystemTime| {
            time.duration_since(SystemTime::UNIX_EPOCH)
                .unwrap()
                .as_millis() as i64
        };
        let times = ms(before)..=ms(SystemTime::now());
        for s in &series {
            assert!(times.contains(&s.time_ms), "{s:?}");
            if number == 2 {
                let (kind, help, unit) = match s.id.as_bytes()[0] {
                    b'l' => (2, "Level.", "ratio"),
                    b'p' => (1, "Packets.", ""),
                    _ => (3, "Wait.", "seconds"),
                };
                assert_eq!(
                    (s.kind, s.help.as_str(), s.unit.as_str()),
                    (kind, help, unit),
                    "{s:?}"
                );
                let starts = if kind == 2 { 0..=0 } else { times.clone() };
                assert!(starts.contains(&s.started_ms), "{s:?} {starts:?}");
            }
        }
        assert_eq!((told.count("samples"), told.count("requests")), (9, 1));
        assert_eq!(told.count("bytes"), request.body.len() as u64);
        assert_eq!(told.count("samples_failed"), 0);
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap()
            .as_secs_f64();
        assert!((now - told.gauge("last_success_timestamp_seconds").unwrap()).abs() < 60.0);
    }
}

#[test]
fn native_histograms_instead_of_classic_ones_or_beside_them() {
    let law = Desc::exact_histogram("law_ms", "Bounds that are law.", &[1.0]);
    for version in [Version::V1, Version::V2] {
        for (histograms, classic) in [(Histograms::Native, 0), (Histograms::Both, 5)] {
            let receiver = Receiver::start(|_, _| takes_all());
            let push = push(&receiver).version(version).histograms(histograms);
            let mut push = Running::start(push.stale_on_stop(false));
            let half_a_second = 500_000_000;
            let samples = [0, half_a_second, half_a_second, 10_000_000_000];
            push.report(
                Builder::new()
                    .histogram(&WAIT, &[(&["q", "z"], &samples)])
                    .exact_histogram(&law, &[(&[], &[3, 4], 5.5)]),
            );
            let told = push.stop();
            assert_eq!(told.count("samples"), 4 + classic + 1);
            let series = everything(&receiver);
            let of =
                |prefix: &str| series.iter().filter(|s| s.id.starts_with(prefix)).count() as u64;
            // Bounds that are law have no other form.
            assert_eq!((of("law_ms_"), of("wait_seconds_")), (4, classic));
            let native = series
                .iter()
                .find(|s| s.id == "wait_seconds{Queue=\"q\",a=\"z\"}")
                .unwrap();
            assert_eq!(
                native.value,
                Point::Native(Native {
                    count: 4,
                    sum: 11.0,
                    schema: 3,
                    zero_count: 1,
                    spans: vec![(-8, 1), (34, 1)],
                    deltas: vec![2, -1],
                })
            );
            assert_eq!(native.started_ms > 0, version == Version::V2);
        }
    }
}

#[test]
fn exemplars_come_once_with_the_bucket_that_they_are_of() {
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let far = SystemTime::now() + Duration::from_secs(3_600);
    let with = |exemplars| {
        Builder::new()
            .histogram(&WAIT, &[(&["q", "z"], &[1, 2])])
            .exemplars("wait_seconds", &["q", "z"], exemplars)
    };
    for version in [Version::V1, Version::V2] {
        for (histograms, ids) in [
            (
                Histograms::Classic,
                [
                    "wait_seconds_bucket{Queue=\"q\",a=\"z\",le=\"0.5\"}",
                    "wait_seconds_bucket{Queue=\"q\",a=\"z\",le=\"+Inf\"}",
                ],
            ),
            (Histograms::Native, ["wait_seconds{Queue=\"q\",a=\"z\"}"; 2]),
        ] {
            let receiver = Receiver::start(|_, _| takes_all());
            let push = push(&receiver).version(version).histograms(histograms);
            let mut push = Running::start(push.stale_on_stop(false));
            let low = || Exemplar::new([("ssrc", "7"), ("b", ""), ("a", "x")], 0.5, at(2));
            let high = || Exemplar::new([("ssrc", "8")], 2e6, at(1));
            push.report(with(vec![low(), high()]));
            receiver.wait_for(1);
            // The old ones are still there in the next snapshot, and one that is new.
            push.report(with(vec![low(), Exemplar::new([("ssrc", "9")], 3e6, far)]));
            push.stop();
            let series = everything(&receiver);
            let got = series
                .iter()
                .flat_map(|s| s.exemplars.iter().map(|e| (s.id.as_str(), e.clone())));
            let mut got: Vec<_> = got.collect();
            let labels = |of: &[(&str, &str)]| -> Vec<(String, String)> {
                of.iter()
                    .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                    .collect()
            };
            let last = got.pop().unwrap();
            assert_eq!(
                (last.0, &last.1.0, last.1.1),
                (ids[1], &labels(&[("ssrc", "9")]), 3e6)
            );
            let mut wanted = vec![
                (ids[0], (labels(&[("a", "x"), ("ssrc", "7")]), 0.5, 2_000)),
                (ids[1], (labels(&[("ssrc", "8")]), 2e6, 1_000)),
            ];
            if histograms == Histograms::Native {
                wanted.reverse(); // by time within a series
            }
            assert_eq!(got, wanted);
        }
    }
}

#[test]
fn large_snapshots_are_split_and_every_series_comes_once() {
    let many = Desc::gauge("g", "G.").labels(&["n"]);
    let names: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
    let values: Vec<[&str; 1]> = names.iter().map(|n| [n.as_str()]).collect();
    let series: Vec<(&[&str], f64)> = values
        .iter()
        .enumerate()
        .map(|(n, v)| (v.as_slice(), n as f64))
        .collect();
    for (samples, bytes, requests) in [
        (7, 1 << 20, 143),
        (1_000, 1 << 20, 1),
        (1 << 30, 1, 1_000),
        (999, 1 << 20, 2),
    ] {
        let receiver = Receiver::start(|_, _| takes_all());
        let push = push(&receiver)
            .request_limits(samples, bytes)
            .stale_on_stop(false);
        let mut push = Running::start(push);
        push.report(Builder::new().gauge(&many, &series));
        let told = push.stop();
        assert_eq!(receiver.requests().len(), requests, "{samples} {bytes}");
        assert_eq!(
            (told.count("requests"), told.count("samples")),
            (requests as u64, 1_000)
        );
        let sent = everything(&receiver);
        let times: Vec<_> = sent.iter().map(|s| s.time_ms).collect();
        assert!(times.iter().all(|t| *t == times[0]));
        let sent: BTreeMap<_, _> = lines(&sent)
            .into_iter()
            .map(|(id, v)| (id.to_owned(), v))
            .collect();
        assert_eq!(sent.len(), 1_000);
        assert_eq!(sent["g{n=\"999\"}"], Some(999.0));
    }
}

#[test]
fn two_series_of_the_same_labels_are_one() {
    // An empty value is no label, so these two are the same series to a receiver.
    let open = Desc::dynamic(
        media_metrics_core::desc::Kind::Counter,
        "jobs_total".into(),
        "J.".into(),
    )
    .open_labels();
    let receiver = Receiver::start(|_, _| takes_all());
    let mut push = Running::start(push(&receiver).stale_on_stop(false));
    push.report(Builder::new().counter(&open, &[(&[], 1), (&["a", ""], 2), (&["a", "b"], 3)]));
    push.stop();
    assert_eq!(
        lines(&everything(&receiver)),
        [
            ("jobs_total", Some(1.0)),
            ("jobs_total{a=\"b\"}", Some(3.0))
        ]
    );
}

#[test]
fn a_label_of_the_push_makes_no_two_series_the_same() {
    let desc = Desc::counter("packets_total", "P.").labels(&["kind"]);
    let receiver = Receiver::start(|_, _| takes_all());
    let push = push(&receiver).label("kind", "audio");
    let mut push = Running::start(push.stale_on_stop(false));
    push.report(Builder::new().counter(&desc, &[(&[""], 1), (&["audio"], 2), (&["video"], 3)]));
    push.stop();
    assert_eq!(
        lines(&everything(&receiver)),
        [
            ("packets_total{kind=\"audio\"}", Some(2.0)),
            ("packets_total{kind=\"video\"}", Some(3.0))
        ]
    );
}

#[test]
fn families_can_be_left_out() {
    let receiver = Receiver::start(|_, _| takes_all());
    let mut push = Running::start(push(&receiver).families(|name| name == "packets_total"));
    push.report(one_of_each());
    push.stop();
    let all = everything(&receiver);
    assert!(
        all.len() == 4 && all.iter().all(|s| s.id.starts_with("packets_total{")),
        "{all:?}"
    );
}

#[test]
fn labels_that_no_receiver_takes_are_refused_at_the_start() {
    let receiver = Receiver::start(|_, _| takes_all());
    for (labels, says) in [
        (&["__x"][..], "keeps"),
        (&["le"], "keeps"),
        (&["a-b"], "letters"),
        (&["9a"], "letters"),
        (&[""], "letters"),
        (&["ü"], "letters"),
        (&["a", "b", "a"], "twice"),
    ] {
        let push = labels
            .iter()
            .fold(push(&receiver), |push, name| push.label(*name, "x"));
        let registry = media_metrics_core::Registry::new().unwrap();
        let error = push.start(&registry).unwrap_err();
        assert!(matches!(error, PushError::BadLabel { .. }), "{error:?}");
        assert!(error.to_string().contains(says), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Any snapshot becomes requests that hold to every rule (see `reading`), the same in both versions.
    #[test]
    fn any_snapshot_is_in_order(plans in random::families()) {
        let mut seen = Vec::new();
        for version in [Version::V1, Version::V2] {
            let receiver = Receiver::start(|_, _| takes_all());
            let push = push(&receiver).version(version).histograms(Histograms::Both).request_limits(17, 1_000);
            let registry = media_metrics_core::Registry::new().unwrap();
            let mut sink = push.start(&registry).unwrap();
            media_metrics_core::Sink::report(&mut sink, &std::sync::Arc::new(random::build(&plans)));
            drop(sink);
            let all = everything(&receiver);
            seen.push(all.iter().map(|s| format!("{} {:?}", s.id, s.value)).collect::<Vec<_>>());
        }
        prop_assert_eq!(&seen[0], &seen[1]);
    }
}
