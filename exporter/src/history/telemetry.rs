//! What the flight recorder says of itself.
//!
//! Lives here: handles of its families in core's catalog, and what they are set to. Not here: what is kept (`ring`,
//! `recorder`).

use media_metrics_core::{Counter, Gauge, RegisterError, Registry, catalog};

use super::recorder::Recorder;
use super::ring::Ring;

/// Handles of the recorder's families.
#[derive(Debug)]
pub(super) struct Telemetry {
    frames: Gauge,
    series: Gauge,
    snapshot: Gauge,
    intervals: Gauge,
    span: Gauge,
    unfollowed: Gauge,
    dropped: Counter,
    written: Counter,
    failed: Counter,
}

impl Telemetry {
    /// All families, made now: so their series exist from the start, with 0.
    pub(super) fn new(registry: &Registry) -> Result<Self, RegisterError> {
        // Not at the host's expense.
        let registry = registry.for_library();
        let bytes = |part| registry.gauge(&catalog::HISTORY_BYTES, &[part]);
        let dumps = |result| registry.counter(&catalog::HISTORY_DUMPS, &[result]);
        Ok(Self {
            frames: bytes("intervals")?,
            series: bytes("series")?,
            snapshot: bytes("last_merge")?,
            intervals: registry.gauge(&catalog::HISTORY_INTERVALS, &[])?,
            span: registry.gauge(&catalog::HISTORY_SPAN, &[])?,
            unfollowed: registry.gauge(&catalog::HISTORY_UNFOLLOWED, &[])?,
            dropped: registry.counter(&catalog::HISTORY_DROPPED, &[])?,
            written: dumps("written")?,
            failed: dumps("failed")?,
        })
    }

    /// What is kept now.
    pub(super) fn tell(&self, ring: &mut Ring, recorder: &Recorder) {
        let (intervals, span) = ring.extent();
        self.frames.set(ring.frame_bytes() as f64);
        self.series.set(ring.series_bytes() as f64);
        self.snapshot.set(recorder.snapshot_bytes() as f64);
        self.intervals.set(intervals as f64);
        self.span.set(span.as_secs_f64());
        self.unfollowed.set(recorder.unfollowed() as f64);
        self.dropped.add(ring.take_dropped());
    }

    /// A dump was written, or was not.
    pub(super) fn dumped(&self, written: bool) {
        match written {
            true => self.written.inc(),
            false => self.failed.inc(),
        }
    }
}
