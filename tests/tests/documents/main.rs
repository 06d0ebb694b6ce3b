//! What people read, and what services read for them, is held to its word.
//!
//! | module | what lives there |
//! |---|---|
//! | `markdown` | documents, taken apart: links, anchors, blocks of code, words |
//! | `links` | links lead somewhere |
//! | `names` | names of families are in the catalog |
//! | `examples` | configuration in the guide is read by what it is for |
//! | `commands` | command lines are those that the programs take |
//! | `packages` | what would be published is complete, and nothing else |
//! | `promises` | beside each promise stands what fails when it breaks |
//! | `workflows` | workflows and forms for issues, by their schemas; they call this project's commands |
//!
//! Rust in documents is compiled and run as the exporter's documentation tests, PromQL is taken apart by the forwarder's
//! `lint`.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod commands;
mod examples;
mod links;
mod markdown;
mod names;
mod packages;
mod promises;
mod workflows;
