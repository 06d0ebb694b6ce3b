//! Streams sent.

use media_metrics_core::catalog as c;

use crate::generate::reference::note::Appears::{If, MovedBy};
use crate::generate::reference::note::{Note, Question, Section, note};

const FEEDBACK: &str = "subscribers' RTCP feedback";
const REPORTS: &str = "receiver reports of subscribers";
const ROUND_TRIPS: &str = "receiver reports of subscribers that answer a publisher's sender report";
const KNOWN_CODEC: &str =
    "streams whose video codec is known (`payload_types` in the configuration)";

/// What subscribers get, and what they say of it.
pub(super) static SECTION: Section = Section {
    title: "Streams sent",
    about: "What goes to subscribers, counted as it is sent, and what they report about it. What they do not report nobody knows: a subscriber \
            without RTCP moves nothing of the second half.",
    questions: &[
        Question {
            asked: "What share of the packets do subscribers miss?",
            answer: "sum by (job, instance, kind) (rate({}[1m])) / sum by (job, instance, kind) (rate({}[1m]))",
            of: &[&c::RTP_REMOTE_LOST, &c::RTP_SENT_PACKETS],
        },
        Question {
            asked: "What share of what is sent is retransmission?",
            answer: "sum by (job, instance, kind) (rate({}[5m])) / sum by (job, instance, kind) (rate({}[5m]))",
            of: &[&c::RTP_RETRANSMITTED_PACKETS, &c::RTP_SENT_PACKETS],
        },
        Question {
            asked: "How far away are subscribers, in round trips?",
            answer: "histogram_quantile(0.95, sum by (job, instance, kind, le) (rate({}_bucket[5m])))",
            of: &[&c::RTP_REMOTE_RTT],
        },
    ],
    notes: NOTES,
};

#[rustfmt::skip] // One a line.
static NOTES: &[Note] = &[
    note(&c::RTP_SENDERS, "It is less than {} times the subscribers of each room for long: subscribers are not served.", &[&c::RTP_STREAMS], "RFC 3550 §3"),
    note(&c::RTP_SENDERS_STARTED, "Its rate is far above that of joins: subscribers flap.", &[], "RFC 3550 §3"),
    note(&c::RTP_SENDERS_ENDED, "It leaps: subscribers or their publishers went away together.", &[], "RFC 3550 §6.3.4, 6.3.5"),
    note(&c::RTP_SENT_PACKETS, "Its rate is less than that of {} times the subscribers of each room: look at send errors.", &[&c::RTP_PACKETS], "RFC 3550 §6.4.1 (sender's packet count); W3C `packetsSent`"),
    note(&c::RTP_SENT_BYTES, "It nears what the network card or the uplink carries: this is the larger direction of a forwarder.", &[], "W3C `bytesSent` + `headerBytesSent`, with padding"),
    note(&c::RTP_SENT_HEADER_BYTES, "As that of what is received.", &[], "RFC 3550 §5.1, RFC 8285; W3C `headerBytesSent`"),
    note(&c::RTP_SENT_PADDING_BYTES, "It is more than a tenth of {} for long: probing that finds no bandwidth.", &[&c::RTP_SENT_BYTES], "RFC 3550 §5.1"),
    note(&c::RTP_SENT_FRAMES, "Its rate divided by {} falls below the frame rate of what comes in.", &[&c::RTP_SENDERS], "RFC 3550 §5.1; W3C `framesSent`"),
    note(&c::RTP_SENT_KEY_FRAMES, "As those received: a high rate is requests without end.", &[], "RFC 6184 §5.2, RFC 7741 §4.3, RFC 9628 §4.2, AV1 RTP §4; W3C `keyFramesEncoded` counts those encoded").appears(MovedBy(KNOWN_CODEC)),
    note(&c::RTP_RETRANSMITTED_PACKETS, "More than 5 % of {}: downlinks lose that much, and mending costs as much again.", &[&c::RTP_SENT_PACKETS], "RFC 4588; W3C `retransmittedPacketsSent`").appears(MovedBy("retransmissions of publishers (`rtx` in the configuration, or a number sent twice)")),
    note(&c::RTP_RETRANSMITTED_BYTES, "As the packets: it is the bandwidth that mending takes.", &[], "RFC 4588; W3C `retransmittedBytesSent`").appears(MovedBy("retransmissions of publishers (`rtx` in the configuration, or a number sent twice)")),
    note(&c::RTP_NACKS_RECEIVED, "Its rate rises while {} does not: receivers ask, and nobody answers.", &[&c::RTP_RETRANSMITTED_PACKETS], "RFC 4585 §6.2.1; W3C `nackCount`").appears(MovedBy(FEEDBACK)),
    note(&c::RTP_NACKED_PACKETS, "More than 5 % of {}: downlinks lose that much.", &[&c::RTP_SENT_PACKETS], "RFC 4585 §6.2.1").appears(MovedBy(FEEDBACK)),
    note(&c::RTP_NACK_RECOVERY, "Its 95th percentile is above 0.2 s: retransmissions come after receivers have given the packet up.", &[], "RFC 4585 §6.2.1 to RFC 4588").appears(MovedBy("retransmissions that answer subscribers' requests")),
    note(&c::RTP_PLIS_RECEIVED, "More than one in ten seconds for each video way: subscribers cannot decode.", &[], "RFC 4585 §6.3.1; W3C `pliCount`").appears(MovedBy(FEEDBACK)),
    note(&c::RTP_FIRS_RECEIVED, "As picture loss indications.", &[], "RFC 5104 §4.3.1; W3C `firCount`").appears(MovedBy(FEEDBACK)),
    note(&c::RTP_KEY_FRAME_REQUEST, "Its 95th percentile is above 1 s: for so long subscribers look at a still or broken picture.", &[], "RFC 4585 §6.3.1, RFC 5104 §4.3.1").appears(MovedBy("key frames that answer subscribers' requests")),
    note(&c::RTP_REMOTE_REPORTS, "Its rate falls below one in ten seconds for each of {}: subscribers went deaf, or RTCP is filtered on the way.", &[&c::RTP_SENDERS], "RFC 3550 §6.4.1").appears(MovedBy(REPORTS)),
    note(&c::RTP_REMOTE_LOST, "More than 5 % of {} for five minutes.", &[&c::RTP_SENT_PACKETS], "RFC 3550 §6.4.1 (cumulative lost); W3C remote-inbound `packetsLost`").appears(MovedBy(REPORTS)),
    note(&c::RTP_REMOTE_FRACTION_LOST, "Its 95th percentile is above 0.05: one report in twenty is from a bad downlink.", &[], "RFC 3550 §6.4.1 (fraction lost); W3C remote-inbound `fractionLost`").appears(MovedBy(REPORTS)),
    note(&c::RTP_REMOTE_JITTER, "Its 95th percentile is above 0.03 s and that of {} is not: the downlinks add it.", &[&c::RTP_INTERVAL_JITTER], "RFC 3550 §6.4.1; W3C remote-inbound `jitter`").appears(MovedBy(REPORTS)),
    note(&c::RTP_REMOTE_RTT, "Its 95th percentile is above 0.3 s: people talk over each other (G.114 asks for less than 0.15 s one way).", &[], "RFC 3550 §6.4.1 (LSR, DLSR); ITU-T G.114; W3C remote-inbound `roundTripTime`").appears(MovedBy(ROUND_TRIPS)),
    note(&c::STREAM_WINDOWS_UNMEASURED, "It grows as fast as the windows do: LiveKit's distributions of jitter or round trips are those of few streams.", &[], "this project").appears(If("`--profile livekit` or `both`")),
];
