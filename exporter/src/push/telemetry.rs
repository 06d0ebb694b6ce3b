//! What a push records about itself.
//!
//! Lives here: handles of the push's families in core's catalog, and when they count. Not here: what is exposed of them:
//! they come with the next snapshot, by scrape or by the push itself.

use std::time::SystemTime;

use media_metrics_core::error::RegisterError;
use media_metrics_core::{Counter, Desc, Gauge, Registry, catalog};

use super::client::Failure;

/// Why a request was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    Refused,
    Redirect,
    Superseded,
    Stopped,
    Panic,
}

/// Why a snapshot was never sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsent {
    Full,
    Clock,
    Stopped,
}

/// Why an attempt is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    Failed(Failure),
    Status,
}

/// Handles of one push.
#[derive(Clone, Debug)]
pub(crate) struct Telemetry {
    requests: Counter,
    bytes: Counter,
    samples: Counter,
    samples_failed: Counter,
    failed: [Counter; 5],
    retries: [Counter; 5],
    fallbacks: Counter,
    dropped: [Counter; 3],
    #[cfg_attr(
        not(feature = "remote-write"),
        expect(dead_code, reason = "OTLP forgets none")
    )]
    markers_dropped: Counter,
    queued: Gauge,
    queued_bytes: Gauge,
    last_success: Gauge,
}

impl Telemetry {
    /// The families of the push called `name`, all made now: so the series exist from the start, with 0.
    pub(super) fn new(registry: &Registry, name: &str) -> Result<Self, RegisterError> {
        // Not at the host's expense: a full registry is worth watching, too.
        let registry = registry.for_library();
        let counter = |desc: &Desc| registry.counter(desc, &[name]);
        let gauge = |desc: &Desc| registry.gauge(desc, &[name]);
        let by = |desc: &Desc, reason| registry.counter(desc, &[name, reason]);
        let failed = |reason| by(&catalog::PUSH_FAILED, reason);
        let retries = |reason| by(&catalog::PUSH_RETRIES, reason);
        let dropped = |reason| by(&catalog::PUSH_DROPPED, reason);
        let last_success = gauge(&catalog::PUSH_LAST_SUCCESS)?;
        last_success.clear();
        Ok(Self {
            requests: counter(&catalog::PUSH_REQUESTS)?,
            bytes: counter(&catalog::PUSH_BYTES)?,
            samples: counter(&catalog::PUSH_SAMPLES)?,
            samples_failed: counter(&catalog::PUSH_SAMPLES_FAILED)?,
            failed: [
                failed("refused")?,
                failed("redirect")?,
                failed("superseded")?,
                failed("stopped")?,
                failed("panic")?,
            ],
            retries: [
                retries("connect")?,
                retries("timeout")?,
                retries("tls")?,
                retries("transport")?,
                retries("status")?,
            ],
            fallbacks: counter(&catalog::PUSH_FALLBACKS)?,
            dropped: [dropped("full")?, dropped("clock")?, dropped("stopped")?],
            markers_dropped: counter(&catalog::PUSH_MARKERS_DROPPED)?,
            queued: gauge(&catalog::PUSH_QUEUED)?,
            queued_bytes: gauge(&catalog::PUSH_QUEUED_BYTES)?,
            last_success,
        })
    }

    /// A request was taken, but for `unwritten` of its samples.
    pub(super) fn accepted(&self, bytes: usize, samples: u64, unwritten: u64, now: SystemTime) {
        self.requests.inc();
        self.bytes.add(bytes as u64);
        self.samples.add(samples.saturating_sub(unwritten));
        self.samples_failed.add(unwritten);
        if let Ok(time) = now.duration_since(SystemTime::UNIX_EPOCH) {
            self.last_success.set(time.as_secs_f64());
        }
    }

    /// A request was given up with `unwritten` of its `samples`.
    pub(super) fn gave_up(&self, loss: Loss, samples: u64, unwritten: u64) {
        let [refused, redirect, superseded, stopped, panic] = &self.failed;
        let counter = match loss {
            Loss::Refused => refused,
            Loss::Redirect => redirect,
            Loss::Superseded => superseded,
            Loss::Stopped => stopped,
            Loss::Panic => panic,
        };
        counter.inc();
        self.samples.add(samples.saturating_sub(unwritten));
        self.samples_failed.add(unwritten);
    }

    /// An attempt failed and will be repeated.
    pub(super) fn retried(&self, again: Again) {
        let [connect, timeout, tls, transport, status] = &self.retries;
        let counter = match again {
            Again::Failed(Failure::Connect) => connect,
            Again::Failed(Failure::Timeout) => timeout,
            Again::Failed(Failure::Tls) => tls,
            Again::Failed(Failure::Transport) => transport,
            Again::Status => status,
        };
        counter.inc();
    }

    /// Snapshots will not be sent.
    pub(super) fn dropped(&self, why: Unsent, snapshots: u64) {
        let [full, clock, stopped] = &self.dropped;
        let counter = match why {
            Unsent::Full => full,
            Unsent::Clock => clock,
            Unsent::Stopped => stopped,
        };
        counter.add(snapshots);
    }

    /// The protocol goes on in an older form.
    pub(super) fn fell_back(&self) {
        self.fallbacks.inc();
    }

    /// Series ended, and the receiver will not be told.
    #[cfg(feature = "remote-write")]
    pub(crate) fn markers_dropped(&self, series: u64) {
        self.markers_dropped.add(series);
    }

    /// So much waits.
    pub(super) fn queued(&self, (snapshots, bytes): (usize, usize)) {
        self.queued.set(snapshots as f64);
        self.queued_bytes.set(bytes as f64);
    }
}
