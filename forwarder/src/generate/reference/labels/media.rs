//! Labels of our families.

use media_metrics_core::catalog as c;
use media_metrics_core::desc::Desc;

use super::{Label, closed, open};

/// Families of streams that are sent: `direction` is `outgoing` there.
static SENT: &[&Desc] = &[
    &c::RTP_SENT_PACKETS,
    &c::RTP_SENT_BYTES,
    &c::RTP_SENT_HEADER_BYTES,
    &c::RTP_SENT_PADDING_BYTES,
    &c::RTP_SENT_FRAMES,
    &c::RTP_SENT_KEY_FRAMES,
    &c::RTP_RETRANSMITTED_PACKETS,
    &c::RTP_RETRANSMITTED_BYTES,
    &c::RTP_NACKS_RECEIVED,
    &c::RTP_NACKED_PACKETS,
    &c::RTP_NACK_RECOVERY,
    &c::RTP_PLIS_RECEIVED,
    &c::RTP_FIRS_RECEIVED,
    &c::RTP_KEY_FRAME_REQUEST,
    &c::RTP_SENDERS,
    &c::RTP_SENDERS_STARTED,
    &c::RTP_SENDERS_ENDED,
    &c::RTP_REMOTE_REPORTS,
    &c::RTP_REMOTE_LOST,
    &c::RTP_REMOTE_FRACTION_LOST,
    &c::RTP_REMOTE_JITTER,
    &c::RTP_REMOTE_RTT,
];

/// Families of streams of either direction.
static BOTH: &[&Desc] = &[
    &c::RTP_QUALITY_SCORE,
    &c::RTP_QUALITY_MOS,
    &c::RTP_QUALITY_REASONS,
    &c::STREAM_WINDOWS_UNMEASURED,
    &c::WORST_STREAM_INFO,
    &c::WORST_GROUP_INFO,
    &c::LIVEKIT_MESSAGES,
    &c::LIVEKIT_MESSAGE_BYTES,
];

const PUSHED: &[(&str, &str)] = &[
    ("refused", "the receiver said so for good"),
    (
        "redirect",
        "it is somewhere else; redirects are not followed",
    ),
    ("superseded", "newer snapshots needed the room"),
    ("stopped", "the program ended"),
    ("panic", "a bug, caught"),
];

#[rustfmt::skip] // One a line.
pub(super) static LABELS: &[Label] = &[
    closed("direction", &[], "which way the stream goes", &[("incoming", "from publishers to us")]),
    closed("direction", SENT, "which way the stream goes", &[("outgoing", "from us to subscribers")]),
    closed("direction", BOTH, "which way it goes", &[("incoming", "from publishers to us"), ("outgoing", "from us to subscribers")]),
    closed("kind", &[], "what the stream carries, by its payload type", &[("audio", ""), ("video", "")]),
    closed("reason", &[&c::RTP_QUALITY_REASONS], "what the score is owed to", &[
        ("packet", "loss and delay"), ("bitrate", "fewer bytes than expected"), ("layer", "a lower layer than expected"), ("dry", "nothing came"),
        ("rtcp", "no reports came"), ("pause", "paused, or muted"),
    ]),
    closed("rating", &[], "the rating of the participant's worst stream", &[("lost", "score of 20"), ("poor", "up to 40"), ("good", "up to 80"), ("excellent", "above 80")]),
    closed("figure", &[], "what was not measured", &[("jitter", ""), ("rtt", "the round trip")]),
    closed("window", &[], "the time that it looks back on", &[("interval", "since the merge before"), ("10s", ""), ("60s", "")]),
    closed("statistic", &[], "what is told of the values in it", &[
        ("p50", "the median"), ("p95", "the 95th percentile"), ("p99", "the 99th percentile"), ("max", "the largest"), ("mean", ""),
        ("stddev", "the sample standard deviation"),
    ]),
    closed("reason", &[&c::FORWARD_SEND_ERRORS], "what the kernel said", &[
        ("would_block", "EAGAIN: the socket's queue is full"), ("no_buffers", "ENOBUFS, ENOMEM"), ("refused", "ECONNREFUSED: nobody listens there"),
        ("unreachable", "no route, network or host"), ("too_big", "EMSGSIZE: longer than the path takes"),
        ("not_permitted", "EPERM, EACCES: a firewall"), ("other", "anything else"),
    ]),
    closed("reason", &[&c::FORWARD_REJECTED], "why it was dropped", &[
        ("too_short", "shorter than an RTP header"), ("version", "RTP version is not 2"), ("csrc", "the CSRC list ends beyond the packet"),
        ("extension", "the header extension ends beyond the packet"), ("padding", "the padding count does not fit"), ("rtcp", "malformed RTCP"),
        ("too_long", "longer than can be received"), ("unknown_publisher", "not one of the room's `publishers`"),
    ]),
    closed("reason", &[&c::FORWARD_RTCP_REJECTED], "what is wrong with it", &[
        ("too_short", "shorter than an RTCP header"), ("version", "RTCP version is not 2"),
        ("length", "lengths don't end where the datagram does: cut off, or SRTCP"), ("padding", "in the middle, or longer than the packet"),
        ("sr", "sender report"), ("rr", "receiver report"), ("sdes", "source description"), ("bye", "goodbye"),
        ("feedback", "RFC 4585's common header"), ("nack", "generic NACK"), ("fir", "full intra request"),
        ("remb", "receiver's estimate of bandwidth"), ("transport_cc", "transport-wide feedback"), ("xr", "extended report"),
    ]),
    closed("reason", &[&c::FORWARD_FEEDBACK_DROPPED], "why it did not get there", &[
        ("about_nobody", "it is about no stream"), ("unknown_stream", "nobody sends the stream that it is about"),
        ("busy", "another worker's inbox was full"),
    ]),
    open("slot", &[], "the rank: 0 is the worst", "`0` to `insight.worst` - 1 (10 slots by default, 100 at most)"),
    open("id", &[], "the stream's number in `/api/v1/streams`", "one for each slot"),
    open("ssrc", &[], "the stream's SSRC (RFC 3550 §3), in decimal", "one for each slot"),
    open("group", &[], "the stream's label group: its labels, joined by `/`", "one for each slot"),
    open("participant", &[], "who sends or gets the stream, if it is judged", "one for each slot; the program's participants are addresses"),
    open("family", &[], "the family that had no room", "names of families that take label values from outside"),
    open("task", &[], "the task", "the tasks that the host registered; in the program `process` and, with LiveKit's families, `machine`"),
    open("sink", &[], "the sink", "the sinks that the host registered; in the program `history` and one for each push"),
    closed("layer", &[], "what carries it", &[("data_channel", ""), ("signal", "the signalling connection"), ("turn", "a socket of a TURN server")]),
    closed("reason", &[&c::LIVEKIT_EVENTS_DROPPED], "why it was not recorded", &[
        ("unmatched", "the end of what had not begun"), ("no_room", "no series to record it in"), ("invalid", "a figure that is no number"),
    ]),
    closed("code", &[], "the HTTP status", &[
        ("200", ""), ("304", "the page is what the asker has"), ("400", "the question is wrong"), ("401", "a password is missing or wrong"),
        ("404", "no such page"), ("405", "no such method"), ("500", "a fault of ours"), ("503", "not now: merges stand still, or too much is asked"),
    ]),
    closed("reason", &[&c::HTTP_REJECTED], "why it ended", &[
        ("full", "all connections were busy"), ("gave_way", "idle, it made room for another"), ("slow_request", "the request took too long"),
        ("slow_reader", "the answer was not read"), ("accept_failed", "no file descriptor, most often"),
        ("handshake", "no TLS, or a certificate that one side does not take"),
    ]),
    closed("outcome", &[], "what came of it", &[("ok", "the new ones are used"), ("refused", "they can't be used; the old ones are")]),
    closed("part", &[], "what it is for", &[("intervals", "values"), ("series", "names and labels"), ("last_merge", "what the next is compared with")]),
    closed("result", &[], "what came of it", &[("written", ""), ("failed", "disk full, most often")]),
    open("push", &[], "the push", "one for each configured; the receiver's host, most often"),
    closed("reason", &[&c::PUSH_FAILED], "why it was given up", PUSHED),
    closed("reason", &[&c::PUSH_RETRIES], "what went wrong", &[
        ("connect", "no connection"), ("timeout", "no answer in time"), ("transport", "the connection broke, or what came was no HTTP"),
        ("status", "429 or 5xx"), ("tls", "the receiver's certificate is not trusted, or it speaks no TLS"),
    ]),
    closed("reason", &[&c::PUSH_DROPPED], "why it was not sent", &[
        ("full", "the queue had no room"), ("clock", "the wall clock was set back"), ("stopped", "the program ended"),
    ]),
    closed("reason", &[&c::FACADE_REFUSED], "why it was refused", &[
        ("kind", "the name is that of a metric of another kind"), ("taken", "the name is that of a family recorded elsewhere"),
        ("bad_key", "no name, a name of over 512 bytes, or over 64 labels"), ("full", "too many names, or no series"),
    ]),
    closed("reason", &[&c::FOREIGN_DROPPED], "why it was left out", &[
        ("taken", "the name is one of ours"), ("unfit", "it can't be shown"), ("malformed", "a line that is none"),
        ("too_long", "the end of a page that is too long"), ("late", "the page was not made in time"), ("panicked", "the page could not be made"),
    ]),
    closed("what", &[], "what could not be read", &[("cpu", ""), ("load", ""), ("memory", ""), ("packets", "of queue disciplines")]),
    open("version", &[], "the version of media-metrics", "one for each build"),
    open("revision", &[], "the revision of its source, if the build was told", "one for each build"),
    open("features", &[], "the exporter's features that are built in", "one for each build"),
    open("target", &[], "what it is built for, such as `x86_64-linux`", "one for each build"),
    closed("profile", &[], "how it was built", &[("debug", ""), ("release", "")]),
    closed("reason", &[&c::CLIENT_QUALITY_LIMITATION_SECONDS], "what held the encoder back", &[("bandwidth", ""), ("cpu", ""), ("other", "")]),
    closed("stage", &[], "which part of the agent", &[
        ("llm_ttft", "language model, to its first token"), ("stt_ttft", "speech to text, to the final transcript"),
        ("tts_ttfb", "text to speech, to its first byte"),
    ]),
    closed("path", &[], "between whom", &[("publisher", "client to server"), ("subscriber", "server to client"), ("mesh", "between servers")]),
    open("label", &[], "the series' name in LiveKit's enum `MetricLabel`, in lower case", "the enum's 20 names, `unassigned` (a number that it does not name) and `custom`"),
    closed("reason", &[&c::CLIENT_SAMPLES_DROPPED], "why it was not counted", &[
        ("out_of_range", "negative, not a number, beyond belief, or faster than time"), ("out_of_order", "older than what its series had"),
        ("duplicate", "of the same time"), ("too_many_series", "of one series too many of a sender"),
        ("measured_here", "a round trip that the server measures itself"),
    ]),
    closed("reason", &[&c::CLIENT_BATCHES_REJECTED], "why it was rejected", &[
        ("left", "the participant has left"), ("not_allowed", "the participant may not publish data"), ("rate_limited", "too many batches or bytes"),
        ("too_long", "the packet is too long"), ("too_large", "it would take up too much memory"), ("malformed", "no such message"),
        ("no_metrics", "it has none"),
    ]),
    closed("reason", &[&c::CLIENT_BATCH_ROWS_DROPPED], "why it was dropped", &[
        ("unknown_label", "the batch does not hold its label"), ("unknown_identity", "the batch does not hold its identity"),
        ("foreign_identity", "another participant's"), ("no_samples", "none that could be kept"), ("bad_time", "a time that is none"),
        ("string_too_long", ""), ("over_limit", "one too many"), ("restricted", "only another participant may see it"),
    ]),
    closed("reason", &[&c::CLIENT_BATCH_ROWS_MENDED], "what it was kept without", &[
        ("unknown_track_or_rid", "a track or layer that the batch does not hold"), ("metadata_cut", "the end of a long text"),
    ]),
    closed("reason", &[&c::CLIENT_BATCH_SAMPLES_DROPPED], "why it was dropped", &[
        ("non_finite", "infinite, or not a number"), ("bad_time", "a time that is none"), ("over_limit", "one too many"),
    ]),
    closed("reason", &[&c::PIPELINE_SAMPLES_REFUSED], "why it was refused", &[
        ("non_finite", "infinite, or not a number"), ("negative", ""), ("not_measured", "0 s"), ("no_identity", ""), ("identity_too_long", ""),
        ("over_limit", "one too many"),
    ]),
    closed("reason", &[&c::PIPELINE_BATCHES_DROPPED], "why nobody gets it", &[
        ("room_full", "the room has too many bytes until the next report"), ("sender_full", "the sender has"), ("left", "the sender has left"),
    ]),
    closed("reason", &[&c::PIPELINE_PACKETS_FAILED], "why it was not sent", &[
        ("closed", "the data channel is not open"), ("full", "its buffer is"), ("unsupported", "the client has none"),
        ("failed", "the transport said so"), ("panicked", "a bug of the host's, caught"), ("leaving", "too many while the participant was leaving"),
    ]),
    closed("callback", &[], "the host's callback", &[
        ("collect", "gives round trips"), ("send", "sends a packet"), ("audience", "says who hears whom"),
        ("drop", "the end of a provider or an audience"), ("wake", "wakes the pipeline"),
    ]),
    closed("callback", &[&c::PIPELINE_CALLBACK], "the host's callback", &[("collect", "gives round trips"), ("send", "sends a packet")]),
    closed("tick", &[], "what was due", &[("sample", ""), ("batch", ""), ("report", "")]),
];
