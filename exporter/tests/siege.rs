//! Everything at once: a crowd of scrapers, readers that don't read, half requests, garbage and strangers, while a thread
//! records: nothing is lost of what it counts, and memory stays within bounds.
//!
//! A program of its own, so that its memory is that of this test alone.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops at the first surprise, and tells what it saw"
)]

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::client::{PATIENCE, ask, connect, get};
use media_metrics_core::desc::Desc;
use media_metrics_core::{Registry, Reporter};
use media_metrics_exporter::{Limits, Server};
use rustix::process::{Resource, getrlimit, setrlimit};

static RECORDED: Desc = Desc::counter("recorded_total", "What the recording thread counted.");
static FILLING: Desc = Desc::counter("filling_total", "What makes the page large.").labels(&["n"]);

/// Some 80 kB of page.
const SERIES: usize = 3_000;

/// Clients of each kind.
const CLIENTS: usize = 1_000;

/// What all of it may add: `max_in_flight` pages of different snapshots, buffers of `max_connections`, and the clients' own
/// side of it, which lives in this process, too.
const ADDED_KIB: u64 = 64 << 10;

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.unwrap().trim().strip_suffix(" kB").unwrap();
    number.parse().unwrap()
}

fn allow_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

/// What a client says and does, by its number.
fn misbehave(address: SocketAddr, number: usize) -> Option<TcpStream> {
    let mut socket = TcpStream::connect_timeout(&address, Duration::from_secs(10)).ok()?;
    let long = Some(Duration::from_secs(10));
    socket.set_read_timeout(long).ok()?;
    socket.set_write_timeout(long).ok()?;
    let said: &[u8] = match number % 6 {
        // Asks and never reads; asks many times and never reads.
        0 => b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n",
        1 => &b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100),
        // Half a request; a header that never ends; garbage.
        2 => b"GET /metrics HTTP/1.1\r\nHost: a\r\n",
        3 => &[b"GET / HTTP/1.1\r\nX: ".as_slice(), &[b'x'; 30_000]].concat(),
        4 => &[0x80; 2_000],
        _ => b"GET /nothing HTTP/1.1\r\nAuthorization: Basic eDp5\r\n\r\n",
    };
    let _ = socket.write_all(said); // it may be cut off in the middle
    Some(socket)
}

#[test]
fn limits_hold_memory_is_bounded_and_not_a_count_is_lost() {
    allow_files();
    let registry = Registry::new().unwrap();
    let recorded = registry.counter(&RECORDED, &[]).unwrap();
    let filling: Vec<_> = (0..SERIES)
        .map(|n| registry.counter(&FILLING, &[&n.to_string()]).unwrap())
        .collect();
    filling.iter().for_each(|counter| counter.inc());
    let interval = Duration::from_millis(50);
    let reporter = Reporter::builder(&registry)
        .interval(interval)
        .start()
        .unwrap();
    let limits = Limits {
        header_timeout: Duration::from_secs(2),
        write_timeout: Duration::from_secs(2),
        ..Limits::default()
    };
    let server = Server::builder(registry.clone())
        .bind("127.0.0.1:0")
        .limits(limits);
    let server = server.start().unwrap();
    let address = server.local_addr();
    // What is there before: the page of each shape that will be asked for, and threads.
    get(address, "/metrics");
    let before = resident_kib();

    let over = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&over);
    let recorder = thread::spawn(move || {
        let mut count = 0_u64;
        while !told.load(Ordering::Relaxed) {
            for _ in 0..1_000 {
                recorded.inc();
            }
            count += 1_000;
            thread::sleep(Duration::from_micros(100));
        }
        count
    });
    let told = Arc::clone(&over);
    let scraper = thread::spawn(move || {
        let (mut served, mut turned_away, mut longest) = (0_u32, 0_u32, Duration::ZERO);
        while !told.load(Ordering::Relaxed) {
            let start = Instant::now();
            let mut socket = connect(address);
            ask(&mut socket, "GET", "/metrics");
            let mut text = Vec::new();
            // As long as all places are taken: 503, or a closed connection if another needed this one.
            let _ = socket.set_read_timeout(Some(Duration::from_secs(3)));
            let mut chunk = [0; 4_096];
            while let Ok(n @ 1..) = socket.read(&mut chunk) {
                text.extend_from_slice(&chunk[..n]);
                if text.ends_with(b"\n") && ends(&text) {
                    break;
                }
            }
            match text.starts_with(b"HTTP/1.1 200") {
                true => served += 1,
                false => turned_away += 1,
            }
            longest = longest.max(start.elapsed());
            thread::sleep(Duration::from_millis(20));
        }
        (served, turned_away, longest)
    });

    let (mut held, mut most) = (Vec::new(), 0);
    for number in 0..3 * CLIENTS {
        held.extend(misbehave(address, number));
        if held.len() > CLIENTS {
            held.drain(..CLIENTS / 2);
        }
        if number % 100 == 0 {
            most = most.max(resident_kib());
        }
    }
    most = most.max(resident_kib());
    let added = most.saturating_sub(before);
    drop(held);
    over.store(true, Ordering::Relaxed);
    let count = recorder.join().unwrap();
    let (served, turned_away, longest) = scraper.join().unwrap();
    println!(
        "{} clients: {added} KiB more at the most, {count} recorded; a scraper was served {served} times and turned away \
         {turned_away} times, {longest:?} at the longest",
        3 * CLIENTS
    );
    assert!(added < ADDED_KIB, "{added} KiB more than before");

    // And when the server has noticed that they are gone, everything is as it was.
    let start = Instant::now();
    while get(address, "/metrics").status != 200 {
        assert!(start.elapsed() < PATIENCE, "who is gone keeps a place");
        thread::sleep(Duration::from_millis(20));
    }
    server.stop(Duration::from_secs(5));
    reporter.stop(Duration::from_secs(5));
    let last = registry.latest();
    assert_eq!(last.counter("recorded_total", &[]), Some(count));
    let rejected = |why| last.counter("media_metrics_http_connections_rejected_total", &[why]);
    let gave_way = rejected("gave_way").unwrap() + rejected("full").unwrap();
    assert!(gave_way > 0, "the limit on connections was never met");
    let busy = last.counter("media_metrics_http_responses_total", &["503"]);
    assert!(
        busy.unwrap() > 0,
        "the limit on answers in flight was never met"
    );
}

/// Whether as many bytes came as were announced.
fn ends(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let head = head.to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    length.is_some_and(|length| length.parse() == Ok(body.len()))
}
