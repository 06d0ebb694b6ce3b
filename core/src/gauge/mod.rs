//! Gauges: levels that go up and down.
//!
//! Lives here: the public handle. In `level`: what `set` writes, and how it and `add` live together. Not here: registry
//! internals, merging.

#[cfg(not(media_metrics_loom))]
mod handle;
pub(crate) mod level;

#[cfg(not(media_metrics_loom))]
pub use handle::Gauge;
#[cfg(not(media_metrics_loom))]
pub(crate) use level::Level;
