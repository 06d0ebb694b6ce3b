//! TLS: handshakes, certificates on both sides, files that change, and clients that speak something else.

#![cfg(feature = "tls")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use common::authority::{Authority, Pair};
use common::client::{Answer, PATIENCE, answer, ask, connect, drain};
use media_metrics_core::Registry;
use media_metrics_exporter::{Limits, ServeError, Server, Tls, TlsError};
use tempfile::TempDir;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, StreamOwned,
    SupportedProtocolVersion, version,
};

/// A folder with a server's files.
struct Files(TempDir);

impl Files {
    fn new(pair: &Pair) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.write("cert.pem", &pair.certificate);
        files.write("key.pem", &pair.key);
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn tls(&self) -> Tls {
        Tls::new(self.path("cert.pem"), self.path("key.pem"))
    }
}

fn start(registry: &Registry, tls: Tls, limits: Limits) -> Result<Server, ServeError> {
    let server = Server::builder(registry.clone())
        .bind("127.0.0.1:0")
        .limits(limits)
        .tls(tls)
        .start();
    registry.collect();
    server
}

type Client = StreamOwned<ClientConnection, TcpStream>;

/// A client that trusts `authority` and speaks this version.
fn client(
    address: SocketAddr,
    authority: &Authority,
    version: &'static SupportedProtocolVersion,
    own: Option<&Pair>,
) -> Client {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap();
    roots.add(root).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match own {
        None => config.with_no_client_auth(),
        Some(own) => {
            let certificate = CertificateDer::from_pem_slice(own.certificate.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap();
            config
                .with_client_auth_cert(vec![certificate], key)
                .unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let name = ServerName::try_from("metrics.test").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    StreamOwned::new(connection, connect(address))
}

fn page(mut client: Client) -> Answer {
    ask(&mut client, "GET", "/metrics");
    answer(&mut client, true)
}

/// The certificate that the server shows.
fn shown(address: SocketAddr, authority: &Authority) -> Vec<u8> {
    let mut client = client(address, authority, &version::TLS13, None);
    ask(&mut client, "GET", "/-/healthy");
    assert_eq!(answer(&mut client, true).status, 200);
    client.conn.peer_certificates().unwrap()[0].to_vec()
}

fn der(pair: &Pair) -> Vec<u8> {
    CertificateDer::from_pem_slice(pair.certificate.as_bytes())
        .unwrap()
        .to_vec()
}

#[test]
fn a_page_in_each_version() {
    let authority = Authority::new();
    let files = Files::new(&authority.signs("metrics.test"));
    let registry = Registry::new().unwrap();
    let server = start(&registry, files.tls(), Limits::default()).unwrap();
    for (version, name) in [
        (&version::TLS12, ProtocolVersion::TLSv1_2),
        (&version::TLS13, ProtocolVersion::TLSv1_3),
    ] {
        let mut client = client(server.local_addr(), &authority, version, None);
        for _ in 0..2 {
            ask(&mut client, "GET", "/metrics");
            let page = answer(&mut client, true);
            assert_eq!(page.status, 200);
            assert!(page.text().contains("media_metrics_scrapes_total"));
        }
        assert_eq!(client.conn.protocol_version(), Some(name));
        assert_eq!(client.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
    }
}

#[cfg(feature = "page")]
#[test]
fn events_come_when_they_are_told() {
    let authority = Authority::new();
    let files = Files::new(&authority.signs("metrics.test"));
    let registry = Registry::new().unwrap();
    let server = start(&registry, files.tls(), Limits::default()).unwrap();
    let mut listener = client(server.local_addr(), &authority, &version::TLS13, None);
    ask(&mut listener, "GET", "/api/v1/events");
    let mut told = String::new();
    let mut buffer = [0; 1 << 16];
    for sequence in 1..=3 {
        while !told.contains(&format!("\nid: {sequence}-")) {
            let n = listener.read(&mut buffer).unwrap();
            assert!(n > 0, "{told}");
            told += std::str::from_utf8(&buffer[..n]).unwrap();
        }
        registry.collect();
    }
}

#[test]
fn who_speaks_something_else_is_told_or_cut_off_and_counted() {
    let authority = Authority::new();
    let files = Files::new(&authority.signs("metrics.test"));
    let registry = Registry::new().unwrap();
    let limits = Limits {
        header_timeout: Duration::from_millis(300),
        ..Limits::default()
    };
    let server = start(&registry, files.tls(), limits).unwrap();
    let address = server.local_addr();
    let start = Instant::now();

    let mut plain = connect(address);
    ask(&mut plain, "GET", "/metrics");
    let told = answer(&mut plain, true);
    assert_eq!(told.status, 400);
    assert!(told.text().contains("https://"), "{}", told.text());

    let mut garbage = connect(address);
    garbage.write_all(&[0xff; 4_096]).unwrap();
    drain(&mut garbage);
    // A record that says it is longer than any may be.
    let mut long = connect(address);
    long.write_all(b"\x16\x03\x01\xff\xff\x01").unwrap();
    drain(&mut long);
    // The handshake is part of the request's time, whatever was said of it.
    let beginnings: [&[u8]; 3] = [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00"];
    for beginning in beginnings {
        let mut silent = connect(address);
        silent.write_all(beginning).unwrap();
        assert_eq!(drain(&mut silent), 0, "{beginning:?}");
    }
    let mut after = client(address, &authority, &version::TLS13, None);
    after.conn.complete_io(&mut after.sock).unwrap();
    let closed = after.read(&mut [0]).unwrap_or(0);
    assert_eq!(closed, 0, "a handshake alone is no request");
    assert!(start.elapsed() < PATIENCE);

    let other = client(address, &Authority::new(), &version::TLS13, None);
    let mut other = other; // it does not trust the server, and says so
    assert!(
        other
            .write_all(b"GET")
            .and_then(|()| other.flush())
            .is_err()
    );
    drop(other);

    let page = page(client(address, &authority, &version::TLS13, None));
    assert_eq!(page.status, 200);
    server.stop(Duration::from_secs(5));
    let now = registry.collect();
    let rejected = "media_metrics_http_connections_rejected_total";
    assert_eq!(now.counter(rejected, &["handshake"]), Some(4));
    assert_eq!(now.counter(rejected, &["slow_request"]), Some(4));
}

#[test]
fn with_an_authority_for_clients_only_its_clients_get_in() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let files = Files::new(&authority.signs("metrics.test"));
    files.write("clients.pem", &clients.pem());
    let registry = Registry::new().unwrap();
    let tls = files.tls().client_ca(files.path("clients.pem"));
    let server = start(&registry, tls, Limits::default()).unwrap();
    let (own, strangers) = (clients.signs("prometheus"), authority.signs("prometheus"));
    for version in [&version::TLS12, &version::TLS13] {
        let known = client(server.local_addr(), &authority, version, Some(&own));
        assert_eq!(page(known).status, 200);
        for own in [None, Some(&strangers)] {
            let mut stranger = client(server.local_addr(), &authority, version, own);
            let told = stranger
                .write_all(b"GET /metrics HTTP/1.0\r\n\r\n")
                .and_then(|()| stranger.read(&mut [0]));
            assert!(told.is_err(), "{told:?}");
        }
    }
}

#[test]
fn files_that_change_are_read_again_and_bad_ones_are_not_taken() {
    let authority = Authority::new();
    let (old, new) = (
        authority.signs("metrics.test"),
        authority.signs("metrics.test"),
    );
    let files = Files::new(&old);
    let registry = Registry::new().unwrap();
    let server = start(&registry, files.tls(), Limits::default()).unwrap();
    let address = server.local_addr();
    let mut stays = client(address, &authority, &version::TLS13, None);
    ask(&mut stays, "GET", "/-/healthy");
    assert_eq!(answer(&mut stays, true).status, 200);

    let reloads = |outcome| {
        let now = registry.collect();
        now.counter("media_metrics_tls_reloads_total", &[outcome])
            .unwrap()
    };
    let wait_for = |outcome, count| {
        let start = Instant::now();
        while reloads(outcome) < count {
            assert!(start.elapsed() < PATIENCE, "not {count} times {outcome}");
            thread::sleep(Duration::from_millis(50));
        }
    };
    // The certificate first: until the key follows, the old pair goes on.
    files.write("cert.pem", &new.certificate);
    wait_for("refused", 1);
    assert_eq!(shown(address, &authority), der(&old));
    files.write("key.pem", &new.key);
    wait_for("ok", 1);
    assert_eq!(shown(address, &authority), der(&new));
    fs::remove_file(files.path("cert.pem")).unwrap();
    wait_for("refused", 2);
    assert_eq!(shown(address, &authority), der(&new));
    ask(&mut stays, "GET", "/-/healthy");
    assert_eq!(
        answer(&mut stays, true).status,
        200,
        "it was open all the time"
    );
    assert_eq!((reloads("ok"), reloads("refused")), (1, 2));
}

#[test]
fn files_that_do_not_do_are_told_at_the_start() {
    let authority = Authority::new();
    let pair = authority.signs("metrics.test");
    let registry = Registry::new().unwrap();
    let refused = |files: &Files, tls: Tls| match start(&registry, tls, Limits::default()) {
        Err(ServeError::Tls(error)) => {
            let text = error.to_string();
            let folder = files.0.path().display().to_string();
            assert!(text.contains(&folder), "it says where: {text}");
            error
        }
        other => panic!("{other:?}"),
    };
    let wrong = |name: &str, text: &str| {
        let files = Files::new(&pair);
        files.write(name, text);
        refused(&files, files.tls())
    };
    assert!(matches!(
        wrong("cert.pem", ""),
        TlsError::NoCertificate { .. }
    ));
    assert!(matches!(
        wrong("cert.pem", "hello"),
        TlsError::NoCertificate { .. }
    ));
    assert!(matches!(
        wrong("cert.pem", &pair.key),
        TlsError::NoCertificate { .. }
    ));
    assert!(matches!(wrong("key.pem", ""), TlsError::NoKey { .. }));
    assert!(matches!(
        wrong("key.pem", &pair.certificate),
        TlsError::NoKey { .. }
    ));
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let error = wrong("key.pem", encrypted);
    assert!(error.to_string().contains("decrypted first"), "{error}");
    let other = authority.signs("metrics.test");
    let error = wrong("key.pem", &other.key);
    assert!(matches!(error, TlsError::Mismatch { .. }), "{error:?}");
    let cut = &pair.certificate[..pair.certificate.len() / 2];
    assert!(matches!(wrong("cert.pem", cut), TlsError::Damaged { .. }));
    let hollow = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(matches!(
        wrong("cert.pem", hollow),
        TlsError::Refused { .. }
    ));
    let large = "x".repeat((1 << 20) + 1);
    assert!(matches!(
        wrong("cert.pem", &large),
        TlsError::TooLarge { .. }
    ));

    let files = Files::new(&pair);
    fs::remove_file(files.path("key.pem")).unwrap();
    let error = refused(&files, files.tls());
    assert!(matches!(error, TlsError::Unreadable { .. }), "{error:?}");
    let files = Files::new(&pair);
    let error = refused(&files, files.tls().client_ca(files.path("none.pem")));
    assert!(matches!(error, TlsError::Unreadable { .. }), "{error:?}");
}

#[test]
fn a_flood_of_handshakes_stalls_nobody() {
    let authority = Authority::new();
    let files = Files::new(&authority.signs("metrics.test"));
    let registry = Registry::new().unwrap();
    let limits = Limits {
        max_connections: 64,
        ..Limits::default()
    };
    let server = start(&registry, files.tls(), limits).unwrap();
    let mut begun = Vec::new();
    for i in 0..400 {
        let mut client = client(server.local_addr(), &authority, &version::TLS13, None);
        // The client's half of it; the answer is never read.
        client.conn.write_tls(&mut client.sock).unwrap();
        begun.push(client);
        if i % 100 == 99 {
            let start = Instant::now();
            let page = page(self::client(
                server.local_addr(),
                &authority,
                &version::TLS13,
                None,
            ));
            assert_eq!(page.status, 200);
            assert!(start.elapsed() < PATIENCE);
        }
    }
    registry.collect();
    let gave_way = registry.latest();
    let gave_way = gave_way.counter(
        "media_metrics_http_connections_rejected_total",
        &["gave_way"],
    );
    assert!(gave_way.unwrap() >= 300, "{gave_way:?}");
}
