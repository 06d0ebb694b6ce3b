//! A sender of much RTP that counts what it sends.
//!
//! Lives here: streams of unharmed, numbered packets at a steady rate. Not here: media that anybody could play
//! ([`crate::gst`]), invented time ([`crate::traffic`]).
//!
//! A machine that is too slow gets less, not later: what was not sent in time is not sent in a burst.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::Traffic;

/// From one handful of packets to the next.
const STEP: Duration = Duration::from_millis(2);
const STEPS_A_SECOND: u32 = 500;
/// Sequence numbers wrap soon.
const FIRST: u16 = 65_000;
/// Bytes of payload: the same for nobody.
const PAYLOAD: std::ops::Range<usize> = 20..170;

/// What one stream sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Who it is.
    pub ssrc: u32,
    /// What the system took: packets of consecutive numbers.
    pub traffic: Traffic,
}

/// A running sender.
#[derive(Debug)]
pub struct Load {
    /// Hung up to stop the thread.
    stop: Sender<()>,
    thread: JoinHandle<Vec<Sent>>,
}

struct Stream {
    socket: UdpSocket,
    sent: Sent,
    refused: bool,
}

impl Load {
    /// Sends `streams` streams of audio with the SSRCs from `first` on, each from a port of its own, together
    /// `rate` packets a second.
    #[must_use]
    pub fn start(to: SocketAddr, first: u32, streams: u32, rate: u32) -> Self {
        let stream = |n| {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
                .and_then(|socket| socket.connect(to).map(|()| socket))
                .unwrap_or_else(|e| panic!("a sender to {to}: {e}"));
            Stream {
                socket,
                sent: Sent {
                    ssrc: first + n,
                    traffic: Traffic::default(),
                },
                refused: false,
            }
        };
        let mut streams: Vec<Stream> = (0..streams).map(stream).collect();
        let (stop, stopped) = mpsc::channel();
        let thread = thread::spawn(move || {
            let (mut owed, mut turn) = (0, 0);
            while stopped.recv_timeout(STEP) == Err(RecvTimeoutError::Timeout) {
                owed += rate;
                for _ in 0..owed / STEPS_A_SECOND {
                    let at = turn % streams.len();
                    if let Some(stream) = streams.get_mut(at) {
                        stream.send();
                    }
                    turn += 1;
                }
                owed %= STEPS_A_SECOND;
            }
            streams.into_iter().map(|stream| stream.sent).collect()
        });
        Self { stop, thread }
    }

    /// Stops, and says what was sent.
    #[must_use]
    pub fn finish(self) -> Vec<Sent> {
        drop(self.stop);
        match self.thread.join() {
            Ok(sent) => sent,
            Err(_) => panic!("the sender's thread panicked: see its message above"),
        }
    }
}

impl Stream {
    /// The next packet; none any more once nobody listens: whatever left before that was sent.
    fn send(&mut self) {
        if self.refused {
            return;
        }
        let n = self.sent.traffic.packets;
        let datagram = datagram(self.sent.ssrc, n);
        match self.socket.send(&datagram) {
            Ok(len) => self.sent.traffic.add(len),
            Err(_) => self.refused = true,
        }
    }
}

/// Packet `n` of a stream: 20 ms of audio at 48 kHz.
fn datagram(ssrc: u32, n: u64) -> Vec<u8> {
    let sequence = FIRST.wrapping_add(n as u16);
    let timestamp = (n as u32).wrapping_mul(960);
    let mut bytes = vec![0x80, 111];
    bytes.extend(sequence.to_be_bytes());
    bytes.extend(timestamp.to_be_bytes());
    bytes.extend(ssrc.to_be_bytes());
    let payload = PAYLOAD.start + (n as usize * 7) % PAYLOAD.len();
    bytes.resize(bytes.len() + payload, 0xfc);
    bytes
}

/// All streams together.
#[must_use]
pub fn total(sent: &[Sent]) -> Traffic {
    sent.iter()
        .fold(Traffic::default(), |sum, stream| sum + stream.traffic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger;
    use crate::subscriber::Subscriber;
    use crate::wait;

    #[test]
    fn what_is_counted_is_what_arrives() {
        let subscriber = Subscriber::start();
        let load = Load::start(subscriber.address(), 0xab, 3, 5_000);
        wait::until("a second's packets", wait::PATIENCE, || {
            let got = subscriber.rtp().packets;
            (got > 2_000).then_some(()).ok_or_else(|| got.to_string())
        });
        let sent = load.finish();
        let received = subscriber.finish();
        assert_eq!(received.rtp, total(&sent));
        for stream in sent {
            let truth = ledger::truth(&received.of(stream.ssrc));
            assert_eq!(truth.traffic, stream.traffic);
            assert_eq!((truth.lost, truth.duplicates, truth.reordered), (0, 0, 0));
        }
    }

    #[test]
    fn who_is_refused_stops_counting() {
        let gone = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let at = gone.local_addr().unwrap();
        drop(gone);
        let load = Load::start(at, 1, 1, 10_000);
        thread::sleep(Duration::from_millis(100));
        assert_eq!(
            total(&load.finish()).packets,
            1,
            "the second is told of the first"
        );
    }
}
