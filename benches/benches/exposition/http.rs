//! Scrapes over HTTP, on one connection that stays: of one snapshot again and again, and of a new one each time.
//!
//! The floor sends the same bytes through a socket, and knows nothing of HTTP.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use media_metrics_benches::contest::{Contest, Role};
use media_metrics_benches::options::Options;
use media_metrics_benches::results::Section;
use media_metrics_exporter::Server;

use crate::filled::{Ours, check};
use crate::floor::own_lines;
use crate::{SHAPE, timed};

const TITLE: &str = "a scrape over HTTP: 23,000 lines";
const AGAIN: &str = "of one snapshot, again and again";

pub(crate) fn run(options: &Options, section: &mut Section) {
    if !options.wants(TITLE) {
        return;
    }
    let ours = Ours::new(SHAPE);
    ours.registry.collect();
    let server = Server::builder(ours.registry.clone()).bind("127.0.0.1:0");
    let server = server.start().expect("a server");
    let mut c = Contest::new(TITLE, "us per scrape", 1e3);

    let mut client = Client::new(server.local_addr(), "identity");
    client.scrape();
    check(
        &own_lines(std::str::from_utf8(client.body()).expect("text")),
        SHAPE,
    );
    let mut floor = Client::new(echo(client.received.clone()), "identity");
    let length = client.received.len();
    c.enter(Role::Floor, "send the same bytes", move |_, n| {
        let time = timed(n, || floor.scrape());
        assert_eq!(floor.received.len(), length);
        time
    });
    for coding in ["identity", "gzip", "zstd"] {
        let mut client = Client::new(server.local_addr(), coding);
        let name = match coding {
            "identity" => AGAIN.to_owned(),
            coding => format!("{AGAIN}, {coding}"),
        };
        let role = if coding == "identity" {
            Role::Ours
        } else {
            Role::Part
        };
        c.enter(role, &name, move |_, n| {
            let time = timed(n, || client.scrape());
            client.check(coding);
            time
        });
    }
    for coding in ["identity", "gzip", "zstd"] {
        let mut client = Client::new(server.local_addr(), coding);
        let registry = ours.registry.clone();
        let name = format!("of a new snapshot each time, its merge included, {coding}");
        c.enter(Role::Part, &name, move |_, n| {
            let time = timed(n, || {
                registry.collect();
                client.scrape();
            });
            client.check(coding);
            time
        });
    }
    let outcome = c.hold(options, &[1]);
    section.outcome(&outcome);
    section.ratio_goal("a repeated scrape over HTTP", &outcome, AGAIN, 0, 1.5);
}

/// Sends `answer` to whatever is asked, until the asker goes.
fn echo(answer: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        let (mut socket, _) = listener.accept()?;
        let mut request = [0; 4_096];
        // A request is one write, and small: it comes in one piece.
        while socket.read(&mut request)? > 0 {
            socket.write_all(&answer)?;
        }
        std::io::Result::Ok(())
    });
    address
}

/// A connection, and the last answer.
pub(crate) struct Client {
    socket: TcpStream,
    request: String,
    received: Vec<u8>,
    head: usize,
}

impl Client {
    pub(crate) fn new(server: SocketAddr, coding: &str) -> Self {
        let socket = TcpStream::connect(server).expect("a connection");
        socket.set_nodelay(true).expect("an option");
        Self {
            socket,
            request: format!(
                "GET /metrics HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: {coding}\r\n\r\n"
            ),
            received: Vec::new(),
            head: 0,
        }
    }

    /// One request, and its whole answer.
    pub(crate) fn scrape(&mut self) {
        self.socket
            .write_all(self.request.as_bytes())
            .expect("a request");
        let mut filled = 0;
        let mut whole = None;
        while whole != Some(filled) {
            // As long as the last answer: most often that is all there is to come.
            let wanted = whole.unwrap_or(filled + 65_536);
            if self.received.len() < wanted {
                self.received.resize(wanted, 0);
            }
            let room = &mut self.received[filled..];
            let n = self.socket.read(room).expect("an answer");
            assert!(n > 0, "the server went away");
            filled += n;
            if whole.is_none() {
                whole = self.whole(filled);
            }
        }
        self.received.truncate(filled);
    }

    /// How long the answer is, once its head is there.
    fn whole(&mut self, filled: usize) -> Option<usize> {
        let received = &self.received[..filled];
        self.head = received.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
        let head = std::str::from_utf8(&received[..self.head]).ok()?;
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().ok())?
        });
        Some(self.head + length?)
    }

    fn body(&self) -> &[u8] {
        &self.received[self.head..]
    }

    /// Whether the answer is a page in this coding.
    fn check(&self, coding: &str) {
        let head = String::from_utf8_lossy(&self.received[..self.head]).to_lowercase();
        assert!(head.starts_with("http/1.1 200 "), "{head}");
        match coding {
            "identity" => check(
                &own_lines(std::str::from_utf8(self.body()).expect("text")),
                SHAPE,
            ),
            coding => assert!(head.contains(&format!("content-encoding: {coding}\r\n"))),
        }
    }
}
