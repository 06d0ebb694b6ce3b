//! What clients say of themselves, as families `media_client_…`.
//!
//! Lives here: counting a sender's rows. In `label`: what each label means. In `state`: what is remembered of a
//! sender. In `dropped`: why a sample is not counted. Not here: decoding, identities, restrictions, limits on rows (the batch's); whose state is whose (the
//! participant's).
//!
//! Clients report totals since their own start; we count what they grew by. A total that fell has begun anew,
//! and counts whole, as in Prometheus; so does a series' first, since it began at 0 with its sender. Totals are
//! rounded to recorded units, not their differences, so these add up without drift: what is counted between two
//! resets is the last total less the first, to half a recorded unit each.
//!
//! Each sample is counted once, in `media_client_samples_total` or in `media_client_samples_dropped_total`.
//!
//! Not promised: that clients tell the truth. One lie adds at most what `label` lets pass.

mod dropped;
mod label;
mod state;

use std::time::Duration;

use super::batch::{FIRST_STRING_INDEX, MetricLabel};
use super::messages::MetricSample;
use super::time::ServerTime;
use crate::catalog;
use crate::counter::Counter;
use crate::desc::Kind;
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
    /// As on the wire: a number of `MetricLabel`, or from 4096 on any number for a label of the client's own.
    pub label: u32,
    /// The track's SID; empty for none.
    pub track: &'a str,
    /// The layer's RID; empty for none.
    pub rid: &'a str,
    /// The samples, oldest first, with times on the sender's clock.
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
/// let row = ClientRow { label: 3, track: "TR_video", rid: "", samples: &freezes };
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
    Totals(Counter),
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
                max: meaning.max,
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
    /// - **Now**: the server's clock; what tells silent series, when there is no room for another.
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
    /// says of this path is dropped: so nothing is counted twice.
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
            let next = label.recorded(sample.value).and_then(|recorded| {
                let last = state.next(key, sample.timestamp_ms, now)?;
                Ok((recorded, last))
            });
            let (recorded, last) = match next {
                Ok(next) => next,
                Err(reason) => {
                    self.dropped.add(reason, 1);
                    continue;
                }
            };
            label.samples.inc();
            match &label.values {
                Values::Single(histogram) => histogram.record(recorded),
                Values::Totals(_) if shared && sample.value < *last => {}
                Values::Totals(total) => {
                    let fell = sample.value < *last;
                    let before = if fell { 0.0 } else { *last };
                    *last = sample.value;
                    // Rounding keeps order: never below.
                    total.add(recorded.saturating_sub(label.units(before)));
                    self.resets.add(u64::from(fell));
                }
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
        Ok(match desc.kind() {
            Kind::Histogram => Self::Single(registry.histogram(desc, values)?),
            _ => Self::Totals(registry.counter(desc, values)?),
        })
    }
}
