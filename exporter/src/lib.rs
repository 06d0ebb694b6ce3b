//! From snapshots to whoever wants them: Prometheus' formats over HTTP.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let registry = media_metrics_core::Registry::new()?;
//! let server = media_metrics_exporter::Server::builder(registry.clone()).bind("127.0.0.1:9464").start()?;
//! println!("metrics on http://{}/metrics", server.local_addr());
//! # Ok(())
//! # }
//! ```
//!
//! Three rooms, each with one neighbour: [`text`], [`openmetrics`] and [`protobuf`] turn a snapshot into bytes and
//! know nothing else; `encode` keeps one encoding of each snapshot and format for all who ask; `http` answers
//! requests.
//!
//! Invariant: nothing here sees an atomic of the recording side. A scrape reads the latest published
//! snapshot, so a slow or hostile scraper can't slow a packet.

#![forbid(unsafe_code)]

#[cfg(feature = "api")]
mod api;
#[cfg(feature = "bridge")]
pub mod bridge;
mod compress;
mod encode;
mod error;
mod format;
#[cfg(feature = "history")]
pub mod history;
mod http;
mod info;
#[cfg(feature = "otlp")]
pub mod otlp;
#[cfg(feature = "process")]
pub mod process;
#[cfg(any(feature = "otlp", feature = "remote-write"))]
pub mod push;
mod source;
mod telemetry;

pub use error::ServeError;
pub use format::{openmetrics, protobuf, text};
#[cfg(feature = "tower")]
pub use http::{Body, Service};
pub use http::{DEFAULT_ADDRESS, Endpoint, Limits, Server, ServerBuilder};
#[cfg(feature = "bcrypt")]
pub use http::{PasswordHash, PasswordHashError};
#[cfg(feature = "tls")]
pub use http::{Tls, TlsError};
pub use info::{BadAttribute, Target, register_build};
pub use source::Source;

/// The examples of the README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct ReadmeExamples;

/// And those of the page about LiveKit.
#[cfg(doctest)]
#[doc = include_str!("../../docs/livekit.md")]
struct LivekitExamples;
