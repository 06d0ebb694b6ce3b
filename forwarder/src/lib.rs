//! The parts of the program `media-metrics`: an instrumented RTP forwarder.
//!
//! A library so that tests and benchmarks can take the parts one by one; `main.rs` adds only the
//! terminal. From the outside in:
//!
//! | module | what lives there |
//! |---|---|
//! | [`cli`], [`config`] | what the user wants |
//! | [`forward`], [`summary`] | starting, stopping, telling what happened |
//! | [`worker`] | the forwarding loop, one thread each |
//! | [`net`], [`clock`] | the operating system |
//! | [`subscribers`], [`inbox`] | who gets what, and workers' letters to each other |
//! | [`meter`], [`flows`] | what is measured, stream by stream |
//! | [`livekit`] | which event is which of LiveKit's |
//! | [`payload`], [`rtcp`] | what packets mean |
//! | [`analyze`] | what captures say of the streams in them |
//! | [`synthetic`] | built-in publishers and subscriber |
//!
//! Invariant: a packet's way (`worker`, `net`, `meter`, `flows`) has no lock, no allocation once warm,
//! and no text.

#![forbid(unsafe_code)]

pub mod analyze;
pub mod cli;
pub mod clock;
pub mod config;
pub mod dumps;
pub mod flows;
pub mod forward;
pub mod inbox;
pub mod livekit;
pub mod meter;
pub mod net;
pub mod payload;
pub mod rtcp;
pub mod subscribers;
pub mod summary;
pub mod synthetic;
pub mod worker;
