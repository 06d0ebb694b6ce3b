//! The HTTP server.
//!
//! Lives here: the running server and its end (this file), how it is configured and begun (`builder`, `runtime`),
//! where it listens (`listen`, `unix`, `tls`), its connections and what they may cost (`serve`, `connection`, `io`,
//! `limits`), who may ask (`auth`, `password`, `checks`), requests (`desk`, `patience`), pages (`routes`, `answers`,
//! `json`, `body`) and events (`events`), and the same for hosts with a server of their own (`service`). Not here:
//! formats (`format`), snapshots (`source`).
//!
//! The server has a thread of its own with an event loop on it, and a few more that come and go for what takes long: the
//! host needs no async runtime, and a scrape runs on none of the host's threads.

mod answers;
mod auth;
mod body;
mod builder;
#[cfg(feature = "bcrypt")]
mod checks;
mod connection;
mod desk;
#[cfg(feature = "page")]
mod events;
#[cfg(feature = "history")]
mod history;
#[cfg(feature = "api")]
mod insight;
mod io;
#[cfg(feature = "api")]
mod json;
mod limits;
mod listen;
mod password;
mod patience;
mod race;
mod routes;
mod runtime;
mod serve;
#[cfg(feature = "tower")]
mod service;
#[cfg(feature = "tls")]
mod tls;
#[cfg(unix)]
mod unix;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

#[cfg(feature = "tower")]
pub use self::body::Body;
pub use self::builder::ServerBuilder;
pub use self::limits::Limits;
pub use self::listen::Endpoint;
#[cfg(feature = "bcrypt")]
pub use self::password::{PasswordHash, PasswordHashError};
#[cfg(feature = "tower")]
pub use self::service::Service;
#[cfg(feature = "tls")]
pub use self::tls::Tls;
use crate::source::Source;

/// Where the server listens if it is not told: this machine only.
pub const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9_464);

/// How long a dropped [`Server`] lets answers that have begun be written.
const DROP_DEADLINE: Duration = Duration::from_millis(250);

/// A running HTTP server; dropping it stops it.
///
/// | path | answer to GET and HEAD |
/// |---|---|
/// | `/metrics` | the source's latest snapshot, in the format and coding that the request likes best |
/// | `/-/healthy` | 200: the server runs |
/// | `/-/ready` | 200 while there is a fresh snapshot, else 503 and why |
/// | `/api/v1/snapshot`, `/api/v1/streams`, `/api/v1/worst` | families and live streams as JSON: a feature, `api` |
/// | `/`, `/api/v1/events` | the live page, and what it is drawn from as server-sent events: a feature, `page` |
/// | `/api/v1/history`, `/api/v1/history.hlog` | with [`ServerBuilder::history`], a feature: the last minutes |
///
/// Formats, by `Accept`: Prometheus text 0.0.4 (for whoever asks for nothing, or for nothing that there is) and
/// 1.0.0, OpenMetrics 1.0 (with [`ServerBuilder::openmetrics_2`] also 2.0), protobuf. Codings, by `Accept-Encoding`: gzip and zstd, each a feature.
///
/// Everything else gets 404 or 405. A snapshot is encoded when it is asked for first; concurrent
/// scrapers share that encoding. A page that can't be made before the scraper gives up
/// (`X-Prometheus-Scrape-Timeout-Seconds`) is answered with 503, a source that panics with 500.
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::TcpStream;
/// use std::sync::Arc;
/// use media_metrics_core::{desc::Desc, snapshot::Builder};
/// use media_metrics_exporter::Server;
///
/// let packets = Desc::counter("packets_total", "Packets.");
/// let snapshot = Arc::new(Builder::new().counter(&packets, &[(&[], 7)]).build());
/// let server = Server::builder(move || Arc::clone(&snapshot)).bind("127.0.0.1:0").start()?;
///
/// let mut client = TcpStream::connect(server.local_addr())?;
/// client.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
/// let mut answer = String::new();
/// client.read_to_string(&mut answer)?;
/// assert!(answer.ends_with("\npackets_total 7\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Server {
    endpoint: Endpoint,
    stop: Option<oneshot::Sender<Duration>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// A server over `source`, to be configured and started.
    pub fn builder(source: impl Source) -> ServerBuilder {
        ServerBuilder::new(Box::new(source))
    }

    /// Where it listens.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The port that it listens on: the one that was chosen, if 0 was asked for. A Unix socket has none: 0.0.0.0 with
    /// port 0, which nobody can connect to; [`endpoint`](Self::endpoint) tells its path.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        match self.endpoint {
            Endpoint::Tcp(address) => address,
            Endpoint::Unix(_) => SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
        }
    }

    /// Stops listening, closes idle connections, and gives answers that have begun until `deadline` to
    /// be written. Returns as soon as they are, or the deadline is over.
    pub fn stop(mut self, deadline: Duration) {
        self.shut_down(deadline);
    }

    fn shut_down(&mut self, deadline: Duration) {
        if let Some(stop) = self.stop.take() {
            // Fails if the thread is gone already: then there is nothing to stop.
            let _ = stop.send(deadline);
        }
        if let Some(thread) = self.thread.take() {
            // A panic on it has been reported by the panic hook, and is none of the caller's.
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shut_down(DROP_DEADLINE);
    }
}
