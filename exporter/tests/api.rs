//! Insight over HTTP: streams as W3C webrtc-stats objects, the worst of them, the snapshot.

#![cfg(feature = "api")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod common;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, SystemTime};

use common::client::{Answer, get, get_with};
use media_metrics_core::desc::{Desc, Unit};
use media_metrics_core::judge::QualityControl;
use media_metrics_core::quality::Config;
use media_metrics_core::rtp::RtpHeader;
use media_metrics_core::rtp::rtcp::{ReportBlock, SenderInfo};
use media_metrics_core::snapshot::{Builder, Snapshot};
use media_metrics_core::{Registry, SendStream, SenderConfig, Stream, StreamConfig};
use media_metrics_exporter::{Server, Source};
use proptest::test_runner::{Config as Cases, TestRunner};
use serde_json::Value;

const SECOND: u64 = 1_000_000_000;

fn header(ssrc: u32, sequence: u16) -> RtpHeader {
    RtpHeader {
        marker: false,
        payload_type: 111,
        sequence,
        timestamp: u32::from(sequence) * 960,
        ssrc,
        header_len: 12,
        padding_len: 0,
        packet_len: 172,
    }
}

/// A registry with some streams: SSRC 1 lost nothing, 2 half of its packets and is judged, 3 (video) a tenth; 9 is
/// sent, and its receiver misses a quarter.
struct House {
    registry: Registry,
    streams: Vec<Stream>,
    _sent: SendStream,
    _judged: QualityControl,
}

fn house() -> House {
    let window = Registry::builder().quality_window(Duration::from_nanos(1));
    let registry = window.build().unwrap();
    let groups = ["audio", "audio", "video"].map(|kind| registry.group(&["incoming", kind]));
    let mut streams = Vec::new();
    for (ssrc, group) in (1..).zip(groups) {
        let rate = if ssrc == 3 { 90_000 } else { 48_000 };
        let config = StreamConfig::new(ssrc, rate);
        streams.push(registry.stream(&group.unwrap(), config).unwrap());
    }
    let alice = registry.participant("Алиса \"a\" & b");
    let judged = registry.judge(&streams[1], Config::inbound(8.0), Some(&alice));
    for n in 0..=100 {
        let at = SECOND + u64::from(n) * 20_000_000;
        streams[0].on_rtp(&header(1, n), at);
        if n % 2 == 0 {
            streams[1].on_rtp(&header(2, n), at);
        }
        if n % 10 != 5 {
            streams[2].on_rtp(&header(3, n), at);
        }
    }
    let about = SenderInfo {
        ssrc: 2,
        ntp: 3_913_056_000 << 32,
        rtp_timestamp: 0,
        packets: 101,
        octets: 10_100,
    };
    streams[1].on_sender_report(&about, 3 * SECOND);
    let group = registry.sender_group(&["outgoing", "audio"]).unwrap();
    let mut sent = registry
        .sender(&group, SenderConfig::new(9, 48_000))
        .unwrap();
    (0..100).for_each(|n| sent.on_rtp(&header(9, n), SECOND + u64::from(n) * 20_000_000));
    let report = ReportBlock {
        ssrc: 9,
        fraction_lost: 64,
        cumulative_lost: 25,
        highest_sequence: 99,
        jitter_ticks: 480,
        last_report: 0,
        delay: 0,
    };
    sent.on_report(&report, 3 * SECOND);
    registry.collect();
    std::thread::sleep(Duration::from_millis(2)); // a window of no time is none
    // By now it is settled what is lost.
    streams[1].on_rtp(&header(2, 101), 3 * SECOND - 1);
    registry.collect();
    House {
        registry,
        streams,
        _sent: sent,
        _judged: judged.unwrap(),
    }
}

fn serve(source: impl Source) -> Server {
    Server::builder(source).bind("127.0.0.1:0").start().unwrap()
}

fn json(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text());
    let kind = answer.header("content-type");
    assert_eq!(kind, Some("application/json; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    serde_json::from_slice(&answer.body).unwrap()
}

/// SSRCs of the streams that are told.
fn told(address: SocketAddr, query: &str) -> Vec<u64> {
    let all = json(&get(address, &format!("/api/v1/streams?{query}")), 200);
    let streams = all["streams"].as_array().unwrap();
    assert_eq!(all["truncated"], all["matching"] != streams.len());
    streams
        .iter()
        .map(|s| s["ssrc"].as_u64().unwrap())
        .collect()
}

#[test]
fn streams_are_webrtc_stats_with_ours_apart() {
    let house = house();
    let server = serve(house.registry);
    let all = json(&get(server.local_addr(), "/api/v1/streams"), 200);
    assert_eq!((&all["sequence"], &all["matching"]), (&2.into(), &4.into()));
    let streams = all["streams"].as_array().unwrap();
    let types: Vec<_> = streams
        .iter()
        .map(|s| s["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        types,
        ["inbound-rtp", "inbound-rtp", "inbound-rtp", "outbound-rtp"]
    );

    let half = &streams[1];
    assert_eq!((&half["ssrc"], &half["kind"]), (&2.into(), &"audio".into()));
    assert_eq!(
        (&half["packetsReceived"], &half["packetsLost"]),
        (&52.into(), &50.into())
    );
    let ours = &half["mediaMetrics"];
    assert_eq!(ours["group"], "incoming/audio");
    assert_eq!(ours["participant"], "Алиса \"a\" & b");
    let loss = ours["lossRatio"].as_f64().unwrap();
    assert!((loss - 50.0 / 102.0).abs() < 1e-12, "{loss}");
    assert!(ours["score"].as_f64().unwrap() < 40.0, "{ours}");
    assert_eq!(ours["rating"], "POOR");
    assert_eq!(ours["reason"], "packet");
    // Between the two merges one packet came of the one, and none of the other.
    assert_eq!(ours["interval"]["lossRatio"], 0.0);
    let idle = &streams[0]["mediaMetrics"]["interval"];
    assert_eq!(idle["bytesPerSecond"], 0.0);
    assert_eq!(idle["lossRatio"], Value::Null);
    assert_eq!(streams[0]["mediaMetrics"]["score"], Value::Null);
    assert_eq!(streams[2]["kind"], "video");

    // The newest thing that is known, a report at 3 s, counts as of now.
    let now = all["timestamp"].as_f64().unwrap();
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    assert!((wall.unwrap().as_secs_f64() * 1e3 - now).abs() < 60_000.0);
    let last = streams[0]["lastPacketReceivedTimestamp"].as_f64().unwrap();
    assert!((now - last).abs() < 0.01, "{now} {last}");

    let remote = all["remote"].as_array().unwrap();
    assert_eq!(remote.len(), 2);
    assert_eq!(remote[0]["type"], "remote-outbound-rtp");
    assert_eq!(
        (&remote[0]["id"], &remote[0]["localId"]),
        (&half["remoteId"], &half["id"])
    );
    assert_eq!(remote[1]["type"], "remote-inbound-rtp");
    assert_eq!(remote[1]["fractionLost"], 0.25);
    // Members of the standard alone, and ours.
    let ids: BTreeSet<_> = streams
        .iter()
        .chain(remote)
        .map(|s| s["id"].as_str())
        .collect();
    assert_eq!(ids.len(), 6, "unlike each other");
}

#[test]
fn streams_are_found_by_what_is_asked() {
    let house = house();
    let server = serve(house.registry.clone());
    let at = server.local_addr();
    for (query, ssrcs) in [
        ("", &[1, 2, 3, 9][..]),
        ("ssrc=2", &[2]),
        ("ssrc=0x2&ssrc=9", &[2, 9]),
        ("ssrc=77", &[]),
        ("group=incoming/audio", &[1, 2]),
        ("group=incoming%2Fvideo&group=outgoing/audio", &[3, 9]),
        ("kind=video", &[3]),
        ("direction=outgoing", &[9]),
        (
            "participant=%D0%90%D0%BB%D0%B8%D1%81%D0%B0%20%22a%22%20%26%20b",
            &[2],
        ),
        ("participant=", &[]),
        ("max_score=40", &[2]),
        ("min_score=90", &[]),
        ("min_loss=0.09", &[2, 3, 9]),
        ("min_loss=0.25&max_loss=0.25", &[9]),
        ("max_loss=0", &[1]),
        ("min_interval_loss=0.25", &[9]),
        ("sort=loss", &[2, 9, 3, 1]),
        ("sort=worst&limit=2", &[2, 9]),
        ("limit=3", &[1, 2, 3]),
        ("id=1&limit=1", &[1]),
    ] {
        assert_eq!(told(at, query), ssrcs, "{query}");
    }
    let streams = house.streams.len() as u64;
    assert_eq!(streams, 3, "they live until here");
}

#[test]
fn a_wrong_question_is_told_what_is_right() {
    let house = house();
    let server = serve(house.registry);
    for (path, says) in [
        ("/api/v1/streams?limit=0", "1 to 10000"),
        ("/api/v1/streams?min_loss=NaN", "0 to 1"),
        ("/api/v1/streams?colour=red", "colour"),
        ("/api/v1/worst?k=5", "\"k\""),
        ("/api/v1/snapshot?name=a", "name[]"),
    ] {
        let error = json(&get(server.local_addr(), path), 400);
        let why = error["error"].as_str().unwrap();
        assert!(why.contains(says), "{path}: {why}");
    }
    let missing = get(server.local_addr(), "/api/v1/stream");
    assert_eq!(missing.status, 404);
    assert!(
        missing.text().contains("/api/v1/streams"),
        "{}",
        missing.text()
    );
}

#[test]
fn the_worst_are_those_of_the_slots() {
    let mut house = house();
    for n in 102..202 {
        for (i, stream) in house.streams.iter_mut().enumerate() {
            if i != 2 || n % 4 != 0 {
                stream.on_rtp(&header(i as u32 + 1, n), 4 * SECOND);
            }
        }
    }
    let snapshot = house.registry.collect();
    let server = serve(house.registry.clone());
    let worst = json(&get(server.local_addr(), "/api/v1/worst"), 200);
    assert_eq!(worst["sequence"], snapshot.sequence());
    let streams = worst["streams"].as_array().unwrap();
    let ssrcs: Vec<_> = streams
        .iter()
        .map(|s| s["ssrc"].as_u64().unwrap())
        .collect();
    // The judged one by its score, those of no judge by their losses; of what is sent nothing is new.
    assert_eq!(ssrcs, [2, 3, 1]);
    let loss = streams[1]["interval"]["lossRatio"].as_f64();
    assert_eq!(
        loss,
        snapshot.gauge("media_worst_stream_loss_ratio", &["1"])
    );
    assert_eq!(worst["groups"][0]["group"], "incoming/audio");
    assert_eq!(worst["groups"][1]["streams"], 1);
}

static BYTES: Desc = Desc::counter("a_bytes_total", "A.")
    .unit(Unit::Bytes)
    .labels(&["x"]);
static TIME: Desc = Desc::histogram("b_seconds", "B.", &[0.1, 1.0])
    .unit(Unit::Seconds)
    .per_unit(1e3);
static LEVEL: Desc = Desc::gauge("c", "C \"quoted\"\n.").labels(&["x"]);

fn made_up() -> Arc<Snapshot> {
    let builder = Builder::new()
        .counter(&BYTES, &[(&["é\"\\\n"], 7)])
        .histogram(&TIME, &[(&[], &[100, 200, 300])])
        .gauge(
            &LEVEL,
            &[
                (&["nan"], Some(f64::NAN)),
                (&["none"], None),
                (&["half"], Some(0.5)),
            ],
        );
    Arc::new(builder.build())
}

#[test]
fn the_snapshot_has_every_family_in_exposed_units() {
    let snapshot = made_up();
    let server = serve(move || Arc::clone(&snapshot));
    let all = json(&get(server.local_addr(), "/api/v1/snapshot"), 200);
    assert_eq!(
        (&all["sequence"], &all["intervalSeconds"]),
        (&1.into(), &1.0.into())
    );
    let [a, b, c] = all["families"].as_array().unwrap().as_slice() else {
        panic!("{all}");
    };
    assert_eq!(
        (&a["name"], &a["type"], &a["unit"]),
        (&"a_bytes_total".into(), &"counter".into(), &"bytes".into())
    );
    assert_eq!(a["series"][0]["labels"]["x"], "é\"\\\n");
    assert_eq!(a["series"][0]["value"], 7.0);
    let time = &b["series"][0];
    assert_eq!((&time["count"], &time["sum"]), (&3.into(), &0.6.into()));
    assert_eq!(time["p50"], 0.2);
    let max = time["max"].as_f64().unwrap();
    assert!((0.3..0.303).contains(&max), "of its bucket: {max}");
    assert_eq!(c["help"], "C \"quoted\"\n.");
    let values: Vec<_> = (0..3).map(|i| c["series"][i]["value"].clone()).collect();
    assert_eq!(values, [Value::Null, Value::Null, 0.5.into()]);
    let one = json(&get(server.local_addr(), "/api/v1/snapshot?name[]=c"), 200);
    assert_eq!(one["families"], Value::Array(vec![c.clone()]));
}

#[test]
fn families_that_are_not_shown_are_not_told() {
    let snapshot = made_up();
    let server = Server::builder(move || Arc::clone(&snapshot));
    let server = server.families(|name| name != "c").bind("127.0.0.1:0");
    let server = server.start().unwrap();
    for path in ["/api/v1/snapshot", "/api/v1/snapshot?name[]=c"] {
        let all = get(server.local_addr(), path);
        assert!(!all.text().contains("\"c\""), "{}", all.text());
    }
}

#[test]
fn who_has_it_already_is_told_so() {
    let house = house();
    let server = serve(house.registry.clone());
    let ask = |tag: &str| {
        let known = format!("If-None-Match: {tag}\r\n");
        get_with(server.local_addr(), "/api/v1/streams", &known)
    };
    let first = ask("\"x\"");
    let tag = first.header("etag").unwrap().to_owned();
    let again = ask(&format!("\"x\", {tag}"));
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(again.header("etag"), Some(tag.as_str()));
    // RFC 9110, section 13.1.2: compared as weak tags are, and an asterisk is any; section 5.3: of several fields all.
    let weak = format!("W/{tag}");
    let fields = format!("\"x\"\r\nIf-None-Match: {tag}");
    for known in [weak.as_str(), "*", &fields] {
        assert_eq!(ask(known).status, 304, "{known}");
    }
    for other in ["", "W/", "W/*", tag.trim_matches('"')] {
        assert_eq!(ask(other).status, 200, "{other}");
    }
    std::thread::sleep(Duration::from_millis(2)); // the tag has milliseconds
    house.registry.collect();
    assert_eq!(ask(&tag).status, 200);
}

#[test]
fn a_source_of_snapshots_alone_says_so() {
    let snapshot = made_up();
    let server = serve(move || Arc::clone(&snapshot));
    for path in ["/api/v1/streams", "/api/v1/worst"] {
        let error = json(&get(server.local_addr(), path), 404);
        assert!(
            error["error"]
                .as_str()
                .unwrap()
                .contains("no single streams")
        );
    }
}

/// A registry that counts who reads its streams, and knows its clock.
struct Counting(Registry, Arc<AtomicUsize>);

impl Source for Counting {
    fn latest(&self) -> Arc<Snapshot> {
        self.0.latest()
    }

    fn streams(&self) -> Option<&Registry> {
        self.1.fetch_add(1, SeqCst);
        Some(&self.0)
    }

    fn clock_ns(&self) -> Option<u64> {
        Some(13 * SECOND)
    }
}

#[test]
fn the_hosts_clock_is_used_if_it_is_known() {
    let house = house();
    let server = serve(Counting(house.registry, Arc::default()));
    let all = json(&get(server.local_addr(), "/api/v1/streams?ssrc=1"), 200);
    let now = all["timestamp"].as_f64().unwrap();
    let last = all["streams"][0]["lastPacketReceivedTimestamp"]
        .as_f64()
        .unwrap();
    assert!((now - last - 10_000.0).abs() < 0.01, "{now} {last}");
}

#[test]
fn a_flood_of_questions_is_bounded_and_scrapes_go_on() {
    let registry = Registry::new().unwrap();
    let group = registry.group(&["incoming", "audio"]).unwrap();
    let streams: Vec<_> = (0..20_000)
        .map(|ssrc| {
            registry
                .stream(&group, StreamConfig::new(ssrc, 48_000))
                .unwrap()
        })
        .collect();
    registry.collect();
    let server = serve(registry);
    let at = server.local_addr();
    let (mut answered, mut refused) = (0, 0);
    for n in 0..200 {
        // Another question each time.
        let answer = get(at, &format!("/api/v1/streams?limit={}", 9_800 + n));
        match answer.status {
            200 => answered += 1,
            503 => {
                refused += 1;
                assert_eq!(answer.header("retry-after"), Some("1"));
            }
            status => panic!("{status}"),
        }
        if n % 50 == 0 {
            assert_eq!(get(at, "/metrics").status, 200);
        }
    }
    assert!(answered > 0 && refused > 0, "{answered} {refused}");
    drop(streams);
}

/// What comes out is JSON, and right, whatever goes in.
#[test]
fn any_query_gets_json() {
    let house = house();
    let server = serve(house.registry);
    let cases = Cases {
        cases: 256,
        failure_persistence: None,
        ..Cases::default()
    };
    let query = "[a-z_\\[\\]%&=+0-9.\\-A-F~!$'(),;:@/?]{0,60}";
    TestRunner::new(cases)
        .run(&query, |query| {
            for page in ["streams", "worst", "snapshot"] {
                let answer = get(server.local_addr(), &format!("/api/v1/{page}?{query}"));
                let value: Value = serde_json::from_slice(&answer.body).unwrap();
                match answer.status {
                    200 => assert!(value["sequence"].is_u64()),
                    400 => assert!(value["error"].is_string()),
                    503 => {} // 768 questions in a row are many
                    status => panic!("{status} for {query}"),
                }
            }
            Ok(())
        })
        .unwrap();
}
