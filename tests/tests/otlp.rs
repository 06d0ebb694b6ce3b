//! What arrives at receivers of OTLP: a collector, and OpenTelemetry's own messages for Python.
//!
//! ```text
//! exporter --OTLP/HTTP--> collector (Rotel) --OTLP/HTTP--> receiver (opentelemetry-proto, Google's protobuf)
//! ```

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::time::Duration;

use media_metrics_core::desc::{Desc, Unit};
use media_metrics_core::{Registry, Reporter};
use media_metrics_exporter::otlp::{Otlp, Remark, Remarks, Resource};
use media_metrics_exporter::push::Endpoint;
use media_metrics_tests::otlp::{Collector, Receiver};
use media_metrics_tests::{ports, wait};
use serde_json::{Value, json};

const PACKETS: Desc = Desc::counter("test_packets_total", "Packets.").labels(&["kind"]);
const BYTES: Desc = Desc::counter("test_bytes_total", "Bytes.").unit(Unit::Bytes);
const LEVEL: Desc = Desc::gauge("test_level_ratio", "Level.").unit(Unit::Ratio);
const WAIT: Desc = Desc::histogram("test_wait_seconds", "Wait.", &[])
    .unit(Unit::Seconds)
    .per_unit(1e9);
const LAW: Desc = Desc::exact_histogram("test_law", "Law.", &[1.0, 2.5]);

/// Nanoseconds; none is within 1 % above an edge of a bucket of scale 3.
const WAITS: [u64; 4] = [0, 3_000_000, 50_000_000, 7_000_000_000];

fn endpoint(url: String) -> Endpoint {
    Endpoint::new(url)
        .interval(Duration::ZERO)
        .backoff(Duration::from_millis(10), Duration::from_millis(200))
        .stop_within(wait::PATIENCE)
}

/// Without the library's own families, so that all that arrives is known.
fn otlp(endpoint: Endpoint) -> Otlp {
    let resource = Resource::new("test").attribute("service.instance.id", "7");
    Otlp::new(endpoint)
        .resource(resource)
        .families(|name| name.starts_with("test_"))
}

/// A reporter that merges when it is told to.
fn reporter(registry: &Registry, otlp: Otlp) -> (Reporter, Remarks) {
    let remarks = otlp.remarks();
    let sink = otlp.start(registry).unwrap();
    let builder = Reporter::builder(registry).interval(Duration::from_secs(3_600));
    (builder.sink("otlp", 64, sink).start().unwrap(), remarks)
}

/// Waits until the last point of a series says all of this.
#[track_caller]
fn expect(receiver: &Receiver, name: &str, labels: &Value, said: &Value) {
    let what = format!("{name}{labels}: {said}");
    wait::until(&what, wait::PATIENCE, || {
        let point = receiver.point(name, labels)?.ok_or("no such point")?;
        let wanted = said.as_object().into_iter().flatten();
        let differs = wanted.filter(|(key, value)| point[key.as_str()] != **value);
        match differs.count() {
            0 => Ok(()),
            _ => Err(point.to_string()),
        }
    });
}

#[test]
fn counts_are_exact_after_the_collector_was_killed() {
    let receiver = Receiver::start();
    let at = ports::free();
    let collector = Collector::start(at, &receiver);
    let registry = Registry::new().unwrap();
    let audio = registry.counter(&PACKETS, &["audio"]).unwrap();
    let video = registry.counter(&PACKETS, &["video"]).unwrap();
    let bytes = registry.counter(&BYTES, &[]).unwrap();
    let level = registry.gauge(&LEVEL, &[]).unwrap();
    let waits = registry.histogram(&WAIT, &[]).unwrap();
    let law = registry.exact_histogram(&LAW, &[]).unwrap();
    let record = |rounds: u64| {
        for _ in 0..rounds {
            audio.add(3);
            video.inc();
            bytes.add(1_200);
            WAITS.into_iter().for_each(|ns| waits.record(ns));
            [0.5, 1.0, 2.0, 9.0].into_iter().for_each(|v| law.record(v));
        }
    };
    let (reporter, _) = reporter(&registry, otlp(endpoint(collector.url())));
    record(1_000);
    level.set(0.25);
    let _ = reporter.flush();
    expect(
        &receiver,
        "test_packets_total",
        &json!({"kind": "audio"}),
        &json!({"value": 3_000}),
    );
    drop(collector);
    // An outage in which something happens.
    for _ in 0..10 {
        record(100);
        level.set(0.5);
        let _ = reporter.flush();
    }
    let _collector = Collector::start(at, &receiver);
    record(1);
    level.set(0.75);
    let _ = reporter.flush();
    let rounds = 2_001_u64;
    let none = json!({});
    expect(
        &receiver,
        "test_packets_total",
        &json!({"kind": "audio"}),
        &json!({
            "value": 3 * rounds, "whole": true, "kind": "sum", "monotonic": true, "cumulative": true, "unit": "",
            "description": "Packets.", "scope": "media-metrics"
        }),
    );
    expect(
        &receiver,
        "test_packets_total",
        &json!({"kind": "video"}),
        &json!({"value": rounds}),
    );
    expect(
        &receiver,
        "test_bytes_total",
        &none,
        &json!({"value": 1_200 * rounds, "unit": "By"}),
    );
    expect(
        &receiver,
        "test_level_ratio",
        &none,
        &json!({"value": 0.75, "kind": "gauge", "unit": "1"}),
    );
    // By the data model's own formula: above 2^(i/8), up to 2^((i+1)/8).
    let index = |ns: u64| ((ns as f64 / 1e9).log2() * 8.0).ceil() as i64 - 1;
    let offset = index(WAITS[1]);
    let mut counts = vec![0; (index(WAITS[3]) - offset + 1) as usize];
    for ns in &WAITS[1..] {
        counts[(index(*ns) - offset) as usize] = rounds;
    }
    expect(
        &receiver,
        "test_wait_seconds",
        &none,
        &json!({
            "kind": "exponential_histogram", "cumulative": true, "unit": "s", "scale": 3, "count": 4 * rounds,
            "sum": WAITS.iter().sum::<u64>() as f64 * rounds as f64 / 1e9, "zeros": rounds, "offset": offset,
            "counts": counts
        }),
    );
    expect(
        &receiver,
        "test_law",
        &none,
        &json!({
            "kind": "histogram", "bounds": [1.0, 2.5], "counts": [2 * rounds, rounds, rounds],
            "count": 4 * rounds, "sum": 12.5 * rounds as f64
        }),
    );
    for point in receiver.points().unwrap() {
        assert_eq!(point["resource"]["service.name"], "test", "{point}");
        assert_eq!(point["resource"]["service.instance.id"], "7", "{point}");
        let [start, time] = ["start", "time"].map(|key| point[key].as_u64().unwrap());
        assert!(start <= time, "{point}");
    }
    assert!(registry.remove(&video));
    let _ = reporter.flush();
    expect(
        &receiver,
        "test_packets_total",
        &json!({"kind": "video"}),
        &json!({"over": true}),
    );
    let audio = receiver.point("test_packets_total", &json!({"kind": "audio"}));
    assert_eq!(audio.unwrap().unwrap()["over"], Value::Null, "it goes on");
    assert!(reporter.stop(wait::PATIENCE));
    // The last word: all is over, and its last value was this.
    expect(
        &receiver,
        "test_packets_total",
        &json!({"kind": "audio"}),
        &json!({"over": true, "value": 3 * rounds}),
    );
    expect(
        &receiver,
        "test_law",
        &none,
        &json!({"over": true, "count": 4 * rounds}),
    );
}

#[test]
fn what_is_answered_is_heeded() {
    let receiver = Receiver::start();
    let registry = Registry::new().unwrap();
    let counter = registry.counter(&BYTES, &[]).unwrap();
    let (reporter, remarks) = reporter(&registry, otlp(endpoint(receiver.url())));
    assert_eq!(remarks.latest(), None);
    let said = |status: u16, message: &str| {
        let wanted = Some(Remark {
            status,
            message: message.to_owned(),
        });
        wait::until(&format!("{wanted:?}"), wait::PATIENCE, || {
            let latest = remarks.latest();
            (latest == wanted)
                .then_some(())
                .ok_or(format!("{latest:?}"))
        });
    };
    // What the specification says so of is tried again, until it is taken; what was rejected then is not sent again.
    receiver.answer(&json!([
        {"status": 429, "retry_after": 0}, {"status": 502}, {"status": 503}, {"status": 504}, {"status": 0},
        {"rejected": 1, "message": "too\u{7}old"}
    ]));
    counter.add(1);
    let _ = reporter.flush();
    said(200, "too old");
    // All else is not.
    let refusals = [400, 401, 404, 408, 413, 500, 501, 307];
    for status in refusals {
        receiver.answer(&json!([{"status": status}]));
        counter.add(1);
        let _ = reporter.flush();
        said(status, "");
    }
    counter.add(1);
    let _ = reporter.flush();
    let none = json!({});
    expect(&receiver, "test_bytes_total", &none, &json!({"value": 10}));
    let log = receiver.log().unwrap();
    let statuses: Vec<u64> = log.iter().filter_map(|e| e["status"].as_u64()).collect();
    let expected = [429, 502, 503, 504, 0, 200].into_iter();
    let expected = expected.chain(refusals.map(u64::from)).chain([200]);
    assert_eq!(statuses, expected.collect::<Vec<_>>());
    assert!(log.iter().all(|e| e["points"] == 1), "{log:?}");
    let told = registry.collect();
    let failed = told.counter("media_metrics_push_samples_failed_total", &["default"]);
    assert_eq!(failed, Some(1 + refusals.len() as u64));
}

#[test]
fn requests_say_what_they_are() {
    for compressed in [true, false] {
        let receiver = Receiver::start();
        let registry = Registry::new().unwrap();
        registry.counter(&BYTES, &[]).unwrap().add(1);
        let endpoint = endpoint(receiver.url()).header("X-Scope-OrgID", "stage");
        let otlp = otlp(endpoint);
        let otlp = match compressed {
            true => otlp,
            false => otlp.uncompressed(),
        };
        let (reporter, _) = reporter(&registry, otlp);
        let _ = reporter.flush();
        expect(
            &receiver,
            "test_bytes_total",
            &json!({}),
            &json!({"value": 1}),
        );
        let log = receiver.log().unwrap();
        let [only] = &log[..] else { panic!("{log:?}") };
        assert_eq!(only["path"], "/v1/metrics");
        let headers = &only["headers"];
        assert_eq!(headers["content-type"], "application/x-protobuf");
        assert_eq!(headers["x-scope-orgid"], "stage");
        let coding = match compressed {
            true => json!("gzip"),
            false => Value::Null,
        };
        assert_eq!(headers["content-encoding"], coding);
    }
}

#[test]
fn many_series_of_hostile_names_arrive_in_small_requests() {
    let receiver = Receiver::start();
    let registry = Registry::new().unwrap();
    let kind = |i: u64| format!("{i}\0\"\\\n\u{85}ü🎥{}", "x".repeat(100));
    let count = 2_000;
    for i in 0..count {
        let counter = registry.counter(&PACKETS, &[&kind(i)]).unwrap();
        counter.add(i);
    }
    let otlp = otlp(endpoint(receiver.url())).max_request_bytes(1);
    let (reporter, _) = reporter(&registry, otlp);
    let _ = reporter.flush();
    expect(
        &receiver,
        "test_packets_total",
        &json!({"kind": kind(count - 1)}),
        &json!({"value": count - 1}),
    );
    let points = receiver.points().unwrap();
    assert_eq!(points.len() as u64, count);
    for (i, point) in (0..count).zip(points) {
        assert_eq!(point["labels"]["kind"], kind(i));
        assert_eq!(point["value"], i);
    }
    let log = receiver.log().unwrap();
    // At most 64 KiB each, of some 400 KB.
    assert!(log.len() > 4, "{}", log.len());
    assert!(reporter.stop(wait::PATIENCE));
    let over = |point: &Value| point["over"] == true;
    assert!(receiver.points().unwrap().iter().all(over), "all has ended");
}
