//! The thread that sends a plan in real time, with sender reports and goodbyes.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use rtcp_types::{Bye, Compound, RtcpPacketWriterExt, Sdes, SdesChunk, SdesItem, SenderReport};

use super::path::Ledger;
use super::plan::{Departure, Plan};
use crate::payload::MediaKind;

/// Streams share this many sockets at most: enough flows for the kernel to spread over workers,
/// and far below the usual limit of 1,024 open files.
const SOCKETS: usize = 64;
/// RFC 3550's recommended interval between reports.
const REPORT_EVERY: Duration = Duration::from_secs(5);
/// Seconds from 1900, where NTP's clock begins, to 1970.
const NTP_OFFSET: u64 = 2_208_988_800;
const LONGEST: usize = 12 + 2_048;

/// What one built-in publisher sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishedStream {
    /// Its SSRC.
    pub ssrc: u32,
    /// What it carried.
    pub kind: MediaKind,
    /// Packets sent, dropped, repeated, swapped.
    pub ledger: Ledger,
}

/// What all of them sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Stream by stream, those that lived at the end.
    pub streams: Vec<PublishedStream>,
    /// All streams together, those that had ended before included.
    pub total: Ledger,
    /// How many had ended before.
    pub ended: usize,
    /// RTCP packets sent: reports and goodbyes.
    pub reports: u64,
    /// Datagrams that the kernel did not take.
    pub failed: u64,
}

/// The running publishers. Dropping them stops them too, without their figures.
#[derive(Debug)]
pub struct Publishers {
    stop: Sender<()>,
    thread: JoinHandle<Published>,
}

impl Publishers {
    /// Starts sending `plan` to `target`.
    ///
    /// # Errors
    /// No socket, or no thread.
    pub fn start(plan: Plan, target: SocketAddr) -> io::Result<Self> {
        let any: IpAddr = match target {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let connect = |_| {
            let socket = UdpSocket::bind((any, 0))?;
            socket.connect(target)?;
            Ok(socket)
        };
        let sockets = (0..plan.streams().min(SOCKETS))
            .map(connect)
            .collect::<io::Result<Vec<_>>>()?;
        let (stop, stopped) = bounded(0);
        let publisher = Publisher {
            sockets,
            octets: vec![(0, 0); plan.streams()],
            last_timestamp: vec![0; plan.streams()],
            plan,
            reports: 0,
            failed: 0,
            buffer: vec![0; LONGEST],
        };
        let thread = thread::Builder::new()
            .name("synthetic".to_owned())
            .spawn(move || publisher.run(&stopped))?;
        Ok(Self { stop, thread })
    }

    /// Sends the last packets and goodbyes, and says what was sent in all.
    #[must_use]
    pub fn stop(self) -> Published {
        drop(self.stop);
        self.thread.join().unwrap_or_default()
    }
}

struct Publisher {
    sockets: Vec<UdpSocket>,
    plan: Plan,
    /// Packets and payload bytes of each stream, for its sender reports.
    octets: Vec<(u32, u32)>,
    last_timestamp: Vec<u32>,
    reports: u64,
    failed: u64,
    buffer: Vec<u8>,
}

impl Publisher {
    fn run(mut self, stopped: &Receiver<()>) -> Published {
        let start = Instant::now();
        let mut reports_sent = 0;
        while let Some(at) = self.plan.next_at() {
            let due = start + Duration::from_nanos(at);
            // Also when late: a stop must get through a plan that the machine can't keep up with.
            let pause = due.saturating_duration_since(Instant::now());
            if stopped.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected) {
                break;
            }
            let now = start.elapsed();
            while let Some(departure) = self.plan.next_before(now.as_nanos() as u64 + 1) {
                self.send_media(&departure);
            }
            let streams = self.plan.streams();
            while report_due(reports_sent, streams) <= now {
                if let Some(ssrc) = self.plan.ssrc_at(reports_sent % streams) {
                    self.send_report(reports_sent % streams, ssrc, false);
                }
                reports_sent += 1;
            }
        }
        for departure in self.plan.finish() {
            self.send_media(&departure);
        }
        let stream = |place| PublishedStream {
            ssrc: self.plan.ssrc_at(place).unwrap_or_default(),
            kind: Plan::kind(place),
            ledger: self.plan.ledger(place),
        };
        Published {
            streams: (0..self.plan.streams()).map(stream).collect(),
            total: self.plan.total(),
            ended: self.plan.ended(),
            reports: self.reports,
            failed: self.failed,
        }
    }

    fn send_media(&mut self, departure: &Departure) {
        let (i, media) = (departure.place, departure.media);
        let marker = u8::from(media.marker) << 7;
        let [s0, s1] = media.sequence.to_be_bytes();
        let [t0, t1, t2, t3] = media.timestamp.to_be_bytes();
        let [c0, c1, c2, c3] = departure.ssrc.to_be_bytes();
        let second = marker | Plan::payload_type(i);
        let header = [0x80, second, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3];
        let len = header.len() + usize::from(media.payload_len);
        if let Some(start) = self.buffer.first_chunk_mut() {
            *start = header;
        }
        if let Some((packets, bytes)) = self.octets.get_mut(i) {
            *packets = packets.wrapping_add(1);
            *bytes = bytes.wrapping_add(u32::from(media.payload_len));
        }
        if let Some(last) = self.last_timestamp.get_mut(i) {
            *last = media.timestamp;
        }
        self.send(i, len);
        if departure.last {
            self.send_report(i, departure.ssrc, true);
            if let Some(octets) = self.octets.get_mut(i) {
                *octets = (0, 0);
            }
        }
    }

    /// A compound packet as RFC 3550 wants it: report, name, and at the end a goodbye.
    fn send_report(&mut self, i: usize, ssrc: u32, bye: bool) {
        let (packets, octets) = self.octets.get(i).copied().unwrap_or_default();
        if packets == 0 {
            return;
        }
        let report = SenderReport::builder(ssrc)
            .ntp_timestamp(ntp_now())
            .rtp_timestamp(self.last_timestamp.get(i).copied().unwrap_or_default())
            .packet_count(packets)
            .octet_count(octets);
        let name = format!("synthetic-{i}@media-metrics");
        let chunk = SdesChunk::builder(ssrc).add_item(SdesItem::builder(SdesItem::CNAME, &name));
        let mut compound = Compound::builder()
            .add_packet(report)
            .add_packet(Sdes::builder().add_chunk(chunk));
        if bye {
            compound = compound.add_packet(Bye::builder().add_source(ssrc));
        }
        match compound.write_into(&mut self.buffer) {
            Ok(len) => {
                self.reports += 1;
                self.send(i, len);
            }
            Err(_) => self.failed += 1,
        }
    }

    fn send(&mut self, stream: usize, len: usize) {
        let socket = self.sockets.get(stream % SOCKETS);
        let datagram = self.buffer.get(..len).unwrap_or_default();
        let sent = socket.is_some_and(|s| s.send(datagram).is_ok());
        self.failed += u64::from(!sent);
    }
}

/// When the `n`th report of all is due: each stream's every [`REPORT_EVERY`], spread evenly over it.
fn report_due(n: usize, streams: usize) -> Duration {
    REPORT_EVERY + REPORT_EVERY.mul_f64(n as f64 / streams.max(1) as f64)
}

/// Wall-clock time as NTP writes it: seconds and 2^-32 fractions since 1900.
fn ntp_now() -> u64 {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let fraction = (u64::from(since_1970.subsec_nanos()) << 32) / 1_000_000_000;
    ((since_1970.as_secs() + NTP_OFFSET) << 32) | fraction
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::rtcp::contents;
    use crate::synthetic::Load;
    use media_metrics_core::rtp::{RtpHeader, is_rtcp};
    use socket2::SockRef;

    /// What arrived of a load, read while it was sent: what waits in the kernel until the end is lost
    /// as soon as its queue is full, which is a few key frames.
    #[derive(Default)]
    struct Heard {
        packets: u64,
        bytes: u64,
        ssrcs: BTreeSet<u32>,
        reports: u64,
        goodbyes: Vec<u32>,
    }

    impl Heard {
        /// Of `load` until `enough`, and what came of its end.
        fn of(load: Load, enough: impl Fn(&Self) -> bool) -> (Self, Published) {
            let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
            // Room for a reader that the machine lets wait. The kernel may grant less.
            let _ = SockRef::from(&receiver).set_recv_buffer_size(4 << 20);
            let publishers =
                Publishers::start(Plan::new(load), receiver.local_addr().unwrap()).unwrap();
            let mut heard = Self::default();
            let patience = Some(Duration::from_secs(20));
            receiver.set_read_timeout(patience).unwrap();
            while !enough(&heard) {
                assert!(heard.next(&receiver), "nothing came for {patience:?}");
            }
            let published = publishers.stop();
            receiver.set_nonblocking(true).unwrap();
            while heard.next(&receiver) {}
            (heard, published)
        }

        fn next(&mut self, receiver: &UdpSocket) -> bool {
            let mut buffer = [0; LONGEST];
            let Ok(len) = receiver.recv(&mut buffer) else {
                return false;
            };
            let datagram = &buffer[..len];
            if is_rtcp(datagram) {
                self.reports += 1;
                contents(datagram, |ssrc| self.goodbyes.push(ssrc)).unwrap();
            } else {
                let ssrc = RtpHeader::parse(datagram).unwrap().ssrc;
                assert!(!self.goodbyes.contains(&ssrc), "{ssrc:x} is back");
                self.ssrcs.insert(ssrc);
                self.packets += 1;
                self.bytes += len as u64;
            }
            true
        }
    }

    #[test]
    fn what_arrives_is_what_the_ledger_says() {
        let (heard, published) = Heard::of(Load::steady(2, 1), |heard| heard.packets > 15);
        let total = published.total;
        assert_eq!((heard.packets, heard.bytes), (total.sent, total.bytes));
        assert_eq!((heard.reports, published.failed), (published.reports, 0));
        let ssrcs = [Plan::ssrc(0), Plan::ssrc(1)];
        assert_eq!(heard.ssrcs, BTreeSet::from(ssrcs));
        assert_eq!(heard.goodbyes, ssrcs);
    }

    #[test]
    fn reports_are_spread_over_their_interval() {
        let due: Vec<u128> = (0..8).map(|n| report_due(n, 4).as_millis()).collect();
        assert_eq!(
            due,
            [5_000, 6_250, 7_500, 8_750, 10_000, 11_250, 12_500, 13_750]
        );
    }

    #[test]
    fn who_ends_says_goodbye_and_is_followed_by_somebody_else() {
        let load = Load {
            lifetime: Some(Duration::from_millis(50)),
            ..Load::steady(2, 1)
        };
        let (mut heard, published) = Heard::of(load, |heard| heard.goodbyes.len() > 4);
        assert!(published.ended > 4, "{}", published.ended);
        heard.goodbyes.sort_unstable();
        let mut all: BTreeSet<u32> = (0..published.ended + 2).map(Plan::ssrc).collect();
        // The stop may come before the first packet of one that has just begun: it stays silent.
        for stream in published.streams.iter().filter(|s| s.ledger.sent == 0) {
            assert!(all.remove(&stream.ssrc));
        }
        assert_eq!(heard.ssrcs, all);
        assert!(
            heard.goodbyes.iter().eq(&all),
            "each said goodbye once: {:x?}",
            heard.goodbyes
        );
        let sent = published.total.sent;
        assert_eq!((heard.packets, published.failed), (sent, 0));
        assert_eq!(published.reports, all.len() as u64);
    }

    #[test]
    fn stopping_is_prompt() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let publishers = Publishers::start(
            Plan::new(Load::steady(1, 1)),
            receiver.local_addr().unwrap(),
        )
        .unwrap();
        let begun = Instant::now();
        let _ = publishers.stop();
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}
