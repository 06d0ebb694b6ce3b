//! TLS: from PEM files to what a handshake needs, and again when the files change.
//!
//! Lives here: which files there are, a connection's handshake. In `files`: what is made of them. Not here: reading
//! one (`pem`), what is said inside (`desk`).
//!
//! Versions 1.2 and 1.3. The handshake is part of the time that a request may take: who is silent in the middle of it
//! is cut off as one that is silent in the middle of a header.

mod files;

use std::cell::RefCell;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::spawn_blocking;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;

use self::files::{Look, Stamp};
use super::listen::Socket;
use crate::pem::TlsError;
use crate::telemetry::Telemetry;

/// How often the files are looked at: two or three system calls.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What a client that speaks HTTP is told on a port that speaks TLS.
const PLAIN: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 69\r\nConnection: close\r\n\r\n\
    400: this port speaks TLS: ask with https:// instead of with http://\n";

/// Files for serving by TLS, all PEM.
///
/// When they change they are read again within seconds, without a restart; connections that are open stay. What can't
/// be used then (a certificate whose key has not followed yet) is left alone, and the old one goes on:
/// `media_metrics_tls_reloads_total` counts both.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use media_metrics_exporter::{Server, Tls};
/// let registry = media_metrics_core::Registry::new()?;
/// let tls = Tls::new("/etc/metrics/cert.pem", "/etc/metrics/key.pem").client_ca("/etc/metrics/clients.pem");
/// let server = Server::builder(registry.clone()).bind("0.0.0.0:9464").tls(tls).start()?;
/// # drop(server);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
}

impl Tls {
    /// The server's certificate, with those between it and the authority behind it, and its private key (PKCS #8,
    /// PKCS #1 or SEC 1, not encrypted).
    #[must_use]
    pub fn new(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self {
            certificate: certificate.into(),
            key: key.into(),
            client_ca: None,
        }
    }

    /// Certificates of the authorities that clients' certificates must come from. With it, a client without one gets
    /// no further than the handshake.
    #[must_use]
    pub fn client_ca(mut self, certificates: impl Into<PathBuf>) -> Self {
        self.client_ca = Some(certificates.into());
        self
    }

    /// Reads the files.
    pub(super) fn load(self) -> Result<Loaded, TlsError> {
        let stamp = files::stamp(&self);
        let config = files::load(&self)?;
        Ok(Loaded {
            files: self,
            stamp,
            config,
        })
    }
}

/// Files that were read.
#[derive(Debug)]
pub(super) struct Loaded {
    files: Tls,
    stamp: Stamp,
    config: Arc<ServerConfig>,
}

/// The certificate that new connections get.
#[derive(Debug)]
pub(super) struct Certificate {
    files: Tls,
    stamp: RefCell<Stamp>,
    config: RefCell<Arc<ServerConfig>>,
}

impl From<Loaded> for Certificate {
    fn from(loaded: Loaded) -> Self {
        Self {
            files: loaded.files,
            stamp: RefCell::new(loaded.stamp),
            config: RefCell::new(loaded.config),
        }
    }
}

impl Certificate {
    /// Looks at the files again and again. On another thread: they may be far away.
    pub(super) async fn follow(&self, telemetry: &Telemetry) {
        let mut refused = None;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let (files, seen) = (self.files.clone(), self.stamp.borrow().clone());
            let look = spawn_blocking(move || files::look(&files, &seen)).await;
            let Ok(Look::Changed(stamp, outcome)) = look else {
                continue;
            };
            match outcome {
                Ok(config) => {
                    self.config.replace(config);
                    self.stamp.replace(stamp);
                    telemetry.reloaded(true);
                }
                // Tried again at the next look, for the reason may pass; counted once.
                Err(_) if refused.as_ref() == Some(&stamp) => {}
                Err(_) => {
                    refused = Some(stamp);
                    telemetry.reloaded(false);
                }
            }
        }
    }

    /// The handshake.
    pub(super) async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        socket: S,
    ) -> io::Result<TlsStream<S>> {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.config.borrow()));
        acceptor.accept(socket).await
    }
}

/// Whether the client speaks HTTP instead of TLS, and has been told so. Waits for its first byte.
pub(super) async fn is_plain(socket: &Socket) -> io::Result<bool> {
    let mut first = [0];
    match socket {
        Socket::Tcp(tcp) => tcp.peek(&mut first).await?,
        // There is no looking ahead on it: a client that speaks HTTP gets TLS's own refusal.
        #[cfg(unix)]
        Socket::Unix(_) => return Ok(false),
    };
    let plain = first[0].is_ascii_uppercase(); // a method; TLS begins with 22
    if plain {
        // A client that doesn't get it sees a closed connection: that is as much as it can be told.
        let _ = socket.try_write(PLAIN);
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_plain_http_is_as_long_as_it_says() {
        let text = std::str::from_utf8(PLAIN).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let says = format!("Content-Length: {}", body.len());
        assert!(head.contains(&says), "{says}");
    }
}
