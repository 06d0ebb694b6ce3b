//! How metrics are served: where, in which language, to whom.
//!
//! Lives here: the values of `metrics.listen`, `metrics.tls` and `metrics.basic_auth_users`. Not here: what LiveKit's
//! `prometheus` section says of the same (`livekit`), serving (the exporter).

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use media_metrics_exporter::{PasswordHash, Tls};
use serde::{Deserialize, Serialize};

use super::secret::{HIDDEN, NOT_SHOWN};

/// What stands before a Unix socket's path.
const UNIX: &str = "unix:";

/// Where metrics are served: `127.0.0.1:9464`, or `unix:/run/metrics.sock`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum MetricsAddress {
    /// A TCP port.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

impl MetricsAddress {
    /// The port, if it is one.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Tcp(address) => Some(address.port()),
            Self::Unix(_) => None,
        }
    }
}

impl From<SocketAddr> for MetricsAddress {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl FromStr for MetricsAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix(UNIX) {
            Some("") => Err(format!(
                "{text:?} names no file: give the path of a Unix socket, for example unix:/run/media-metrics.sock"
            )),
            Some(path) => Ok(Self::Unix(path.into())),
            None => text.parse().map(Self::Tcp).map_err(|_| {
                format!(
                    "{text:?} is no address to serve metrics on: give an address with a port, for example \
                     127.0.0.1:9464 or '[::1]:9464', or a Unix socket, for example unix:/run/media-metrics.sock"
                )
            }),
        }
    }
}

impl TryFrom<String> for MetricsAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<MetricsAddress> for String {
    fn from(address: MetricsAddress) -> Self {
        address.to_string()
    }
}

impl fmt::Display for MetricsAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

/// PEM files by which metrics are served over TLS. They are read again when they change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The server's certificate, with those between it and the authority behind it.
    pub cert_file: PathBuf,
    /// Its private key.
    pub key_file: PathBuf,
    /// Authorities that clients' certificates must come from; without it, clients need none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ca_file: Option<PathBuf>,
}

impl TlsFiles {
    /// As the exporter has it.
    #[must_use]
    pub fn to_tls(&self) -> Tls {
        let tls = Tls::new(&self.cert_file, &self.key_file);
        match &self.client_ca_file {
            Some(path) => tls.client_ca(path),
            None => tls,
        }
    }
}

/// A user's password as a bcrypt hash; `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserHash(Option<PasswordHash>);

impl UserHash {
    /// One that can be printed, and admits nobody.
    pub(super) const HIDDEN: Self = Self(None);

    /// The hash; `None` if it was hidden.
    #[must_use]
    pub const fn hash(&self) -> Option<&PasswordHash> {
        self.0.as_ref()
    }
}

impl TryFrom<String> for UserHash {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == HIDDEN {
            return Err(NOT_SHOWN.to_owned());
        }
        let hash = text
            .parse()
            .map_err(|e| format!("a user's password is given by its hash, and {e}"))?;
        Ok(Self(Some(hash)))
    }
}

impl From<UserHash> for String {
    fn from(hash: UserHash) -> Self {
        hash.0
            .map_or_else(|| HIDDEN.to_owned(), |hash| hash.as_str().to_owned())
    }
}

impl fmt::Debug for UserHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_are_written() {
        for text in ["127.0.0.1:9464", "[::1]:0", "unix:/run/x.sock", "unix:x"] {
            let address: MetricsAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
        for bad in ["", "localhost", "127.0.0.1", "unix:", "/run/x.sock"] {
            let error = bad.parse::<MetricsAddress>().unwrap_err();
            assert!(error.contains("unix:/"), "{error}");
        }
    }

    #[test]
    fn a_hash_is_kept_and_not_shown() {
        let text = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";
        let hash = UserHash::try_from(text.to_owned()).unwrap();
        assert_eq!(hash.hash().unwrap().as_str(), text);
        assert!(!format!("{hash:?}").contains("QOa"));
        assert_eq!(String::from(hash), text);
        assert_eq!(String::from(UserHash::HIDDEN), HIDDEN);
        let error = UserHash::try_from(HIDDEN.to_owned()).unwrap_err();
        assert_eq!(error, NOT_SHOWN);
        let error = UserHash::try_from("x".to_owned()).unwrap_err();
        assert!(error.contains("htpasswd"), "{error}");
    }
}
