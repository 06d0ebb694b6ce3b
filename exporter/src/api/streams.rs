//! Live streams as JSON, in the shape of W3C webrtc-stats.
//!
//! Lives here: the answer, and our own member beside the standard's. Not here: which streams (`live`), the standard's
//! members (`core::webrtc`).
//!
//! # Shape
//! `streams` has one `inbound-rtp` or `outbound-rtp` object for each stream, and `remote` what the peers of those
//! report: `remote-outbound-rtp` and `remote-inbound-rtp`, found by `remoteId`. What the standard does not know is
//! in the member `mediaMetrics`, which it will hardly ever have.
//!
//! # What is guessed
//! The standard wants a kind: it is the group's label value `audio` or `video`, or else follows from the clock rate
//! (90,000 Hz is video's). It wants the track's identifier, which only signalling knows: here it is the SSRC. Times
//! of packets are on the host's clock; a source that does not tell what it is now ([`Source::clock_ns`]) is taken to
//! have got or sent its newest packet now.

use bytes::Bytes;
use media_metrics_core::snapshot::Snapshot;
use media_metrics_core::webrtc::{
    InboundRtpStreamStats, OutboundRtpStreamStats, RemoteInboundRtpStreamStats,
    RemoteOutboundRtpStreamStats, incoming, outgoing,
};
use media_metrics_core::worst::{Figures, group_name};
use serde::Serialize;

use super::live::{Listed, Live};
use super::query::Question;
use super::to_json;

/// What the standard does not know of a stream.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Ours<'a> {
    /// The registry's number of the stream: `id` as a parameter.
    id: u64,
    direction: &'static str,
    /// The group's label values, joined by `/`: `group` as a parameter.
    group: String,
    participant: Option<&'a str>,
    clock_rate: u32,
    score: Option<f64>,
    mos: Option<f32>,
    rating: Option<&'static str>,
    reason: Option<&'static str>,
    loss_ratio: Option<f64>,
    interval: Interval,
}

/// A stream's or group's last interval.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Interval {
    loss_ratio: Option<f64>,
    jitter: Option<f64>,
    round_trip_time: Option<f64>,
    bytes_per_second: Option<f64>,
}

impl Interval {
    pub(super) const fn new(figures: &Figures) -> Self {
        Self {
            loss_ratio: figures.loss_ratio,
            jitter: figures.jitter_seconds,
            round_trip_time: figures.rtt_seconds,
            bytes_per_second: figures.bytes_per_second,
        }
    }
}

impl<'a> Ours<'a> {
    fn new(live: &'a Live) -> Self {
        let quality = live.quality();
        Self {
            id: live.id(),
            direction: live.direction().as_str(),
            group: group_name(live.group().iter().map(|v| &**v)),
            participant: live.participant(),
            clock_rate: live.clock_rate(),
            score: quality.map(|q| q.score),
            mos: quality.map(|q| q.mos),
            rating: quality.map(|q| q.rating.as_str()),
            reason: quality.and_then(|q| q.reason).map(|r| r.as_str()),
            loss_ratio: live.loss(),
            interval: Interval::new(live.interval()),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Local {
    Inbound(InboundRtpStreamStats),
    Outbound(OutboundRtpStreamStats),
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Remote {
    Outbound(RemoteOutboundRtpStreamStats),
    Inbound(RemoteInboundRtpStreamStats),
}

/// A stream's own object.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Object<'a> {
    #[serde(flatten)]
    stats: Local,
    media_metrics: Ours<'a>,
}

/// The answer.
#[derive(Debug, Serialize)]
struct Streams<'a> {
    sequence: u64,
    /// Milliseconds since 1970.
    timestamp: f64,
    /// Streams that were asked for, told or not.
    matching: usize,
    truncated: bool,
    streams: Vec<Object<'a>>,
    remote: Vec<Remote>,
}

/// The streams that were asked for.
pub(super) fn json(listed: &Listed, snapshot: &Snapshot, question: &Question) -> Bytes {
    let mut asked = listed.asked_for(question);
    let matching = asked.len();
    asked.truncate(question.limit());
    let mut streams = Vec::with_capacity(asked.len());
    let mut remote = Vec::new();
    for live in asked {
        let stats = match live {
            Live::Received(stream) => {
                let track = stream.ssrc.to_string();
                let (local, peer) = incoming(stream, live.kind(), &track, &listed.clock);
                remote.extend(peer.map(Remote::Outbound));
                Local::Inbound(local)
            }
            Live::Sent(stream) => {
                let (local, peer) = outgoing(stream, live.kind(), &listed.clock);
                remote.extend(peer.map(Remote::Inbound));
                Local::Outbound(local)
            }
        };
        streams.push(Object {
            stats,
            media_metrics: Ours::new(live),
        });
    }
    to_json(&Streams {
        sequence: snapshot.sequence(),
        timestamp: listed.clock.now(),
        matching,
        truncated: streams.len() < matching,
        streams,
        remote,
    })
}
