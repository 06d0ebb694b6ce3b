//! A real Prometheus scrapes by TLS, with a certificate of its own, a name and a password; and one that lacks any of them
//! does not.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::fs;
use std::path::Path;

use media_metrics_core::{Desc, Registry};
use media_metrics_exporter::{Server, Tls};
use media_metrics_tests::prometheus::Prometheus;
use media_metrics_tests::wait::{self, PATIENCE};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// Of cost 5, from the tests of Openwall's crypt_blowfish: the password, and its hash.
const PASSWORD: &str = "U*U";
const HASH: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

/// An authority, and a certificate of it for the server and for Prometheus: `ca.pem`, `cert.pem`, `key.pem`.
fn certificates(folder: &Path) {
    let mut authority = CertificateParams::new(Vec::<String>::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec!["metrics.test".to_owned()]).unwrap();
    let own = own.signed_by(&key, &authority).unwrap();
    for (name, text) in [
        ("ca.pem", authority.pem()),
        ("cert.pem", own.pem()),
        ("key.pem", key.serialize_pem()),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
}

#[test]
fn prometheus_gets_in_with_all_that_is_asked_for_and_not_without() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let file = |name: &str| folder.path().join(name);
    let registry = Registry::new().unwrap();
    let desc = Desc::counter("packets_total", "Packets.");
    registry.counter(&desc, &[]).unwrap().add(7);
    registry.collect();
    let tls = Tls::new(file("cert.pem"), file("key.pem")).client_ca(file("ca.pem"));
    let server = Server::builder(registry)
        .bind("127.0.0.1:0")
        .tls(tls)
        .basic_auth_hash("prometheus", HASH.parse().unwrap())
        .start()
        .unwrap();

    let scheme = "    scheme: https\n";
    let user = |password: &str| {
        format!("    basic_auth:\n      username: prometheus\n      password: {password}\n")
    };
    let files = |own: bool| {
        let name = |name: &str| file(name).display().to_string();
        let own = match own {
            true => format!(
                "      cert_file: {}\n      key_file: {}\n",
                name("cert.pem"),
                name("key.pem")
            ),
            false => String::new(),
        };
        format!(
            "    tls_config:\n      ca_file: {}\n      server_name: metrics.test\n{own}",
            name("ca.pem")
        )
    };
    let right = [scheme, &user(PASSWORD), &files(true)].concat();
    for (lines, up) in [
        (&right, 1.0),
        (&[scheme, &user("wrong"), &files(true)].concat(), 0.0),
        (&[scheme, &files(true)].concat(), 0.0),
        (&[scheme, &user(PASSWORD), &files(false)].concat(), 0.0),
        (&user(PASSWORD), 0.0), // plain HTTP
    ] {
        let prometheus = Prometheus::scraping_with(server.local_addr(), lines);
        wait::until("a scrape", PATIENCE, || match prometheus.value("up")? {
            Some(value) if value == up => Ok(()),
            other => Err(format!("up is {other:?} instead of {up} with\n{lines}")),
        });
        if up == 1.0 {
            let packets = prometheus.value("packets_total").unwrap();
            assert_eq!(packets, Some(7.0));
        }
    }
}
