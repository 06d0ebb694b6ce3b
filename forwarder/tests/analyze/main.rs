//! `media-metrics analyze` against captures whose contents are known.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod damage;
mod detection;
mod formats;
mod lives;
mod outputs;
mod program;
mod truth;
mod writer;
