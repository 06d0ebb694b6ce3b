//! What can go wrong when a bridge is made.

use std::fmt;
use std::io;

use media_metrics_core::error::RegisterError;

/// Why a foreign page can't be served along with ours.
#[derive(Debug)]
#[non_exhaustive]
pub enum BridgeError {
    /// The source's registry has no room for the counts of what is left out.
    Register(RegisterError),
    /// The operating system gave no thread for the other library's page to be made on.
    Thread(io::Error),
}

impl fmt::Display for BridgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Register(source) => write!(
                f,
                "can't count what is left out of the other library's page: {source}"
            ),
            Self::Thread(source) => write!(
                f,
                "the thread that makes the other library's page did not start: {source}"
            ),
        }
    }
}

impl std::error::Error for BridgeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Register(source) => Some(source),
            Self::Thread(source) => Some(source),
        }
    }
}

impl From<RegisterError> for BridgeError {
    fn from(source: RegisterError) -> Self {
        Self::Register(source)
    }
}
