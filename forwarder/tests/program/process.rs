//! A running program under test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_media-metrics"))
}

/// Runs to the end.
pub(crate) fn run(args: &[&str]) -> Output {
    program().args(args).stdin(Stdio::null()).output().unwrap()
}

/// A program that serves; killed when dropped, whatever the test found.
pub(crate) struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
    said: String,
}

impl Running {
    /// Starts, and waits until everything that listens has been named. It ends by itself, too.
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut child = program()
            .args(args)
            .args(["--duration", "60"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("ends after") {
            assert!(out.read_line(&mut said).unwrap() > 0, "it ended: {said}");
        }
        Self { child, out, said }
    }

    /// The address after `before` in what was said.
    pub(crate) fn address(&self, before: &str) -> SocketAddr {
        let (_, after) = self.said.split_once(before).unwrap();
        let end = after.find([',', '/', '\n']).unwrap();
        after[..end].parse().unwrap()
    }

    pub(crate) fn listen(&self) -> SocketAddr {
        self.address("RTP and RTCP on ")
    }

    /// Memory that it has in use, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find_map(|l| l.strip_prefix("VmRSS:"))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// The page of metrics as of now.
    pub(crate) fn scrape(&self) -> Page {
        Page(self.fetch("/metrics"))
    }

    /// The answer to a request for `path`, head and body.
    pub(crate) fn fetch(&self, path: &str) -> String {
        self.fetch_as(path, "*/*")
    }

    /// The same in a format of one's choice.
    pub(crate) fn fetch_as(&self, path: &str, accept: &str) -> String {
        let mut client = TcpStream::connect(self.address("metrics: http://")).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!("GET {path} HTTP/1.0\r\nAccept: {accept}\r\n\r\n");
        client.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(
            answer.starts_with("HTTP/1.0 200") || answer.starts_with("HTTP/1.1 200"),
            "{answer}"
        );
        answer
    }

    /// The first page on which `series` has `value`; the test fails if it never does.
    pub(crate) fn scrape_until(&self, series: &str, value: f64) -> Page {
        self.scrape_when(|page| {
            let got = page.get(series);
            (got != Some(value)).then(|| format!("{series} is {got:?}, not {value}"))
        })
    }

    /// The first page with which nothing is wrong; the test fails with what is wrong if there never is one.
    pub(crate) fn scrape_when(&self, wrong: impl Fn(&Page) -> Option<String>) -> Page {
        let begun = Instant::now();
        loop {
            let page = self.scrape();
            let Some(wrong) = wrong(&page) else {
                return page;
            };
            assert!(begun.elapsed() < PATIENCE, "{wrong}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    /// Ends it with a signal: gives its last words and how long it took to say them.
    pub(crate) fn end(mut self, signal: Signal) -> (String, Duration) {
        let begun = Instant::now();
        self.signal(signal);
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "{rest}");
        (rest, begun.elapsed())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Prometheus text.
pub(crate) struct Page(pub(crate) String);

impl Page {
    /// The value of a series, written as on the page: `name{label="value"}`.
    pub(crate) fn get(&self, series: &str) -> Option<f64> {
        let lines = self.0.lines().filter_map(|line| line.strip_prefix(series));
        lines
            .filter_map(|rest| rest.strip_prefix(' '))
            .find_map(|v| v.parse().ok())
    }
}
