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
    /// Stream by stream.
    pub streams: Vec<PublishedStream>,
    /// RTCP packets sent: reports and goodbyes.
    pub reports: u64,
    /// Datagrams that the kernel did not take.
    pub failed: u64,
}

impl Published {
    /// All streams together.
    #[must_use]
    pub fn total(&self) -> Ledger {
        let ledgers = self.streams.iter().map(|s| s.ledger);
        ledgers.fold(Ledger::default(), Ledger::plus)
    }
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
        let mut next_report = REPORT_EVERY;
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
            if now >= next_report {
                next_report += REPORT_EVERY;
                (0..self.plan.streams()).for_each(|i| self.send_report(i, false));
            }
        }
        for departure in self.plan.finish() {
            self.send_media(&departure);
        }
        (0..self.plan.streams()).for_each(|i| self.send_report(i, true));
        let stream = |i| PublishedStream {
            ssrc: Plan::ssrc(i),
            kind: Plan::kind(i),
            ledger: self.plan.ledger(i),
        };
        Published {
            streams: (0..self.plan.streams()).map(stream).collect(),
            reports: self.reports,
            failed: self.failed,
        }
    }

    fn send_media(&mut self, departure: &Departure) {
        let (i, media) = (departure.stream, departure.media);
        let marker = u8::from(media.marker) << 7;
        let [s0, s1] = media.sequence.to_be_bytes();
        let [t0, t1, t2, t3] = media.timestamp.to_be_bytes();
        let [c0, c1, c2, c3] = Plan::ssrc(i).to_be_bytes();
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
    }

    /// A compound packet as RFC 3550 wants it: report, name, and at the end a goodbye.
    fn send_report(&mut self, i: usize, bye: bool) {
        let (packets, octets) = self.octets.get(i).copied().unwrap_or_default();
        if packets == 0 {
            return;
        }
        let ssrc = Plan::ssrc(i);
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
    use super::*;
    use crate::rtcp::contents;
    use media_metrics_core::rtp::{RtpHeader, is_rtcp};

    #[test]
    fn what_arrives_is_what_the_ledger_says() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        receiver
            .set_read_timeout(Some(Duration::from_millis(200)))
            .unwrap();
        let target = receiver.local_addr().unwrap();
        let publishers = Publishers::start(Plan::new(2, 1), target).unwrap();
        thread::sleep(Duration::from_millis(300));
        let published = publishers.stop();
        let (mut media, mut bytes, mut reports, mut byes) = (0, 0, 0, Vec::new());
        let mut buffer = [0; LONGEST];
        while let Ok(len) = receiver.recv(&mut buffer) {
            let datagram = &buffer[..len];
            if is_rtcp(datagram) {
                reports += 1;
                contents(datagram, |ssrc| byes.push(ssrc)).unwrap();
            } else {
                let header = RtpHeader::parse(datagram).unwrap();
                assert!([Plan::ssrc(0), Plan::ssrc(1)].contains(&header.ssrc));
                media += 1;
                bytes += len as u64;
            }
        }
        let total = published.total();
        assert_eq!((media, bytes), (total.sent, total.bytes));
        assert!(media > 15, "{media} packets in 0.3 s");
        assert_eq!((reports, published.failed), (published.reports, 0));
        assert_eq!(byes, [Plan::ssrc(0), Plan::ssrc(1)]);
    }

    #[test]
    fn stopping_is_prompt() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let publishers =
            Publishers::start(Plan::new(1, 1), receiver.local_addr().unwrap()).unwrap();
        let begun = Instant::now();
        let _ = publishers.stop();
        assert!(begun.elapsed() < Duration::from_secs(1));
    }
}
