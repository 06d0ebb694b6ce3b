//! The worst of the last interval: who they are, kept for whoever asks, and shown in slots.
//!
//! Lives here: what a merge does with its ranking, and the public values. Not here: the families (`slots`), the
//! order (`figures`).

use std::sync::Arc;

use super::figures::{Figures, per_second};
use super::ranking::{Kept, Sample};
use super::slots::Slots;
use crate::catalog;
use crate::judge::Standing;
use crate::registry::{Registry, Shared};
use crate::reporter::Tick;
use crate::stream::block::{Block, Identity};
use crate::stream::sender::block::SenderBlock;

/// Which way a stream goes, as seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Received.
    Incoming,
    /// Sent.
    Outgoing,
}

impl Direction {
    /// `incoming` or `outgoing`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Incoming => "incoming",
            Self::Outgoing => "outgoing",
        }
    }
}

/// A group's label values as one text: joined by `/`.
///
/// ```
/// assert_eq!(media_metrics_core::worst::group_name(["incoming", "audio"]), "incoming/audio");
/// ```
#[must_use]
pub fn group_name<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    let mut name = String::new();
    for (i, value) in values.into_iter().enumerate() {
        name.push_str(if i > 0 { "/" } else { "" });
        name.push_str(value);
    }
    name
}

/// One of the worst streams of an interval.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct WorstStream {
    /// Received or sent.
    pub direction: Direction,
    /// As in [`StreamSnapshot::id`](crate::stream::StreamSnapshot::id).
    pub id: u64,
    /// Synchronisation source.
    pub ssrc: u32,
    /// Label values of its group.
    pub group: Vec<String>,
    /// Whose it is, if it is judged as somebody's.
    pub participant: Option<String>,
    /// Its figures of the interval.
    pub figures: Figures,
}

/// One of the worst groups of an interval.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct WorstGroup {
    /// Of streams received or sent.
    pub direction: Direction,
    /// Its label values.
    pub group: Vec<String>,
    /// Streams of it that were in the running.
    pub streams: u64,
    /// Its figures of the interval.
    pub figures: Figures,
}

/// The worst of the last interval: what [`Registry::worst`] gives. See the [module](super) for the order.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Worst {
    /// Number of the snapshot that the interval ended with.
    pub sequence: u64,
    /// Streams, the worst first.
    pub streams: Vec<WorstStream>,
    /// Groups, the worst first.
    pub groups: Vec<WorstGroup>,
}

/// A stream in the running.
#[derive(Debug)]
pub(crate) enum Who {
    Received(Arc<Block>),
    Sent(Arc<SenderBlock>),
}

impl Who {
    const fn direction(&self) -> Direction {
        match self {
            Self::Received(_) => Direction::Incoming,
            Self::Sent(_) => Direction::Outgoing,
        }
    }

    fn identity(&self) -> Identity {
        match self {
            Self::Received(block) => block.identity,
            Self::Sent(block) => block.identity,
        }
    }

    fn standing(&self) -> Option<&Standing> {
        match self {
            Self::Received(block) => block.standing.get().map(|s| &**s),
            Self::Sent(block) => block.standing.get().map(|s| &**s),
        }
    }

    fn participant(&self) -> Option<&str> {
        Some(self.standing()?.participant()?.name())
    }
}

/// A group in the running: which, and how many of its streams are.
#[derive(Clone, Copy, Debug)]
struct GroupPlace {
    direction: Direction,
    index: u32,
    streams: u64,
}

/// What a group's streams amount to in one interval, as they are walked.
#[derive(Clone, Debug, Default)]
pub(crate) struct GroupSum {
    streams: u64,
    bytes: u64,
    /// Packets, and how many of them were lost: of received streams.
    expected: u64,
    lost: u64,
    /// Of each figure the sum over the streams that have it, and how many do.
    score: Mean,
    loss: Mean,
    jitter: Mean,
    rtt: Mean,
}

#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    sum: f64,
    n: u64,
}

impl Mean {
    fn add(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.sum += value;
            self.n += 1;
        }
    }

    fn join(&mut self, other: Self) {
        self.sum += other.sum;
        self.n += other.n;
    }

    fn get(self) -> Option<f64> {
        (self.n > 0).then(|| self.sum / self.n as f64)
    }
}

impl GroupSum {
    /// One more stream in the running, with what it lost of how many packets, if it is received here.
    pub(crate) fn add(&mut self, figures: &Figures, bytes: u64, lost: u64, expected: u64) {
        self.streams += 1;
        self.bytes += bytes;
        self.lost += lost;
        self.expected += expected;
        self.score.add(figures.score);
        self.loss.add(figures.loss_ratio);
        self.jitter.add(figures.jitter_seconds);
        self.rtt.add(figures.rtt_seconds);
    }

    /// What others of the same group amount to.
    pub(crate) fn join(&mut self, other: &Self) {
        self.streams += other.streams;
        self.bytes += other.bytes;
        self.lost += other.lost;
        self.expected += other.expected;
        self.score.join(other.score);
        self.loss.join(other.loss);
        self.jitter.join(other.jitter);
        self.rtt.join(other.rtt);
    }

    fn figures(&self, tick: &Tick) -> Figures {
        Figures {
            score: self.score.get(),
            loss_ratio: super::figures::share(self.lost, self.expected).or(self.loss.get()),
            jitter_seconds: self.jitter.get(),
            rtt_seconds: self.rtt.get(),
            bytes_per_second: per_second(self.bytes, tick.interval),
        }
    }
}

/// The ranking of the merge under way, and of the last one what came out.
#[derive(Debug)]
pub(crate) struct Board {
    sequence: u64,
    pub(crate) streams: Kept<Who>,
    groups: Kept<GroupPlace>,
    shown_streams: Vec<Sample<Who>>,
    shown_groups: Vec<Sample<GroupPlace>>,
    stream_slots: Slots<(u64, bool)>,
    group_slots: Slots<(Direction, u32)>,
}

impl Board {
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            sequence: 0,
            streams: Kept::new(slots),
            groups: Kept::new(slots),
            shown_streams: Vec::with_capacity(slots),
            shown_groups: Vec::with_capacity(slots),
            stream_slots: Slots::new(catalog::WORST_STREAM, &catalog::WORST_STREAM_INFO),
            group_slots: Slots::new(catalog::WORST_GROUP, &catalog::WORST_GROUP_INFO),
        }
    }

    /// Whether nothing is ranked.
    pub(crate) const fn is_off(&self) -> bool {
        self.streams.is_off()
    }

    /// A group's sum of this interval.
    pub(crate) fn offer_group(
        &mut self,
        direction: Direction,
        index: usize,
        sum: &GroupSum,
        tick: &Tick,
    ) {
        if sum.streams > 0 {
            let place = GroupPlace {
                direction,
                index: index as u32,
                streams: sum.streams,
            };
            let order = ((direction as u64) << 32) | index as u64;
            self.groups.offer(sum.figures(tick), order, || place);
        }
    }

    /// The ranking of this merge is complete.
    pub(crate) fn publish(&mut self, shared: &Shared, sequence: u64) {
        if self.is_off() {
            return;
        }
        self.sequence = sequence;
        self.shown_streams.clear();
        self.shown_groups.clear();
        let (streams, groups) = (&mut self.shown_streams, &mut self.shown_groups);
        self.streams.drain_sorted(|_, sample| streams.push(sample));
        self.groups.drain_sorted(|_, sample| groups.push(sample));
        for (rank, Sample { figures, who, .. }) in self.shown_streams.iter().enumerate() {
            let identity = who.identity();
            // Judged once, it stays so, and whose it is stays, too.
            let key = (identity.id, who.standing().is_some());
            let values = [
                figures.score,
                figures
                    .score
                    .map(|score| f64::from(crate::quality::mos(score))),
                figures.loss_ratio,
                figures.jitter_seconds,
                figures.rtt_seconds,
                figures.bytes_per_second,
            ];
            let labels = || {
                let group = group_values(shared, who.direction(), identity.group);
                vec![
                    who.direction().as_str().to_owned(),
                    identity.id.to_string(),
                    identity.ssrc.to_string(),
                    group_name(group.iter().map(|v| &**v)),
                    who.participant().unwrap_or_default().to_owned(),
                ]
            };
            self.stream_slots.show(shared, rank, key, &values, labels);
        }
        self.stream_slots
            .clear_from(shared, self.shown_streams.len());
        for (rank, Sample { figures, who, .. }) in self.shown_groups.iter().enumerate() {
            let values = [
                figures.score,
                figures.loss_ratio,
                figures.jitter_seconds,
                figures.rtt_seconds,
                figures.bytes_per_second,
                Some(who.streams as f64),
            ];
            let labels = || {
                let group = group_values(shared, who.direction, who.index);
                let name = group_name(group.iter().map(|v| &**v));
                vec![who.direction.as_str().to_owned(), name]
            };
            let key = (who.direction, who.index);
            self.group_slots.show(shared, rank, key, &values, labels);
        }
        self.group_slots.clear_from(shared, self.shown_groups.len());
    }

    /// What was published last.
    fn worst(&self, shared: &Shared) -> Worst {
        let streams = self.shown_streams.iter().map(|sample| {
            let (who, identity) = (&sample.who, sample.who.identity());
            WorstStream {
                direction: who.direction(),
                id: identity.id,
                ssrc: identity.ssrc,
                group: group_values(shared, who.direction(), identity.group),
                participant: who.participant().map(str::to_owned),
                figures: sample.figures,
            }
        });
        let groups = self.shown_groups.iter().map(|sample| WorstGroup {
            direction: sample.who.direction,
            group: group_values(shared, sample.who.direction, sample.who.index),
            streams: sample.who.streams,
            figures: sample.figures,
        });
        Worst {
            sequence: self.sequence,
            streams: streams.collect(),
            groups: groups.collect(),
        }
    }
}

/// Label values of the group at this place.
fn group_values(shared: &Shared, direction: Direction, index: u32) -> Vec<String> {
    let own = |values: &[Box<str>]| values.iter().map(|v| v.to_string()).collect();
    let at = index as usize;
    match direction {
        Direction::Incoming => shared.groups().get(at).map(|g| own(&g.values)),
        Direction::Outgoing => shared.sender_groups().get(at).map(|g| own(&g.values)),
    }
    .unwrap_or_default()
}

impl Registry {
    /// The worst streams and groups of the interval that the last merge ended, as many as
    /// [`worst`](crate::registry::RegistryBuilder::worst) says. On demand; takes the reporter's lock.
    ///
    /// ```
    /// use media_metrics_core::rtp::RtpHeader;
    /// use media_metrics_core::{Registry, StreamConfig};
    /// let registry = Registry::new()?;
    /// let group = registry.group(&["incoming", "audio"])?;
    /// let mut stream = registry.stream(&group, StreamConfig::new(0x1234, 48_000))?;
    /// for sequence in [1, 2, 4] {
    ///     let packet = [0x80, 111, 0, sequence, 0, 0, 0, 0, 0, 0, 0x12, 0x34, 1, 2, 3];
    ///     stream.on_rtp(&RtpHeader::parse(&packet)?, u64::from(sequence) * 20_000_000);
    /// }
    /// registry.collect();
    /// let worst = registry.worst();
    /// assert_eq!((worst.streams[0].ssrc, worst.streams[0].figures.loss_ratio), (0x1234, Some(0.25)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn worst(&self) -> Worst {
        self.shared.collector().board().worst(&self.shared)
    }
}
