//! The server's files, and whether they have changed.
//!
//! Lives here: what is made of them together, telling a changed file from an unchanged one. Not here: reading one
//! (`pem`), when that is done (`tls`).

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};

use super::Tls;
use crate::pem::{TlsError, authorities, certificates, key, refused};

/// Reads all files.
pub(super) fn load(tls: &Tls) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = certificates(&tls.certificate)?;
    let key = key(&tls.key)?;
    // Ours alone: the host may have chosen another for its own connections.
    let provider = Arc::new(default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|e| refused(&tls.certificate, &e))?;
    let builder = match &tls.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(authorities(path)?);
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
