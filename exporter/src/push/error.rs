//! What can go wrong when a push is set up.
//!
//! Lives here: errors of the cold path, told to people: what, where, what to do. A running push has no errors to
//! return: it retries, drops, and counts.

use std::{fmt, io};

use media_metrics_core::error::RegisterError;

/// Why a push did not start. No variant holds a password, a header's value, or more of the URL than its address and
/// path.
#[derive(Debug)]
#[non_exhaustive]
pub enum PushError {
    /// The URL is not `http://HOST[:PORT]/PATH` (or `https://…`).
    BadUrl {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A header that can't be sent, or that is the protocol's own.
    BadHeader {
        /// The header's name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A label that can't be added to each series.
    BadLabel {
        /// The label's name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A limit or a time that makes no sense.
    BadLimit {
        /// Which one.
        what: &'static str,
        /// What it must be.
        wanted: &'static str,
    },
    /// The file of authorities to trust can't be used.
    #[cfg(feature = "tls")]
    Authorities(crate::TlsError),
    /// The operating system gave no thread.
    Thread(io::Error),
    /// The registry had no room for the push's own families.
    Register(RegisterError),
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadUrl { reason } => write!(
                f,
                "the URL to push metrics to is wrong: {reason}; give http://HOST:PORT/PATH, such as http://127.0.0.1:9090/api/v1/write"
            ),
            Self::BadHeader { name, reason } => {
                write!(
                    f,
                    "header {name:?} can't be sent with pushed metrics: {reason}"
                )
            }
            Self::BadLabel { name, reason } => {
                write!(
                    f,
                    "label {name:?} can't be added to pushed series: {reason}"
                )
            }
            Self::BadLimit { what, wanted } => {
                write!(f, "{what} of pushed metrics must be {wanted}")
            }
            #[cfg(feature = "tls")]
            Self::Authorities(cause) => {
                write!(
                    f,
                    "can't tell which receivers may be trusted with pushed metrics: {cause}"
                )
            }
            Self::Thread(cause) => write!(
                f,
                "the thread that pushes metrics did not start: {cause}; check the limit on threads (ulimit -u)"
            ),
            Self::Register(cause) => {
                write!(f, "the push can't register its own metrics: {cause}")
            }
        }
    }
}

impl std::error::Error for PushError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            #[cfg(feature = "tls")]
            Self::Authorities(cause) => Some(cause),
            Self::Thread(cause) => Some(cause),
            Self::Register(cause) => Some(cause),
            _ => None,
        }
    }
}
