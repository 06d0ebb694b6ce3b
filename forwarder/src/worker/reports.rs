//! What becomes of RTCP on a worker: which way it goes, what streams learn from it, and who hands it to
//! whom.
//!
//! Reports are looked into after the batch's media has been sent: media waits for nobody, and a sender
//! report counts from its own departure. Not here: formats (the core's `rtp::rtcp`), directions (`rtcp`).

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use arrayvec::ArrayVec;
use media_metrics_core::rtp::rtcp::{self, Event};
use rustix::net::SocketAddrAny;

use super::batch::{Port, Worker, failed};
use super::transit::Class;
use crate::flows::Flows;
use crate::inbox::{Letter, Reports};
use crate::meter::{Meter, Rejection, Undelivered};
use crate::net::send_batch;
use crate::rtcp::{contents, each_medium, ways};

/// A datagram of reports goes to at most so many publishers.
const PUBLISHERS: usize = 32;

/// Which way a datagram of reports goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// The subscriber that it comes from, if it is one.
    pub(super) subscriber: Option<usize>,
    /// To the subscribers.
    pub(super) down: bool,
    /// To publishers.
    up: bool,
    /// It has a goodbye for a stream that this worker doesn't have.
    goodbye: bool,
}

/// What one worker found out about a datagram of reports.
#[derive(Debug, Default)]
struct Findings {
    /// Publishers of what the feedback is about, each once.
    publishers: ArrayVec<SocketAddr, PUBLISHERS>,
    /// The feedback is about a stream of this worker.
    known: bool,
    /// A sender report is about no stream of this worker.
    missing: bool,
}

/// Checks a datagram of RTCP and finds its way; ends streams that say goodbye. `publishes` says whether
/// its source may send media.
#[cold]
pub(super) fn admit(
    port: &Port,
    flows: &mut Flows,
    meter: Option<&Meter>,
    source: SocketAddr,
    bytes: &[u8],
    room: u16,
    publishes: bool,
) -> Class {
    let subscriber = port.subscribers.reporter(source);
    if !publishes && subscriber.is_none() {
        return Class::Rejected(Rejection::UnknownPublisher);
    }
    let (mut left, mut goodbye) = (false, false);
    let contents = contents(bytes, |ssrc| match flows.on_bye(room, source, ssrc) {
        true => left = true,
        false => goodbye = true,
    });
    let contents = match contents {
        Ok(contents) => contents,
        Err(error) => return Class::Rejected(Rejection::Rtcp(error)),
    };
    let (down, up) = match subscriber {
        None => (true, false),
        Some(_) => {
            let own = flows.sends(room, source, contents.speaker);
            ways(&contents, own, left)
        }
    };
    if down && !up && !publishes {
        return Class::Rejected(Rejection::UnknownPublisher);
    }
    if let Some(meter) = meter {
        meter.on_rtcp();
    }
    let down = down && publishes;
    Class::Reports(Route {
        subscriber,
        down,
        up,
        goodbye: goodbye && down,
    })
}

impl Worker {
    /// Takes in what the reports of a batch say, and passes feedback on to publishers.
    #[cold]
    pub(super) fn take_in_reports(&mut self, room: usize, count: usize) {
        let batch = self.arena.datagrams().iter().zip(self.transit.iter());
        for (i, (datagram, passage)) in batch.take(count).enumerate() {
            let Class::Reports(route) = passage.class else {
                continue;
            };
            let reports = Reports {
                room: room as u16,
                source: datagram.source,
                subscriber: route.subscriber.filter(|_| route.up),
                down: route.down,
                arrived: passage.arrived,
                departed: passage.departed,
            };
            let (bytes, meter) = (self.arena.payload(i), self.meter.as_ref());
            let findings = take_in(&mut self.flows, &reports, bytes);
            if let Some(port) = self.ports.get(room) {
                self.report.sent += pass_up(port, meter, bytes, &findings.publishers);
            }
            let unknown = route.up && !findings.known;
            let missing = findings.missing || route.goodbye;
            if !route.up && !route.down {
                undelivered(meter, Undelivered::AboutNobody, 1);
            } else if (unknown || missing) && !self.mailbox.is_alone() {
                let left = Reports {
                    subscriber: reports.subscriber.filter(|_| unknown),
                    down: missing,
                    ..reports
                };
                let letter = Letter::new(left, bytes, !unknown);
                let missed = self.mailbox.post(&letter);
                if missed > 0 {
                    undelivered(meter, Undelivered::Busy, missed as u64);
                    letter.recognise(); // counted by now
                }
                close(meter, letter);
            } else if unknown {
                undelivered(meter, Undelivered::UnknownStream, 1);
            }
        }
        self.mailbox.ring();
    }

    /// Reads what other workers could not make anything of: what is there now, for whoever writes meanwhile rings anew,
    /// and a flood of letters must not hold up media.
    pub(super) fn read_letters(&mut self) {
        self.mailbox.hush();
        let waiting = 0..self.mailbox.waiting();
        let letters: Vec<_> = waiting.map_while(|_| self.mailbox.next()).collect();
        // What a publisher sent before its goodbye waits on this worker's socket: that comes first.
        let down = letters.iter().filter(|letter| letter.reports.down);
        let rooms: BTreeSet<u16> = down.map(|letter| letter.reports.room).collect();
        for room in rooms {
            self.serve(usize::from(room));
        }
        for letter in letters {
            let (Letter { reports, bytes, .. }, meter) = (&*letter, self.meter.as_ref());
            let findings = take_in(&mut self.flows, reports, bytes);
            if reports.down {
                // Malformed ones don't get into letters.
                let _ = contents(bytes, |ssrc| {
                    self.flows.on_bye(reports.room, reports.source, ssrc);
                });
            }
            if let Some(port) = self.ports.get(usize::from(reports.room)) {
                self.report.sent += pass_up(port, meter, bytes, &findings.publishers);
            }
            if findings.known {
                letter.recognise();
            }
            close(meter, letter);
        }
        self.flows.settle();
    }
}

/// Tells this worker's streams what the reports say about them.
fn take_in(flows: &mut Flows, reports: &Reports, bytes: &[u8]) -> Findings {
    let mut findings = Findings::default();
    let Reports {
        room,
        source,
        arrived,
        departed,
        ..
    } = *reports;
    // Checked when it arrived: a malformed datagram does not come this far.
    let _ = rtcp::parse(bytes, |event| match (event, reports.subscriber) {
        (Event::SenderReport(info), _) if reports.down => {
            findings.missing |= !flows.on_sender_report((room, source), &info, arrived, departed);
        }
        (event, Some(subscriber)) => each_medium(&event, |ssrc| {
            findings.known |= flows.each_of(room, ssrc, |flow| {
                flow.on_feedback(subscriber, &event, arrived);
                if !findings.publishers.contains(&flow.control()) {
                    // Full: no report is multiplied by more than this.
                    let _ = findings.publishers.try_push(flow.control());
                }
            });
        }),
        _ => {}
    });
    findings
}

/// Sends feedback to publishers as it came, and says how many got it.
fn pass_up(port: &Port, meter: Option<&Meter>, bytes: &[u8], publishers: &[SocketAddr]) -> u64 {
    let mut sent = 0;
    for publisher in publishers {
        let to = SocketAddrAny::from(*publisher);
        match send_batch(port.receiver.socket(), std::iter::once((bytes, &to))) {
            Ok(n) => sent += n as u64,
            Err(failure) => {
                failed(meter, failure, 1);
            }
        }
    }
    if let Some(meter) = meter {
        meter.on_feedback(sent);
    }
    sent
}

/// Done with a letter: if it was the last to see it, this worker counts what nobody knows.
fn close(meter: Option<&Meter>, letter: Arc<Letter>) {
    if letter.close() == Some(false) {
        undelivered(meter, Undelivered::UnknownStream, 1);
    }
}

fn undelivered(meter: Option<&Meter>, reason: Undelivered, n: u64) {
    if let Some(meter) = meter {
        meter.on_undelivered(reason, n);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flows::{FlowConfig, FlowLimit};
    use crate::inbox::{CAPACITY, Mailbox};
    use crate::meter::Instruments;
    use crate::net::bind_group;
    use crate::payload::PayloadTypes;
    use crate::worker::PortConfig;
    use media_metrics_core::{Registry, catalog};
    use std::net::UdpSocket;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    const RTP: [u8; 12] = [0x80, 111, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7];

    fn socket() -> UdpSocket {
        UdpSocket::bind("127.0.0.1:0").unwrap()
    }

    /// Two workers of one port, to be run by hand, with a subscriber.
    fn workers(registry: &Registry, subscriber: &UdpSocket) -> ([Worker; 2], SocketAddr) {
        workers_of(registry, subscriber, u64::MAX)
    }

    /// The same, whose streams end after so much silence.
    fn workers_of(
        registry: &Registry,
        subscriber: &UdpSocket,
        idle_ns: u64,
    ) -> ([Worker; 2], SocketAddr) {
        let group = bind_group("127.0.0.1:0".parse().unwrap(), 2, 1 << 20, false).unwrap();
        let listen = group[0].local_addr().unwrap();
        let instruments = Instruments::register(registry).unwrap();
        let flows = FlowConfig {
            payloads: PayloadTypes::standard(),
            idle_ns,
            limit: FlowLimit::new(10),
        };
        let mut pairs = group.into_iter().zip(Mailbox::exchange(2).unwrap());
        let workers = [(); 2].map(|()| {
            let (socket, mailbox) = pairs.next().unwrap();
            let port = PortConfig {
                socket,
                publishers: Vec::new(),
                subscribers: vec![subscriber.local_addr().unwrap().into()],
            };
            Worker::new(
                vec![port],
                false,
                flows.clone(),
                mailbox,
                Some(&instruments),
            )
        });
        (workers, listen)
    }

    /// A socket whose datagrams come to this worker, found with an empty report.
    fn socket_of(worker: usize, workers: &mut [Worker; 2], listen: SocketAddr) -> UdpSocket {
        let mut sockets = std::iter::repeat_with(|| {
            let from = socket();
            from.connect(listen).unwrap();
            from.send(&[0x80, 201, 0, 1, 0, 0, 0, 1]).unwrap();
            from
        });
        sockets
            .find(|_| workers.each_mut().map(|worker| worker.turn(0))[worker] == 1)
            .unwrap()
    }

    #[test]
    fn media_that_waits_comes_before_the_goodbye_in_a_letter() {
        let (registry, subscriber) = (Registry::new().unwrap(), socket());
        let (mut workers, listen) = workers(&registry, &subscriber);
        let media = socket_of(0, &mut workers, listen);
        let control = socket_of(1, &mut workers, listen);
        let [owner, other] = &mut workers;
        media.send(&RTP).unwrap();
        assert_eq!(owner.turn(0), 1);
        control
            .send(&[&[0x80, 200, 0, 6, 0, 0, 0, 7][..], &[1; 20]].concat())
            .unwrap();
        assert_eq!(other.turn(0), 1);
        owner.read_letters(); // now it knows where the publisher's reports come from
        media.send(&RTP).unwrap();
        control.send(&[0x81, 203, 0, 1, 0, 0, 0, 7]).unwrap();
        assert_eq!(other.turn(0), 1);
        assert_eq!(owner.flows.len(), 1);
        owner.read_letters();
        assert_eq!(owner.turn(0), 0, "the media has been taken");
        assert!(owner.flows.is_empty());
    }

    /// A report of the subscriber about a stream that nobody has: a letter for the other worker.
    const ABOUT_NOBODY: [u8; 12] = [0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 9];

    fn letter_about_nobody() -> Arc<Letter> {
        let reports = Reports {
            room: 0,
            source: SocketAddr::from(([127, 0, 0, 1], 9)),
            subscriber: Some(0),
            down: false,
            arrived: 0,
            departed: 0,
        };
        Letter::new(reports, &ABOUT_NOBODY, true)
    }

    #[test]
    fn letters_do_not_keep_silent_streams_alive() {
        let (registry, subscriber) = (Registry::new().unwrap(), socket());
        let (mut workers, listen) = workers_of(&registry, &subscriber, 1_000_000);
        let media = socket_of(0, &mut workers, listen);
        let [owner, other] = &mut workers;
        media.send(&RTP).unwrap();
        assert_eq!(owner.turn(0), 1);
        owner.sweep();
        assert_eq!(owner.flows.len(), 1, "it has just come");
        let deadline = Instant::now() + Duration::from_secs(20);
        while !owner.flows.is_empty() {
            assert!(Instant::now() < deadline, "it never ended");
            assert_eq!(other.mailbox.post(&letter_about_nobody()), 0);
            owner.read_letters();
            owner.sweep();
        }
    }

    #[test]
    fn a_flood_of_letters_lets_a_worker_go_on() {
        let (registry, subscriber) = (Registry::new().unwrap(), socket());
        let ([mut owner, other], _) = workers(&registry, &subscriber);
        let mut mailbox = other.mailbox;
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    mailbox.post(&letter_about_nobody());
                }
            });
            for _ in 0..100 {
                owner.read_letters();
            }
            over.store(true, Ordering::Relaxed);
        });
    }

    #[test]
    fn what_a_full_inbox_does_not_take_is_counted_once_and_the_rest_by_its_last_reader() {
        let registry = Registry::new().unwrap();
        let subscriber = socket();
        let (mut workers, listen) = workers(&registry, &subscriber);
        for _ in 0..CAPACITY + 10 {
            subscriber.send_to(&ABOUT_NOBODY, listen).unwrap();
            let came = workers.each_mut().map(|worker| worker.turn(0));
            assert_eq!(came.iter().sum::<usize>(), 1);
        }
        let counted = |reason: Undelivered| {
            let name = catalog::FORWARD_FEEDBACK_DROPPED.name();
            registry.collect().counter(name, &[reason.as_str()])
        };
        assert_eq!(counted(Undelivered::Busy), Some(10));
        assert_eq!(
            counted(Undelivered::UnknownStream),
            Some(0),
            "nobody knows yet"
        );
        workers.iter_mut().for_each(Worker::read_letters);
        assert_eq!(counted(Undelivered::Busy), Some(10));
        assert_eq!(counted(Undelivered::UnknownStream), Some(CAPACITY as u64));
    }
}
