//! Whatever a snapshot holds survives OTLP: names, labels, values, buckets, and nothing is added.

#![cfg(feature = "otlp")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod common;
#[path = "otlp/read.rs"]
mod read;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::random::{build, families};
use media_metrics_core::Registry;
use media_metrics_core::desc::{Desc, Unit};
use media_metrics_core::exemplar::Exemplar;
use media_metrics_core::snapshot::{Builder, Snapshot, Values};
use media_metrics_exporter::otlp::{Encoder, Request, Resource};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use read::{Point, Value, points, read, text};

fn encode(encoder: &mut Encoder, snapshot: &Snapshot) -> Vec<Request> {
    let mut all = Vec::new();
    encoder.encode(snapshot, |request| all.push(request));
    all
}

fn encoder() -> Encoder {
    Encoder::new(Resource::new("test"))
}

/// What a new encoder says of a snapshot.
fn told(snapshot: &Snapshot) -> Vec<Point> {
    points(&encode(&mut encoder(), snapshot))
}

/// The points that a snapshot must become; histograms only as far as it is plain which bucket a sample is in.
fn expected(snapshot: &Snapshot) -> Vec<Point> {
    let mut all = Vec::new();
    for family in snapshot.families() {
        let (schema, desc) = (family.schema(), family.schema().desc());
        for i in 0..schema.len() {
            let label = |(n, v): (&str, &str)| (n.to_owned(), v.to_owned());
            let per_unit = desc.recorded_per_unit();
            let value = match family.values() {
                Values::Counter(v) => match i64::try_from(v[i]) {
                    Ok(total) if per_unit == 1.0 => Value::Whole(total),
                    _ => Value::Total((v[i] as f64 / per_unit).to_bits()),
                },
                Values::Gauge(v) => match v[i] {
                    Some(level) => Value::Level(level.to_bits()),
                    None => continue,
                },
                Values::Histogram(v) => Value::Histogram {
                    count: v[i].count(),
                    sum: Some((v[i].sum() as f64 / per_unit).to_bits()),
                    zeros: v[i].counts()[0],
                },
                _ => unreachable!(),
            };
            all.push(Point {
                name: desc.name().to_owned(),
                description: desc.help().to_owned(),
                unit: "s".to_owned(),
                labels: schema.labels(i).map(label).collect(),
                value,
            });
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_goes_in_comes_out(plans in families()) {
        let snapshot = build(&plans);
        prop_assert_eq!(told(&snapshot), expected(&snapshot));
    }

    /// However small the requests, together they say the same, and none is larger than allowed.
    #[test]
    fn requests_are_split_and_nothing_is_lost(count in 1_usize..3_000, length in 0_usize..500) {
        let labels: Vec<[String; 1]> = (0..count).map(|i| [format!("{i}{}", "x".repeat(length))]).collect();
        let labels: Vec<[&str; 1]> = labels.iter().map(|[l]| [l.as_str()]).collect();
        let desc = Desc::counter("a_seconds_total", "A.").unit(Unit::Seconds).labels(&["l"]);
        let series: Vec<(&[&str], u64)> = labels.iter().map(|l| &l[..]).zip(0..).collect();
        let other = Desc::gauge("b_seconds", "B.").unit(Unit::Seconds).labels(&["l"]);
        let levels: Vec<(&[&str], f64)> = labels.iter().map(|l| (&l[..], 0.5)).collect();
        let snapshot = Builder::new().counter(&desc, &series).gauge(&other, &levels).build();
        let limit = Encoder::LEAST_MAX_BYTES;
        let requests = encode(&mut encoder().max_bytes(limit), &snapshot);
        prop_assert_eq!(points(&requests), expected(&snapshot));
        let mut sizes: Vec<usize> = requests.iter().map(|r| r.body.len()).collect();
        prop_assert!(sizes.iter().all(|&size| size <= limit), "{:?}", sizes);
        sizes.pop();
        prop_assert!(sizes.iter().all(|&size| size > limit * 9 / 10), "room was left: {:?}", sizes);
    }

    /// Each sample is in the bucket that its value belongs to, or, within the layout's error, the next lower one.
    #[test]
    fn exponential_buckets_hold_the_samples(samples in vec(any::<u64>(), 1..50), shift in 24_u32..60, scale in -4_i8..=8) {
        let samples: Vec<u64> = samples.iter().map(|s| s >> shift).collect();
        let desc = Desc::histogram("h_seconds", "H.", &[]).unit(Unit::Seconds).per_unit(1e9).native(scale);
        let snapshot = Builder::new().histogram(&desc, &[(&[], &samples)]).build();
        let requests = encode(&mut encoder(), &snapshot);
        let metric = read(&requests).remove(0);
        let Some(Data::ExponentialHistogram(h)) = metric.data else { panic!("{metric:?}") };
        let point = &h.data_points[0];
        prop_assert!(point.scale <= i32::from(scale));
        let positive = point.positive.as_ref().unwrap();
        let base = 2_f64.powf(2_f64.powi(-point.scale));
        // Cumulative counts at each upper edge, of the slow truth and of the message.
        let mut all = point.zero_count;
        for (at, n) in positive.bucket_counts.iter().enumerate() {
            all += n;
            let edge = base.powi(positive.offset + at as i32 + 1);
            let below = |slack: f64| samples.iter().filter(|&&s| s as f64 / 1e9 <= edge * slack).count() as u64;
            prop_assert!(below(1.0 - 1e-9) <= all && all <= below(1.01 + 1e-9), "edge {edge}: {all}");
        }
        prop_assert_eq!(all, samples.len() as u64);
        prop_assert_eq!(point.count, all);
        prop_assert!(positive.bucket_counts.len() <= 1_024);
    }
}

#[test]
fn each_kind_says_what_the_specification_asks() {
    let registry = Registry::new().unwrap();
    let started = SystemTime::now();
    let counter = Desc::counter("a_bytes_total", "A.").unit(Unit::Bytes);
    registry.counter(&counter, &[]).unwrap().add(7);
    let gauge = Desc::gauge("b_ratio", "B.").unit(Unit::Ratio);
    registry.gauge(&gauge, &[]).unwrap().set(0.25);
    let classic = Desc::histogram("c", "C.", &[1.0, 10.0]).classic_only();
    let histogram = registry.histogram(&classic, &[]).unwrap();
    [0, 1, 5, 11].into_iter().for_each(|v| histogram.record(v));
    let snapshot = registry.collect();
    let metrics = read(&encode(&mut encoder(), &snapshot));
    let named = |name: &str| metrics.iter().find(|m| m.name == name).unwrap();
    let since = |t: SystemTime| t.duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    // Starts are kept in whole milliseconds.
    let started = since(started) / 1_000_000 * 1_000_000;
    let now = since(snapshot.time());

    let metric = named("a_bytes_total");
    assert_eq!(
        (metric.unit.as_str(), metric.description.as_str()),
        ("By", "A.")
    );
    let Some(Data::Sum(sum)) = &metric.data else {
        panic!("{metric:?}")
    };
    assert!(sum.is_monotonic && sum.aggregation_temporality == 2); // cumulative
    let point = &sum.data_points[0];
    assert!(
        (started..=now).contains(&point.start_time_unix_nano),
        "{started} {point:?}"
    );
    assert_eq!((point.time_unix_nano, point.flags), (now, 0));

    let metric = named("b_ratio");
    assert_eq!(metric.unit, "1");
    let Some(Data::Gauge(gauge)) = &metric.data else {
        panic!("{metric:?}")
    };
    assert_eq!(gauge.data_points[0].start_time_unix_nano, 0);

    let metric = named("c");
    assert_eq!(metric.unit, "");
    let Some(Data::Histogram(explicit)) = &metric.data else {
        panic!("{metric:?}")
    };
    assert_eq!(explicit.aggregation_temporality, 2);
    let point = &explicit.data_points[0];
    assert!(
        (started..=now).contains(&point.start_time_unix_nano),
        "{started} {point:?}"
    );
    assert_eq!((point.count, point.sum), (4, Some(17.0)));
    assert_eq!(point.explicit_bounds, [1.0, 10.0]);
    assert_eq!(point.bucket_counts, [2, 1, 1]);
    assert_eq!((point.min, point.max), (None, None));
}

#[test]
fn what_may_be_negative_has_no_sum() {
    let one = |bounds: &'static [f64], counts: &[u64], sum: f64| {
        let desc = Desc::exact_histogram("h", "H.", bounds);
        let snapshot = Builder::new().exact_histogram(&desc, &[(&[], counts, sum)]);
        let metric = read(&encode(&mut encoder(), &snapshot.build())).remove(0);
        let Some(Data::Histogram(mut h)) = metric.data else {
            panic!("{metric:?}")
        };
        h.data_points.remove(0).sum
    };
    assert_eq!(one(&[0.0, 1.0], &[1, 0, 0], 0.0), Some(0.0));
    assert_eq!(one(&[0.0, 1.0], &[1, 0, 0], -2.0), None);
    assert_eq!(one(&[-1.0, 1.0], &[0, 1, 0], 0.5), None);
    assert_eq!(one(&[], &[3], 6.0), Some(6.0));
}

#[test]
fn a_total_beyond_what_a_whole_number_holds_is_not_negative() {
    let desc = Desc::counter("a_total", "A.");
    for (total, expected) in [
        (i64::MAX as u64, Value::Whole(i64::MAX)),
        (u64::MAX, Value::Total((u64::MAX as f64).to_bits())),
    ] {
        let snapshot = Builder::new().counter(&desc, &[(&[], total)]).build();
        assert_eq!(told(&snapshot)[0].value, expected);
    }
}

#[test]
fn a_series_that_ended_is_told_once_by_its_flag() {
    let registry = Registry::new().unwrap();
    let counter = Desc::counter("a_total", "A.").labels(&["x"]);
    let gauge = Desc::gauge("b", "B.").labels(&["x"]);
    let scaled = Desc::histogram("c", "C.", &[]).labels(&["x"]);
    let bounded = Desc::histogram("d", "D.", &[1.0])
        .classic_only()
        .labels(&["x"]);
    let live = registry.counter(&counter, &["live"]).unwrap();
    live.add(1);
    let ends = registry.counter(&counter, &["x"]).unwrap();
    ends.add(1);
    let level = registry.gauge(&gauge, &["x"]).unwrap();
    level.set(1.0);
    let scaled = registry.histogram(&scaled, &["x"]).unwrap();
    scaled.record(1);
    let bounded = registry.histogram(&bounded, &["x"]).unwrap();
    bounded.record(1);
    // Without the library's own.
    let mut encoder = encoder().only(|name| !name.starts_with("media_"));
    let flags = |requests: &[Request]| {
        let mut all: Vec<(String, u32, usize)> = Vec::new();
        for metric in read(requests) {
            let name = metric.name.clone();
            match metric.data.unwrap() {
                Data::Sum(s) => all.extend(s.data_points.iter().map(|p| {
                    assert!(p.value.is_some() != (p.flags == 1));
                    (name.clone(), p.flags, p.attributes.len())
                })),
                Data::Gauge(g) => all.extend(g.data_points.iter().map(|p| {
                    assert!(p.value.is_some() != (p.flags == 1));
                    (name.clone(), p.flags, p.attributes.len())
                })),
                Data::ExponentialHistogram(h) => all.extend(h.data_points.iter().map(|p| {
                    assert!((p.count > 0) != (p.flags == 1));
                    (name.clone(), p.flags, p.attributes.len())
                })),
                Data::Histogram(h) => all.extend(h.data_points.iter().map(|p| {
                    assert!((p.count > 0) != (p.flags == 1));
                    (name.clone(), p.flags, p.attributes.len())
                })),
                Data::Summary(_) => unreachable!(),
            }
        }
        all.sort();
        all
    };
    let first = flags(&encode(&mut encoder, &registry.collect()));
    assert!(first.iter().all(|p| p.1 == 0), "{first:?}");
    assert_eq!(first.len(), 5);
    assert!(registry.remove(&ends) && registry.remove(&level));
    assert!(registry.remove(&scaled) && registry.remove(&bounded));
    let second = flags(&encode(&mut encoder, &registry.collect()));
    let point = |name: &str, flag| (name.to_owned(), flag, 1);
    assert_eq!(
        second,
        [
            point("a_total", 0),
            point("a_total", 1),
            point("b", 1),
            point("c", 1),
            point("d", 1)
        ]
    );
    let third = flags(&encode(&mut encoder, &registry.collect()));
    assert_eq!(third, [point("a_total", 0)]);
}

#[test]
fn exemplars_keep_their_labels_and_ids() {
    let time = UNIX_EPOCH + Duration::from_millis(1_234);
    let (trace, span) = ("0AF7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7");
    let labels = [("ssrc", "77"), ("trace_id", trace), ("span_id", span)];
    let odd = [
        ("trace_id", "0000"),
        ("span_id", "zzf067aa0ba902b7"),
        ("ü", ""),
    ];
    let desc = Desc::histogram("h_seconds", "H.", &[0.5]).per_unit(1e9);
    for (desc, exponential) in [(desc.clone(), true), (desc.classic_only(), false)] {
        let snapshot = Builder::new()
            .histogram(&desc, &[(&[], &[1, 1_000_000_000])])
            .exemplars(
                "h_seconds",
                &[],
                vec![
                    Exemplar::new(labels, 0.25, time),
                    Exemplar::new(odd, 1.0, time),
                ],
            )
            .build();
        let exemplars = match read(&encode(&mut encoder(), &snapshot)).remove(0).data {
            Some(Data::ExponentialHistogram(h)) if exponential => {
                h.data_points[0].exemplars.clone()
            }
            Some(Data::Histogram(h)) if !exponential => h.data_points[0].exemplars.clone(),
            other => panic!("{other:?}"),
        };
        let [ids, plain] = &exemplars[..] else {
            panic!("{exemplars:?}")
        };
        assert_eq!(ids.time_unix_nano, 1_234_000_000);
        assert_eq!(
            ids.value,
            Some(opentelemetry_proto::tonic::metrics::v1::exemplar::Value::AsDouble(0.25))
        );
        assert_eq!(ids.trace_id[..4], [0x0a, 0xf7, 0x65, 0x19]);
        assert_eq!((ids.trace_id.len(), ids.span_id.len()), (16, 8));
        assert_eq!(text(&ids.filtered_attributes), [("ssrc", "77")]);
        assert!(plain.trace_id.is_empty() && plain.span_id.is_empty());
        assert_eq!(text(&plain.filtered_attributes), odd);
    }
}

#[test]
fn the_resource_says_who_speaks() {
    let info = Desc::gauge("target_info", "Who.").labels(&["env", "host"]);
    let x = Desc::counter("x_total", "X.");
    let snapshot = Builder::new()
        .gauge(&info, &[(&["staging", "sfu-7"], 1.0)])
        .counter(&x, &[(&[], 1)])
        .build();
    let resource = Resource::new("sfu").attribute("host", "mine");
    let requests = encode(&mut Encoder::new(resource), &snapshot);
    let all = read::resource(&requests[0]);
    let said = text(&all.attributes);
    let of = |name: &str| said.iter().find(|a| a.0 == name).map(|a| a.1);
    assert_eq!(of("service.name"), Some("sfu"));
    assert_eq!(of("env"), Some("staging"));
    assert_eq!(of("host"), Some("mine"), "what the host says goes first");
    assert_eq!(of("telemetry.sdk.language"), Some("rust"));
    assert_eq!(of("service.instance.id").map(str::len), Some(36));
    let names: Vec<String> = read(&requests).into_iter().map(|m| m.name).collect();
    assert_eq!(names, ["x_total"], "target_info became the resource's");
    let other = Resource::new("sfu");
    assert_ne!(other, Resource::new("sfu"), "instances differ");
}

#[test]
fn what_is_not_shown_is_not_told_nor_its_end() {
    let a: &[&str] = &["a"];
    let desc = Desc::counter("a_total", "A.").labels(&["x"]);
    let snapshot = Builder::new().counter(&desc, &[(a, 1)]).build();
    let mut encoder = encoder().only(|name| name != "a_total");
    assert_eq!(encode(&mut encoder, &snapshot), []);
    assert_eq!(encode(&mut encoder, &Builder::new().build()), []);
}
