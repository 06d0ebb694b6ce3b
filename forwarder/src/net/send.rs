//! Sending: up to [`BATCH`] datagrams in one system call, and what can go wrong with one.

use std::io::IoSlice;
use std::os::fd::AsFd;

use arrayvec::ArrayVec;
use rustix::io::Errno;
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, SocketAddrAny, sendmmsg};

use super::BATCH;

/// Why a datagram did not leave: the values of the label `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendFailure {
    /// The socket's send buffer is full (EAGAIN).
    WouldBlock,
    /// The kernel had no memory for it (ENOBUFS, ENOMEM).
    NoBuffers,
    /// The receiver's port is closed (ECONNREFUSED, by ICMP).
    Refused,
    /// No way to the receiver (ENETUNREACH, EHOSTUNREACH, ENETDOWN).
    Unreachable,
    /// Longer than the path allows (EMSGSIZE).
    TooBig,
    /// A firewall or policy forbids it (EPERM, EACCES).
    NotPermitted,
    /// Anything else.
    Other,
}

impl SendFailure {
    /// Every reason, in the order of [`index`](Self::index).
    pub const ALL: [Self; 7] = [
        Self::WouldBlock,
        Self::NoBuffers,
        Self::Refused,
        Self::Unreachable,
        Self::TooBig,
        Self::NotPermitted,
        Self::Other,
    ];

    /// The label's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WouldBlock => "would_block",
            Self::NoBuffers => "no_buffers",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::TooBig => "too_big",
            Self::NotPermitted => "not_permitted",
            Self::Other => "other",
        }
    }

    /// Position in [`ALL`](Self::ALL).
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    fn of(error: Errno) -> Self {
        match error {
            Errno::AGAIN => Self::WouldBlock,
            Errno::NOBUFS | Errno::NOMEM => Self::NoBuffers,
            Errno::CONNREFUSED => Self::Refused,
            Errno::NETUNREACH | Errno::HOSTUNREACH | Errno::NETDOWN | Errno::HOSTDOWN => {
                Self::Unreachable
            }
            Errno::MSGSIZE => Self::TooBig,
            Errno::PERM | Errno::ACCESS => Self::NotPermitted,
            _ => Self::Other,
        }
    }
}

/// Sends datagrams, at most [`BATCH`], and says how many of the *first* ones left. Never blocks,
/// allocates nothing.
///
/// # Errors
/// Why the *first* datagram did not leave: with an error none did. (The kernel reports a failure
/// further on at the next call, when that datagram is the first.)
pub fn send_batch<'a>(
    socket: &impl AsFd,
    datagrams: impl Iterator<Item = (&'a [u8], &'a SocketAddrAny)>,
) -> Result<usize, SendFailure> {
    let mut slices = ArrayVec::<[IoSlice<'_>; 1], BATCH>::new();
    let mut to = ArrayVec::<&SocketAddrAny, BATCH>::new();
    let mut controls = ArrayVec::<SendAncillaryBuffer<'_, '_, '_>, BATCH>::new();
    for (bytes, addr) in datagrams.take(BATCH) {
        slices.push([IoSlice::new(bytes)]);
        to.push(addr);
        controls.push(SendAncillaryBuffer::default());
    }
    let mut messages: ArrayVec<MMsgHdr<'_>, BATCH> = to
        .iter()
        .zip(&slices)
        .zip(&mut controls)
        .map(|((addr, slice), control)| MMsgHdr::new_with_addr(addr, slice, control))
        .collect();
    loop {
        match sendmmsg(socket, &mut messages, SendFlags::DONTWAIT) {
            Ok(sent) => return Ok(sent),
            Err(Errno::INTR) => {}
            Err(error) => return Err(SendFailure::of(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    #[test]
    fn a_batch_arrives_in_order() {
        let from = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = UdpSocket::bind("127.0.0.1:0").unwrap();
        to.set_nonblocking(true).unwrap();
        let addr = SocketAddrAny::from(to.local_addr().unwrap());
        let bytes: Vec<[u8; 1]> = (0..100).map(|i| [i]).collect();
        let sent = send_batch(&from, bytes.iter().map(|b| (&b[..], &addr)));
        assert_eq!(sent, Ok(BATCH), "at most one batch");
        let mut got = [0; 8];
        for i in 0..BATCH {
            assert_eq!(to.recv(&mut got).unwrap(), 1);
            assert_eq!(usize::from(got[0]), i);
        }
        assert!(to.recv(&mut got).is_err());
    }

    #[test]
    fn what_cannot_leave_is_named_and_stops_only_itself() {
        let from = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = UdpSocket::bind("127.0.0.1:0").unwrap();
        let good = SocketAddrAny::from(to.local_addr().unwrap());
        let huge = vec![0; 70_000];
        let (small, big) = ((&b"x"[..], &good), (&huge[..], &good));
        assert_eq!(send_batch(&from, [small, big, small].into_iter()), Ok(1));
        assert_eq!(
            send_batch(&from, [big, small].into_iter()),
            Err(SendFailure::TooBig)
        );
        assert_eq!(send_batch(&from, [small].into_iter()), Ok(1));
    }

    #[test]
    fn every_reason_has_its_place_and_its_name() {
        let names: Vec<_> = SendFailure::ALL.iter().map(|r| r.as_str()).collect();
        assert!(
            SendFailure::ALL
                .iter()
                .enumerate()
                .all(|(i, r)| r.index() == i)
        );
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len(), "{names:?}");
        assert_eq!(SendFailure::of(Errno::NOBUFS), SendFailure::NoBuffers);
        assert_eq!(SendFailure::of(Errno::CONNREFUSED), SendFailure::Refused);
        assert_eq!(SendFailure::of(Errno::PIPE), SendFailure::Other);
    }
}
