//! From snapshots to whoever wants them: Prometheus and people over HTTP, receivers by push.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use media_metrics_core::{Registry, Reporter};
//! use media_metrics_exporter::Server;
//!
//! let registry = Registry::new()?;
//! let reporter = Reporter::builder(&registry).start()?; // merges each second
//! let server = Server::builder(registry.clone()).bind("127.0.0.1:9464").start()?;
//! println!("metrics on http://{}/metrics", server.local_addr());
//! # drop(reporter);
//! # Ok(())
//! # }
//! ```
//!
//! # The map
//!
//! | to | look at | feature |
//! |---|---|---|
//! | serve a registry on a port or a Unix socket | [`Server`], [`ServerBuilder`], [`Limits`] | |
//! | serve it in a server of your own | `Service`, from `ServerBuilder::into_service` | `tower` |
//! | serve HTTPS, know users by their hashes | `Tls`; `PasswordHash` | `tls`; `bcrypt` |
//! | serve streams, the worst and snapshots as JSON | `/api/v1/streams`, `/api/v1/worst`, `/api/v1/snapshot` | `api` |
//! | keep the last minutes | `history::History` | `history` |
//! | show what happens now | the live page at `/` | `page` |
//! | push to Prometheus, to OpenTelemetry | `push::remote_write::RemoteWrite`, `otlp::Otlp` | `remote-write`, `otlp` |
//! | live beside another library's metrics | `bridge::WithPage`, `bridge::Republish` | `bridge` |
//! | tell of this process and its build | `process`; [`register_build`], [`Target`] | `process` |
//! | make pages by hand | [`text`], [`openmetrics`], [`openmetrics_2`], [`protobuf`] | |
//! | show snapshots of another source than a registry | [`Source`] | |
//!
//! `api` and `gzip` (compressed pages) are on by default; `zstd` compresses better, and is C.
//!
//! # How it is made
//!
//! The way of a scrape has three rooms, each with one neighbour: the encoders turn a snapshot into bytes and know nothing
//! else; `encode` keeps one encoding of each snapshot and format for all who ask; `http` answers requests, on a thread of
//! its own: the host needs no async runtime.
//!
//! Invariant: nothing here sees an atomic of the recording side. A scrape reads the latest published
//! snapshot, so a slow or hostile scraper can't slow a packet.

// docs.rs says which feature an item needs.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

#[cfg(feature = "api")]
mod api;
#[cfg(feature = "bridge")]
pub mod bridge;
mod compress;
#[cfg(feature = "api")]
mod conditional;
mod encode;
mod error;
mod format;
#[cfg(any(feature = "history", feature = "page"))]
mod grown;
#[cfg(feature = "history")]
pub mod history;
mod http;
mod info;
#[cfg(feature = "otlp")]
pub mod otlp;
#[cfg(feature = "page")]
mod page;
#[cfg(feature = "api")]
mod parameters;
#[cfg(feature = "tls")]
mod pem;
#[cfg(feature = "process")]
pub mod process;
#[cfg(any(feature = "otlp", feature = "remote-write"))]
pub mod push;
mod source;
mod telemetry;
mod wall;

pub use error::ServeError;
pub use format::{Escaping, openmetrics, openmetrics_2, protobuf, text};
#[cfg(feature = "tls")]
pub use http::Tls;
#[cfg(feature = "tower")]
pub use http::{Body, Service};
pub use http::{DEFAULT_ADDRESS, Endpoint, Limits, Server, ServerBuilder};
#[cfg(feature = "bcrypt")]
pub use http::{PasswordHash, PasswordHashError};
pub use info::{BadAttribute, Target, register_build};
#[cfg(feature = "tls")]
pub use pem::TlsError;
pub use source::Source;

/// Examples in documents, compiled and run: those of the checkout and of this package.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../README.md")]
    struct Exporter;
    #[doc = include_str!("../../docs/livekit.md")]
    struct Livekit;
    #[doc = include_str!("../../docs/guide/concepts.md")]
    struct Concepts;
    #[doc = include_str!("../../docs/guide/naming.md")]
    struct Naming;
    #[doc = include_str!("../../docs/guide/cardinality.md")]
    struct Cardinality;
    #[doc = include_str!("../../docs/guide/tuning.md")]
    struct Tuning;
    // These want features that are off unless asked for.
    #[cfg(all(feature = "history", feature = "page", feature = "process"))]
    #[doc = include_str!("../../docs/guide/first-hour.md")]
    struct FirstHour;
    #[cfg(feature = "bridge")]
    #[doc = include_str!("../../docs/guide/from-metrics-exporter-prometheus.md")]
    struct FromMetricsExporterPrometheus;
}
