//! The reference's configuration keys, with their defaults, as effective values.
//!
//! | room | lives there |
//! |---|---|
//! | `duration` | durations as Go writes and reads them |
//! | `whole` | whole numbers with errors for people |
//! | `pipeline` | `metric.…`: timestamper, collector, reporter |
//! | `node` | `prometheus.…`, `node_stats.…`, and `livekit.…`, which is ours |
//! | `forward` | `rtc.forward_stats.…` |
//!
//! Lives here: names, types, defaults, ranges, what a 0 means. Not here: a file format (each type is serde's: a
//! host puts the sections into a tree of its own), files and flags (the host's).
//!
//! Each section is read straight into the values that hold: keys left out have their defaults, unknown keys and
//! nonsense are errors where they stand, and what is written reads back as the same.

mod duration;
mod forward;
mod node;
mod pipeline;
mod whole;

use std::time::Duration;

use serde::{Deserialize, Deserializer};

pub use duration::{DurationError, format_duration, parse_duration};
pub use forward::{ForwardStatsConfig, RtcConfig};
pub use node::{BasicAuth, LivekitConfig, NodeId, NodeStatsConfig, Password, PrometheusConfig};
pub use pipeline::{CollectorConfig, MetricConfig, ReporterConfig, TimestamperConfig};

/// For `#[serde(deserialize_with = "or_default")]`: a section that is left empty says nothing.
fn or_default<'de, T: Deserialize<'de> + Default, D: Deserializer<'de>>(
    from: D,
) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// Shorter intervals than this are a mistake in the file, or a thread that does nothing else.
const SHORTEST: Duration = Duration::from_millis(1);
