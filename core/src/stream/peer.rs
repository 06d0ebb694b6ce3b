//! What a stream publishes of its sender's reports, and of what was asked of the sender.
//!
//! Lives here: the words, made by the first report or request; the owner's methods that write them. Not
//! here: reading RTCP (`rtp::rtcp`).

use super::owner::Stream;
use crate::cell::Cell;
use crate::rtp::rtcp::SenderInfo;

/// Positions of the words.
mod word {
    pub(super) const REPORTS: usize = 0;
    pub(super) const NTP: usize = 1;
    pub(super) const RTP_TIMESTAMP: usize = 2;
    pub(super) const PACKETS: usize = 3;
    pub(super) const OCTETS: usize = 4;
    pub(super) const ARRIVAL_NS: usize = 5;
    pub(super) const NACKS: usize = 6;
    pub(super) const NACKED: usize = 7;
    pub(super) const PLIS: usize = 8;
    pub(super) const FIRS: usize = 9;
    /// The newest report's own counts.
    pub(super) const PACKETS_REPORTED: usize = 10;
    pub(super) const OCTETS_REPORTED: usize = 11;
    pub(super) const END: usize = 12;
}

/// A minute of NTP time: how late a report may come.
const LATE: u64 = 60 << 32;

/// What a received stream's block holds of its peer.
#[derive(Debug)]
pub(crate) struct PeerCells([Cell; word::END]);

impl Default for PeerCells {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Cell::new(0)))
    }
}

/// What was asked of a received stream's sender, by us or through us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestStats {
    /// Generic NACK packets (RFC 4585 §6.2.1).
    pub nacks: u64,
    /// Sequence numbers in them.
    pub nacked_packets: u64,
    /// Picture loss indications (RFC 4585 §6.3.1).
    pub plis: u64,
    /// Full intra requests (RFC 5104 §4.3.1).
    pub firs: u64,
}

/// What a received stream's sender says of it in its sender reports (RFC 3550 §6.4.1): all of it is its
/// word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteSenderStats {
    /// Sender reports received.
    pub reports: u64,
    /// The newest one's time on the sender's clock: NTP, seconds since 1900 in the upper half.
    pub ntp: u64,
    /// The same instant on the stream's RTP clock.
    pub rtp_timestamp: u32,
    /// Packets sent; the report's 32 bits, extended over wraps.
    pub packets: u64,
    /// Bytes of payload sent, without headers and padding; extended over wraps.
    pub octets: u64,
    /// Arrival of the newest report, nanoseconds on the host's clock.
    pub arrival_ns: u64,
}

impl PeerCells {
    pub(crate) fn requests(&self) -> RequestStats {
        RequestStats {
            nacks: self.0[word::NACKS].get(),
            nacked_packets: self.0[word::NACKED].get(),
            plis: self.0[word::PLIS].get(),
            firs: self.0[word::FIRS].get(),
        }
    }

    /// `None` before the first report.
    pub(crate) fn remote(&self) -> Option<RemoteSenderStats> {
        let get = |at: usize| self.0[at].get();
        (get(word::REPORTS) > 0).then(|| RemoteSenderStats {
            reports: get(word::REPORTS),
            ntp: get(word::NTP),
            rtp_timestamp: get(word::RTP_TIMESTAMP) as u32,
            packets: get(word::PACKETS),
            octets: get(word::OCTETS),
            arrival_ns: get(word::ARRIVAL_NS),
        })
    }
}

impl Stream {
    /// A sender report about this stream arrived, at `arrival_ns` on the clock of [`on_rtp`](Self::on_rtp).
    ///
    /// One that is no newer than the newest so far, by up to a minute of its NTP time, came late or twice and
    /// tells nothing; one that is older than that is of a clock that was set back. Counts that go back are
    /// those of a sender that began anew: what it has sent since is added.
    pub fn on_sender_report(&mut self, info: &SenderInfo, arrival_ns: u64) {
        self.write_peer(|PeerCells(cells)| {
            // In wrapping arithmetic: NTP time wraps in 2036. A sender without a clock says 0.
            let age = cells[word::NTP].get().wrapping_sub(info.ntp);
            let known = cells[word::REPORTS].get() > 0;
            if known && info.ntp != 0 && age < LATE {
                return;
            }
            cells[word::REPORTS].add(1);
            cells[word::NTP].set(info.ntp);
            cells[word::RTP_TIMESTAMP].set(u64::from(info.rtp_timestamp));
            cells[word::ARRIVAL_NS].set(arrival_ns);
            for (total, last, count) in [
                (word::PACKETS, word::PACKETS_REPORTED, info.packets),
                (word::OCTETS, word::OCTETS_REPORTED, info.octets),
            ] {
                // 32 bits that wrap: the difference is what is new, unless it is more than half of them.
                let grown = count.wrapping_sub(cells[last].get() as u32);
                let restarted = grown >= 1 << 31;
                cells[total].add(u64::from(if restarted { count } else { grown }));
                cells[last].set(u64::from(count));
            }
        });
    }

    /// A generic NACK for `numbers` of this stream's packets was sent to its sender.
    pub fn on_nack_sent(&mut self, numbers: u64) {
        let group = self.group();
        group.nacks_sent.inc();
        group.nacked_sent.add(numbers);
        self.write_peer(|PeerCells(cells)| {
            cells[word::NACKS].add(1);
            cells[word::NACKED].add(numbers);
        });
    }

    /// A picture loss indication was sent to the stream's sender.
    pub fn on_pli_sent(&mut self) {
        self.group().plis_sent.inc();
        self.write_peer(|PeerCells(cells)| cells[word::PLIS].add(1));
    }

    /// A full intra request was sent to the stream's sender.
    pub fn on_fir_sent(&mut self) {
        self.group().firs_sent.inc();
        self.write_peer(|PeerCells(cells)| cells[word::FIRS].add(1));
    }

    fn write_peer(&mut self, write: impl FnOnce(&PeerCells)) {
        let block = self.block();
        let cells = block.peer.get_or_init(Box::default);
        block.sequence.write(|| write(cells));
    }
}
