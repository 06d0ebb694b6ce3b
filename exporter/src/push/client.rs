//! One attempt at one request.
//!
//! Lives here: the HTTP client with its limits. Not here: what an answer means (the protocols), whether to try again
//! (the sender).
//!
//! A receiver is not trusted: all of an attempt has one deadline, an answer's head and body are capped, redirects are
//! not followed, and no proxy is taken from the environment.

use std::io;
use std::time::Duration;

use ureq::http::header::HeaderMap;
use ureq::http::uri::Uri;
use ureq::{Agent, Error};

use super::endpoint::Endpoint;
use super::error::PushError;

/// Who we are (RFC 9110, section 10.1.5).
const USER_AGENT: &str = concat!("media-metrics/", env!("CARGO_PKG_VERSION"));

/// Most bytes of an answer's head, and of its body.
const MOST_HEAD: usize = 32 << 10;
const MOST_BODY: u64 = 64 << 10;

/// A receiver's answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Empty if it was longer than anybody wants to read, or broke off.
    #[allow(dead_code, reason = "remote write must ignore it")]
    pub(crate) body: Vec<u8>,
}

/// Why there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Connect,
    Timeout,
    /// No trust, or no TLS at the other end.
    Tls,
    Transport,
}

/// A client for one receiver, whose connection is kept between requests.
#[derive(Debug)]
pub(super) struct Client {
    agent: Agent,
    url: Uri,
    headers: HeaderMap,
    timeout: Duration,
}

impl Client {
    pub(super) fn new(endpoint: &Endpoint) -> Result<Self, PushError> {
        endpoint.check()?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(USER_AGENT)
            .accept_encoding("")
            .max_response_header_size(MOST_HEAD)
            .max_idle_connections(1)
            .timeout_connect(Some(endpoint.connect_timeout));
        #[cfg(feature = "tls")]
        let config = config.tls_config(tls(endpoint)?);
        Ok(Self {
            agent: config.build().new_agent(),
            url: endpoint.uri()?,
            headers: endpoint.header_map()?,
            timeout: endpoint.timeout,
        })
    }

    /// Posts `body`, within the endpoint's time-out and `within`.
    pub(super) fn post(
        &self,
        headers: &[(&str, &str)],
        body: &[u8],
        within: Option<Duration>,
    ) -> Result<Answer, Failure> {
        let timeout = within.map_or(self.timeout, |within| within.min(self.timeout));
        let mut request = self
            .agent
            .post(&self.url)
            .config()
            .timeout_global(Some(timeout))
            .build();
        for &(name, value) in headers {
            request = request.header(name, value);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let (head, mut body) = request.send(body).map_err(|e| failure(&e))?.into_parts();
        // What the status says holds, whatever becomes of the rest.
        let body = body.with_config().limit(MOST_BODY).read_to_vec();
        Ok(Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body: body.unwrap_or_default(),
        })
    }
}

/// Certificates are held against the authorities that the operator names, or else those that the machine trusts.
#[cfg(feature = "tls")]
fn tls(endpoint: &Endpoint) -> Result<ureq::tls::TlsConfig, PushError> {
    use rustls::crypto::ring;
    use ureq::tls::{Certificate, RootCerts, TlsConfig};
    let roots = match &endpoint.authorities {
        None => RootCerts::PlatformVerifier,
        Some(file) => {
            let all = crate::pem::authorities(file).map_err(PushError::Authorities)?;
            RootCerts::from(all.iter().map(|one| Certificate::from_der(one).to_owned()))
        }
    };
    Ok(TlsConfig::builder()
        .root_certs(roots)
        .unversioned_rustls_crypto_provider(std::sync::Arc::new(ring::default_provider()))
        .build())
}

fn failure(error: &Error) -> Failure {
    match error {
        Error::Timeout(_) => Failure::Timeout,
        Error::HostNotFound | Error::ConnectionFailed => Failure::Connect,
        Error::Tls(_) => Failure::Tls,
        #[cfg(feature = "tls")]
        Error::Rustls(_) => Failure::Tls,
        #[cfg(feature = "tls")]
        Error::Io(cause) if cause.get_ref().is_some_and(|e| e.is::<rustls::Error>()) => {
            Failure::Tls
        }
        Error::Io(cause) => match cause.kind() {
            io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::AddrNotAvailable => Failure::Connect,
            io::ErrorKind::TimedOut => Failure::Timeout,
            _ => Failure::Transport,
        },
        _ => Failure::Transport,
    }
}
