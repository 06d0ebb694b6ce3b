//! What the server measures of one participant: samples, until the batch is due.
//!
//! Lives here: the rows of an interval, what a host may add to them. Not here: when (`schedule`), what becomes
//! of the batch (`participant`).

use std::fmt;

use super::metrics::PipelineMetrics;
use crate::livekit::batch::{Builder, MetricLabel, Restriction, Sample, SharedBatch, Subject};
use crate::livekit::client::RttPath;
use crate::livekit::time::ServerTime;

/// Rows of a batch, and samples of a row: far beyond what a host has reason to add.
const ROWS: usize = 512;
const SAMPLES: usize = 1_024;

/// Why a sample was not taken. It is also counted, by reason, so a host may ignore it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SampleError {
    /// Infinite or not a number.
    NotFinite,
    /// A round trip below 0 s.
    Negative,
    /// A round trip of 0 s: what a transport says before its first measurement. Call when there is one.
    NotMeasured,
    /// A row for a participant needs its identity.
    NoIdentity,
    /// The batch has as many rows, or the row as many samples, as it may have.
    Full,
}

impl SampleError {
    pub(super) const ALL: [Self; 5] = [
        Self::NotFinite,
        Self::Negative,
        Self::NotMeasured,
        Self::NoIdentity,
        Self::Full,
    ];

    /// The value that the label `reason` has for it.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotFinite => "non_finite",
            Self::Negative => "negative",
            Self::NotMeasured => "not_measured",
            Self::NoIdentity => "no_identity",
            Self::Full => "over_limit",
        }
    }
}

impl fmt::Display for SampleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFinite => "the round trip is not a finite number: leave it out",
            Self::Negative => "the round trip is below 0 s: check the clocks it is made of",
            Self::NotMeasured => "the round trip is 0 s: leave it out until it is measured",
            Self::NoIdentity => "the row's identity is empty: give the participant's",
            Self::Full => "the batch is full: sample fewer participants, or raise the limits",
        })
    }
}

impl std::error::Error for SampleError {}

/// Rows until the next batch.
#[derive(Debug, Default)]
pub(super) struct Collector {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    path: RttPath,
    /// `None`: the owner's.
    identity: Option<Box<str>>,
    samples: Vec<Sample>,
}

impl Collector {
    /// All round trips since the last batch.
    pub(super) fn round_trips(&self) -> impl Iterator<Item = (RttPath, f32)> {
        self.rows.iter().flat_map(|row| {
            let values = row.samples.iter().map(|sample| sample.value);
            values.map(|value| (row.path, value))
        })
    }

    /// What was sampled since the last time, as a batch of the server's; `None` if nothing was.
    pub(super) fn batch(&mut self, owner: &str, metrics: &PipelineMetrics) -> Option<SharedBatch> {
        if self.rows.is_empty() {
            return None;
        }
        // The standard restriction has no effect on round trips.
        let mut builder = Builder::new(Restriction::none());
        for row in self.rows.drain(..) {
            let identity = row.identity.as_deref().unwrap_or(owner);
            let subject = Subject::of(label(row.path), identity);
            if builder.add_series(&subject, &row.samples).is_err() {
                // All but the caps was checked when the samples came.
                let lost = row.samples.len() as u64;
                metrics
                    .samples_refused
                    .add(SampleError::Full.reason(), lost);
            }
        }
        Some(SharedBatch::built(builder))
    }
}

const fn label(path: RttPath) -> MetricLabel {
    match path {
        RttPath::Publisher => MetricLabel::PublisherRtt,
        RttPath::Mesh => MetricLabel::ServerMeshRtt,
        RttPath::Subscriber => MetricLabel::SubscriberRtt,
    }
}

/// Takes what a host measured: the argument of [`Provider::collect`](super::Provider::collect).
///
/// Round trips are in seconds and become binary32, as they are on the wire. All samples of one call have the
/// same time: that of the run.
#[derive(Debug)]
pub struct Samples<'a> {
    pub(super) collector: &'a mut Collector,
    pub(super) owner: &'a str,
    pub(super) now: ServerTime,
    pub(super) metrics: &'a PipelineMetrics,
}

impl Samples<'_> {
    /// Now, on the server's clock: the time that these samples get.
    #[must_use]
    pub const fn now(&self) -> ServerTime {
        self.now
    }

    /// Round trip between the publisher `identity` and this server, in **seconds** (label 17,
    /// `PUBLISHER_RTT`).
    ///
    /// # Errors
    /// [`SampleError`]: not finite, not above 0, no identity, or a full batch.
    pub fn publisher_rtt(&mut self, identity: &str, seconds: f32) -> Result<(), SampleError> {
        self.add(RttPath::Publisher, identity, seconds)
    }

    /// Round trip between this server and the participant as a subscriber, in **seconds** (label 19,
    /// `SUBSCRIBER_RTT`).
    ///
    /// # Errors
    /// [`SampleError`]: not finite, not above 0, or a full batch.
    pub fn subscriber_rtt(&mut self, seconds: f32) -> Result<(), SampleError> {
        self.add(RttPath::Subscriber, self.owner, seconds)
    }

    /// Round trip between the server of the publisher `identity` and this one, in **seconds** (label 18,
    /// `SERVER_MESH_RTT`).
    ///
    /// # Errors
    /// As for [`publisher_rtt`](Self::publisher_rtt).
    pub fn relay_rtt(&mut self, identity: &str, seconds: f32) -> Result<(), SampleError> {
        self.add(RttPath::Mesh, identity, seconds)
    }

    fn add(&mut self, path: RttPath, identity: &str, value: f32) -> Result<(), SampleError> {
        let result = self.try_add(path, identity, value);
        match result {
            Ok(()) => self.metrics.samples_collected.inc(),
            Err(error) => self.metrics.samples_refused.add(error.reason(), 1),
        }
        result
    }

    fn try_add(&mut self, path: RttPath, identity: &str, value: f32) -> Result<(), SampleError> {
        if !value.is_finite() {
            return Err(SampleError::NotFinite);
        }
        if value < 0.0 {
            return Err(SampleError::Negative);
        }
        if value == 0.0 {
            return Err(SampleError::NotMeasured);
        }
        if identity.is_empty() {
            return Err(SampleError::NoIdentity);
        }
        let other = (identity != self.owner).then_some(identity);
        let sample = Sample::server(self.now, value);
        let rows = &mut self.collector.rows;
        let same = |row: &&mut Row| row.path == path && row.identity.as_deref() == other;
        if let Some(row) = rows.iter_mut().find(same) {
            if row.samples.len() >= SAMPLES {
                return Err(SampleError::Full);
            }
            row.samples.push(sample);
            return Ok(());
        }
        if rows.len() >= ROWS {
            return Err(SampleError::Full);
        }
        rows.push(Row {
            path,
            identity: other.map(Box::from),
            samples: vec![sample],
        });
        Ok(())
    }
}
