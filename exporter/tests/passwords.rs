//! Users and passwords, as clients meet them: plain ones, hashes, and floods of wrong ones.

#![cfg(feature = "bcrypt")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::client::get_with;
use media_metrics_core::Registry;
use media_metrics_exporter::{ServeError, Server, ServerBuilder};

/// Of cost 5, from the tests of Openwall's crypt_blowfish: the password, and its hash.
const VECTORS: [(&str, &str); 3] = [
    (
        "U*U",
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    ),
    (
        "U*U*",
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK",
    ),
    (
        "U*U*U",
        "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a",
    ),
];

fn builder(registry: &Registry) -> ServerBuilder {
    registry.collect();
    Server::builder(registry.clone()).bind("127.0.0.1:0")
}

fn status(address: SocketAddr, name: &str, password: &str) -> u16 {
    let sent = STANDARD.encode(format!("{name}:{password}"));
    let header = format!("Authorization: Basic {sent}\r\n");
    get_with(address, "/metrics", &header).status
}

#[test]
fn hashes_that_others_made() {
    let registry = Registry::new().unwrap();
    let mut server = builder(&registry).basic_auth("plain", "U*U");
    for (name, (_, hash)) in ["a", "b", "c"].iter().zip(VECTORS) {
        server = server.basic_auth_hash(name, hash.parse().unwrap());
    }
    let server = server.start().unwrap();
    for round in 0..2 {
        for (i, name) in ["a", "b", "c", "plain", "nobody"].iter().enumerate() {
            for (j, (password, hash)) in VECTORS.iter().enumerate() {
                let right = i == j || (*name == "plain" && j == 0);
                let wanted = if right { 200 } else { 401 };
                let got = status(server.local_addr(), name, password);
                assert_eq!(got, wanted, "{name} {password}, round {round}");
                // The hash itself is no password.
                assert_eq!(status(server.local_addr(), name, hash), 401);
            }
        }
    }
}

#[test]
fn a_flood_of_wrong_passwords_keeps_no_known_scraper_waiting() {
    let registry = Registry::new().unwrap();
    // Some 50 ms each with optimisation, and ten times that without.
    let hash = bcrypt::hash("secret", 10).unwrap();
    let server = builder(&registry).basic_auth_hash("prometheus", hash.parse().unwrap());
    let server = server.start().unwrap();
    let address = server.local_addr();
    assert_eq!(status(address, "prometheus", "secret"), 200);

    let over = Arc::new(AtomicBool::new(false));
    let strangers: Vec<_> = (0..32)
        .map(|i| {
            let over = Arc::clone(&over);
            let name = if i % 2 == 0 { "prometheus" } else { "nobody" };
            thread::spawn(move || {
                let (mut refused, mut busy) = (0, 0);
                while !over.load(Ordering::Relaxed) {
                    match status(address, name, "guess") {
                        401 => refused += 1,
                        503 => busy += 1,
                        other => panic!("{other}"),
                    }
                }
                (refused, busy)
            })
        })
        .collect();
    let start = Instant::now();
    let mut served = 0;
    while start.elapsed() < Duration::from_millis(1_500) {
        assert_eq!(status(address, "prometheus", "secret"), 200);
        served += 1;
    }
    over.store(true, Ordering::Relaxed);
    let told = strangers
        .into_iter()
        .map(|stranger| stranger.join().unwrap());
    let (refused, busy) = told.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    // Each was answered, few of them by work; who is known did not stand behind them.
    assert!(refused > 0 && busy > refused, "{refused} {busy}");
    assert!(
        served > refused,
        "{served} of the known, {refused} strangers"
    );

    server.stop(Duration::from_secs(5));
    let counted = registry.collect();
    let count = |code| counted.counter("media_metrics_http_responses_total", &[code]);
    assert_eq!(count("401"), Some(refused));
    assert_eq!(count("503"), Some(busy));
    assert_eq!(count("200"), Some(served + 1));
}

#[test]
fn a_name_that_can_not_be_sent_is_refused() {
    let registry = Registry::new().unwrap();
    let error = builder(&registry)
        .basic_auth("a:b", "c")
        .start()
        .unwrap_err();
    assert!(matches!(&error, ServeError::BadUser { name } if name == "a:b"));
    assert!(error.to_string().contains("colon"), "{error}");
}
