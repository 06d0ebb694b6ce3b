//! Merging again, slowly: rows are structs of strings, and nothing is an index before the end.

use std::ops::RangeInclusive;

use media_metrics_core::livekit::Rules;
use media_metrics_core::livekit::batch::MergeCounts;
use media_metrics_core::livekit::messages::{
    EventMetric, MetricSample, MetricsBatch, TimeSeriesMetric, Timestamp,
};
use prost::Message;

/// What a row measures.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Label {
    Number(u32),
    Name(String),
}

/// A series (with samples) or an event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) label: Label,
    /// Identity, track and layer.
    pub(crate) fields: [Option<String>; 3],
    pub(crate) samples: Vec<MetricSample>,
    /// Without its indexes.
    pub(crate) event: Option<EventMetric>,
}

impl Row {
    /// Comparable even if a value is not a number.
    pub(crate) fn text(&self) -> String {
        format!("{self:?}")
    }

    pub(crate) fn is_client_statistic(&self) -> bool {
        matches!(self.label, Label::Number(3..=16))
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) rules: Rules,
    pub(crate) ranges: Vec<RangeInclusive<u32>>,
    pub(crate) identity: String,
    pub(crate) coalescing: bool,
    /// Who sends, and whether it is trusted.
    pub(crate) sender: Option<(String, bool)>,
    pub(crate) rows: Vec<Row>,
}

/// An entry of a table; `Err` if the index leads nowhere.
fn entry(table: &[String], index: u32) -> Result<String, ()> {
    let at = index.checked_sub(4_096).ok_or(())?;
    table.get(at as usize).cloned().ok_or(())
}

fn is_time(seconds: i128, nanos: i128) -> bool {
    let ns = seconds * 1_000_000_000 + nanos;
    ns >= i128::from(i64::MIN) && ns <= i128::from(i64::MAX)
}

fn is_ms(ms: i64) -> bool {
    is_time(0, i128::from(ms) * 1_000_000)
}

fn is_timestamp(time: Option<Timestamp>) -> bool {
    let Some(time) = time else { return true };
    let nanos_are_some = (0..=999_999_999).contains(&time.nanos);
    nanos_are_some && is_time(time.seconds.into(), time.nanos.into())
}

impl Model {
    pub(crate) fn new(rules: Rules, ranges: Vec<RangeInclusive<u32>>, identity: &str) -> Self {
        Self {
            rules,
            ranges,
            identity: identity.to_owned(),
            coalescing: false,
            sender: None,
            rows: Vec::new(),
        }
    }

    fn refuses(&self, label: u32, identity: &str) -> bool {
        let restricted = self.ranges.iter().any(|range| range.contains(&label));
        restricted && identity != self.identity
    }

    pub(crate) fn merge(&mut self, batch: &MetricsBatch) -> MergeCounts {
        let mut counts = MergeCounts::default();
        for row in &batch.time_series {
            let indexes = [row.label, row.participant_identity, row.track_sid, row.rid];
            self.row(
                &batch.str_data,
                indexes,
                row.samples.clone(),
                None,
                &mut counts,
            );
        }
        for event in &batch.events {
            let indexes = [
                event.label,
                event.participant_identity,
                event.track_sid,
                event.rid,
            ];
            let bare = EventMetric {
                label: 0,
                participant_identity: 0,
                track_sid: 0,
                rid: 0,
                ..event.clone()
            };
            self.row(
                &batch.str_data,
                indexes,
                Vec::new(),
                Some(bare),
                &mut counts,
            );
        }
        counts
    }

    fn row(
        &mut self,
        table: &[String],
        indexes: [u32; 4],
        samples: Vec<MetricSample>,
        event: Option<EventMetric>,
        counts: &mut MergeCounts,
    ) {
        let row = match self.rules {
            Rules::Reference => self.by_reference(table, indexes, samples, event, counts),
            Rules::Corrected => self.corrected(table, indexes, samples, event, counts),
        };
        let Some(row) = row else { return };
        counts.rows += 1;
        counts.samples += row.samples.len() as u64;
        let same = |other: &&mut Row| {
            let both_are_series = other.event.is_none() && row.event.is_none();
            both_are_series && other.label == row.label && other.fields == row.fields
        };
        match self.rows.iter_mut().find(same) {
            Some(other) if self.coalescing => other.samples.extend(row.samples),
            _ => self.rows.push(row),
        }
    }

    fn by_reference(
        &self,
        table: &[String],
        [label, identity, track, rid]: [u32; 4],
        samples: Vec<MetricSample>,
        event: Option<EventMetric>,
        counts: &mut MergeCounts,
    ) -> Option<Row> {
        let label = if label < 4_096 {
            if let Ok(identity) = entry(table, identity)
                && self.refuses(label, &identity)
            {
                counts.rows_restricted += 1;
                return None;
            }
            Label::Number(label)
        } else {
            entry(table, label).map_or(Label::Number(0), Label::Name)
        };
        for index in [track, rid] {
            counts.fields_cleared += u64::from(index != 0 && entry(table, index).is_err());
        }
        Some(Row {
            label,
            fields: [identity, track, rid].map(|index| entry(table, index).ok()),
            samples,
            event,
        })
    }

    fn corrected(
        &self,
        table: &[String],
        [label, identity, track, rid]: [u32; 4],
        mut samples: Vec<MetricSample>,
        event: Option<EventMetric>,
        counts: &mut MergeCounts,
    ) -> Option<Row> {
        // M1 and M5: a custom label must be there and have a name.
        let label = if label < 4_096 {
            Label::Number(label)
        } else {
            match entry(table, label) {
                Ok(name) if !name.is_empty() => Label::Name(name),
                _ => {
                    counts.rows_unknown_label += 1;
                    return None;
                }
            }
        };
        // M2 and M5: an identity is none, or it must be there.
        let mut identity = match (identity, entry(table, identity)) {
            (0, _) => String::new(),
            (_, Ok(identity)) => identity,
            (_, Err(())) => {
                counts.rows_unknown_identity += 1;
                return None;
            }
        };
        // M3: the sender's, unless it is trusted; restricted ones are their participant's only.
        if let Some((sender, trusted)) = &self.sender {
            if identity.is_empty() {
                identity.clone_from(sender);
            } else if identity != *sender && !trusted {
                counts.rows_foreign_identity += 1;
                return None;
            }
        }
        if let Label::Number(number) = label
            && self.refuses(number, &identity)
        {
            counts.rows_restricted += 1;
            return None;
        }
        match &event {
            Some(event) => {
                let good = is_ms(event.start_timestamp_ms)
                    && event.end_timestamp_ms.is_none_or(is_ms)
                    && is_timestamp(event.normalized_start_timestamp)
                    && is_timestamp(event.normalized_end_timestamp);
                if !good {
                    counts.rows_bad_time += 1;
                    return None;
                }
            }
            None => {
                let all = samples.len();
                samples.retain(|sample| sample.value.is_finite());
                counts.samples_non_finite += (all - samples.len()) as u64;
                let finite = samples.len();
                samples.retain(|s| is_ms(s.timestamp_ms) && is_timestamp(s.normalized_timestamp));
                counts.samples_bad_time += (finite - samples.len()) as u64;
                if samples.is_empty() {
                    counts.rows_no_samples += 1;
                    return None;
                }
            }
        }
        // M4 and M5: a track or layer that is not there is none.
        for index in [track, rid] {
            counts.fields_cleared += u64::from(index != 0 && entry(table, index).is_err());
        }
        let some = |text: String| (!text.is_empty()).then_some(text);
        Some(Row {
            label,
            fields: [
                some(identity),
                entry(table, track).ok().and_then(some),
                entry(table, rid).ok().and_then(some),
            ],
            samples,
            event,
        })
    }

    /// The whole as one message, if it came of one merge: strings in the order of first use.
    pub(crate) fn message(&self) -> MetricsBatch {
        let mut batch = MetricsBatch::default();
        for row in &self.rows {
            let mut intern = |text: &str| {
                let table = &mut batch.str_data;
                let at = table.iter().position(|t| t == text).unwrap_or_else(|| {
                    table.push(text.to_owned());
                    table.len() - 1
                });
                4_096 + at as u32
            };
            let label = match &row.label {
                Label::Number(number) => *number,
                Label::Name(name) => intern(name),
            };
            let [participant_identity, track_sid, rid] = row
                .fields
                .each_ref()
                .map(|field| field.as_deref().map_or(0, &mut intern));
            match &row.event {
                Some(event) => batch.events.push(EventMetric {
                    label,
                    participant_identity,
                    track_sid,
                    rid,
                    ..event.clone()
                }),
                None => batch.time_series.push(TimeSeriesMetric {
                    label,
                    participant_identity,
                    track_sid,
                    samples: row.samples.clone(),
                    rid,
                }),
            }
        }
        batch
    }
}

/// The rows of a message that must be in order: each index leads somewhere.
pub(crate) fn rows(batch: &MetricsBatch) -> Vec<Row> {
    let mut reader = Model::new(Rules::Reference, Vec::new(), "");
    for row in &batch.time_series {
        assert_resolves(
            batch,
            [row.label, row.participant_identity, row.track_sid, row.rid],
        );
    }
    for event in &batch.events {
        assert_resolves(
            batch,
            [
                event.label,
                event.participant_identity,
                event.track_sid,
                event.rid,
            ],
        );
    }
    reader.merge(batch);
    reader.rows
}

fn assert_resolves(batch: &MetricsBatch, [label, fields @ ..]: [u32; 4]) {
    assert!(label < 4_096 || entry(&batch.str_data, label).is_ok());
    for index in fields {
        assert!(index == 0 || entry(&batch.str_data, index).is_ok());
    }
}

/// Rows as comparable text.
pub(crate) fn texts(rows: &[Row]) -> Vec<String> {
    rows.iter().map(Row::text).collect()
}

/// The same, with each sample on its own: how a series was split or joined does not show.
pub(crate) fn samples_one_by_one(rows: &[Row]) -> Vec<String> {
    let mut all = Vec::new();
    for row in rows {
        if row.samples.len() < 2 {
            all.push(row.text());
            continue;
        }
        for sample in &row.samples {
            let samples = vec![*sample];
            all.push(
                Row {
                    samples,
                    ..row.clone()
                }
                .text(),
            );
        }
    }
    all
}

/// Bytes, which compare even if a value is not a number.
pub(crate) fn bytes(batch: &MetricsBatch) -> Vec<u8> {
    batch.encode_to_vec()
}
