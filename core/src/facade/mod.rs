//! A recorder for the macros of the `metrics` crate: every `counter!`, `gauge!` and `histogram!` of the
//! process lands on this registry's shards.
//!
//! Lives here: what the macros ask for, who it belongs to, and when it is idle. In `names`: what a key is
//! called. In `keys`: keys that are known. In `live`: what a handle does. In `mark`: whether it is used; in
//! `idle`: the end of series that are not. In `options`: what the host says. In `recorder`: registration,
//! descriptions. Not here: exposition.
//!
//! ```
//! use media_metrics_core::{Registry, facade};
//!
//! let registry = Registry::new()?;
//! facade::Recorder::builder(&registry)
//!     .buckets(&[0.01, 0.1, 1.0])
//!     .install()?;
//!
//! metrics::describe_counter!("jobs_total", "Jobs done.");
//! metrics::counter!("jobs_total", "queue" => "mail").increment(3);
//! metrics::histogram!("job_seconds").record(0.1);
//!
//! let snapshot = registry.collect();
//! assert_eq!(snapshot.counter("jobs_total", &["queue", "mail"]), Some(3));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What becomes of a metric
//! - **Name**: as metrics-exporter-prometheus has it: what Prometheus does not allow becomes `_`. One name is
//!   one family, with [open labels](crate::Desc::open_labels): sets of label names may differ from call to call.
//!   Keys that become the same series are one series.
//! - **Labels**: names in alphabetical order; of two equal names the later value counts. Names that Prometheus
//!   keeps for itself get another: `__x` is `_x`, a histogram's `le` is `exported_le`.
//! - **Kind**: the first that a name is used as. Used as another, it is refused, counted, and does nothing; so are
//!   names of families that the library or the host records itself.
//! - **Histogram**: exact at the bounds that [`Builder`] gives it, else at [`DEFAULT_BOUNDS`]. Infinite values, and what
//!   is no number, count in the buckets that metrics-exporter-prometheus counts them in, but not in the sum, which
//!   there is lost from then on.
//! - **Limits**: a series too many goes to `{overflow="true"}` of its family, as does every further one; a name
//!   too many (the 1,025th) is refused. Both are counted.
//! - **Idle**: see [`Builder::idle_timeout`].
//!
//! # Cost
//! A handle that the program keeps: a counter's or gauge's own cost, and a call through a table of functions;
//! neither a lock nor a locked instruction. The macro form looks its key up in a table behind a reader's lock
//! first, and counts a reference up and down.

mod error;
mod idle;
mod keys;
mod live;
mod mark;
mod names;
mod options;
mod recorder;

pub use error::InstallError;
pub use options::{Builder, DEFAULT_BOUNDS, Matcher};
pub use recorder::Recorder;

use crate::registry::Registry;

/// Makes a recorder with the default options the one of the process.
///
/// # Errors
/// There is one already, or the registry has no room for the recorder's own counts.
pub fn install(registry: &Registry) -> Result<Recorder, InstallError> {
    Recorder::builder(registry).install()
}
