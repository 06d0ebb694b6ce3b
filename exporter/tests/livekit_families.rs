//! A scrape with LiveKit's families: every family of the list, each with its type, labels and `le` texts to the
//! letter, after every event was told once.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use common::parser::{Family, parse};
use media_metrics_core::livekit::families::*;
use media_metrics_core::quality::Rating;
use media_metrics_core::{Counter, Gauge, Registry};
use media_metrics_exporter::openmetrics;
use media_metrics_exporter::text::Encoder;
use serde_json::Value;

fn vectors() -> Vec<Value> {
    let text = include_str!("../../core/tests/data/livekit/prometheus-families.json");
    let all: Value = serde_json::from_str(text).unwrap();
    all["families"].as_array().unwrap().clone()
}

fn strings(list: &Value) -> Vec<String> {
    let items = list.as_array().unwrap().iter();
    items.map(|s| s.as_str().unwrap().to_owned()).collect()
}

/// Every event that a host can tell, once.
fn tell_everything(families: &Families) {
    let time = Duration::from_millis(12);
    families.room().close(time);
    families.room_created();
    families.room_closed(time);
    drop(families.participant());
    families.participant_came();
    families.participant_left();
    let kind = TrackKind::Video;
    drop(families.published_track(kind));
    families.track_published(kind);
    families.track_unpublished(kind);
    drop(families.subscribed_track(kind));
    families.track_subscribed(kind);
    families.track_unsubscribed(kind);
    families.track_publish(kind, PublishState::Attempt);
    families.track_subscribe(SubscribeState::Failure(SubscribeError::TrackNotFound));
    families.join(JoinState::RtcSuccess { warp: true });
    families.peer_connection(Transport::Subscriber, ConnectionState::Connected);
    families.session_join_latency(16, time);
    families.session_start_time(16, false, time);
    families.session_duration(16, time);
    let subscription = PubSub {
        direction: PubSubDirection::Subscribe,
        source: TrackSource::Camera,
        kind,
        country: Country::of("DE"),
        sdk: Sdk::Js,
        participant: ParticipantKind::Standard,
        count: 2,
    };
    families.pub_sub_time(&subscription, time);
    families.signal_relayed(Success::Success, SignalDirection::Request);
    families.service_operation(ServiceOperation::Offer);
    families.twirp_response("RoomService", "ListRooms", 200, None, time);
    families.webhook(WebhookOutcome::Drop(WebhookDrop::Age));
    families.webhook_queued(3);
    families.data_channel_packet(Direction::Incoming, Country::of("DE"), 100);
    families.signal_message(Direction::Outgoing, Country::UNKNOWN, 100);
    families.turn_packet(Direction::Incoming, 100);
    drop(families.connection(Direction::Incoming));
    families.connection_opened(Direction::Outgoing);
    families.connection_closed(Direction::Outgoing);
    families.data_stream(StreamKind::Text, MimeKind::Text, 2, Some(500));
    families.participant_quality(Rating::Lost, 1.0);
    families.node_packets(7, 1);
    families.config_reloaded("/etc/livekit.yaml", Success::Success);
    families.config_hash("/etc/livekit.yaml", 123_456_789);
    families.config_load_state("/etc/livekit.yaml", false);
    drop(families.reference("room").unwrap());
    families.reference_taken("room");
    families.reference_dropped("room");
    let rpc = families.psrpc_rpc(Role::Client, "Room", "Delete").unwrap();
    rpc.ended(Ok(()), time, 1, 1);
    rpc.ended(Err(PsrpcError::NotFound), time, 1, 1);
    let multi = families.psrpc_multi(Role::Client, "Node", "Ping").unwrap();
    multi.ended(0, time, 1, 1);
    let stream = families
        .psrpc_stream(Role::Server, "Signal", "Relay")
        .unwrap();
    drop(stream.open());
    stream.opened();
    stream.closed();
    stream.sent(Ok(()), time, 10);
    stream.received(Ok(()), 10);
    let server = families.psrpc_server("Room", "Delete").unwrap();
    server.received();
    server.expired();
    server.claim(ClaimOutcome::TimedOut, time);
}

/// What the reporter derives from streams.
fn derive_everything(registry: &Registry) -> [Gauge; 2] {
    let stream = ["incoming", "CAMERA", "VIDEO", "DE"];
    let of_node = |values: &[&'static str]| [values, &["ND_abc", "SERVER"][..]].concat();
    let counter = |desc, values: &[&'static str]| -> Counter {
        registry.counter(desc, &of_node(values)).unwrap()
    };
    let histogram =
        |desc, values: &[&'static str]| registry.exact_histogram(desc, &of_node(values)).unwrap();
    counter(&catalog::NACK_TOTAL, &["incoming", "DE"]).inc();
    counter(&catalog::PLI_TOTAL, &["incoming", "DE"]).inc();
    counter(&catalog::FIR_TOTAL, &["outgoing", "DE"]).inc();
    counter(&catalog::PACKET_LOSS_TOTAL, &stream).inc();
    counter(&catalog::PACKET_OUT_OF_ORDER_TOTAL, &stream).inc();
    for desc in [
        &catalog::PACKET_LOSS_PERCENT,
        &catalog::PACKET_OUT_OF_ORDER_PERCENT,
        &catalog::JITTER_US,
        &catalog::RTT_MS,
    ] {
        histogram(desc, &stream).record(0.1);
    }
    histogram(&catalog::FORWARD_LATENCY_NS, &[]).record(1e6);
    [&catalog::FORWARD_LATENCY, &catalog::FORWARD_JITTER].map(|desc| {
        let gauge = registry.gauge(desc, &of_node(&[])).unwrap();
        gauge.set(1e6);
        gauge
    })
}

fn scrape(registry: &Registry) -> Vec<Family> {
    let mut page = Vec::new();
    Encoder::new().encode(&registry.collect(), &mut page);
    parse(&page).unwrap()
}

fn registered() -> (Registry, Families) {
    let registry = Registry::new().unwrap();
    let node = NodeIdentity::new("ND_abc", NodeType::Server);
    let families = Families::register(&registry, node).unwrap();
    (registry, families)
}

#[test]
fn a_scrape_holds_every_family_to_the_letter() {
    let (registry, families) = registered();
    tell_everything(&families);
    let _gauges = derive_everything(&registry);
    let page = scrape(&registry);
    let livekit = page.iter().filter(|f| f.name.starts_with("livekit_"));
    let found: BTreeSet<String> = livekit.map(|f| f.name.clone()).collect();
    let vectors = vectors();
    let expected = vectors
        .iter()
        .map(|v| v["name"].as_str().unwrap().to_owned());
    assert_eq!(found, expected.collect::<BTreeSet<String>>());

    for vector in &vectors {
        let name = vector["name"].as_str().unwrap();
        let family = page.iter().find(|f| f.name == name).unwrap();
        assert_eq!(family.kind, vector["type"].as_str().unwrap(), "{name}");
        assert!(family.help.ends_with('.'), "{name}");
        assert!(!family.samples.is_empty(), "{name}");
        let labels = [strings(&vector["labels"]), strings(&vector["const_labels"])].concat();
        let labels: BTreeSet<String> = labels.into_iter().collect();
        for sample in &family.samples {
            let own = sample.labels.iter().map(|(name, _)| name.clone());
            let own: BTreeSet<String> = own.filter(|name| name != "le").collect();
            assert_eq!(own, labels, "{}", sample.name);
            if labels.contains("node_id") {
                assert_eq!(sample.label("node_id"), Some("ND_abc"));
                assert_eq!(sample.label("node_type"), Some("SERVER"));
            }
        }
        if let Some(le) = vector.get("le") {
            let bucket = format!("{name}_bucket");
            let buckets = family.samples.iter().filter(|s| s.name == bucket);
            let texts: Vec<String> = buckets.map(|s| s.label("le").unwrap().to_owned()).collect();
            for series in texts.chunks(strings(le).len()) {
                assert_eq!(series, strings(le), "{name}");
            }
        }
    }
}

/// OpenMetrics adds to names and changes the looks of bounds: not of these.
#[test]
fn openmetrics_has_the_same_lines() {
    let (registry, families) = registered();
    tell_everything(&families);
    let _gauges = derive_everything(&registry);
    let snapshot = registry.collect();
    let (mut text, mut open) = (Vec::new(), Vec::new());
    Encoder::new().encode(&snapshot, &mut text);
    openmetrics::Encoder::new().encode(&snapshot, &mut open);
    let [text, open] = [text, open].map(|page| String::from_utf8(page).unwrap());
    let samples = |page: &str| -> Vec<String> {
        let samples = page.lines().filter(|line| line.starts_with("livekit_"));
        samples.map(str::to_owned).collect()
    };
    assert!(samples(&text).len() > 300);
    assert_eq!(samples(&open), samples(&text));
    for line in [
        "# TYPE livekit_packet counter",
        "# TYPE livekit_packet_bytes unknown",
        "# TYPE livekit_room_total gauge",
        "# TYPE livekit_rtt_ms histogram",
    ] {
        assert!(open.lines().any(|l| l == line), "{line}");
    }
}

/// A gauge may end in `_total` and a counter need not: that is how LiveKit has it, and all of it.
#[test]
fn names_that_break_the_rules_are_livekits_and_these() {
    let (registry, families) = registered();
    tell_everything(&families);
    let _gauges = derive_everything(&registry);
    let mut odd = Vec::new();
    for family in scrape(&registry) {
        let total = family.name.ends_with("_total");
        if family.name.starts_with("livekit_") && total != (family.kind == "counter") {
            odd.push(family.name.trim_start_matches("livekit_").to_owned());
        }
    }
    let expected = [
        "connection_total",
        "node_messages",
        "node_packet_total",
        "node_service_operation",
        "node_twirp_request_status",
        "packet_bytes",
        "participant_total",
        "peer_connection_state",
        "room_total",
        "track_publish_counter",
        "track_published_total",
        "track_subscribe_counter",
        "track_subscribed_total",
    ];
    assert_eq!(odd, expected);
}

/// Labels from outside that need escaping are escaped; a node's id is outside, too.
#[test]
fn strange_identities_and_paths_survive() {
    let registry = Registry::new().unwrap();
    let node = NodeIdentity::new("N\"\\\n", NodeType::Settings);
    let families = Families::register(&registry, node).unwrap();
    families.config_load_state("C:\\live \"kit\".yaml", true);
    let page = scrape(&registry);
    let of = |name: &str| page.iter().find(|f| f.name == name).unwrap();
    let rooms = &of("livekit_room_total").samples[0];
    assert_eq!(rooms.label("node_id"), Some("N\"\\\n"));
    assert_eq!(rooms.label("node_type"), Some("SETTINGS"));
    let state = &of("livekit_config_load_state").samples[0];
    assert_eq!(state.label("file"), Some("C:\\live \"kit\".yaml"));
    assert_eq!(state.value(), 1.0);
}
