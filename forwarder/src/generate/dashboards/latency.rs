//! Forwarding latency: how long packets stay in a node, to the last in a thousand.

use media_metrics_core::catalog as m;

use super::limits;
use super::model::{Dashboard, Panel, Storage, row};
use crate::generate::query::DASHBOARD as ALL;

/// A bound of the histogram: what the objective is about.
const OBJECTIVE_S: f64 = 0.005;

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        slug: "latency",
        title: "Media metrics: forwarding latency",
        description: "How long packets stay in a node, from arrival to the end of the last send: every packet, to the last in a \
                      thousand.",
        present: &m::BUILD_INFO,
        rows: vec![
            row("Now", now()),
            row("Every packet", distribution()),
            row("By node", by_node()),
        ],
    }
}

fn now() -> Vec<Panel> {
    let latency = ALL.of(&m::FORWARD_LATENCY);
    let figure = |title, description, quantile: f64| {
        Panel::stat(title, "s", description, latency.quantile(quantile, &[]))
            .worse_from(limits::FORWARDING)
            .size(4, 4)
    };
    vec![
        figure("p50", "Half of the packets are faster: what the code costs.", 0.5),
        figure("p95", "One packet in twenty is slower.", 0.95),
        figure(
            "p99",
            "One packet in a hundred is slower: of a video frame of many packets, often one.",
            0.99,
        ),
        figure(
            "p99.9",
            "One packet in a thousand is slower: of a stream of audio, one in 20 s.",
            0.999,
        ),
        Panel::stat(
            "Within 5 ms",
            "percentunit",
            "Share of packets that leave within 5 ms. Below 99 % subscribers' jitter buffers feel it.",
            latency.share_up_to(OBJECTIVE_S, &[]),
        )
        .better_from(limits::ALL)
        .size(4, 4),
        Panel::stat(
            "Packets measured",
            "pps",
            "Packets a second that the figures here are of: all that are forwarded to anybody.",
            latency.count(&[]),
        )
        .size(4, 4),
    ]
}

fn distribution() -> Vec<Panel> {
    let latency = ALL.of(&m::FORWARD_LATENCY);
    vec![
        Panel::heatmap(
            "Forwarding time, native histogram",
            "s",
            "Packets a second by forwarding time, in cells 9 % wide. Two bands are two kinds of packets: those that met an idle \
             worker, and those that waited. Empty unless Prometheus stores native histograms; the other heatmap has data then.",
        )
        .query("", latency.native(&[]))
        .storage(Storage::Native)
        .or_says("Prometheus keeps classic buckets alone: see the other heatmap")
        .exemplars()
        .size(12, 11),
        Panel::heatmap(
            "Forwarding time, classic buckets",
            "s",
            "Packets a second by forwarding time, in the family's classic buckets. Empty if Prometheus stores native histograms \
             alone.",
        )
        .query("{{le}}", latency.classic(&[]))
        .storage(Storage::Classic)
        .or_says("Prometheus keeps native histograms alone: see the other heatmap")
        .exemplars()
        .size(12, 11),
        Panel::lines(
            "Quantiles",
            "s",
            "Quantiles over time, with single packets as exemplars: each names its stream. A tail that grows alone is waiting \
             (CPU, queues); all growing together is work.",
        )
        .quantiles(&latency, &[0.5, 0.95, 0.99, 0.999], &[], "")
        .worse_from(limits::FORWARDING)
        .log()
        .size(12, 9),
        Panel::lines(
            "Within 5 ms",
            "percentunit",
            "Share of packets that leave within 5 ms, by node.",
        )
        .query("{{instance}}", latency.share_up_to(OBJECTIVE_S, &["instance"]))
        .better_from(limits::ALL)
        .size(12, 9),
    ]
}

fn by_node() -> Vec<Panel> {
    let latency = ALL.of(&m::FORWARD_LATENCY);
    let window = |statistic| {
        ALL.of(&m::FORWARD_LATENCY_WINDOW)
            .with("window", "10s")
            .with("statistic", statistic)
            .max(&["instance"])
    };
    vec![
        Panel::lines(
            "p99",
            "s",
            "The slowest in a hundred packets of each node: one node that stands out has a neighbour, or too many subscribers.",
        )
        .query("{{instance}}", latency.quantile(0.99, &["instance"]))
        .exemplars()
        .worse_from(limits::FORWARDING)
        .log(),
        Panel::lines(
            "Largest of 10 s",
            "s",
            "The slowest packet of the last 10 s, exactly as recorded by the node, which quantiles over a scrape never show.",
        )
        .query("{{instance}}", window("max"))
        .log(),
        Panel::lines(
            "Mean and deviation of 10 s",
            "s",
            "Mean forwarding time and its standard deviation, which is the jitter that the node adds to all streams.",
        )
        .query("mean, {{instance}}", window("mean"))
        .query("deviation, {{instance}}", window("stddev")),
    ]
}
