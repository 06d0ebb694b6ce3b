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
//! # Promises
//! - Recording takes no lock, allocates nothing, makes no system call, and waits for nobody; but a thread's
//!   first record with a registry, and its first into a histogram, make the memory for it.
//! - What was recorded before a merge is in it; totals never go back for any reader.
//! - No panic: what must be dropped is counted.

// A model build is the protocols alone: what only the rest uses is unused there.
#![cfg_attr(media_metrics_loom, allow(dead_code, unused_imports))]

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
#[cfg(not(media_metrics_loom))]
mod gauge;
pub mod histogram;
#[cfg(not(media_metrics_loom))]
pub mod judge;
pub mod labels;
#[cfg(all(feature = "livekit", not(media_metrics_loom)))]
pub mod livekit;
#[cfg(all(test, media_metrics_loom))]
mod models;
pub mod quality;
pub mod registry;
#[cfg(not(media_metrics_loom))]
mod reporter;
pub mod rtp;
mod shard;
#[cfg(not(media_metrics_loom))]
pub mod snapshot;
pub mod stream;
mod sync;
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
