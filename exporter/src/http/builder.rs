//! How a server is configured and begun.
//!
//! Lives here: what a host can say, and what becomes of it. Not here: what the words mean (`limits`, `listen`, `auth`,
//! `tls`), the thread (`runtime`).

use std::sync::Arc;
use std::time::Duration;

use super::auth::Users;
use super::desk::Desk;
use super::limits::Limits;
use super::listen::{Address, Bound};
use super::password::Password;
#[cfg(feature = "bcrypt")]
use super::password::PasswordHash;
use super::routes::Routes;
use super::runtime::{self, Thread};
use super::serve::{Shared, serve};
#[cfg(feature = "tower")]
use super::service::Service;
#[cfg(feature = "tls")]
use super::tls::Tls;
use super::{DEFAULT_ADDRESS, Server};
#[cfg(feature = "api")]
use crate::api::Api;
use crate::encode::Pages;
use crate::error::ServeError;
use crate::format::Filter;
#[cfg(feature = "history")]
use crate::history::History;
use crate::source::Source;
use crate::telemetry::Telemetry;

/// Its owner and group may connect.
const UNIX_MODE: u32 = 0o660;

/// Configures a [`Server`].
pub struct ServerBuilder {
    source: Box<dyn Source>,
    address: Address,
    unix_mode: u32,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
    limits: Limits,
    stale_after: Option<Duration>,
    users: Users,
    shown: Filter,
    openmetrics_2: bool,
    created: bool,
    #[cfg(feature = "history")]
    history: Option<History>,
}

impl ServerBuilder {
    pub(super) fn new(source: Box<dyn Source>) -> Self {
        Self {
            source,
            address: Address::Tcp(DEFAULT_ADDRESS.to_string()),
            unix_mode: UNIX_MODE,
            #[cfg(feature = "tls")]
            tls: None,
            limits: Limits::default(),
            stale_after: None,
            users: Users::default(),
            shown: Filter::default(),
            openmetrics_2: false,
            created: false,
            #[cfg(feature = "history")]
            history: None,
        }
    }

    /// Where to listen, [`DEFAULT_ADDRESS`] if not given: `HOST:PORT`, or `unix:` and the path of a Unix socket.
    ///
    /// Port 0 takes any free port: [`Server::local_addr`] tells which. A Unix socket's file is removed when the server
    /// stops; one that a server left behind which is gone is taken over.
    #[must_use]
    pub fn bind(mut self, address: impl Into<String>) -> Self {
        self.address = Address::from(address.into());
        self
    }

    /// Permissions of a Unix socket's file: who may write to it may connect. By default 0o660, its owner and group.
    /// It never has others, not even while it is made. Bits above 0o777 are ignored.
    #[must_use]
    pub const fn unix_mode(mut self, mode: u32) -> Self {
        self.unix_mode = mode;
        self
    }

    /// Speaks TLS, and nothing else.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, files: Tls) -> Self {
        self.tls = Some(files);
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

    /// Every request must carry a name and password (HTTP's basic authentication, RFC 7617), and this is one that goes;
    /// others get 401, whatever they ask for. Call it again for more users; a name that was given before gets the new
    /// password.
    ///
    /// Of no use on a network that others read, unless TLS is spoken there.
    #[must_use]
    pub fn basic_auth(mut self, username: &str, password: &str) -> Self {
        self.users.add(username, Password::plain(password));
        self
    }

    /// The same with the password's hash, so that who reads the configuration does not learn the password.
    ///
    /// A hash is checked apart from other requests. Of too many to be checked at the same time some get 503; a user whose
    /// password was right before is admitted at once. That password is kept in memory.
    #[cfg(feature = "bcrypt")]
    #[must_use]
    pub fn basic_auth_hash(mut self, username: &str, password: PasswordHash) -> Self {
        self.users.add(username, Password::hashed(password));
        self
    }

    /// Leaves out families whose name `shown` says no to; by default all are served. They are still merged, and
    /// other servers of the same source may show them.
    ///
    /// It is asked once for each family, and again when series came or went, and for each question about
    /// snapshots or the history; on a thread of the server.
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

    /// Serves the last minutes at `/api/v1/history` (JSON) and `/api/v1/history.hlog` (an interval log of
    /// HdrHistogram). For what may be asked, see [`Query::parse`](crate::history::Query::parse).
    #[cfg(feature = "history")]
    #[must_use]
    pub fn history(mut self, history: &History) -> Self {
        self.history = Some(history.clone());
        self
    }

    /// Listens, and starts the thread.
    ///
    /// # Errors
    /// The address is wrong or taken, a file can't be used, or the system has no thread to give; see [`ServeError`].
    pub fn start(self) -> Result<Server, ServeError> {
        #[cfg(feature = "tls")]
        let certificate = match self.tls.clone() {
            Some(files) => Some(files.load().map_err(ServeError::Tls)?),
            None => None,
        };
        let (bound, endpoint) = Bound::new(self.address.clone(), self.unix_mode)?;
        let limits = self.limits.clone();
        let desk = self.desk()?;
        let set_up = move || Ok((bound.attach()?, desk));
        let Thread { stop, thread } =
            runtime::start("metrics-http", set_up, move |ready, stop| {
                let (listener, desk) = ready;
                let shared = Shared {
                    desk,
                    limits,
                    #[cfg(feature = "tls")]
                    certificate: certificate.map(Into::into),
                };
                serve(listener, shared, stop)
            })?;
        Ok(Server {
            endpoint,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The same pages for a host that has an HTTP server already, as a `tower` service; see [`Service`]. Nothing listens:
    /// [`bind`](Self::bind) and what belongs to it says nothing then.
    ///
    /// # Errors
    /// A user's name can't be sent, or the system has no thread to give; see [`ServeError`].
    #[cfg(feature = "tower")]
    pub fn into_service(self) -> Result<Service, ServeError> {
        let places = self.limits.max_connections;
        Service::start(self.desk()?, places)
    }

    fn desk(self) -> Result<Desk, ServeError> {
        if let Some(name) = self.users.impossible() {
            return Err(ServeError::BadUser {
                name: name.to_owned(),
            });
        }
        #[cfg(all(feature = "page", feature = "history"))]
        let has_history = self.history.is_some();
        #[cfg(all(feature = "page", not(feature = "history")))]
        let has_history = false;
        let telemetry = Telemetry::new(self.source.registry()).map_err(ServeError::Register)?;
        let routes = Routes {
            telemetry: Arc::new(telemetry),
            source: self.source,
            #[cfg(feature = "api")]
            api: Api::new(self.shown.clone()),
            pages: Pages::new(self.shown)
                .with_openmetrics_2(self.openmetrics_2)
                .with_created(self.created),
            stale_after: self.stale_after,
            #[cfg(feature = "page")]
            moments: crate::page::Moments::new(has_history),
            #[cfg(feature = "history")]
            history: self.history,
        };
        Ok(Desk::new(routes, self.users, self.limits))
    }
}

impl std::fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerBuilder")
            .field("address", &self.address)
            .field("limits", &self.limits)
            .field("stale_after", &self.stale_after)
            .field("users", &self.users)
            .field("families", &self.shown)
            .finish_non_exhaustive()
    }
}
