//! LiveKit's 52 families, in one table.
//!
//! Lives here: names, types, help, labels, bounds, and who fills a family. Not here: values of labels
//! (`labels`), recording.
//!
//! Names, types, label names and bounds are LiveKit's to the letter, since dashboards and recording rules match
//! on them: a gauge may end in `_total`, a counter need not, bounds are those that Go computed. Help is our own:
//! LiveKit has none.

use crate::desc::Desc;

/// Who tells a family its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The host, by the functions of [`Families`](super::Families).
    Host,
    /// The reporter derives it from streams and what judges them: a host records nothing, but for messages
    /// that are no RTP (see [`Families::data_channel_packet`](super::Families::data_channel_packet)).
    Streams,
    /// Whoever computes the node's statistics.
    Node,
}

/// A family, and who fills it.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// What it is. Its label names end in [`NODE_ID`] and [`NODE_TYPE`], but for configuration families.
    pub desc: &'static Desc,
    /// Who fills it.
    pub origin: Origin,
}

/// The label that holds the node's id; the same on every series of a node.
pub const NODE_ID: &str = "node_id";

/// The label that holds the node's type; the same on every series of a node.
pub const NODE_TYPE: &str = "node_type";

const NODE: &[&str] = &[NODE_ID, NODE_TYPE];
const PACKETS: &[&str] = &["direction", "transmission", "country", NODE_ID, NODE_TYPE];
const FEEDBACK: &[&str] = &["direction", "country", NODE_ID, NODE_TYPE];
const STREAM: &[&str] = &["direction", "source", "type", "country", NODE_ID, NODE_TYPE];
const KIND: &[&str] = &["kind", NODE_ID, NODE_TYPE];
const DATA_STREAM: &[&str] = &["type", "mime_type", NODE_ID, NODE_TYPE];
const METHOD: &[&str] = &["service", "method", NODE_ID, NODE_TYPE];
const ROLE_METHOD: &[&str] = &["role", "service", "method", NODE_ID, NODE_TYPE];
const VERSION: &[&str] = &["protocol_version", NODE_ID, NODE_TYPE];

const PERCENT: &[f64] = &[0.0, 0.1, 0.3, 0.5, 0.7, 1.0, 5.0, 10.0, 40.0, 100.0];
const RPC_MS: &[f64] = &[
    10.0, 50.0, 100.0, 300.0, 500.0, 1000.0, 1500.0, 2000.0, 5000.0, 10000.0,
];
/// `min * growth^k` for 15 bounds from 10 to 10,000, as a loop of multiplications rounds them.
const JOIN_MS: &[f64] = &[
    10.0,
    16.37893706954064,
    26.826957952797258,
    43.93970560760792,
    71.96856730011521,
    117.87686347935875,
    193.06977288832508,
    316.227766016838,
    517.9474679231213,
    848.3428982440723,
    1389.4954943731382,
    2275.8459260747895,
    3727.5937203149415,
    6105.402296585331,
    10000.000000000004,
];
/// The same from 100 to 10,000.
const START_MS: &[f64] = &[
    100.0,
    138.94954943731375,
    193.06977288832496,
    268.26957952797244,
    372.7593720314938,
    517.9474679231207,
    719.6856730011514,
    999.999999999999,
    1389.495494373136,
    1930.6977288832477,
    2682.695795279722,
    3727.593720314934,
    5179.474679231202,
    7196.856730011506,
    9999.999999999978,
];
/// The same from 100 to 14,400,000 (four hours).
const DURATION_MS: &[f64] = &[
    100.0,
    233.59011674382418,
    545.6434264039341,
    1274.5691167419518,
    2977.267487778254,
    6954.602600477145,
    16245.264333523593,
    37947.33192202059,
    88641.21693781434,
    207057.12212818698,
    483664.9733056345,
    1129793.5757936179,
    2639086.132660537,
    6164644.378251824,
    14400000.00000003,
];

const fn counter(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Desc {
    Desc::counter(name, help).labels(labels)
}

const fn gauge(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Desc {
    Desc::gauge(name, help).labels(labels)
}

const fn histogram(
    name: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    bounds: &'static [f64],
) -> Desc {
    Desc::exact_histogram(name, help, bounds).labels(labels)
}

macro_rules! families {
    ($($id:ident: $origin:ident = $make:ident($name:literal, $help:literal, $($more:expr),+) $(.max_series($most:literal))?;)+) => {
        $(
            #[doc = concat!("`", $name, "`. ", $help)]
            pub static $id: Desc = $make($name, $help, $($more),+) $(.max_series($most))?;
        )+

        /// All of them, in LiveKit's order.
        pub static ALL: &[Family] = &[$(Family { desc: &$id, origin: Origin::$origin }),+];
    };
}

families! {
    NODE_MESSAGES: Host = counter("livekit_node_messages", "Signalling messages relayed between nodes, by status (success, failure) and direction (request: client to media node, response: media node to client).", &["type", "status", "direction", NODE_ID, NODE_TYPE]);
    NODE_SERVICE_OPERATION: Host = counter("livekit_node_service_operation", "Operations of the service (participant_join, peer_connection, offer, answer), by status and by what went wrong.", &["type", "status", "error_type", NODE_ID, NODE_TYPE]);
    NODE_TWIRP_REQUEST_STATUS: Host = counter("livekit_node_twirp_request_status", "Responses of the server API, by HTTP status (4xx and 5xx each as one) and error code.", &["service", "method", "status", "code", NODE_ID, NODE_TYPE]).max_series(2_048);
    NODE_TWIRP_REQUEST_LATENCY_MS: Host = histogram("livekit_node_twirp_request_latency_ms", "Time from a request to the server API to its response, in whole milliseconds.", &["service", "method", "status", NODE_ID, NODE_TYPE], &[5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10000.0, 30000.0, 60000.0]).max_series(1_024);
    NODE_PACKET_TOTAL: Node = gauge("livekit_node_packet_total", "Packets of the operating system's network queues since the node started, by what became of them (out, dropped).", &["type", NODE_ID, NODE_TYPE]);

    PACKET_TOTAL: Streams = counter("livekit_packet_total", "Packets, by direction (incoming: from publishers) and transmission (initial, retransmit). RTP with padding, data-channel and signalling messages.", PACKETS).max_series(1_024);
    PACKET_BYTES: Streams = counter("livekit_packet_bytes", "Bytes of the packets of livekit_packet_total, RTP headers included.", PACKETS).max_series(1_024);
    NACK_TOTAL: Streams = counter("livekit_nack_total", "RTP packets asked for again: incoming by the server of publishers, outgoing by subscribers.", FEEDBACK).max_series(1_024);
    PLI_TOTAL: Streams = counter("livekit_pli_total", "Picture loss indications: incoming as sent to publishers, outgoing as got from subscribers.", FEEDBACK).max_series(1_024);
    FIR_TOTAL: Streams = counter("livekit_fir_total", "Full intra requests: outgoing as got from subscribers.", FEEDBACK).max_series(1_024);
    PACKET_LOSS_TOTAL: Streams = counter("livekit_packet_loss_total", "RTP packets lost.", STREAM).max_series(2_048);
    PACKET_LOSS_PERCENT: Streams = histogram("livekit_packet_loss_percent", "Share of RTP packets lost, in percent: one sample for each stream and window.", STREAM, PERCENT).max_series(2_048);
    PACKET_OUT_OF_ORDER_TOTAL: Streams = counter("livekit_packet_out_of_order_total", "RTP packets that came out of order.", STREAM).max_series(2_048);
    PACKET_OUT_OF_ORDER_PERCENT: Streams = histogram("livekit_packet_out_of_order_percent", "Share of RTP packets that came out of order, in percent: one sample for each stream and window.", STREAM, PERCENT).max_series(2_048);
    JITTER_US: Streams = histogram("livekit_jitter_us", "Largest jitter of a window, in microseconds: one sample for each stream and window.", STREAM, &[1000.0, 10000.0, 30000.0, 50000.0, 70000.0, 100000.0, 300000.0, 600000.0, 1000000.0]).max_series(2_048);
    RTT_MS: Streams = histogram("livekit_rtt_ms", "Longest round trip of a window, in milliseconds: one sample for each stream and window.", STREAM, &[50.0, 100.0, 150.0, 200.0, 250.0, 500.0, 750.0, 1000.0, 5000.0, 10000.0]).max_series(2_048);
    PARTICIPANT_JOIN_TOTAL: Host = counter("livekit_participant_join_total", "Steps of participants joining, from the web socket to media, by state and whether the join was a warp.", &["state", "warp", NODE_ID, NODE_TYPE]);
    CONNECTION_TOTAL: Host = gauge("livekit_connection_total", "Connections of a TURN node that are open now, by kind (incoming, outgoing).", KIND);
    FORWARD_LATENCY: Streams = gauge("livekit_forward_latency", "Mean time from a packet's arrival to its departure of late, in nanoseconds. Absent without traffic.", NODE);
    FORWARD_JITTER: Streams = gauge("livekit_forward_jitter", "Standard deviation of the time from a packet's arrival to its departure of late, in nanoseconds. Absent without traffic.", NODE);
    FORWARD_LATENCY_NS: Streams = histogram("livekit_forward_latency_ns", "Time from a packet's arrival to its departure, in nanoseconds.", NODE, &[50000.0, 100000.0, 250000.0, 500000.0, 1000000.0, 2000000.0, 3000000.0, 5000000.0, 10000000.0, 20000000.0]);

    ROOM_TOTAL: Host = gauge("livekit_room_total", "Rooms open now.", NODE);
    ROOM_DURATION_SECONDS: Host = histogram("livekit_room_duration_seconds", "Time from a room's creation to its end, in whole seconds.", NODE, &[5.0, 10.0, 60.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 18000.0, 36000.0]);
    PARTICIPANT_TOTAL: Host = gauge("livekit_participant_total", "Participants in rooms now.", NODE);
    TRACK_PUBLISHED_TOTAL: Host = gauge("livekit_track_published_total", "Tracks published now, by kind.", KIND);
    TRACK_SUBSCRIBED_TOTAL: Host = gauge("livekit_track_subscribed_total", "Subscriptions to tracks now, by kind.", KIND);
    TRACK_PUBLISH_COUNTER: Host = counter("livekit_track_publish_counter", "Publications of tracks, by kind and state (attempt, success, cancel).", &["kind", "state", NODE_ID, NODE_TYPE]);
    TRACK_SUBSCRIBE_COUNTER: Host = counter("livekit_track_subscribe_counter", "Subscriptions to tracks, by state (attempt, success, failure, cancel) and, of failures, the error.", &["state", "error", NODE_ID, NODE_TYPE]);
    SESSION_JOIN_LATENCY_MS: Host = histogram("livekit_session_join_latency_ms", "Time from a participant's request to the first response, in milliseconds.", VERSION, JOIN_MS);
    SESSION_START_TIME_MS: Host = histogram("livekit_session_start_time_ms", "Time from a session's start to its first connection for media, in milliseconds.", &["protocol_version", "warp", NODE_ID, NODE_TYPE], START_MS);
    SESSION_DURATION_MS: Host = histogram("livekit_session_duration_ms", "Time for which a participant was active, in milliseconds.", VERSION, DURATION_MS);
    PUBSUBTIME_MS: Host = histogram("livekit_pubsubtime_ms", "Time that a publication or subscription took, in milliseconds: request to published (publish), desired to bound (subscribe), subscribed to first media (subscribe-stream-start).", &["direction", "source", "type", "country", "sdk", "kind", "count", NODE_ID, NODE_TYPE], &[100.0, 200.0, 500.0, 700.0, 1000.0, 5000.0, 10000.0]).max_series(2_048);
    PEER_CONNECTION_STATE: Host = counter("livekit_peer_connection_state", "States that peer connections reached, by transport.", &["transport", "state", NODE_ID, NODE_TYPE]);
    QUALITY_RATING: Streams = histogram("livekit_quality_rating", "Worst quality of a participant: POOR 0, GOOD 1, EXCELLENT 2, LOST 3 (which is the worst, and in no finite bucket).", NODE, &[0.0, 1.0, 2.0]);
    QUALITY_SCORE: Streams = histogram("livekit_quality_score", "Mean opinion score of a participant, 1 to 5.", NODE, &[1.0, 2.0, 2.5, 3.0, 3.25, 3.5, 3.75, 4.0, 4.25, 4.5]);
    DATAPACKET_STREAM_DEST_COUNT: Host = histogram("livekit_datapacket_stream_dest_count", "Destinations that the header of a data stream names; 0 for everybody.", DATA_STREAM, &[1.0, 2.0, 3.0, 4.0, 5.0, 10.0, 15.0, 25.0, 50.0]);
    DATAPACKET_STREAM_BYTES: Host = histogram("livekit_datapacket_stream_bytes", "Length that the header of a data stream declares, in bytes.", DATA_STREAM, &[128.0, 512.0, 2048.0, 8192.0, 32768.0, 131072.0, 524288.0, 2097152.0, 8388608.0, 33554432.0]);
    DEBUG_REF_COUNT: Host = gauge("livekit_debug_ref_count", "References held, by who holds them.", &["referrer", NODE_ID, NODE_TYPE]).max_series(256);

    PSRPC_REQUEST_TIME_MS: Host = histogram("livekit_psrpc_request_time_ms", "Time that a successful call took, in milliseconds.", &["role", "kind", "service", "method", NODE_ID, NODE_TYPE], RPC_MS).max_series(1_024);
    PSRPC_STREAM_SEND_TIME_MS: Host = histogram("livekit_psrpc_stream_send_time_ms", "Time that sending a message on a stream took, in milliseconds.", ROLE_METHOD, RPC_MS).max_series(512);
    PSRPC_STREAM_RECEIVE_TOTAL: Host = counter("livekit_psrpc_stream_receive_total", "Messages received on streams.", ROLE_METHOD).max_series(512);
    PSRPC_STREAM_COUNT: Host = gauge("livekit_psrpc_stream_count", "Streams open now.", ROLE_METHOD).max_series(512);
    PSRPC_ERROR_TOTAL: Host = counter("livekit_psrpc_error_total", "Calls and stream messages that failed, by error code.", &["role", "kind", "service", "method", "error_code", NODE_ID, NODE_TYPE]).max_series(2_048);
    PSRPC_BYTES_TOTAL: Host = counter("livekit_psrpc_bytes_total", "Bytes of messages, by direction (rx, tx).", &["role", "kind", "service", "method", "direction", NODE_ID, NODE_TYPE]).max_series(2_048);
    PSRPC_REQUESTS_RECEIVED_TOTAL: Host = counter("livekit_psrpc_requests_received_total", "Requests that a server received.", METHOD).max_series(512);
    PSRPC_REQUESTS_EXPIRED_TOTAL: Host = counter("livekit_psrpc_requests_expired_total", "Requests that came to a server after their deadline.", METHOD).max_series(512);
    PSRPC_CLAIM_WAIT_TIME_MS: Host = histogram("livekit_psrpc_claim_wait_time_ms", "Time that a server waited for its claim on a request to be settled, in milliseconds, by outcome.", &["service", "method", "outcome", NODE_ID, NODE_TYPE], &[1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 3000.0]).max_series(1_024);
    WEBHOOK_DISPATCH_TOTAL: Host = counter("livekit_webhook_dispatch_total", "Webhooks, by status (success, failure, drop) and, of those dropped, the reason.", &["status", "reason", NODE_ID, NODE_TYPE]);
    WEBHOOK_QUEUE_LENGTH: Host = histogram("livekit_webhook_queue_length", "Webhooks in a queue after one was added.", NODE, &[1.0, 2.0, 3.0, 4.0, 5.0, 10.0, 20.0, 40.0, 80.0]);
    CONFIG_RELOAD_TOTAL: Host = counter("livekit_config_reload_total", "Times that a configuration file was loaded again, by status (success, failure).", &["file", "status"]).max_series(128);
    CONFIG_HASH: Host = gauge("livekit_config_hash", "CRC-32 of the configuration file in use, modulo a million.", &["file"]).max_series(64);
    CONFIG_LOAD_STATE: Host = gauge("livekit_config_load_state", "1 if the last load of a configuration file failed, else 0.", &["file"]).max_series(64);
}
