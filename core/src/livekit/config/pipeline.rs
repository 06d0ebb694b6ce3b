//! `metric.…`: the timestamper, the collector and the reporter of each participant.
//!
//! Lives here: their keys. Not here: what they do with them.

use std::time::Duration;

use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer, Serialize};

use super::whole::whole;
use super::{duration, or_default};

/// The section `metric`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricConfig {
    /// How clients' clocks are followed.
    #[serde(deserialize_with = "or_default")]
    pub timestamper_config: TimestamperConfig,
    /// How often the server measures.
    #[serde(deserialize_with = "or_default")]
    pub collector: CollectorConfig,
    /// How often a client is told what others reported.
    #[serde(deserialize_with = "or_default")]
    pub reporter: ReporterConfig,
}

/// The section `metric.timestamper_config`: when the one-way-delay estimator runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimestamperConfig {
    /// A batch this long after the last run runs it again. 0: every batch does. Default 5 s.
    #[serde(rename = "one_way_delay_estimator_min_interval", with = "duration")]
    pub min_interval: Duration,
    /// So does this many batches, the one that ran it included. 0 or less: every batch does. Default 100.
    #[serde(
        rename = "one_way_delay_estimator_max_batch",
        deserialize_with = "batches"
    )]
    pub max_batches: i64,
}

impl Default for TimestamperConfig {
    fn default() -> Self {
        Self {
            min_interval: Duration::from_secs(5),
            max_batches: 100,
        }
    }
}

/// The section `metric.collector`. In files: whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "CollectorKeys", into = "CollectorKeys")]
pub struct CollectorConfig {
    /// Time between two samples: `sampling_interval_ms`. Default, and what a 0 means: 3 s.
    pub sampling: Duration,
    /// Time between two batches: `batch_interval_ms`. Default, and what a 0 means: 10 s. A shorter one than
    /// `sampling` is read as `sampling`. (The reference reads a 0 as `sampling`, too: 3 s, a fault that is mended
    /// here, so that a 0 is the default of every key.)
    pub batch: Duration,
}

impl Default for CollectorConfig {
    fn default() -> Self {
        CollectorKeys::default().into()
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct CollectorKeys {
    sampling_interval_ms: Milliseconds,
    batch_interval_ms: Milliseconds,
}

impl From<CollectorKeys> for CollectorConfig {
    fn from(keys: CollectorKeys) -> Self {
        let sampling = keys.sampling_interval_ms.or(3_000);
        let batch = keys.batch_interval_ms.or(10_000);
        Self {
            sampling,
            batch: batch.max(sampling),
        }
    }
}

impl From<CollectorConfig> for CollectorKeys {
    fn from(config: CollectorConfig) -> Self {
        Self {
            sampling_interval_ms: Milliseconds::nearest(config.sampling),
            batch_interval_ms: Milliseconds::nearest(config.batch),
        }
    }
}

/// The section `metric.reporter`. In files: whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "ReporterKeys", into = "ReporterKeys")]
pub struct ReporterConfig {
    /// Time between two packets to a client: `reporting_interval_ms`. Default, and what a 0 means: 10 s.
    pub interval: Duration,
}

impl Default for ReporterConfig {
    fn default() -> Self {
        ReporterKeys::default().into()
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ReporterKeys {
    reporting_interval_ms: Milliseconds,
}

impl From<ReporterKeys> for ReporterConfig {
    fn from(keys: ReporterKeys) -> Self {
        Self {
            interval: keys.reporting_interval_ms.or(10_000),
        }
    }
}

impl From<ReporterConfig> for ReporterKeys {
    fn from(config: ReporterConfig) -> Self {
        Self {
            reporting_interval_ms: Milliseconds::nearest(config.interval),
        }
    }
}

/// A span of 32 bits of milliseconds; 0 stands for the key's default.
#[derive(Clone, Copy, Default, Serialize)]
struct Milliseconds(u32);

impl Milliseconds {
    fn or(self, default_ms: u32) -> Duration {
        let ms = if self.0 == 0 { default_ms } else { self.0 };
        Duration::from_millis(ms.into())
    }

    /// At least 1: what is read back is never the default instead.
    fn nearest(duration: Duration) -> Self {
        Self(u32::try_from(duration.as_millis()).map_or(u32::MAX, |ms| ms.max(1)))
    }
}

impl<'de> Deserialize<'de> for Milliseconds {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let expected = "milliseconds from 1 to 4294967295 without a unit, or 0 for the default";
        let ms = whole(from, expected)?;
        let ms =
            u32::try_from(ms).map_err(|_| Error::invalid_value(Unexpected::Signed(ms), &expected));
        ms.map(Self)
    }
}

fn batches<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    whole(from, "a number of batches, for example 100")
}
