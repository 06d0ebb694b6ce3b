//! Live streams as JSON, in the shape of W3C webrtc-stats.
//!
//! Lives here: reading the list, filtering, ordering, our own member beside the standard's. Not here: the
//! standard's members (`core::webrtc`), parameters (`query`).
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

use std::cmp::Ordering;
use std::time::SystemTime;

use bytes::Bytes;
use media_metrics_core::Registry;
use media_metrics_core::quality::Quality;
use media_metrics_core::snapshot::Snapshot;
use media_metrics_core::stream::{SenderSnapshot, StreamSnapshot};
use media_metrics_core::webrtc::{
    Clock, InboundRtpStreamStats, Kind, OutboundRtpStreamStats, RemoteInboundRtpStreamStats,
    RemoteOutboundRtpStreamStats, incoming, outgoing,
};
use media_metrics_core::worst::{Direction, Figures, group_name};
use serde::Serialize;

use super::query::{Question, Sort};
use super::to_json;
use crate::source::Source;

/// Clock rate of video (RFC 3551 §5).
const VIDEO_HZ: u32 = 90_000;

/// All live streams at one moment, by id.
#[derive(Debug)]
pub(super) struct Listed {
    clock: Clock,
    streams: Vec<Live>,
}

#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "kept in one list for a second: a box for each would cost more than it saves"
)]
enum Live {
    Received(StreamSnapshot),
    Sent(SenderSnapshot),
}

impl Listed {
    /// Reads them now; `None` if the source has none to tell of.
    pub(super) fn read(source: &dyn Source) -> Option<Self> {
        let registry = source.streams()?;
        let mut streams: Vec<Live> = registry.streams().into_iter().map(Live::Received).collect();
        streams.extend(registry.senders().into_iter().map(Live::Sent));
        streams.sort_by_key(Live::id);
        let newest = || streams.iter().map(Live::newest_ns).max().unwrap_or(0);
        let now_ns = source.clock_ns().unwrap_or_else(newest);
        let clock = Clock::new(now_ns, SystemTime::now());
        Some(Self { clock, streams })
    }
}

impl Live {
    const fn id(&self) -> u64 {
        match self {
            Self::Received(stream) => stream.id,
            Self::Sent(stream) => stream.id,
        }
    }

    const fn ssrc(&self) -> u32 {
        match self {
            Self::Received(stream) => stream.ssrc,
            Self::Sent(stream) => stream.ssrc,
        }
    }

    const fn clock_rate(&self) -> u32 {
        match self {
            Self::Received(stream) => stream.clock_rate,
            Self::Sent(stream) => stream.clock_rate,
        }
    }

    const fn direction(&self) -> Direction {
        match self {
            Self::Received(_) => Direction::Incoming,
            Self::Sent(_) => Direction::Outgoing,
        }
    }

    fn group(&self) -> &[String] {
        match self {
            Self::Received(stream) => &stream.group,
            Self::Sent(stream) => &stream.group,
        }
    }

    fn participant(&self) -> Option<&str> {
        match self {
            Self::Received(stream) => stream.participant.as_deref(),
            Self::Sent(stream) => stream.participant.as_deref(),
        }
    }

    const fn quality(&self) -> Option<Quality> {
        match self {
            Self::Received(stream) => stream.quality,
            Self::Sent(stream) => stream.quality,
        }
    }

    const fn interval(&self) -> &Figures {
        match self {
            Self::Received(stream) => &stream.interval,
            Self::Sent(stream) => &stream.interval,
        }
    }

    /// The last time on the host's clock that is known of it.
    fn newest_ns(&self) -> u64 {
        match self {
            Self::Received(stream) => {
                let report = stream.stats.remote.map_or(0, |said| said.arrival_ns);
                stream.stats.last_arrival_ns.max(report)
            }
            Self::Sent(stream) => {
                let report = stream.stats.remote.map_or(0, |said| said.last_report_ns);
                stream.stats.sent.last_departure_ns.max(report)
            }
        }
    }

    fn kind(&self) -> Kind {
        let told = self.group().iter().find_map(|value| match value.as_str() {
            "audio" => Some(Kind::Audio),
            "video" => Some(Kind::Video),
            _ => None,
        });
        told.unwrap_or(match self.clock_rate() {
            VIDEO_HZ => Kind::Video,
            _ => Kind::Audio,
        })
    }

    /// Share of packets lost since it began: seen here, or as its receiver says; `None` if none were expected.
    fn loss(&self) -> Option<f64> {
        let (lost, expected) = match self {
            Self::Received(stream) => (stream.stats.lost, stream.stats.expected),
            Self::Sent(stream) => {
                let said = stream.stats.remote?;
                (said.lost.max(0).cast_unsigned(), said.expected)
            }
        };
        (expected > 0).then(|| (lost as f64 / expected as f64).min(1.0))
    }

    fn is_asked_for(&self, question: &Question) -> bool {
        fn any<T>(wanted: &[T], is_it: impl FnMut(&T) -> bool) -> bool {
            wanted.is_empty() || wanted.iter().any(is_it)
        }
        // What is not known is neither high nor low.
        let within = |value: Option<f64>, least: Option<f64>, most: Option<f64>| {
            (least.is_none() && most.is_none())
                || value.is_some_and(|v| {
                    least.is_none_or(|least| v >= least) && most.is_none_or(|most| v <= most)
                })
        };
        let score = self.quality().map(|quality| quality.score);
        any(&question.ids, |id| *id == self.id())
            && any(&question.ssrcs, |ssrc| *ssrc == self.ssrc())
            && question.direction.is_none_or(|d| d == self.direction())
            && question.kind.is_none_or(|kind| kind == self.kind())
            && within(score, question.min_score, question.max_score)
            && within(self.loss(), question.min_loss, question.max_loss)
            && within(self.interval().loss_ratio, question.min_interval_loss, None)
            && any(&question.participants, |p| {
                Some(p.as_str()) == self.participant()
            })
            && (question.groups.is_empty()
                || question
                    .groups
                    .contains(&group_name(self.group().iter().map(|v| &**v))))
    }

    fn compare(&self, other: &Self, sort: Sort) -> Ordering {
        let highest = |of: fn(&Self) -> Option<f64>| {
            let value = |live| of(live).unwrap_or(f64::NEG_INFINITY);
            value(other).total_cmp(&value(self))
        };
        match sort {
            Sort::Id => Ordering::Equal,
            Sort::Worst => self.interval().by_badness(other.interval()),
            Sort::Loss => highest(Self::loss),
            Sort::Jitter => highest(|live| live.interval().jitter_seconds),
            Sort::Bitrate => highest(|live| live.interval().bytes_per_second),
        }
        .then(self.id().cmp(&other.id()))
    }
}

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
struct Interval {
    loss_ratio: Option<f64>,
    jitter: Option<f64>,
    round_trip_time: Option<f64>,
    bytes_per_second: Option<f64>,
}

impl Interval {
    const fn new(figures: &Figures) -> Self {
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
    let all = listed.streams.iter();
    let mut asked: Vec<&Live> = all.filter(|live| live.is_asked_for(question)).collect();
    let sort = question.sort.unwrap_or_default();
    asked.sort_by(|a, b| a.compare(b, sort));
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
