//! The forwarder itself.

use media_metrics_core::catalog as c;

use crate::generate::reference::note::Appears::{MovedBy, Once};
use crate::generate::reference::note::{Note, Question, Section, note};

const FEEDBACK: &str = "subscribers' RTCP";

/// What the forwarder does with datagrams.
pub(super) static SECTION: Section = Section {
    title: "Forwarding",
    about: "What the program does with datagrams, and how long it takes. The latency is from the kernel's time stamp of arrival (`kernel_stamps: false`: \
            from the return of the receive call) to the end of the last send.",
    questions: &[
        Question {
            asked: "How long does forwarding take for all but one packet in a hundred?",
            answer: "histogram_quantile(0.99, sum by (job, instance, le) (rate({}_bucket[5m])))",
            of: &[&c::FORWARD_LATENCY],
        },
        Question {
            asked: "The same over the last 10 s, exact to 1 %, without `rate`?",
            answer: "{}{window=\"10s\", statistic=\"p99\"}",
            of: &[&c::FORWARD_LATENCY_WINDOW],
        },
        Question {
            asked: "What share of the sends fails, and why?",
            answer: "sum by (job, instance, reason) (rate({}[5m])) / ignoring (reason) group_left () sum by (job, instance) (rate({}[5m]))",
            of: &[&c::FORWARD_SEND_ERRORS, &c::FORWARD_PACKETS],
        },
    ],
    notes: NOTES,
};

#[rustfmt::skip] // One a line.
static NOTES: &[Note] = &[
    note(&c::FORWARD_LATENCY, "More than 1 % take longer than 0.01 s, so its 99th percentile is above that, for five minutes: queues build up in the process; look at CPU and at the number of workers.", &[], "this project; LiveKit's `forward_stats` measures samples of the same"),
    note(&c::FORWARD_LATENCY_WINDOW, "`max` of `10s` is above 0.1 s: the process stood still, by scheduling, paging or a stopped machine.", &[], "this project; `stddev` is RFC 3550's jitter in spirit, without smoothing").appears(Once("packets are forwarded")),
    note(&c::FORWARD_PACKETS, "Its rate falls while {} does not: look at send errors.", &[&c::RTP_PACKETS], "this project"),
    note(&c::FORWARD_BYTES, "It nears what the network card or the uplink carries.", &[], "this project"),
    note(&c::FORWARD_SEND_ERRORS, "More than 1 % of all sends, for ten minutes. `would_block` and `no_buffers`: the kernel's queue is full (`socket_buffer`, the card). `refused` and `unreachable`: a subscriber is gone. `not_permitted`: a firewall.", &[], "Linux: `sendmmsg(2)`, `udp(7)`"),
    note(&c::FORWARD_OVERFLOWED, "At all: the workers come too late for what arrives, or stood still. Raise `socket_buffer` (and `net.core.rmem_max`, if the program is not privileged), or add workers. What is dropped here is also in {}, where it looks like the network's doing.", &[&c::RTP_LOST], "Linux: `SO_MEMINFO`, and the column `drops` of `/proc/net/udp`"),
    note(&c::FORWARD_REJECTED, "More than 5 % of all datagrams, for ten minutes: another protocol comes to this port (`version`), packets are cut off (`too_short`, `csrc`, `extension`), or strangers send (`unknown_publisher`).", &[], "RFC 3550 §5.1 and A.1; RFC 5761 §4"),
    note(&c::FORWARD_UNTRACKED, "At all: the limit on streams is met (`limits.max_streams`), and what is not tracked is not in the other figures. See {}.", &[&c::STREAMS_REFUSED], "this project"),
    note(&c::FORWARD_RTCP, "It stops while {} goes on: reports are filtered on the way, and everything that follows from them stands still.", &[&c::RTP_PACKETS], "RFC 3550 §6").appears(MovedBy("RTCP from publishers or subscribers")),
    note(&c::FORWARD_RTCP_REJECTED, "At all, for longer than a minute. `length` for every packet of a source: it sends SRTCP.", &[], "RFC 3550 §6 and A.2; RFC 4585; RFC 3611; RFC 5104"),
    note(&c::FORWARD_FEEDBACK, "It stops while subscribers report: requests for key frames don't reach publishers.", &[], "RFC 3550 §7.2 (translators)").appears(MovedBy(FEEDBACK)),
    note(&c::FORWARD_FEEDBACK_DROPPED, "`busy` at all: workers are overloaded. `unknown_stream` for long: subscribers report on streams that have ended, or that were never there.", &[], "RFC 3550 §7.2").appears(MovedBy(FEEDBACK)),
];
