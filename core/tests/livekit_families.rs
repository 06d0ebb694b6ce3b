//! LiveKit's families against the list of them: names, types, labels, bounds; exactness at each bound.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::HashSet;

use media_metrics_core::Registry;
use media_metrics_core::desc::{Kind, Unit};
use media_metrics_core::livekit::families::catalog::{self, NODE_ID, NODE_TYPE};
use media_metrics_core::livekit::families::{
    ALL, Families, MimeKind, NodeIdentity, NodeType, Origin, ParticipantKind, PsrpcError, Sdk,
    StreamKind, TrackKind, TrackSource, TwirpCode,
};
use serde_json::Value;

fn vectors() -> Vec<Value> {
    let text = include_str!("data/livekit/prometheus-families.json");
    let all: Value = serde_json::from_str(text).unwrap();
    all["families"].as_array().unwrap().clone()
}

fn strings(list: &Value) -> Vec<&str> {
    let items = list.as_array().unwrap().iter();
    items.map(|s| s.as_str().unwrap()).collect()
}

fn node() -> NodeIdentity {
    NodeIdentity::new("ND_test", NodeType::Media)
}

#[test]
fn the_table_is_the_list() {
    let vectors = vectors();
    assert_eq!((ALL.len(), vectors.len()), (52, 52));
    for (family, vector) in ALL.iter().zip(&vectors) {
        let desc = family.desc;
        let name = vector["name"].as_str().unwrap();
        assert_eq!(desc.name(), name);
        let kind = format!("{:?}", desc.kind()).to_lowercase();
        assert_eq!(kind, vector["type"].as_str().unwrap(), "{name}");
        let labels = [strings(&vector["labels"]), strings(&vector["const_labels"])].concat();
        assert_eq!(
            desc.label_names().iter().collect::<Vec<_>>(),
            labels,
            "{name}"
        );
        // From the texts: serde_json reads numbers to within the last bit only.
        let texts = vector.get("le").map_or_else(Vec::new, strings);
        let finite = texts.iter().filter(|le| **le != "+Inf");
        let bounds: Vec<f64> = finite.map(|le| le.parse().unwrap()).collect();
        assert_eq!(desc.bounds(), bounds, "{name}");
        assert_eq!(desc.is_exact(), desc.kind() == Kind::Histogram, "{name}");
        assert_eq!(desc.exposed_unit(), Unit::None, "{name}");
        assert!(desc.help().ends_with('.'), "{name} has no help");
        desc.validate().unwrap();
    }
}

#[test]
fn help_says_the_unit_that_the_name_says() {
    let units = [
        ("_ms", "millisecond"),
        ("_us", "microsecond"),
        ("_ns", "nanosecond"),
        ("_seconds", "second"),
        ("_percent", "percent"),
        ("_bytes", "byte"),
        ("forward_latency", "nanosecond"),
        ("forward_jitter", "nanosecond"),
    ];
    for (end, word) in units {
        let found = ALL.iter().filter(|f| f.desc.name().ends_with(end));
        let checked = found.inspect(|f| {
            let help = f.desc.help().to_lowercase();
            assert!(help.contains(word), "{}: {help}", f.desc.name());
        });
        assert_ne!(checked.count(), 0, "nothing ends in {end}");
    }
}

/// What streams and node statistics fill is that, and nothing else.
#[test]
fn the_table_says_who_fills_a_family() {
    let of = |origin| {
        let found = ALL.iter().filter(move |f| f.origin == origin);
        found
            .map(|f| f.desc.name().trim_start_matches("livekit_"))
            .collect::<HashSet<_>>()
    };
    let streams = [
        "packet_total",
        "packet_bytes",
        "nack_total",
        "pli_total",
        "fir_total",
        "packet_loss_total",
        "packet_loss_percent",
        "packet_out_of_order_total",
        "packet_out_of_order_percent",
        "jitter_us",
        "rtt_ms",
        "forward_latency",
        "forward_jitter",
        "forward_latency_ns",
        "quality_rating",
        "quality_score",
    ];
    assert_eq!(of(Origin::Streams), HashSet::from(streams));
    assert_eq!(of(Origin::Node), HashSet::from(["node_packet_total"]));
    assert_eq!(of(Origin::Host).len(), 52 - streams.len() - 1);
}

/// Closed sets as LiveKit's protocol has them, in its order, and `other` where it may grow.
#[test]
fn closed_sets_have_livekits_texts() {
    fn texts<T: Copy>(all: &[T], text: impl Fn(T) -> &'static str) -> Vec<&'static str> {
        all.iter().map(|value| text(*value)).collect()
    }
    assert_eq!(
        texts(NodeType::ALL, NodeType::as_str),
        [
            "SERVER",
            "CONTROLLER",
            "MEDIA",
            "TURN",
            "SWEEPER",
            "DIRECTOR",
            "HOSTED_AGENT",
            "SETTINGS"
        ]
    );
    assert_eq!(
        texts(TrackSource::ALL, TrackSource::as_str),
        [
            "UNKNOWN",
            "CAMERA",
            "MICROPHONE",
            "SCREEN_SHARE",
            "SCREEN_SHARE_AUDIO"
        ]
    );
    assert_eq!(
        texts(TrackKind::ALL, TrackKind::as_str),
        ["AUDIO", "VIDEO", "DATA"]
    );
    assert_eq!(
        texts(ParticipantKind::ALL, ParticipantKind::as_str),
        [
            "STANDARD",
            "INGRESS",
            "EGRESS",
            "SIP",
            "AGENT",
            "CONNECTOR",
            "BRIDGE",
            "other"
        ]
    );
    let sdks = "UNKNOWN JS SWIFT ANDROID FLUTTER GO UNITY REACT_NATIVE RUST PYTHON CPP UNITY_WEB NODE UNREAL \
                ESP32 DOTNET other";
    assert_eq!(
        texts(Sdk::ALL, Sdk::as_str),
        sdks.split_whitespace().collect::<Vec<_>>()
    );
    assert_eq!(
        texts(StreamKind::ALL, StreamKind::as_str),
        ["text", "bytes", "unknown"]
    );
    assert_eq!(
        texts(MimeKind::ALL, MimeKind::as_str),
        ["text", "image", "application", "audio", "video", "unknown"]
    );
    let codes = "canceled unknown invalid_argument malformed deadline_exceeded not_found bad_route already_exists \
                 permission_denied unauthenticated resource_exhausted failed_precondition aborted out_of_range \
                 unimplemented internal unavailable data_loss other";
    assert_eq!(
        texts(TwirpCode::ALL, TwirpCode::as_str),
        codes.split_whitespace().collect::<Vec<_>>()
    );
    let codes = "canceled malformed_request malformed_result deadline_exceeded unavailable unknown \
                 invalid_argument not_found not_acceptable already_exists permission_denied resource_exhausted \
                 failed_precondition aborted out_of_range unimplemented internal data_loss unauthenticated other";
    assert_eq!(
        texts(PsrpcError::ALL, PsrpcError::as_str),
        codes.split_whitespace().collect::<Vec<_>>()
    );
}

/// A value equal to a bound is in its bucket, the next number above is not: of every histogram.
#[test]
fn bounds_are_exact() {
    let registry = Registry::new().unwrap();
    let histograms: Vec<_> = ALL
        .iter()
        .filter(|f| f.desc.kind() == Kind::Histogram)
        .collect();
    for family in &histograms {
        let labels = family.desc.label_names().len();
        let histogram = registry.exact_histogram(family.desc, &vec!["x"; labels]);
        let histogram = histogram.unwrap();
        for bound in family.desc.bounds() {
            histogram.record(*bound);
            histogram.record(bound.next_up());
        }
    }
    let snapshot = registry.collect();
    for family in &histograms {
        let values = vec!["x"; family.desc.label_names().len()];
        let histogram = snapshot.histogram(family.desc.name(), &values).unwrap();
        let n = family.desc.bounds().len() as u64;
        // At bound k there were k bounds before it, each with the number above, and the bound itself.
        let expected: Vec<u64> = (0..n).map(|k| 2 * k + 1).chain([2 * n]).collect();
        let classic: Vec<u64> = histogram.classic().collect();
        assert_eq!(classic, expected, "{}", family.desc.name());
    }
}

/// Every family without labels, and of others what is known beforehand, is there before anything happens.
#[test]
fn what_is_known_beforehand_is_there_from_the_start() {
    let registry = Registry::new().unwrap();
    let _families = Families::register(&registry, node()).unwrap();
    let snapshot = registry.collect();
    for family in ALL {
        let name = family.desc.name();
        let labels: Vec<&str> = family.desc.label_names().iter().collect();
        // The forwarding time's are where it is derived: without that nobody would fill them.
        let derived = name.starts_with("livekit_forward_");
        if labels != [NODE_ID, NODE_TYPE] || derived {
            assert!(!derived || snapshot.family(name).is_none(), "{name}");
            continue;
        }
        let found = snapshot.family(name).unwrap();
        let shown: Vec<_> = found.schema().labels(0).collect();
        assert_eq!(
            shown,
            [(NODE_ID, "ND_test"), (NODE_TYPE, "MEDIA")],
            "{name}"
        );
    }
    let gauge =
        |name, own: &[&str]| snapshot.gauge(name, &[own, &["ND_test", "MEDIA"][..]].concat());
    let counter =
        |name, own: &[&str]| snapshot.counter(name, &[own, &["ND_test", "MEDIA"][..]].concat());
    // The queries of LiveKit's overview dashboard that are alive.
    assert_eq!(gauge("livekit_room_total", &[]), Some(0.0));
    assert_eq!(gauge("livekit_participant_total", &[]), Some(0.0));
    assert_eq!(
        gauge("livekit_track_published_total", &["AUDIO"]),
        Some(0.0)
    );
    let signal = ["signal", "failure", "request"];
    assert_eq!(counter("livekit_node_messages", &signal), Some(0));
    let incoming = ["incoming", "initial", ""];
    assert_eq!(counter("livekit_packet_total", &incoming), Some(0));
    assert_eq!(counter("livekit_nack_total", &["incoming", ""]), Some(0));
    assert_eq!(counter("livekit_pli_total", &["outgoing", ""]), Some(0));
    assert_eq!(counter("livekit_fir_total", &["outgoing", ""]), Some(0));
}

#[test]
fn labels_of_the_hosts_own_come_first_and_sorted() {
    let registry = Registry::new().unwrap();
    let labels = [("zone", "b"), ("cluster", "a")];
    let families = Families::with_psrpc_labels(&registry, node(), &labels).unwrap();
    let server = families.psrpc_server("Room", "List").unwrap();
    server.received();
    let values = ["a", "b", "Room", "List", "ND_test", "MEDIA"];
    let name = catalog::PSRPC_REQUESTS_RECEIVED_TOTAL.name();
    let snapshot = registry.collect();
    assert_eq!(snapshot.counter(name, &values), Some(1));
    let schema = snapshot.family(name).unwrap().schema();
    let names: Vec<&str> = schema.desc().label_names().iter().collect();
    let expected = ["cluster", "zone", "service", "method", NODE_ID, NODE_TYPE];
    assert_eq!(names, expected);

    for bad in ["role", "node_id", "9", "le"] {
        let registry = Registry::new().unwrap();
        let result = Families::with_psrpc_labels(&registry, node(), &[(bad, "x")]);
        assert!(result.is_err(), "{bad}");
        let snapshot = registry.collect();
        let livekit = |name: &&str| name.contains("livekit");
        let names = snapshot.families().iter().map(|f| f.schema().desc().name());
        assert_eq!(names.filter(livekit).collect::<Vec<_>>(), [""; 0], "{bad}");
    }
}

/// Two nodes in one registry, and one node twice, are what they say they are.
#[test]
fn nodes_are_apart_and_a_second_registration_is_the_same_series() {
    let registry = Registry::new().unwrap();
    let first = Families::register(&registry, node()).unwrap();
    let again = Families::register(&registry, node()).unwrap();
    let other = NodeIdentity::new("ND_other", NodeType::HostedAgent);
    let other = Families::register(&registry, other).unwrap();
    let _rooms = [first.room(), again.room(), other.room()];
    let snapshot = registry.collect();
    let rooms = |id, kind| snapshot.gauge("livekit_room_total", &[id, kind]);
    assert_eq!(rooms("ND_test", "MEDIA"), Some(2.0));
    assert_eq!(rooms("ND_other", "HOSTED_AGENT"), Some(1.0));
}
