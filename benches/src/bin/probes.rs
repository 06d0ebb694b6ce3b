//! Hot operations, each in a function of its own: what `instructions` counts and the tests disassemble.
//!
//! `probes run NAME CALLS` calls one of them; `probes sealed CALLS` calls all of them, warmed up, in a
//! process that the kernel kills at its first system call; `probes sealed-broken` makes one there.
//!
//! A probe's arguments are what a caller has at hand: a handle by reference, numbers by value.

#![expect(
    clippy::expect_used,
    reason = "a probe that can't be set up has nothing to say: it stops"
)]

use std::hint::black_box;
use std::process::ExitCode;

use media_metrics_benches::floor::{Packets, latencies};
use media_metrics_benches::packets::Generator;
use media_metrics_benches::{probe, say};
use media_metrics_core::histogram::LocalHistogram;
use media_metrics_core::rtp::{RtpError, RtpHeader};
use media_metrics_core::{
    Counter, Desc, Gauge, Histogram, LocalCounter, Registry, SendStream, SenderConfig, Stream,
    StreamConfig, catalog,
};

#[unsafe(no_mangle)]
#[inline(never)]
fn probe_plain_packet(plain: &mut Packets, len: u64) {
    plain.add(len);
}

#[unsafe(no_mangle)]
#[inline(never)]
fn probe_counter_add(counter: &Counter, n: u64) {
    counter.add(n);
}

#[unsafe(no_mangle)]
#[inline(never)]
fn probe_local_counter_add(counter: &LocalCounter, n: u64) {
    counter.add(n);
}

#[unsafe(no_mangle)]
#[inline(never)]
fn probe_gauge_add(gauge: &Gauge, n: f64) {
    gauge.add(n);
}

#[unsafe(no_mangle)]
#[inline(never)]
fn probe_histogram_record(histogram: &Histogram, value: u64) {
    histogram.record(value);
}

#[unsafe(no_mangle)]
#[inline(never)]
fn probe_local_histogram_record(histogram: &LocalHistogram, value: u64) {
    histogram.record(value);
}

#[unsafe(no_mangle)]
#[inline(never)]
fn probe_histogram_record_for(histogram: &Histogram, value: u64, stream: u64) {
    histogram.record_for(value, stream);
}

#[unsafe(no_mangle)]
#[inline(never)]
fn probe_local_histogram_record_for(histogram: &LocalHistogram, value: u64, stream: u64) {
    histogram.record_for(value, stream);
}

#[unsafe(no_mangle)]
#[inline(never)]
fn probe_rtp_parse(packet: &Packet<'_>, header: &mut Result<RtpHeader, RtpError>) {
    *header = RtpHeader::parse(packet.bytes);
}

#[unsafe(no_mangle)]
#[inline(never)]
fn probe_on_rtp_audio(stream: &mut Stream, header: &RtpHeader, arrival_ns: u64) {
    stream.on_rtp(header, arrival_ns);
}

#[unsafe(no_mangle)]
#[inline(never)]
fn probe_on_rtp_video(stream: &mut Stream, header: &RtpHeader, arrival_ns: u64) {
    // Not the audio probe again: the linker may join functions that are the same.
    black_box(stream.on_rtp(header, arrival_ns));
}

#[unsafe(no_mangle)]
#[inline(never)]
fn probe_sender_on_rtp(stream: &mut SendStream, header: &RtpHeader, departure_ns: u64) {
    stream.on_rtp(header, departure_ns);
}

#[unsafe(no_mangle)]
#[inline(never)]
fn probe_forward_packet(node: &mut Node, packet: &Packet<'_>, arrival_ns: u64, ns: u64) {
    if let Ok(header) = RtpHeader::parse(packet.bytes) {
        node.stream.on_rtp(&header, arrival_ns);
        node.packets.inc();
        node.bytes.add(packet.bytes.len() as u64);
        node.latency.record(ns);
    }
}

/// A datagram, behind one pointer.
struct Packet<'a> {
    bytes: &'a [u8],
}

/// What a forwarder holds to record one packet.
struct Node {
    stream: Stream,
    packets: Counter,
    bytes: Counter,
    latency: Histogram,
}

impl Node {
    fn new(registry: &Registry, generator: &Generator) -> Self {
        let group = registry.group(&["incoming", "video"]).expect("a group");
        let config = StreamConfig::new(1, generator.clock_rate());
        let counter = |desc| registry.counter(desc, &[]).expect("a counter");
        Self {
            stream: registry.stream(&group, config).expect("a stream"),
            packets: counter(&catalog::FORWARD_PACKETS),
            bytes: counter(&catalog::FORWARD_BYTES),
            latency: registry
                .histogram(&catalog::FORWARD_LATENCY, &[])
                .expect("a histogram"),
        }
    }
}

/// A probe set up and warmed up: it calls its function some times.
type Calls = Box<dyn FnMut(u64)>;

fn set_up(name: &str, registry: &Registry) -> Option<Calls> {
    let (audio, video) = (Generator::audio(1), Generator::video(1));
    let samples = latencies();
    let sample = move |i: u64| samples[i as usize % samples.len()];
    let node = Node::new(registry, &video);
    let mut calls: Calls = match name {
        "plain_packet" => {
            let mut plain = Packets::default();
            Box::new(move |n| (0..n).for_each(|i| probe_plain_packet(&mut plain, i)))
        }
        "counter_add" => Box::new(move |n| (0..n).for_each(|i| probe_counter_add(&node.bytes, i))),
        "local_counter_add" => {
            let local = node.bytes.local();
            Box::new(move |n| (0..n).for_each(|i| probe_local_counter_add(&local, i)))
        }
        "gauge_add" => {
            let gauge = registry.gauge(&PROBE_LEVEL, &[]).expect("a gauge");
            Box::new(move |n| (0..n).for_each(|_| probe_gauge_add(&gauge, 1.0)))
        }
        "histogram_record" => {
            Box::new(move |n| (0..n).for_each(|i| probe_histogram_record(&node.latency, sample(i))))
        }
        "local_histogram_record" => {
            let local = node.latency.local();
            Box::new(move |n| (0..n).for_each(|i| probe_local_histogram_record(&local, sample(i))))
        }
        "histogram_record_for" => Box::new(move |n| {
            (0..n).for_each(|i| probe_histogram_record_for(&node.latency, sample(i), 1));
        }),
        "local_histogram_record_for" => {
            let local = node.latency.local();
            Box::new(move |n| {
                (0..n).for_each(|i| probe_local_histogram_record_for(&local, sample(i), 1));
            })
        }
        "rtp_parse" => {
            let (mut source, mut header) = (video, Err(RtpError::TooShort));
            Box::new(move |n| {
                for i in 0..n {
                    probe_rtp_parse(
                        &Packet {
                            bytes: source.packet(i).0,
                        },
                        &mut header,
                    );
                    assert!(header.is_ok());
                }
            })
        }
        "on_rtp_audio" => on_rtp(
            Node::new(registry, &audio).stream,
            audio,
            probe_on_rtp_audio,
        ),
        "on_rtp_video" => on_rtp(node.stream, video, probe_on_rtp_video),
        "sender_on_rtp" => {
            let group = registry.sender_group(&["outgoing", "audio"]);
            let config = SenderConfig::new(1, audio.clock_rate());
            let sender = registry.sender(&group.expect("a group"), config);
            on_rtp(sender.expect("a stream"), audio, probe_sender_on_rtp)
        }
        "forward_packet" => {
            let (mut node, mut source, mut next) = (node, video, 0);
            Box::new(move |n| {
                for i in next..next + n {
                    let (bytes, arrival) = source.packet(i);
                    probe_forward_packet(&mut node, &Packet { bytes }, arrival, sample(i));
                }
                next += n;
            })
        }
        _ => return None,
    };
    calls(8);
    Some(calls)
}

/// Calls that carry the stream on, packet after packet.
fn on_rtp<S: 'static>(
    mut stream: S,
    source: Generator,
    probe: fn(&mut S, &RtpHeader, u64),
) -> Calls {
    let mut next = 0;
    Box::new(move |n| {
        for i in next..next + n {
            let (header, arrival) = source.header(i);
            probe(&mut stream, &header, arrival);
        }
        next += n;
    })
}

static PROBE_LEVEL: Desc = Desc::gauge("probe_level", "A level.");

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let registry = Registry::new().expect("a registry");
    match (args.as_slice(), args.last().and_then(|n| n.parse().ok())) {
        (["run", name, _], Some(n)) => match set_up(name, &registry) {
            Some(mut calls) => {
                calls(n);
                ExitCode::SUCCESS
            }
            None => {
                say::note(format_args!("no probe is called {name:?}"));
                ExitCode::from(2)
            }
        },
        (["sealed", _], Some(n)) => sealed(&registry, n, false),
        (["sealed-broken"], _) => sealed(&registry, 8, true),
        _ => {
            say::note("usage: probes run NAME CALLS | probes sealed CALLS | probes sealed-broken");
            ExitCode::from(2)
        }
    }
}

/// Runs all probes where every system call but read, write and exit is death (seccomp's strict mode).
fn sealed(registry: &Registry, n: u64, broken: bool) -> ExitCode {
    let mut all: Vec<Calls> = probe::ALL
        .iter()
        .map(|p| set_up(p.name, registry).expect("every listed probe exists"))
        .collect();
    // SAFETY: takes away this thread's right to system calls, and touches no memory.
    let sealed = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_STRICT) };
    if sealed != 0 {
        say::note("the kernel does not offer seccomp's strict mode");
        return ExitCode::from(3);
    }
    all.iter_mut().for_each(|calls| calls(n));
    if broken {
        // SAFETY: no preconditions. It does not come back.
        black_box(unsafe { libc::getppid() });
    }
    // SAFETY: `exit` of the one thread is allowed here; `exit_group`, which Rust's way out calls, is not.
    unsafe { libc::syscall(libc::SYS_exit, 0) };
    ExitCode::FAILURE
}
