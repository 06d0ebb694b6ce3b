//! LiveKit's families.

use media_metrics_core::catalog as c;
use media_metrics_core::livekit::families::catalog as l;

use crate::generate::reference::note::Appears::{ByHost, If, MovedBy, Once};
use crate::generate::reference::note::{Appears, Note, Question, Section, note};

const NODE: &str = "LiveKit `pkg/telemetry/prometheus/node.go`";
const PACKETS: &str = "LiveKit `pkg/telemetry/prometheus/packets.go`";
const ROOMS: &str = "LiveKit `pkg/telemetry/prometheus/rooms.go`";
const QUALITY: &str = "LiveKit `pkg/telemetry/prometheus/quality.go`";
const DATA: &str = "LiveKit `pkg/telemetry/prometheus/datapacket.go`";
const RPC: &str = "LiveKit protocol, `rpc/metrics.go`";
const WEBHOOKS: &str = "LiveKit protocol, `webhook/stats.go`";
const CONFIG: &str = "LiveKit protocol, `utils/configutil/observer.go`";

const PROFILE: Appears = If("`--profile livekit` or `both`");
const SIGNALLING: Appears = MovedBy("signalling: hosts tell of it, the program has none");
const DATA_CHANNELS: Appears = MovedBy("data channels: hosts tell of them, the program has none");
const WINDOWS: Appears = MovedBy("windows of streams (5 s)");
const HOST: Appears =
    ByHost("that tell LiveKit's families of it (`media_metrics_core::livekit::families`)");
const FORWARDING: Appears = Once("packets are forwarded, unless `rtc.forward_stats` is off");

/// Packets and what follows from streams.
pub(super) static PACKET_SECTION: Section = Section {
    title: "LiveKit: packets and quality",
    about: "LiveKit's families that follow from streams, with its names, labels and buckets to the letter: `--profile livekit` or `both`. \
            They are derived at each merge from the same cells as ours. Every series also has `node_id` and `node_type`.",
    questions: &[
        Question {
            asked: "What share of the packets is lost, by direction?",
            answer: "sum by (job, instance, direction) (rate({}[5m])) / sum by (job, instance, direction) (rate({}[5m]))",
            of: &[&l::PACKET_LOSS_TOTAL, &l::PACKET_TOTAL],
        },
        Question {
            asked: "How good is it for participants, on average?",
            answer: "sum by (job, instance) (rate({}_sum[5m])) / sum by (job, instance) (rate({}_count[5m]))",
            of: &[&l::QUALITY_SCORE, &l::QUALITY_SCORE],
        },
    ],
    notes: PACKET_NOTES,
};

/// Rooms, participants, tracks, sessions.
pub(super) static ROOM_SECTION: Section = Section {
    title: "LiveKit: rooms, participants, tracks",
    about: "Who is there and how they came. The program tells what it knows of rooms, participants and tracks from its configuration and from RTP \
            ([docs/livekit.md](livekit.md)); the rest is told by hosts with signalling.",
    questions: &[Question {
        asked: "How many participants are there for each room?",
        answer: "sum by (job, instance) ({}) / sum by (job, instance) ({})",
        of: &[&l::PARTICIPANT_TOTAL, &l::ROOM_TOTAL],
    }],
    notes: ROOM_NOTES,
};

/// Signalling, API, RPC, webhooks, configuration.
pub(super) static SERVICE_SECTION: Section = Section {
    title: "LiveKit: node, signalling and API",
    about: "What the node does beside media. Told by hosts, but for the packets of the operating system's queues.",
    questions: &[],
    notes: SERVICE_NOTES,
};

#[rustfmt::skip] // One a line.
static PACKET_NOTES: &[Note] = &[
    note(&l::PACKET_TOTAL, "The rate of `incoming` falls while tracks do not.", &[], PACKETS),
    note(&l::PACKET_BYTES, "It nears what the network card or the uplink carries.", &[], PACKETS),
    note(&l::NACK_TOTAL, "More than 5 % of {}.", &[&l::PACKET_TOTAL], PACKETS).appears(MovedBy("RTCP feedback")),
    note(&l::PLI_TOTAL, "More than one in ten seconds for each video track.", &[], PACKETS).appears(MovedBy("RTCP feedback")),
    note(&l::FIR_TOTAL, "As picture loss indications.", &[], PACKETS)
        .appears(MovedBy("RTCP feedback")),
    note(&l::PACKET_LOSS_TOTAL, "More than 5 % of {} for five minutes.", &[&l::PACKET_TOTAL], PACKETS),
    note(&l::PACKET_LOSS_PERCENT, "Its 95th percentile is above 5.", &[], PACKETS).appears(WINDOWS),
    note(&l::PACKET_OUT_OF_ORDER_TOTAL, "More than 1 % of {}.", &[&l::PACKET_TOTAL], PACKETS),
    note(&l::PACKET_OUT_OF_ORDER_PERCENT, "Its 95th percentile is above 1.", &[], PACKETS).appears(WINDOWS),
    note(&l::JITTER_US, "Its 95th percentile is above 30,000.", &[], PACKETS).appears(WINDOWS),
    note(&l::RTT_MS, "Its 95th percentile is above 300.", &[], PACKETS).appears(MovedBy("receiver reports of subscribers that answer a publisher's sender report")),
    note(&l::FORWARD_LATENCY, "Above 1,000,000 (a millisecond): the mean hides the tail, see {}.", &[&l::FORWARD_LATENCY_NS], PACKETS).appears(FORWARDING),
    note(&l::FORWARD_JITTER, "Above {}: forwarding comes in jolts.", &[&l::FORWARD_LATENCY], PACKETS).appears(FORWARDING),
    note(&l::FORWARD_LATENCY_NS, "Its 99th percentile is above 10,000,000 (10 ms): more than 1 % of the packets are late.", &[], PACKETS),
    note(&l::QUALITY_RATING, "The share at or below 0, and above 2 (lost), is more than 20 %.", &[], QUALITY).appears(MovedBy("windows of participants (5 s)")),
    note(&l::QUALITY_SCORE, "Its mean is below 3.6.", &[], QUALITY)
        .appears(MovedBy("windows of participants (5 s)")),
    note(&c::LIVEKIT_MESSAGES, "Not by itself: less these, {} is RTP.", &[&l::PACKET_TOTAL], "this project").appears(PROFILE),
    note(&c::LIVEKIT_MESSAGE_BYTES, "Not by itself: less these, {} is RTP.", &[&l::PACKET_BYTES], "this project").appears(PROFILE),
    note(&c::LIVEKIT_EVENTS_DROPPED, "At all. `unmatched`: the host ends what it did not begin.", &[], "this project").appears(PROFILE),
];

#[rustfmt::skip] // One a line.
static ROOM_NOTES: &[Note] = &[
    note(&l::ROOM_TOTAL, "It drops by half at once.", &[], ROOMS),
    note(&l::ROOM_DURATION_SECONDS, "Many rooms end within the first bucket: people don't get in.", &[], ROOMS).appears(MovedBy("the end of rooms; in the program its own end")),
    note(&l::PARTICIPANT_TOTAL, "It drops by half at once, or grows while {} does not fit.", &[&l::ROOM_TOTAL], ROOMS),
    note(&l::PARTICIPANT_JOIN_TOTAL, "The states that end in `failure` or `failed` are more than 10 % of all joins that ended, which are these and `rtc_success`.", &[], PACKETS).appears(SIGNALLING),
    note(&l::TRACK_PUBLISHED_TOTAL, "It drops by half at once.", &[], ROOMS),
    note(&l::TRACK_SUBSCRIBED_TOTAL, "It drops while {} does not: subscriptions are lost.", &[&l::TRACK_PUBLISHED_TOTAL], ROOMS),
    note(&l::TRACK_PUBLISH_COUNTER, "`success` is less than 98 % of `attempt` less `cancel`.", &[], ROOMS),
    note(&l::TRACK_SUBSCRIBE_COUNTER, "`failure` is more than 2 % of `attempt`; the error says why.", &[], ROOMS),
    note(&l::SESSION_JOIN_LATENCY_MS, "Its 95th percentile is above 1,000.", &[], ROOMS).appears(HOST),
    note(&l::SESSION_START_TIME_MS, "Its 95th percentile is above 3,000: people think that it does not work.", &[], ROOMS).appears(HOST),
    note(&l::SESSION_DURATION_MS, "Many end within the first buckets: people leave as soon as they come.", &[], ROOMS).appears(HOST),
    note(&l::PUBSUBTIME_MS, "Its 95th percentile of `subscribe-stream-start` is above 2,000.", &[], ROOMS).appears(HOST),
    note(&l::PEER_CONNECTION_STATE, "`connected` is less than 98 % of `started`: firewalls, or TURN.", &[], ROOMS).appears(SIGNALLING),
    note(&l::DATAPACKET_STREAM_DEST_COUNT, "Not by itself: it shows how data streams are used.", &[], DATA).appears(DATA_CHANNELS),
    note(&l::DATAPACKET_STREAM_BYTES, "Its 95th percentile grows to megabytes: data delays media on the same connection.", &[], DATA).appears(DATA_CHANNELS),
    note(&l::CONNECTION_TOTAL, "`incoming` grows while {} does not: connections are not closed.", &[&l::PARTICIPANT_TOTAL], PACKETS).appears(MovedBy("a TURN server: hosts tell of it, the program has none")),
];

#[rustfmt::skip] // One a line.
static SERVICE_NOTES: &[Note] = &[
    note(&l::NODE_MESSAGES, "`failure` at all, for longer than a minute: nodes don't reach each other.", &[], NODE).appears(SIGNALLING),
    note(&l::NODE_SERVICE_OPERATION, "`error` is more than 2 % of an operation; the error type says where.", &[], NODE).appears(SIGNALLING),
    note(&l::NODE_TWIRP_REQUEST_STATUS, "`5xx` is more than 1 % of a method.", &[], NODE).appears(HOST),
    note(&l::NODE_TWIRP_REQUEST_LATENCY_MS, "Its 99th percentile is above 1,000.", &[], NODE).appears(HOST),
    note(&l::NODE_PACKET_TOTAL, "`dropped` grows by more than 0.1 % of `out`: the card or the queue is full.", &[], "LiveKit `pkg/telemetry/prometheus/node.go`; `rtnetlink(7)`, RTM_GETQDISC").appears(If("`--profile livekit` or `both`, on Linux")),
    note(&l::PSRPC_REQUEST_TIME_MS, "Its 99th percentile is above 1,000.", &[], RPC).appears(HOST),
    note(&l::PSRPC_STREAM_SEND_TIME_MS, "Its 99th percentile is above 500: the message bus is slow.", &[], RPC).appears(HOST),
    note(&l::PSRPC_STREAM_RECEIVE_TOTAL, "It stands still while {} is above 0.", &[&l::PSRPC_STREAM_COUNT], RPC).appears(HOST),
    note(&l::PSRPC_STREAM_COUNT, "It grows without end: streams are not closed.", &[], RPC).appears(HOST),
    note(&l::PSRPC_ERROR_TOTAL, "`unavailable` or `deadline_exceeded` for longer than a minute: nobody answers.", &[], RPC).appears(HOST),
    note(&l::PSRPC_BYTES_TOTAL, "It nears what the message bus carries.", &[], RPC).appears(HOST),
    note(&l::PSRPC_REQUESTS_RECEIVED_TOTAL, "It stands still while the node takes rooms.", &[], RPC).appears(HOST),
    note(&l::PSRPC_REQUESTS_EXPIRED_TOTAL, "At all, for longer than a minute: the node or the bus is overloaded.", &[], RPC).appears(HOST),
    note(&l::PSRPC_CLAIM_WAIT_TIME_MS, "`timed_out` at all: clients of the bus vanish between two steps.", &[], RPC).appears(HOST),
    note(&l::WEBHOOK_DISPATCH_TOTAL, "`drop` at all, or `failure` for longer than a minute: the receiver is down or slow.", &[], WEBHOOKS).appears(MovedBy("webhooks: hosts tell of them, the program has none")),
    note(&l::WEBHOOK_QUEUE_LENGTH, "Its 95th percentile is above 20: the receiver is too slow.", &[], WEBHOOKS).appears(MovedBy("webhooks: hosts tell of them, the program has none")),
    note(&l::DEBUG_REF_COUNT, "It grows without end for one referrer: a leak.", &[], "LiveKit `pkg/telemetry/prometheus/debug.go`").appears(HOST),
    note(&l::CONFIG_RELOAD_TOTAL, "`failure` at all: the file is wrong, and the old one holds.", &[], CONFIG).appears(HOST),
    note(&l::CONFIG_HASH, "Nodes that should be alike differ.", &[], CONFIG).appears(HOST),
    note(&l::CONFIG_LOAD_STATE, "It is 1.", &[], CONFIG).appears(HOST),
];
