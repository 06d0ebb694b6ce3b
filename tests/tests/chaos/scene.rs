//! A forwarder under load, and the books that must balance when it has ended.
//!
//! Lives here: the senders (built-in streams, one that has finished when the end comes, one that has not), what is
//! observed meanwhile, and what must hold in the end, whatever was done. Not here: harm, how much is sent (`load`).
//!
//! What must hold: nobody panicked, the status is 0, ports are closed, memory stayed what it was. Each stream's packets
//! and losses are what its sender says, in order and to the byte; what came in is what all senders say together, less
//! what the kernel says that it dropped on the way and at the forwarder's own socket; what went out is what the
//! subscriber got. Queues are so long that nothing is dropped at them unless that is the harm; who is not root has shorter
//! ones, and on a busy machine that may not do.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::ops::RangeInclusive;
use std::time::Instant;

use media_metrics_tests::census;
use media_metrics_tests::load::{self as senders, Load as Sender, Sent};
use media_metrics_tests::program::Program;
use media_metrics_tests::subscriber::{Received, Subscriber};
use media_metrics_tests::summary::{Stream, Summary};
use media_metrics_tests::wait::{self, PATIENCE};
use media_metrics_tests::{ledger, page, ports};
use rustix::process::Signal;

use crate::load::Load;
use crate::name;

/// What memory may grow by unless a harm needs more: pages that are made for the first time, under full load some 5 MiB.
const GROWTH: u64 = 8 << 20;

/// Streams of each sender, and their SSRCs: far from the built-in ones'.
const STREAMS: u32 = 4;
const STEADY: u32 = 0x1000;
const LATE: u32 = 0x2000;
/// Those of the sender that has finished before the end.
pub(crate) const FINISHED: RangeInclusive<u32> = STEADY..=STEADY + STREAMS - 1;

/// What is to be set up.
#[derive(Clone, Debug)]
pub(crate) struct Setting<'a> {
    /// Before the program: a line that becomes it.
    pub(crate) behind: Vec<&'a str>,
    /// Built-in streams at the gentle load.
    pub(crate) synthetic: u32,
    /// Packets a second of the sender that finishes before the end.
    pub(crate) steady: u32,
    /// Packets a second of the sender that is still sending then; 0 for none.
    pub(crate) late: u32,
    /// Where metrics are served.
    pub(crate) metrics: &'a str,
    /// Whether all share one processor.
    pub(crate) on_one: bool,
    /// Bytes of the queue of each of the program's sockets; without, as many as the load takes.
    pub(crate) queue: Option<u32>,
    /// Bytes that the harm may make memory grow by.
    pub(crate) growth: u64,
    /// More of the configuration.
    pub(crate) yaml: String,
}

impl Default for Setting<'_> {
    fn default() -> Self {
        Self {
            behind: Vec::new(),
            synthetic: 40,
            steady: 2_000,
            late: 1_000,
            metrics: "127.0.0.1:0",
            on_one: false,
            queue: None,
            growth: GROWTH,
            yaml: String::new(),
        }
    }
}

/// A forwarder under load.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) program: Program,
    pub(crate) subscriber: Subscriber,
    load: Load,
    /// Bytes of memory that the program took before any harm, and that it may take.
    before: u64,
    most: u64,
    /// Bytes that it was seen to take, the largest.
    peak: Option<u64>,
    steady: Option<Sender>,
    /// What it sent, once it has finished.
    sent: Vec<Sent>,
    late: Option<Sender>,
    /// Totals that were seen on a page: none may be larger than in the end.
    seen: BTreeMap<&'static str, u64>,
}

/// Families that are seen while it runs, and what the summary calls them.
const TOTALS: [(&str, &str); 3] = [
    (
        "media_rtp_packets_total{direction=\"incoming\"",
        "RTP packets received",
    ),
    ("media_forward_packets_total", "RTP packets sent"),
    (
        "media_forward_receive_overflow_total",
        "datagrams dropped by the kernel",
    ),
];

impl Scene {
    /// Starts it all, and waits until packets of everybody come out and memory is what it stays.
    #[must_use]
    pub(crate) fn start(setting: &Setting<'_>) -> Self {
        let load = Load::asked();
        let subscriber = Subscriber::start();
        let yaml = format!(
            "listen: 127.0.0.1:0\nsubscribers: ['{}']\n{}socket_buffer: {}\n\
             metrics: {{listen: '{}', interval: 0.2}}\n{}",
            subscriber.address(),
            load.synthetic(setting.synthetic, setting.on_one),
            setting.queue.unwrap_or(load.queue()),
            setting.metrics,
            setting.yaml
        );
        let program = Program::configured_behind(&setting.behind, &yaml);
        let steady = Sender::start(program.listen(), STEADY, STREAMS, setting.steady);
        let late = setting.late;
        let late = (late > 0).then(|| Sender::start(program.listen(), LATE, STREAMS, late));
        let mut scene = Self {
            program,
            subscriber,
            load,
            before: 0,
            most: 0,
            peak: None,
            steady: Some(steady),
            sent: Vec::new(),
            late,
            seen: BTreeMap::new(),
        };
        // Built-in streams begin within a second.
        scene.carries(3 * load.flow());
        scene.before = scene.takes();
        scene.most = scene.before + setting.growth;
        scene
    }

    /// Media keeps flowing: a second's worth and more comes out; and memory stays what it was.
    #[track_caller]
    pub(crate) fn flows(&mut self) {
        self.carries(self.load.flow());
        self.stays_flat();
    }

    #[track_caller]
    fn carries(&self, packets: u64) {
        let before = self.subscriber.rtp().packets;
        wait::until("media that flows", PATIENCE, || {
            let more = self.subscriber.rtp().packets - before;
            let said = || format!("{more} packets; {}", self.program.quoted());
            (more >= packets).then_some(()).ok_or_else(said)
        });
    }

    #[track_caller]
    fn stays_flat(&mut self) {
        let (takes, most) = (self.takes(), self.most);
        assert!(
            takes <= most,
            "memory grew from {} to {takes} bytes, {most} is the most; {}",
            self.before,
            self.program.quoted()
        );
        self.peak = self.peak.max(Some(takes));
    }

    /// Bytes of memory that the program takes now.
    #[track_caller]
    fn takes(&self) -> u64 {
        let census = census::of(self.program.id());
        let census = census.unwrap_or_else(|e| panic!("{e}; {}", self.program.quoted()));
        census.rss_bytes
    }

    /// Notes the totals of a page.
    pub(crate) fn saw(&mut self, page: &str) {
        for (family, name) in TOTALS {
            self.seen.insert(name, number(page, family));
        }
    }

    /// Waits for a line that it prints.
    #[track_caller]
    pub(crate) fn prints(&self, text: &str) {
        wait::until(text, PATIENCE, || {
            let lines = self.program.lines();
            let found = lines.iter().any(|line| line.contains(text));
            found.then_some(()).ok_or_else(|| self.program.quoted())
        });
    }

    /// One of the senders has finished.
    pub(crate) fn rest(&mut self) {
        if let Some(steady) = self.steady.take() {
            self.sent = steady.finish();
        }
    }

    /// Media still flows and memory is what it was; then one of the senders finishes, the signal arrives, and the
    /// program ends.
    #[track_caller]
    #[must_use]
    pub(crate) fn end(mut self, signal: Signal) -> Ending {
        self.flows();
        self.rest();
        self.ends(signal)
    }

    /// The signal arrives, and the program ends.
    #[track_caller]
    #[must_use]
    pub(crate) fn ends(mut self, signal: Signal) -> Ending {
        let peak = self.peak.expect("a scene looks at its memory");
        self.rest();
        let listen = self.program.listen();
        let begun = Instant::now();
        let lines = self.program.finish_by(signal, self.load.exit());
        let took = begun.elapsed();
        assert_eq!(ports::dropped(listen), None, "its port is still open");
        let late = self.late.map(Sender::finish).unwrap_or_default();
        // All of it has left the program: what is not in the socket's queue now never was.
        assert_eq!(
            self.subscriber.dropped(),
            Some(0),
            "the subscriber was slower than its queue is long: root has long ones"
        );
        let received = self.subscriber.finish();
        assert!(
            !lines.iter().any(|line| line.contains("panicked")),
            "{lines:#?}"
        );
        let ending = Ending {
            summary: Summary::of(&lines),
            lines,
            steady: self.sent,
            late,
            received,
        };
        for (name, seen) in &self.seen {
            let last = ending.summary.number(name);
            assert!(
                last >= *seen,
                "{name}: {seen} was shown, {last} is the last"
            );
        }
        ending.what_came_in_went_out();
        let Ran { seconds, into, .. } = Ran::of(&ending.lines);
        println!(
            "by SIG{}: the end took {took:.2?}; {into} datagrams in {seconds} s, {:.0} a second; {} dropped at its socket; \
             memory grew by {} KiB from {}",
            name(signal),
            into as f64 / seconds,
            ending.overflow(),
            (peak - self.before.min(peak)) >> 10,
            self.before >> 10,
        );
        ending
    }
}

/// A scene that is over.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) summary: Summary,
    pub(crate) lines: Vec<String>,
    /// Sent before the signal, by stream.
    pub(crate) steady: Vec<Sent>,
    /// Sent until nobody listened any more.
    pub(crate) late: Vec<Sent>,
    /// What the subscriber got.
    pub(crate) received: Received,
}

impl Ending {
    /// Datagrams that the kernel dropped at the program's socket.
    #[must_use]
    pub(crate) fn overflow(&self) -> u64 {
        self.summary.number("datagrams dropped by the kernel")
    }

    /// What the program counted is what the subscriber got.
    #[track_caller]
    fn what_came_in_went_out(&self) {
        let Received {
            rtp, rtcp, other, ..
        } = &self.received;
        assert_eq!(*other, 0);
        let out = Ran::of(&self.lines).out;
        assert_eq!(out, rtp.packets + rtcp.packets, "{}", self.lines.join("\n"));
        assert_eq!(self.summary.number("send errors"), 0);
        let (counted, sent) = ("RTP packets received", "RTP packets sent");
        assert_eq!(self.summary.number(counted), self.summary.number(sent));
        assert_eq!(self.summary.number(sent), rtp.packets);
        assert_eq!(self.summary.number("RTP bytes received"), rtp.bytes);
    }

    /// What the program says of a stream.
    #[track_caller]
    fn figures(&self, sent: &Sent) -> Stream {
        let figures = self.summary.stream(sent.ssrc);
        figures.unwrap_or_else(|| panic!("{:x}: {:#?}", sent.ssrc, self.lines))
    }

    /// Every stream's figures are those of the packets that the subscriber got, and none came out that was not sent.
    #[track_caller]
    pub(crate) fn figures_are_what_came_out(&self) {
        for sent in self.steady.iter().chain(&self.late) {
            let truth = ledger::truth(&self.received.of(sent.ssrc));
            let Stream {
                packets,
                lost,
                duplicates,
                reordered,
            } = self.figures(sent);
            assert!(packets <= sent.traffic.packets);
            assert_eq!(
                (packets, lost, duplicates, reordered),
                (
                    truth.traffic.packets,
                    truth.lost,
                    truth.duplicates,
                    truth.reordered
                ),
                "{:x}",
                sent.ssrc
            );
        }
    }

    /// What came in is what was sent, less what was dropped on the way, and by the kernel at the program's socket.
    #[track_caller]
    pub(crate) fn all_are_accounted_for(&self, on_the_way: u64) {
        let packets = |all: &[Sent]| {
            all.iter()
                .map(|sent| self.figures(sent).packets)
                .sum::<u64>()
        };
        let steady = senders::total(&self.steady);
        let published = self.summary.published("RTP packets") + self.summary.published("RTCP");
        let got = self.summary.number("RTP packets received")
            + self.summary.number("RTCP datagrams received");
        // Of the late sender what is missing between two packets; what it sent after the last one, nobody knows of.
        let late_lost: u64 = self.late.iter().map(|sent| self.figures(sent).lost).sum();
        let missing = steady.packets + published + packets(&self.late) + late_lost - got;
        let late_tail = senders::total(&self.late).packets - packets(&self.late) - late_lost;
        let dropped = on_the_way + self.overflow();
        assert!(
            (missing..=missing + late_tail).contains(&dropped),
            "{missing} datagrams are missing, {on_the_way} were dropped on the way and {dropped} in all, at most \
             {late_tail} of them at the end; {}",
            self.lines.join("\n")
        );
    }

    /// On a network that does no harm: what came in is what was sent, less what the kernel dropped.
    #[track_caller]
    pub(crate) fn nothing_is_lost_but_what_the_kernel_dropped(&self) {
        self.figures_are_what_came_out();
        self.all_are_accounted_for(0);
        let mut missing = 0;
        for sent in self.steady.iter().chain(&self.late) {
            let figures = self.figures(sent);
            let harm = (figures.duplicates, figures.reordered);
            assert_eq!(harm, (0, 0), "{:x}", sent.ssrc);
            missing += figures.lost;
        }
        for sent in &self.steady {
            let (figures, ssrc) = (self.figures(sent), sent.ssrc);
            // After the last that arrived.
            missing += sent.traffic.packets - figures.packets - figures.lost;
            if figures.packets == sent.traffic.packets {
                let truth = ledger::truth(&self.received.of(ssrc));
                assert_eq!(truth.traffic, sent.traffic, "{ssrc:x}: to the byte");
            }
        }
        let overflow = self.overflow();
        assert!(missing <= overflow, "{missing} missing, {overflow} dropped");
    }

    /// The same, and the kernel had no cause to drop anything: every packet of every stream arrived, to the byte.
    #[track_caller]
    pub(crate) fn nothing_is_lost(&self) {
        assert_eq!(
            self.overflow(),
            0,
            "its queue was too short: root has long ones; {}",
            self.lines.join("\n")
        );
        self.nothing_is_lost_but_what_the_kernel_dropped();
    }
}

/// The summary's first line: `Ran 1.0 s: 7 datagrams in, 5 out.`
#[derive(Clone, Copy, Debug)]
struct Ran {
    seconds: f64,
    into: u64,
    out: u64,
}

impl Ran {
    #[track_caller]
    fn of(lines: &[String]) -> Self {
        let words = lines.iter().find_map(|line| line.strip_prefix("Ran "));
        let words: Vec<&str> = words.unwrap_or_default().split(' ').collect();
        let [seconds, "s:", into, "datagrams", "in,", out, "out."] = words[..] else {
            panic!("no first line in {lines:#?}");
        };
        Self {
            seconds: seconds.parse().unwrap(),
            into: into.parse().unwrap(),
            out: out.parse().unwrap(),
        }
    }
}

/// The series of a page whose text begins with `start`, added up; 0 without any.
#[must_use]
pub(crate) fn number(page: &str, start: &str) -> u64 {
    page::sum(page, start).unwrap_or_default() as u64
}

/// That nobody listens at an address of TCP any more.
#[track_caller]
pub(crate) fn is_closed(address: SocketAddr) {
    let found = TcpStream::connect_timeout(&address, PATIENCE);
    assert!(found.is_err(), "{address} still answers");
}
