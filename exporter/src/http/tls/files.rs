//! PEM files, and whether they have changed.
//!
//! Lives here: reading, what is wrong with them, telling a changed file from an unchanged one. Not here: when that is
//! done (`tls`).

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};

use super::Tls;

/// More than any of these files has.
const MAX_BYTES: u64 = 1 << 20;

/// Why a server can't speak TLS.
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

/// Reads all files.
pub(super) fn load(tls: &Tls) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = certificates(&tls.certificate)?;
    let key = key(&tls.key)?;
    let refused = |path: &Path, e: &dyn fmt::Display| TlsError::Refused {
        path: path.to_owned(),
        reason: e.to_string(),
    };
    // Ours alone: the host may have chosen another for its own connections.
    let provider = Arc::new(default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|e| refused(&tls.certificate, &e))?;
    let builder = match &tls.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|e| refused(path, &e))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = verifier.build().map_err(|e| refused(path, &e))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|e| match e {
        rustls::Error::InconsistentKeys(_) => TlsError::Mismatch {
            certificate: tls.certificate.clone(),
            key: tls.key.clone(),
        },
        e => refused(&tls.certificate, &e),
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
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

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|e| match e {
        pem::Error::NoItemsFound => TlsError::NoKey {
            path: path.to_owned(),
        },
        e => damaged(path, &e),
    })
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

/// What tells one state of the files from another; of a file that can't be looked at, nothing.
pub(super) type Stamp = Vec<Option<(u64, u64, Option<SystemTime>)>>;

pub(super) fn stamp(tls: &Tls) -> Stamp {
    let files = [&tls.certificate, &tls.key];
    let files = files.into_iter().chain(&tls.client_ca);
    files.map(|path| stamp_of(path).ok()).collect()
}

fn stamp_of(path: &Path) -> io::Result<(u64, u64, Option<SystemTime>)> {
    let metadata = fs::metadata(path)?;
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
    #[cfg(not(unix))]
    let inode = 0;
    Ok((inode, metadata.len(), metadata.modified().ok()))
}

/// What a look at the files shows.
pub(super) enum Look {
    Same,
    Changed(Stamp, Result<Arc<ServerConfig>, TlsError>),
}

/// Reads the files if they are others than those `seen`.
pub(super) fn look(tls: &Tls, seen: &Stamp) -> Look {
    // Before they are read: what changes while they are is seen next time.
    let now = stamp(tls);
    if now == *seen {
        return Look::Same;
    }
    Look::Changed(now, load(tls))
}
