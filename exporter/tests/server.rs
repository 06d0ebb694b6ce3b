//! The server as a well-behaved client sees it, and its beginning and end.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::client::{PATIENCE, answer, ask, connect, drain, get, get_with};
use common::parser::parse;
use media_metrics_core::Registry;
use media_metrics_core::desc::Desc;
use media_metrics_core::snapshot::{Builder, Snapshot};
use media_metrics_exporter::{Limits, ServeError, Server};

static PACKETS: Desc = Desc::counter("packets_total", "Packets.").labels(&["kind"]);

const PAGE: &str = "# HELP packets_total Packets.\n# TYPE packets_total counter\n\
                    packets_total{kind=\"audio\"} 7\n";

fn snapshot() -> Arc<Snapshot> {
    Arc::new(Builder::new().counter(&PACKETS, &[(&["audio"], 7)]).build())
}

fn server() -> Server {
    let snapshot = snapshot();
    Server::builder(move || Arc::clone(&snapshot))
        .bind("127.0.0.1:0")
        .start()
        .unwrap()
}

#[test]
fn a_page_and_its_head() {
    let server = server();
    let page = get(server.local_addr(), "/metrics");
    assert_eq!((page.status, page.text()), (200, PAGE));
    assert_eq!(
        page.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );

    let mut socket = connect(server.local_addr());
    ask(&mut socket, "HEAD", "/metrics");
    let head = answer(&mut socket, false);
    let length = PAGE.len().to_string();
    assert_eq!(
        (head.status, head.header("content-length")),
        (200, Some(length.as_str()))
    );
    assert_eq!(head.header("content-type"), page.header("content-type"));
    // No body came: the next answer begins where it should.
    ask(&mut socket, "GET", "/-/healthy");
    assert_eq!(answer(&mut socket, true).text(), "healthy\n");
}

#[test]
fn two_servers_of_one_source_may_show_different_families() {
    let bytes = Desc::counter("bytes_total", "Bytes.");
    let packets: &[(&[&str], u64)] = &[(&["audio"], 7)];
    let both = Builder::new()
        .counter(&PACKETS, packets)
        .counter(&bytes, &[(&[], 1)]);
    let both = Arc::new(both.build());
    let source = || {
        let both = Arc::clone(&both);
        Server::builder(move || Arc::clone(&both)).bind("127.0.0.1:0")
    };
    let some = source().families(|name| name.starts_with("packets_"));
    let (some, all) = (some.start().unwrap(), source().start().unwrap());
    assert_eq!(get(some.local_addr(), "/metrics").text(), PAGE);
    let all = get(all.local_addr(), "/metrics");
    assert_eq!(
        all.text(),
        format!("# HELP bytes_total Bytes.\n# TYPE bytes_total counter\nbytes_total 1\n{PAGE}")
    );
}

#[test]
fn many_requests_on_one_connection_one_by_one_and_at_once() {
    let server = server();
    let mut socket = connect(server.local_addr());
    for _ in 0..3 {
        ask(&mut socket, "GET", "/metrics");
        assert_eq!(answer(&mut socket, true).text(), PAGE);
    }
    for path in ["/metrics", "/-/ready", "/nothing", "/metrics"] {
        ask(&mut socket, "GET", path);
    }
    let all = [(); 4].map(|()| answer(&mut socket, true));
    assert_eq!(all.each_ref().map(|a| a.status), [200, 200, 404, 200]);
    assert_eq!(all[3].text(), PAGE);
}

#[test]
fn old_clients_and_clients_that_close_their_side_early() {
    let server = server();
    let mut socket = connect(server.local_addr());
    socket.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    socket.shutdown(std::net::Shutdown::Write).unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).unwrap();
    assert!(
        text.starts_with("HTTP/1.0 200") && text.ends_with(PAGE),
        "{text}"
    );
}

#[test]
fn what_is_wrong_is_told() {
    let server = server();
    let status = |request: &[u8]| {
        let mut socket = connect(server.local_addr());
        socket.write_all(request).unwrap();
        answer(&mut socket, false).status
    };
    assert_eq!(status(b"GET /nothing HTTP/1.1\r\n\r\n"), 404);
    assert_eq!(
        status(b"POST /metrics HTTP/1.1\r\nContent-Length: 9\r\n\r\nxxxxxxxxx"),
        405
    );
    assert_eq!(status(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"), 400); // somebody speaks TLS
    assert_eq!(status(b"GET\r\n\r\n"), 400);
    assert_eq!(get(server.local_addr(), "/metrics").status, 200);
}

#[test]
fn ready_once_something_was_published() {
    let registry = Registry::new().unwrap();
    registry.counter(&PACKETS, &["audio"]).unwrap().add(7);
    let server = Server::builder(registry.clone())
        .bind("127.0.0.1:0")
        .start()
        .unwrap();
    let early = get(server.local_addr(), "/-/ready");
    assert_eq!(early.status, 503);
    assert!(early.text().contains("reporter"), "{}", early.text());
    assert_eq!(get(server.local_addr(), "/-/healthy").status, 200);
    registry.collect();
    assert_eq!(get(server.local_addr(), "/-/ready").status, 200);
    let page = get(server.local_addr(), "/metrics");
    assert!(page.text().contains("\npackets_total{kind=\"audio\"} 7\n"));
    parse(&page.body).unwrap();
}

#[test]
fn the_server_reports_on_itself() {
    let registry = Registry::new().unwrap();
    let limits = Limits {
        header_timeout: Duration::from_millis(50),
        ..Limits::default()
    };
    let server = Server::builder(registry.clone())
        .bind("127.0.0.1:0")
        .limits(limits)
        .start();
    let server = server.unwrap();
    registry.collect();
    let first = get(server.local_addr(), "/metrics").body.len();
    let second = get(server.local_addr(), "/metrics").body.len();
    get(server.local_addr(), "/nothing");
    let mut silent = connect(server.local_addr());
    assert_eq!(silent.read(&mut [0]).unwrap(), 0, "closed");
    server.stop(Duration::from_secs(5));
    let now = registry.collect();
    let count = |name, labels: &[&str]| now.counter(name, labels).unwrap();
    assert_eq!(count("media_metrics_scrapes_total", &[]), 2);
    assert_eq!(
        count("media_metrics_scrape_bytes_total", &[]),
        (first + second) as u64
    );
    assert_eq!(count("media_metrics_http_responses_total", &["200"]), 2);
    assert_eq!(count("media_metrics_http_responses_total", &["404"]), 1);
    let rejected = "media_metrics_http_connections_rejected_total";
    assert_eq!(count(rejected, &["slow_request"]), 1);
    assert_eq!(count(rejected, &["full"]), 0);
    let encode = now.histogram("media_metrics_encode_seconds", &[]).unwrap();
    assert_eq!(encode.count(), 1, "two scrapes, one snapshot, one encoding");
}

#[test]
fn addresses_that_do_not_do() {
    let start = |address: &str| {
        let snapshot = snapshot();
        Server::builder(move || Arc::clone(&snapshot))
            .bind(address)
            .start()
    };
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = start(&address).unwrap_err();
    assert!(matches!(error, ServeError::InUse { .. }), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains(&address) && text.contains("choose another port"),
        "{text}"
    );

    for nonsense in ["", "9464", "127.0.0.1", "127.0.0.1:99999", "no such host:1"] {
        let error = start(nonsense).unwrap_err();
        assert!(
            matches!(error, ServeError::BadAddress { .. }),
            "{nonsense}: {error:?}"
        );
        assert!(error.to_string().contains("HOST:PORT"), "{error}");
    }
    // TEST-NET-1: no machine has it.
    let error = start("192.0.2.1:9464").unwrap_err();
    assert!(matches!(error, ServeError::NotHere { .. }), "{error:?}");
    assert!(start("localhost:0").is_ok());
}

/// Whether nobody listens at `address` any more.
fn is_free(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_err() && TcpListener::bind(address).is_ok()
}

#[test]
fn stopping_does_not_wait_for_idle_connections_and_frees_the_port() {
    let stop: [fn(Server); 2] = [|server| server.stop(Duration::from_secs(3_600)), drop];
    for stop in stop {
        let server = server();
        let address = server.local_addr();
        let mut idle = connect(address);
        ask(&mut idle, "GET", "/metrics");
        answer(&mut idle, true);
        let mut silent = connect(address);
        let start = Instant::now();
        stop(server);
        assert!(start.elapsed() < PATIENCE);
        for socket in [&mut idle, &mut silent] {
            assert_eq!(drain(socket), 0, "closed"); // one that was not accepted yet is reset
        }
        assert!(is_free(address));
    }
}

#[test]
fn a_host_with_an_async_runtime_may_start_and_drop_it_there() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let server = server();
        assert_eq!(get(server.local_addr(), "/-/healthy").status, 200);
        let taken = server.local_addr().to_string();
        let again = Server::builder(snapshot).bind(taken).start();
        assert!(matches!(again, Err(ServeError::InUse { .. })));
    });
}

#[test]
fn a_source_that_panics_harms_only_who_asked() {
    let good = snapshot();
    let turn = std::sync::atomic::AtomicU32::new(0);
    let source = move || {
        let turn = turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        assert!(turn != 0, "the first scrape meets a panic");
        Arc::clone(&good)
    };
    let server = Server::builder(source).bind("127.0.0.1:0").start().unwrap();
    let broken = get(server.local_addr(), "/metrics");
    assert_eq!(broken.status, 500);
    assert!(
        broken.text().contains("standard error"),
        "{}",
        broken.text()
    );
    assert_eq!(get(server.local_addr(), "/metrics").text(), PAGE);
}

#[test]
fn a_source_that_hangs_hangs_nobody() {
    let (go_on, hold) = std::sync::mpsc::channel::<()>();
    let hold = std::sync::Mutex::new(hold);
    let snapshot = snapshot();
    let source = move || {
        let _ = hold.lock().unwrap().recv(); // until it is told to go on
        Arc::clone(&snapshot)
    };
    let server = Server::builder(source).bind("127.0.0.1:0").start().unwrap();
    let address = server.local_addr();
    let start = Instant::now();
    for path in ["/metrics", "/-/ready", "/metrics"] {
        let late = get_with(
            address,
            path,
            "X-Prometheus-Scrape-Timeout-Seconds: 0.2\r\n",
        );
        assert_eq!((late.status, late.header("retry-after")), (503, Some("1")));
        assert!(late.text().contains("not made yet"), "{}", late.text());
        assert_eq!(get(address, "/-/healthy").status, 200);
    }
    server.stop(Duration::from_millis(100)); // and it doesn't wait for the source either
    assert!(start.elapsed() < PATIENCE);
    drop(go_on);
}
