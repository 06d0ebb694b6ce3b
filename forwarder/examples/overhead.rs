//! What measuring costs the forwarder: its processor time per packet with metrics on and off.
//!
//! ```text
//! cargo build --release --package media-metrics-forwarder --bins
//! cargo run --release --package media-metrics-forwarder --example overhead -- [ROUNDS [PACKETS_A_SECOND]]
//! ```
//!
//! Starts the release build of `media-metrics` as a process of its own, feeds it from this one over
//! loopback at a steady rate, and reads the time that its threads (worker, reporter, HTTP server) spent
//! on a processor from `/proc`. The variants take turns within each round, so that a machine that gets
//! slower does so for all; the ratios of each round are what counts. A round in which a packet got lost is run again.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use media_metrics_forwarder::net::{Arena, Receiver, bind_group, send_batch};
use rustix::net::SocketAddrAny;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// What is compared, as the `metrics` part of the configuration; the first is the baseline.
const VARIANTS: [(&str, &str); 3] = [
    ("off", "enabled: false"),
    ("on", "kernel_stamps: false"),
    ("on, kernel stamps", "kernel_stamps: true"),
];
const STREAMS: usize = 64;
const SECONDS: u64 = 2;
/// Packets sent in one go: a few video frames of a few publishers.
const BURST: usize = 16;
/// Bytes of a packet, header included.
const LEN: usize = 1_000;

fn main() -> Outcome<()> {
    let mut args = std::env::args().skip(1).map(|a| a.parse::<u64>());
    let rounds = args.next().transpose()?.unwrap_or(7);
    let rate = args.next().transpose()?.unwrap_or(40_000);
    let program = std::env::current_exe()?.with_file_name("../media-metrics");
    let mut times = VARIANTS.map(|_| Vec::new());
    for round in 0..rounds as usize {
        // Each round begins with another one: none always runs on the warmer machine.
        for which in (0..VARIANTS.len()).map(|i| (i + round) % VARIANTS.len()) {
            let (name, metrics) = VARIANTS[which];
            let ns = measure(&program, metrics, rate)?;
            writeln!(
                io::stdout(),
                "round {round:2}  {name:18} {ns:6.0} ns a packet"
            )?;
            times[which].push(ns);
        }
    }
    // Round by round: a machine that gets slower from one round to the next does so for all.
    let [baseline, ..] = &times;
    for ((name, _), own) in VARIANTS.iter().zip(&times) {
        let mut ratios: Vec<f64> = own.iter().zip(baseline).map(|(a, b)| a / b).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        let quartile = |q: usize| percent(ratios[q * (ratios.len() - 1) / 4]);
        writeln!(
            io::stdout(),
            "{name:18} {:6.0} ns a packet, to off: median {:+.2} %, quartiles {:+.2} % to {:+.2} %",
            median(own.clone()),
            quartile(2),
            quartile(1),
            quartile(3),
        )?;
    }
    Ok(())
}

fn percent(ratio: f64) -> f64 {
    100.0 * (ratio - 1.0)
}

/// Processor time per packet of one forwarder, in nanoseconds.
fn measure(program: &Path, metrics: &str, rate: u64) -> Outcome<f64> {
    for _ in 0..5 {
        let subscriber = bind_group("127.0.0.1:0".parse()?, 1, 16 << 20, false)?.remove(0);
        let mut forwarder = Forwarder::start(program, metrics, subscriber.local_addr()?)?;
        let outcome = load(&forwarder, subscriber, rate);
        forwarder.process.kill()?;
        forwarder.process.wait()?;
        if let Some(ns) = outcome? {
            return Ok(ns);
        }
    }
    Err("packets got lost in five rounds: the machine is too busy, try a lower rate".into())
}

struct Forwarder {
    process: Child,
    listen: SocketAddr,
}

impl Forwarder {
    fn start(program: &Path, metrics: &str, subscriber: SocketAddr) -> Outcome<Self> {
        let file = tempfile::NamedTempFile::new()?;
        let yaml = format!(
            "listen: 127.0.0.1:0\nsubscribers: ['{subscriber}']\nworkers: 1\nduration: 60\n\
             metrics: {{listen: '127.0.0.1:0', {metrics}}}\n"
        );
        std::fs::write(file.path(), yaml)?;
        let mut process = Command::new(program)
            .arg("--config")
            .arg(file.path())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("{}: {e}; build it first", program.display()))?;
        let mut lines = BufReader::new(process.stdout.take().ok_or("no output")?).lines();
        let first = lines.next().ok_or("it did not start")??;
        let (_, after) = first
            .split_once("RTCP on ")
            .ok_or("it said something else")?;
        let (addr, _) = after.split_once(',').ok_or("it said something else")?;
        let listen = addr.parse()?;
        let ready = |line: &io::Result<String>| line.as_ref().is_ok_and(|l| l.starts_with("ends"));
        lines.find(ready).ok_or("it did not start")??;
        Ok(Self { process, listen })
    }

    /// Time that all its threads spent on a processor.
    fn processor_ns(&self) -> Outcome<u64> {
        let mut total = 0;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.process.id()))? {
            let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
            total += text
                .split_whitespace()
                .next()
                .ok_or("empty schedstat")?
                .parse::<u64>()?;
        }
        Ok(total)
    }
}

/// Feeds a forwarder at a steady rate and counts what comes out; `None` if anything got lost.
fn load(forwarder: &Forwarder, subscriber: UdpSocket, rate: u64) -> Outcome<Option<f64>> {
    let mut feed = Feed {
        publisher: UdpSocket::bind("127.0.0.1:0")?,
        to: forwarder.listen.into(),
        packets: (1..=STREAMS).map(|ssrc| packet(ssrc as u32)).collect(),
        gap: Duration::from_nanos(1_000_000_000 * BURST as u64 / rate),
        subscriber: Receiver::new(subscriber),
        arena: Arena::new(),
        sent: 0,
        arrived: 0,
    };
    let bursts = (rate * SECONDS) as u32 / BURST as u32;
    feed.run(bursts / 16)?; // warm: streams made, buffers touched
    let (before, sent) = (forwarder.processor_ns()?, feed.sent);
    feed.run(bursts)?;
    let spent = forwarder.processor_ns()? - before;
    let whole = feed.arrived == feed.sent;
    Ok(whole.then_some(spent as f64 / (feed.sent - sent) as f64))
}

struct Feed {
    publisher: UdpSocket,
    to: SocketAddrAny,
    packets: Vec<Vec<u8>>,
    gap: Duration,
    subscriber: Receiver,
    arena: Arena,
    sent: usize,
    arrived: usize,
}

impl Feed {
    fn run(&mut self, bursts: u32) -> Outcome<()> {
        let begun = Instant::now();
        for burst in 1..=bursts {
            let number = (self.sent / STREAMS) as u32;
            let streams = self.sent % STREAMS..self.sent % STREAMS + BURST;
            let packets = self
                .packets
                .get_mut(streams)
                .ok_or("a burst beyond the streams")?;
            for packet in packets.iter_mut() {
                packet[2..4].copy_from_slice(&(number as u16).to_be_bytes());
                packet[4..8].copy_from_slice(&(number * 300).to_be_bytes());
            }
            let sent = send_batch(&self.publisher, packets.iter().map(|p| (&p[..], &self.to)));
            if sent != Ok(BURST) {
                return Err(format!("sent {sent:?} of {BURST}").into());
            }
            self.sent += BURST;
            self.drain()?;
            thread::sleep((self.gap * burst).saturating_sub(begun.elapsed()));
        }
        thread::sleep(Duration::from_millis(50));
        self.drain()
    }

    fn drain(&mut self) -> Outcome<()> {
        loop {
            match self.subscriber.receive(&mut self.arena)? {
                0 => return Ok(()),
                n => self.arrived += n,
            }
        }
    }
}

fn packet(ssrc: u32) -> Vec<u8> {
    let mut bytes = vec![0; LEN];
    bytes[0] = 0x80;
    bytes[1] = 96;
    bytes[8..12].copy_from_slice(&ssrc.to_be_bytes());
    bytes
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}
