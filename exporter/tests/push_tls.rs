//! Pushes over TLS: whom they trust, whom they don't, and how an operator learns which it was.

#![cfg(all(feature = "tls", feature = "remote-write", feature = "otlp"))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::authority::Authority;
use common::client::PATIENCE;
use common::receiver::{Receiver, Reply, status};
use media_metrics_core::desc::Desc;
use media_metrics_core::snapshot::Builder;
use media_metrics_core::{Registry, Sink as _};
use media_metrics_exporter::otlp::Otlp;
use media_metrics_exporter::push::remote_write::{RemoteWrite, Version};
use media_metrics_exporter::push::{Endpoint, PushError, PushSink};
use tempfile::TempDir;

type Start = fn(Endpoint, &Registry) -> Result<PushSink, PushError>;

/// Both protocols, which share the connection.
const PROTOCOLS: [(&str, Start); 2] = [
    ("remote write", |endpoint, registry| {
        let push = RemoteWrite::new(endpoint).version(Version::V1);
        push.stale_on_stop(false).start(registry)
    }),
    ("OTLP", |endpoint, registry| {
        Otlp::new(endpoint).start(registry)
    }),
];

fn takes_all() -> Reply {
    status(200, "")
}

fn endpoint(url: &str, trusted: &Path) -> Endpoint {
    Endpoint::new(url)
        .ca_file(trusted)
        .interval(Duration::ZERO)
        .backoff(Duration::from_millis(1), Duration::from_millis(4))
        .stop_within(Duration::from_millis(200))
        .name("test")
}

fn report(sink: &mut PushSink) {
    let snapshot = Builder::new().counter(&Desc::counter("a_total", "A."), &[(&[], 7)]);
    sink.report(&Arc::new(snapshot.build()));
}

fn retries(registry: &Registry, reason: &str) -> u64 {
    let name = "media_metrics_push_retries_total";
    let snapshot = registry.collect();
    snapshot.counter(name, &["test", reason]).unwrap()
}

fn file(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn one_whose_authority_is_trusted_gets_it() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    // Of two authorities in a file each counts.
    let both = Authority::new().pem() + &authority.pem();
    let trusted = file(&folder, "ca.pem", &both);
    for (protocol, start) in PROTOCOLS {
        let receiver = Receiver::start_tls(&authority.signs("127.0.0.1"), |_, _| takes_all());
        let registry = Registry::new().unwrap();
        let endpoint = endpoint(&receiver.url(), &trusted).stop_within(PATIENCE);
        let mut sink = start(endpoint, &registry).unwrap();
        report(&mut sink);
        report(&mut sink);
        receiver.wait_for(2);
        drop(sink);
        let taken = registry.collect();
        let taken = taken.counter("media_metrics_push_samples_total", &["test"]);
        assert!(taken >= Some(2), "{protocol}: {taken:?}");
        assert_eq!(retries(&registry, "tls"), 0, "{protocol}");
    }
}

#[test]
fn one_who_is_not_who_it_should_be_gets_nothing_and_that_is_told() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let trusted = file(&folder, "ca.pem", &authority.pem());
    for (protocol, start) in PROTOCOLS {
        for (why, pair) in [
            ("another authority", Authority::new().signs("127.0.0.1")),
            ("another name", authority.signs("metrics.test")),
            ("expired", authority.signs_until("127.0.0.1", 2001)),
        ] {
            let receiver = Receiver::start_tls(&pair, |_, _| takes_all());
            let registry = Registry::new().unwrap();
            let mut sink = start(endpoint(&receiver.url(), &trusted), &registry).unwrap();
            report(&mut sink);
            let start = Instant::now();
            while retries(&registry, "tls") < 2 {
                assert!(start.elapsed() < PATIENCE, "{protocol}, {why}");
                std::thread::sleep(Duration::from_millis(5));
            }
            // Before the stop, which cuts short what is under way.
            for other in ["connect", "timeout", "transport", "status"] {
                assert_eq!(retries(&registry, other), 0, "{protocol}, {why}: {other}");
            }
            drop(sink);
            assert!(receiver.requests().is_empty(), "{protocol}, {why}");
        }
    }
}

#[test]
fn a_file_that_does_not_do_is_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::new().unwrap();
    let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let cases = [
        (folder.path().join("none.pem"), "cannot read"),
        (file(&folder, "empty.pem", ""), "no certificate"),
        (
            file(&folder, "torn.pem", "-----BEGIN CERTIFICATE-----\nA"),
            "damaged",
        ),
        (file(&folder, "nonsense.pem", nonsense), "can't be used"),
    ];
    for (path, says) in &cases {
        for (protocol, start) in PROTOCOLS {
            let error = start(endpoint("https://127.0.0.1:1/", path), &registry).unwrap_err();
            let (error, path) = (error.to_string(), path.display().to_string());
            assert!(error.contains(says), "{protocol}: {error}");
            assert!(error.contains(&path), "{protocol}: {error}");
        }
    }
    // What is not encrypted asks for no trust: one of the two is a mistake.
    let trusted = file(&folder, "ca.pem", &Authority::new().pem());
    for (_, start) in PROTOCOLS {
        let error = start(endpoint("http://127.0.0.1:1/", &trusted), &registry).unwrap_err();
        assert!(error.to_string().contains("not encrypted"), "{error}");
    }
}
