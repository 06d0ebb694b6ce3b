//! Labels of LiveKit's families.

use media_metrics_core::livekit::families::catalog as l;

use super::{Label, closed, open};

const KINDS: &[(&str, &str)] = &[("AUDIO", ""), ("VIDEO", ""), ("DATA", "")];
const NAME: &str =
    "names of services and methods, of at most 128 bytes of printable ASCII; else `other`";

#[rustfmt::skip] // One a line.
pub(super) static LABELS: &[Label] = &[
    open("node_id", &[], "the node", "one for each node (`livekit.node_id`, else random at each start)"),
    closed("node_type", &[], "what the node does", &[
        ("SERVER", "everything"), ("CONTROLLER", "controls others"), ("MEDIA", "forwards media only"), ("TURN", "a TURN server"),
        ("SWEEPER", "cleans up behind others"), ("DIRECTOR", "directs participants to nodes"), ("HOSTED_AGENT", "runs agents"),
        ("SETTINGS", "holds settings"),
    ]),
    closed("direction", &[], "which way it goes", &[("incoming", "from publishers to the server"), ("outgoing", "from the server to subscribers")]),
    closed("transmission", &[], "whether it is sent for the first time", &[("initial", ""), ("retransmit", "")]),
    open("country", &[], "the client's country", "two letters (ISO 3166-1), empty if nobody knows, else `other`"),
    closed("source", &[], "what the track shows", &[("UNKNOWN", "not said"), ("CAMERA", ""), ("MICROPHONE", ""), ("SCREEN_SHARE", ""), ("SCREEN_SHARE_AUDIO", "")]),
    closed("type", &[], "what the track is made of", KINDS),
    closed("type", &[&l::NODE_MESSAGES], "what carries the message", &[("signal", "a signalling connection")]),
    closed("status", &[&l::NODE_MESSAGES], "whether it went well", &[("success", ""), ("failure", "")]),
    closed("direction", &[&l::FIR_TOTAL, &l::RTT_MS], "which way it goes", &[("outgoing", "from the server to subscribers")]),
    closed("direction", &[&l::PACKET_OUT_OF_ORDER_TOTAL, &l::PACKET_OUT_OF_ORDER_PERCENT], "which way it goes", &[("incoming", "from publishers to the server")]),
    closed("direction", &[&l::NODE_MESSAGES], "which way it goes", &[("request", "from the client to the media node"), ("response", "from the media node to the client")]),
    closed("type", &[&l::NODE_SERVICE_OPERATION], "the operation", &[("participant_join", ""), ("peer_connection", ""), ("offer", ""), ("answer", "")]),
    closed("status", &[&l::NODE_SERVICE_OPERATION], "whether it went well", &[("success", ""), ("error", "")]),
    closed("error_type", &[], "what went wrong", &[
        ("", "nothing"), ("send_response", ""), ("create", "the description could not be made"), ("local_description", "it was none of ours"),
        ("remote_description", "it was none of theirs"), ("write_message", "it could not be sent"),
    ]),
    open("service", &[], "the service", NAME),
    open("method", &[], "the method", NAME),
    open("status", &[&l::NODE_TWIRP_REQUEST_STATUS, &l::NODE_TWIRP_REQUEST_LATENCY_MS], "the HTTP status", "`4xx` and `5xx` each as one, else the number, or `other`"),
    open("code", &[], "Twirp's error code", "those of Twirp 7, empty without an error, else `other`"),
    closed("type", &[&l::NODE_PACKET_TOTAL], "what became of them", &[("out", "sent"), ("dropped", "")]),
    closed("state", &[&l::PARTICIPANT_JOIN_TOTAL], "the step", &[
        ("signal_connected", "the web socket is up"), ("signal_failed", "no session could be started"),
        ("signal_validation_failed", "the request was rejected"), ("signal_upgrade_failed", "the upgrade to a web socket failed"),
        ("signal_write_initial_response_failed", ""), ("rtc_init", "the media node was told to start"),
        ("rtc_connected", "the participant joined a room"), ("rtc_active", "the participant became active"),
        ("rtc_canceled", "given up, or closed on purpose, before media"), ("rtc_success", "the primary transport connected"),
        ("rtc_failure", "closed for another reason before media"),
    ]),
    closed("warp", &[], "whether signalling and media were set up at once", &[("", "of steps that know no difference"), ("true", ""), ("false", "")]),
    closed("kind", &[], "what the track is made of", KINDS),
    closed("kind", &[&l::CONNECTION_TOTAL], "which end of the relay", &[("incoming", ""), ("outgoing", "")]),
    closed("state", &[&l::TRACK_PUBLISH_COUNTER], "what became of it", &[("attempt", "asked for"), ("success", "published"), ("cancel", "given up on purpose")]),
    closed("state", &[&l::TRACK_SUBSCRIBE_COUNTER], "what became of it", &[
        ("attempt", "wished for"), ("success", "bound"), ("failure", "given up"), ("cancel", "unwished before"),
    ]),
    closed("error", &[], "LiveKit's text of the error", &[
        ("", "none"), ("participant is not allowed to subscribe to this track", ""),
        ("participant is not given permission to subscribe to tracks", ""), ("track cannot be found", ""), ("track is not yet attached", ""),
        ("track not bound", ""), ("participant has exceeded its subscription limit", ""), ("publisher is not connected", ""),
        ("cannot subscribe without a receiver in place", ""), ("track is not open", ""), ("other", ""),
    ]),
    open("protocol_version", &[], "the client's protocol version", "`0` to `64`, else `other`"),
    closed("direction", &[&l::PUBSUBTIME_MS], "which wait", &[
        ("publish", "request to published track"), ("subscribe", "wish to bound track"), ("subscribe-stream-start", "subscription to first media"),
    ]),
    closed("sdk", &[], "what the client is written with", &[
        ("UNKNOWN", "not said"), ("JS", ""), ("SWIFT", ""), ("ANDROID", ""), ("FLUTTER", ""), ("GO", ""), ("UNITY", ""), ("REACT_NATIVE", ""),
        ("RUST", ""), ("PYTHON", ""), ("CPP", ""), ("UNITY_WEB", ""), ("NODE", ""), ("UNREAL", ""), ("ESP32", ""), ("DOTNET", ""),
        ("other", "one that is not known here"),
    ]),
    closed("kind", &[&l::PUBSUBTIME_MS], "who takes part", &[
        ("STANDARD", "a person, most often"), ("INGRESS", "media from outside"), ("EGRESS", "a recording"), ("SIP", "a telephone"),
        ("AGENT", "a program"), ("CONNECTOR", "another service"), ("BRIDGE", "another system"), ("other", "a kind that is not known here"),
    ]),
    open("count", &[], "how many times the subscription has succeeded", "`1` to `10`, else `other`"),
    closed("transport", &[], "which peer connection", &[("PUBLISHER", "the one that the participant sends on"), ("SUBSCRIBER", "the one that the participant receives on")]),
    closed("state", &[&l::PEER_CONNECTION_STATE], "how far it came", &[
        ("started", ""), ("ice_connected", "ICE has a pair"), ("connected", "DTLS, too"), ("fully_established", "the data channels, too"),
    ]),
    closed("type", &[&l::DATAPACKET_STREAM_DEST_COUNT, &l::DATAPACKET_STREAM_BYTES], "what the data stream carries", &[
        ("text", ""), ("bytes", "a file"), ("unknown", "not said"),
    ]),
    closed("mime_type", &[], "the first half of its MIME type", &[
        ("text", ""), ("image", ""), ("application", ""), ("audio", ""), ("video", ""), ("unknown", "anything else"),
    ]),
    open("referrer", &[], "who holds the references", "256 at most, else `other`"),
    closed("role", &[], "which end of the call", &[("client", "calls"), ("server", "is called")]),
    closed("kind", &[&l::PSRPC_REQUEST_TIME_MS], "what kind of call", &[("rpc", "one answer"), ("multirpc", "several")]),
    closed("kind", &[&l::PSRPC_ERROR_TOTAL, &l::PSRPC_BYTES_TOTAL], "what kind of call", &[("rpc", "one answer"), ("multirpc", "several"), ("stream", "")]),
    open("error_code", &[], "psrpc's error code", "those of psrpc, else `other`"),
    closed("direction", &[&l::PSRPC_BYTES_TOTAL], "which way", &[("rx", "received"), ("tx", "sent")]),
    closed("outcome", &[], "how the claim ended", &[
        ("granted", "it may answer"), ("lost_to_peer", "another server may"), ("timed_out", "the client never said"),
        ("other", "an outcome that is not known here"),
    ]),
    closed("status", &[&l::WEBHOOK_DISPATCH_TOTAL], "what became of it", &[("success", "delivered"), ("failure", "could not be"), ("drop", "nobody tried")]),
    closed("reason", &[], "why it was dropped", &[
        ("", "it was not"), ("age", "too old"), ("overflow", "too many waited"), ("queue is full", ""), ("queue is closed", ""),
        ("other", "anything else"),
    ]),
    open("file", &[], "the file's path", "at most 512 bytes; 64 files, else `other`"),
    closed("status", &[&l::CONFIG_RELOAD_TOTAL], "whether it went well", &[("success", ""), ("failure", "")]),
];
