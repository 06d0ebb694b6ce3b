//! Binding the sockets of one port: one for each worker.

use std::fmt;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

use nix::libc;
use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};

/// Why a port could not be opened.
#[derive(Debug)]
pub struct BindError {
    addr: SocketAddr,
    cause: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { addr, cause } = self;
        let remedy = match cause.kind() {
            io::ErrorKind::AddrInUse => {
                "another program uses this port: stop it, or choose another port with --listen"
            }
            io::ErrorKind::AddrNotAvailable => {
                "this machine has no such address: use one of its own, or 0.0.0.0 or [::] for all"
            }
            io::ErrorKind::PermissionDenied => {
                "this port needs privileges: choose one from 1024 up, or grant CAP_NET_BIND_SERVICE"
            }
            _ => "check the address",
        };
        write!(f, "cannot listen on {addr}: {cause}; {remedy}")
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

/// Opens `workers` sockets on one address; the kernel spreads flows over them, and keeps a flow on
/// one of them, by a hash of its addresses. Port 0 takes a free port, the same for all.
///
/// With `stamps` the kernel notes each datagram's arrival. It begins to a moment after it was asked by the
/// first socket of the machine; until then a stamp is the time of the receive call.
///
/// The first socket is bound *before* it allows sharing, so a port that any other program holds
/// (even one that allows sharing) is an error, not silently stolen traffic.
///
/// # Errors
/// What the operating system said, with the address and what to do about it.
pub fn bind_group(
    addr: SocketAddr,
    workers: usize,
    buffer: usize,
    stamps: bool,
) -> Result<Vec<UdpSocket>, BindError> {
    let failed = |addr| move |cause| BindError { addr, cause };
    let first = open(addr, buffer, stamps).map_err(failed(addr))?;
    first.bind(&addr.into()).map_err(failed(addr))?;
    first.set_reuse_port(true).map_err(failed(addr))?;
    let first = UdpSocket::from(first);
    let bound = first.local_addr().map_err(failed(addr))?;
    let mut sockets = vec![first];
    for _ in 1..workers {
        let next = open(bound, buffer, stamps).map_err(failed(bound))?;
        next.set_reuse_port(true).map_err(failed(bound))?;
        next.bind(&bound.into()).map_err(failed(bound))?;
        sockets.push(next.into());
    }
    Ok(sockets)
}

fn open(addr: SocketAddr, buffer: usize, stamps: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    set_receive_queue(&socket, buffer)?;
    if setsockopt(&socket, sockopt::SndBufForce, &buffer).is_err() {
        socket.set_send_buffer_size(buffer)?;
    }
    if stamps {
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
    }
    Ok(socket)
}

/// Datagrams so far that the kernel dropped because this socket's queue was full; it wraps. `None` if the kernel does
/// not say (before Linux 4.12).
///
/// Costs a system call. Not SO_RXQ_OVFL, which tells it with each datagram: it says nothing of what was dropped after
/// the last one, and `recvmmsg` with kept headers (`receive`) has no room for a message that it had not the first time.
#[expect(
    unsafe_code,
    reason = "no crate that is sound for us asks for SO_MEMINFO"
)]
pub(crate) fn dropped(socket: &UdpSocket) -> Option<u32> {
    // `SK_MEMINFO_…` of sock_diag(7): eight figures of the queues, and the drops.
    let mut figures = [0_u32; 9];
    let mut len = size_of_val(&figures) as libc::socklen_t;
    // SAFETY: the descriptor is open, since `socket` is borrowed. The kernel writes at most `len` bytes to `figures`,
    // which are all of it, and how many they were to `len`; both live here. Any bytes are whole numbers.
    let status = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            (&raw mut figures).cast(),
            &raw mut len,
        )
    };
    let told = status == 0 && len as usize == size_of_val(&figures);
    let [.., drops] = figures;
    told.then_some(drops)
}

/// Makes room for so many bytes that wait to be received. Beyond net.core.rmem_max (and wmem_max, for what is sent) only
/// a privileged process gets; another one gets as much as they allow, without an error.
pub(crate) fn set_receive_queue(socket: &Socket, bytes: usize) -> io::Result<()> {
    setsockopt(socket, sockopt::RcvBufForce, &bytes)
        .map_err(io::Error::from)
        .or_else(|_| socket.set_recv_buffer_size(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

    #[test]
    fn a_group_shares_one_port_and_spreads_flows() {
        let group = bind_group(ANY, 4, 1 << 20, true).unwrap();
        let addr = group[0].local_addr().unwrap();
        assert!(group.iter().all(|s| s.local_addr().unwrap() == addr));
        // Sixty-four flows, one packet each: all arrive, and not all at one socket.
        let senders: Vec<_> = (0..64).map(|_| UdpSocket::bind(ANY).unwrap()).collect();
        for sender in &senders {
            sender.send_to(b"x", addr).unwrap();
        }
        let counts: Vec<usize> = group
            .iter()
            .map(|s| std::iter::from_fn(|| s.recv_from(&mut [0; 8]).ok()).count())
            .collect();
        assert_eq!(counts.iter().sum::<usize>(), 64, "{counts:?}");
        assert!(counts.iter().filter(|&&n| n > 0).count() > 1, "{counts:?}");
    }

    #[test]
    fn a_port_in_use_is_an_error_even_if_its_holder_shares() {
        let held = bind_group(ANY, 2, 1 << 16, false).unwrap();
        let addr = held[0].local_addr().unwrap();
        let error = bind_group(addr, 2, 1 << 16, false).unwrap_err().to_string();
        assert!(error.contains(&addr.to_string()), "{error}");
        assert!(error.contains("--listen"), "{error}");
    }

    #[test]
    fn an_address_of_another_machine_is_named() {
        let foreign = "192.0.2.1:5004".parse().unwrap();
        let error = bind_group(foreign, 1, 1 << 16, false)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("192.0.2.1:5004") && error.contains("no such address"),
            "{error}"
        );
    }
}
