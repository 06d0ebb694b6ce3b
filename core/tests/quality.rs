//! Connection quality: every published vector, the rules beyond them, and what holds for any input.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use media_metrics_core::quality::{Outcome, Quality, Window};

#[path = "quality/properties.rs"]
mod properties;
#[path = "quality/rules.rs"]
mod rules;
#[path = "quality/vectors.rs"]
mod vectors;

/// A window's length, in the vectors and elsewhere.
const LENGTH: Duration = Duration::from_secs(5);

fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

fn scored(outcome: Outcome) -> Quality {
    match outcome {
        Outcome::Scored(quality) => quality,
        Outcome::Skipped(why) => panic!("skipped: {why:?}"),
    }
}

fn clean(packets: u64) -> Window {
    Window {
        duration: LENGTH,
        packets,
        ..Window::default()
    }
}
