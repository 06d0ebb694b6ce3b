//! Streams: how many there are, and which are the worst.

use media_metrics_core::catalog as m;
use media_metrics_core::desc::Desc;

use super::limits;
use super::model::{Column, Dashboard, Event, Panel, row};
use super::write::address;
use crate::generate::query::{DASHBOARD as ALL, ratio};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        slug: "streams",
        title: "Media metrics: streams",
        description: "How many streams there are, how they come and go, and which are the worst, by name, however many there are.",
        present: &m::BUILD_INFO,
        rows: vec![
            row("How many", counts()),
            row("The worst of the last interval", worst()),
            row("How bad they were", over_time()),
            row("What was not sent, and not taken", refused()),
        ],
    }
}

fn counts() -> Vec<Panel> {
    vec![
        Panel::stat(
            "Received",
            "short",
            "RTP streams of publishers that are alive.",
            ALL.of(&m::RTP_STREAMS).sum(&[]),
        )
        .size(3, 8),
        Panel::stat(
            "Sent",
            "short",
            "Ways of a stream to a subscriber that are alive.",
            ALL.of(&m::RTP_SENDERS).sum(&[]),
        )
        .size(3, 8),
        Panel::stat(
            "Refused",
            "cps",
            "Streams a second that are forwarded and not measured, because the limit on streams is met: raise limits.max_streams.",
            ALL.of(&m::STREAMS_REFUSED).rate(&[]),
        )
        .worse_from(limits::ANY)
        .size(3, 8),
        Panel::stat(
            "Began anew",
            "cps",
            "Times a second that the sequence numbers of a stream began anew: publishers that restart, or two that share an SSRC.",
            ALL.of(&m::RTP_RESTARTS).rate(&[]),
        )
        .size(3, 8),
        Panel::lines(
            "Alive",
            "short",
            "RTP streams alive, by direction and kind.",
        )
        .query("in, {{kind}}", ALL.of(&m::RTP_STREAMS).sum(&["kind"]))
        .query("out, {{kind}}", ALL.of(&m::RTP_SENDERS).sum(&["kind"]))
        .size(6, 8),
        Panel::lines(
            "Coming and going",
            "cps",
            "Streams that begin and end, a second. Many of both at a steady number alive: sources that are taken for new ones, as \
             behind a NAT that rebinds.",
        )
        .query("begin", ALL.of(&m::RTP_STARTED).rate(&[]))
        .query("end", ALL.of(&m::RTP_ENDED).rate(&[]))
        .query("ways begin", ALL.of(&m::RTP_SENDERS_STARTED).rate(&[]))
        .query("ways end", ALL.of(&m::RTP_SENDERS_ENDED).rate(&[]))
        .size(6, 8),
    ]
}

/// A figure of the slots, one for each node.
fn figure(desc: &Desc) -> String {
    ALL.of(desc).max(&["job", "instance", "slot"])
}

fn worst() -> Vec<Panel> {
    let who = |desc, labels: &[&str]| {
        ALL.of(desc)
            .max(&[&["job", "instance", "slot"], labels].concat())
    };
    let node = || {
        Column::label("instance", "Node").link(
            "The node's live page",
            "http://${__data.fields.Node}/".to_owned(),
        )
    };
    let drill = |column: Column| column.link("All about this node's quality", of_node("quality"));
    vec![
        Panel::table(
            "Worst streams",
            "The worst stream of each node's last interval is in slot 0. Ordered by score, then loss, then jitter. A click on the \
             node opens its live page, on the stream its webrtc-stats, on the score the node's quality.",
        )
        .query(
            "",
            who(
                &m::WORST_STREAM_INFO,
                &["direction", "id", "ssrc", "group", "participant"],
            ),
        )
        .query("", figure(&m::WORST_STREAM_SCORE))
        .query("", figure(&m::WORST_STREAM_MOS))
        .query("", figure(&m::WORST_STREAM_LOSS))
        .query("", figure(&m::WORST_STREAM_JITTER))
        .query("", format!("{} * 8", figure(&m::WORST_STREAM_BYTES)))
        .waiting(figure(&m::WORST_STREAM_RTT), Event::ReceiverReport)
        .column(Column::label("slot", "Slot"))
        .column(node())
        .column(Column::label("participant", "Participant"))
        .column(Column::label("group", "Group"))
        .column(Column::label("id", "Stream").link(
            "The stream, as W3C webrtc-stats",
            "http://${__data.fields.Node}/api/v1/streams?id=${__data.fields.Stream}".to_owned(),
        ))
        .column(Column::label("ssrc", "SSRC"))
        .column(drill(Column::value(1, "Score", "none").scored(limits::SCORE)))
        .column(Column::value(2, "MOS", "none").scored(limits::MOS))
        .column(Column::value(3, "Loss", "percentunit").steps(limits::LOSS))
        .column(Column::value(4, "Jitter", "s").steps(limits::JITTER))
        .column(Column::value(6, "Round trip", "s").steps(limits::ROUND_TRIP))
        .column(Column::value(5, "Bandwidth", "bps"))
        .hides("direction")
        .hides("job")
        .size(24, 11),
        Panel::table(
            "Worst groups",
            "The same of label groups of streams, by their mean: one bad stream of a group is in the table above, a bad network \
             is here.",
        )
        .query("", who(&m::WORST_GROUP_INFO, &["direction", "group"]))
        .query("", figure(&m::WORST_GROUP_SCORE))
        .query("", figure(&m::WORST_GROUP_LOSS))
        .query("", figure(&m::WORST_GROUP_JITTER))
        .query("", figure(&m::WORST_GROUP_STREAMS))
        .query("", format!("{} * 8", figure(&m::WORST_GROUP_BYTES)))
        .waiting(figure(&m::WORST_GROUP_RTT), Event::ReceiverReport)
        .column(Column::label("slot", "Slot"))
        .column(node())
        .column(Column::label("group", "Group"))
        .column(drill(Column::value(1, "Score", "none").scored(limits::SCORE)))
        .column(Column::value(2, "Loss", "percentunit").steps(limits::LOSS))
        .column(Column::value(3, "Jitter", "s").steps(limits::JITTER))
        .column(Column::value(6, "Round trip", "s").steps(limits::ROUND_TRIP))
        .column(Column::value(4, "Streams", "short"))
        .column(Column::value(5, "Bandwidth", "bps"))
        .hides("direction")
        .hides("job")
        .size(24, 7),
    ]
}

/// A dashboard about the node of the row that is clicked.
fn of_node(slug: &str) -> String {
    address(slug).replace(
        "${__all_variables}",
        "${datasource:queryparam}&${job:queryparam}&var-instance=${__data.fields.Node}",
    )
}

fn over_time() -> Vec<Panel> {
    let worst = |desc| ALL.of(desc).with("slot", "0").max(&["instance"]);
    vec![
        Panel::lines(
            "Score of the worst stream",
            "none",
            "Quality score of each node's worst stream, 20 to 100. Always low with one stream is that participant's network; low \
             with changing streams is ours.",
        )
        .query(
            "{{instance}}",
            ALL.of(&m::WORST_STREAM_SCORE)
                .with("slot", "0")
                .aggregated("min", &["instance"]),
        )
        .between(0.0, 100.0)
        .better_from(limits::SCORE),
        Panel::lines(
            "Loss of the worst stream",
            "percentunit",
            "Share of packets that each node's worst stream lost.",
        )
        .query("{{instance}}", worst(&m::WORST_STREAM_LOSS))
        .worse_from(limits::LOSS),
        Panel::lines(
            "Jitter of the worst stream",
            "s",
            "Interarrival jitter of each node's worst stream.",
        )
        .query("{{instance}}", worst(&m::WORST_STREAM_JITTER))
        .worse_from(limits::JITTER),
        Panel::lines(
            "Streams with loss",
            "percentunit",
            "Share of streams that missed more than a packet in a thousand in an interval, by kind: a few bad networks, or all \
             of them.",
        )
        .query(
            "{{kind}}",
            format!(
                "1 - ({})",
                ALL.of(&m::RTP_INTERVAL_LOSS).share_up_to(0.001, &["kind"])
            ),
        )
        .between(0.0, 1.0),
        Panel::lines(
            "Duplicates, strays, late ones",
            "percentunit",
            "Packets beside the order, as a share of those received: with a number that had come before, too far from their stream \
             to be placed, after one with a higher number.",
        )
        .query(
            "duplicate",
            ratio(
                &ALL.of(&m::RTP_DUPLICATES).rate(&[]),
                &ALL.of(&m::RTP_PACKETS).rate(&[]),
            ),
        )
        .query(
            "stray",
            ratio(
                &ALL.of(&m::RTP_STALE).rate(&[]),
                &ALL.of(&m::RTP_PACKETS).rate(&[]),
            ),
        )
        .query(
            "late",
            ratio(
                &ALL.of(&m::RTP_REORDERED).rate(&[]),
                &ALL.of(&m::RTP_PACKETS).rate(&[]),
            ),
        ),
        Panel::lines(
            "Bandwidth of a stream",
            "bps",
            "Bits a second of a stream received, the mean by kind. A fall of video: senders adapt to a bad network.",
        )
        .query(
            "{{kind}}",
            format!(
                "{} * 8",
                ratio(
                    &ALL.of(&m::RTP_BYTES).rate(&["kind"]),
                    &ALL.of(&m::RTP_STREAMS).sum(&["kind"]),
                )
            ),
        ),
    ]
}

fn refused() -> Vec<Panel> {
    vec![
        Panel::lines(
            "Not sent",
            "pps",
            "Packets a second that could not be sent to a subscriber, by reason. no_buffers and would_block: more is sent than the \
             interface takes; unreachable, refused: the subscriber is gone.",
        )
        .query("{{reason}}", ALL.of(&m::FORWARD_SEND_ERRORS).rate(&["reason"])),
        Panel::lines(
            "Rejected",
            "pps",
            "Datagrams dropped on arrival, by reason: what is no RTP, and who is no publisher of the room.",
        )
        .query("{{reason}}", ALL.of(&m::FORWARD_REJECTED).rate(&["reason"])),
        Panel::lines(
            "RTCP",
            "pps",
            "Feedback of subscribers passed on to publishers, and what got nowhere, by reason, a second.",
        )
        .query("passed on", ALL.of(&m::FORWARD_FEEDBACK).rate(&[]))
        .query(
            "dropped: {{reason}}",
            ALL.of(&m::FORWARD_FEEDBACK_DROPPED).rate(&["reason"]),
        )
        .query("malformed", ALL.of(&m::FORWARD_RTCP_REJECTED).rate(&[])),
    ]
}
