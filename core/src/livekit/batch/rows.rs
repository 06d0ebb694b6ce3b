//! The rows of a builder: what they take up on the wire, and the caps.
//!
//! Lives here: storing a row whose strings are interned, coalescing, sizes. Not here: whether a row is
//! allowed and what it means (`builder`, `resolve`).

use std::borrow::Cow;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use prost::Message;

use super::error::Cap;
use super::limits::Limits;
use super::table::{Table, field_len};
use crate::livekit::messages::{EventMetric, MetricSample, TimeSeriesMetric};

/// The four indexes of a row, as on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) label: u32,
    pub(super) identity: u32,
    pub(super) track_sid: u32,
    pub(super) rid: u32,
}

impl Key {
    pub(super) fn of_series(row: &TimeSeriesMetric) -> Self {
        Self {
            label: row.label,
            identity: row.participant_identity,
            track_sid: row.track_sid,
            rid: row.rid,
        }
    }

    pub(super) fn of_event(row: &EventMetric) -> Self {
        Self {
            label: row.label,
            identity: row.participant_identity,
            track_sid: row.track_sid,
            rid: row.rid,
        }
    }

    pub(super) fn series(self, samples: Vec<MetricSample>) -> TimeSeriesMetric {
        TimeSeriesMetric {
            label: self.label,
            participant_identity: self.identity,
            track_sid: self.track_sid,
            rid: self.rid,
            samples,
        }
    }

    pub(super) fn set(self, event: &mut EventMetric) {
        event.label = self.label;
        event.participant_identity = self.identity;
        event.track_sid = self.track_sid;
        event.rid = self.rid;
    }

    /// Encoded bytes of the four fields; those that are 0 are not written.
    pub(super) fn encoded_len(self) -> usize {
        [self.label, self.identity, self.track_sid, self.rid]
            .into_iter()
            .filter(|index| *index != 0)
            .map(|index| 1 + prost::encoding::encoded_len_varint(index.into()))
            .sum()
    }
}

/// Encoded bytes of a sample within its row.
pub(super) fn sample_len(sample: &MetricSample) -> usize {
    field_len(sample.encoded_len())
}

/// Rows and their strings, below the caps.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    pub(super) limits: Limits,
    /// Whether series with the same key become one.
    pub(super) coalescing: bool,
    pub(super) table: Table,
    pub(super) series: Vec<TimeSeriesMetric>,
    pub(super) events: Vec<EventMetric>,
    /// Encoded bytes of each series, without tag and length.
    bodies: Vec<usize>,
    /// Encoded bytes of all rows.
    encoded_bytes: usize,
    by_key: HashTable<usize>,
    hasher: DefaultHashBuilder,
}

impl Rows {
    pub(super) fn is_empty(&self) -> bool {
        self.series.is_empty() && self.events.is_empty()
    }

    /// Encoded bytes of rows and strings.
    pub(super) fn encoded_bytes(&self) -> usize {
        self.encoded_bytes + self.table.encoded_bytes()
    }

    /// The value of a cap.
    pub(super) fn limit(&self, cap: Cap) -> usize {
        let limits = &self.limits;
        match cap {
            Cap::Rows => limits.rows,
            Cap::SamplesPerRow => limits.samples_per_row,
            Cap::TableBytes => limits.table_bytes,
            Cap::StringBytes => limits.string_bytes,
            Cap::MetadataBytes => limits.metadata_bytes,
            Cap::EncodedBytes => limits.encoded_bytes,
        }
    }

    /// Whether `more` encoded bytes fit, beside the strings that were interned for them.
    fn check(&self, more: usize) -> Result<(), Cap> {
        if self.table.text_bytes() > self.limits.table_bytes {
            return Err(Cap::TableBytes);
        }
        if self.encoded_bytes().saturating_add(more) > self.limits.encoded_bytes {
            return Err(Cap::EncodedBytes);
        }
        Ok(())
    }

    /// Joins the samples to the series of the same key if rows are coalesced, or stores a new series.
    ///
    /// On an error nothing is stored; strings interned for it are the caller's to take back.
    pub(super) fn merge_series(
        &mut self,
        key: Key,
        samples: Cow<'_, [MetricSample]>,
    ) -> Result<(), Cap> {
        match self.same(key) {
            Some(at) => self.extend(at, &samples),
            None => self.push_series(key, samples.into_owned()).map(|_at| ()),
        }
    }

    /// Stores a new series; its position. Errors are those of [`Self::merge_series`].
    pub(super) fn push_series(
        &mut self,
        key: Key,
        samples: Vec<MetricSample>,
    ) -> Result<usize, Cap> {
        if samples.len() > self.limits.samples_per_row {
            return Err(Cap::SamplesPerRow);
        }
        let body = key.encoded_len() + samples.iter().map(sample_len).sum::<usize>();
        self.new_row(field_len(body))?;
        let at = self.series.len();
        self.series.push(key.series(samples));
        self.bodies.push(body);
        if self.coalescing {
            let Self {
                by_key,
                hasher,
                series,
                ..
            } = self;
            by_key.insert_unique(hasher.hash_one(key), at, |&at| {
                hasher.hash_one(Key::of_series(&series[at]))
            });
        }
        Ok(at)
    }

    /// Appends samples to the series at `at`, which exists.
    pub(super) fn extend(&mut self, at: usize, samples: &[MetricSample]) -> Result<(), Cap> {
        let row = &self.series[at];
        if row.samples.len().saturating_add(samples.len()) > self.limits.samples_per_row {
            return Err(Cap::SamplesPerRow);
        }
        let old = self.bodies[at];
        let new = old + samples.iter().map(sample_len).sum::<usize>();
        let more = field_len(new) - field_len(old);
        self.check(more)?;
        self.encoded_bytes += more;
        self.bodies[at] = new;
        self.series[at].samples.extend_from_slice(samples);
        Ok(())
    }

    /// Stores an event. On an error nothing is stored, as with series.
    pub(super) fn push_event(&mut self, event: EventMetric) -> Result<(), Cap> {
        self.new_row(field_len(event.encoded_len()))?;
        self.events.push(event);
        Ok(())
    }

    /// How many more samples the row for `key` takes.
    pub(super) fn room(&self, key: Key) -> usize {
        let there = self.same(key).map_or(0, |at| self.series[at].samples.len());
        self.limits.samples_per_row.saturating_sub(there)
    }

    fn new_row(&mut self, len: usize) -> Result<(), Cap> {
        if self.series.len() + self.events.len() >= self.limits.rows {
            return Err(Cap::Rows);
        }
        self.check(len)?;
        self.encoded_bytes += len;
        Ok(())
    }

    /// The series of this key, if rows are coalesced.
    fn same(&self, key: Key) -> Option<usize> {
        if !self.coalescing {
            return None;
        }
        let hash = self.hasher.hash_one(key);
        let same = |at: &usize| Key::of_series(&self.series[*at]) == key;
        self.by_key.find(hash, same).copied()
    }

    /// Empties it; capacity of the books stays.
    pub(super) fn take(&mut self) -> (Vec<String>, Vec<TimeSeriesMetric>, Vec<EventMetric>) {
        self.bodies.clear();
        self.by_key.clear();
        self.encoded_bytes = 0;
        (
            self.table.take(),
            std::mem::take(&mut self.series),
            std::mem::take(&mut self.events),
        )
    }
}
