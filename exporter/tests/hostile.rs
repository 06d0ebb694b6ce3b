//! Requests that are wrong in every way there is: each gets the status that is due, or is cut off; and who comes after it
//! is served.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::Arc;

use common::client::{answer, connect, get};
use media_metrics_core::desc::Desc;
use media_metrics_core::snapshot::Builder;
use media_metrics_exporter::Server;

const PAGE: &str = "# HELP a_total A.\n# TYPE a_total counter\na_total 7\n";

fn server() -> Server {
    let desc = Desc::counter("a_total", "A.");
    let snapshot = Arc::new(Builder::new().counter(&desc, &[(&[], 7)]).build());
    let source = move || Arc::clone(&snapshot);
    Server::builder(source).bind("127.0.0.1:0").start().unwrap()
}

/// What came back until the server closed, after a client said `request` and that it has nothing more to say.
fn told(server: &Server, request: &[u8]) -> String {
    let mut socket = connect(server.local_addr());
    // The server may close before it has read everything.
    let _ = socket.write_all(request);
    let _ = socket.shutdown(Shutdown::Write);
    let mut bytes = Vec::new();
    match socket.read_to_end(&mut bytes) {
        Ok(_) => {}
        Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => {}
        Err(e) => panic!("{}: {e}", request.escape_ascii()),
    }
    String::from_utf8(bytes).unwrap()
}

/// The statuses in what came back.
fn statuses(text: &str) -> Vec<u16> {
    let heads = text.split("HTTP/1.").skip(1);
    heads.map(|head| head[2..5].parse().unwrap()).collect()
}

#[test]
fn each_gets_what_is_due() {
    let server = server();
    let cases: &[(&[u8], &[u16])] = &[
        // Methods.
        (
            b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
            &[405],
        ),
        (b"DELETE /metrics HTTP/1.1\r\nHost: a\r\n\r\n", &[405]),
        (b"OPTIONS /metrics HTTP/1.1\r\nHost: a\r\n\r\n", &[405]),
        (b"TRACE /metrics HTTP/1.1\r\nHost: a\r\n\r\n", &[405]),
        (b"BREW /metrics HTTP/1.1\r\nHost: a\r\n\r\n", &[405]),
        (b"get /metrics HTTP/1.1\r\nHost: a\r\n\r\n", &[405]), // methods are of one case
        (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", &[404]),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", &[404]),
        (b"G\x00T /metrics HTTP/1.1\r\n\r\n", &[400]),
        (b" GET /metrics HTTP/1.1\r\n\r\n", &[400]),
        // Paths.
        (
            b"GET http://elsewhere/metrics?x=%00 HTTP/1.1\r\nHost: a\r\n\r\n",
            &[200],
        ),
        (b"GET /metrics#x HTTP/1.1\r\nHost: a\r\n\r\n", &[200]),
        (b"GET //metrics HTTP/1.1\r\nHost: a\r\n\r\n", &[404]),
        (b"GET /%6Detrics HTTP/1.1\r\nHost: a\r\n\r\n", &[404]),
        (b"GET /metrics%00 HTTP/1.1\r\nHost: a\r\n\r\n", &[404]),
        (b"GET /../metrics HTTP/1.1\r\nHost: a\r\n\r\n", &[404]),
        (b"GET /-/../metrics HTTP/1.1\r\nHost: a\r\n\r\n", &[404]),
        (b"GET metrics HTTP/1.1\r\nHost: a\r\n\r\n", &[404]), // taken for a host's name
        (b"GET /met\x01rics HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
        // Versions and what is none.
        (b"GET /metrics HTTP/1.0\r\n\r\n", &[200]),
        (b"GET /metrics HTTP/0.9\r\n\r\n", &[400]),
        (b"GET /metrics HTTP/1.2\r\n\r\n", &[400]),
        (b"GET /metrics\r\n\r\n", &[400]),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[]), // HTTP/2, which has no words for it
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", &[400]), // TLS
        (
            b"\r\n\r\n\r\nGET /metrics HTTP/1.1\r\nHost: a\r\n\r\n",
            &[200],
        ),
        (b"\0\0\0\0", &[400]),
        (b"", &[]),
        (b"GET /metrics HTTP/1.1\r\nHost: a\r\n", &[]), // and no more
        // Headers.
        (b"GET /metrics HTTP/1.1\r\nHost : a\r\n\r\n", &[400]),
        (b"GET /metrics HTTP/1.1\r\nno colon\r\n\r\n", &[400]),
        (
            b"GET /metrics HTTP/1.1\r\nHost: a\r\n folded: x\r\n\r\n",
            &[400],
        ),
        (b"GET /metrics HTTP/1.1\r\nX: \0\r\n\r\n", &[400]),
        (
            b"GET /metrics HTTP/1.1\r\nAccept: \xff\xfe\r\nAccept-Encoding: \xff\r\n\r\n",
            &[200],
        ),
        (
            b"GET /metrics HTTP/1.1\r\nX-Prometheus-Scrape-Timeout-Seconds: nan\r\n\r\n",
            &[200],
        ),
        (
            b"GET /metrics HTTP/1.1\r\nAuthorization: Basic ====\r\n\r\n",
            &[200],
        ), // nobody asked
        (
            b"GET /metrics HTTP/1.1\r\nRange: bytes=0-1\r\nIf-None-Match: *\r\n\r\n",
            &[200],
        ),
        (
            b"GET /metrics HTTP/1.1\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
            &[200],
        ),
        // Bodies: no page takes one.
        (
            b"GET /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
            &[200],
        ),
        (
            b"GET /metrics HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            &[400],
        ),
        (
            b"GET /metrics HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
            &[400],
        ),
        (
            b"GET /metrics HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
            &[400],
        ),
        (
            b"GET /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            &[200],
        ),
        (
            b"GET /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\n",
            &[200],
        ),
        (
            b"GET /metrics HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
            &[400],
        ),
        (
            b"GET /metrics HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
            &[200],
        ),
    ];
    for (request, wanted) in cases {
        let text = told(&server, request);
        assert_eq!(
            statuses(&text),
            *wanted,
            "{}: {text}",
            request.escape_ascii()
        );
        assert_eq!(get(server.local_addr(), "/metrics").text(), PAGE);
    }
}

#[test]
fn what_is_hidden_in_a_body_is_no_request() {
    let server = server();
    let inside = "GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n";
    let length = inside.len();
    for request in [
        format!("GET /metrics HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{inside}"),
        format!(
            "GET /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{inside}\r\n0\r\n\r\n"
        ),
        // Who believes one and not the other is smuggled past.
        format!(
            "GET /metrics HTTP/1.1\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{inside}\r\n0\r\n\r\n"
        ),
    ] {
        let text = told(&server, request.as_bytes());
        assert!(!text.contains("healthy\n"), "{request}\n{text}");
    }
}

#[test]
fn many_requests_at_once_are_answered_in_turn() {
    let server = server();
    let mut request = String::new();
    for i in 0..500 {
        let path = ["/metrics", "/-/healthy", "/-/ready", "/nothing"][i % 4];
        request.push_str(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
    }
    let text = told(&server, request.as_bytes());
    let wanted = [200, 200, 200, 404].repeat(125);
    assert_eq!(statuses(&text), wanted);
    assert_eq!(text.matches("\na_total 7\n").count(), 125);
}

#[test]
fn the_head_of_every_page_is_that_of_the_page() {
    let server = server();
    for path in ["/metrics", "/-/healthy", "/-/ready", "/nothing"] {
        let mut socket = connect(server.local_addr());
        // If a body came, the next answer would not begin where it should.
        for method in ["HEAD", "HEAD", "GET"] {
            common::client::ask(&mut socket, method, path);
            let head = answer(&mut socket, method == "GET");
            let length = get(server.local_addr(), path).body.len();
            assert_eq!(head.header("content-length"), Some(&*length.to_string()));
        }
    }
}
