//! Receiving: up to [`BATCH`] datagrams in one system call, with the kernel's arrival stamps; and its count of
//! datagrams that found no room in the socket's queue.

use std::array;
use std::io::IoSliceMut;
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::libc::{BPF_K, BPF_RET};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg};
use nix::sys::time::TimeSpec;
use socket2::{SockFilter, SockRef};

use super::socket::dropped;
use crate::clock::stamp_ns;

/// Datagrams in one system call.
pub const BATCH: usize = 64;

/// Longest datagram that is forwarded: what a jumbo frame carries, and a little. (RTP keeps below the
/// path's MTU.) A longer one is cut off by the kernel, seen as such, and counted.
///
/// An odd number of cache lines, so that the headers of a batch do not all fall into a few sets.
pub const MAX_DATAGRAM: usize = 145 * 64;

/// One received datagram: where it is in the arena, and where it came from.
#[derive(Clone, Copy, Debug)]
pub struct Datagram {
    /// Sender, as the socket names it.
    pub source: SocketAddr,
    /// Bytes received.
    pub len: usize,
    /// It was longer than [`MAX_DATAGRAM`]; what is there is not all of it.
    pub cut: bool,
    /// When the kernel received it, nanoseconds since 1970; 0 without stamps.
    pub stamp: u64,
}

/// Room for one batch, made once and used again.
#[derive(Debug)]
pub struct Arena {
    bytes: Box<[u8]>,
    datagrams: Vec<Datagram>,
}

impl Arena {
    /// Room for [`BATCH`] datagrams: 580 KiB, of which the kernel touches what it fills.
    #[must_use]
    pub fn new() -> Self {
        Self {
            bytes: vec![0; BATCH * MAX_DATAGRAM].into_boxed_slice(),
            datagrams: Vec::with_capacity(BATCH),
        }
    }

    /// What the last receive brought.
    #[must_use]
    pub fn datagrams(&self) -> &[Datagram] {
        &self.datagrams
    }

    /// The bytes of datagram `i`; empty if there is none.
    #[must_use]
    pub fn payload(&self, i: usize) -> &[u8] {
        let len = self.datagrams.get(i).map_or(0, |d| d.len);
        let start = i * MAX_DATAGRAM;
        self.bytes.get(start..start + len).unwrap_or_default()
    }
}

impl Default for Arena {
    fn default() -> Self {
        Self::new()
    }
}

/// One socket and its prepared message headers.
///
/// The headers belong to the socket because the kernel writes each address' length back into them:
/// on one socket it is always the same. Not `Send` (they hold pointers): made on the worker's thread.
#[derive(Debug)]
pub struct Receiver {
    socket: UdpSocket,
    headers: MultiHeaders<SockaddrStorage>,
    /// Drops as the kernel last told them.
    dropped: u32,
}

impl Receiver {
    /// Prepares the headers for a nonblocking socket.
    #[must_use]
    pub fn new(socket: UdpSocket) -> Self {
        let control = nix::cmsg_space!(TimeSpec);
        Self {
            socket,
            headers: MultiHeaders::preallocate(BATCH, Some(control)),
            dropped: 0,
        }
    }

    /// Datagrams that the kernel dropped because the socket's queue was full, and that no earlier call gave: exact at any
    /// moment. Costs a system call.
    pub fn take_overflow(&mut self) -> u64 {
        let dropped = dropped(&self.socket).unwrap_or(self.dropped);
        let fresh = dropped.wrapping_sub(self.dropped);
        self.dropped = dropped;
        u64::from(fresh)
    }

    /// Lets nothing more into the queue: what waits there can be read to its end, whoever goes on sending. The kernel drops
    /// what comes from now on, and [`take_overflow`](Self::take_overflow) gives it, too, to whoever asks later.
    pub fn shut(&self) {
        // A program of the classic BPF of one instruction: take none of its bytes. It fails on a socket whose filter
        // somebody has locked, which nobody does.
        let none = [SockFilter::new((BPF_RET | BPF_K) as u16, 0, 0, 0)];
        let _ = SockRef::from(&self.socket).attach_filter(&none);
    }

    /// Ends receiving, and leaves the socket open: packets go on arriving, and nobody reads them.
    #[must_use]
    pub fn into_socket(self) -> UdpSocket {
        self.socket
    }

    /// The socket.
    #[must_use]
    pub const fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// Takes what waits on the socket, up to [`BATCH`] datagrams, and says how many there were; 0 if
    /// none waits. Never blocks, allocates nothing.
    ///
    /// # Errors
    /// What the kernel said, other than "nothing there" and "interrupted".
    pub fn receive(&mut self, arena: &mut Arena) -> Result<usize, Errno> {
        arena.datagrams.clear();
        let mut rooms = arena.bytes.chunks_exact_mut(MAX_DATAGRAM);
        let mut slices: [_; BATCH] =
            array::from_fn(|_| [IoSliceMut::new(rooms.next().unwrap_or_default())]);
        let flags = MsgFlags::MSG_DONTWAIT;
        let fd = self.socket.as_raw_fd();
        let messages = match recvmmsg(fd, &mut self.headers, slices.iter_mut(), flags, None) {
            Ok(messages) => messages,
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(0),
            Err(error) => return Err(error),
        };
        for message in messages {
            arena.datagrams.push(Datagram {
                source: message.address.map_or(UNKNOWN, std_addr),
                len: message.bytes.min(MAX_DATAGRAM),
                cut: message.flags.contains(MsgFlags::MSG_TRUNC),
                stamp: message
                    .cmsgs()
                    .ok()
                    .and_then(|mut control| control.find_map(|c| receive_stamp(&c)))
                    .unwrap_or(0),
            });
        }
        Ok(arena.datagrams.len())
    }
}

/// A UDP datagram always has a source; this stands where the type system does not know that.
const UNKNOWN: SocketAddr = SocketAddr::V4(SocketAddrV4::new(std::net::Ipv4Addr::UNSPECIFIED, 0));

fn std_addr(addr: SockaddrStorage) -> SocketAddr {
    if let Some(v4) = addr.as_sockaddr_in() {
        SocketAddr::V4(SocketAddrV4::from(*v4))
    } else if let Some(v6) = addr.as_sockaddr_in6() {
        SocketAddr::V6(SocketAddrV6::from(*v6))
    } else {
        UNKNOWN
    }
}

fn receive_stamp(control: &ControlMessageOwned) -> Option<u64> {
    match control {
        ControlMessageOwned::ScmTimestampns(stamp) => Some(stamp_ns(*stamp)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Moment;
    use crate::net::bind_group;

    fn receiver(addr: &str, stamps: bool) -> (Receiver, SocketAddr) {
        let socket = bind_group(addr.parse().unwrap(), 1, 1 << 20, stamps)
            .unwrap()
            .remove(0);
        let addr = socket.local_addr().unwrap();
        (Receiver::new(socket), addr)
    }

    #[test]
    fn a_batch_keeps_order_bytes_and_sources() {
        for listen in ["127.0.0.1:0", "[::1]:0"] {
            let (mut receiver, addr) = receiver(listen, true);
            let sender = UdpSocket::bind(listen).unwrap();
            let mut arena = Arena::new();
            assert_eq!(receiver.receive(&mut arena), Ok(0), "empty is not an error");
            // Twice, so that headers written back by the kernel are used again.
            for round in 0..2_u8 {
                for i in 0..100_u8 {
                    sender.send_to(&[round, i], addr).unwrap();
                }
                let mut seen = Vec::new();
                while receiver.receive(&mut arena).unwrap() > 0 {
                    for (i, d) in arena.datagrams().iter().enumerate() {
                        assert_eq!(d.source, sender.local_addr().unwrap());
                        assert!(!d.cut);
                        seen.push(arena.payload(i).to_vec());
                    }
                }
                let sent: Vec<_> = (0..100).map(|i| vec![round, i]).collect();
                assert_eq!(seen, sent, "{listen}");
            }
        }
    }

    #[test]
    fn stamps_are_of_the_arrival_not_of_the_call() {
        let (mut receiver, addr) = receiver("127.0.0.1:0", true);
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut arena = Arena::new();
        let mut stamped_at_arrival = || {
            let before = Moment::now().wall;
            sender.send_to(b"x", addr).unwrap();
            let after = Moment::now().wall;
            std::thread::sleep(std::time::Duration::from_millis(5));
            assert_eq!(receiver.receive(&mut arena), Ok(1));
            (before..=after).contains(&arena.datagrams()[0].stamp)
        };
        // The kernel begins to stamp a moment after it was asked, and until then stamps at the call.
        let begun = (0..200).any(|_| stamped_at_arrival());
        assert!(begun && stamped_at_arrival() && stamped_at_arrival());
    }

    #[test]
    fn what_the_queue_has_no_room_for_is_counted_to_the_datagram() {
        let socket = bind_group("127.0.0.1:0".parse().unwrap(), 1, 1 << 16, true).unwrap();
        let mut receiver = Receiver::new(socket.into_iter().next().unwrap());
        let addr = receiver.socket().local_addr().unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut arena = Arena::new();
        let (mut received, mut dropped) = (0, 0);
        for round in 1..=3 {
            for _ in 0..2_000 {
                sender.send_to(&[0; 1_000], addr).unwrap();
            }
            dropped += receiver.take_overflow();
            while let Ok(count @ 1..) = receiver.receive(&mut arena) {
                received += count as u64;
            }
            assert_eq!(received + dropped, round * 2_000, "{dropped} dropped");
            assert!(dropped >= round * 1_000, "{dropped} of {}", round * 2_000);
        }
        assert_eq!(receiver.take_overflow(), 0, "each is given once");
    }

    #[test]
    fn a_shut_queue_is_read_to_its_end_and_what_comes_is_dropped() {
        let (mut receiver, addr) = receiver("127.0.0.1:0", true);
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let send = |n| assert!((0..n).all(|_| sender.send_to(b"x", addr).is_ok()));
        send(100);
        assert_eq!(receiver.take_overflow(), 0);
        receiver.shut();
        send(50);
        let mut arena = Arena::new();
        let counts = [(); 3].map(|()| receiver.receive(&mut arena).unwrap());
        assert_eq!((counts, receiver.take_overflow()), ([64, 36, 0], 50));
    }

    #[test]
    fn a_datagram_too_long_is_seen_as_cut() {
        let (mut receiver, addr) = receiver("127.0.0.1:0", false);
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        sender.send_to(&[7; MAX_DATAGRAM], addr).unwrap();
        sender.send_to(&[7; MAX_DATAGRAM + 1], addr).unwrap();
        let mut arena = Arena::new();
        assert_eq!(receiver.receive(&mut arena), Ok(2));
        let cut: Vec<bool> = arena.datagrams().iter().map(|d| d.cut).collect();
        assert_eq!(cut, [false, true]);
        assert_eq!(arena.datagrams()[0].stamp, 0, "no stamps asked for");
    }
}
