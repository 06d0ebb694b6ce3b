//! A batch that is being built, row by row.
//!
//! Lives here: the operations of a host that measures by itself. Not here: merging others' batches
//! (`merge`), messages (`emit`).

use prost::Message;

use super::error::{AddError, AddSamplesError, Cap};
use super::label::Label;
use super::limits::Limits;
use super::restriction::Restriction;
use super::rows::{Key, Rows};
use crate::livekit::Rules;
use crate::livekit::messages::{EventMetric, MetricSample, MetricsBatch, Timestamp};
use crate::livekit::time::ServerTime;

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject<'a> {
    /// What is measured.
    pub label: Label<'a>,
    /// Whose it is; empty for nobody's.
    pub identity: &'a str,
    /// The SID of the track; empty for none.
    pub track_sid: &'a str,
    /// The layer; empty for none.
    pub rid: &'a str,
}

impl<'a> Subject<'a> {
    /// A measure of one participant, of no track in particular.
    pub fn of(label: impl Into<Label<'a>>, identity: &'a str) -> Self {
        Self {
            label: label.into(),
            identity,
            track_sid: "",
            rid: "",
        }
    }
}

/// One number at one moment. A moment that is unset or out of range can't be expressed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// The moment on the sender's clock; written in whole milliseconds, rounded down.
    pub at: ServerTime,
    /// The same moment on the server's clock; written with its nanoseconds.
    pub normalized: ServerTime,
    /// The number, in its label's unit; finite.
    pub value: f32,
}

impl Sample {
    /// A sample that the server itself takes: both clocks are its own.
    #[must_use]
    pub const fn server(at: ServerTime, value: f32) -> Self {
        Self {
            at,
            normalized: at,
            value,
        }
    }

    fn message(self) -> MetricSample {
        MetricSample {
            timestamp_ms: self.at.ms(),
            normalized_timestamp: Some(self.normalized.timestamp()),
            value: self.value,
        }
    }
}

/// Something that happened. What is not given is not written: an end of 0 is an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Its beginning on the sender's clock; written in whole milliseconds, rounded down.
    pub start: ServerTime,
    /// The same moment on the server's clock.
    pub normalized_start: ServerTime,
    /// Its end on the sender's clock.
    pub end: Option<ServerTime>,
    /// Its end on the server's clock.
    pub normalized_end: Option<ServerTime>,
    /// Free text.
    pub metadata: &'a str,
}

/// A batch that is being built.
///
/// - **Cost**: a row is one allocation and one more for each new string; nothing is shared with what it was
///   made from.
/// - **Bounds**: [`Limits`]. Beyond them adding is an error and merging counts.
/// - **Errors** leave it as it was.
#[derive(Clone, Debug)]
pub struct Builder {
    pub(super) restriction: Restriction,
    pub(super) rules: Rules,
    pub(super) timestamp_ms: i64,
    pub(super) normalized_timestamp: Option<Timestamp>,
    pub(super) rows: Rows,
    /// Where the strings of the source of a merge are in our table; kept for its memory.
    pub(super) translation: Vec<u32>,
}

impl Builder {
    /// An empty batch under a restriction, by the corrected rules and default limits.
    #[must_use]
    pub fn new(restriction: Restriction) -> Self {
        Self {
            restriction,
            rules: Rules::default(),
            timestamp_ms: 0,
            normalized_timestamp: None,
            rows: Rows::default(),
            translation: Vec::new(),
        }
    }

    /// By other rules of merging.
    #[must_use]
    pub fn with_rules(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    /// With other caps. Rows that are in already stay.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.rows.limits = limits;
        self
    }

    /// From now on, merged series with the same label, identity, track and layer become one, their samples
    /// in the order of arrival. Off by default, as in the reference. Events are never joined.
    #[must_use]
    pub fn coalescing(mut self) -> Self {
        self.rows.coalescing = true;
        self
    }

    /// Under which restriction it stands.
    #[must_use]
    pub fn restriction(&self) -> &Restriction {
        &self.restriction
    }

    /// Sets both times of the batch: the moment of sending on the sender's clock and on the server's.
    pub fn set_time(&mut self, at: ServerTime, normalized: ServerTime) {
        self.timestamp_ms = at.ms();
        self.normalized_timestamp = Some(normalized.timestamp());
    }

    /// Adds a series with its first samples, or with none yet; its index, for [`Self::add_samples`].
    ///
    /// Indexes count from 0 and start over when the builder is emptied. Adding never coalesces.
    ///
    /// # Errors
    /// The label is invalid, or restricted to another participant; a sample is not finite; a cap is reached.
    pub fn add_series(
        &mut self,
        subject: &Subject<'_>,
        samples: &[Sample],
    ) -> Result<usize, AddError> {
        self.allow(subject)?;
        if let Some(sample) = samples.iter().position(|s| !s.value.is_finite()) {
            return Err(AddError::NonFinite { sample });
        }
        let samples: Vec<_> = samples.iter().map(|s| s.message()).collect();
        self.transact(subject, |rows, key| rows.push_series(key, samples))
    }

    /// Appends samples to the series of this index, in order. No samples are no error.
    ///
    /// # Errors
    /// There is no such series; a sample is not finite; a cap is reached.
    pub fn add_samples(&mut self, index: usize, samples: &[Sample]) -> Result<(), AddSamplesError> {
        let series = self.rows.series.len();
        if index >= series {
            return Err(AddSamplesError::InvalidIndex { index, series });
        }
        if let Some(sample) = samples.iter().position(|s| !s.value.is_finite()) {
            return Err(AddSamplesError::NonFinite { sample });
        }
        let samples: Vec<_> = samples.iter().map(|s| s.message()).collect();
        self.rows.extend(index, &samples).map_err(|cap| {
            let limit = self.rows.limit(cap);
            AddSamplesError::Full { cap, limit }
        })
    }

    /// Adds an event.
    ///
    /// # Errors
    /// The label is invalid, or restricted to another participant; a cap is reached.
    pub fn add_event(&mut self, subject: &Subject<'_>, event: &Event<'_>) -> Result<(), AddError> {
        self.allow(subject)?;
        if event.metadata.len() > self.rows.limits.metadata_bytes {
            return Err(self.full(Cap::MetadataBytes));
        }
        self.transact(subject, |rows, key| {
            let mut message = EventMetric {
                start_timestamp_ms: event.start.ms(),
                end_timestamp_ms: event.end.map(ServerTime::ms),
                normalized_start_timestamp: Some(event.normalized_start.timestamp()),
                normalized_end_timestamp: event.normalized_end.map(ServerTime::timestamp),
                metadata: event.metadata.to_owned(),
                ..EventMetric::default()
            };
            key.set(&mut message);
            rows.push_event(message)
        })
    }

    /// Whether there is neither a series nor an event. Times and strings do not count; a series without
    /// samples does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many series and events there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.series.len() + self.rows.events.len()
    }

    /// Bytes of [`Self::to_batch`] encoded; kept up to date, not computed.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        self.times_len() + self.rows.encoded_bytes()
    }

    /// The batch as built so far, as one message of whatever size: a copy, which later changes don't reach.
    #[must_use]
    pub fn to_batch(&self) -> MetricsBatch {
        MetricsBatch {
            str_data: self.rows.table.strings().to_vec(),
            time_series: self.rows.series.clone(),
            events: self.rows.events.clone(),
            ..self.times()
        }
    }

    /// A message with nothing but the times.
    pub(super) fn times(&self) -> MetricsBatch {
        MetricsBatch {
            timestamp_ms: self.timestamp_ms,
            normalized_timestamp: self.normalized_timestamp,
            ..MetricsBatch::default()
        }
    }

    pub(super) fn times_len(&self) -> usize {
        self.times().encoded_len()
    }

    /// The rules of labels, in the reference's order.
    fn allow(&self, subject: &Subject<'_>) -> Result<(), AddError> {
        match subject.label {
            Label::Custom("") => Err(AddError::InvalidLabel { number: None }),
            Label::Custom(_) => Ok(()),
            Label::Number(n) => match subject.label.number() {
                None => Err(AddError::InvalidLabel { number: Some(n) }),
                Some(number) if self.restriction.refuses(number, subject.identity) => {
                    Err(AddError::FilteredLabel { number })
                }
                Some(_) => Ok(()),
            },
        }
    }

    /// Interns the subject's strings and stores a row of them, or leaves everything as it was.
    fn transact<T>(
        &mut self,
        subject: &Subject<'_>,
        store: impl FnOnce(&mut Rows, Key) -> Result<T, Cap>,
    ) -> Result<T, AddError> {
        let name = match subject.label {
            Label::Custom(name) => name,
            Label::Number(_) => "",
        };
        let texts = [name, subject.identity, subject.track_sid, subject.rid];
        let limit = self.rows.limits.string_bytes;
        if texts.iter().any(|text| text.len() > limit) {
            return Err(self.full(Cap::StringBytes));
        }
        let table = &mut self.rows.table;
        let before = table.len();
        let [name, identity, track_sid, rid] = texts.map(|text| match text {
            "" => 0,
            text => table.intern(text),
        });
        let label = match subject.label {
            Label::Custom(_) => name,
            Label::Number(number) => number.unsigned_abs(),
        };
        let key = Key {
            label,
            identity,
            track_sid,
            rid,
        };
        store(&mut self.rows, key).map_err(|cap| {
            self.rows.table.truncate(before);
            self.full(cap)
        })
    }

    fn full(&self, cap: Cap) -> AddError {
        let limit = self.rows.limit(cap);
        AddError::Full { cap, limit }
    }
}
