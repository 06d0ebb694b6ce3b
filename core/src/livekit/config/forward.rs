//! `rtc.forward_stats.…`: windows of forwarding latency.
//!
//! Lives here: the keys, and when they turn the figures off. Not here: the windows (`reporter`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{SHORTEST, duration, or_default};

/// The section `rtc`, as far as it is about metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RtcConfig {
    /// Windows of forwarding latency.
    #[serde(deserialize_with = "or_default")]
    pub forward_stats: ForwardStatsConfig,
}

/// The section `rtc.forward_stats`. A 0 in any of its keys turns the figures off: they are absent then, not 0.
///
/// The reference has no defaults here, so that they are off unless configured; ours are on. It also has a timer for
/// each of the three; here the figures are made with each merge, so that of `summary` and `report` nothing but
/// whether they are 0 has an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Keys", into = "Keys")]
pub struct ForwardStatsConfig {
    /// Length of one summary: `summary_interval`. Default 100 ms. Without effect unless it is 0: the window moves
    /// with merges.
    pub summary: Duration,
    /// Time between two reports: `report_interval`. Default 1 s. Without effect unless it is 0: each merge reports.
    pub report: Duration,
    /// What a report looks back on: `report_window`. Default 10 s. Its cost does not depend on its length.
    pub window: Duration,
}

impl ForwardStatsConfig {
    /// Whether the figures are kept at all.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        !(self.summary.is_zero() || self.report.is_zero() || self.window.is_zero())
    }
}

impl Default for ForwardStatsConfig {
    fn default() -> Self {
        Self {
            summary: Duration::from_millis(100),
            report: Duration::from_secs(1),
            window: Duration::from_secs(10),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Keys {
    #[serde(with = "duration")]
    summary_interval: Duration,
    #[serde(with = "duration")]
    report_interval: Duration,
    #[serde(with = "duration")]
    report_window: Duration,
}

impl Default for Keys {
    fn default() -> Self {
        ForwardStatsConfig::default().into()
    }
}

impl TryFrom<Keys> for ForwardStatsConfig {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, String> {
        let config = Self {
            summary: keys.summary_interval,
            report: keys.report_interval,
            window: keys.report_window,
        };
        if !config.is_on() {
            return Ok(config);
        }
        if config.summary.min(config.report).min(config.window) < SHORTEST {
            return Err(
                "summary_interval, report_interval and report_window are at least 1ms (a bare integer is nanoseconds): \
                 give more, or 0 to turn the figures off"
                    .to_owned(),
            );
        }
        Ok(config)
    }
}

impl From<ForwardStatsConfig> for Keys {
    fn from(config: ForwardStatsConfig) -> Self {
        Self {
            summary_interval: config.summary,
            report_interval: config.report,
            report_window: config.window,
        }
    }
}
