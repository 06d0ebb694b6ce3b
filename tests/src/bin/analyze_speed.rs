//! How fast `media-metrics analyze` is, against tshark's stream tap and against plainly reading the
//! file: `cargo run --release -p media-metrics-tests --bin analyze_speed [PACKETS] [ROUNDS]`.
//!
//! The capture is a million packets of 200 streams unless told otherwise. Rounds are interleaved, and
//! the packets that each tool counts are checked before its time counts. Prints Markdown.

#![expect(clippy::print_stdout, reason = "a report for people")]
#![expect(clippy::panic, reason = "a measurement that can't be taken ends")]

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::net::SocketAddrV4;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use media_metrics_tests::figures::Figure;
use media_metrics_tests::pcap::{self, Datagram};
use media_metrics_tests::program::executable;
use media_metrics_tests::traffic::{EPOCH_NS, Source};
use media_metrics_tests::{analyze, tshark};

const STREAMS: u16 = 200;
const PORT: u16 = 20_000;

fn main() {
    let mut numbers = std::env::args().skip(1).map(|word| {
        let number = word.parse().ok().filter(|&n: &u64| n > 0);
        number.unwrap_or_else(|| panic!("{word:?} is no number: analyze_speed [PACKETS] [ROUNDS]"))
    });
    let packets = numbers.next().unwrap_or(1_000_000);
    let rounds = numbers.next().unwrap_or(3);
    let folder = tempfile::tempdir().unwrap_or_else(|e| panic!("no temporary folder: {e}"));
    let path = folder.path().join("many.pcap");
    let (written, bytes) =
        write(&path, packets).unwrap_or_else(|e| panic!("can't write {}: {e}", path.display()));

    let contenders: [Contender; 3] = [
        ("reading the file", bytes, read),
        ("media-metrics analyze", written, ours),
        ("tshark -z rtp,streams", written, theirs),
    ];
    let mut times = [const { Vec::new() }; 3];
    let _built = executable();
    let _warm = read(&path);
    for _ in 0..rounds {
        for ((name, right, run), times) in contenders.iter().zip(&mut times) {
            let start = Instant::now();
            let answer = run(&path);
            times.push(start.elapsed());
            assert_eq!(answer, *right, "{name}: a wrong answer is no time");
        }
    }
    let names = contenders.map(|(name, ..)| name);
    report(written, bytes, rounds, names, times);
}

/// Its name, the right answer, and what it answers.
type Contender = (&'static str, u64, fn(&Path) -> u64);

fn report(packets: u64, bytes: u64, rounds: u64, names: [&str; 3], mut times: [Vec<Duration>; 3]) {
    let median = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2]
    };
    let medians = times.each_mut().map(median);
    let [floor, ours, tshark] = medians.map(|t| t.as_secs_f64());
    println!(
        "{packets} RTP packets of {STREAMS} streams, {bytes} bytes; medians of {rounds} rounds\n"
    );
    println!("| | seconds | packets/s | x reading | x analyze |\n|---|---|---|---|---|");
    for (name, seconds) in names.iter().zip([floor, ours, tshark]) {
        println!(
            "| {name} | {seconds:.3} | {:.0} | {:.1} | {:.2} |",
            packets as f64 / seconds,
            seconds / floor,
            seconds / ours
        );
    }
    println!(
        "\ntshark takes {:.1} times as long as analyze",
        tshark / ours
    );
}

/// Audio at 50 packets a second, all streams at once; returns packets and bytes.
fn write(path: &Path, packets: u64) -> std::io::Result<(u64, u64)> {
    let each = packets.div_ceil(u64::from(STREAMS));
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
    Ok((each * u64::from(STREAMS), path.metadata()?.len()))
}

/// The floor: all bytes of the file through one buffer.
fn read(path: &Path) -> u64 {
    let file = File::open(path);
    let copied = file.and_then(|file| {
        std::io::copy(
            &mut BufReader::with_capacity(1 << 20, file),
            &mut std::io::sink(),
        )
    });
    copied.unwrap_or_else(|e| panic!("can't read {}: {e}", path.display()))
}

fn ours(path: &Path) -> u64 {
    let output = Command::new(executable())
        .args(["analyze", "--format", "json"])
        .arg(path)
        .output()
        .unwrap_or_else(|e| panic!("can't start analyze: {e}"));
    let json = String::from_utf8_lossy(&output.stdout);
    let streams = analyze::parse(&json).unwrap_or_else(|e| panic!("{e}: {output:?}"));
    let packets = streams.iter().map(|s| s.figures[&Figure::Packets] as u64);
    packets.sum()
}

fn theirs(path: &Path) -> u64 {
    let ports: Vec<u16> = (0..STREAMS).map(|n| PORT + 2 * n).collect();
    let streams = tshark::streams(path, &ports);
    streams.values().map(|f| f[&Figure::Packets] as u64).sum()
}
