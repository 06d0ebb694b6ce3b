//! A builder's rows as messages: whole, split, or behind a message that is encoded already.

use prost::Message;

use super::builder::Builder;
use super::split::Splitter;
use crate::livekit::messages::{EventMetric, MetricsBatch, TimeSeriesMetric};

/// A data channel's message of 64 KiB less what a `DataPacket` adds around a batch.
pub const DEFAULT_MESSAGE_BYTES: usize = (64 << 10) - 1_024;

/// A batch as bytes, which can be shared and continued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedBatch {
    bytes: Vec<u8>,
    strings: u32,
}

impl EncodedBatch {
    /// The message's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn of(message: &MetricsBatch) -> Self {
        Self {
            bytes: message.encode_to_vec(),
            strings: message.str_data.len() as u32,
        }
    }
}

/// Rows behind a message, and what found no room there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Behind {
    /// To be put behind the bytes of the message that was given; empty if nothing fits there.
    pub tail: Vec<u8>,
    /// Messages of their own.
    pub more: Vec<EncodedBatch>,
}

impl Builder {
    /// Everything built so far as messages of at most `max_bytes`, and the builder is empty again: no rows,
    /// strings or times; restriction, rules and caps stay. Without rows there is no message.
    ///
    /// Each message stands for itself: it has both times and the strings of its rows. A series that is too
    /// large for one message is split between its samples. A single sample or event that is still too large,
    /// with its strings, gets a message beyond `max_bytes`: with the default [`super::Limits`] that takes a
    /// `max_bytes` below 6,300.
    pub fn finish(&mut self, max_bytes: usize) -> Vec<MetricsBatch> {
        if self.is_empty() {
            self.clear();
            return Vec::new();
        }
        if self.encoded_len() <= max_bytes {
            let times = self.times();
            let (str_data, time_series, events) = self.clear();
            return vec![MetricsBatch {
                str_data,
                time_series,
                events,
                ..times
            }];
        }
        self.split(max_bytes, None).1
    }

    /// [`Self::finish`], encoded.
    pub fn encode(&mut self, max_bytes: usize) -> Vec<EncodedBatch> {
        let messages = self.finish(max_bytes);
        messages.iter().map(EncodedBatch::of).collect()
    }

    /// Everything built so far as the continuation of a message: protobuf messages that are put one behind
    /// the other are one message, with the rows of both. The builder is empty again, as after
    /// [`Self::finish`].
    ///
    /// The continuation has no times: those of `common` hold. It is at most `max_bytes` less the length of
    /// `common`; rows that find no room there come as messages of their own.
    pub fn encode_behind(&mut self, common: &EncodedBatch, max_bytes: usize) -> Behind {
        let room = max_bytes.saturating_sub(common.bytes.len());
        let (tail, more) = self.split(max_bytes, Some((common.strings, room)));
        Behind {
            tail: tail.encode_to_vec(),
            more: more.iter().map(EncodedBatch::of).collect(),
        }
    }

    fn split(
        &mut self,
        max_bytes: usize,
        behind: Option<(u32, usize)>,
    ) -> (MetricsBatch, Vec<MetricsBatch>) {
        let times = self.times();
        let (strings, series, events) = self.clear();
        let mut splitter = Splitter::new(&strings, times, max_bytes);
        if let Some((common, room)) = behind {
            splitter = splitter.continuing(common, room);
        }
        for row in series {
            splitter.series(row);
        }
        for event in events {
            splitter.event(event);
        }
        splitter.finish()
    }

    fn clear(&mut self) -> (Vec<String>, Vec<TimeSeriesMetric>, Vec<EventMetric>) {
        self.timestamp_ms = 0;
        self.normalized_timestamp = None;
        self.rows.take()
    }
}
