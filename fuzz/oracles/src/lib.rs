//! What each fuzz target holds: the code of the project against models too slow to ship and readers of others.
//!
//! Lives here: one module a target, with `pub fn target(data: &[u8])`, which panics if anything is not as it should
//! be; `input`, bytes as choices; `models`, what the crates' own tests have already. Not here: libFuzzer (`fuzz/`,
//! which a nightly compiler builds), the corpus (`fuzz/corpus`), how it is replayed (`tests/replay.rs`).
//!
//! A target is a function of its bytes: no clock that matters, no random numbers, nothing left from the input before.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "an oracle says what is wrong by stopping"
)]

pub mod batches;
pub mod captures;
pub mod clocks;
pub mod configurations;
pub mod histograms;
mod input;
mod models;
pub mod pages;
pub mod pushes;
pub mod requests;
pub mod rtcp;
pub mod rtp;
pub mod scores;
pub mod seeds;
pub mod senders;
pub mod streams;

/// A target: its name, which is that of its corpus and of its file in `fuzz_targets`, and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("batches", batches::target),
    ("captures", captures::target),
    ("clocks", clocks::target),
    ("configurations", configurations::target),
    ("histograms", histograms::target),
    ("pages", pages::target),
    ("pushes", pushes::target),
    ("requests", requests::target),
    ("rtcp", rtcp::target),
    ("rtp", rtp::target),
    ("scores", scores::target),
    ("senders", senders::target),
    ("streams", streams::target),
];
