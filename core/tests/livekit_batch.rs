//! Batches: every published vector by both sets of rules, the schema as a protobuf compiler has it, and what
//! holds for any input, hostile input included.
//!
//! `data/livekit/batches.json` holds the vectors, `data/livekit/*.proto` the schema's facts.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

#[path = "livekit_batch/abuse.rs"]
mod abuse;
#[path = "livekit_batch/builder.rs"]
mod builder;
#[path = "livekit_batch/hostile.rs"]
mod hostile;
#[path = "livekit_batch/messages.rs"]
mod messages;
#[path = "livekit_batch/model.rs"]
mod model;
#[path = "livekit_batch/random.rs"]
mod random;
#[path = "livekit_batch/schema.rs"]
mod schema;
#[path = "livekit_batch/vectors.rs"]
mod vectors;
