//! Clients that are too many, too slow, too loud: limits hold, and the others are served.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use common::client::{answer, ask, connect, drain, get};
use media_metrics_core::desc::{Desc, Kind};
use media_metrics_core::labels::MAX_VALUE_BYTES;
use media_metrics_core::snapshot::{Builder, Snapshot};
use media_metrics_exporter::{Limits, Server};
use rustix::process::{Resource, getrlimit, setrlimit};

/// Others are "not stalled" if they are answered within this: far above what an answer takes, far
/// below every time limit that a misbehaving client could make them wait for.
const PROMPT: Duration = Duration::from_secs(10);

const MIB: usize = 1 << 20;

/// More than all tests of this file have open together.
const FILES: u64 = 4_096;

fn small() -> Arc<Snapshot> {
    let desc = Desc::counter("a_total", "A.");
    Arc::new(Builder::new().counter(&desc, &[(&[], 7)]).build())
}

/// A page of 24 MiB: more than the operating system takes over for a reader that doesn't read.
fn huge() -> Arc<Snapshot> {
    let names: Vec<String> = (0..24).map(|i| format!("l{i}")).collect();
    let desc = Desc::dynamic(Kind::Counter, "huge_total".into(), String::new())
        .dynamic_labels(names.iter().map(String::as_str));
    let value = "x".repeat(MAX_VALUE_BYTES);
    let labels = vec![value.as_str(); 24];
    let series = vec![(labels.as_slice(), 1); 24 * MIB / (24 * MAX_VALUE_BYTES)];
    Arc::new(Builder::new().counter(&desc, &series).build())
}

/// Lets this process open `n` files: many systems allow 1,024 unless asked.
fn allow_files(n: u64) {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < n) {
        assert!(
            limit.maximum.is_none_or(|maximum| maximum >= n),
            "this test opens {n} files: raise the hard limit (ulimit -Hn)"
        );
        limit.current = Some(n);
        setrlimit(Resource::Nofile, limit).unwrap();
    }
}

fn server(snapshot: Arc<Snapshot>, limits: Limits) -> Server {
    let source = move || Arc::clone(&snapshot);
    Server::builder(source)
        .bind("127.0.0.1:0")
        .limits(limits)
        .start()
        .unwrap()
}

fn patient() -> Limits {
    let long = Duration::from_secs(60);
    Limits {
        header_timeout: long,
        write_timeout: long,
        keep_alive: long,
        ..Limits::default()
    }
}

fn assert_prompt(address: SocketAddr, path: &str) {
    let start = Instant::now();
    assert_eq!(get(address, path).status, 200);
    let took = start.elapsed();
    assert!(took < PROMPT, "{path} took {took:?}");
}

#[test]
fn a_thousand_connections_that_say_nothing_stall_nobody() {
    allow_files(FILES);
    let server = server(
        small(),
        Limits {
            max_connections: 64,
            ..patient()
        },
    );
    let mut silent = Vec::new();
    for i in 0..1_000 {
        let mut socket = connect(server.local_addr());
        if i % 2 == 0 {
            socket
                .write_all(b"GET /metrics HTTP/1.1\r\nHost: ")
                .unwrap();
        }
        silent.push(socket);
        if i % 100 == 99 {
            assert_prompt(server.local_addr(), "/metrics");
        }
    }
    // Not more are open than may be: the others were closed, the oldest first.
    let still_open = silent.iter().filter(|socket| is_open(socket)).count();
    assert!((1..=64).contains(&still_open), "{still_open}");
    assert!(!is_open(&silent[0]) && is_open(&silent[999]));
}

fn is_open(mut socket: &TcpStream) -> bool {
    socket.set_nonblocking(true).unwrap();
    matches!(socket.read(&mut [0]), Err(e) if e.kind() == std::io::ErrorKind::WouldBlock)
}

#[test]
fn a_thousand_scrapers_at_once_all_get_the_page() {
    allow_files(FILES);
    let limits = Limits {
        max_connections: 1_000,
        max_in_flight: 1_000,
        ..patient()
    };
    let server = server(small(), limits);
    let mut sockets: Vec<_> = (0..1_000).map(|_| connect(server.local_addr())).collect();
    sockets
        .iter_mut()
        .for_each(|socket| ask(socket, "GET", "/metrics"));
    for socket in &mut sockets {
        let page = answer(socket, true);
        assert_eq!(page.status, 200);
        assert!(page.text().ends_with("\na_total 7\n"));
    }
}

#[test]
fn half_a_request_is_cut_off_and_a_trickle_gains_no_time() {
    let limits = Limits {
        header_timeout: Duration::from_millis(300),
        ..patient()
    };
    let server = server(small(), limits);
    let mut half_open = connect(server.local_addr());
    half_open.write_all(b"GET /metrics HTTP/1.1\r\n").unwrap();
    let mut second_request = connect(server.local_addr());
    ask(&mut second_request, "GET", "/metrics");
    answer(&mut second_request, true);
    second_request.write_all(b"GET /metr").unwrap();
    let trickle = connect(server.local_addr());
    let mut end = trickle.try_clone().unwrap();
    let writer = thread::spawn(move || {
        let mut trickle = trickle;
        // Until the server closes; then a write fails.
        while trickle.write_all(b"X").is_ok() {
            thread::sleep(Duration::from_millis(50));
        }
    });
    assert_prompt(server.local_addr(), "/metrics");
    let start = Instant::now();
    assert_eq!(drain(&mut half_open), 0);
    assert_eq!(drain(&mut second_request), 0);
    assert_eq!(drain(&mut end), 0);
    assert!(start.elapsed() < PROMPT);
    writer.join().unwrap();
}

#[test]
fn headers_have_a_limit() {
    let with = |max_header_bytes| {
        let limits = Limits {
            max_header_bytes,
            ..patient()
        };
        server(small(), limits)
    };
    let (server, strict) = (with(8_192), with(500));
    let ask = |server: &Server, header: &str| {
        let mut socket = connect(server.local_addr());
        let request = format!("GET /metrics HTTP/1.1\r\n{header}\r\n\r\n");
        // The server may close before it has read everything.
        let _ = socket.write_all(request.as_bytes());
        answer(&mut socket, false).status
    };
    let status = |header: &str| ask(&server, header);
    assert_eq!(ask(&strict, &format!("X: {}", "x".repeat(400))), 200);
    assert_eq!(ask(&strict, &format!("X: {}", "x".repeat(500))), 431);
    assert_eq!(status(&format!("X: {}", "x".repeat(8_000))), 200);
    assert_eq!(status(&format!("X: {}", "x".repeat(8_192))), 431);
    assert_eq!(status(&vec!["X: x"; 101].join("\r\n")), 431);
    let path = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(8_192));
    let mut socket = connect(server.local_addr());
    let _ = socket.write_all(path.as_bytes());
    assert!((400..500).contains(&answer(&mut socket, false).status));
    assert_prompt(server.local_addr(), "/metrics");
}

#[test]
fn a_reader_that_does_not_read_is_cut_off_and_delays_nobody() {
    const WRITE_TIMEOUT: Duration = Duration::from_millis(1_500);
    let limits = Limits {
        write_timeout: WRITE_TIMEOUT,
        ..patient()
    };
    let server = server(huge(), limits);
    // Made once, however long that takes here: from now on a scrape is answered at once.
    let whole = |_| {
        let mut socket = connect(server.local_addr());
        ask(&mut socket, "GET", "/metrics");
        socket.shutdown(std::net::Shutdown::Write).unwrap();
        drain(&mut socket) > 24 * MIB
    };
    assert!((0..20).any(whole), "no page at all");
    let mut slow = connect(server.local_addr());
    ask(&mut slow, "GET", "/metrics");
    assert_prompt(server.local_addr(), "/-/ready");
    // One that takes a little now and then gains no time.
    let mut trickle = connect(server.local_addr());
    ask(&mut trickle, "GET", "/metrics");
    let start = Instant::now();
    let mut taken = 0;
    while start.elapsed() < WRITE_TIMEOUT * 2 {
        taken += trickle.read(&mut [0; 4_096]).unwrap_or(0);
        thread::sleep(Duration::from_millis(50));
    }
    assert!(taken > 0);
    for socket in [&mut slow, &mut trickle] {
        let rest = drain(socket);
        assert!(rest < 20 * MIB, "{rest} bytes after the time was over");
    }
    // A machine with other work may be as slow as a slow reader, once or twice.
    assert!((0..20).any(whole), "who reads gets it all");
}

#[test]
fn who_has_nothing_more_to_ask_still_gets_a_long_answer() {
    let server = server(huge(), patient());
    for has_begun in [false, true] {
        let mut socket = connect(server.local_addr());
        ask(&mut socket, "GET", "/metrics");
        if has_begun {
            socket.read_exact(&mut [0; 100]).unwrap();
        }
        socket.shutdown(std::net::Shutdown::Write).unwrap();
        thread::sleep(Duration::from_millis(100)); // it learns that before the answer is taken
        let rest = drain(&mut socket);
        assert!(rest > 24 * MIB, "{rest} bytes, begun before: {has_begun}");
    }
}

#[test]
fn answers_in_flight_have_a_limit_and_health_has_not() {
    let server = server(
        huge(),
        Limits {
            max_in_flight: 2,
            ..patient()
        },
    );
    let mut slow = [(); 2].map(|()| connect(server.local_addr()));
    for socket in &mut slow {
        ask(socket, "GET", "/metrics");
        socket.read_exact(&mut [0; 100]).unwrap(); // its answer has begun
    }
    let refused = get(server.local_addr(), "/metrics");
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("1"))
    );
    assert_prompt(server.local_addr(), "/-/healthy");
    let [first, _second] = slow;
    drop(first);
    let start = Instant::now();
    while get(server.local_addr(), "/metrics").status != 200 {
        assert!(start.elapsed() < PROMPT, "its place was not given on");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn when_every_connection_is_being_answered_another_is_told_so() {
    let server = server(
        huge(),
        Limits {
            max_connections: 2,
            ..patient()
        },
    );
    let mut slow = [(); 2].map(|()| connect(server.local_addr()));
    for socket in &mut slow {
        ask(socket, "GET", "/metrics");
        socket.read_exact(&mut [0; 100]).unwrap();
    }
    let mut refused = connect(server.local_addr()); // asks nothing: the answer comes by itself
    let answer = answer(&mut refused, true);
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (503, Some("1"))
    );
    assert!(answer.text().contains("busy"), "{}", answer.text());
}

#[test]
fn stopping_lets_an_answer_be_taken_to_its_end() {
    let snapshot = huge();
    let limits = patient();
    let server = server(Arc::clone(&snapshot), limits);
    let address = server.local_addr();
    let mut socket = connect(address);
    ask(&mut socket, "GET", "/metrics");
    socket.read_exact(&mut [0; 100]).unwrap();
    let stopper = thread::spawn(move || server.stop(Duration::from_secs(30)));
    let start = Instant::now();
    while TcpStream::connect(address).is_ok() {
        assert!(start.elapsed() < PROMPT, "it still listens");
        thread::sleep(Duration::from_millis(10));
    }
    assert!(!stopper.is_finished(), "it waits for the reader");
    assert!(drain(&mut socket) > 24 * MIB);
    stopper.join().unwrap();
    assert!(start.elapsed() < Duration::from_secs(20), "and no longer");
}

#[test]
fn stopping_does_not_wait_for_ever() {
    let server = server(huge(), patient());
    let mut socket = connect(server.local_addr());
    ask(&mut socket, "GET", "/metrics");
    socket.read_exact(&mut [0; 100]).unwrap();
    let start = Instant::now();
    server.stop(Duration::from_millis(200));
    let took = start.elapsed();
    assert!(
        (Duration::from_millis(200)..PROMPT).contains(&took),
        "{took:?}"
    );
    assert!(drain(&mut socket) < 24 * MIB, "cut off");
}
