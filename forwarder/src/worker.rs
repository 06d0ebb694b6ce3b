//! The forwarding loop: wait, receive a batch, look at each packet, send the batch, measure.
//!
//! Lives here: the order of things on a worker's thread. Not here: system calls (`net`), streams
//! (`flows`), what is counted where (`meter`).
//!
//! Once warm, a packet costs no allocation and no lock: the arena, the outbox and the headers are used
//! again, and everything that is measured belongs to this thread.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use media_metrics_core::rtp::{RtpHeader, is_rtcp};
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use rustix::net::SocketAddrAny;

use crate::clock::{Moment, monotonic_ns};
use crate::config::Source;
use crate::flows::FlowSummary;
use crate::meter::{Instruments, Meter, Rejection};
use crate::net::{Arena, BATCH, Datagram, Receiver, SendFailure, send_batch};
use crate::rtcp::goodbyes;

/// An idle worker looks this often (in milliseconds) whether it should stop or a stream is idle.
const LOOK_MS: u8 = 100;
/// Full batches taken from one port before the others get their turn.
const TURNS: usize = 8;
/// A sender that never pauses can't keep a stopped worker longer than this.
const DRAIN: Duration = Duration::from_millis(300);

/// One room's port, as a worker gets it.
#[derive(Debug)]
pub struct PortConfig {
    /// This worker's socket of the port's group.
    pub socket: UdpSocket,
    /// Who may send; empty: anybody.
    pub publishers: Vec<Source>,
    /// Where packets go.
    pub subscribers: Vec<SocketAddr>,
}

/// What a worker did, for those who asked for no metrics too.
#[derive(Debug, Default)]
pub struct WorkerReport {
    /// Datagrams received.
    pub received: u64,
    /// Datagrams sent.
    pub sent: u64,
    /// Its busiest streams.
    pub flows: Vec<FlowSummary>,
}

struct Port {
    receiver: Receiver,
    publishers: Vec<Source>,
    subscribers: Vec<(SocketAddr, SocketAddrAny)>,
}

/// One datagram for one subscriber.
#[derive(Clone, Copy)]
struct Outgoing {
    datagram: usize,
    subscriber: usize,
}

/// What a received datagram turned out to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Rtp,
    Rtcp,
}

/// A batch on its way through: what each datagram is, and when it came and went.
struct Transit {
    class: [Option<Class>; BATCH],
    arrived: [u64; BATCH],
    departed: [u64; BATCH],
}

/// One forwarding thread's state.
struct Worker {
    ports: Vec<Port>,
    stamps: bool,
    /// The last time that was read.
    now: u64,
    arena: Arena,
    outbox: Vec<Outgoing>,
    transit: Box<Transit>,
    meter: Option<Meter>,
    report: WorkerReport,
}

/// A worker that can start: everything that may fail has been done.
#[derive(Debug)]
pub struct Prepared {
    ports: Vec<PortConfig>,
    stamps: bool,
    epoll: Epoll,
}

impl Prepared {
    /// One worker for these ports; `stamps` if their sockets have kernel receive stamps.
    ///
    /// # Errors
    /// The kernel gives no event queue.
    pub fn new(ports: Vec<PortConfig>, stamps: bool) -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        for (room, port) in ports.iter().enumerate() {
            let event = EpollEvent::new(EpollFlags::EPOLLIN, room as u64);
            epoll.add(&port.socket, event)?;
        }
        Ok(Self {
            ports,
            stamps,
            epoll,
        })
    }

    /// Forwards until `stop` is set, then what still waits on the sockets.
    ///
    /// # Errors
    /// The event queue broke: this worker has stopped, and its ports are closed.
    pub fn run(
        self,
        instruments: Option<&Instruments>,
        stop: &AtomicBool,
    ) -> io::Result<WorkerReport> {
        let mut worker = Worker::new(self.ports, self.stamps, instruments.map(Instruments::meter));
        let mut events = [EpollEvent::empty(); 16];
        // Relaxed: the flag carries no data, only the wish.
        while !stop.load(Ordering::Relaxed) {
            let ready = match self.epoll.wait(&mut events, EpollTimeout::from(LOOK_MS)) {
                Ok(n) => n,
                Err(Errno::EINTR) => 0,
                Err(error) => return Err(error.into()),
            };
            for event in events.iter().take(ready) {
                worker.serve(event.data() as usize);
            }
            worker.sweep(ready == 0);
        }
        worker.drain();
        Ok(worker.finish())
    }
}

impl Worker {
    fn new(ports: Vec<PortConfig>, stamps: bool, meter: Option<Meter>) -> Self {
        let port = |p: PortConfig| Port {
            subscribers: reachable(&p),
            publishers: p.publishers,
            receiver: Receiver::new(p.socket),
        };
        let ports: Vec<Port> = ports.into_iter().map(port).collect();
        let most = ports.iter().map(|p| p.subscribers.len()).max();
        Self {
            // A full batch for every subscriber: the outbox never grows on the way of a packet.
            outbox: Vec::with_capacity(BATCH * most.unwrap_or(0)),
            ports,
            stamps,
            now: 0,
            arena: Arena::new(),
            transit: Box::new(Transit {
                class: [None; BATCH],
                arrived: [0; BATCH],
                departed: [0; BATCH],
            }),
            meter,
            report: WorkerReport::default(),
        }
    }

    /// Ends idle streams now and then. Traffic brings the time along; only silence has to ask for it.
    fn sweep(&mut self, silence: bool) {
        if let Some(meter) = &mut self.meter {
            if silence {
                self.now = monotonic_ns();
            }
            meter.sweep(self.now);
        }
    }

    /// Takes what waits on a port, for a few turns: the others wait too.
    fn serve(&mut self, room: usize) {
        for _ in 0..TURNS {
            if self.turn(room) < BATCH {
                return;
            }
        }
    }

    fn drain(&mut self) {
        let begun = Instant::now();
        let rooms = 0..self.ports.len();
        while rooms.clone().map(|room| self.turn(room)).sum::<usize>() > 0
            && begun.elapsed() < DRAIN
        {}
    }

    /// Receives, judges and sends one batch; says how many datagrams it was.
    fn turn(&mut self, room: usize) -> usize {
        let Some(port) = self.ports.get_mut(room) else {
            return 0;
        };
        // An error here is one that an earlier send left behind on the socket: it is not the
        // receiver's, and reading it has cleared it.
        let count = port.receiver.receive(&mut self.arena).unwrap_or(0);
        if count == 0 {
            return 0;
        }
        self.report.received += count as u64;
        self.judge(room);
        self.send(room);
        self.settle(count);
        count
    }

    /// Looks at each datagram of the batch, records it, and puts it into the outbox.
    fn judge(&mut self, room: usize) {
        let Some(port) = self.ports.get(room) else {
            return;
        };
        self.outbox.clear();
        let now = self.meter.as_ref().map(|_| match self.stamps {
            true => Moment::now(),
            false => Moment::without_stamps(),
        });
        self.now = now.map_or(0, |now| now.monotonic);
        for (i, datagram) in self.arena.datagrams().iter().enumerate() {
            let arrived = now.map_or(0, |now| now.monotonic_of(datagram.stamp));
            let bytes = self.arena.payload(i);
            let class = admit(
                port,
                datagram,
                bytes,
                room as u16,
                arrived,
                self.meter.as_mut(),
            );
            if let (Err(rejection), Some(meter)) = (class, &self.meter) {
                meter.on_rejected(rejection);
            }
            if let Some(slot) = self.transit.class.get_mut(i) {
                *slot = class.ok();
            }
            if let Some(slot) = self.transit.arrived.get_mut(i) {
                *slot = arrived;
            }
            if class.is_ok() {
                let to = port.subscribers.iter().enumerate();
                // Not back to where it came from: a subscriber may be a publisher, too.
                let others = to.filter(|(_, (addr, _))| *addr != datagram.source);
                self.outbox.extend(others.map(|(subscriber, _)| Outgoing {
                    datagram: i,
                    subscriber,
                }));
            }
        }
    }

    /// Sends the outbox. What can't be sent is counted and left behind: it never holds up the rest.
    fn send(&mut self, room: usize) {
        self.transit.departed.fill(0);
        let Some(port) = self.ports.get(room) else {
            return;
        };
        let mut rest = self.outbox.as_slice();
        while !rest.is_empty() {
            let datagrams = rest.iter().filter_map(|out| {
                let (_, to) = port.subscribers.get(out.subscriber)?;
                Some((self.arena.payload(out.datagram), to))
            });
            let passed = match send_batch(port.receiver.socket(), datagrams) {
                // The kernel never takes nothing without saying why; if it did, we would not wait.
                Ok(0) => failed(self.meter.as_ref(), SendFailure::Other, 1),
                Ok(sent) => {
                    self.report.sent += sent as u64;
                    if let Some(meter) = &self.meter {
                        let gone = rest.get(..sent).unwrap_or_default();
                        departed(meter, &self.arena, &mut self.transit, gone);
                    }
                    sent
                }
                // A full send buffer will not have room for the next datagram either.
                Err(SendFailure::WouldBlock) => {
                    let n = rest.len().min(BATCH);
                    failed(self.meter.as_ref(), SendFailure::WouldBlock, n)
                }
                Err(failure) => failed(self.meter.as_ref(), failure, 1),
            };
            rest = rest.get(passed..).unwrap_or_default();
        }
    }

    /// Records how long each forwarded packet took, from its arrival to the end of its last send.
    fn settle(&self, count: usize) {
        let Some(meter) = &self.meter else {
            return;
        };
        let Transit {
            class,
            arrived,
            departed,
        } = &*self.transit;
        for ((class, arrived), departed) in class.iter().zip(arrived).zip(departed).take(count) {
            if *class == Some(Class::Rtp) && *departed != 0 {
                meter.on_forwarded(departed.saturating_sub(*arrived));
            }
        }
    }

    fn finish(mut self) -> WorkerReport {
        self.report.flows = self.meter.take().map(Meter::finish).unwrap_or_default();
        self.report
    }
}

/// Subscribers as the port's socket has to name them: an IPv6 socket knows IPv4 by mapped addresses.
fn reachable(port: &PortConfig) -> Vec<(SocketAddr, SocketAddrAny)> {
    let v6 = port.socket.local_addr().is_ok_and(|addr| addr.is_ipv6());
    let name = |to: &SocketAddr| match to {
        SocketAddr::V4(v4) if v6 => SocketAddr::from((v4.ip().to_ipv6_mapped(), v4.port())),
        other => *other,
    };
    let named = port.subscribers.iter().map(name);
    named.map(|to| (to, to.into())).collect()
}

/// Whether a datagram is forwarded, and as what; recorded with its stream if so.
#[inline]
fn admit(
    port: &Port,
    datagram: &Datagram,
    bytes: &[u8],
    room: u16,
    arrived: u64,
    meter: Option<&mut Meter>,
) -> Result<Class, Rejection> {
    let source = datagram.source;
    if datagram.cut {
        return Err(Rejection::TooLong);
    }
    if !port.publishers.is_empty() && !port.publishers.iter().any(|p| p.allows(source)) {
        return Err(Rejection::UnknownPublisher);
    }
    if is_rtcp(bytes) {
        let mut meter = meter;
        goodbyes(bytes, |ssrc| {
            if let Some(meter) = &mut meter {
                meter.on_bye(room, source, ssrc);
            }
        })
        .map_err(|_| Rejection::Rtcp)?;
        if let Some(meter) = meter {
            meter.on_rtcp();
        }
        return Ok(Class::Rtcp);
    }
    let header = RtpHeader::parse(bytes).map_err(Rejection::Rtp)?;
    if let Some(meter) = meter {
        meter.on_rtp(room, source, &header, arrived);
    }
    Ok(Class::Rtp)
}

/// Counts what left in one send call, and notes when.
fn departed(meter: &Meter, arena: &Arena, transit: &mut Transit, sent: &[Outgoing]) {
    let now = monotonic_ns();
    let (mut packets, mut bytes) = (0, 0);
    for out in sent {
        if transit.class.get(out.datagram) == Some(&Some(Class::Rtp)) {
            packets += 1;
            bytes += arena.payload(out.datagram).len() as u64;
        }
        if let Some(slot) = transit.departed.get_mut(out.datagram) {
            *slot = now;
        }
    }
    meter.on_sent(packets, bytes);
}

fn failed(meter: Option<&Meter>, failure: SendFailure, n: usize) -> usize {
    if let Some(meter) = meter {
        meter.on_send_failure(failure, n as u64);
    }
    n
}
