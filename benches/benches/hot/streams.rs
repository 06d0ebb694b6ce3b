//! Whole RTP packets: taken into a stream, and forwarded with everything that a forwarder records.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use media_metrics_benches::contest::{Contest, Role};
use media_metrics_benches::floor::{Packets, PlainHdr, latencies};
use media_metrics_benches::options::Options;
use media_metrics_benches::packets::Generator;
use media_metrics_benches::race::{race, touch};
use media_metrics_benches::results::Section;
use media_metrics_core::rtp::RtpHeader;
use media_metrics_core::{Registry, SendStream, SenderConfig, Stream, StreamConfig};

use crate::histograms::BOUNDS;

const AUDIO: &str = "one RTP packet, in order: audio";
const VIDEO: &str = "one RTP packet, in order: video";
const FORWARD: &str = "one forwarded RTP packet: stream, two counters, latency";
const ON_RTP: &str = "Stream::on_rtp";

pub(crate) fn run(options: &Options, threads: &[usize], section: &mut Section) {
    for (title, generator) in [(AUDIO, Generator::audio(1)), (VIDEO, Generator::video(1))] {
        if options.wants(title) {
            let outcome = received(title, &generator).hold(options, threads);
            section.outcome(&outcome);
            section.ratio_goal(&format!("on_rtp, {title}"), &outcome, ON_RTP, 0, 10.0);
            section.reason(
                format!("on_rtp, {title}"),
                "it is near its limit, and the floor of two additions scatters from run to run: the count of instructions is \
                 what tells a change.",
            );
        }
    }
    if options.wants(FORWARD) {
        section.outcome(&forwarded().hold(options, threads));
    }
}

fn received(title: &str, generator: &Generator) -> Contest<'static> {
    let mut c = Contest::new(title, "ns per packet", 1.0).counted();
    let len = generator.packet_len();

    let (total, source) = (AtomicU64::new(0), generator.clone());
    c.enter(Role::Floor, "plain increments", move |t, n| {
        let make = || Box::<Packets>::default();
        let done = |p: Box<Packets>| {
            assert_eq!(p.packets * source.packet_len(), p.bytes);
            total.fetch_add(p.packets, Relaxed);
        };
        packets(t, n, make, |p, _| p.add(len), done, || total.load(Relaxed))
    });

    let (total, source) = (AtomicU64::new(0), generator.clone());
    c.enter(Role::Part, "RtpHeader::parse alone", move |t, n| {
        let step = |s: &mut (Generator, u64), i| {
            let mut header = RtpHeader::parse(s.0.packet(i).0);
            touch(&mut header);
            s.1 += u64::from(header.is_ok());
        };
        let done = |s: (Generator, u64)| {
            total.fetch_add(s.1, Relaxed);
        };
        packets(
            t,
            n,
            || (source.clone(), 0),
            step,
            done,
            || total.load(Relaxed),
        )
    });

    let (ours, source) = (Ours::new(), generator.clone());
    c.enter(Role::Ours, ON_RTP, move |t, n| {
        let step = |s: &mut (Generator, Stream), i| {
            let (header, arrival) = s.0.header(i);
            s.1.on_rtp(&header, arrival);
        };
        let make = || (source.clone(), ours.stream(&source));
        packets(t, n, make, step, drop, || ours.packets())
    });
    let (ours, source) = (Ours::new(), generator.clone());
    c.enter(
        Role::Ours,
        "RtpHeader::parse, Stream::on_rtp",
        move |t, n| {
            let step = |s: &mut (Generator, Stream), i| {
                let (bytes, arrival) = s.0.packet(i);
                if let Ok(header) = RtpHeader::parse(bytes) {
                    s.1.on_rtp(&header, arrival);
                }
            };
            let make = || (source.clone(), ours.stream(&source));
            packets(t, n, make, step, drop, || ours.packets())
        },
    );

    let (ours, source) = (Ours::new(), generator.clone());
    c.enter(Role::Ours, "SendStream::on_rtp", move |t, n| {
        let step = |s: &mut (Generator, SendStream), i| {
            let (header, departure) = s.0.header(i);
            s.1.on_rtp(&header, departure);
        };
        let make = || (source.clone(), ours.sender(&source));
        packets(t, n, make, step, drop, || ours.sent())
    });

    let (total, source) = (AtomicU64::new(0), generator.clone());
    c.enter(
        Role::Naive,
        "parse, RFC 3550 A.1 and A.8 behind a Mutex",
        move |t, n| {
            let step = |s: &mut (Generator, Mutex<Rfc3550>), i| {
                let (bytes, arrival) = s.0.packet(i);
                if let (Ok(header), Ok(mut state)) = (RtpHeader::parse(bytes), s.1.lock()) {
                    state.on_rtp(&header, arrival);
                }
            };
            let make = || {
                (
                    source.clone(),
                    Mutex::new(Rfc3550::new(source.clock_rate())),
                )
            };
            let done = |s: (Generator, Mutex<Rfc3550>)| {
                let state = s.1.into_inner().expect("no panic");
                assert_eq!(state.lost(), 0);
                total.fetch_add(state.received, Relaxed);
            };
            packets(t, n, make, step, done, || total.load(Relaxed))
        },
    );
    c
}

/// What LiveKit's forwarder keeps for each packet: the stream, packets and bytes of the node, latency.
fn forwarded() -> Contest<'static> {
    let mut c = Contest::new(FORWARD, "ns per packet", 1.0).counted();
    let samples = latencies();
    let sample = move |i: u64| samples[i as usize & (samples.len() - 1)];
    let source = Generator::video(1);
    let len = source.packet_len();

    let total = AtomicU64::new(0);
    c.enter(
        Role::Floor,
        "plain increments: two counters, HDR",
        move |t, n| {
            let make = || Box::<(Packets, PlainHdr)>::default();
            let step = |s: &mut Box<(Packets, PlainHdr)>, i| {
                s.0.add(len);
                s.1.record(sample(i));
            };
            let done = |s: Box<(Packets, PlainHdr)>| {
                assert_eq!(s.1.count(), s.0.packets);
                total.fetch_add(s.0.packets, Relaxed);
            };
            packets(t, n, make, step, done, || total.load(Relaxed))
        },
    );

    let (ours, generator) = (Ours::new(), source.clone());
    c.enter(
        Role::Ours,
        "parse, on_rtp, Counter x 2, Histogram",
        move |t, n| {
            let step = |s: &mut (Generator, Stream, OurNode), i| {
                let (bytes, arrival) = s.0.packet(i);
                if let Ok(header) = RtpHeader::parse(bytes) {
                    s.1.on_rtp(&header, arrival);
                    s.2.packets.inc();
                    s.2.bytes.add(bytes.len() as u64);
                    s.2.latency.record(sample(i));
                }
            };
            let make = || (generator.clone(), ours.stream(&generator), ours.node());
            packets(t, n, make, step, drop, || ours.packets())
        },
    );

    let total = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let generator = source;
    c.enter(
        Role::Naive,
        "parse, Mutex, AtomicU64 x 2, prometheus histogram",
        move |t, n| {
            let options = prometheus::HistogramOpts::new("h", "h").buckets(BOUNDS.to_vec());
            let latency = prometheus::Histogram::with_opts(options).expect("a histogram");
            let step = |s: &mut (Generator, Mutex<Rfc3550>), i| {
                let (bytes, arrival) = s.0.packet(i);
                if let (Ok(header), Ok(mut state)) = (RtpHeader::parse(bytes), s.1.lock()) {
                    state.on_rtp(&header, arrival);
                    total.0.fetch_add(1, Relaxed);
                    total.1.fetch_add(bytes.len() as u64, Relaxed);
                    latency.observe(sample(i) as f64 / 1e9);
                }
            };
            let make = || {
                (
                    generator.clone(),
                    Mutex::new(Rfc3550::new(generator.clock_rate())),
                )
            };
            let done = |s: (Generator, Mutex<Rfc3550>)| {
                total
                    .2
                    .fetch_add(s.1.into_inner().expect("no panic").received, Relaxed);
            };
            let before = total.0.load(Relaxed);
            let time = packets(t, n, make, step, done, || total.2.load(Relaxed));
            assert_eq!(total.0.load(Relaxed) - before, latency.get_sample_count());
            time
        },
    );
    c
}

/// Our registry with one group, and the node's own series.
struct Ours {
    registry: Registry,
    group: media_metrics_core::registry::Group,
}

struct OurNode {
    packets: media_metrics_core::Counter,
    bytes: media_metrics_core::Counter,
    latency: media_metrics_core::Histogram,
}

impl Ours {
    fn new() -> Self {
        let registry = Registry::new().expect("a registry");
        let group = registry.group(&["incoming", "video"]).expect("a group");
        Self { registry, group }
    }

    fn stream(&self, generator: &Generator) -> Stream {
        let config = StreamConfig::new(1, generator.clock_rate());
        self.registry.stream(&self.group, config).expect("a stream")
    }

    fn sender(&self, generator: &Generator) -> SendStream {
        let group = self.registry.sender_group(&["outgoing", "video"]);
        let config = SenderConfig::new(1, generator.clock_rate());
        let sender = self.registry.sender(&group.expect("a group"), config);
        sender.expect("a stream")
    }

    fn node(&self) -> OurNode {
        use media_metrics_core::catalog;
        let counter = |desc| self.registry.counter(desc, &[]).expect("a counter");
        OurNode {
            packets: counter(&catalog::FORWARD_PACKETS),
            bytes: counter(&catalog::FORWARD_BYTES),
            latency: self
                .registry
                .histogram(&catalog::FORWARD_LATENCY, &[])
                .expect("a histogram"),
        }
    }

    fn packets(&self) -> u64 {
        let snapshot = self.registry.collect();
        snapshot
            .counter("media_rtp_packets_total", &["incoming", "video"])
            .unwrap_or(0)
    }

    fn sent(&self) -> u64 {
        let snapshot = self.registry.collect();
        snapshot
            .counter("media_rtp_sent_packets_total", &["outgoing", "video"])
            .unwrap_or(0)
    }
}

/// RFC 3550's own bookkeeping, in its own words: appendix A.1 (without probation) and A.8.
struct Rfc3550 {
    clock_rate: u32,
    base: Option<u16>,
    max: u16,
    cycles: u64,
    received: u64,
    transit: i64,
    jitter: f64,
}

impl Rfc3550 {
    const fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate,
            base: None,
            max: 0,
            cycles: 0,
            received: 0,
            transit: 0,
            jitter: 0.0,
        }
    }

    fn on_rtp(&mut self, header: &RtpHeader, arrival_ns: u64) {
        if self.base.is_none() {
            self.base = Some(header.sequence);
            self.max = header.sequence;
        }
        if header.sequence.wrapping_sub(self.max) < 3_000 {
            self.cycles += u64::from(header.sequence < self.max) << 16;
            self.max = header.sequence;
        }
        self.received += 1;
        let arrival = u128::from(arrival_ns) * u128::from(self.clock_rate) / 1_000_000_000;
        let transit = (arrival as u32).wrapping_sub(header.timestamp) as i32;
        let d = (i64::from(transit) - self.transit).abs();
        self.transit = i64::from(transit);
        self.jitter += (d as f64 - self.jitter) / 16.0;
    }

    fn lost(&self) -> i64 {
        let base = u64::from(self.base.unwrap_or(0));
        let expected = self.cycles + u64::from(self.max) - base + 1;
        expected as i64 - self.received as i64
    }
}

/// Takes in `n` packets on each thread; a wrong count is not a time.
fn packets<S>(
    threads: usize,
    n: u64,
    make: impl Fn() -> S + Sync,
    step: impl Fn(&mut S, u64) + Sync,
    done: impl Fn(S) + Sync,
    count: impl Fn() -> u64,
) -> Duration {
    let before = count();
    let time = race(threads, n, make, step, done);
    assert_eq!(count() - before, threads as u64 * n, "packets");
    time
}
