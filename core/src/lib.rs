//! Metrics for media forwarders: record every packet, lose none, for a few nanoseconds each.
//!
//! # The three steps
//! 1. **Record**, on the hot path. Each thread and each stream owns its cells: one writer a cell, so a
//!    write is a plain load, add, store. [`Counter`], [`Gauge`], [`Histogram`], [`Stream`].
//! 2. **Merge**, on the reporter's thread: every cell is read, streams are folded into label groups, and
//!    one immutable [`Snapshot`] is published. [`Reporter`].
//! 3. **Publish**: sinks and exporters read the latest snapshot; they never touch a hot cell.
//!
//! ```
//! use media_metrics_core::rtp::RtpHeader;
//! use media_metrics_core::{Registry, StreamConfig, catalog};
//!
//! let registry = Registry::new()?;
//! let group = registry.group(&["incoming", "audio"])?;
//! let latency = registry.histogram(&catalog::FORWARD_LATENCY, &[])?;
//! let mut stream = registry.stream(&group, StreamConfig::new(0x1234, 48_000))?;
//!
//! let packet = [0x80, 111, 0, 1, 0, 0, 0, 0, 0, 0, 0x12, 0x34, 1, 2, 3];
//! let arrival_ns = 1_000_000; // your monotonic clock
//! stream.on_rtp(&RtpHeader::parse(&packet)?, arrival_ns);
//! latency.record(25_000); // nanoseconds from arrival to departure
//!
//! drop(stream); // its totals stay in the group
//! let snapshot = registry.collect();
//! assert_eq!(snapshot.counter("media_rtp_packets_total", &["incoming", "audio"]), Some(1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The map
//!
//! | to | look at |
//! |---|---|
//! | count, measure a level, record a distribution | [`Registry`], [`Desc`]; [`Counter`], [`Gauge`], [`Histogram`] and their `local` forms; [`histogram`] |
//! | account RTP that is received | [`rtp`], [`Stream`], [`StreamConfig`] |
//! | account RTP that is sent, and what receivers report of it | [`SendStream`], [`SenderConfig`]; [`rtp::rtcp`] |
//! | merge, and get what was merged | [`Reporter`], [`Sink`], [`Snapshot`]; [`Registry::collect`] in tests |
//! | score what people hear and see | [`Registry::judge`], [`quality`], [`judge`] |
//! | look at single streams | [`Registry::streams`], [`webrtc`], [`worst`], [`exemplar`] |
//! | know every family that there is | [`catalog`] |
//! | keep limits | [`registry::RegistryBuilder`], [`RegisterError`], [`labels`] |
//! | talk to LiveKit's clients and dashboards | `livekit` |
//! | serve the macros of the `metrics` crate | `facade` |
//!
//! `media-metrics-exporter` puts snapshots on the network.
//!
//! # A registry, a reporter, a counter of your own
//!
//! ```
//! use std::time::Duration;
//! use media_metrics_core::{Desc, Registry, Reporter};
//!
//! static JOINS: Desc = Desc::counter("sfu_joins_total", "Participants that joined.").labels(&["sdk"]);
//!
//! let registry = Registry::new()?;
//! let reporter = Reporter::builder(&registry).interval(Duration::from_secs(1)).start()?;
//! let web = registry.counter(&JOINS, &["web"])?; // once; a handle for any thread
//! std::thread::spawn(move || web.inc()).join().ok(); // the thread ends, its count stays
//!
//! let snapshot = reporter.flush(); // merges now, not at the next tick
//! assert_eq!(snapshot.counter("sfu_joins_total", &["web"]), Some(1));
//! reporter.stop(Duration::from_secs(1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//! - `livekit`, on by default: LiveKit's metric subsystem, in the module of that name.
//! - `facade`: a recorder for the `metrics` crate, in the module of that name.
//!
//! # Promises
//! - Recording takes no lock, allocates nothing, makes no system call, and waits for nobody; but a thread's
//!   first record with a registry, and its first into a histogram, make the memory for it.
//! - What was recorded before a merge is in it; totals never go back for any reader.
//! - No panic: what must be dropped is counted.

// A model build is the protocols alone: what only the rest uses is unused there.
#![cfg_attr(media_metrics_loom, allow(dead_code, unused_imports))]
// docs.rs says which feature an item needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(not(media_metrics_loom))]
pub mod catalog;
mod cell;
#[cfg(not(media_metrics_loom))]
mod clock;
#[cfg(not(media_metrics_loom))]
mod counter;
pub mod desc;
pub mod error;
pub mod exemplar;
#[cfg(all(feature = "facade", not(media_metrics_loom)))]
pub mod facade;
/// In a model build: its protocol alone.
#[cfg(media_metrics_loom)]
mod facade {
    pub(crate) mod mark;
}
mod gauge;
pub mod histogram;
mod host;
#[cfg(not(media_metrics_loom))]
pub mod judge;
pub mod labels;
#[cfg(all(feature = "livekit", not(media_metrics_loom)))]
pub mod livekit;
/// In a model build: its protocol alone.
#[cfg(all(feature = "livekit", media_metrics_loom))]
pub mod livekit {
    pub mod messages;
    pub(crate) mod pipeline {
        pub(crate) mod gate;
    }
    pub mod time;
}
#[cfg(all(test, media_metrics_loom))]
mod models;
pub mod quality;
pub mod registry;
#[cfg(not(media_metrics_loom))]
mod reporter;
#[cfg(not(media_metrics_loom))]
mod rhythm;
pub mod rtp;
mod shard;
#[cfg(not(media_metrics_loom))]
pub mod snapshot;
pub mod stream;
mod sync;
mod wall;
#[cfg(not(media_metrics_loom))]
pub mod webrtc;
#[cfg(not(media_metrics_loom))]
pub mod worst;

pub use desc::Desc;
#[cfg(not(media_metrics_loom))]
pub use {
    counter::{Counter, LocalCounter},
    error::{RegisterError, StartError},
    gauge::Gauge,
    histogram::Histogram,
    registry::Registry,
    reporter::{Reporter, ReporterBuilder, Sink, Task, Waker},
    snapshot::Snapshot,
    stream::{SendStream, SenderConfig, Stream, StreamConfig},
};

/// The example of this package's README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
