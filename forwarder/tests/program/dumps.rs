//! SIGUSR1: the flight recorder to disk, whole, while forwarding goes on.

use std::path::PathBuf;

use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use nix::sys::signal::Signal;

use crate::process::{Page, Running};

fn start(history: &str) -> Running {
    let file = tempfile::NamedTempFile::new().unwrap();
    let config = format!(
        "synthetic: {{streams: 2}}\nmetrics: {{listen: '127.0.0.1:0', interval: 0.2}}\nhistory: {{{history}}}\n"
    );
    std::fs::write(file.path(), config).unwrap();
    Running::start(&["--config", file.path().to_str().unwrap()])
}

fn until(program: &Running, series: &str, least: f64) -> Page {
    program.scrape_when(|page| {
        let got = page.get(series);
        got.is_none_or(|got| got < least)
            .then(|| format!("{series} is {got:?}, and should be {least}"))
    })
}

/// Samples of the forwarding time in an interval log, and its intervals; each histogram is read back.
fn forwarded(log: &[u8]) -> (u64, usize) {
    use base64::Engine as _;
    let (mut samples, mut intervals) = (0, 0);
    for entry in IntervalLogIterator::new(log) {
        let LogEntry::Interval(line) = entry.unwrap() else {
            continue;
        };
        let bytes = base64::engine::general_purpose::STANDARD.decode(line.encoded_histogram());
        let read = Deserializer::new().deserialize::<u64, _>(&mut &*bytes.unwrap());
        if line.tag().unwrap().as_str() == "media_forward_latency_seconds" {
            samples += read.unwrap().len();
            intervals += 1;
        }
    }
    (samples, intervals)
}

#[test]
fn the_signal_writes_what_the_recorder_holds() {
    const WRITTEN: &str = "media_metrics_history_dumps_total{result=\"written\"}";
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("not/there/yet");
    let program = start(&format!("dump_dir: '{}', keep: 2", into.display()));
    for n in 1..=3_u32 {
        until(&program, "media_metrics_history_intervals", f64::from(n));
        program.signal(Signal::SIGUSR1);
        until(&program, WRITTEN, f64::from(n));
    }
    let mut files: Vec<PathBuf> = std::fs::read_dir(&into)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert_eq!(files.len(), 2, "as many as are to be kept: {files:?}");
    let newest = std::fs::read(&files[1]).unwrap();
    let (samples, intervals) = forwarded(&newest);
    let all = program.scrape().get("media_forward_latency_seconds_count");
    assert!(intervals >= 2, "{files:?}");
    assert!(
        samples > 0 && samples as f64 <= all.unwrap(),
        "{samples} of {all:?}"
    );
    program.end(Signal::SIGTERM);
}

#[test]
fn without_a_folder_or_a_recorder_the_signal_harms_nobody() {
    for history in ["minutes: 1", "minutes: 0, dump_dir: '/nowhere'"] {
        let program = start(history);
        program.signal(Signal::SIGUSR1);
        let before = program.scrape().get("media_forward_latency_seconds_count");
        until(
            &program,
            "media_forward_latency_seconds_count",
            before.unwrap_or(0.0) + 1.0,
        );
        program.end(Signal::SIGTERM);
    }
}
