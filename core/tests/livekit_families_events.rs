//! Each event changes the series that LiveKit's table names for it, and nothing else.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

#[path = "livekit_families/rpc.rs"]
mod rpc;

use std::collections::BTreeMap;
use std::time::Duration;

use media_metrics_core::Registry;
use media_metrics_core::livekit::families::*;
use media_metrics_core::quality::Rating;
use media_metrics_core::snapshot::{Snapshot, Values};

const NODE: &str = "node_id=N,node_type=SERVER";

/// Every number of a snapshot but the library's own, by a readable name: `room_total{}`. LiveKit's names are
/// without `livekit_`, and all series are without the node's labels, which are looked at here.
fn numbers(snapshot: &Snapshot) -> BTreeMap<String, f64> {
    let mut numbers = BTreeMap::new();
    for family in snapshot.families() {
        let name = family.schema().desc().name();
        if name.starts_with("media_metrics_") && name != "media_metrics_series_overflow_total" {
            continue;
        }
        for i in 0..family.schema().len() {
            let labels: Vec<_> = family
                .schema()
                .labels(i)
                .map(|(n, v)| format!("{n}={v}"))
                .collect();
            let labels = labels.join(",");
            let of_node = name.starts_with("livekit_") && !name.starts_with("livekit_config_");
            assert_eq!(of_node, labels.ends_with(NODE), "{name}{{{labels}}}");
            let labels = labels.trim_end_matches(NODE).trim_end_matches(',');
            let name = name.trim_start_matches("livekit_");
            let mut put = |what, value| numbers.insert(format!("{name}{what}{{{labels}}}"), value);
            match family.values() {
                Values::Counter(v) => put("", v[i] as f64),
                Values::Gauge(v) => put("", v[i].unwrap_or(0.0)),
                Values::Histogram(v) => {
                    put("_sum", v[i].exact_sum().unwrap());
                    put("_count", v[i].count() as f64)
                }
                _ => unreachable!(),
            };
        }
    }
    numbers
}

/// What differs, as `name{labels} +1`. A new series at 0 is no difference.
fn changes(before: &BTreeMap<String, f64>, after: &BTreeMap<String, f64>) -> Vec<String> {
    let was = |name| before.get(name).copied().unwrap_or(0.0);
    after
        .iter()
        .filter(|(name, now)| was(*name) != **now)
        .map(|(name, now)| format!("{name} {:+}", now - was(name)))
        .collect()
}

/// Tells one event and compares.
fn check(event: &str, tell: impl FnOnce(&Families), expected: &[&str]) {
    let registry = Registry::new().unwrap();
    let node = NodeIdentity::new("N", NodeType::Server);
    let families = Families::register(&registry, node).unwrap();
    let before = numbers(&registry.collect());
    tell(&families);
    let mut expected: Vec<String> = expected.iter().map(|e| (*e).to_owned()).collect();
    expected.sort();
    assert_eq!(
        changes(&before, &numbers(&registry.collect())),
        expected,
        "{event}"
    );
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn rooms_participants_and_tracks() {
    check("room", |f| std::mem::forget(f.room()), &["room_total{} +1"]);
    check("room created", Families::room_created, &["room_total{} +1"]);
    let closed = [
        "room_duration_seconds_count{} +1",
        "room_duration_seconds_sum{} +61",
    ];
    check("room closed", |f| f.room().close(ms(61_999)), &closed);
    let told = |f: &Families| {
        f.room_created();
        f.room_closed(ms(61_999));
    };
    check("room closed by a call", told, &closed);
    check("room given up", |f| drop(f.room()), &[]);
    check(
        "participant",
        |f| std::mem::forget(f.participant()),
        &["participant_total{} +1"],
    );
    check(
        "participant came",
        Families::participant_came,
        &["participant_total{} +1"],
    );
    let gone = |f: &Families| {
        f.participant_came();
        f.participant_left();
    };
    check("participant left", gone, &[]);
    for kind in TrackKind::ALL {
        let text = kind.as_str();
        let published = format!("track_published_total{{kind={text}}} +1");
        let subscribed = format!("track_subscribed_total{{kind={text}}} +1");
        check(
            "published",
            |f| std::mem::forget(f.published_track(*kind)),
            &[&published],
        );
        check("published", |f| f.track_published(*kind), &[&published]);
        check(
            "subscribed",
            |f| std::mem::forget(f.subscribed_track(*kind)),
            &[&subscribed],
        );
        check("subscribed", |f| f.track_subscribed(*kind), &[&subscribed]);
        let both = |f: &Families| {
            f.track_published(*kind);
            f.track_subscribed(*kind);
            f.track_unpublished(*kind);
            f.track_unsubscribed(*kind);
        };
        check("unpublished", both, &[]);
        for (state, name) in [
            (PublishState::Attempt, "attempt"),
            (PublishState::Success, "success"),
            (PublishState::Cancel, "cancel"),
        ] {
            let expected = format!("track_publish_counter{{kind={text},state={name}}} +1");
            check(name, |f| f.track_publish(*kind, state), &[&expected]);
        }
    }
}

#[test]
fn subscriptions() {
    let not_found = SubscribeError::of("track cannot be found");
    let strange = SubscribeError::of("track TR_abc went away");
    for (state, labels) in [
        (SubscribeState::Attempt, "state=attempt,error="),
        (SubscribeState::Success, "state=success,error="),
        (SubscribeState::Cancel, "state=cancel,error="),
        (
            SubscribeState::Failure(not_found),
            "state=failure,error=track cannot be found",
        ),
        (
            SubscribeState::Failure(strange),
            "state=failure,error=other",
        ),
    ] {
        let expected = format!("track_subscribe_counter{{{labels}}} +1");
        check(labels, |f| f.track_subscribe(state), &[&expected]);
    }
}

/// The table of join states, in its order.
#[test]
fn joins() {
    let plain = [
        (JoinState::SignalConnected, "signal_connected"),
        (JoinState::SignalFailed, "signal_failed"),
        (
            JoinState::SignalValidationFailed,
            "signal_validation_failed",
        ),
        (JoinState::SignalUpgradeFailed, "signal_upgrade_failed"),
        (
            JoinState::SignalWriteInitialResponseFailed,
            "signal_write_initial_response_failed",
        ),
        (JoinState::RtcInit, "rtc_init"),
        (JoinState::RtcConnected, "rtc_connected"),
    ];
    for (state, name) in plain {
        let expected = format!("participant_join_total{{state={name},warp=}} +1");
        check(name, |f| f.join(state), &[&expected]);
    }
    for warp in [false, true] {
        for (state, name) in [
            (JoinState::RtcActive { warp }, "rtc_active"),
            (JoinState::RtcCanceled { warp }, "rtc_canceled"),
            (JoinState::RtcSuccess { warp }, "rtc_success"),
            (JoinState::RtcFailure { warp }, "rtc_failure"),
        ] {
            let expected = format!("participant_join_total{{state={name},warp={warp}}} +1");
            check(name, |f| f.join(state), &[&expected]);
        }
    }
    assert_eq!(JoinState::ALL.len(), plain.len() + 8);
}

#[test]
fn sessions() {
    let time = Duration::from_micros(1_500);
    let expected = |name: &str, labels: &str| {
        [
            format!("session_{name}_count{{{labels}}} +1"),
            format!("session_{name}_sum{{{labels}}} +1"), // whole milliseconds
        ]
    };
    let [a, b] = expected("join_latency_ms", "protocol_version=17");
    check("latency", |f| f.session_join_latency(17, time), &[&a, &b]);
    let [a, b] = expected("start_time_ms", "protocol_version=0,warp=true");
    check("start", |f| f.session_start_time(0, true, time), &[&a, &b]);
    let [a, b] = expected("duration_ms", "protocol_version=other");
    check("duration", |f| f.session_duration(-1, time), &[&a, &b]);
    for (transport, name) in [
        (Transport::Publisher, "PUBLISHER"),
        (Transport::Subscriber, "SUBSCRIBER"),
    ] {
        for (state, reached) in [
            (ConnectionState::Started, "started"),
            (ConnectionState::IceConnected, "ice_connected"),
            (ConnectionState::Connected, "connected"),
            (ConnectionState::FullyEstablished, "fully_established"),
        ] {
            let expected = format!("peer_connection_state{{transport={name},state={reached}}} +1");
            check(
                reached,
                |f| f.peer_connection(transport, state),
                &[&expected],
            );
        }
    }
}

#[test]
fn times_of_publications_and_subscriptions() {
    let of = |direction, count| PubSub {
        direction,
        source: TrackSource::ScreenShareAudio,
        kind: TrackKind::Audio,
        country: Country::of("DE"),
        sdk: Sdk::ReactNative,
        participant: ParticipantKind::Agent,
        count,
    };
    for (direction, name, given, shown) in [
        (PubSubDirection::Publish, "publish", 7, "1"),
        (PubSubDirection::Subscribe, "subscribe", 7, "7"),
        (PubSubDirection::Subscribe, "subscribe", 11, "other"),
        (
            PubSubDirection::SubscribeStreamStart,
            "subscribe-stream-start",
            7,
            "1",
        ),
    ] {
        let labels = format!(
            "direction={name},source=SCREEN_SHARE_AUDIO,type=AUDIO,country=DE,sdk=REACT_NATIVE,kind=AGENT,count={shown}"
        );
        let count = format!("pubsubtime_ms_count{{{labels}}} +1");
        let sum = format!("pubsubtime_ms_sum{{{labels}}} +250");
        let of = of(direction, given);
        check(name, |f| f.pub_sub_time(&of, ms(250)), &[&count, &sum]);
        let held = |f: &Families| f.pub_sub_times(&of).unwrap().record(ms(250));
        check(name, held, &[&count, &sum]);
    }
}

#[test]
fn signalling_and_operations() {
    for (success, status) in [(Success::Success, "success"), (Success::Failure, "failure")] {
        for (direction, way) in [
            (SignalDirection::Request, "request"),
            (SignalDirection::Response, "response"),
        ] {
            let expected =
                format!("node_messages{{type=signal,status={status},direction={way}}} +1");
            check(
                status,
                |f| f.signal_relayed(success, direction),
                &[&expected],
            );
        }
    }
    let operation = |operation, kind: &str, status: &str, error: &str| {
        let expected =
            format!("node_service_operation{{type={kind},status={status},error_type={error}}} +1");
        check(kind, |f| f.service_operation(operation), &[&expected]);
    };
    operation(
        ServiceOperation::ParticipantJoin,
        "participant_join",
        "success",
        "",
    );
    let unsent = ServiceOperation::ParticipantJoinUnsent;
    operation(unsent, "participant_join", "error", "send_response");
    operation(
        ServiceOperation::PeerConnection,
        "peer_connection",
        "success",
        "",
    );
    operation(ServiceOperation::Offer, "offer", "success", "");
    operation(ServiceOperation::Answer, "answer", "success", "");
    for (error, name) in [
        (NegotiationError::Create, "create"),
        (NegotiationError::LocalDescription, "local_description"),
        (NegotiationError::RemoteDescription, "remote_description"),
        (NegotiationError::WriteMessage, "write_message"),
    ] {
        operation(ServiceOperation::OfferFailed(error), "offer", "error", name);
        operation(
            ServiceOperation::AnswerFailed(error),
            "answer",
            "error",
            name,
        );
    }
}

#[test]
fn responses_of_the_server_api() {
    let took = Duration::from_micros(10_999); // whole milliseconds: 10
    for (status, code, status_text, code_text) in [
        (200, None, "200", ""),
        (304, None, "304", ""),
        (404, Some(TwirpCode::NotFound), "4xx", "not_found"),
        (
            429,
            Some(TwirpCode::ResourceExhausted),
            "4xx",
            "resource_exhausted",
        ),
        (500, Some(TwirpCode::Internal), "5xx", "internal"),
        (503, TwirpCode::of("strange"), "5xx", "other"),
    ] {
        let of = format!("service=RoomService,method=CreateRoom,status={status_text}");
        let expected = [
            format!("node_twirp_request_status{{{of},code={code_text}}} +1"),
            format!("node_twirp_request_latency_ms_count{{{of}}} +1"),
            format!("node_twirp_request_latency_ms_sum{{{of}}} +10"),
        ];
        let expected = expected.each_ref().map(|e| &**e);
        let told = |f: &Families| f.twirp_response("RoomService", "CreateRoom", status, code, took);
        check(status_text, told, &expected);
        let held = |f: &Families| {
            let method = f.twirp_method("RoomService", "CreateRoom").unwrap();
            method.response(status, code, took);
        };
        check(status_text, held, &expected);
    }
}

#[test]
fn messages_and_connections() {
    let expected = |layer: &str, direction: &str, country: &str| {
        let of = format!("direction={direction},transmission=initial,country={country}");
        [
            format!("packet_total{{{of}}} +1"),
            format!("packet_bytes{{{of}}} +50"),
            format!("media_livekit_messages_total{{layer={layer},direction={direction}}} +1"),
            format!("media_livekit_message_bytes_total{{layer={layer},direction={direction}}} +50"),
        ]
    };
    let de = Country::of("DE");
    let [data, signal, turn] = [
        expected("data_channel", "incoming", "DE"),
        expected("signal", "outgoing", ""),
        expected("turn", "incoming", ""),
    ];
    let told = |f: &Families| f.data_channel_packet(Direction::Incoming, de, 50);
    check("data channel", told, &data.each_ref().map(|e| &**e));
    let told = |f: &Families| f.signal_message(Direction::Outgoing, Country::UNKNOWN, 50);
    check("signal", told, &signal.each_ref().map(|e| &**e));
    let told = |f: &Families| f.turn_packet(Direction::Incoming, 50);
    check("turn", told, &turn.each_ref().map(|e| &**e));
    for (direction, kind) in [
        (Direction::Incoming, "incoming"),
        (Direction::Outgoing, "outgoing"),
    ] {
        let expected = format!("connection_total{{kind={kind}}} +1");
        check(
            "connection",
            |f| std::mem::forget(f.connection(direction)),
            &[&expected],
        );
        check("opened", |f| f.connection_opened(direction), &[&expected]);
        let both = |f: &Families| {
            f.connection_opened(direction);
            f.connection_closed(direction);
        };
        check("closed", both, &[]);
    }
    let packets = [
        "node_packet_total{type=out} +5",
        "node_packet_total{type=dropped} +2",
    ];
    check("node packets", |f| f.node_packets(5, 2), &packets);
}

#[test]
fn data_streams() {
    let declared = [
        "datapacket_stream_dest_count_count{type=bytes,mime_type=image} +1",
        "datapacket_stream_dest_count_sum{type=bytes,mime_type=image} +3",
        "datapacket_stream_bytes_count{type=bytes,mime_type=image} +1",
        "datapacket_stream_bytes_sum{type=bytes,mime_type=image} +4096",
    ];
    let image = MimeKind::of("image/png");
    let told = |f: &Families| f.data_stream(StreamKind::Bytes, image, 3, Some(4_096));
    check("data stream", told, &declared);
    let text = MimeKind::of("text/plain");
    let everybody = ["datapacket_stream_dest_count_count{type=text,mime_type=text} +1"];
    let told = |f: &Families| f.data_stream(StreamKind::Text, text, 0, None);
    check("to everybody, no length", told, &everybody);
}

#[test]
fn quality() {
    for (rating, name, number) in [
        (Rating::Poor, "poor", 0.0),
        (Rating::Good, "good", 1.0),
        (Rating::Excellent, "excellent", 2.0),
        (Rating::Lost, "lost", 3.0),
    ] {
        let mut expected = vec![
            "quality_rating_count{} +1".to_owned(),
            "quality_score_count{} +1".to_owned(),
            "quality_score_sum{} +3.5".to_owned(),
            format!("media_participant_ratings_total{{rating={name}}} +1"),
        ];
        if number > 0.0 {
            expected.push(format!("quality_rating_sum{{}} +{number}"));
        }
        let expected: Vec<&str> = expected.iter().map(|e| &**e).collect();
        check(name, |f| f.participant_quality(rating, 3.5), &expected);
    }
}

/// LOST is LiveKit's number 3, and so beyond every bound.
#[test]
fn a_lost_participant_is_in_no_finite_bucket() {
    let registry = Registry::new().unwrap();
    let node = NodeIdentity::new("N", NodeType::Server);
    let families = Families::register(&registry, node).unwrap();
    for rating in Rating::ALL {
        families.participant_quality(rating, 1.0);
    }
    let snapshot = registry.collect();
    let of = |name| snapshot.histogram(name, &["N", "SERVER"]).unwrap();
    let ratings: Vec<u64> = of("livekit_quality_rating").classic().collect();
    assert_eq!(ratings, [1, 2, 3, 4]);
}

/// The scale has ends, and what is no number is no judgement at all: one NaN would be the sum from then on.
#[test]
fn a_score_is_on_its_scale() {
    for (mos, shown) in [(0.3, "1"), (-7.0, "1"), (5.4, "5"), (f64::MAX, "5")] {
        let sum = format!("quality_score_sum{{}} +{shown}");
        let poor = [
            "quality_rating_count{} +1",
            "quality_score_count{} +1",
            &sum,
            "media_participant_ratings_total{rating=poor} +1",
        ];
        check(shown, |f| f.participant_quality(Rating::Poor, mos), &poor);
    }
    for mos in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let refused = ["media_livekit_events_dropped_total{reason=invalid} +1"];
        check(
            "no number",
            |f| f.participant_quality(Rating::Poor, mos),
            &refused,
        );
    }
}
