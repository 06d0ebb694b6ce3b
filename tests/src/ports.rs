//! Ports of loopback: free ones, for programs that can't be told "any port, and say which", and what
//! the kernel dropped at one.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the range from which Linux serves "any port", so that nobody is handed ours by chance.
const FIRST: u16 = 20_000;
const COUNT: u16 = 10_000;

/// A port of 127.0.0.1 that is free now for UDP and TCP, and that this process gives out once.
///
/// Two processes that ask at the same moment could still meet: they begin at different places.
#[must_use]
pub fn free() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = (std::process::id() % u32::from(COUNT)) as u16;
    for _ in 0..COUNT {
        // Relaxed: only the numbers must differ; nothing else is published by this counter.
        let offset = NEXT.fetch_add(7, Ordering::Relaxed);
        let port = FIRST + (begin.wrapping_add(offset)) % COUNT;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no free port from {FIRST} on: is something holding {COUNT} ports?");
}

/// Datagrams that the kernel dropped because the queue of this UDP socket was full; None where nobody
/// listens, or the kernel doesn't say.
#[must_use]
pub fn dropped(at: SocketAddr) -> Option<u64> {
    let table = std::fs::read_to_string("/proc/net/udp").ok()?;
    let port = format!(":{:04X}", at.port());
    let line = table.lines().find(|line| {
        let local = line.split_whitespace().nth(1);
        local.is_some_and(|local| local.ends_with(&port))
    });
    line?.split_whitespace().last()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_full_queue_drops_is_known() {
        let full = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let at = full.local_addr().unwrap();
        assert_eq!(dropped(at), Some(0));
        for _ in 0..2_000 {
            full.send_to(&[0; 1_000], at).unwrap();
        }
        assert!(dropped(at) > Some(0), "nobody reads");
        drop(full);
        assert_eq!(dropped(at), None);
    }

    #[test]
    fn ports_are_free_and_never_given_twice() {
        let first = free();
        let _held = UdpSocket::bind(first).expect("free");
        for _ in 0..50 {
            assert_ne!(free(), first);
        }
    }
}
