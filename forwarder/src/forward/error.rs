//! Why the forwarder did not start.
//!
//! Lives here: what could not be had, told to people: what, where, what to do. Not here: what breaks later (`crew`).

use std::fmt;
use std::io;

use media_metrics_core::RegisterError;
use media_metrics_core::livekit::node::rates::HistoryError;
use media_metrics_exporter::ServeError;
use media_metrics_exporter::push::PushError;

use crate::net::BindError;

/// Why the forwarder did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// A room's port could not be opened.
    Bind(BindError),
    /// The metrics address could not be served.
    Serve(ServeError),
    /// A push did not start: the key of its list in the configuration, and its place there, from 1.
    Push(&'static str, usize, PushError),
    /// The registry has no room for the forwarder's own families.
    Register(RegisterError),
    /// The node's statistics can't be kept as they were asked for.
    NodeStats(HistoryError),
    /// The reporter did not start.
    Report(media_metrics_core::StartError),
    /// The system gives no more threads, sockets or event queues; `what` was to be made.
    System {
        /// What was to be made.
        what: &'static str,
        /// What the operating system said.
        cause: io::Error,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(error) => error.fmt(f),
            Self::Push(list, number, error) => {
                write!(
                    f,
                    "{error} (push.{list} number {number} in the configuration)"
                )
            }
            Self::Serve(error) => write!(f, "{error} (--metrics, or metrics in the configuration)"),
            Self::Register(error) => error.fmt(f),
            Self::NodeStats(error) => write!(f, "{error} (node_stats in the configuration)"),
            Self::Report(error) => error.fmt(f),
            Self::System { what, cause } => write!(
                f,
                "cannot make {what}: {cause}; check the limits on threads and open files (ulimit -a)"
            ),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Bind(error) => Some(error),
            Self::Push(_, _, error) => Some(error),
            Self::Serve(error) => Some(error),
            Self::Register(error) => Some(error),
            Self::NodeStats(error) => Some(error),
            Self::Report(error) => Some(error),
            Self::System { cause, .. } => Some(cause),
        }
    }
}

/// What the operating system refused.
pub(super) fn system(what: &'static str) -> impl FnOnce(io::Error) -> StartError {
    move |cause| StartError::System { what, cause }
}
