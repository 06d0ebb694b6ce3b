//! What can go wrong when a recorder is made.

use std::fmt;

use crate::error::RegisterError;

/// Why a recorder was not made, or not installed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InstallError {
    /// The process has a recorder already, and can't have two.
    AlreadyInstalled,
    /// Bounds that a histogram can't have, or no room for the recorder's own counts.
    Register(RegisterError),
}

impl fmt::Display for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyInstalled => f.write_str(
                "the process already has a recorder for the metrics crate: install this one first, or serve the other's page along with ours",
            ),
            Self::Register(e) => write!(f, "no recorder for the metrics crate: {e}"),
        }
    }
}

impl std::error::Error for InstallError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::AlreadyInstalled => None,
            Self::Register(e) => Some(e),
        }
    }
}

impl From<RegisterError> for InstallError {
    fn from(e: RegisterError) -> Self {
        Self::Register(e)
    }
}
