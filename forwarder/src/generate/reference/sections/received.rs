//! Streams received.

use media_metrics_core::catalog as c;

use crate::generate::reference::note::Appears::MovedBy;
use crate::generate::reference::note::{Note, Question, Section, note};

const REPORTS_TO_PUBLISHERS: &str =
    "RTCP that goes to publishers: subscribers' requests passed on, or the host's own";
const KNOWN_CODEC: &str =
    "streams whose video codec is known (`payload_types` in the configuration)";

/// What publishers send.
pub(super) static SECTION: Section = Section {
    title: "Streams received",
    about: "What publishers send, as measured from each RTP packet: counted in the stream's own memory, added to its group at each merge. \
            Groups are `direction` and `kind`, so there are as many series for one stream as for 100,000.",
    questions: &[
        Question {
            asked: "How much comes in, in bits a second?",
            answer: "sum by (job, instance, kind) (rate({}[1m])) * 8",
            of: &[&c::RTP_BYTES],
        },
        Question {
            asked: "What share of the packets is lost before it reaches us?",
            answer: "sum by (job, instance, kind) (rate({}[1m])) / sum by (job, instance, kind) (rate({}[1m]))",
            of: &[&c::RTP_LOST, &c::RTP_EXPECTED],
        },
        Question {
            asked: "How many packets does a burst of losses take, on average?",
            answer: "sum by (job, instance, kind) (rate({}[5m])) / sum by (job, instance, kind) (rate({}[5m]))",
            of: &[&c::RTP_BURST_PACKETS, &c::RTP_LOSS_BURSTS],
        },
        Question {
            asked: "Which share of the streams lost more than 5 % of an interval?",
            answer: "1 - sum by (job, instance, kind) (rate({}_bucket{le=\"0.05\"}[5m])) / sum by (job, instance, kind) (rate({}_count[5m]))",
            of: &[&c::RTP_INTERVAL_LOSS, &c::RTP_INTERVAL_LOSS],
        },
    ],
    notes: NOTES,
};

#[rustfmt::skip] // One a line.
static NOTES: &[Note] = &[
    note(&c::RTP_STREAMS, "It drops to 0 or by half at once: publishers lost us, or we lost them. It grows without end: streams are not ended; look at {}.", &[&c::RTP_ENDED], "RFC 3550 §3 (a stream is an SSRC of a source)"),
    note(&c::RTP_STARTED, "Its rate is far above that of joins: sources change their SSRC, or packets are forged.", &[], "RFC 3550 §3"),
    note(&c::RTP_ENDED, "It leaps while {} does not rise again: an uplink or a publisher's network went away.", &[&c::RTP_STARTED], "RFC 3550 §6.3.4, 6.3.5 (BYE, time-out)"),
    note(&c::RTP_PACKETS, "Its rate falls while {} does not: publishers are throttled, or packets are dropped before us (`ss -uam`, the network card's counters).", &[&c::RTP_STREAMS], "RFC 3550 §6.4.1; W3C `packetsReceived`, but with duplicates"),
    note(&c::RTP_BYTES, "It nears what the network card or the uplink carries.", &[], "W3C `bytesReceived` + `headerBytesReceived`, with padding"),
    note(&c::RTP_HEADER_BYTES, "It is more than a fifth of {} for video: extensions or tiny packets eat the bandwidth.", &[&c::RTP_BYTES], "RFC 3550 §5.1, RFC 8285; W3C `headerBytesReceived`"),
    note(&c::RTP_PADDING_BYTES, "It is more than a tenth of {} for long: a sender probes for bandwidth that it does not get.", &[&c::RTP_BYTES], "RFC 3550 §5.1"),
    note(&c::RTP_PADDING_PACKETS, "As the padding bytes: many mean probing without end.", &[], "RFC 3550 §5.1"),
    note(&c::RTP_FRAMES, "Its rate divided by {} falls below the frame rate: encoders are held back.", &[&c::RTP_STREAMS], "RFC 3550 §5.1 (timestamp); W3C `framesReceived`"),
    note(&c::RTP_KEY_FRAMES, "Its rate is near that of frames of new pictures, or above one in a second for a stream: key frames are asked for again and again, which costs bandwidth; see {}.", &[&c::RTP_PLIS_SENT], "RFC 6184 §5.2, RFC 7741 §4.3, RFC 9628 §4.2, AV1 RTP §4; W3C `keyFramesDecoded` counts those decoded").appears(MovedBy(KNOWN_CODEC)),
    note(&c::RTP_EXPECTED, "Not by itself: it is what losses are a share of.", &[], "RFC 3550 A.3"),
    note(&c::RTP_LOST, "More than 5 % of {} for five minutes, which is about what a voice decoder conceals; from 1 % on it is heard in audio without correction.", &[&c::RTP_EXPECTED], "RFC 3550 §6.4.1 and A.3, settled as ARCHITECTURE.md says; W3C `packetsLost`"),
    note(&c::RTP_RECOVERED, "It is most of {} and the rest: the path reorders or retransmits heavily, which costs delay.", &[&c::RTP_LOST], "RFC 3550 A.1; RFC 4588"),
    note(&c::RTP_REORDERED, "More than 1 % of packets: load balancing by packet on the way, or a queue that is emptied by several threads.", &[], "RFC 4737 §4; W3C has none"),
    note(&c::RTP_REORDERING_DEPTH, "Its 95th percentile is above 16: jitter buffers of receivers give such packets up.", &[], "RFC 4737 §4.2.2"),
    note(&c::RTP_DUPLICATES, "More than 1 % of packets: a loop or a mirrored port on the way, unless a sender repeats packets on purpose.", &[], "RFC 3550 A.1; W3C `packetsDuplicated`"),
    note(&c::RTP_DUPLICATE_BYTES, "As the duplicates: it is the bandwidth that they take.", &[], "RFC 3550 A.1"),
    note(&c::RTP_STALE, "At all, and for long: two senders use one SSRC, or old packets are replayed.", &[], "RFC 3550 §8.2 and A.1"),
    note(&c::RTP_RESTARTS, "More than a few in an hour for each stream: senders crash, or encoders are set up anew without a new SSRC.", &[], "RFC 3550 A.1"),
    note(&c::RTP_LOSS_BURSTS, "It rises while {} does not rise much: losses come close together, which concealment and FEC do not mend.", &[&c::RTP_LOST], "RFC 3611 §4.7.2 (Gmin 16); W3C `burstLossCount`"),
    note(&c::RTP_BURST_PACKETS, "Divided by {} it is above 50: outages of a second, not single losses.", &[&c::RTP_LOSS_BURSTS], "RFC 3611 §4.7.2 (burst duration)"),
    note(&c::RTP_BURST_LOST, "Divided by {} it is near 1: whatever is in a burst is lost, as when a link goes down.", &[&c::RTP_BURST_PACKETS], "RFC 3611 §4.7.2 (burst density); W3C `burstPacketsLost`"),
    note(&c::RTP_LOSS_RUNS, "Its 95th percentile is above 3: Opus conceals 20 to 60 ms, so three packets in a row; beyond that it is heard.", &[], "RFC 3611 §4.1 (loss runs); RFC 7294"),
    note(&c::RTP_INTERVAL_LOSS, "Its 95th percentile is above 0.05 for five minutes: one stream in twenty is bad, though the mean may look well.", &[], "RFC 3550 §6.4.1 (fraction lost), of an interval of ours"),
    note(&c::RTP_INTERVAL_JITTER, "Its 95th percentile is above 0.03 s: receivers' buffers grow, and with them the delay of speech.", &[], "RFC 3550 §6.4.1 and A.8; W3C `jitter`"),
    note(&c::RTP_NACKS_SENT, "Its rate rises with {}: receivers mend what publishers' networks lose.", &[&c::RTP_LOST], "RFC 4585 §6.2.1; W3C `nackCount`").appears(MovedBy(REPORTS_TO_PUBLISHERS)),
    note(&c::RTP_NACKED_SENT, "It is far above {}: the same packets are asked for again and again, so retransmissions don't arrive in time.", &[&c::RTP_LOST], "RFC 4585 §6.2.1").appears(MovedBy(REPORTS_TO_PUBLISHERS)),
    note(&c::RTP_PLIS_SENT, "More than one in ten seconds for each video stream: pictures are lost, or subscribers come and go.", &[], "RFC 4585 §6.3.1; W3C `pliCount`").appears(MovedBy(REPORTS_TO_PUBLISHERS)),
    note(&c::RTP_FIRS_SENT, "As picture loss indications; current WebRTC clients hardly send them.", &[], "RFC 5104 §4.3.1; W3C `firCount`").appears(MovedBy(REPORTS_TO_PUBLISHERS)),
];
