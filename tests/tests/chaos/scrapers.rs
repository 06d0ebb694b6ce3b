//! Scrapers that hang: they connect and say nothing, ask by halves, take a byte and stop, close their half, listen to
//! events and read none, come by the thousand and go. Each on TCP, and on a Unix socket.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use media_metrics_tests::wait::{self, PATIENCE};
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};

use crate::by_both_signals;
use crate::scene::{Scene, Setting, is_closed, number};

/// More than the 256 connections that may be open.
const SILENT: usize = 300;
const HALVES: usize = 100;
/// Fewer than the 64 pages that may be under way: the rest is for those who read.
const STUCK: usize = 40;
const LISTENERS: usize = 8;
/// That come and go.
const PASSERS: usize = 1_000;

const ASKS: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

/// Where metrics are served.
#[derive(Clone, Debug)]
pub(crate) enum Page {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// A connection to it.
#[derive(Debug)]
pub(crate) enum Client {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Page {
    #[track_caller]
    pub(crate) fn connect(&self) -> Client {
        match self {
            Self::Tcp(at) => {
                let stream = TcpStream::connect_timeout(at, PATIENCE).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream.set_write_timeout(Some(PATIENCE)).unwrap();
                Client::Tcp(stream)
            }
            Self::Unix(at) => {
                let stream = UnixStream::connect(at).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream.set_write_timeout(Some(PATIENCE)).unwrap();
                Client::Unix(stream)
            }
        }
    }

    /// What a path answers, status line and all.
    ///
    /// # Errors
    /// The connection broke, or the answer is no success.
    pub(crate) fn get(&self, path: &str) -> Result<String, String> {
        let mut client = self.connect();
        let ask = format!("GET {path} HTTP/1.0\r\n\r\n");
        let mut answer = String::new();
        client
            .write_all(ask.as_bytes())
            .and_then(|()| client.read_to_string(&mut answer))
            .map_err(|e| e.to_string())?;
        match answer.split(' ').nth(1) {
            Some("200") => Ok(answer),
            _ => Err(answer.lines().next().unwrap_or("no answer").to_owned()),
        }
    }

    /// The metrics page, as soon as it shows something.
    #[track_caller]
    pub(crate) fn metrics_when(&self, what: &str, shows: impl Fn(&str) -> bool) -> String {
        wait::until(what, PATIENCE, || {
            let page = self.get("/metrics")?;
            if shows(&page) { Ok(page) } else { Err(page) }
        })
    }

    /// The metrics page, as soon as it is to be had.
    #[track_caller]
    pub(crate) fn metrics(&self) -> String {
        wait::until("the metrics page", PATIENCE, || self.get("/metrics"))
    }
}

impl Client {
    fn half_close(&self) {
        let closed = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
        };
        closed.unwrap();
    }
}

impl Read for Client {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(into),
            Self::Unix(stream) => stream.read(into),
        }
    }
}

impl Write for Client {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// All of them; they hang for as long as what is returned lives.
#[track_caller]
pub(crate) fn hang(page: &Page) -> Vec<Client> {
    // Our own ends of all these connections are files, too: more than the usual 1,024.
    let most = getrlimit(Resource::Nofile).maximum;
    let all = Rlimit {
        current: most,
        maximum: most,
    };
    setrlimit(Resource::Nofile, all).unwrap();
    let mut hanging = Vec::new();
    // Those who are being answered first: they give way to nobody.
    for _ in 0..STUCK {
        let mut client = page.connect();
        // As many pages as no buffer on the way has room for.
        client.write_all(&ASKS.repeat(100)).unwrap();
        client.read_exact(&mut [0]).unwrap();
        hanging.push(client);
    }
    for _ in 0..LISTENERS {
        let mut client = page.connect();
        client
            .write_all(b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
            .unwrap();
        hanging.push(client);
    }
    for _ in 0..HALVES {
        let mut client = page.connect();
        client.write_all(b"GET /metrics HTTP/1.1\r\nHo").unwrap();
        hanging.push(client);
        let mut client = page.connect();
        client.write_all(ASKS).unwrap();
        client.half_close();
        hanging.push(client);
    }
    hanging.extend((0..SILENT).map(|_| page.connect()));
    for _ in 0..PASSERS {
        drop(page.connect());
    }
    hanging
}

/// That the server has met more than it serves at once, and says so.
#[track_caller]
pub(crate) fn wait_until_crowded(page: &Page) -> String {
    wait::until("connections that gave way", PATIENCE, || {
        let page = page.metrics();
        let gave_way = "media_metrics_http_connections_rejected_total{reason=\"gave_way\"}";
        let gave_way = number(&page, gave_way);
        (gave_way >= SILENT as u64 / 2)
            .then_some(page)
            .ok_or_else(|| gave_way.to_string())
    })
}

fn scene(signal: Signal, folder: &Path) {
    let socket = folder.join("metrics.sock");
    let unix = (signal == Signal::INT).then(|| format!("unix:{}", socket.display()));
    let mut scene = Scene::start(&Setting {
        metrics: unix.as_deref().unwrap_or("127.0.0.1:0"),
        // 256 connections of some 20 KiB each, and pages under way.
        growth: 16 << 20,
        ..Setting::default()
    });
    let page = match unix {
        Some(_) => Page::Unix(socket),
        None => Page::Tcp(scene.program.metrics()),
    };
    scene.saw(&page.metrics());
    let hanging = hang(&page);
    scene.flows();
    let crowded = wait_until_crowded(&page);
    scene.saw(&crowded);
    page.get("/-/healthy").unwrap();
    let ending = scene.end(signal);
    ending.nothing_is_lost();
    match page {
        Page::Tcp(at) => is_closed(at),
        Page::Unix(at) => assert!(!at.exists(), "it left its socket behind"),
    }
    drop(hanging);
}

#[test]
fn scrapers_that_hang_hold_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    by_both_signals(|signal| scene(signal, folder.path()));
}
