//! What can go wrong when the server starts.
//!
//! Lives here: errors of the cold path, told to people: what, where, what to do. A running server has
//! no errors to return: it answers with a status code, and counts.

use std::fmt;
use std::io;
use std::path::PathBuf;

use media_metrics_core::error::RegisterError;

#[cfg(feature = "tls")]
use crate::pem::TlsError;

/// Why the server did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServeError {
    /// The address is not `HOST:PORT`, or its host has no address.
    BadAddress {
        /// The address as given.
        address: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// Somebody already listens there.
    InUse {
        /// The address as given.
        address: String,
    },
    /// This user may not listen there: a port below 1024, most often.
    Denied {
        /// The address as given.
        address: String,
    },
    /// No interface of this machine has the address.
    NotHere {
        /// The address as given.
        address: String,
    },
    /// Listening failed for another reason.
    Listen {
        /// The address as given.
        address: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another server listens at this Unix socket.
    SocketInUse {
        /// The path as given.
        path: PathBuf,
    },
    /// There is a file where the Unix socket should be, and it is something else.
    NotASocket {
        /// The path as given.
        path: PathBuf,
    },
    /// The Unix socket could not be made.
    SocketFile {
        /// The path as given.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A user's name has a colon, at which it would end in a request.
    BadUser {
        /// The name as given.
        name: String,
    },
    /// The certificate, its key or the authority for clients' certificates can't be used.
    #[cfg(feature = "tls")]
    Tls(TlsError),
    /// The operating system gave no thread, or no event queue for it.
    Thread(io::Error),
    /// The source's registry had no room for the exporter's own families.
    Register(RegisterError),
}

impl ServeError {
    pub(crate) fn listen(address: String, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::InUse { address },
            io::ErrorKind::PermissionDenied => Self::Denied { address },
            io::ErrorKind::AddrNotAvailable => Self::NotHere { address },
            _ => Self::Listen { address, source },
        }
    }
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadAddress { address, source } => write!(
                f,
                "{address:?} is not an address to serve metrics on ({source}): give HOST:PORT, such as 127.0.0.1:9464 (port 0: any free one)"
            ),
            Self::InUse { address } => write!(
                f,
                "can't serve metrics on {address}: another program already listens there; stop it, or choose another port (port 0: any free one)"
            ),
            Self::Denied { address } => write!(
                f,
                "can't serve metrics on {address}: permission denied; ports below 1024 need privileges, choose a higher one"
            ),
            Self::NotHere { address } => write!(
                f,
                "can't serve metrics on {address}: no interface of this machine has that address; use 127.0.0.1 for this machine only, 0.0.0.0 for all its interfaces"
            ),
            Self::Listen { address, source } => {
                write!(f, "can't serve metrics on {address}: {source}")
            }
            Self::SocketInUse { path } => write!(
                f,
                "can't serve metrics on the Unix socket {}: another program already listens there; stop it, or choose another path",
                path.display()
            ),
            Self::NotASocket { path } => write!(
                f,
                "can't serve metrics on the Unix socket {}: there is a file of that name which is no socket; remove it, or choose another path",
                path.display()
            ),
            Self::SocketFile { path, source } => write!(
                f,
                "can't serve metrics on the Unix socket {}: {source}; give the path of a file in a directory that this user may write to",
                path.display()
            ),
            Self::BadUser { name } => write!(
                f,
                "the user name {name:?} can't be sent in a request, because a colon ends it there: choose one without"
            ),
            #[cfg(feature = "tls")]
            Self::Tls(source) => write!(f, "can't serve metrics by TLS: {source}"),
            Self::Thread(source) => {
                write!(f, "the metrics server's thread did not start: {source}")
            }
            Self::Register(source) => {
                write!(
                    f,
                    "the metrics server can't register its own metrics: {source}"
                )
            }
        }
    }
}

impl std::error::Error for ServeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::BadAddress { source, .. }
            | Self::Listen { source, .. }
            | Self::SocketFile { source, .. }
            | Self::Thread(source) => Some(source),
            Self::Register(source) => Some(source),
            #[cfg(feature = "tls")]
            Self::Tls(source) => Some(source),
            Self::InUse { .. }
            | Self::Denied { .. }
            | Self::NotHere { .. }
            | Self::SocketInUse { .. }
            | Self::NotASocket { .. }
            | Self::BadUser { .. } => None,
        }
    }
}
