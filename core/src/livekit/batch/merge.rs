//! Whole batches into a builder: strings translated once each, samples judged, caps held.
//!
//! Lives here: the order of a merge and its books. Not here: what indexes mean (`resolve`), how rows are
//! stored (`rows`).

use std::borrow::Cow;

use super::builder::Builder;
use super::counts::MergeCounts;
use super::label::FIRST_STRING_INDEX;
use super::resolve::{Fault, Meaning, Name, Source, resolve};
use super::rows::Key;
use super::shared::{Part, SharedBatch};
use crate::livekit::Rules;
use crate::livekit::messages::{EventMetric, MetricSample, MetricsBatch, Timestamp};
use crate::livekit::time::ServerTime;

/// Memory for translations that a builder keeps from merge to merge, in strings.
const KEPT_TRANSLATION: usize = 1_024;

impl Builder {
    /// Takes over the rows of `batch`, series first, then events; its times are ignored.
    ///
    /// Only strings of rows that are kept are interned. Of a row that doesn't fit below a cap nothing is
    /// kept; of a series with too many samples, the first.
    ///
    /// - **Cost**: each distinct string is looked up once; memory for the table's translation is 4 bytes for
    ///   each string of the source.
    pub fn merge(&mut self, batch: &MetricsBatch) -> MergeCounts {
        let source = Source {
            strings: &batch.str_data,
            sender: None,
        };
        let mut merge = Merge::new(self, source);
        for row in &batch.time_series {
            merge.series(Key::of_series(row), Cow::Borrowed(&row.samples));
        }
        for event in &batch.events {
            merge.event(event);
        }
        merge.finish()
    }

    /// Takes over a part of a shared batch, under this builder's own restriction, as [`Self::merge`] would.
    pub fn merge_shared(&mut self, shared: &SharedBatch, part: Part<'_>) -> MergeCounts {
        let source = Source {
            strings: shared.strings(),
            sender: None,
        };
        let mut merge = Merge::new(self, source);
        for row in shared.series_of(part) {
            merge.series(Key::of_series(row), Cow::Borrowed(&row.samples));
        }
        for event in shared.events_of(part) {
            merge.event(event);
        }
        merge.finish()
    }
}

/// A merge under way.
pub(super) struct Merge<'a> {
    builder: &'a mut Builder,
    source: Source<'a>,
    /// By slot of the source: the index in the builder's table, 0 if it has none yet.
    translation: Vec<u32>,
    counts: MergeCounts,
}

impl<'a> Merge<'a> {
    pub(super) fn new(builder: &'a mut Builder, source: Source<'a>) -> Self {
        let mut translation = std::mem::take(&mut builder.translation);
        translation.resize(source.slots(), 0);
        Self {
            builder,
            source,
            translation,
            counts: MergeCounts::default(),
        }
    }

    pub(super) fn finish(mut self) -> MergeCounts {
        if self.translation.capacity() <= KEPT_TRANSLATION {
            self.translation.clear();
            self.builder.translation = self.translation;
        }
        self.counts
    }

    pub(super) fn series(&mut self, key: Key, samples: Cow<'_, [MetricSample]>) {
        let Some(meaning) = self.meaning(key) else {
            return;
        };
        let samples = match self.builder.rules {
            Rules::Corrected => {
                let good = self.good(samples);
                if good.is_empty() {
                    self.counts.rows_no_samples += 1;
                    return;
                }
                good
            }
            Rules::Reference => samples,
        };
        self.transact(meaning, |merge, key| {
            let rows = &mut merge.builder.rows;
            let given = samples.len();
            let kept = given.min(rows.room(key));
            if kept == 0 && given != 0 {
                return false;
            }
            if rows.merge_series(key, first(samples, kept)).is_err() {
                return false;
            }
            merge.counts.samples += kept as u64;
            merge.counts.samples_over_limit += (given - kept) as u64;
            true
        });
    }

    pub(super) fn event(&mut self, event: &EventMetric) {
        let Some(meaning) = self.meaning(Key::of_event(event)) else {
            return;
        };
        if self.builder.rules == Rules::Corrected && !has_good_times(event) {
            self.counts.rows_bad_time += 1;
            return;
        }
        self.transact(meaning, |merge, key| {
            let rows = &mut merge.builder.rows;
            let text = event.metadata.as_str();
            let metadata = cut(text, rows.limits.metadata_bytes);
            let mut own = EventMetric {
                start_timestamp_ms: event.start_timestamp_ms,
                end_timestamp_ms: event.end_timestamp_ms,
                normalized_start_timestamp: event.normalized_start_timestamp,
                normalized_end_timestamp: event.normalized_end_timestamp,
                metadata: metadata.to_owned(),
                ..EventMetric::default()
            };
            key.set(&mut own);
            if rows.push_event(own).is_err() {
                return false;
            }
            merge.counts.metadata_cut += u64::from(metadata.len() < text.len());
            true
        });
    }

    /// What a row means, or why it is not taken: that is counted.
    fn meaning(&mut self, key: Key) -> Option<Meaning> {
        let Builder {
            rules, restriction, ..
        } = &*self.builder;
        let counts = &mut self.counts;
        match resolve(key, &self.source, *rules, restriction) {
            Ok(meaning) => return Some(meaning),
            Err(Fault::Restricted) => counts.rows_restricted += 1,
            Err(Fault::UnknownLabel) => counts.rows_unknown_label += 1,
            Err(Fault::UnknownIdentity) => counts.rows_unknown_identity += 1,
            Err(Fault::ForeignIdentity) => counts.rows_foreign_identity += 1,
        }
        None
    }

    /// Interns a row's strings, in the order of the wire's rules, and stores the row, or leaves the builder
    /// as it was. `store` says whether there was room.
    fn transact(&mut self, meaning: Meaning, store: impl FnOnce(&mut Self, Key) -> bool) {
        let label = match meaning.label {
            Name::Number(_) => None,
            Name::Slot(slot) => Some(slot),
        };
        let [identity, track_sid, rid] = meaning.fields;
        let slots = [label, identity, track_sid, rid];
        let limit = self.builder.rows.limits.string_bytes;
        if slots
            .into_iter()
            .flatten()
            .any(|slot| self.source.text(slot).len() > limit)
        {
            self.counts.rows_string_too_long += 1;
            return;
        }
        let before = self.builder.rows.table.len();
        let [label, identity, track_sid, rid] =
            slots.map(|slot| slot.map_or(0, |slot| self.translated(slot)));
        let label = match meaning.label {
            Name::Number(number) => number,
            Name::Slot(_) => label,
        };
        let key = Key {
            label,
            identity,
            track_sid,
            rid,
        };
        if store(self, key) {
            self.counts.rows += 1;
            self.counts.fields_cleared += meaning.cleared;
            return;
        }
        self.counts.rows_over_limit += 1;
        self.builder.rows.table.truncate(before);
        for slot in slots.into_iter().flatten() {
            let index = &mut self.translation[slot];
            if *index as usize >= FIRST_STRING_INDEX as usize + before {
                *index = 0;
            }
        }
    }

    fn translated(&mut self, slot: usize) -> u32 {
        let index = &mut self.translation[slot];
        if *index == 0 {
            *index = self.builder.rows.table.intern(self.source.text(slot));
        }
        *index
    }

    /// Without samples that are no finite number or have a time that is none.
    fn good<'s>(&mut self, samples: Cow<'s, [MetricSample]>) -> Cow<'s, [MetricSample]> {
        if samples
            .iter()
            .all(|s| s.value.is_finite() && has_good_time(s))
        {
            return samples;
        }
        let mut samples = samples.into_owned();
        samples.retain(|sample| {
            if !sample.value.is_finite() {
                self.counts.samples_non_finite += 1;
                false
            } else if !has_good_time(sample) {
                self.counts.samples_bad_time += 1;
                false
            } else {
                true
            }
        });
        Cow::Owned(samples)
    }
}

fn first(samples: Cow<'_, [MetricSample]>, count: usize) -> Cow<'_, [MetricSample]> {
    match samples {
        Cow::Borrowed(samples) => Cow::Borrowed(&samples[..count]),
        Cow::Owned(mut samples) => {
            samples.truncate(count);
            Cow::Owned(samples)
        }
    }
}

/// The longest beginning of at most `limit` bytes that cuts no character.
fn cut(text: &str, limit: usize) -> &str {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn has_good_time(sample: &MetricSample) -> bool {
    is_ms(sample.timestamp_ms) && sample.normalized_timestamp.is_none_or(is_timestamp)
}

fn has_good_times(event: &EventMetric) -> bool {
    is_ms(event.start_timestamp_ms)
        && event.end_timestamp_ms.is_none_or(is_ms)
        && event.normalized_start_timestamp.is_none_or(is_timestamp)
        && event.normalized_end_timestamp.is_none_or(is_timestamp)
}

fn is_ms(ms: i64) -> bool {
    ServerTime::from_ms(ms).is_some()
}

fn is_timestamp(t: Timestamp) -> bool {
    let ns = i128::from(t.seconds) * 1_000_000_000 + i128::from(t.nanos);
    (0..1_000_000_000).contains(&t.nanos) && i64::try_from(ns).is_ok()
}
