//! PEM files: certificates, keys, authorities.
//!
//! Lives here: reading them, within bounds, and what can be wrong with them. Not here: what they are for (`http::tls`,
//! `push::client`), whether they have changed (`http::tls`).

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// More than any of these files has.
const MAX_BYTES: u64 = 1 << 20;

/// Why files of certificates and keys can't be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// A file could not be read.
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file is too large to be one of keys or certificates.
    TooLarge {
        /// Which.
        path: PathBuf,
    },
    /// A file is not PEM, or damaged.
    Damaged {
        /// Which.
        path: PathBuf,
        /// Where it is.
        reason: String,
    },
    /// A file has no certificate in it.
    NoCertificate {
        /// Which.
        path: PathBuf,
    },
    /// A file has no private key in it, or an encrypted one.
    NoKey {
        /// Which.
        path: PathBuf,
    },
    /// The key belongs to another certificate.
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The certificate or the key is of a kind that is not known, or not valid.
    Refused {
        /// The files that were read.
        path: PathBuf,
        /// What the TLS library said.
        reason: String,
    },
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, source } => {
                write!(
                    f,
                    "cannot read {}: {source}; check the path, and that this user may read it",
                    path.display()
                )
            }
            Self::TooLarge { path } => {
                write!(
                    f,
                    "{} is larger than 1 MiB: give a PEM file of a key or certificates",
                    path.display()
                )
            }
            Self::Damaged { path, reason } => {
                write!(
                    f,
                    "{} is damaged ({reason}): give a PEM file as the authority made it",
                    path.display()
                )
            }
            Self::NoCertificate { path } => write!(
                f,
                "{} has no certificate in it: give a PEM file with a part that begins with -----BEGIN CERTIFICATE-----",
                path.display()
            ),
            Self::NoKey { path } => write!(
                f,
                "{} has no private key in it that can be used: give a PEM file with a part that begins with \
                 -----BEGIN PRIVATE KEY-----; an encrypted one has to be decrypted first (openssl pkey)",
                path.display()
            ),
            Self::Mismatch { certificate, key } => write!(
                f,
                "the private key in {} does not belong to the first certificate in {}: give the two that were made \
                 together, the server's own certificate first",
                key.display(),
                certificate.display()
            ),
            Self::Refused { path, reason } => {
                write!(
                    f,
                    "{} can't be used: {reason}; give an RSA, ECDSA or Ed25519 certificate with its key",
                    path.display()
                )
            }
        }
    }
}

impl std::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Certificates of authorities: each can be trusted as one.
pub(crate) fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all = certificates(path)?;
    for certificate in &all {
        let trusted = RootCertStore::empty().add(certificate.clone());
        trusted.map_err(|e| refused(path, &e))?;
    }
    Ok(all)
}

/// All certificates in a file: one at least.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(path)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let all = all.map_err(|e| damaged(path, &e))?;
    if all.is_empty() {
        return Err(TlsError::NoCertificate {
            path: path.to_owned(),
        });
    }
    Ok(all)
}

/// The private key in a file.
pub(crate) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|e| match e {
        pem::Error::NoItemsFound => TlsError::NoKey {
            path: path.to_owned(),
        },
        e => damaged(path, &e),
    })
}

/// What was read is of no use to the TLS library.
pub(crate) fn refused(path: &Path, e: &dyn fmt::Display) -> TlsError {
    TlsError::Refused {
        path: path.to_owned(),
        reason: e.to_string(),
    }
}

fn damaged(path: &Path, e: &pem::Error) -> TlsError {
    TlsError::Damaged {
        path: path.to_owned(),
        reason: e.to_string(),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let unreadable = |source| TlsError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    let mut all = file.take(MAX_BYTES + 1);
    all.read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(TlsError::TooLarge {
            path: path.to_owned(),
        });
    }
    Ok(bytes)
}
