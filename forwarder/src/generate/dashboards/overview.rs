//! Overview: is it well, and if not, where to look.

use media_metrics_core::catalog as m;

use super::limits;
use super::model::{Dashboard, Event, Panel, row};
use crate::generate::query::{DASHBOARD as ALL, ratio};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        slug: "overview",
        title: "Media metrics: overview",
        description: "Is it well, and if not, where to look: health first, then rates, errors and durations, then what \
                      the nodes have left.",
        present: &m::BUILD_INFO,
        rows: vec![
            row("Health", health()),
            row("Traffic", traffic()),
            row("Errors", errors()),
            row("Durations", durations()),
            row("Machines", machines()),
        ],
    }
}

fn health() -> Vec<Panel> {
    let unhappy = ALL.of(&m::PARTICIPANTS_RATED);
    vec![
        Panel::stat(
            "Nodes up",
            "percentunit",
            "Share of the chosen targets whose last scrape came through. Below 100 % one is down or too slow to answer, and \
             everything here is without it.",
            ALL.aggregate("avg", &[], &ALL.up()),
        )
        .better_from(limits::ALL),
        Panel::stat(
            "Quality (MOS)",
            "none",
            "Mean opinion score over participants and windows, 1 to 4.5. Below 4 some are not satisfied, below 3.1 nearly all \
             are unhappy.",
            ALL.of(&m::PARTICIPANT_QUALITY_MOS).mean(&[]),
        )
        .better_from(limits::MOS)
        .more("quality"),
        Panel::stat(
            "Badly off",
            "percentunit",
            "Share of participants rated poor or lost right now.",
            ratio(
                &unhappy.clone().with_any("rating", "lost|poor").sum(&[]),
                &unhappy.sum(&[]),
            ),
        )
        .worse_from(limits::UNHAPPY)
        .more("quality"),
        Panel::stat(
            "Loss, in",
            "percentunit",
            "Share of RTP packets of publishers that never came. From 1 % on it is heard and seen, at 5 % it is bad.",
            ratio(
                &ALL.of(&m::RTP_LOST).rate(&[]),
                &ALL.of(&m::RTP_EXPECTED).rate(&[]),
            ),
        )
        .worse_from(limits::LOSS)
        .more("quality"),
        Panel::stat(
            "Loss, out",
            "percentunit",
            "Share of the packets sent that subscribers report as lost. No value: no subscriber reports.",
            ALL.of(&m::RTP_REMOTE_FRACTION_LOST).mean(&[]),
        )
        .awaits(Event::ReceiverReport)
        .worse_from(limits::LOSS)
        .more("quality"),
        Panel::stat(
            "Forwarding",
            "s",
            "The slowest in a hundred packets stays this long in the node. From 5 ms on it is felt, 10 ms is half a frame of audio.",
            ALL.of(&m::FORWARD_LATENCY).quantile(0.99, &[]),
        )
        .worse_from(limits::FORWARDING)
        .more("latency"),
        Panel::stat(
            "Refused",
            "cps",
            "Streams a second that found no place because the limit on streams was met. They are forwarded, and not measured.",
            ALL.of(&m::STREAMS_REFUSED).rate(&[]),
        )
        .worse_from(limits::ANY)
        .more("streams"),
        Panel::stat(
            "Merges late",
            "s",
            "How late the slowest in a hundred merges began. More than an interval (1 s): the node is starved, and what is shown \
             here is old.",
            ALL.of(&m::REPORTER_LATE).quantile(0.99, &[]),
        )
        .worse_from(limits::LATE)
        .more("pipeline"),
    ]
}

fn traffic() -> Vec<Panel> {
    let bits = |rate: String| format!("{rate} * 8");
    vec![
        Panel::lines(
            "Packets",
            "pps",
            "RTP packets a second: received from publishers by kind, sent to subscribers. Both fall together if publishers leave; \
             sent alone falls if subscribers leave or sends fail.",
        )
        .query("in, {{kind}}", ALL.of(&m::RTP_PACKETS).rate(&["kind"]))
        .query("out", ALL.of(&m::FORWARD_PACKETS).rate(&[])),
        Panel::lines(
            "Bandwidth",
            "bps",
            "Bits of RTP a second, headers and padding included, IP and UDP not.",
        )
        .query("in, {{kind}}", bits(ALL.of(&m::RTP_BYTES).rate(&["kind"])))
        .query("out", bits(ALL.of(&m::FORWARD_BYTES).rate(&[]))),
        Panel::lines(
            "Streams",
            "short",
            "RTP streams alive: received, and ways to subscribers, by kind. A step down is somebody leaving, a cliff is an outage.",
        )
        .query("in, {{kind}}", ALL.of(&m::RTP_STREAMS).sum(&["kind"]))
        .query("out, {{kind}}", ALL.of(&m::RTP_SENDERS).sum(&["kind"]))
        .more("streams"),
    ]
}

fn errors() -> Vec<Panel> {
    vec![
        Panel::lines(
            "Loss by kind",
            "percentunit",
            "Share of packets lost on the way in, and as receivers report it on the way out. Video hides less than audio.",
        )
        .query(
            "in, {{kind}}",
            ratio(
                &ALL.of(&m::RTP_LOST).rate(&["kind"]),
                &ALL.of(&m::RTP_EXPECTED).rate(&["kind"]),
            ),
        )
        .query(
            "out, {{kind}}",
            ratio(
                &ALL.of(&m::RTP_REMOTE_LOST).rate(&["kind"]),
                &ALL.of(&m::RTP_SENT_PACKETS).rate(&["kind"]),
            ),
        )
        .worse_from(limits::LOSS)
        .more("quality"),
        Panel::lines(
            "Not sent, not taken",
            "pps",
            "Packets a second that could not be sent, datagrams that were dropped on arrival, and packets forwarded without being \
             measured. The reasons are on the dashboard of streams.",
        )
        .query("not sent", ALL.of(&m::FORWARD_SEND_ERRORS).rate(&[]))
        .query("rejected", ALL.of(&m::FORWARD_REJECTED).rate(&[]))
        .query("without a stream", ALL.of(&m::FORWARD_UNTRACKED).rate(&[]))
        .worse_from(limits::ANY)
        .more("streams"),
        Panel::stacked(
            "Participants by rating",
            "short",
            "Participants with a judged stream, by rating.",
        )
        .query("{{rating}}", ALL.of(&m::PARTICIPANTS_RATED).sum(&["rating"]))
        .coloured(limits::RATINGS)
        .more("quality"),
    ]
}

fn durations() -> Vec<Panel> {
    vec![
        Panel::lines(
            "Forwarding time",
            "s",
            "From a packet's arrival to the end of its last send. The median tells of the code, the tail of the scheduler and the \
             network's queues.",
        )
        .quantiles(&ALL.of(&m::FORWARD_LATENCY), &[0.5, 0.95, 0.99], &[], "")
        .worse_from(limits::FORWARDING)
        .log()
        .more("latency"),
        Panel::lines(
            "Jitter on the way in, p95",
            "s",
            "Of the most unsteady streams in twenty, by kind. Above 30 ms jitter buffers grow, and with them the delay.",
        )
        .quantiles(&ALL.of(&m::RTP_INTERVAL_JITTER), &[0.95], &["kind"], "{{kind}}")
        .worse_from(limits::JITTER)
        .more("quality"),
        Panel::lines(
            "Round trips to subscribers",
            "s",
            "As measured with their reports. Above 300 ms people begin to talk at the same time.",
        )
        .quantiles(&ALL.of(&m::RTP_REMOTE_RTT), &[0.5, 0.95], &[], "")
        .awaits(Event::ReceiverReport)
        .worse_from(limits::ROUND_TRIP)
        .more("quality"),
    ]
}

fn machines() -> Vec<Panel> {
    vec![
        Panel::lines(
            "CPU in use",
            "percentunit",
            "Share of the CPUs that a node may use, quotas considered. Above 70 % the forwarding time's tail grows.",
        )
        .query("{{instance}}", ALL.of(&m::NODE_CPU_LOAD).max(&["instance"]))
        .between(0.0, 1.0)
        .worse_from(limits::USE)
        .more("node"),
        Panel::lines(
            "Memory in use",
            "percentunit",
            "Share of the memory that a node may use: a control group's limit, else the machine's.",
        )
        .query(
            "{{instance}}",
            ratio(
                &ALL.of(&m::NODE_MEMORY_USED).sum(&["instance"]),
                &ALL.of(&m::NODE_MEMORY_TOTAL).sum(&["instance"]),
            ),
        )
        .between(0.0, 1.0)
        .worse_from(limits::USE)
        .more("node"),
        Panel::lines(
            "Load by CPU",
            "none",
            "Load average of a minute, divided by the CPUs. Above 1 threads wait for a CPU.",
        )
        .query(
            "{{instance}}",
            ratio(
                &ALL.of(&m::NODE_LOAD1).sum(&["instance"]),
                &ALL.of(&m::NODE_CPUS).sum(&["instance"]),
            ),
        )
        .worse_from(&[(1.0, "orange"), (2.0, "red")])
        .more("node"),
    ]
}
