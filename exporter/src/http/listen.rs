//! Where the server listens: a TCP port, or a Unix socket.
//!
//! Lives here: addresses as people write them, listening, accepting, and the end of it. Not here: what is done with
//! a connection (`serve`), a Unix socket's file (`unix`).

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use socket2::{Domain, Socket as RawSocket, Type};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

#[cfg(unix)]
use super::unix;
use crate::error::ServeError;

/// What stands before a Unix socket's path.
const UNIX: &str = "unix:";

/// Connections that the system keeps until they are accepted, if its own limit is not lower. The standard library has 128:
/// a client that comes on top of those hears nothing for seconds.
pub(super) const BACKLOG: i32 = 1_024;

/// Where to listen, as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// `HOST:PORT`.
    Tcp(String),
    /// A Unix socket.
    Unix(PathBuf),
}

impl From<String> for Address {
    fn from(text: String) -> Self {
        match text.strip_prefix(UNIX) {
            Some(path) => Self::Unix(path.into()),
            None => Self::Tcp(text),
        }
    }
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Endpoint {
    /// A TCP port, the one that was chosen if 0 was asked for.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

impl fmt::Display for Endpoint {
    /// As [`ServerBuilder::bind`](crate::ServerBuilder::bind) reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

/// A listening socket that is not on an event loop yet.
#[derive(Debug)]
pub(super) enum Bound {
    Tcp(std::net::TcpListener),
    #[cfg(unix)]
    Unix(unix::Bound),
}

impl Bound {
    /// Listens. `mode` is the permissions of a Unix socket's file.
    pub(super) fn new(
        address: Address,
        #[cfg_attr(not(unix), expect(unused_variables, reason = "no such file"))] mode: u32,
    ) -> Result<(Self, Endpoint), ServeError> {
        match address {
            Address::Tcp(address) => {
                let listener = tcp(&address)?;
                let local = listener.local_addr().map_err(ServeError::Thread)?;
                Ok((Self::Tcp(listener), Endpoint::Tcp(local)))
            }
            #[cfg(unix)]
            Address::Unix(path) => {
                let bound = unix::bind(&path, mode)?;
                Ok((Self::Unix(bound), Endpoint::Unix(path)))
            }
            #[cfg(not(unix))]
            Address::Unix(path) => Err(ServeError::SocketFile {
                path,
                source: io::ErrorKind::Unsupported.into(),
            }),
        }
    }

    /// Puts it on the event loop of this thread.
    pub(super) fn attach(self) -> io::Result<Listener> {
        match self {
            Self::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                tokio::net::TcpListener::from_std(listener).map(Listener::Tcp)
            }
            #[cfg(unix)]
            Self::Unix(bound) => bound.attach().map(Listener::Unix),
        }
    }
}

fn tcp(address: &str) -> Result<std::net::TcpListener, ServeError> {
    let all = address
        .to_socket_addrs()
        .map_err(|source| ServeError::BadAddress {
            address: address.to_owned(),
            source,
        })?;
    // The first that goes; of none, the last one's error.
    let mut outcome = Err(io::ErrorKind::AddrNotAvailable.into());
    for address in all {
        outcome = listen(address);
        if outcome.is_ok() {
            break;
        }
    }
    outcome.map_err(|e| ServeError::listen(address.to_owned(), e))
}

fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = RawSocket::new(Domain::for_address(address), Type::STREAM, None)?;
    // A port whose last connections are still being buried is free. (On Windows it would mean: even if it is taken.)
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// A listening socket.
#[derive(Debug)]
pub(super) enum Listener {
    Tcp(tokio::net::TcpListener),
    #[cfg(unix)]
    Unix(unix::Listener),
}

impl Listener {
    /// The next connection, and the client's address, if it has one.
    pub(super) async fn accept(&self) -> io::Result<(Socket, Option<IpAddr>)> {
        match self {
            Self::Tcp(listener) => {
                let (socket, from) = listener.accept().await?;
                Ok((Socket::Tcp(socket), Some(from.ip())))
            }
            #[cfg(unix)]
            Self::Unix(listener) => Ok((Socket::Unix(listener.accept().await?), None)),
        }
    }
}

/// A connection.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Socket {
    /// Writes what can be written without waiting.
    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.try_write(bytes),
            #[cfg(unix)]
            Self::Unix(socket) => socket.try_write(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_written_as_addresses_are_read() {
        let tcp = Endpoint::Tcp(SocketAddr::from(([127, 0, 0, 1], 9_464)));
        assert_eq!(tcp.to_string(), "127.0.0.1:9464");
        let unix = Endpoint::Unix("/run/metrics.sock".into());
        assert_eq!(unix.to_string(), "unix:/run/metrics.sock");
        let read = |endpoint: &Endpoint| Address::from(endpoint.to_string());
        assert_eq!(read(&tcp), Address::Tcp("127.0.0.1:9464".to_owned()));
        assert_eq!(read(&unix), Address::Unix("/run/metrics.sock".into()));
    }
}
