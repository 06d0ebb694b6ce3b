//! A bad network: loss in bursts, duplicates, reordering, jitter, by a fixed plan.
//!
//! Every packet has one fate, drawn from a seeded generator. What happened is kept in a [`Ledger`],
//! so a receiver's counts can be held against it, number by number.

use std::collections::VecDeque;

use super::source::Media;

/// Chances in ten thousand, for each packet.
const LOSS_STARTS: u16 = 40;
const DUPLICATE: u16 = 30;
const SWAP: u16 = 60;
/// Packets in a burst of loss.
const BURST: std::ops::RangeInclusive<u8> = 1..=5;
/// Longest extra delay of a frame: 8 ms.
const MAX_DELAY: u64 = 8_000_000;
const RTP_HEADER: u64 = 12;

/// What was done to one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Datagrams sent, duplicates included.
    pub sent: u64,
    /// Their bytes: RTP header and payload.
    pub bytes: u64,
    /// Packets made but never sent.
    pub dropped: u64,
    /// Packets sent a second time.
    pub duplicated: u64,
    /// Packets sent after their successor.
    pub reordered: u64,
}

impl Ledger {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            sent: self.sent + other.sent,
            bytes: self.bytes + other.bytes,
            dropped: self.dropped + other.dropped,
            duplicated: self.duplicated + other.duplicated,
            reordered: self.reordered + other.reordered,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Arrives,
    Lost,
    Twice,
    AfterTheNext,
}

/// One stream's way through the bad network.
#[derive(Debug)]
pub(super) struct Path {
    rng: fastrand::Rng,
    out: VecDeque<Media>,
    held: Option<Media>,
    burst_left: u8,
    frame: Option<(u32, u64)>,
    last_at: u64,
    ledger: Ledger,
}

impl Path {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(seed),
            out: VecDeque::with_capacity(4),
            held: None,
            burst_left: 0,
            frame: None,
            last_at: 0,
            ledger: Ledger::default(),
        }
    }

    /// Takes one packet in; what comes of it, now or later, comes out of [`pop`](Self::pop).
    pub(super) fn push(&mut self, packet: Media) {
        // The first packet always arrives: what is lost before it, no receiver could know of.
        let fate = if self.frame.is_none() {
            Fate::Arrives
        } else {
            self.fate()
        };
        self.meet(packet, fate);
    }

    /// As [`push`](Self::push), for a stream's last packet: it arrives, so that everything lost before
    /// it can be known, and nothing is held back any more.
    pub(super) fn push_last(&mut self, packet: Media) {
        self.meet(packet, Fate::Arrives);
    }

    /// The next packet to send, with its time: never before the one sent before it.
    pub(super) fn pop(&mut self) -> Option<Media> {
        let packet = self.out.pop_front()?;
        self.ledger.sent += 1;
        self.ledger.bytes += RTP_HEADER + u64::from(packet.payload_len);
        Some(packet)
    }

    pub(super) fn peek_at(&self) -> Option<u64> {
        self.out.front().map(|p| p.at)
    }

    /// What was done to packets popped, and lost between them.
    pub(super) const fn ledger(&self) -> Ledger {
        self.ledger
    }

    fn fate(&mut self) -> Fate {
        if self.burst_left > 0 {
            self.burst_left -= 1;
            return Fate::Lost;
        }
        match self.rng.u16(..10_000) {
            n if n < LOSS_STARTS => {
                self.burst_left = self.rng.u8(BURST) - 1;
                Fate::Lost
            }
            n if n < LOSS_STARTS + DUPLICATE => Fate::Twice,
            n if n < LOSS_STARTS + DUPLICATE + SWAP && self.held.is_none() => Fate::AfterTheNext,
            _ => Fate::Arrives,
        }
    }

    fn meet(&mut self, mut packet: Media, fate: Fate) {
        packet.at = self.departure(&packet);
        match fate {
            Fate::Lost => {
                self.ledger.dropped += 1;
                return;
            }
            Fate::AfterTheNext => {
                self.held = Some(packet);
                return;
            }
            Fate::Arrives | Fate::Twice => self.out.push_back(packet),
        }
        if fate == Fate::Twice {
            self.ledger.duplicated += 1;
            self.out.push_back(packet);
        }
        if let Some(mut late) = self.held.take() {
            self.ledger.reordered += 1;
            late.at = packet.at;
            self.out.push_back(late);
        }
    }

    /// Nominal time plus the frame's delay, but never before the packet sent before.
    fn departure(&mut self, packet: &Media) -> u64 {
        let delay = match self.frame {
            Some((timestamp, delay)) if timestamp == packet.timestamp => delay,
            _ => self.rng.u64(..MAX_DELAY),
        };
        self.frame = Some((packet.timestamp, delay));
        self.last_at = self.last_at.max(packet.at + delay);
        self.last_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::MediaKind;
    use crate::synthetic::source::Source;
    use std::collections::BTreeMap;

    /// Sends `n` packets and gives what came out, with the ledger.
    fn run(seed: u64, n: usize) -> (Vec<Media>, Ledger) {
        let mut source = Source::new(MediaKind::Video, seed, 0);
        let mut path = Path::new(seed);
        for _ in 1..n {
            path.push(source.next());
        }
        path.push_last(source.next());
        let out: Vec<Media> = std::iter::from_fn(|| path.pop()).collect();
        (out, path.ledger())
    }

    #[test]
    fn the_ledger_is_what_a_careful_receiver_counts() {
        for seed in 0..20 {
            let (out, ledger) = run(seed, 20_000);
            let first = out[0].sequence;
            // Extend the numbers without trusting the code under test: packets are never far apart.
            let mut copies = BTreeMap::<i64, u64>::new();
            let (mut newest, mut late) = (0_i64, 0);
            for packet in &out {
                let step = packet
                    .sequence
                    .wrapping_sub(first)
                    .wrapping_sub(newest as u16) as i16;
                let number = newest + i64::from(step);
                let seen = copies.entry(number).or_default();
                *seen += 1;
                late += u64::from(number < newest && *seen == 1);
                newest = newest.max(number);
            }
            let lost = newest as u64 + 1 - copies.len() as u64;
            let repeats: u64 = copies.values().map(|n| n - 1).sum();
            assert_eq!(newest + 1, 20_000, "first and last arrive");
            assert_eq!(
                (lost, repeats, late),
                (ledger.dropped, ledger.duplicated, ledger.reordered)
            );
            assert_eq!(ledger.sent, out.len() as u64);
            assert_eq!(
                ledger.bytes,
                out.iter()
                    .map(|p| 12 + u64::from(p.payload_len))
                    .sum::<u64>()
            );
            assert!(
                lost > 100 && repeats > 20 && late > 50,
                "a bad network: {ledger:?}"
            );
        }
    }

    #[test]
    fn loss_comes_in_bursts_of_up_to_five() {
        let (out, _) = run(3, 50_000);
        let mut gaps: Vec<u16> = out
            .windows(2)
            .map(|p| p[1].sequence.wrapping_sub(p[0].sequence))
            .filter(|&gap| (2..100).contains(&gap))
            .collect();
        gaps.sort_unstable();
        gaps.dedup();
        assert!(gaps.contains(&6), "{gaps:?}");
    }

    #[test]
    fn time_never_runs_back_and_jitter_stays_in_bounds() {
        let mut source = Source::new(MediaKind::Audio, 2, 0);
        let mut path = Path::new(2);
        let mut delays = Vec::new();
        let mut last = 0;
        for _ in 0..5_000 {
            let packet = source.next();
            path.push(packet);
            while let Some(out) = path.pop() {
                assert!(out.at >= last);
                last = out.at;
                if out.sequence == packet.sequence {
                    delays.push(out.at - packet.at);
                }
            }
        }
        assert!(delays.iter().all(|&d| d < MAX_DELAY));
        assert!(
            delays.iter().any(|&d| d > MAX_DELAY * 3 / 4)
                && delays.iter().any(|&d| d < MAX_DELAY / 4)
        );
    }
}
