//! The built-in subscriber: counts what the forwarder sends it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use media_metrics_core::rtp::is_rtcp;
use socket2::SockRef;

use crate::net::set_receive_queue;

/// How often an idle sink looks whether it should stop.
const LOOK: Duration = Duration::from_millis(50);
/// A sender that never pauses can't keep a stopped sink longer than this.
const DRAIN: Duration = Duration::from_millis(300);
/// Seconds of many streams: what finds no room here looks like the forwarder's loss.
const BUFFER: usize = 64 << 20;

/// What arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// RTP packets.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// RTCP packets.
    pub reports: u64,
}

/// A subscriber on a loopback port of its own. Dropping it stops it too, without its figures.
#[derive(Debug)]
pub struct Sink {
    addr: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Tally>>,
}

impl Sink {
    /// Starts counting, on a free loopback port of the same address family as `like`.
    ///
    /// # Errors
    /// No socket, or no thread.
    pub fn start(like: SocketAddr) -> io::Result<Self> {
        let loopback: IpAddr = match like {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        let socket = UdpSocket::bind((loopback, 0))?;
        set_receive_queue(&SockRef::from(&socket), BUFFER)?;
        socket.set_read_timeout(Some(LOOK))?;
        let addr = socket.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("sink".to_owned())
            .spawn(move || count(&socket, &told))?;
        Ok(Self {
            addr,
            stop,
            thread: Some(thread),
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Counts what still waits on the socket, and gives the total.
    #[must_use]
    pub fn stop(mut self) -> Tally {
        self.stop.store(true, Ordering::Relaxed); // Relaxed: carries no data; the join orders the tally
        let thread = self.thread.take();
        thread.and_then(|t| t.join().ok()).unwrap_or_default()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed); // Relaxed: as in `stop`
    }
}

fn count(socket: &UdpSocket, stop: &AtomicBool) -> Tally {
    let mut tally = Tally::default();
    let mut buffer = [0; 4_096];
    let mut stopping: Option<Instant> = None;
    loop {
        // Relaxed: the flag carries no data, only the wish of `stop`, or of the drop.
        if stopping.is_none() && stop.load(Ordering::Relaxed) {
            // From now on only what already waits: an empty socket is the end.
            if socket.set_nonblocking(true).is_err() {
                return tally;
            }
            stopping = Some(Instant::now());
        }
        match socket.recv(&mut buffer) {
            Ok(len) if is_rtcp(buffer.get(..len).unwrap_or_default()) => tally.reports += 1,
            Ok(len) => {
                tally.packets += 1;
                tally.bytes += len as u64;
            }
            Err(_) if stopping.is_some() => return tally,
            Err(_) => {}
        }
        if stopping.is_some_and(|since| since.elapsed() > DRAIN) {
            return tally;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_all_that_was_sent_before_the_stop() {
        for like in ["127.0.0.1:0", "[::1]:0"] {
            let sink = Sink::start(like.parse().unwrap()).unwrap();
            let sender = UdpSocket::bind(like).unwrap();
            for _ in 0..100 {
                sender.send_to(&[0x80, 96, 0, 0, 0], sink.addr()).unwrap();
            }
            sender.send_to(&[0x80, 200, 0, 0], sink.addr()).unwrap();
            let tally = sink.stop();
            assert_eq!(
                (tally.packets, tally.bytes, tally.reports),
                (100, 500, 1),
                "{like}"
            );
        }
    }
}
