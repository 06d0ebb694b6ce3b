//! What hosts and clients may do to LiveKit's families: labels without end, ends without a beginning, full
//! registries, many threads.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::thread;
use std::time::Duration;

use media_metrics_core::livekit::families::catalog;
use media_metrics_core::livekit::families::*;
use media_metrics_core::snapshot::Snapshot;
use media_metrics_core::{Desc, RegisterError, Registry};

const NODE: [&str; 2] = ["N", "SERVER"];
const TIME: Duration = Duration::from_millis(1);

fn families(registry: &Registry) -> Families {
    let node = NodeIdentity::new(NODE[0], NodeType::Server);
    Families::register(registry, node).unwrap()
}

fn gauge(snapshot: &Snapshot, desc: &Desc, own: &[&str]) -> f64 {
    let values = [own, &NODE].concat();
    snapshot.gauge(desc.name(), &values).unwrap()
}

fn counter(snapshot: &Snapshot, desc: &Desc, own: &[&str]) -> u64 {
    let values = [own, &NODE].concat();
    snapshot.counter(desc.name(), &values).unwrap()
}

fn count(snapshot: &Snapshot, desc: &Desc, own: &[&str]) -> u64 {
    let values = [own, &NODE].concat();
    snapshot.histogram(desc.name(), &values).unwrap().count()
}

fn folds(snapshot: &Snapshot, desc: &Desc) -> u64 {
    let name = "media_metrics_series_overflow_total";
    snapshot.counter(name, &[desc.name()]).unwrap_or(0)
}

fn dropped(snapshot: &Snapshot, reason: &str) -> u64 {
    let name = "media_livekit_events_dropped_total";
    snapshot.counter(name, &[reason]).unwrap()
}

fn series(snapshot: &Snapshot) -> usize {
    let families = snapshot.families().iter();
    families.map(|f| f.schema().len()).sum()
}

/// A hundred thousand names from outside: series stay within their limits, what was recorded is all there.
#[test]
fn labels_without_end_stay_bounded() {
    const N: u64 = 100_000;
    let registry = Registry::new().unwrap();
    let families = families(&registry);
    for i in 0..N {
        let name = format!("method-{i}");
        families.twirp_response("RoomService", &name, 200, None, TIME);
    }
    let snapshot = registry.collect();
    let other = counter(
        &snapshot,
        &catalog::NODE_TWIRP_REQUEST_STATUS,
        &["other", "other", "200", ""],
    );
    assert_eq!(other, N - 1_000);
    assert_eq!(folds(&snapshot, &catalog::NODE_TWIRP_REQUEST_STATUS), other);
    for i in [0, 999] {
        let values = ["RoomService", &format!("method-{i}"), "200", ""];
        let known = counter(&snapshot, &catalog::NODE_TWIRP_REQUEST_STATUS, &values);
        assert_eq!(known, 1);
    }
    for desc in ALL.iter().map(|f| f.desc) {
        let held = snapshot.family(desc.name()).map_or(0, |f| f.schema().len());
        assert!(held <= 2_048, "{} has {held} series", desc.name());
    }
}

/// The same of every label that comes from outside, with text that hurts.
#[test]
#[cfg_attr(miri, ignore = "a long loop")]
fn hostile_text_stays_bounded() {
    let registry = Registry::new().unwrap();
    let families = families(&registry);
    let empty = series(&registry.collect());
    let long = "x".repeat(100_000);
    for i in 0..20_000_u32 {
        let hostile = match i % 5 {
            0 => format!("name-{i}"),
            1 => format!("{long}{i}"),
            2 => format!("a\n\"{i}\\"),
            3 => format!("\u{FFFF}{i}"),
            _ => format!("name {i} é"),
        };
        let text = hostile.as_str();
        families.track_subscribe(SubscribeState::Failure(SubscribeError::of(text)));
        families.twirp_response(text, text, i as u16, TwirpCode::of(text), TIME);
        families.webhook(WebhookOutcome::Drop(WebhookDrop::of(text)));
        families.config_reloaded(text, Success::Failure);
        families.config_hash(text, i);
        families.config_load_state(text, true);
        families.reference_taken(text);
        let country = Country::of(text.get(..2).unwrap_or(text));
        families.data_channel_packet(Direction::Incoming, country, 1);
        families.session_duration(i as i32, TIME);
        families.pub_sub_time(
            &PubSub {
                direction: PubSubDirection::Subscribe,
                source: TrackSource::Camera,
                kind: TrackKind::Video,
                country,
                sdk: Sdk::from_name(text).unwrap_or(Sdk::Other),
                participant: ParticipantKind::Standard,
                count: i,
            },
            TIME,
        );
        if i % 20 == 0 {
            let rpc = families.psrpc_rpc(Role::Client, text, text).unwrap();
            rpc.ended(Err(PsrpcError::of(text)), TIME, 1, 1);
            let stream = families.psrpc_stream(Role::Server, text, text).unwrap();
            stream.received(Ok(()), 1);
            let server = families.psrpc_server(text, text).unwrap();
            server.claim(ClaimOutcome::Other, TIME);
        }
    }
    let snapshot = registry.collect();
    let added = series(&snapshot) - empty;
    assert!((1_000..8_000).contains(&added), "{added} series");
    assert_eq!(dropped(&snapshot, "no_room"), 0);
    for family in snapshot.families() {
        let schema = family.schema();
        for i in 0..schema.len() {
            for (name, value) in schema.labels(i) {
                assert!(value.len() <= 512, "{}: {name}", schema.desc().name());
            }
        }
    }
    // All four in five that may not stand in a label, and what found no room: beside `other` there was some for 127.
    let references = gauge(&snapshot, &catalog::DEBUG_REF_COUNT, &["other"]);
    assert_eq!(references, 20_000.0 - 127.0);
    assert_eq!(folds(&snapshot, &catalog::DEBUG_REF_COUNT), 20_000 - 127);
}

/// Double ends, and ends of what never was: counted, and no gauge below 0.
#[test]
fn gauges_do_not_go_below_0() {
    let registry = Registry::new().unwrap();
    let families = families(&registry);
    let stream = families.psrpc_stream(Role::Client, "S", "M").unwrap();
    families.room_created();
    for _ in 0..2 {
        families.room_closed(TIME);
    }
    families.participant_left();
    families.track_unpublished(TrackKind::Audio);
    families.track_unsubscribed(TrackKind::Video);
    families.connection_closed(Direction::Incoming);
    families.reference_dropped("x");
    stream.closed();
    drop(families.connection(Direction::Incoming));

    let snapshot = registry.collect();
    assert_eq!(dropped(&snapshot, "unmatched"), 7);
    for (desc, own) in [
        (&catalog::ROOM_TOTAL, &[][..]),
        (&catalog::PARTICIPANT_TOTAL, &[]),
        (&catalog::TRACK_PUBLISHED_TOTAL, &["AUDIO"]),
        (&catalog::TRACK_SUBSCRIBED_TOTAL, &["VIDEO"]),
        (&catalog::CONNECTION_TOTAL, &["incoming"]),
        (&catalog::DEBUG_REF_COUNT, &["x"]),
        (&catalog::PSRPC_STREAM_COUNT, &["client", "S", "M"]),
    ] {
        assert_eq!(gauge(&snapshot, desc, own), 0.0, "{}", desc.name());
    }
    // A room that closes twice lasted once.
    assert_eq!(count(&snapshot, &catalog::ROOM_DURATION_SECONDS, &[]), 1);
}

/// A registry with room for what is known beforehand, and five more: the rest is in the node's own `other`.
#[test]
fn a_full_registry_folds_and_keeps_the_node() {
    let known = Registry::new().unwrap();
    let _families = families(&known);
    let own = |registry: &Registry| {
        let snapshot = registry.collect();
        let livekit = snapshot.families().iter().filter(|f| {
            let name = f.schema().desc().name();
            name.starts_with("livekit_") || PRE_REGISTERED.contains(&name)
        });
        livekit.map(|f| f.schema().len()).sum::<usize>()
    };
    let needed = own(&known);
    let tight = |limit| Registry::builder().max_series(limit).build().unwrap();
    let node = || NodeIdentity::new("N", NodeType::Server);
    let refused = Families::register(&tight(needed - 1), node());
    assert!(matches!(refused, Err(RegisterError::Full { .. })));

    let registry = tight(needed + 5);
    let families = Families::register(&registry, node()).unwrap();
    for version in 0..10 {
        families.session_duration(version, TIME);
    }
    let held: Vec<_> = (0..10)
        .map(|i| families.reference(&format!("r{i}")).unwrap())
        .collect();
    let snapshot = registry.collect();
    let sessions = &catalog::SESSION_DURATION_MS;
    assert_eq!(count(&snapshot, sessions, &["4"]), 1);
    assert_eq!(count(&snapshot, sessions, &["other"]), 5);
    assert_eq!(folds(&snapshot, sessions), 5);
    let references = &catalog::DEBUG_REF_COUNT;
    assert_eq!(gauge(&snapshot, references, &["other"]), 10.0);
    drop(held);
    let snapshot = registry.collect();
    assert_eq!(gauge(&snapshot, references, &["other"]), 0.0);
}

/// Which handle or function tells of a response changes nothing about where it is, nor about what is told of it.
#[test]
fn a_method_is_folded_whole_and_each_response_counts() {
    let status = &catalog::NODE_TWIRP_REQUEST_STATUS;
    let told = |service: &str, tell: &dyn Fn(&Families, u16)| {
        let registry = Registry::new().unwrap();
        let families = families(&registry);
        for i in 0..999 {
            families.twirp_response("Full", &format!("m{i}"), 200, None, TIME);
        }
        if service == "Full" {
            families.twirp_response("Full", "m999", 200, None, TIME);
        }
        for answer in [200, 200, 404, 500, 200] {
            tell(&families, answer);
        }
        let snapshot = registry.collect();
        let family = snapshot.family(status.name()).unwrap().schema();
        let mut series: Vec<(String, u64)> = (0..family.len())
            .map(|i| {
                let values: Vec<&str> = family.labels(i).map(|(_, value)| value).collect();
                let count = snapshot.counter(status.name(), &values).unwrap();
                (values.join(" "), count)
            })
            .filter(|(values, _)| !values.starts_with("Full m"))
            .collect();
        series.sort_unstable();
        (series, folds(&snapshot, status))
    };
    let all_folded = [("200", 3), ("4xx", 1), ("5xx", 1)];
    let all_folded = all_folded.map(|(s, n)| (format!("other other {s}  N SERVER"), n));
    // A method that may not stand in a label, a service that may not, and no room.
    for (service, method) in [("S", "no spaces"), ("", "M"), ("Full", "new")] {
        let by_handle = |families: &Families| families.twirp_method(service, method).unwrap();
        let each = told(service, &|families, status| {
            families.twirp_response(service, method, status, None, TIME);
        });
        let held = std::cell::OnceCell::new();
        let handle = told(service, &|families, status| {
            let method = held.get_or_init(|| by_handle(families));
            method.response(status, None, TIME);
        });
        assert_eq!(each, (all_folded.to_vec(), 5), "{service} {method}");
        assert_eq!(handle, each, "{service} {method}");
    }
    // Room for the usual answer alone: the others are folded, and counted.
    let method = std::cell::OnceCell::new();
    let (series, folds) = told("S", &|families, status| {
        let method = method.get_or_init(|| families.twirp_method("S", "M").unwrap());
        method.response(status, None, TIME);
    });
    assert_eq!((series.len(), folds), (3, 2), "{series:?}");
}

/// Once a thread has recorded, events of closed sets and of held handles allocate nothing.
#[test]
fn known_events_do_not_allocate() {
    let registry = Registry::new().unwrap();
    let families = families(&registry);
    let messages = families
        .messages(Layer::Signal, Direction::Incoming, Country::UNKNOWN)
        .unwrap();
    let method = families.twirp_method("S", "M").unwrap();
    let rpc = families.psrpc_rpc(Role::Client, "S", "M").unwrap();
    let stream = families.psrpc_stream(Role::Client, "S", "M").unwrap();
    let events = || {
        families.join(JoinState::RtcInit);
        families.room_created();
        families.room_closed(TIME);
        families.track_publish(TrackKind::Audio, PublishState::Attempt);
        families.track_subscribe(SubscribeState::Failure(SubscribeError::Other));
        families.peer_connection(Transport::Publisher, ConnectionState::Started);
        families.signal_relayed(Success::Success, SignalDirection::Request);
        families.service_operation(ServiceOperation::Offer);
        families.data_stream(StreamKind::Text, MimeKind::Text, 1, Some(1));
        families.webhook(WebhookOutcome::Success);
        messages.record(1);
        method.response(200, None, TIME);
        rpc.ended(Ok(()), TIME, 1, 1);
        stream.sent(Ok(()), TIME, 1);
        drop(stream.open());
    };
    events();
    let used = allocation_counter::measure(events);
    assert_eq!(used.count_total, 0, "{used:?}");
}

/// The families of the project's own that come with LiveKit's and count against the host's limit.
const PRE_REGISTERED: [&str; 3] = [
    "media_participant_ratings_total",
    "media_livekit_messages_total",
    "media_livekit_message_bytes_total",
];

/// Four threads, each through clones, handles and calls: all is there, and what ended is gone.
#[test]
fn threads_lose_nothing() {
    const EACH: u64 = if cfg!(miri) { 20 } else { 5_000 };
    let registry = Registry::new().unwrap();
    let families = families(&registry);
    let kept: Vec<_> = thread::scope(|scope| {
        let work = |t: u64| {
            let families = families.clone();
            scope.spawn(move || {
                let messages = families
                    .messages(Layer::DataChannel, Direction::Outgoing, Country::of("FR"))
                    .unwrap();
                for i in 0..EACH {
                    families.join(JoinState::RtcInit);
                    families.participant_came();
                    drop(families.published_track(TrackKind::Audio));
                    messages.record(10);
                    families.twirp_response("S", "M", 200, None, TIME);
                    families.session_join_latency((i % 9) as i32, TIME);
                    if t.is_multiple_of(2) {
                        families.participant_left();
                    }
                }
                families.connection(Direction::Outgoing)
            })
        };
        let threads: Vec<_> = (0..4).map(work).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    let snapshot = registry.collect();
    let all = 4 * EACH;
    let of = |desc, own: &[&str]| counter(&snapshot, desc, own);
    assert_eq!(of(&catalog::PARTICIPANT_JOIN_TOTAL, &["rtc_init", ""]), all);
    let packets = ["outgoing", "initial", "FR"];
    assert_eq!(of(&catalog::PACKET_TOTAL, &packets), all);
    assert_eq!(of(&catalog::PACKET_BYTES, &packets), 10 * all);
    let status = ["S", "M", "200", ""];
    assert_eq!(of(&catalog::NODE_TWIRP_REQUEST_STATUS, &status), all);
    let versions = (0..9).map(|v| v.to_string());
    let latencies: u64 = versions
        .map(|v| count(&snapshot, &catalog::SESSION_JOIN_LATENCY_MS, &[&v]))
        .sum();
    assert_eq!(latencies, all);
    // Each leaves only after one came, so that no leaving was refused.
    assert_eq!(dropped(&snapshot, "unmatched"), 0);
    let there = gauge(&snapshot, &catalog::PARTICIPANT_TOTAL, &[]);
    assert_eq!(there, (2 * EACH) as f64);
    assert_eq!(
        gauge(&snapshot, &catalog::TRACK_PUBLISHED_TOTAL, &["AUDIO"]),
        0.0
    );
    assert_eq!(
        gauge(&snapshot, &catalog::CONNECTION_TOTAL, &["outgoing"]),
        4.0
    );
    drop(kept);
    let snapshot = registry.collect();
    assert_eq!(
        gauge(&snapshot, &catalog::CONNECTION_TOTAL, &["outgoing"]),
        0.0
    );
}

/// More ends than beginnings, from all threads at once: what was ignored is counted, the rest is the gauge when all
/// have ended.
#[test]
fn when_all_threads_have_ended_a_gauge_is_what_is_there() {
    const EACH: u64 = if cfg!(miri) { 50 } else { 20_000 };
    let registry = Registry::new().unwrap();
    let families = families(&registry);
    thread::scope(|scope| {
        for t in 0..4 {
            let families = families.clone();
            scope.spawn(move || {
                for i in 0..EACH {
                    // Comes of threads 0 and 1 are half as many as what all four tell to leave.
                    if t < 2 && i % 2 == 0 {
                        families.participant_came();
                        families.participant_came();
                    }
                    families.participant_left();
                }
            });
        }
    });
    let snapshot = registry.collect();
    let (came, left) = (2 * EACH, 4 * EACH - dropped(&snapshot, "unmatched"));
    let there = gauge(&snapshot, &catalog::PARTICIPANT_TOTAL, &[]);
    assert_eq!(there, (came - left) as f64);
}

/// Threads that meet a new label value at the same time make one series of it, and one count beside its gauge.
#[test]
fn threads_that_meet_a_new_value_share_it() {
    const ROUNDS: usize = if cfg!(miri) { 2 } else { 50 };
    let registry = Registry::new().unwrap();
    let families = families(&registry);
    for round in 0..ROUNDS {
        let name = format!("r{round}");
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| families.reference_taken(&name));
            }
        });
        for _ in 0..4 {
            families.reference_dropped(&name);
        }
    }
    assert_eq!(dropped(&registry.collect(), "unmatched"), 0);
}
