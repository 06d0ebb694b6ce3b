//! From sender times to server times: which fields of a batch are written, and how.
//!
//! Lives here: one pass over a batch. Not here: the offset (`estimator`), the order of batches (C9, in
//! [`super::Timestamper`]).
//!
//! | field | `Corrected` | `Reference` |
//! |---|---|---|
//! | any, before an offset is known | unset | mapped with 0 |
//! | sample's time, event's beginning | mapped | mapped |
//! | event's end, present and not 0 | mapped | mapped |
//! | event's end, present and 0 | mapped: a time like any other | left as received |
//! | event's end, absent | its normalised field is cleared | left as received |
//! | off the clock's range | the row is dropped and counted | wraps |

use super::{NS_PER_MS, Normalised};
use crate::livekit::Rules;
use crate::livekit::messages::{EventMetric, MetricsBatch, TimeSeriesMetric};
use crate::livekit::time::ServerTime;

/// A time that is no 64 bits of nanoseconds, on the sender's clock or on ours, or of no clock at all.
#[derive(Clone, Copy, Debug)]
pub(super) struct OffRange;

/// How times are mapped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mapping {
    rules: Rules,
    offset_ns: Option<i64>,
}

impl Mapping {
    pub(super) const fn new(rules: Rules, offset_ns: Option<i64>) -> Self {
        Self { rules, offset_ns }
    }

    /// A sender's time on our clock; `None` while nothing is known about the sender's clock.
    pub(super) fn at(&self, sender_ms: i64) -> Result<Option<ServerTime>, OffRange> {
        let offset_ns = self.offset_ns.unwrap_or(0);
        let ns = match self.rules {
            Rules::Corrected => {
                let sender_ns = sender_ms.checked_mul(NS_PER_MS);
                sender_ns
                    .and_then(|ns| ns.checked_add(offset_ns))
                    .ok_or(OffRange)?
            }
            Rules::Reference => sender_ms.wrapping_mul(NS_PER_MS).wrapping_add(offset_ns),
        };
        Ok(self.offset_ns.map(|_| ServerTime::from_ns(ns)))
    }

    /// Writes the times of all rows, and takes out those that have none.
    pub(super) fn rows(&self, batch: &mut MetricsBatch, done: &mut Normalised) {
        batch.time_series.retain_mut(|series| {
            let dropped = self.samples(series);
            let empty = dropped > 0 && series.samples.is_empty();
            done.dropped_samples += dropped as u64;
            done.dropped_series += u64::from(empty);
            !empty
        });
        let events = batch.events.len();
        batch.events.retain_mut(|event| self.event(event).is_ok());
        done.dropped_events = (events - batch.events.len()) as u64;
    }

    /// How many samples were dropped.
    fn samples(&self, series: &mut TimeSeriesMetric) -> usize {
        let samples = series.samples.len();
        series
            .samples
            .retain_mut(|sample| match self.at(sample.timestamp_ms) {
                Ok(at) => {
                    sample.normalized_timestamp = at.map(ServerTime::timestamp);
                    true
                }
                Err(OffRange) => false,
            });
        samples - series.samples.len()
    }

    fn event(&self, event: &mut EventMetric) -> Result<(), OffRange> {
        let start = self.at(event.start_timestamp_ms)?;
        event.normalized_start_timestamp = start.map(ServerTime::timestamp);
        let end = match self.rules {
            Rules::Corrected => event.end_timestamp_ms,
            Rules::Reference => match event.end_timestamp_ms {
                None | Some(0) => return Ok(()),
                end => end,
            },
        };
        let end = end.map_or(Ok(None), |ms| self.at(ms))?;
        event.normalized_end_timestamp = end.map(ServerTime::timestamp);
        Ok(())
    }
}
