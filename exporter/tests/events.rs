//! Events and the live page over HTTP: who listens is told, the slow hold up nobody, and the end is prompt.

#![cfg(feature = "page")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use common::client::{PATIENCE, answer, ask, connect, drain, get, get_with};
use media_metrics_core::catalog;
use media_metrics_core::snapshot::Snapshot;
use media_metrics_core::{Registry, Reporter};
use media_metrics_exporter::{Limits, Server, ServerBuilder, Source};
use serde_json::Value;

/// A listener, behind the head of the answer.
struct Listener {
    lines: BufReader<TcpStream>,
    head: String,
}

impl Listener {
    fn new(address: SocketAddr, path: &str, headers: &str) -> Self {
        let mut socket = connect(address);
        let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\n{headers}\r\n");
        socket.write_all(request.as_bytes()).unwrap();
        let mut lines = BufReader::new(socket);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(lines.read_line(&mut head).unwrap() > 0, "{head}");
        }
        Self { lines, head }
    }

    fn here(address: SocketAddr) -> Self {
        Self::new(address, "/api/v1/events", "")
    }

    /// The next chunk of the body; `None` at its end.
    fn chunk(&mut self) -> Option<String> {
        let mut size = String::new();
        self.lines.read_line(&mut size).unwrap();
        let size =
            usize::from_str_radix(size.trim(), 16).unwrap_or_else(|e| panic!("{e}: {size:?}"));
        let mut bytes = vec![0; size + 2];
        self.lines.read_exact(&mut bytes).unwrap();
        bytes.truncate(size);
        (size > 0).then(|| String::from_utf8(bytes).unwrap())
    }

    /// The next moment, with its id.
    fn moment(&mut self) -> (String, Value) {
        loop {
            let chunk = self.chunk().unwrap_or_else(|| panic!("it is over"));
            if let Some(event) = chunk.strip_prefix("event: moment\nid: ") {
                let (id, data) = event.split_once("\ndata: ").unwrap();
                let json = data.strip_suffix("\n\n").unwrap();
                return (id.to_owned(), serde_json::from_str(json).unwrap());
            }
        }
    }
}

fn serve(source: impl Source, set: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Server {
    set(Server::builder(source).bind("127.0.0.1:0"))
        .start()
        .unwrap()
}

/// A registry that is merged five times a second.
fn reporting() -> (Registry, Reporter) {
    let registry = Registry::new().unwrap();
    let reporter = Reporter::builder(&registry).interval(Duration::from_millis(200));
    (registry, reporter.start().unwrap())
}

fn until(what: &str, mut look: impl FnMut() -> bool) {
    let start = Instant::now();
    while !look() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_listener_is_told_each_snapshot_and_what_grew() {
    let (registry, reporter) = reporting();
    let packets = registry
        .counter(&catalog::RTP_PACKETS, &["incoming", "audio"])
        .unwrap();
    let server = serve(registry, |builder| builder);
    let mut listener = Listener::here(server.local_addr());
    let head = listener.head.to_lowercase();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(
        head.contains("content-type: text/event-stream\r\n"),
        "{head}"
    );
    assert!(head.contains("cache-control: no-store\r\n"), "{head}");
    assert_eq!(listener.chunk().unwrap(), "retry: 2000\n\n");
    let (_, first) = listener.moment();
    assert_eq!(first["interval_seconds"], Value::Null);
    packets.add(600);
    let (mut before, mut sum) = (first["sequence"].as_u64().unwrap(), 0.0);
    until("all packets are told", || {
        let (id, moment) = listener.moment();
        let sequence = moment["sequence"].as_u64().unwrap();
        assert!(sequence > before, "in order");
        before = sequence;
        assert_eq!(id, format!("{sequence}-{}", moment["time_ms"]));
        let seconds = moment["interval_seconds"].as_f64().unwrap();
        sum += moment["received"]["packets_per_second"].as_f64().unwrap() * seconds;
        (sum - 600.0).abs() < 1e-6
    });
    reporter.stop(Duration::from_secs(1));
}

#[test]
fn who_comes_back_is_not_told_twice_and_silence_is_no_end() {
    let registry = Registry::new().unwrap();
    registry.collect();
    let server = serve(registry.clone(), |builder| builder);
    let (id, _) = Listener::here(server.local_addr()).moment();
    let mut back = Listener::new(
        server.local_addr(),
        "/api/v1/events",
        &format!("Last-Event-ID: {id}\r\n"),
    );
    let second = registry.collect();
    assert_eq!(back.moment().1["sequence"], second.sequence());
}

#[test]
fn too_many_are_told_to_come_back_and_take_no_scrapers_place() {
    let (registry, reporter) = reporting();
    let limits = Limits {
        max_in_flight: 1,
        max_listeners: 2,
        ..Limits::default()
    };
    let server = serve(registry.clone(), |builder| builder.limits(limits));
    let address = server.local_addr();
    let mut listeners = vec![Listener::here(address), Listener::here(address)];
    let refused = get(address, "/api/v1/events");
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("1"))
    );
    assert_eq!(get(address, "/metrics").status, 200);
    let open = || {
        registry
            .latest()
            .gauge("media_metrics_event_listeners", &[])
    };
    until("both are counted", || open() == Some(2.0));
    listeners.pop();
    until("a place is free", || get_status(address) == 200);
    listeners[0].moment();
    until("what was told is counted", || {
        registry.latest().counter("media_metrics_events_total", &[]) > Some(0)
    });
    drop(listeners);
    until("nobody listens", || open() == Some(0.0));
    reporter.stop(Duration::from_secs(1));
}

/// The status that a listener gets, who leaves again.
fn get_status(address: SocketAddr) -> u16 {
    let listener = Listener::here(address);
    listener.head.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_head_and_other_methods_are_as_for_other_pages_and_the_connection_goes_on() {
    let (registry, reporter) = reporting();
    let server = serve(registry, |builder| builder);
    let mut socket = connect(server.local_addr());
    ask(&mut socket, "HEAD", "/api/v1/events");
    let head = answer(&mut socket, false);
    assert_eq!(
        (head.status, head.header("content-type")),
        (200, Some("text/event-stream"))
    );
    ask(&mut socket, "POST", "/api/v1/events");
    assert_eq!(answer(&mut socket, true).status, 405);
    ask(&mut socket, "GET", "/-/healthy");
    assert_eq!(answer(&mut socket, true).text(), "healthy\n");
    reporter.stop(Duration::from_secs(1));
}

#[test]
fn a_stop_ends_every_response_whole_and_at_once() {
    let (registry, reporter) = reporting();
    let server = serve(registry, |builder| builder);
    let mut listeners: Vec<Listener> = (0..3)
        .map(|_| Listener::here(server.local_addr()))
        .collect();
    for listener in &mut listeners {
        listener.moment();
    }
    let far = Duration::from_secs(3_600);
    let stop = std::thread::spawn(move || server.stop(far));
    for mut listener in listeners {
        let start = Instant::now();
        while listener.chunk().is_some() {
            assert!(start.elapsed() < PATIENCE, "it goes on after the stop");
        }
        assert_eq!(drain(listener.lines.get_mut()), 0);
    }
    stop.join().unwrap(); // long before the deadline
    reporter.stop(Duration::from_secs(1));
}

/// A source that is asked only while somebody listens.
struct Asked(Registry, Arc<AtomicUsize>);

impl Source for Asked {
    fn latest(&self) -> Arc<Snapshot> {
        self.1.fetch_add(1, SeqCst);
        self.0.latest()
    }

    fn registry(&self) -> Option<&Registry> {
        Some(&self.0)
    }
}

#[test]
fn nobody_is_asked_while_nobody_listens() {
    let (registry, reporter) = reporting();
    let asked = Arc::new(AtomicUsize::new(0));
    let source = Asked(registry.clone(), Arc::clone(&asked));
    let server = serve(source, |builder| builder);
    assert_eq!(get(server.local_addr(), "/").status, 200);
    assert_eq!(asked.load(SeqCst), 0);
    for _ in 0..2 {
        let mut listener = Listener::here(server.local_addr());
        let (_, first) = listener.moment();
        assert_eq!(
            first["interval_seconds"],
            Value::Null,
            "compared with nothing"
        );
        assert_ne!(listener.moment().1["interval_seconds"], Value::Null);
        drop(listener);
        let last = || asked.load(SeqCst);
        until("it is asked no more", || {
            let before = last();
            std::thread::sleep(Duration::from_millis(700));
            last() == before
        });
    }
    let skipped = "media_metrics_events_skipped_total";
    assert_eq!(
        registry.latest().counter(skipped, &[]),
        Some(0),
        "nobody missed anything"
    );
    reporter.stop(Duration::from_secs(1));
}

/// A Unix socket holds a fifth of a megabyte: soon full.
#[cfg(unix)]
#[test]
fn who_does_not_read_is_cut_off_and_the_others_are_told() {
    use std::os::unix::net::UnixStream;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    // Ten of the worst streams with names of a kilobyte: an event of tens of kilobytes.
    let registry = Registry::builder().worst(100).build().unwrap();
    let kinds: Vec<String> = (0..100)
        .map(|i| format!("{i}{}", "x".repeat(1_000)))
        .collect();
    let mut streams = Vec::new();
    for (ssrc, kind) in (0..).zip(&kinds) {
        let group = registry.group(&["incoming", kind]).unwrap();
        streams.push(
            registry
                .stream(&group, media_metrics_core::StreamConfig::new(ssrc, 48_000))
                .unwrap(),
        );
    }
    let mut number = 0;
    let mut send = move || {
        for stream in &mut streams {
            let header = media_metrics_core::rtp::RtpHeader {
                marker: false,
                payload_type: 111,
                sequence: number,
                timestamp: u32::from(number) * 960,
                ssrc: 1,
                header_len: 12,
                padding_len: 0,
                packet_len: 172,
            };
            stream.on_rtp(&header, u64::from(number) * 20_000_000);
        }
        number += 1;
    };
    let limits = Limits {
        write_timeout: Duration::from_millis(500),
        ..Limits::default()
    };
    let address = format!("unix:{}", path.display());
    let server = Server::builder(registry.clone())
        .bind(address)
        .limits(limits)
        .start()
        .unwrap();
    let listen = || {
        let mut socket = UnixStream::connect(&path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        ask(&mut socket, "GET", "/api/v1/events");
        socket
    };
    let (_deaf, mut reader) = (listen(), listen());
    let slow = || {
        registry.latest().counter(
            "media_metrics_http_connections_rejected_total",
            &["slow_reader"],
        )
    };
    let mut read = 0;
    let mut buffer = vec![0; 1 << 20];
    until("the deaf one is cut off", || {
        send();
        registry.collect();
        read += reader.read(&mut buffer).unwrap();
        slow() == Some(1)
    });
    let (before, start) = (read, Instant::now());
    while read == before {
        assert!(start.elapsed() < PATIENCE, "the other one is told no more");
        send();
        registry.collect();
        read += reader.read(&mut buffer).unwrap();
    }
    drop(server);
}

#[test]
fn the_page_is_whole_and_keeps_to_itself() {
    let (registry, reporter) = reporting();
    let server = serve(registry, |builder| {
        builder.basic_auth("Aladdin", "open sesame")
    });
    let address = server.local_addr();
    for path in ["/", "/page/main.js", "/api/v1/events"] {
        assert_eq!(get(address, path).status, 401, "{path}");
    }
    let known = "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n";
    let page = get_with(address, "/", known);
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none';") && !policy.contains("unsafe"),
        "{policy}"
    );
    // Every file that the page names is there, and whatever those name.
    let mut named = vec![page.text().to_owned()];
    let mut seen = std::collections::BTreeSet::new();
    while let Some(text) = named.pop() {
        let quoted = text
            .split(['"', '\''])
            .filter(|word| word.ends_with(".js") || word.ends_with(".css"));
        for word in quoted {
            let file = word
                .trim_start_matches("./")
                .trim_start_matches("page/")
                .to_owned();
            if seen.insert(file.clone()) {
                let answer = get_with(address, &format!("/page/{file}"), known);
                assert_eq!(answer.status, 200, "{file}");
                let same = format!(
                    "{known}If-None-Match: {}\r\n",
                    answer.header("etag").unwrap()
                );
                assert_eq!(
                    get_with(address, &format!("/page/{file}"), &same).status,
                    304
                );
                if !file.starts_with("vendor") {
                    named.push(answer.text().to_owned());
                }
            }
        }
    }
    assert!(seen.len() > 15, "{seen:?}");
    Listener::new(address, "/api/v1/events", known).moment();
    reporter.stop(Duration::from_secs(1));
}

#[cfg(feature = "tower")]
#[test]
fn a_hosts_server_tells_events_and_has_the_page_where_it_wants() {
    let (registry, reporter) = reporting();
    let service = Server::builder(registry).into_service().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let host = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let app = axum::Router::new().nest_service("/internal", service);
            tokio::task::spawn(async move { axum::serve(listener, app).await });
            let _ = stopped.await;
        });
    });
    let page = get(address, "/internal/");
    assert_eq!(page.status, 200);
    assert!(
        page.text().contains("src=\"page/main.js\""),
        "relative: it is mounted anywhere"
    );
    assert_eq!(get(address, "/internal/page/main.js").status, 200);
    let mut listener = Listener::new(address, "/internal/api/v1/events", "");
    for _ in 0..3 {
        listener.moment();
    }
    drop(stop);
    host.join().unwrap();
    reporter.stop(Duration::from_secs(1));
}
