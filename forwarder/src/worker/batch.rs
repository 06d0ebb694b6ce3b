//! A batch of datagrams on its way through: received, judged, sent, measured.
//!
//! Lives here: a worker's state, and what it does with one batch. Not here: waiting (the room's head).

use std::time::{Duration, Instant};

use media_metrics_core::rtp::{RtpHeader, is_rtcp};

use super::transit::{Class, Media, Passage};
use super::{PortConfig, WorkerReport, reports};
use crate::clock::{Moment, monotonic_ns};
use crate::config::Source;
use crate::flows::{FlowConfig, Flows};
use crate::inbox::Mailbox;
use crate::meter::{Instruments, Meter, Rejection};
use crate::net::{Arena, BATCH, Datagram, Receiver, SendFailure, send_batch};
use crate::subscribers::Subscribers;

/// Full batches taken from one port before the others get their turn.
const TURNS: usize = 8;
/// How often the kernel is asked for what it dropped: five times in a merge's usual second.
const ASK_NS: u64 = 200_000_000;
/// What waits when a worker is stopped is forwarded for so long: seconds of media find room in a long queue.
pub(super) const DRAIN: Duration = Duration::from_secs(1);
/// What waits after that is only counted, for so long at most: a queue of a GiB takes less.
const DISCARD: Duration = Duration::from_secs(3);

pub(super) struct Port {
    pub(super) receiver: Receiver,
    publishers: Vec<Source>,
    pub(super) subscribers: Subscribers,
}

/// One datagram for one subscriber.
#[derive(Clone, Copy)]
struct Outgoing {
    datagram: usize,
    subscriber: usize,
}

/// One forwarding thread's state.
pub(super) struct Worker {
    pub(super) ports: Vec<Port>,
    stamps: bool,
    /// The last time that was read.
    now: u64,
    /// Datagrams received when streams were last looked at.
    swept: u64,
    /// When the kernel is asked next for what it dropped.
    ask_at: u64,
    pub(super) arena: Arena,
    outbox: Vec<Outgoing>,
    pub(super) transit: Box<[Passage; BATCH]>,
    pub(super) flows: Flows,
    pub(super) mailbox: Mailbox,
    pub(super) meter: Option<Meter>,
    pub(super) report: WorkerReport,
}

impl Worker {
    pub(super) fn new(
        ports: Vec<PortConfig>,
        stamps: bool,
        flows: FlowConfig,
        mailbox: Mailbox,
        instruments: Option<&Instruments>,
    ) -> Self {
        let port = |p: PortConfig| {
            let v6 = p.socket.local_addr().is_ok_and(|addr| addr.is_ipv6());
            Port {
                subscribers: Subscribers::new(&p.subscribers, v6),
                publishers: p.publishers,
                receiver: Receiver::new(p.socket),
            }
        };
        let ports: Vec<Port> = ports.into_iter().map(port).collect();
        let most = ports.iter().map(|p| p.subscribers.len()).max();
        let rooms = ports.iter().map(|p| p.subscribers.addresses().collect());
        Self {
            // A full batch for every subscriber: the outbox never grows on the way of a packet.
            outbox: Vec::with_capacity(BATCH * most.unwrap_or(0)),
            flows: Flows::new(
                flows,
                instruments.map(Instruments::recorder),
                rooms.collect(),
            ),
            ports,
            stamps,
            now: 0,
            swept: 0,
            ask_at: 0,
            arena: Arena::new(),
            transit: Box::new([Passage::NONE; BATCH]),
            mailbox,
            meter: instruments.map(Instruments::meter),
            report: WorkerReport::default(),
        }
    }

    /// Ends idle streams now and then. Traffic brings the time along; only silence has to ask for it, and letters
    /// don't break it.
    pub(super) fn sweep(&mut self) {
        if self.swept == self.report.received {
            self.now = monotonic_ns();
        }
        self.swept = self.report.received;
        self.flows.sweep(self.now);
        if self.now >= self.ask_at {
            self.ask_at = self.now + ASK_NS;
            self.ask_for_overflow();
        }
    }

    /// Counts what the kernel has dropped at our sockets since the last time.
    fn ask_for_overflow(&mut self) {
        let Some(meter) = &self.meter else {
            return;
        };
        for port in &mut self.ports {
            let overflow = port.receiver.take_overflow();
            if overflow > 0 {
                meter.on_overflow(overflow);
            }
        }
    }

    /// Takes what waits on a port, for a few turns: the others wait too.
    pub(super) fn serve(&mut self, room: usize) {
        for _ in 0..TURNS {
            if self.turn(room) < BATCH {
                return;
            }
        }
    }

    /// Forwards what still waits on the ports, which nothing more gets into: a sender that never pauses keeps nobody here.
    /// What there is no time for within `limit` is counted.
    pub(super) fn drain(&mut self, limit: Duration) {
        for port in &self.ports {
            port.receiver.shut();
        }
        // What the kernel dropped of a full queue until then. What comes later comes to nobody: it is not asked for again.
        self.ask_for_overflow();
        let begun = Instant::now();
        let rooms = 0..self.ports.len();
        while rooms.clone().map(|room| self.turn(room)).sum::<usize>() > 0 {
            if begun.elapsed() > limit {
                self.discard(Instant::now() + DISCARD);
                break;
            }
        }
        self.read_letters();
    }

    /// Counts what waits, and takes it away.
    #[cold]
    fn discard(&mut self, until: Instant) {
        let mut left = 0;
        for port in &mut self.ports {
            while Instant::now() < until
                && let Ok(count @ 1..) = port.receiver.receive(&mut self.arena)
            {
                left += count as u64;
            }
        }
        if let Some(meter) = &self.meter {
            meter.on_overflow(left);
        }
    }

    /// Receives, judges and sends one batch; says how many datagrams it was.
    pub(super) fn turn(&mut self, room: usize) -> usize {
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
        if self.judge(room) {
            self.send(room);
            self.take_in_reports(room, count);
        } else {
            self.send(room);
        }
        self.settle(count);
        count
    }

    /// Looks at each datagram of the batch, records it, and puts it into the outbox. True if there are
    /// reports in the batch.
    fn judge(&mut self, room: usize) -> bool {
        let Some(port) = self.ports.get(room) else {
            return false;
        };
        let now = match self.stamps {
            true => Moment::now(),
            false => Moment::without_stamps(),
        };
        self.now = now.monotonic;
        self.outbox.clear();
        let mut reports = false;
        let batch = self.arena.datagrams().iter().zip(self.transit.iter_mut());
        for (i, (datagram, passage)) in batch.enumerate() {
            let to = |subscriber| Outgoing {
                datagram: i,
                subscriber,
            };
            let arrived = now.monotonic_of(datagram.stamp);
            let bytes = self.arena.payload(i);
            let (flows, meter) = (&mut self.flows, self.meter.as_ref());
            *passage = Passage {
                class: admit(port, flows, meter, datagram, bytes, room as u16, arrived),
                arrived,
                departed: 0,
            };
            match &passage.class {
                Class::Rejected(rejection) => {
                    if let Some(meter) = meter {
                        meter.on_rejected(*rejection);
                    }
                }
                Class::Media(_) => {
                    let others = port.subscribers.others(datagram.source);
                    self.outbox.extend(others.map(to));
                }
                Class::Reports(route) => {
                    reports = true;
                    if route.down {
                        let all = 0..port.subscribers.len();
                        let others = all.filter(|s| Some(*s) != route.subscriber);
                        self.outbox.extend(others.map(to));
                    }
                }
            }
        }
        reports
    }

    /// Sends the outbox. What can't be sent is counted and left behind: it never holds up the rest.
    fn send(&mut self, room: usize) {
        let Some(port) = self.ports.get(room) else {
            return;
        };
        let mut rest = self.outbox.as_slice();
        while !rest.is_empty() {
            let datagrams = rest.iter().filter_map(|out| {
                let to = match self.transit.get(out.datagram)?.class {
                    Class::Reports(_) => port.subscribers.rtcp(out.subscriber)?,
                    _ => port.subscribers.media(out.subscriber)?,
                };
                Some((self.arena.payload(out.datagram), to))
            });
            let passed = match send_batch(port.receiver.socket(), datagrams) {
                // The kernel never takes nothing without saying why; if it did, we would not wait.
                Ok(0) => failed(self.meter.as_ref(), SendFailure::Other, 1),
                Ok(sent) => {
                    self.report.sent += sent as u64;
                    if let Some(meter) = &self.meter {
                        let gone = rest.get(..sent).unwrap_or_default();
                        departed(meter, &self.arena, &mut self.flows, &mut self.transit, gone);
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

    /// Records how long each forwarded packet took, from its arrival to the end of its last send; then
    /// those who said goodbye may go.
    fn settle(&mut self, count: usize) {
        if let Some(meter) = &self.meter {
            for passage in self.transit.iter().take(count) {
                if let Class::Media(media) = &passage.class
                    && passage.departed != 0
                {
                    let latency = passage.departed.saturating_sub(passage.arrived);
                    meter.on_forwarded(latency, media.placed.and_then(|p| p.stream()));
                }
            }
        }
        self.flows.settle();
    }

    pub(super) fn finish(mut self) -> WorkerReport {
        self.report.flows = self.flows.finish();
        let sockets = self.ports.into_iter().map(|port| port.receiver);
        self.report.sockets = sockets.map(Receiver::into_socket).collect();
        self.report
    }
}

/// What a datagram is, and whether it is forwarded; recorded with its stream if so.
#[inline]
fn admit(
    port: &Port,
    flows: &mut Flows,
    meter: Option<&Meter>,
    datagram: &Datagram,
    bytes: &[u8],
    room: u16,
    arrived: u64,
) -> Class {
    let source = datagram.source;
    if datagram.cut {
        return Class::Rejected(Rejection::TooLong);
    }
    let publishes = port.publishers.is_empty() || port.publishers.iter().any(|p| p.allows(source));
    if is_rtcp(bytes) {
        return reports::admit(port, flows, meter, source, bytes, room, publishes);
    }
    if !publishes {
        return Class::Rejected(Rejection::UnknownPublisher);
    }
    let header = match RtpHeader::parse(bytes) {
        Ok(header) => header,
        Err(error) => return Class::Rejected(Rejection::Rtp(error)),
    };
    let placed = flows.on_rtp(room, source, &header, bytes, arrived);
    if let (None, Some(meter)) = (placed, meter) {
        meter.on_untracked();
    }
    Class::Media(Media { header, placed })
}

/// Counts what left in one send call, notes when, and tells the ways to the subscribers.
fn departed(
    meter: &Meter,
    arena: &Arena,
    flows: &mut Flows,
    transit: &mut [Passage; BATCH],
    sent: &[Outgoing],
) {
    let now = monotonic_ns();
    let (mut packets, mut bytes) = (0, 0);
    for out in sent {
        let Some(passage) = transit.get_mut(out.datagram) else {
            continue;
        };
        passage.departed = now;
        if let Class::Media(Media { header, placed }) = &passage.class {
            packets += 1;
            bytes += u64::from(header.packet_len);
            if let Some(placed) = placed {
                flows.on_departure(
                    placed,
                    out.subscriber,
                    header,
                    arena.payload(out.datagram),
                    now,
                );
            }
        }
    }
    meter.on_sent(packets, bytes);
}

pub(super) fn failed(meter: Option<&Meter>, failure: SendFailure, n: usize) -> usize {
    if let Some(meter) = meter {
        meter.on_send_failure(failure, n as u64);
    }
    n
}

#[cfg(test)]
mod tests {
    use media_metrics_core::{Registry, catalog};
    use std::net::UdpSocket;

    use super::*;
    use crate::flows::FlowLimit;
    use crate::net::bind_group;
    use crate::payload::PayloadTypes;

    #[test]
    fn of_what_waits_at_the_end_all_is_forwarded_or_counted() {
        let minute = Duration::from_secs(60);
        for (limit, forwarded) in [(minute, 300), (Duration::ZERO, BATCH as u64)] {
            let registry = Registry::new().unwrap();
            let group = bind_group("127.0.0.1:0".parse().unwrap(), 1, 1 << 20, false).unwrap();
            let listen = group[0].local_addr().unwrap();
            let socket = || UdpSocket::bind("127.0.0.1:0").unwrap();
            let (sender, subscriber) = (socket(), socket());
            let port = PortConfig {
                socket: group.into_iter().next().unwrap(),
                publishers: Vec::new(),
                subscribers: vec![subscriber.local_addr().unwrap().into()],
            };
            let flows = FlowConfig {
                payloads: PayloadTypes::standard(),
                idle_ns: u64::MAX,
                limit: FlowLimit::new(10),
            };
            let mailbox = Mailbox::exchange(1).unwrap().remove(0);
            let instruments = Instruments::register(&registry).unwrap();
            let mut worker = Worker::new(vec![port], false, flows, mailbox, Some(&instruments));
            for number in 0..300_u16 {
                let [high, low] = number.to_be_bytes();
                let packet = [0x80, 111, high, low, 0, 0, 0, 0, 0, 0, 0, 7];
                sender.send_to(&packet, listen).unwrap();
            }
            worker.drain(limit);
            assert_eq!(worker.report.received, forwarded);
            drop(worker);
            let snapshot = registry.collect();
            let left = snapshot.counter(catalog::FORWARD_OVERFLOWED.name(), &[]);
            assert_eq!(left, Some(300 - forwarded));
        }
    }
}
