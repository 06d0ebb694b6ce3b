//! The network between sender and program: a UDP relay that harms RTP by plan and keeps exact books.
//!
//! RTCP passes unharmed. One relay carries one stream; it goes out from one socket, so that RTP and
//! RTCP of a stream come from one address, as RFC 5761 has it.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::Traffic;
use crate::ledger::{self, Truth};
use crate::plan::{Fate, Plan};
use crate::rtp::{self, Packet};

/// What the relay did, to the packet.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// RTP that came in: what the sender sent.
    pub received: Traffic,
    /// RTP that went out, in order.
    pub sent: Vec<Packet>,
    /// RTCP that went through.
    pub rtcp: Traffic,
    /// Packets kept for good.
    pub lost: u64,
    /// Packets sent twice.
    pub doubled: u64,
    /// Packets sent after their successor.
    pub swapped: u64,
}

impl Record {
    /// What a receiver behind the relay should find.
    #[must_use]
    pub fn truth(&self) -> Truth {
        ledger::truth(&self.sent)
    }
}

/// A running relay.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Record>>,
}

impl Relay {
    /// Listens on a port of loopback and sends on to `to`.
    #[must_use]
    pub fn start(to: SocketAddr, plan: Plan) -> Self {
        let bind = || {
            UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
                .unwrap_or_else(|e| panic!("relay: can't bind a port of 127.0.0.1: {e}"))
        };
        let (inside, outside) = (bind(), bind());
        let ready = inside
            .set_read_timeout(Some(Duration::from_millis(20)))
            .and_then(|()| outside.connect(to))
            .and_then(|()| inside.local_addr());
        let address = ready.unwrap_or_else(|e| panic!("relay to {to}: {e}"));
        let stop = Arc::new(AtomicBool::new(false));
        let mut path = Path {
            plan,
            to: outside,
            seen: 0,
            held: None,
            record: Record::default(),
        };
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut datagram = [0; 65_536];
            loop {
                // Acquire: pairs with the Release in `finish`. Read before the socket: whatever was
                // sent before the stop is in the socket's queue by then and is still carried.
                let last = stopped.load(Ordering::Acquire);
                while let Ok(len) = inside.recv(&mut datagram) {
                    path.carry(datagram.get(..len).unwrap_or_default());
                }
                if last {
                    return path.finish();
                }
            }
        });
        Self {
            address,
            stop,
            thread: Some(thread),
        }
    }

    /// Where to send to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Carries what is on its way, lets go what it still holds, and hands over the books. The sender
    /// has ended by then.
    #[must_use]
    pub fn finish(mut self) -> Record {
        // Release: pairs with the Acquire of the relay's thread, which then empties the socket once.
        self.stop.store(true, Ordering::Release);
        let ended = self.thread.take().map(JoinHandle::join);
        match ended {
            Some(Ok(record)) => record,
            _ => panic!("the relay's thread panicked: see its message above"),
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // Release: as in `finish`; a relay that nobody asks for its books must end, too.
        self.stop.store(true, Ordering::Release);
    }
}

/// The relay without its thread: plan, outgoing socket, books.
struct Path {
    plan: Plan,
    to: UdpSocket,
    seen: u64,
    held: Option<Vec<u8>>,
    record: Record,
}

impl Path {
    fn carry(&mut self, datagram: &[u8]) {
        if rtp::is_rtcp(datagram) {
            self.record.rtcp.add(datagram.len());
            self.put(datagram);
            return;
        }
        self.record.received.add(datagram.len());
        let fate = self.plan.fate(self.seen);
        self.seen += 1;
        match fate {
            Fate::Lose => {
                self.record.lost += 1;
                return;
            }
            Fate::Swap if self.held.is_none() => {
                self.record.swapped += 1;
                self.held = Some(datagram.to_vec());
                return;
            }
            // One packet is held already: this one is the successor it waits for.
            Fate::Swap | Fate::Pass => self.send(datagram),
            Fate::Double => {
                self.record.doubled += 1;
                self.send(datagram);
                self.send(datagram);
            }
        }
        if let Some(held) = self.held.take() {
            self.send(&held);
        }
    }

    fn send(&mut self, datagram: &[u8]) {
        match Packet::parse(datagram) {
            Some(packet) => self.record.sent.push(packet),
            None => panic!("the sender sent something that is not RTP: {datagram:02x?}"),
        }
        self.put(datagram);
    }

    fn put(&self, datagram: &[u8]) {
        // A connected socket hands out the last packet's refusal on the next send: try that one again.
        let sent = self.to.send(datagram).or_else(|_| self.to.send(datagram));
        if let Err(e) = sent {
            panic!("relay: can't send on {} bytes: {e}", datagram.len());
        }
    }

    fn finish(mut self) -> Record {
        if let Some(held) = self.held.take() {
            self.send(&held);
        }
        self.record
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subscriber::Subscriber;

    const PACKETS: u16 = 1000;

    fn relayed(plan: Plan) -> (Record, crate::subscriber::Received) {
        let subscriber = Subscriber::start();
        let relay = Relay::start(subscriber.address(), plan);
        let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        for n in 0..PACKETS {
            let payload = vec![7; usize::from(n % 90)];
            let datagram = Packet::datagram(n.wrapping_add(65_000), &payload);
            sender.send_to(&datagram, relay.address()).unwrap();
            if n % 50 == 0 {
                thread::sleep(Duration::from_millis(2)); // no burst larger than a socket's queue
            }
        }
        sender.send_to(&[0x80, 200, 0, 0], relay.address()).unwrap();
        let record = relay.finish();
        let received = subscriber.finish();
        (record, received)
    }

    #[test]
    fn the_books_agree_with_a_receiver_and_with_the_plan() {
        let plan = Plan {
            seed: 5,
            harmed: 20..980,
            lose: 40,
            burst: 2,
            double: 30,
            swap: 60,
        };
        let planned = |fate| (0..1000).filter(|&n| plan.fate(n) == fate).count() as u64;
        let (record, received) = relayed(plan.clone());
        assert_eq!(record.received.packets, u64::from(PACKETS));
        let truth = record.truth();
        assert_eq!(
            received.rtp, truth.traffic,
            "what the relay says it sent on, arrived"
        );
        assert_eq!(received.order, record.sent, "in the same order");
        assert_eq!(
            (record.lost, truth.lost),
            (planned(Fate::Lose), record.lost)
        );
        assert_eq!(
            (record.doubled, truth.duplicates),
            (planned(Fate::Double), record.doubled)
        );
        assert!(
            record.swapped > 20 && record.swapped <= planned(Fate::Swap),
            "{}",
            record.swapped
        );
        assert_eq!(truth.reordered, record.swapped);
        assert_eq!(truth.expected, u64::from(PACKETS));
        assert_eq!((record.rtcp.packets, received.rtcp), (1, record.rtcp));
    }

    #[test]
    fn a_clean_plan_changes_nothing() {
        let (record, received) = relayed(Plan::clean());
        assert_eq!(received.rtp, record.received);
        let truth = record.truth();
        assert_eq!((truth.lost, truth.duplicates, truth.reordered), (0, 0, 0));
    }
}
