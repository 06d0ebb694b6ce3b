//! The pipeline with injected time: who gets what, when, and nothing after the end.

#![cfg(feature = "livekit")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

#[path = "livekit_pipeline/books.rs"]
mod books;
#[path = "livekit_pipeline/callbacks.rs"]
mod callbacks;
#[path = "livekit_pipeline/clients.rs"]
mod clients;
#[path = "livekit_pipeline/crowd.rs"]
mod crowd;
#[path = "livekit_pipeline/ending.rs"]
mod ending;
#[path = "livekit_pipeline/host.rs"]
mod host;
#[path = "livekit_pipeline/hostile.rs"]
mod hostile;
#[path = "livekit_pipeline/intake.rs"]
mod intake;
#[path = "livekit_pipeline/model.rs"]
mod model;
#[path = "livekit_pipeline/runs.rs"]
mod runs;
#[path = "livekit_pipeline/timing.rs"]
mod timing;
#[path = "livekit_pipeline/wiring.rs"]
mod wiring;
