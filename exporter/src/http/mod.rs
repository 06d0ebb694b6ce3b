//! The HTTP server.
//!
//! Lives here: starting and stopping it (this file), its limits, its pages (`routes`), its thread
//! (`serve`, `connection`, `io`). Not here: formats (`format`), snapshots (`source`).
//!
//! The server has a thread of its own with an event loop on it: the host needs no async runtime, and a
//! scrape runs on none of the host's threads.

mod auth;
mod connection;
mod io;
mod limits;
mod race;
mod routes;
mod serve;

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::oneshot;

use self::auth::BasicAuth;
pub use self::limits::Limits;
use self::routes::Routes;
use crate::encode::Pages;
use crate::error::ServeError;
use crate::format::Filter;
use crate::source::Source;
use crate::telemetry::Telemetry;

/// Where the server listens if it is not told: this machine only.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:9464";

/// How long a dropped [`Server`] lets answers that have begun be written.
const DROP_DEADLINE: Duration = Duration::from_millis(250);

/// The thread's name: what `top -H` shows, at most 15 bytes.
const THREAD: &str = "metrics-http";

/// A running HTTP server; dropping it stops it.
///
/// | path | answer to GET and HEAD |
/// |---|---|
/// | `/metrics` | the source's latest snapshot, in the format and coding that the request likes best |
/// | `/-/healthy` | 200: the server runs |
/// | `/-/ready` | 200 while there is a fresh snapshot, else 503 and why |
///
/// Formats, by `Accept`: Prometheus text 0.0.4 (for whoever asks for nothing, or for nothing that there is) and
/// 1.0.0, OpenMetrics 1.0, protobuf. Codings, by `Accept-Encoding`: gzip and zstd, each a feature.
///
/// Everything else gets 404 or 405. A snapshot is encoded when it is asked for first; concurrent
/// scrapers share that encoding.
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
    address: SocketAddr,
    stop: Option<oneshot::Sender<Duration>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// A server over `source`, to be configured and started.
    pub fn builder(source: impl Source) -> ServerBuilder {
        ServerBuilder {
            source: Box::new(source),
            address: DEFAULT_ADDRESS.to_owned(),
            limits: Limits::default(),
            stale_after: None,
            auth: None,
            shown: Filter::default(),
            openmetrics_2: false,
            created: false,
        }
    }

    /// Where it listens: with the port that was chosen, if 0 was asked for.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
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

/// Configures a [`Server`].
pub struct ServerBuilder {
    source: Box<dyn Source>,
    address: String,
    limits: Limits,
    stale_after: Option<Duration>,
    auth: Option<BasicAuth>,
    shown: Filter,
    openmetrics_2: bool,
    created: bool,
}

impl ServerBuilder {
    /// `HOST:PORT` to listen on, [`DEFAULT_ADDRESS`] if not given. Port 0 takes any free port:
    /// [`Server::local_addr`] tells which.
    #[must_use]
    pub fn bind(mut self, address: impl Into<String>) -> Self {
        self.address = address.into();
        self
    }

    /// What clients may cost.
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// `/-/ready` says no when the last snapshot is older than this; by default three of its own
    /// intervals, and 10 s at least.
    #[must_use]
    pub const fn stale_after(mut self, age: Duration) -> Self {
        self.stale_after = Some(age);
        self
    }

    /// Every request must carry this name and password (HTTP's basic authentication, RFC 7617); others get 401,
    /// whatever they ask for. Of no use on a network that others read, unless something with TLS stands in front.
    #[must_use]
    pub fn basic_auth(mut self, username: &str, password: &str) -> Self {
        self.auth = Some(BasicAuth::new(username, password));
        self
    }

    /// Leaves out families whose name `shown` says no to; by default all are served. They are still merged, and
    /// other servers of the same source may show them.
    ///
    /// It is asked once for each family, and again when series of it came or went; on the server's thread.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use media_metrics_core::snapshot::Builder;
    /// # let snapshot = Arc::new(Builder::new().build());
    /// # let source = move || Arc::clone(&snapshot);
    /// let builder = media_metrics_exporter::Server::builder(source).families(|name| !name.starts_with("media_rtp_"));
    /// # drop(builder);
    /// ```
    #[must_use]
    pub fn families(mut self, shown: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.shown = Filter::new(shown);
        self
    }

    /// Whether a scraper that names `application/openmetrics-text;version=2.0.0` gets it: native histograms and start
    /// times in text. Off by default: the standard is a release candidate. See
    /// [`openmetrics_2`](crate::openmetrics_2).
    #[must_use]
    pub const fn openmetrics_2(mut self, offered: bool) -> Self {
        self.openmetrics_2 = offered;
        self
    }

    /// Whether OpenMetrics 1.0 has `_created` samples, which tell when counters and histograms began. Off by default:
    /// a scraper that does not know better takes them for more series. Protobuf and OpenMetrics 2.0 always tell.
    #[must_use]
    pub const fn openmetrics_created(mut self, told: bool) -> Self {
        self.created = told;
        self
    }

    /// Listens, and starts the thread.
    ///
    /// # Errors
    /// The address is wrong or taken, or the system has no thread to give; see [`ServeError`].
    pub fn start(self) -> Result<Server, ServeError> {
        let listener = listen(&self.address)?;
        let address = listener.local_addr().map_err(ServeError::Thread)?;
        let telemetry = Telemetry::new(self.source.registry()).map_err(ServeError::Register)?;
        let routes = Routes {
            telemetry,
            source: self.source,
            pages: Pages::new(self.shown)
                .with_openmetrics_2(self.openmetrics_2)
                .with_created(self.created),
            stale_after: self.stale_after,
            auth: self.auth,
        };
        let limits = self.limits;
        let (stop, stopped) = oneshot::channel();
        let (started, outcome) = mpsc::sync_channel(1);
        let thread = thread::Builder::new()
            .name(THREAD.to_owned())
            .spawn(move || run(listener, routes, limits, stopped, &started))
            .map_err(ServeError::Thread)?;
        // No answer at all: the thread panicked before it could give one.
        let gone = || Err(std::io::Error::other("it ended before it began to serve"));
        let outcome = outcome.recv().unwrap_or_else(|_| gone());
        outcome.map_err(ServeError::Thread)?;
        Ok(Server {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl std::fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerBuilder")
            .field("address", &self.address)
            .field("limits", &self.limits)
            .field("stale_after", &self.stale_after)
            .field("auth", &self.auth)
            .field("families", &self.shown)
            .finish_non_exhaustive()
    }
}

fn listen(address: &str) -> Result<TcpListener, ServeError> {
    let all = address
        .to_socket_addrs()
        .map_err(|source| ServeError::BadAddress {
            address: address.to_owned(),
            source,
        })?;
    let all: Vec<SocketAddr> = all.collect();
    TcpListener::bind(all.as_slice()).map_err(|e| ServeError::listen(address.to_owned(), e))
}

/// The thread. The event loop is made and dropped on it: dropping one inside a host's own async code
/// is not allowed.
fn run(
    listener: TcpListener,
    routes: Routes,
    limits: Limits,
    stop: oneshot::Receiver<Duration>,
    started: &mpsc::SyncSender<std::io::Result<()>>,
) {
    let set_up = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        listener.set_nonblocking(true)?;
        let inside = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener)?;
        drop(inside);
        Ok((runtime, listener))
    };
    match set_up() {
        Ok((runtime, listener)) => {
            // The starter waits for this: it can't be gone.
            let _ = started.send(Ok(()));
            let tasks = tokio::task::LocalSet::new();
            tasks.block_on(&runtime, serve::serve(listener, routes, limits, stop));
        }
        Err(e) => {
            let _ = started.send(Err(e));
        }
    }
}
