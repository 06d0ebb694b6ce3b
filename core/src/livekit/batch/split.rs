//! Rows into messages of a bounded size, each with a string table of its own.
//!
//! Lives here: which row goes where. Not here: bytes (`emit`).

use super::label::FIRST_STRING_INDEX;
use super::rows::{Key, sample_len};
use super::table::field_len;
use crate::livekit::messages::{EventMetric, MetricSample, MetricsBatch, TimeSeriesMetric};
use prost::Message;

/// Fills one message after the other.
///
/// A row goes into the present message if it fits, else into the next. A series too large for a message of
/// its own is split between samples. What can't be split goes alone, however large it is: no row is lost.
pub(super) struct Splitter<'a> {
    /// The strings that the rows' indexes mean.
    strings: &'a [String],
    /// What each message begins with.
    times: MetricsBatch,
    max_bytes: usize,
    /// The message under way, its size and how much fits.
    message: MetricsBatch,
    bytes: usize,
    room: usize,
    /// Strings of the message that this one is put behind; `None` if it stands for itself.
    behind: Option<u32>,
    /// By position of `strings`: the index in the present message, 0 if it has none.
    indexes: Vec<u32>,
    tail: MetricsBatch,
    done: Vec<MetricsBatch>,
}

impl<'a> Splitter<'a> {
    pub(super) fn new(strings: &'a [String], times: MetricsBatch, max_bytes: usize) -> Self {
        Self {
            strings,
            max_bytes,
            message: times.clone(),
            bytes: times.encoded_len(),
            room: max_bytes,
            behind: None,
            indexes: vec![0; strings.len()],
            tail: MetricsBatch::default(),
            done: Vec::new(),
            times,
        }
    }

    /// Lets the first rows, as far as `room` bytes go, continue a message that has `strings` strings.
    pub(super) fn continuing(mut self, strings: u32, room: usize) -> Self {
        self.message = MetricsBatch::default();
        self.bytes = 0;
        self.room = room;
        self.behind = Some(strings);
        self
    }

    /// The rows that continue the other message, and the messages that stand for themselves.
    pub(super) fn finish(mut self) -> (MetricsBatch, Vec<MetricsBatch>) {
        if !self.is_bare() {
            self.close();
        }
        (self.tail, self.done)
    }

    pub(super) fn series(&mut self, row: TimeSeriesMetric) {
        let from = Key::of_series(&row);
        let mut samples = row.samples;
        let mut begin = 0;
        loop {
            let (key, strings) = self.translate(from);
            let rest = &samples[begin..];
            let fitting = fitting(key, rest, self.room.saturating_sub(self.bytes + strings));
            let count = match fitting {
                Some(count) if count == rest.len() => count,
                _ if !self.is_fresh() => {
                    self.close();
                    continue;
                }
                fitting => fitting.unwrap_or(0).max(1).min(rest.len()),
            };
            let whole = begin == 0 && count == samples.len();
            let taken = if whole {
                std::mem::take(&mut samples)
            } else {
                samples[begin..begin + count].to_vec()
            };
            let row = key.series(taken);
            self.commit(from, strings, field_len(row.encoded_len()));
            self.message.time_series.push(row);
            begin += count;
            if whole || begin == samples.len() {
                return;
            }
        }
    }

    pub(super) fn event(&mut self, mut event: EventMetric) {
        let from = Key::of_event(&event);
        loop {
            let (key, strings) = self.translate(from);
            key.set(&mut event);
            let len = field_len(event.encoded_len());
            if self.bytes + strings + len <= self.room || self.is_fresh() {
                self.commit(from, strings, len);
                self.message.events.push(event);
                return;
            }
            self.close();
        }
    }

    /// Whether the message has no rows yet.
    fn is_bare(&self) -> bool {
        self.message.time_series.is_empty() && self.message.events.is_empty()
    }

    /// Whether there could be no message with more room.
    fn is_fresh(&self) -> bool {
        self.is_bare() && self.behind.is_none()
    }

    /// Ends the message and begins one that stands for itself.
    fn close(&mut self) {
        let message = std::mem::replace(&mut self.message, self.times.clone());
        if self.behind.take().is_some() {
            self.tail = message;
        } else {
            self.done.push(message);
        }
        self.bytes = self.times.encoded_len();
        self.room = self.max_bytes;
        self.indexes.fill(0);
    }

    /// The row's indexes in the present message, and the bytes of strings that it would add.
    fn translate(&self, from: Key) -> (Key, usize) {
        let mut new = Vec::new();
        let mut bytes = 0;
        let mut index = |index: u32| {
            let Some(at) = position(index) else {
                return index;
            };
            if self.indexes[at] != 0 {
                return self.indexes[at];
            }
            let nth = new
                .iter()
                .position(|other| *other == at)
                .unwrap_or_else(|| {
                    bytes += field_len(self.strings[at].len());
                    new.push(at);
                    new.len() - 1
                });
            self.next_index() + nth as u32
        };
        let key = Key {
            label: index(from.label),
            identity: index(from.identity),
            track_sid: index(from.track_sid),
            rid: index(from.rid),
        };
        (key, bytes)
    }

    fn next_index(&self) -> u32 {
        FIRST_STRING_INDEX + self.behind.unwrap_or(0) + self.message.str_data.len() as u32
    }

    /// Takes the row's strings into the message and counts its bytes.
    fn commit(&mut self, from: Key, strings: usize, row: usize) {
        for index in [from.label, from.identity, from.track_sid, from.rid] {
            if let Some(at) = position(index)
                && self.indexes[at] == 0
            {
                self.indexes[at] = self.next_index();
                self.message.str_data.push(self.strings[at].clone());
            }
        }
        self.bytes += strings + row;
    }
}

fn position(index: u32) -> Option<usize> {
    index.checked_sub(FIRST_STRING_INDEX).map(|at| at as usize)
}

/// How many of the samples fit into a series of `room` bytes; `None` if not even the series itself does.
fn fitting(key: Key, samples: &[MetricSample], room: usize) -> Option<usize> {
    let mut body = key.encoded_len();
    if field_len(body) > room {
        return None;
    }
    let fits = |sample: &&MetricSample| {
        body += sample_len(sample);
        field_len(body) <= room
    };
    Some(samples.iter().take_while(fits).count())
}
