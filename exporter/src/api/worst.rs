//! The worst streams and groups of an interval, as they are told: as an answer, and to the page.
//!
//! Not here: which they are (`core::worst`).

use media_metrics_core::Registry;
use media_metrics_core::worst::group_name;
use serde::Serialize;

use super::streams::Interval;

/// One of the worst streams.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WorstStream<'a> {
    slot: usize,
    id: u64,
    ssrc: u32,
    direction: &'static str,
    group: String,
    participant: Option<&'a str>,
    score: Option<f64>,
    interval: Interval,
}

/// One of the worst groups.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WorstGroup {
    slot: usize,
    direction: &'static str,
    group: String,
    streams: u64,
    score: Option<f64>,
    interval: Interval,
}

/// The worst streams and groups of an interval, as they are told.
#[derive(Debug, Serialize)]
pub(crate) struct Worst<'a> {
    sequence: u64,
    streams: Vec<WorstStream<'a>>,
    groups: Vec<WorstGroup>,
}

/// What `tell` makes of the worst streams and groups of the last interval.
pub(crate) fn with_worst<T>(registry: &Registry, tell: impl FnOnce(&Worst<'_>) -> T) -> T {
    let worst = registry.worst();
    let streams = worst
        .streams
        .iter()
        .enumerate()
        .map(|(slot, one)| WorstStream {
            slot,
            id: one.id,
            ssrc: one.ssrc,
            direction: one.direction.as_str(),
            group: group_name(one.group.iter().map(|v| &**v)),
            participant: one.participant.as_deref(),
            score: one.figures.score,
            interval: Interval::new(&one.figures),
        });
    let groups = worst
        .groups
        .iter()
        .enumerate()
        .map(|(slot, one)| WorstGroup {
            slot,
            direction: one.direction.as_str(),
            group: group_name(one.group.iter().map(|v| &**v)),
            streams: one.streams,
            score: one.figures.score,
            interval: Interval::new(&one.figures),
        });
    tell(&Worst {
        sequence: worst.sequence,
        streams: streams.collect(),
        groups: groups.collect(),
    })
}
