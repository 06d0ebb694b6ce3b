//! `media-metrics analyze` beside tshark's stream tap: a capture of a million RTP packets, as whole processes.
//!
//! The floor copies the file's bytes through one buffer. The packets that each tool counts are checked before
//! its time counts.

#![expect(
    clippy::expect_used,
    reason = "a contender that can't be set up has no result: the run stops"
)]

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write as _};
use std::net::SocketAddrV4;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use media_metrics_benches::contest::{Contest, Role};
use media_metrics_benches::options::Options;
use media_metrics_benches::results::Section;
use media_metrics_benches::say;
use media_metrics_tests::figures::Figure;
use media_metrics_tests::pcap::{self, Datagram};
use media_metrics_tests::program::executable;
use media_metrics_tests::traffic::{EPOCH_NS, Source};
use media_metrics_tests::{analyze, tshark};

const STREAMS: u16 = 200;
const PORT: u16 = 20_000;
const OURS: &str = "media-metrics analyze";
const TSHARK: &str = "tshark -z rtp,streams";

fn main() -> io::Result<()> {
    let options = Options::from_args().map_err(io::Error::other)?;
    say::note("analyze: about two minutes (--quick: seconds)");
    let (packets, rounds) = if options.quick {
        (20_000, 3)
    } else {
        (1_000_000, 5)
    };
    let mut section = Section::new("analyze");
    let title = format!("a capture of {packets} RTP packets, {STREAMS} streams");
    if options.wants(&title) {
        let folder = tempfile::tempdir()?;
        let capture = folder.path().join("many.pcap");
        let bytes = write(&capture, packets)?;
        let mut c = Contest::new(&title, "ns per packet", packets as f64);
        c.enter(Role::Floor, "reading the file", |_, _| {
            timed(bytes, || read(&capture))
        });
        c.enter(Role::Ours, OURS, |_, _| timed(packets, || ours(&capture)));
        c.enter(Role::Peer, TSHARK, |_, _| {
            timed(packets, || theirs(&capture))
        });
        // Built and in the page cache before anybody's time counts.
        let _built = executable();
        let _warm = read(&capture);
        let outcome = c.hold_slow(rounds);
        section.outcome(&outcome);
        section.lead_goal(&outcome, (OURS, TSHARK), 0, 10.0);
    }
    section.finish(&options)
}

/// How long `run` takes to come to the right answer.
fn timed(right: u64, run: impl FnOnce() -> u64) -> Duration {
    let start = Instant::now();
    let answer = run();
    let took = start.elapsed();
    assert_eq!(answer, right, "a wrong answer is no time");
    took
}

/// Audio at 50 packets a second, all streams at once; returns the file's size.
fn write(path: &Path, packets: u64) -> io::Result<u64> {
    let each = packets / u64::from(STREAMS);
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(&pcap::file_header(1))?;
    let streams: Vec<_> = (0..STREAMS)
        .map(|n| {
            let begin = EPOCH_NS + u64::from(n) * 100_000;
            (n, Source::audio(u32::from(n)).send(each, begin))
        })
        .collect();
    let mut record = Vec::new();
    for i in 0..each as usize {
        for (n, sent) in &streams {
            let at = |ip: [u8; 4]| SocketAddrV4::new(ip.into(), PORT + 2 * n);
            let frame = pcap::frame(&Datagram {
                at_ns: sent[i].at_ns,
                from: at([192, 0, 2, 1]),
                to: at([198, 51, 100, 1]),
                bytes: sent[i].bytes.clone(),
            });
            record.clear();
            pcap::record(&mut record, sent[i].at_ns, frame.len(), &frame);
            file.write_all(&record)?;
        }
    }
    file.into_inner()?.sync_all()?;
    Ok(path.metadata()?.len())
}

/// The floor: all bytes of the file through one buffer.
fn read(path: &Path) -> u64 {
    let file = File::open(path).expect("the capture");
    let mut reader = BufReader::with_capacity(1 << 20, file);
    io::copy(&mut reader, &mut io::sink()).expect("the capture's bytes")
}

fn ours(path: &Path) -> u64 {
    let output = Command::new(executable())
        .args(["analyze", "--format", "json"])
        .arg(path)
        .output()
        .expect("the program");
    let json = String::from_utf8_lossy(&output.stdout);
    let streams = analyze::parse(&json).expect("figures");
    streams.iter().map(packets).sum()
}

fn theirs(path: &Path) -> u64 {
    let ports: Vec<u16> = (0..STREAMS).map(|n| PORT + 2 * n).collect();
    let streams = tshark::streams(path, &ports);
    streams.values().map(|f| f[&Figure::Packets] as u64).sum()
}

fn packets(stream: &analyze::Stream) -> u64 {
    stream.figures[&Figure::Packets] as u64
}
