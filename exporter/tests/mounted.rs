//! The pages inside a host's own server: axum, with pages of its own beside ours.

#![cfg(feature = "tower")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Instant;

use axum::Router;
use axum::routing::get as page;
use common::client::{PATIENCE, answer, ask, connect, get, get_with};
use media_metrics_core::Registry;
use media_metrics_core::desc::Desc;
use media_metrics_core::snapshot::{Builder, Snapshot};
use media_metrics_exporter::{Limits, Server, Service};

const PAGE: &str = "# HELP a_total A.\n# TYPE a_total counter\na_total 7\n";

fn snapshot() -> Arc<Snapshot> {
    let desc = Desc::counter("a_total", "A.");
    Arc::new(Builder::new().counter(&desc, &[(&[], 7)]).build())
}

fn fixed() -> impl Fn() -> Arc<Snapshot> + Send + Sync + 'static {
    let snapshot = snapshot();
    move || Arc::clone(&snapshot)
}

/// A host's server on one thread, which a page that takes long would stop. It runs until the test ends.
fn host(metrics: Service) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let app = Router::new()
        .route("/", page(async || "the host's own"))
        .nest_service("/internal", metrics.clone())
        .route_service("/metrics", metrics);
    thread::spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, app).await.unwrap();
        });
    });
    address
}

#[test]
fn every_page_is_there_beside_the_hosts() {
    let address = host(Server::builder(fixed()).into_service().unwrap());
    for path in ["/metrics", "/internal/metrics"] {
        let answer = get(address, path);
        assert_eq!((answer.status, answer.text()), (200, PAGE), "{path}");
        let kind = answer.header("content-type").unwrap();
        assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    }
    assert_eq!(get(address, "/").text(), "the host's own");
    assert_eq!(get(address, "/internal/-/healthy").text(), "healthy\n");
    assert_eq!(get(address, "/internal/-/ready").status, 200);
    assert_eq!(get(address, "/internal/nothing").status, 404);
    let mut socket = connect(address);
    ask(&mut socket, "POST", "/metrics");
    assert_eq!(answer(&mut socket, true).status, 405);
    ask(&mut socket, "HEAD", "/metrics");
    let head = answer(&mut socket, false);
    let length = PAGE.len().to_string();
    assert_eq!(head.header("content-length"), Some(length.as_str()));
    let open = get_with(
        address,
        "/metrics",
        "Accept: application/openmetrics-text\r\n",
    );
    assert!(open.text().ends_with("# EOF\n"));
}

#[test]
fn strangers_are_asked_who_they_are() {
    let service = Server::builder(fixed()).basic_auth("Aladdin", "open sesame");
    let address = host(service.into_service().unwrap());
    let stranger = get(address, "/metrics");
    assert_eq!(stranger.status, 401);
    assert!(stranger.header("www-authenticate").is_some());
    let known = "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n";
    assert_eq!(get_with(address, "/metrics", known).text(), PAGE);
    assert_eq!(get(address, "/").status, 200, "the host's own are its own");
}

#[test]
fn a_source_that_hangs_does_not_hang_the_host() {
    let (go_on, hold) = mpsc::channel::<()>();
    let (hold, snapshot) = (Mutex::new(hold), snapshot());
    let source = move || {
        let _ = hold.lock().unwrap().recv(); // until it is told to go on
        Arc::clone(&snapshot)
    };
    let limits = Limits {
        max_in_flight: 2,
        ..Limits::default()
    };
    let address = host(
        Server::builder(source)
            .limits(limits)
            .into_service()
            .unwrap(),
    );
    let start = Instant::now();
    let mut waiting = [(); 2].map(|()| connect(address));
    for socket in &mut waiting {
        ask(socket, "GET", "/metrics");
    }
    // Both have their places; then there is none left.
    while get_with(
        address,
        "/metrics",
        "X-Prometheus-Scrape-Timeout-Seconds: 0.1\r\n",
    )
    .text()
    .contains("not made yet")
    {
        assert!(start.elapsed() < PATIENCE, "the two are not in flight");
    }
    let refused = get(address, "/metrics");
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("1"))
    );
    assert_eq!(get(address, "/").text(), "the host's own");
    assert_eq!(get(address, "/internal/-/healthy").text(), "healthy\n");
    drop(go_on);
    for socket in &mut waiting {
        assert_eq!(answer(socket, true).text(), PAGE);
    }
}

#[test]
fn who_finds_no_room_is_counted_as_any_answer() {
    let registry = Registry::new().unwrap();
    let limits = Limits {
        max_connections: 0,
        ..Limits::default()
    };
    let server = Server::builder(registry.clone()).limits(limits);
    let address = host(server.into_service().unwrap());
    let refused = get(address, "/internal/-/healthy");
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("1"))
    );
    let counted = |code| {
        registry
            .collect()
            .counter("media_metrics_http_responses_total", &[code])
    };
    assert_eq!((counted("503"), counted("200")), (Some(1), Some(0)));
}

#[test]
fn its_threads_end_with_the_last_clone() {
    let (alive, ended) = mpsc::channel::<()>();
    let snapshot = snapshot();
    let source = move || {
        let _ = &alive; // dropped with the source
        Arc::clone(&snapshot)
    };
    let service = Server::builder(source).into_service().unwrap();
    let clone = service.clone();
    drop(service);
    assert_eq!(ended.try_recv(), Err(mpsc::TryRecvError::Empty));
    drop(clone);
    let end = ended.recv_timeout(PATIENCE);
    assert_eq!(end, Err(mpsc::RecvTimeoutError::Disconnected));
}

/// What `tower`'s `oneshot` does: it lets the service go before the answer is there.
#[test]
fn who_lets_the_last_clone_go_still_gets_his_answer() {
    let (go_on, hold) = mpsc::channel::<()>();
    let (hold, snapshot) = (Mutex::new(hold), snapshot());
    let (begun, has_begun) = mpsc::channel();
    let source = move || {
        let _ = begun.send(());
        let _ = hold.lock().unwrap().recv(); // until it is told to go on
        Arc::clone(&snapshot)
    };
    let mut service = Server::builder(source).into_service().unwrap();
    let request = hyper::Request::get("/metrics").body(()).unwrap();
    let answer = tower_service::Service::call(&mut service, request);
    has_begun.recv_timeout(PATIENCE).unwrap();
    drop(service);
    drop(go_on);
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let answer = runtime.unwrap().block_on(answer).unwrap();
    assert_eq!(answer.status(), 200);
}
