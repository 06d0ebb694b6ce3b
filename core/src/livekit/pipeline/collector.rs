//! What the server measures of one participant: samples, until the batch is due.
//!
//! Lives here: the rows of an interval, what a host may add to them. Not here: when (`schedule`), what becomes
//! of the batch (`participant`).

use std::fmt;

use super::metrics::PipelineMetrics;
use crate::livekit::batch::{
    AddError, Builder, Cap, Limits, MetricLabel, Restriction, Sample, SharedBatch, Subject,
};
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
    /// The row's identity is longer than a participant's may be: the limit is that of
    /// [`SenderLimits::batch`](super::SenderLimits::batch) on strings.
    IdentityTooLong,
    /// The batch has as many rows or bytes, or the row as many samples, as it may have.
    Full,
}

impl SampleError {
    pub(super) const ALL: [Self; 6] = [
        Self::NotFinite,
        Self::Negative,
        Self::NotMeasured,
        Self::NoIdentity,
        Self::IdentityTooLong,
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
            Self::IdentityTooLong => "identity_too_long",
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
            Self::IdentityTooLong => {
                "the row's identity is too long: shorten it, or raise string_bytes"
            }
            Self::Full => "the batch is full: sample fewer participants, or batch more often",
        })
    }
}

impl std::error::Error for SampleError {}

/// Rows until the next batch.
#[derive(Debug)]
pub(super) struct Collector {
    /// Each is the builder's series of the same number.
    rows: Vec<Row>,
    /// Made with the first sample.
    builder: Option<Box<Builder>>,
    limits: Limits,
}

#[derive(Debug)]
struct Row {
    path: RttPath,
    /// `None`: the owner's.
    identity: Option<Box<str>>,
}

impl Collector {
    /// For identities of at most `string_bytes`.
    pub(super) fn new(string_bytes: usize) -> Self {
        Self {
            rows: Vec::new(),
            builder: None,
            limits: Limits {
                rows: ROWS,
                samples_per_row: SAMPLES,
                string_bytes,
                ..Limits::default()
            },
        }
    }

    /// Adds a sample of `identity`'s, who is the `owner` or not.
    fn add(
        &mut self,
        path: RttPath,
        identity: &str,
        owner: &str,
        sample: Sample,
    ) -> Result<(), SampleError> {
        let limits = self.limits;
        // The standard restriction has no effect on round trips.
        let builder = || Box::new(Builder::new(Restriction::none()).with_limits(limits));
        let builder = self.builder.get_or_insert_with(builder);
        let other = (identity != owner).then_some(identity);
        let same = |row: &Row| row.path == path && row.identity.as_deref() == other;
        if let Some(row) = self.rows.iter().position(same) {
            let added = builder.add_samples(row, &[sample]);
            return added.map_err(|_full| SampleError::Full);
        }
        let subject = Subject::of(label(path), identity);
        match builder.add_series(&subject, &[sample]) {
            Ok(_row) => {
                let identity = other.map(Box::from);
                self.rows.push(Row { path, identity });
                Ok(())
            }
            Err(AddError::Full {
                cap: Cap::StringBytes,
                ..
            }) => Err(SampleError::IdentityTooLong),
            Err(_full) => Err(SampleError::Full),
        }
    }

    /// What was sampled since the last time, as a batch of the server's; `None` if nothing was.
    pub(super) fn batch(&mut self) -> Option<SharedBatch> {
        if self.rows.is_empty() {
            return None;
        }
        self.rows.clear();
        self.builder
            .take()
            .map(|builder| SharedBatch::built(*builder))
    }
}

/// All round trips of a batch of the server's.
pub(super) fn round_trips(batch: &SharedBatch) -> impl Iterator<Item = (RttPath, f32)> {
    batch.series().flat_map(|row| {
        let path = PATHS
            .into_iter()
            .find(|path| row.label == label(*path).into());
        let values = row.samples.iter().map(|sample| sample.value);
        path.into_iter()
            .flat_map(move |path| values.clone().map(move |value| (path, value)))
    })
}

const PATHS: [RttPath; 3] = [RttPath::Publisher, RttPath::Mesh, RttPath::Subscriber];

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
    /// [`SampleError`]: not finite, not above 0, no identity or one that is too long, or a full batch.
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
        let sample = Sample::server(self.now, value);
        self.collector.add(path, identity, self.owner, sample)
    }
}
