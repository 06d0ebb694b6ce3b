//! What clients say of themselves, as families `media_client_…`.
//!
//! Lives here: counting a sender's rows. In `label`: what each label means. In `state`: what is remembered of a
//! sender. In `credit`: how much totals may grow by. In `dropped`: why a sample is not counted. Not here: decoding,
//! identities, restrictions, limits on rows (the batch's); whose state is whose (the participant's).
//!
//! Clients report totals since their own start; we count what they grew by. A total that fell has begun anew,
//! and counts whole, as in Prometheus; so does a series' first, since it began at 0 with its sender. Totals are
//! rounded to recorded units, not their differences, so these add up without drift: what is counted between two
//! resets is the last total less the first, to half a recorded unit each.
//!
//! Each sample is counted once, in `media_client_samples_total` or in `media_client_samples_dropped_total`.
//!
//! Not promised: that clients tell the truth. But their totals can't grow faster than the server's time allows, in
//! units of the largest rate that a label's total can have:
//!
//! | values | largest | largest rate |
//! |---|---|---|
//! | counts of events | 2^30 | 1,000 a second |
//! | durations | 2^27 s | 1 second a second |
//! | audio samples, emitted samples and frames | 2^42 | 384,000 a second (two channels at 192 kHz) |
//! | jitter-buffer delay | 2^40 s | 1,920,000 seconds a second (192 kHz, each for 10 s) |
//! | latencies, round trips | 600 s, 60 s | no totals |
//!
//! - A series' first total counts up to 24 hours of that rate; a larger one is dropped, and the series goes on from
//!   there.
//! - After that it grows at most by the server's time since then, a tenth more, and 60 s.
//! - It begins anew at most six times at once, and then once in 10 s.
//! - All series of a sender together grow at most as 128 series do: by 128 times the passed time and a tenth more,
//!   saved up for at most three hours. So **one client adds at most 141 times the label's rate to a counter in a
//!   second**, and at once 384 hours of that rate: of the fastest, the jitter-buffer delay, which a counter holds
//!   in milliseconds, it would take two years to carry the counter to its end at 2^64.
//!
//! What is beyond is dropped as out of range.

mod credit;
mod dropped;
mod label;
mod state;

use std::time::Duration;

use super::batch::{FIRST_STRING_INDEX, MetricLabel};
use super::messages::MetricSample;
use super::time::ServerTime;
use crate::catalog;
use crate::counter::Counter;
use crate::error::RegisterError;
use crate::histogram::Histogram;
use crate::registry::Registry;
use dropped::{Dropped, Reason};
use label::{Meaning, is_quality_limitation, meaning};

pub use label::RttPath;
pub use state::{ClientState, MAX_SERIES, SILENT_S};

/// One series of a sender's batch.
#[derive(Clone, Copy, Debug)]
pub struct ClientRow<'a> {
    /// Whose it is: the sender's identity, or of a sender that speaks for others, theirs; empty for nobody's.
    pub identity: &'a str,
    /// As on the wire: a number of `MetricLabel`, or from 4096 on any number for a label of the client's own.
    pub label: u32,
    /// The track's SID; empty for none.
    pub track: &'a str,
    /// The layer's RID; empty for none.
    pub rid: &'a str,
    /// The samples, oldest first, with times on the sender's clock; and on the server's, as far as that is known:
    /// by it a wrong time is told from a late sample.
    pub samples: &'a [MetricSample],
}

/// The families of what clients say. Cheap to clone; one serves all senders and threads.
///
/// ```
/// use media_metrics_core::Registry;
/// use media_metrics_core::livekit::client::{ClientMetrics, ClientRow, ClientState};
/// use media_metrics_core::livekit::messages::MetricSample;
/// use media_metrics_core::livekit::time::ServerTime;
///
/// let registry = Registry::new()?;
/// let metrics = ClientMetrics::register(&registry)?;
/// let mut alice = ClientState::new();
/// let sample = |timestamp_ms, value| MetricSample { timestamp_ms, value, ..Default::default() };
/// let freezes = [sample(1_000, 2.0), sample(2_000, 5.0)];
/// let row = ClientRow { identity: "alice", label: 3, track: "TR_video", rid: "", samples: &freezes };
/// metrics.observe(&mut alice, ServerTime::from_ns(0), [row]);
/// assert_eq!(registry.collect().counter("media_client_freezes_total", &[]), Some(5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClientMetrics {
    /// By number of the label.
    labels: Vec<LabelMetrics>,
    unassigned: Counter,
    custom: Counter,
    resets: Counter,
    dropped: Dropped,
}

/// What is recorded for one label.
#[derive(Clone, Debug)]
struct LabelMetrics {
    label: MetricLabel,
    values: Values,
    samples: Counter,
    /// Recorded units in one unit of the label.
    per_unit: f64,
    /// Largest value that is believed.
    max: f32,
}

#[derive(Clone, Debug)]
enum Values {
    /// Each is a total so far.
    Totals {
        counter: Counter,
        /// Most that one can grow by.
        per_second: f64,
    },
    /// Each stands for itself.
    Single(Histogram),
}

impl ClientMetrics {
    /// Registers the families, in the registry's reserve: 48 series.
    ///
    /// # Errors
    /// The reserve is full, or a name is taken by a family of another kind.
    pub fn register(registry: &Registry) -> Result<Self, RegisterError> {
        let registry = &registry.for_library();
        let samples = |label: &str| registry.counter(&catalog::CLIENT_SAMPLES, &[label]);
        let register = |label: MetricLabel| {
            let meaning = meaning(label);
            Ok(LabelMetrics {
                label,
                values: Values::register(registry, &meaning)?,
                samples: samples(&label.name().to_ascii_lowercase())?,
                per_unit: meaning.desc.recorded_per_unit(),
                max: meaning.range.max,
            })
        };
        let labels = MetricLabel::ALL.into_iter().map(register);
        Ok(Self {
            labels: labels.collect::<Result<_, _>>()?,
            unassigned: samples("unassigned")?,
            custom: samples("custom")?,
            resets: registry.counter(&catalog::CLIENT_RESETS, &[])?,
            dropped: Dropped::register(registry)?,
        })
    }

    /// Counts the rows of one batch that `state`'s sender sent, and that were found good.
    ///
    /// - **Now**: the server's clock; what tells wrong times, silent series, and how much totals may have grown.
    /// - **Cost**: a hash for each row, a binary search among the sender's series for each sample; allocates for
    ///   new series only.
    /// - **Errors, panics**: none; what is not counted is counted as dropped, by reason.
    pub fn observe<'a>(
        &self,
        state: &mut ClientState,
        now: ServerTime,
        rows: impl IntoIterator<Item = ClientRow<'a>>,
    ) {
        for row in rows {
            let samples = row.samples.len() as u64;
            match self.labels.get(row.label as usize) {
                Some(label) if is_measured(state, label.label) => {
                    self.dropped.add(Reason::MeasuredHere, samples);
                }
                Some(label) => self.count(label, state, now, &row),
                None if row.label < FIRST_STRING_INDEX => self.unassigned.add(samples),
                None => self.custom.add(samples),
            }
        }
    }

    /// Counts a round trip of `state`'s participant that the server measured.
    ///
    /// Call it once for each measurement, whoever is told of it. From the first one on, what the client itself
    /// says of this path is dropped: so nothing is counted twice. One beyond 60 s is dropped as out of range.
    pub fn observe_rtt(&self, state: &mut ClientState, path: RttPath, rtt: Duration) {
        state.measure(path);
        let Some(label) = self.labels.get(path.label().number() as usize) else {
            return;
        };
        match (&label.values, label.recorded(rtt.as_secs_f32())) {
            (Values::Single(histogram), Ok(recorded)) => {
                histogram.record(recorded);
                label.samples.inc();
            }
            _ => self.dropped.add(Reason::OutOfRange, 1),
        }
    }

    fn count(
        &self,
        label: &LabelMetrics,
        state: &mut ClientState,
        now: ServerTime,
        row: &ClientRow<'_>,
    ) {
        let key = state.key(row);
        // Of a publisher that names no track (Swift's SDK) several may share the series. If each took turns to
        // reset it, all would be counted again and again; so the largest counts.
        let shared = row.track.is_empty() && is_quality_limitation(label.label);
        for sample in row.samples {
            let taken = label.recorded(sample.value).and_then(|recorded| {
                let next = state.next(key, sample, now)?;
                match &label.values {
                    Values::Single(histogram) => histogram.record(recorded),
                    Values::Totals { .. } if shared && sample.value < next.last() => {}
                    Values::Totals {
                        counter,
                        per_second,
                    } => {
                        let growth = next.grow(sample.value, *per_second)?;
                        // Rounding keeps order: never below.
                        counter.add(recorded.saturating_sub(label.units(growth.from)));
                        self.resets.add(u64::from(growth.is_reset));
                    }
                }
                Ok(())
            });
            match taken {
                Ok(()) => label.samples.inc(),
                Err(reason) => self.dropped.add(reason, 1),
            }
        }
    }
}

fn is_measured(state: &ClientState, label: MetricLabel) -> bool {
    RttPath::of(label).is_some_and(|path| state.is_measured(path))
}

impl LabelMetrics {
    /// A value in whole recorded units, the nearest, if it is believed.
    fn recorded(&self, value: f32) -> Result<u64, Reason> {
        if (0.0..=self.max).contains(&value) {
            Ok(self.units(value))
        } else {
            Err(Reason::OutOfRange) // NaN, too
        }
    }

    fn units(&self, value: f32) -> u64 {
        // The nearest, as of what is not negative; `round` would be a call.
        (f64::from(value) * self.per_unit + 0.5) as u64
    }
}

impl Values {
    fn register(registry: &Registry, meaning: &Meaning) -> Result<Self, RegisterError> {
        let (desc, values) = (meaning.desc, meaning.values);
        Ok(match meaning.range.per_second {
            None => Self::Single(registry.histogram(desc, values)?),
            Some(per_second) => Self::Totals {
                counter: registry.counter(desc, values)?,
                per_second,
            },
        })
    }
}
