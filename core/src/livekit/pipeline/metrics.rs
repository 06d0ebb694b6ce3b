//! The pipeline's own families.
//!
//! Lives here: handles, one for each series. Not here: what is counted when.

use crate::catalog;
use crate::clock::nanoseconds;
use crate::counter::Counter;
use crate::desc::Desc;
use crate::error::RegisterError;
use crate::gauge::Gauge;
use crate::histogram::Histogram;
use crate::livekit::batch::MergeCounts;
use crate::livekit::client::ClientMetrics;
use crate::livekit::time::ServerTime;
use crate::livekit::timestamper::Normalised;
use crate::registry::Registry;

use super::collector::SampleError;
use super::intake::Rejected;
use super::log::Refused;
use super::provider::SendError;

/// What the label `callback` calls the host's methods.
pub(super) const COLLECT: &str = "collect";
pub(super) const SEND: &str = "send";
pub(super) const AUDIENCE: &str = "audience";
pub(super) const DROP: &str = "drop";
pub(super) const WAKE: &str = "wake";

/// What the label `tick` calls what is due.
pub(super) const SAMPLE: &str = "sample";
pub(super) const BATCH: &str = "batch";
pub(super) const REPORT: &str = "report";

#[derive(Debug)]
pub(super) struct PipelineMetrics {
    pub(super) accepted: Counter,
    pub(super) accepted_bytes: Counter,
    pub(super) rejected: Reasons,
    pub(super) rows: Counter,
    pub(super) rows_dropped: Reasons,
    pub(super) rows_mended: Reasons,
    pub(super) samples: Counter,
    pub(super) samples_dropped: Reasons,
    pub(super) clock_steps: Counter,
    clock_times_rejected: Counter,
    unmapped: Counter,
    pub(super) client: ClientMetrics,

    pub(super) participants: Gauge,
    pub(super) rooms: Gauge,
    pub(super) samples_collected: Counter,
    pub(super) samples_refused: Reasons,
    pub(super) batches_collected: Counter,
    pub(super) batches_dropped: Reasons,
    pub(super) deliveries: Counter,
    pub(super) packets: Counter,
    pub(super) packet_bytes: Counter,
    pub(super) packets_failed: Reasons,
    pub(super) messages_split: Counter,
    pub(super) report_rows_dropped: Counter,
    pub(super) report_samples_dropped: Counter,
    pub(super) callback_seconds: Vec<(&'static str, Histogram)>,
    pub(super) panics: Reasons,
    pub(super) ticks_missed: Reasons,
    pub(super) late: Histogram,
}

impl PipelineMetrics {
    /// Finds or makes all series.
    pub(super) fn register(registry: &Registry) -> Result<Self, RegisterError> {
        let registry = &registry.for_library();
        let counter = |desc| registry.counter(desc, &[]);
        let counts = MergeCounts::default();
        let rows = counts.rows_by_reason().map(|(reason, _)| reason);
        let samples = counts.samples_by_reason().map(|(reason, _)| reason);
        let mut callback_seconds = Vec::new();
        for callback in [COLLECT, SEND] {
            let histogram = registry.histogram(&catalog::PIPELINE_CALLBACK, &[callback])?;
            callback_seconds.push((callback, histogram));
        }
        Ok(Self {
            accepted: counter(&catalog::CLIENT_BATCHES)?,
            accepted_bytes: counter(&catalog::CLIENT_BATCH_BYTES)?,
            rejected: Reasons::register(
                registry,
                &catalog::CLIENT_BATCHES_REJECTED,
                Rejected::REASONS,
            )?,
            rows: counter(&catalog::CLIENT_BATCH_ROWS)?,
            rows_dropped: Reasons::register(registry, &catalog::CLIENT_BATCH_ROWS_DROPPED, rows)?,
            rows_mended: Reasons::register(
                registry,
                &catalog::CLIENT_BATCH_ROWS_MENDED,
                [FIELDS_CLEARED, METADATA_CUT],
            )?,
            samples: counter(&catalog::CLIENT_BATCH_SAMPLES)?,
            samples_dropped: Reasons::register(
                registry,
                &catalog::CLIENT_BATCH_SAMPLES_DROPPED,
                samples,
            )?,
            clock_steps: counter(&catalog::CLIENT_CLOCK_STEPS)?,
            clock_times_rejected: counter(&catalog::CLIENT_CLOCK_TIMES_REJECTED)?,
            unmapped: counter(&catalog::CLIENT_BATCHES_UNMAPPED)?,
            client: ClientMetrics::register(registry)?,
            participants: registry.gauge(&catalog::PIPELINE_PARTICIPANTS, &[])?,
            rooms: registry.gauge(&catalog::PIPELINE_ROOMS, &[])?,
            samples_collected: counter(&catalog::PIPELINE_SAMPLES)?,
            samples_refused: Reasons::register(
                registry,
                &catalog::PIPELINE_SAMPLES_REFUSED,
                SampleError::ALL.map(SampleError::reason),
            )?,
            batches_collected: counter(&catalog::PIPELINE_BATCHES)?,
            batches_dropped: Reasons::register(
                registry,
                &catalog::PIPELINE_BATCHES_DROPPED,
                Refused::ALL.map(Refused::reason),
            )?,
            deliveries: counter(&catalog::PIPELINE_DELIVERIES)?,
            packets: counter(&catalog::PIPELINE_PACKETS)?,
            packet_bytes: counter(&catalog::PIPELINE_PACKET_BYTES)?,
            packets_failed: Reasons::register(
                registry,
                &catalog::PIPELINE_PACKETS_FAILED,
                SendError::ALL
                    .map(SendError::reason)
                    .into_iter()
                    .chain([PANICKED, LEAVING]),
            )?,
            messages_split: counter(&catalog::PIPELINE_MESSAGES_SPLIT)?,
            report_rows_dropped: counter(&catalog::PIPELINE_REPORT_ROWS_DROPPED)?,
            report_samples_dropped: counter(&catalog::PIPELINE_REPORT_SAMPLES_DROPPED)?,
            callback_seconds,
            panics: Reasons::register(
                registry,
                &catalog::PIPELINE_PANICS,
                [COLLECT, SEND, AUDIENCE, DROP, WAKE],
            )?,
            ticks_missed: Reasons::register(
                registry,
                &catalog::PIPELINE_TICKS_MISSED,
                [SAMPLE, BATCH, REPORT],
            )?,
            late: registry.histogram(&catalog::PIPELINE_LATE, &[])?,
        })
    }

    /// What became of the times of a client's batch.
    pub(super) fn mapped(&self, mapped: &Normalised) {
        self.clock_times_rejected.add(mapped.rejected_time.into());
        self.unmapped.add(mapped.offset_ns.is_none().into());
    }

    /// What became of the rows of a client's batch.
    pub(super) fn taken_in(&self, counts: &MergeCounts) {
        self.rows.add(counts.rows);
        self.samples.add(counts.samples);
        self.rows_dropped.add_all(counts.rows_by_reason());
        self.samples_dropped.add_all(counts.samples_by_reason());
        self.rows_mended.add(FIELDS_CLEARED, counts.fields_cleared);
        self.rows_mended.add(METADATA_CUT, counts.metadata_cut);
    }

    /// A callback took from `start` to `end`.
    pub(super) fn called(&self, callback: &'static str, start: ServerTime, end: ServerTime) {
        let of = |(name, _): &&(&'static str, Histogram)| *name == callback;
        if let Some((_, histogram)) = self.callback_seconds.iter().find(of) {
            histogram.record(nanoseconds(end.since(start)));
        }
    }
}

/// What the label `reason` calls a callback that panicked instead of sending.
pub(super) const PANICKED: &str = "panicked";

/// And packets beyond what waits for one who is leaving.
pub(super) const LEAVING: &str = "leaving";

const FIELDS_CLEARED: &str = "unknown_track_or_rid";
const METADATA_CUT: &str = "metadata_cut";

/// A counter for each value of a family's one label.
#[derive(Debug)]
pub(super) struct Reasons(Vec<(&'static str, Counter)>);

impl Reasons {
    fn register(
        registry: &Registry,
        desc: &Desc,
        values: impl IntoIterator<Item = &'static str>,
    ) -> Result<Self, RegisterError> {
        let counter = |value| Ok((value, registry.counter(desc, &[value])?));
        values
            .into_iter()
            .map(counter)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Adds to the one of `value`, which was registered.
    pub(super) fn add(&self, value: &'static str, n: u64) {
        if n == 0 {
            return;
        }
        let there = self.0.iter().find(|(name, _)| *name == value);
        debug_assert!(there.is_some(), "{value} is not registered");
        if let Some((_, counter)) = there {
            counter.add(n);
        }
    }

    fn add_all(&self, counts: impl IntoIterator<Item = (&'static str, u64)>) {
        for (value, n) in counts {
            self.add(value, n);
        }
    }
}
