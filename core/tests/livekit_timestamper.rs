//! Clients' times on the server's clock: every published vector in both columns, the worked examples, each field's
//! edge cases, and the targets that the corrections promise to reach.

#![cfg(feature = "livekit")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::time::Duration;

use media_metrics_core::livekit::Rules;
use media_metrics_core::livekit::config::TimestamperConfig;
use media_metrics_core::livekit::messages::MetricsBatch;
use media_metrics_core::livekit::time::ServerTime;
use media_metrics_core::livekit::timestamper::Timestamper;

#[path = "livekit_timestamper/examples.rs"]
mod examples;
#[path = "livekit_timestamper/rules.rs"]
mod rules;
#[path = "livekit_timestamper/targets.rs"]
mod targets;
#[path = "livekit_timestamper/vectors.rs"]
mod vectors;

const NS_PER_MS: i64 = 1_000_000;

/// A server's time of these tests, on whole milliseconds.
const NOW_MS: i64 = 1_000_000_000;

fn at_ms(ms: i64) -> ServerTime {
    ServerTime::from_ms(ms).unwrap()
}

fn timestamper(rules: Rules) -> Timestamper {
    Timestamper::new(TimestamperConfig::default(), rules)
}

/// The estimator runs on every batch with a time.
fn eager(rules: Rules) -> Timestamper {
    let config = TimestamperConfig {
        min_interval: Duration::ZERO,
        max_batches: 100,
    };
    Timestamper::new(config, rules)
}

fn batch(timestamp_ms: i64) -> MetricsBatch {
    MetricsBatch {
        timestamp_ms,
        ..MetricsBatch::default()
    }
}
