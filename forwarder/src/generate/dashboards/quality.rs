//! Media quality: what people hear and see, and what it is owed to.

use media_metrics_core::catalog as m;
use media_metrics_core::desc::Desc;

use super::limits;
use super::model::{Dashboard, Event, Panel, row, shut_row};
use crate::generate::query::{DASHBOARD as ALL, ratio};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        slug: "quality",
        title: "Media metrics: media quality",
        description: "What people hear and see, and what it is owed to: scores, loss and bursts, jitter, round trips, recovery, and \
                      what clients say themselves.",
        present: &m::BUILD_INFO,
        rows: vec![
            row("Experience", experience()),
            row("Loss", loss()),
            row("Jitter and round trips", delay()),
            row("Recovery", recovery()),
            shut_row("What clients say", clients()),
        ],
    }
}

/// A counter's share of another, by direction and kind.
fn share(part: &Desc, whole: &Desc, by: &[&str]) -> String {
    ratio(&ALL.of(part).rate(by), &ALL.of(whole).rate(by))
}

fn experience() -> Vec<Panel> {
    let mos = ALL.of(&m::RTP_QUALITY_MOS);
    let by = &["direction", "kind"];
    vec![
        Panel::lines(
            "Mean opinion score",
            "none",
            "Of streams, the mean by direction and kind. Below 4 some are not satisfied, below 3.1 nearly all are unhappy.",
        )
        .query("{{direction}} {{kind}}", mos.mean(by))
        .between(1.0, 4.5)
        .better_from(limits::MOS),
        Panel::lines(
            "Mean opinion score of the worst",
            "none",
            "One window of a stream in twenty is worse than this. With a good mean, a few have a bad network; exemplars name them.",
        )
        .quantiles(&mos, &[0.05], by, "{{direction}} {{kind}}")
        .between(1.0, 4.5)
        .better_from(limits::MOS),
        Panel::stacked(
            "Ratings of participants",
            "percentunit",
            "Share of each rating: a participant gets one in a window of 5 s, for the worst of their streams.",
        )
        .query("{{rating}}", ALL.of(&m::PARTICIPANT_RATINGS).shares("rating"))
        .coloured(limits::RATINGS)
        .between(0.0, 1.0),
        Panel::stacked(
            "What scores are owed to",
            "percentunit",
            "Share of the windows of streams judged, by reason: packet is loss and delay, dry is silence where something was due, \
             rtcp is receivers that do not report, bitrate and layer are senders that give less.",
        )
        .query("{{reason}}", ALL.of(&m::RTP_QUALITY_REASONS).shares("reason"))
        .between(0.0, 1.0),
        Panel::lines(
            "Participants' scores",
            "none",
            "Quality score of participants, 20 to 100: half, and one in twenty, are below. Under 80 is good, under 40 poor.",
        )
        .quantiles(
            &ALL.of(&m::PARTICIPANT_QUALITY_SCORE),
            &[0.05, 0.5],
            &[],
            "",
        )
        .between(0.0, 100.0)
        .better_from(limits::SCORE),
        Panel::lines(
            "Windows scored poor",
            "percentunit",
            "Share of windows of streams with a score of at most 40, by direction: incoming is publishers' networks, outgoing \
             subscribers'.",
        )
        .query(
            "{{direction}}",
            ALL.of(&m::RTP_QUALITY_SCORE).share_up_to(40.0, &["direction"]),
        )
        .worse_from(limits::UNHAPPY),
    ]
}

fn loss() -> Vec<Panel> {
    let by = &["kind"];
    vec![
        Panel::lines(
            "Loss on the way in",
            "percentunit",
            "Share of packets expected that never came.",
        )
        .query("{{kind}}", share(&m::RTP_LOST, &m::RTP_EXPECTED, by))
        .worse_from(limits::LOSS),
        Panel::lines(
            "Loss on the way out",
            "percentunit",
            "Share of packets that receivers report as lost since their report before, the mean over reports.",
        )
        .query("{{kind}}", ALL.of(&m::RTP_REMOTE_FRACTION_LOST).mean(by))
        .awaits(Event::ReceiverReport)
        .worse_from(limits::LOSS),
        Panel::lines(
            "Loss of single streams",
            "percentunit",
            "Share of packets that a stream received missed in an interval: of the worst in twenty and in a hundred.",
        )
        .quantiles(&ALL.of(&m::RTP_INTERVAL_LOSS), &[0.95, 0.99], by, "{{kind}}")
        .worse_from(limits::LOSS),
        Panel::lines(
            "Runs of losses",
            "short",
            "How many packets in a row are lost. Concealment and NACK do well with 1 or 2; an audio gap of 5 is 100 ms.",
        )
        .quantiles(&ALL.of(&m::RTP_LOSS_RUNS), &[0.5, 0.95, 0.99], &[], "")
        .worse_from(&[(5.0, "orange"), (15.0, "red")]),
        Panel::lines(
            "Bursts of loss",
            "cps",
            "Bursts (RFC 3611: losses with fewer than 16 packets in a row between them), a second. Few bursts with much loss is \
             congestion or radio; many single losses are noise.",
        )
        .query("{{kind}}", ALL.of(&m::RTP_LOSS_BURSTS).rate(by)),
        Panel::lines(
            "Within bursts",
            "percentunit",
            "Burst density: the share of packets lost within bursts, and the share of all losses that bursts are to blame for.",
        )
        .query(
            "density",
            share(&m::RTP_BURST_LOST, &m::RTP_BURST_PACKETS, &[]),
        )
        .query("of all losses", share(&m::RTP_BURST_LOST, &m::RTP_LOST, &[])),
        Panel::lines(
            "Length of bursts",
            "short",
            "Packets from the first to the last loss of a burst, the mean.",
        )
        .query(
            "{{kind}}",
            share(&m::RTP_BURST_PACKETS, &m::RTP_LOSS_BURSTS, by),
        ),
        Panel::lines(
            "Late and duplicate",
            "percentunit",
            "Share of packets that came after a higher number, of numbers that were missing and came later, and of duplicates.",
        )
        .query("reordered", share(&m::RTP_REORDERED, &m::RTP_PACKETS, &[]))
        .query("recovered", share(&m::RTP_RECOVERED, &m::RTP_EXPECTED, &[]))
        .query("duplicate", share(&m::RTP_DUPLICATES, &m::RTP_PACKETS, &[])),
        Panel::lines(
            "Depth of reordering",
            "short",
            "How many numbers behind the highest a reordered packet came. A few is a multi-path network; many is retransmission.",
        )
        .quantiles(&ALL.of(&m::RTP_REORDERING_DEPTH), &[0.5, 0.95], &[], ""),
    ]
}

fn delay() -> Vec<Panel> {
    vec![
        Panel::lines(
            "Jitter on the way in",
            "s",
            "Interarrival jitter (RFC 3550) of streams received. Above 30 ms jitter buffers grow, and with them the delay.",
        )
        .quantiles(
            &ALL.of(&m::RTP_INTERVAL_JITTER),
            &[0.5, 0.95, 0.99],
            &["kind"],
            "{{kind}}",
        )
        .worse_from(limits::JITTER),
        Panel::lines(
            "Jitter at receivers",
            "s",
            "As receivers report it. More than on the way in: it arose here or on the way out.",
        )
        .quantiles(
            &ALL.of(&m::RTP_REMOTE_JITTER),
            &[0.5, 0.95],
            &["kind"],
            "{{kind}}",
        )
        .awaits(Event::ReceiverReport)
        .worse_from(limits::JITTER),
        Panel::lines(
            "Round trips",
            "s",
            "To receivers, as measured with their reports. Above 300 ms people begin to talk at the same time, and a NACK's \
             answer comes too late.",
        )
        .quantiles(&ALL.of(&m::RTP_REMOTE_RTT), &[0.5, 0.95, 0.99], &[], "")
        .awaits(Event::ReceiverReport)
        .worse_from(limits::ROUND_TRIP),
    ]
}

fn recovery() -> Vec<Panel> {
    vec![
        Panel::lines(
            "Packets asked for again",
            "pps",
            "Sequence numbers in NACKs, a second: by subscribers of us, and by us and them of publishers. Much more than is lost: \
             the same is asked for time and again.",
        )
        .query("by subscribers", ALL.of(&m::RTP_NACKED_PACKETS).rate(&[]))
        .query("of publishers", ALL.of(&m::RTP_NACKED_SENT).rate(&[]))
        .query("sent again", ALL.of(&m::RTP_RETRANSMITTED_PACKETS).rate(&[])),
        Panel::lines(
            "From NACK to retransmission",
            "s",
            "Time to the answer, at most a round trip to who has the packet. Above a jitter buffer's length it comes too late.",
        )
        .quantiles(&ALL.of(&m::RTP_NACK_RECOVERY), &[0.5, 0.95], &[], "")
        .awaits(Event::Retransmission)
        .worse_from(limits::ROUND_TRIP),
        Panel::lines(
            "Bandwidth of retransmissions",
            "percentunit",
            "Share of the bytes sent that are sent again.",
        )
        .query(
            "{{kind}}",
            share(&m::RTP_RETRANSMITTED_BYTES, &m::RTP_SENT_BYTES, &["kind"]),
        )
        .worse_from(limits::LOSS),
        Panel::lines(
            "Key frames asked for",
            "cps",
            "Picture loss indications and full intra requests, a second. A storm: one bad subscriber makes all of them pay, since a \
             key frame is many times as large.",
        )
        .query("PLI by subscribers", ALL.of(&m::RTP_PLIS_RECEIVED).rate(&[]))
        .query("FIR by subscribers", ALL.of(&m::RTP_FIRS_RECEIVED).rate(&[]))
        .query("PLI to publishers", ALL.of(&m::RTP_PLIS_SENT).rate(&[]))
        .query("FIR to publishers", ALL.of(&m::RTP_FIRS_SENT).rate(&[])),
        Panel::lines(
            "From request to key frame",
            "s",
            "For this long the picture stands still, or is broken.",
        )
        .quantiles(&ALL.of(&m::RTP_KEY_FRAME_REQUEST), &[0.5, 0.95], &[], "")
        .awaits(Event::KeyFrame)
        .worse_from(&[(0.5, "orange"), (2.0, "red")]),
        Panel::lines(
            "Frames",
            "cps",
            "Media frames and key frames received, a second. Key frames only where the payload type's codec is configured.",
        )
        .query("{{kind}}", ALL.of(&m::RTP_FRAMES).rate(&["kind"]))
        .query("key frames", ALL.of(&m::RTP_KEY_FRAMES).rate(&[])),
    ]
}

fn clients() -> Vec<Panel> {
    let panels = vec![
        Panel::lines(
            "Freezes and interruptions",
            "cps",
            "As clients tell in their metric batches: video that froze or paused, audio that was interrupted, a second.",
        )
        .query("freezes", ALL.of(&m::CLIENT_FREEZES).rate(&[]))
        .query("pauses", ALL.of(&m::CLIENT_PAUSES).rate(&[]))
        .query("interruptions", ALL.of(&m::CLIENT_INTERRUPTIONS).rate(&[])),
        Panel::lines(
            "Time frozen",
            "short",
            "How many tracks were frozen, paused or interrupted at a time, on average.",
        )
        .query("frozen", ALL.of(&m::CLIENT_FREEZE_SECONDS).rate(&[]))
        .query("paused", ALL.of(&m::CLIENT_PAUSE_SECONDS).rate(&[]))
        .query("interrupted", ALL.of(&m::CLIENT_INTERRUPTION_SECONDS).rate(&[])),
        Panel::lines(
            "Samples made up",
            "cps",
            "Audio samples a second that clients made up for lost or late ones, and those of them that are silence. One stream has \
             48,000 in all.",
        )
        .query("made up", ALL.of(&m::CLIENT_CONCEALED_SAMPLES).rate(&[]))
        .query(
            "silence",
            ALL.of(&m::CLIENT_SILENT_CONCEALED_SAMPLES).rate(&[]),
        ),
        Panel::lines(
            "Delay of jitter buffers",
            "s",
            "Mean time that samples and frames wait in clients' jitter buffers.",
        )
        .query(
            "mean",
            share(
                &m::CLIENT_JITTER_BUFFER_DELAY,
                &m::CLIENT_JITTER_BUFFER_EMITTED,
                &[],
            ),
        )
        .worse_from(&[(0.2, "orange"), (0.5, "red")]),
        Panel::stacked(
            "Encoders held back",
            "short",
            "How many layers of video were held back at a time, by reason: bandwidth is their network, cpu their machine.",
        )
        .query(
            "{{reason}}",
            ALL.of(&m::CLIENT_QUALITY_LIMITATION_SECONDS).rate(&["reason"]),
        ),
        Panel::lines(
            "Round trips",
            "s",
            "Of participants, one in twenty is above: publisher is client to server, subscriber server to client, mesh between \
             servers.",
        )
        .quantiles(&ALL.of(&m::CLIENT_RTT), &[0.95], &["path"], "{{path}}")
        .worse_from(limits::ROUND_TRIP),
        Panel::lines(
            "Latency of agents",
            "s",
            "Time to the first token, transcript or byte of speech, as agents tell: half, and one in twenty, take longer.",
        )
        .quantiles(
            &ALL.of(&m::CLIENT_AGENT_LATENCY),
            &[0.5, 0.95],
            &["stage"],
            "{{stage}}",
        )
        .worse_from(&[(1.0, "orange"), (3.0, "red")]),
        Panel::lines(
            "Samples not counted",
            "cps",
            "Samples of clients that were dropped, by reason: clients whose clocks or totals are out of order.",
        )
        .query(
            "{{reason}}",
            ALL.of(&m::CLIENT_SAMPLES_DROPPED).rate(&["reason"]),
        ),
    ];
    panels
        .into_iter()
        .map(|panel| panel.awaits(Event::ClientBatch))
        .collect()
}
