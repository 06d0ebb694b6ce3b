//! A sender's batch, resolved once and then only read: by every receiver's report, from any thread.
//!
//! Lives here: who sent it, its rows by who may have them. Not here: who receives it.

use std::borrow::Cow;

use super::builder::Builder;
use super::counts::MergeCounts;
use super::label::{FIRST_STRING_INDEX, Label};
use super::limits::Limits;
use super::merge::Merge;
use super::resolve::Source;
use super::restriction::{Restriction, is_client_statistic};
use super::rows::Key;
use super::table::text;
use crate::livekit::messages::{EventMetric, MetricSample, MetricsBatch, TimeSeriesMetric};

/// Who sent a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender<'a> {
    /// Whose rows those without identity are; empty: they stay nobody's.
    pub identity: &'a str,
    /// Whether it may speak for others, as agents and the server itself do.
    pub trusted: bool,
}

impl Sender<'_> {
    /// The server itself.
    #[must_use]
    pub const fn server() -> Self {
        Self {
            identity: "",
            trusted: true,
        }
    }
}

/// Rows of a shared batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// Those that every subscriber may have: all but client statistics (labels 3 to 16).
    Common,
    /// The client statistics of one participant, who alone may have them.
    RestrictedTo(&'a str),
    /// All of them; the builder's own restriction decides.
    All,
}

/// A batch that is never changed again, by the corrected rules: its indexes resolve, its samples are finite,
/// its rows are those of its sender (or of whom a trusted sender named).
///
/// Meant to be shared in an `Arc` by all who receive it; it owns what it holds, and holds no string that no
/// row uses.
#[derive(Clone, Debug)]
pub struct SharedBatch {
    /// Rows that everybody may have come first, in the sender's order; then the restricted ones.
    batch: MetricsBatch,
    common_series: usize,
    common_events: usize,
    /// Identities of restricted rows, by index, ascending.
    owners: Vec<u32>,
    encoded_len: usize,
    memory_bytes: usize,
}

impl SharedBatch {
    /// Resolves a batch: M1 to M5, samples and caps, as [`Builder::merge`] by the corrected rules, and
    /// identities held against the sender.
    ///
    /// - **Cost**: one allocation for each distinct string; samples are moved, not copied. The batch's times
    ///   are dropped.
    #[must_use]
    pub fn new(batch: MetricsBatch, sender: &Sender<'_>, limits: Limits) -> (Self, MergeCounts) {
        let mut builder = Builder::new(Restriction::none()).with_limits(limits);
        let source = Source {
            strings: &batch.str_data,
            sender: Some(*sender),
        };
        let mut merge = Merge::new(&mut builder, source);
        for row in batch.time_series {
            merge.series(Key::of_series(&row), Cow::Owned(row.samples));
        }
        for event in &batch.events {
            merge.event(event);
        }
        let counts = merge.finish();
        (Self::sorted(builder), counts)
    }

    /// What the server itself has built: there is nothing to hold against a sender.
    pub(crate) fn built(builder: Builder) -> Self {
        Self::sorted(builder)
    }

    fn sorted(mut builder: Builder) -> Self {
        let encoded_len = builder.rows.encoded_bytes();
        let (mut str_data, mut time_series, mut events) = builder.rows.take();
        // It waits for its room's report, among thousands: without the slack of having been decoded.
        str_data.shrink_to_fit();
        time_series.shrink_to_fit();
        events.shrink_to_fit();
        time_series
            .iter_mut()
            .for_each(|row| row.samples.shrink_to_fit());
        time_series.sort_by_key(|row| is_client_statistic(row.label));
        events.sort_by_key(|event| is_client_statistic(event.label));
        let common_series = time_series.partition_point(|row| !is_client_statistic(row.label));
        let common_events = events.partition_point(|event| !is_client_statistic(event.label));
        let series_owners = time_series[common_series..]
            .iter()
            .map(|row| row.participant_identity);
        let event_owners = events[common_events..]
            .iter()
            .map(|event| event.participant_identity);
        let mut owners: Vec<u32> = series_owners
            .chain(event_owners)
            .filter(|owner| *owner != 0)
            .collect();
        owners.sort_unstable();
        owners.dedup();
        let memory_bytes = size_of::<Self>()
            + size_of::<u32>() * owners.capacity()
            + strings_bytes(&str_data)
            + series_bytes(&time_series)
            + events_bytes(&events);
        Self {
            batch: MetricsBatch {
                str_data,
                time_series,
                events,
                ..MetricsBatch::default()
            },
            common_series,
            common_events,
            owners,
            encoded_len,
            memory_bytes,
        }
    }

    /// Whether no row is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many series and events there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.batch.time_series.len() + self.batch.events.len()
    }

    /// Whether there are rows for everybody.
    #[must_use]
    pub fn has_common(&self) -> bool {
        self.common_series + self.common_events != 0
    }

    /// Bytes of its rows and strings on the wire.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        self.encoded_len
    }

    /// Bytes that it takes up in memory, the allocator's own books aside: two to four times those on the wire
    /// for what clients send, and over fifty times for empty rows.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// How many samples the series of a part have.
    pub(crate) fn samples_of(&self, part: Part<'_>) -> u64 {
        let samples = self.series_of(part).map(|row| row.samples.len() as u64);
        samples.sum()
    }

    /// Whose client statistics there are; one at most, unless the sender is trusted.
    pub fn restricted_identities(&self) -> impl Iterator<Item = &str> {
        self.owners.iter().map(|owner| self.text(*owner))
    }

    /// The series: those for everybody in the sender's order, then the restricted ones.
    pub fn series(&self) -> impl Iterator<Item = SeriesRow<'_>> {
        self.batch.time_series.iter().map(|row| SeriesRow {
            label: self.label(row.label),
            identity: self.text(row.participant_identity),
            track_sid: self.text(row.track_sid),
            rid: self.text(row.rid),
            samples: &row.samples,
        })
    }

    /// The events, in the same order.
    pub fn events(&self) -> impl Iterator<Item = EventRow<'_>> {
        self.batch.events.iter().map(|event| EventRow {
            label: self.label(event.label),
            identity: self.text(event.participant_identity),
            track_sid: self.text(event.track_sid),
            rid: self.text(event.rid),
            event,
        })
    }

    pub(super) fn strings(&self) -> &[String] {
        &self.batch.str_data
    }

    pub(super) fn series_of(&self, part: Part<'_>) -> impl Iterator<Item = &TimeSeriesMetric> {
        let rows = &self.batch.time_series;
        let (range, owner) = self.choose(part, self.common_series, rows.len());
        rows[range]
            .iter()
            .filter(move |row| owner.is_none_or(|owner| row.participant_identity == owner))
    }

    pub(super) fn events_of(&self, part: Part<'_>) -> impl Iterator<Item = &EventMetric> {
        let events = &self.batch.events;
        let (range, owner) = self.choose(part, self.common_events, events.len());
        events[range]
            .iter()
            .filter(move |event| owner.is_none_or(|owner| event.participant_identity == owner))
    }

    /// Positions of a part's rows, and the identity that they must have.
    fn choose(
        &self,
        part: Part<'_>,
        common: usize,
        all: usize,
    ) -> (std::ops::Range<usize>, Option<u32>) {
        match part {
            Part::Common => (0..common, None),
            Part::All => (0..all, None),
            Part::RestrictedTo(identity) => {
                let owner = self
                    .owners
                    .iter()
                    .find(|owner| self.text(**owner) == identity);
                match owner {
                    Some(owner) => (common..all, Some(*owner)),
                    None => (0..0, None),
                }
            }
        }
    }

    fn label(&self, label: u32) -> Label<'_> {
        if label < FIRST_STRING_INDEX {
            Label::Number(label.cast_signed())
        } else {
            Label::Custom(self.text(label))
        }
    }

    fn text(&self, index: u32) -> &str {
        text(&self.batch.str_data, index).unwrap_or_default()
    }
}

fn strings_bytes(strings: &Vec<String>) -> usize {
    let text: usize = strings.iter().map(String::capacity).sum();
    size_of::<String>() * strings.capacity() + text
}

fn series_bytes(series: &Vec<TimeSeriesMetric>) -> usize {
    let samples: usize = series.iter().map(|row| row.samples.capacity()).sum();
    size_of::<TimeSeriesMetric>() * series.capacity() + size_of::<MetricSample>() * samples
}

fn events_bytes(events: &Vec<EventMetric>) -> usize {
    let metadata: usize = events.iter().map(|event| event.metadata.capacity()).sum();
    size_of::<EventMetric>() * events.capacity() + metadata
}

/// A series with its strings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeriesRow<'a> {
    /// What is measured.
    pub label: Label<'a>,
    /// Whose it is; empty for nobody's.
    pub identity: &'a str,
    /// The SID of the track; empty for none.
    pub track_sid: &'a str,
    /// The layer; empty for none.
    pub rid: &'a str,
    /// At least one, all of them finite.
    pub samples: &'a [MetricSample],
}

/// An event with its strings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EventRow<'a> {
    /// What happened.
    pub label: Label<'a>,
    /// Whose it is; empty for nobody's.
    pub identity: &'a str,
    /// The SID of the track; empty for none.
    pub track_sid: &'a str,
    /// The layer; empty for none.
    pub rid: &'a str,
    /// Its times and metadata; its indexes mean nothing here.
    pub event: &'a EventMetric,
}
