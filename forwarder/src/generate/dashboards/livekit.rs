//! LiveKit: in place of the server's own dashboard, from its families alone.
//!
//! What "LiveKit Server Overview" shows is here, by families that exist, along with what it lacks: loss, jitter, round
//! trips, quality, forwarding, joins. How people get in, in more detail, is on "Node and API".

use media_metrics_core::livekit::families::catalog as lk;

use super::limits;
use super::model::{Dashboard, Event, Panel, row};
use crate::generate::query::{DASHBOARD as ALL, ratio};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        slug: "livekit",
        title: "Media metrics: LiveKit",
        description: "A LiveKit server by LiveKit's own families, in place of LiveKit Server Overview: for the profiles livekit and \
                      both.",
        present: &lk::ROOM_TOTAL,
        rows: vec![
            row("Now", now()),
            row("Traffic", traffic()),
            row("Quality", quality()),
            row("Forwarding", forwarding()),
            row("Control", control()),
        ],
    }
}

fn now() -> Vec<Panel> {
    vec![
        Panel::stat("Rooms", "short", "Rooms open now.", ALL.of(&lk::ROOM_TOTAL).sum(&[])),
        Panel::stat(
            "Participants",
            "short",
            "Participants in rooms now.",
            ALL.of(&lk::PARTICIPANT_TOTAL).sum(&[]),
        ),
        Panel::stat(
            "Tracks published",
            "short",
            "Tracks published now.",
            ALL.of(&lk::TRACK_PUBLISHED_TOTAL).sum(&[]),
        ),
        Panel::stat(
            "Quality (MOS)",
            "none",
            "Mean opinion score of participants, 1 to 5. Below 4 some are not satisfied, below 3.1 nearly all are unhappy.",
            ALL.of(&lk::QUALITY_SCORE).mean(&[]),
        )
        .better_from(limits::MOS),
        Panel::stat(
            "Loss",
            "percent",
            "Share of RTP packets lost, the mean over streams and windows.",
            ALL.of(&lk::PACKET_LOSS_PERCENT).mean(&[]),
        )
        .worse_from(limits::LOSS_PERCENT),
        Panel::stat(
            "Forwarding",
            "ns",
            "The slowest in a hundred packets stays this long in the server.",
            ALL.of(&lk::FORWARD_LATENCY_NS).quantile(0.99, &[]),
        )
        .worse_from(limits::FORWARDING_NS),
        Panel::stat(
            "Joins that fail",
            "percentunit",
            "Share of sessions begun whose media never connected.",
            ratio(
                &ALL.of(&lk::PARTICIPANT_JOIN_TOTAL)
                    .with("state", "rtc_failure")
                    .rate(&[]),
                &ALL.of(&lk::PARTICIPANT_JOIN_TOTAL)
                    .with("state", "rtc_init")
                    .rate(&[]),
            ),
        )
        .awaits(Event::Session)
        .worse_from(limits::JOINS)
        .more("node"),
        Panel::stat(
            "Signal failures",
            "cps",
            "Signalling messages that could not be relayed, a second.",
            ALL.of(&lk::NODE_MESSAGES)
                .with("status", "failure")
                .rate(&[]),
        )
        .worse_from(limits::ANY)
        .more("node"),
    ]
}

fn traffic() -> Vec<Panel> {
    vec![
        Panel::lines(
            "Packets",
            "pps",
            "Packets a second, by direction and transmission, messages of data channels and signalling included.",
        )
        .query(
            "{{direction}}, {{transmission}}",
            ALL.of(&lk::PACKET_TOTAL).rate(&["direction", "transmission"]),
        ),
        Panel::lines("Bandwidth", "bps", "Bits of these packets, a second.").query(
            "{{direction}}, {{transmission}}",
            format!(
                "{} * 8",
                ALL.of(&lk::PACKET_BYTES).rate(&["direction", "transmission"])
            ),
        ),
        Panel::lines(
            "Asked for again",
            "cps",
            "Packets (NACK), pictures (PLI) and key frames (FIR) asked for, a second: incoming of publishers, outgoing by \
             subscribers.",
        )
        .query("NACK {{direction}}", ALL.of(&lk::NACK_TOTAL).rate(&["direction"]))
        .query("PLI {{direction}}", ALL.of(&lk::PLI_TOTAL).rate(&["direction"]))
        .query("FIR {{direction}}", ALL.of(&lk::FIR_TOTAL).rate(&["direction"])),
    ]
}

fn quality() -> Vec<Panel> {
    let by = &["direction", "type"];
    vec![
        Panel::lines(
            "Loss",
            "percent",
            "Share of packets lost of each stream and window, the mean by direction and kind. From 1 % on it is heard and seen.",
        )
        .query("{{direction}} {{type}}", ALL.of(&lk::PACKET_LOSS_PERCENT).mean(by))
        .worse_from(limits::LOSS_PERCENT),
        Panel::lines(
            "Jitter",
            "µs",
            "Largest jitter of a window: of one stream in twenty it is larger.",
        )
        .quantiles(&ALL.of(&lk::JITTER_US), &[0.95], by, "{{direction}} {{type}}")
        .worse_from(limits::JITTER_US),
        Panel::lines(
            "Round trips",
            "ms",
            "Longest round trip of a window: half, and one in twenty, are longer.",
        )
        .quantiles(&ALL.of(&lk::RTT_MS), &[0.5, 0.95], &[], "")
        .awaits(Event::ReceiverReport)
        .worse_from(limits::ROUND_TRIP_MS),
        Panel::lines(
            "Mean opinion score",
            "none",
            "Of participants: the mean, and one in twenty is below the other line.",
        )
        .query("mean", ALL.of(&lk::QUALITY_SCORE).mean(&[]))
        .quantiles(&ALL.of(&lk::QUALITY_SCORE), &[0.05], &[], "")
        .between(1.0, 5.0)
        .better_from(limits::MOS),
        Panel::lines(
            "Packets lost",
            "pps",
            "Packets lost, a second, by direction and kind.",
        )
        .query("{{direction}} {{type}}", ALL.of(&lk::PACKET_LOSS_TOTAL).rate(by)),
        Panel::lines(
            "Out of order",
            "percent",
            "Share of packets that came out of order, the mean by direction and kind.",
        )
        .query(
            "{{direction}} {{type}}",
            ALL.of(&lk::PACKET_OUT_OF_ORDER_PERCENT).mean(by),
        ),
    ]
}

fn forwarding() -> Vec<Panel> {
    let latency = ALL.of(&lk::FORWARD_LATENCY_NS);
    vec![
        Panel::lines(
            "Forwarding time",
            "ns",
            "From arrival to departure, of every packet.",
        )
        .quantiles(&latency, &[0.5, 0.95, 0.99], &[], "")
        .worse_from(limits::FORWARDING_NS)
        .log(),
        Panel::heatmap(
            "Packets by forwarding time",
            "ns",
            "Packets a second, by LiveKit's buckets.",
        )
        .query("{{le}}", latency.classic(&[])),
        Panel::lines(
            "Mean and deviation of late",
            "ns",
            "Mean forwarding time and its standard deviation over rtc.forward_stats.report_window, by node. No line without traffic.",
        )
        .query(
            "mean, {{instance}}",
            ALL.of(&lk::FORWARD_LATENCY).max(&["instance"]),
        )
        .query(
            "deviation, {{instance}}",
            ALL.of(&lk::FORWARD_JITTER).max(&["instance"]),
        ),
    ]
}

fn control() -> Vec<Panel> {
    vec![
        Panel::lines(
            "Signalling",
            "cps",
            "Messages relayed between nodes, a second, by direction and status.",
        )
        .query(
            "{{direction}} {{status}}",
            ALL.of(&lk::NODE_MESSAGES)
                .with("type", "signal")
                .rate(&["direction", "status"]),
        )
        .more("node"),
        Panel::lines(
            "Joins",
            "cps",
            "Participants a second at each step of joining.",
        )
        .query(
            "{{state}}",
            ALL.of(&lk::PARTICIPANT_JOIN_TOTAL).rate(&["state"]),
        )
        .more("node"),
        Panel::lines(
            "Tracks",
            "cps",
            "Publications and subscriptions, a second, by what became of them.",
        )
        .query(
            "publish: {{state}}",
            ALL.of(&lk::TRACK_PUBLISH_COUNTER).rate(&["state"]),
        )
        .query(
            "subscribe: {{state}}",
            ALL.of(&lk::TRACK_SUBSCRIBE_COUNTER).rate(&["state"]),
        )
        .more("node"),
        Panel::lines(
            "Data streams",
            "cps",
            "Data streams that began, a second, by type.",
        )
        .query(
            "{{type}}",
            ALL.of(&lk::DATAPACKET_STREAM_BYTES).count(&["type"]),
        ),
        Panel::lines(
            "TURN connections",
            "short",
            "Connections of TURN nodes that are open now.",
        )
        .query("{{kind}}", ALL.of(&lk::CONNECTION_TOTAL).sum(&["kind"])),
        Panel::lines(
            "Configuration",
            "cps",
            "Times a second that configuration files were loaded again, by status.",
        )
        .query(
            "{{file}} {{status}}",
            ALL.of(&lk::CONFIG_RELOAD_TOTAL).rate(&["file", "status"]),
        )
        .awaits(Event::Upkeep),
    ]
}
