//! Captures that are damaged, hostile, or no captures: `media-metrics analyze` reads what can be read
//! and says what could not (status 0 and a warning), or that there is nothing to read (status 2). Never
//! a signal, never without end, never beyond its memory.
//!
//! Bounds of time and memory are those of `media_metrics_tests::analyze::run`, for every run.

#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

mod files;
mod hostile;

use std::path::{Path, PathBuf};

use media_metrics_tests::analyze::{Run, Stream, parse, run};
use media_metrics_tests::figures::Figure;
use media_metrics_tests::pcap::{self, Datagram};
use media_metrics_tests::traffic::{EPOCH_NS, Source};

/// A folder that goes when the test ends.
struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Runs a tool of other people's in the folder.
    fn tool(&self, line: &str) {
        let output = std::process::Command::new("sh")
            .args(["-c", line])
            .current_dir(self.0.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
    }
}

/// Audio and video, 50 and some 55 packets a second.
fn datagrams(seconds: u64) -> Vec<Datagram> {
    let audio = Source::audio(0xa).send(50 * seconds, EPOCH_NS);
    let video = Source::video(0xb).send(25 * seconds, EPOCH_NS + 3_000_000);
    let streams = [(audio, 5004), (video, 5006)];
    let mut datagrams: Vec<Datagram> = streams
        .into_iter()
        .flat_map(|(packets, port)| {
            packets.into_iter().map(move |sent| Datagram {
                at_ns: sent.at_ns,
                from: std::net::SocketAddrV4::new([192, 0, 2, 1].into(), port),
                to: std::net::SocketAddrV4::new([198, 51, 100, 1].into(), port),
                bytes: sent.bytes,
            })
        })
        .collect();
    datagrams.sort_by_key(|d| d.at_ns);
    datagrams
}

/// A capture of these, and where each record begins, the end included.
fn capture(datagrams: &[Datagram]) -> (Vec<u8>, Vec<usize>) {
    let mut edges = vec![pcap::FILE_HEADER];
    for datagram in datagrams {
        let frame = pcap::FRAME_HEADERS + datagram.bytes.len();
        edges.push(edges.last().unwrap() + pcap::RECORD_HEADER + frame);
    }
    (pcap::write(datagrams), edges)
}

fn json(path: &Path) -> Run {
    run(path, &["--format", "json"])
}

/// Status 0 with JSON that keeps its contract, or 2 with an error; anything else is a fault.
#[track_caller]
fn survives(path: &Path) -> Option<Vec<Stream>> {
    let run = json(path);
    match run.status.code() {
        Some(0) => match parse(&run.output) {
            Ok(streams) => Some(streams),
            Err(e) => panic!("{}: {e}: {run:?}", path.display()),
        },
        Some(2) => {
            assert!(!run.errors.trim().is_empty(), "status 2 without a word");
            None
        }
        _ => panic!("{}: {run:?}", path.display()),
    }
}

/// As [`survives`], of a capture that can be read in part: status 0, and a warning.
#[track_caller]
fn warns(path: &Path) -> Vec<Stream> {
    let run = json(path);
    assert_eq!(run.status.code(), Some(0), "{}: {run:?}", path.display());
    assert!(!run.errors.trim().is_empty(), "no warning: {run:?}");
    parse(&run.output).unwrap_or_else(|e| panic!("{e}: {run:?}"))
}

/// As [`survives`], of what is no capture: status 2, an error of a few lines, and nothing else.
#[track_caller]
fn refuses(path: &Path) -> String {
    let run = json(path);
    assert_eq!(run.status.code(), Some(2), "{}: {run:?}", path.display());
    assert!(run.output.is_empty(), "{run:?}");
    let lines = run.errors.lines().count();
    assert!((1..=6).contains(&lines), "{run:?}");
    run.errors
}

fn packets(streams: &[Stream]) -> u64 {
    streams
        .iter()
        .map(|s| s.figures[&Figure::Packets])
        .sum::<f64>() as u64
}
