//! A socket that writes down what comes: captures of real senders, made while the tests run, without
//! the rights that a packet socket needs.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use crate::pcap::Datagram;

/// A running recorder.
#[derive(Debug)]
pub struct Recorder {
    address: SocketAddrV4,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Vec<Datagram>>>,
}

impl Recorder {
    /// Listens on a port of loopback.
    #[must_use]
    pub fn start() -> Self {
        let ready = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| {
            socket.set_read_timeout(Some(Duration::from_millis(20)))?;
            Ok((socket.local_addr()?, socket))
        });
        let (SocketAddr::V4(address), socket) =
            ready.unwrap_or_else(|e| panic!("recorder: can't listen on 127.0.0.1: {e}"))
        else {
            panic!("recorder: 127.0.0.1 is not IPv4");
        };
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut recorded: Vec<Datagram> = Vec::new();
            let mut buffer = [0; 65_536];
            loop {
                // Acquire: pairs with the Release in `finish`. Read before the socket: whatever was sent
                // before the stop is in the socket's queue by then.
                let last = stopped.load(Ordering::Acquire);
                while let Ok((len, SocketAddr::V4(from))) = socket.recv_from(&mut buffer) {
                    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                    let at_ns = now.map_or(0, |t| t.as_nanos() as u64);
                    recorded.push(Datagram {
                        // The system's clock may be set back; a capture's shouldn't.
                        at_ns: recorded.last().map_or(at_ns, |d| d.at_ns.max(at_ns)),
                        from,
                        to: address,
                        bytes: buffer.get(..len).unwrap_or_default().to_vec(),
                    });
                }
                if last {
                    return recorded;
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
    pub fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// All that came, in order. The sender has ended by then.
    #[must_use]
    pub fn finish(mut self) -> Vec<Datagram> {
        // Release: pairs with the Acquire of the recorder's thread, which then empties the socket once.
        self.stop.store(true, Ordering::Release);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(recorded)) => recorded,
            _ => panic!("the recorder's thread panicked: see its message above"),
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // Release: as in `finish`; a recorder that nobody asks must end, too.
        self.stop.store(true, Ordering::Release);
    }
}

/// A session announcement (RFC 2974) with the SDP of one stream: what tells a reader of the capture
/// the name and the clock rate of a dynamic payload type. `format` is SDP's, as in `opus/48000/2`.
#[must_use]
pub fn announcement(stream: &Datagram, media: &str, payload_type: u8, format: &str) -> Datagram {
    let (from, to) = (stream.from, stream.to);
    let sdp = format!(
        "v=0\r\no=- 0 0 IN IP4 {}\r\ns=-\r\nc=IN IP4 {}\r\nt=0 0\r\n\
         m={media} {} RTP/AVP {payload_type}\r\na=rtpmap:{payload_type} {format}\r\n",
        from.ip(),
        to.ip(),
        to.port()
    );
    let mut bytes = vec![0x20, 0, 0x12, 0x34];
    bytes.extend(from.ip().octets());
    bytes.extend(b"application/sdp\0");
    bytes.extend(sdp.as_bytes());
    Datagram {
        at_ns: stream.at_ns - 1_000_000,
        from: SocketAddrV4::new(*from.ip(), 9875),
        to: SocketAddrV4::new(*to.ip(), 9875),
        bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_before_the_end_is_written_down_in_order() {
        let recorder = Recorder::start();
        let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        for n in 0..100_u8 {
            sender.send_to(&[n; 20], recorder.address()).unwrap();
        }
        let (to, from) = (recorder.address(), sender.local_addr().unwrap());
        let recorded = recorder.finish();
        assert_eq!(recorded.len(), 100);
        for (n, datagram) in (0..).zip(&recorded) {
            assert_eq!(datagram.bytes, [n; 20]);
            assert_eq!((SocketAddr::V4(datagram.from), datagram.to), (from, to));
        }
        assert!(recorded.is_sorted_by_key(|d| d.at_ns));
    }
}
