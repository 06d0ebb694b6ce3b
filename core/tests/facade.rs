//! The recorder for the `metrics` crate: what its macros record is in the snapshots, and nothing else is.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod facade {
    mod hostile;
    mod idle;
    mod limits;
    mod names;
    mod values;
}

use std::sync::Arc;

use media_metrics_core::Registry;
use media_metrics_core::facade::Recorder;
use media_metrics_core::snapshot::Snapshot;

/// A registry, and a recorder with the default options on it.
fn facade() -> (Registry, Recorder) {
    let registry = Registry::new().unwrap();
    let recorder = Recorder::builder(&registry).build().unwrap();
    (registry, recorder)
}

/// What `record` records through the macros.
fn recorded(record: impl FnOnce()) -> Arc<Snapshot> {
    let (registry, recorder) = facade();
    metrics::with_local_recorder(&recorder, record);
    registry.collect()
}

/// How often something was refused for this reason.
fn refused(snapshot: &Snapshot, reason: &str) -> u64 {
    let refused = snapshot.counter("media_metrics_facade_refused_total", &[reason]);
    refused.unwrap()
}
