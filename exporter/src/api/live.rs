//! Live streams: what is read of a source at one moment, and which of them a question means.
//!
//! Lives here: reading the list, filtering, ordering. Not here: how one is told (`streams`), parameters (`query`).

use std::cmp::Ordering;
use std::time::SystemTime;

use media_metrics_core::quality::Quality;
use media_metrics_core::stream::{SenderSnapshot, StreamSnapshot};
use media_metrics_core::webrtc::{Clock, Kind};
use media_metrics_core::worst::{Direction, Figures, group_name};

use super::query::{Question, Sort};
use crate::source::Source;

/// Clock rate of video (RFC 3551 §5).
const VIDEO_HZ: u32 = 90_000;

/// All live streams at one moment, by id.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) clock: Clock,
    streams: Vec<Live>,
}

#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "kept in one list for a second: a box for each would cost more than it saves"
)]
pub(super) enum Live {
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

    /// Those that are asked for, in the order that is asked for.
    pub(super) fn asked_for(&self, question: &Question) -> Vec<&Live> {
        let all = self.streams.iter();
        let mut asked: Vec<&Live> = all.filter(|live| live.is_asked_for(question)).collect();
        let sort = question.sort.unwrap_or_default();
        asked.sort_by(|a, b| a.compare(b, sort));
        asked
    }
}

impl Live {
    pub(super) const fn id(&self) -> u64 {
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

    pub(super) const fn clock_rate(&self) -> u32 {
        match self {
            Self::Received(stream) => stream.clock_rate,
            Self::Sent(stream) => stream.clock_rate,
        }
    }

    pub(super) const fn direction(&self) -> Direction {
        match self {
            Self::Received(_) => Direction::Incoming,
            Self::Sent(_) => Direction::Outgoing,
        }
    }

    pub(super) fn group(&self) -> &[String] {
        match self {
            Self::Received(stream) => &stream.group,
            Self::Sent(stream) => &stream.group,
        }
    }

    pub(super) fn participant(&self) -> Option<&str> {
        match self {
            Self::Received(stream) => stream.participant.as_deref(),
            Self::Sent(stream) => stream.participant.as_deref(),
        }
    }

    pub(super) const fn quality(&self) -> Option<Quality> {
        match self {
            Self::Received(stream) => stream.quality,
            Self::Sent(stream) => stream.quality,
        }
    }

    pub(super) const fn interval(&self) -> &Figures {
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

    pub(super) fn kind(&self) -> Kind {
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
    pub(super) fn loss(&self) -> Option<f64> {
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
