//! A subscriber that counts: what really came out of the program, packet by packet.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_recv_buffer_size_force};

use crate::Traffic;
use crate::ports;
use crate::rtp::{self, Packet};

/// Bytes of the socket's queue: seconds of a hundred thousand packets each. Who is not privileged gets what the system
/// allows.
const QUEUE: usize = 256 << 20;

/// What arrived so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// RTP.
    pub rtp: Traffic,
    /// RTCP.
    pub rtcp: Traffic,
    /// RTP packets in the order of their arrival.
    pub order: Vec<Packet>,
    /// Datagrams that are neither: there should be none.
    pub other: u64,
}

impl Received {
    /// RTP of one source.
    #[must_use]
    pub fn of(&self, ssrc: u32) -> Vec<Packet> {
        self.order
            .iter()
            .filter(|p| p.ssrc == ssrc)
            .copied()
            .collect()
    }
}

/// A running subscriber.
#[derive(Debug)]
pub struct Subscriber {
    address: SocketAddr,
    received: Arc<Mutex<Received>>,
    /// Hung up to stop the thread; it answers by hanging up `ended`.
    stop: Sender<()>,
    ended: Receiver<()>,
}

impl Subscriber {
    /// Listens on a port of loopback.
    #[must_use]
    pub fn start() -> Self {
        let bound = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| {
            socket.set_read_timeout(Some(Duration::from_millis(20)))?;
            set_socket_recv_buffer_size_force(&socket, QUEUE)
                .or_else(|_| set_socket_recv_buffer_size(&socket, QUEUE))?;
            Ok((socket.local_addr()?, socket))
        });
        let (address, socket) = bound.unwrap_or_else(|e| panic!("subscriber: {e}"));
        let received = Arc::new(Mutex::new(Received::default()));
        let (stop, stopped) = mpsc::channel();
        let (running, ended) = mpsc::channel();
        let books = Arc::clone(&received);
        thread::spawn(move || {
            let _running = running;
            let mut datagram = [0; 65_536];
            loop {
                let last = stopped.try_recv() == Err(mpsc::TryRecvError::Disconnected);
                while let Ok(len) = socket.recv(&mut datagram) {
                    count(&books, datagram.get(..len).unwrap_or_default());
                }
                if last {
                    return;
                }
            }
        });
        Self {
            address,
            received,
            stop,
            ended,
        }
    }

    /// Where to send to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What arrived so far.
    #[must_use]
    pub fn received(&self) -> Received {
        let books = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        books.clone()
    }

    /// RTP so far.
    #[must_use]
    pub fn rtp(&self) -> Traffic {
        let books = self.received.lock();
        books.unwrap_or_else(PoisonError::into_inner).rtp
    }

    /// Datagrams that its own queue had no room for: a fault of the test's machine, to be told from the program's. None if
    /// the kernel doesn't say.
    #[must_use]
    pub fn dropped(&self) -> Option<u64> {
        ports::dropped(self.address)
    }

    /// Counts what is on its way, and stops.
    #[must_use]
    pub fn finish(self) -> Received {
        let Self {
            received,
            stop,
            ended,
            ..
        } = self;
        drop(stop);
        let _hung_up = ended.recv();
        let books = received.lock().unwrap_or_else(PoisonError::into_inner);
        books.clone()
    }
}

fn count(books: &Mutex<Received>, datagram: &[u8]) {
    let mut books = books.lock().unwrap_or_else(PoisonError::into_inner);
    if rtp::is_rtcp(datagram) {
        books.rtcp.add(datagram.len());
    } else if let Some(packet) = Packet::parse(datagram) {
        books.rtp.add(datagram.len());
        books.order.push(packet);
    } else {
        books.other += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_counted_apart() {
        let subscriber = Subscriber::start();
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        for datagram in [
            &Packet::datagram(1, b"xy")[..],
            &[0x80, 201, 0, 0],
            b"garbage",
            b"",
        ] {
            socket.send_to(datagram, subscriber.address()).unwrap();
        }
        let received = subscriber.finish();
        assert_eq!(
            received.rtp,
            Traffic {
                packets: 1,
                bytes: 14
            }
        );
        assert_eq!(
            received.rtcp,
            Traffic {
                packets: 1,
                bytes: 4
            }
        );
        assert_eq!(received.other, 2);
        assert_eq!((received.of(2).len(), received.of(3).len()), (1, 0));
    }
}
