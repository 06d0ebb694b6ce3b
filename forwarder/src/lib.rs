//! The parts of the program `media-metrics`: an instrumented RTP forwarder.
//!
//! A library so that tests, benchmarks and fuzzing can take the parts one by one, those that are public; `main.rs` adds only
//! the terminal. From the outside in:
//!
//! | module | what lives there |
//! |---|---|
//! | [`cli`], [`config`] | what the user wants |
//! | [`forward`], `summary` | starting, stopping, telling what happened |
//! | [`worker`] | the forwarding loop, one thread each |
//! | [`net`], `clock` | the operating system |
//! | `subscribers`, [`inbox`] | who gets what, and workers' letters to each other |
//! | [`meter`], [`flows`] | what is measured, stream by stream |
//! | `livekit` | which event is which of LiveKit's |
//! | [`payload`], `rtcp` | what packets mean |
//! | [`analyze`] | what captures say of the streams in them |
//! | [`generate`] | dashboards, rules and the metric reference, made from the catalog |
//! | [`dumps`] | the flight recorder to disk, on a signal |
//! | [`synthetic`] | built-in publishers and subscriber |
//!
//! Invariant: a packet's way (`worker`, `net`, `meter`, `flows`) has no lock, no allocation once warm,
//! and no text.

#![deny(unsafe_code)] // but for one question to the kernel: `net::socket::dropped`

pub mod analyze;
pub mod cli;
mod clock;
pub mod config;
pub mod dumps;
pub mod flows;
pub mod forward;
pub mod generate;
pub mod inbox;
mod livekit;
pub mod meter;
pub mod net;
pub mod payload;
mod rtcp;
mod subscribers;
mod summary;
pub mod synthetic;
pub mod worker;
