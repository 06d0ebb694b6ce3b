//! A seeded source of RTP, and what a network does to it, with the truth kept beside every packet.
//!
//! Lives here: packets and their times before they are bytes of a file. Time is invented: an hour of
//! media takes no time to make. Not here: what the numbers ought to be ([`crate::reading`]).

use std::ops::Range;

use fastrand::Rng;

use crate::plan::{Fate, Plan};

/// When everything begins: nanoseconds since 1970, in November 2023.
pub const EPOCH_NS: u64 = 1_700_000_000_000_000_000;

/// One packet on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Which run of its stream it is of: a sender that begins anew begins a new run.
    pub run: u32,
    /// Its sequence number with all cycles, counted from its run's first.
    pub number: i64,
    /// When it leaves, then when it arrives.
    pub at_ns: u64,
    /// The packet.
    pub bytes: Vec<u8>,
}

/// Which packets have the marker bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// None.
    Never,
    /// The last of each frame, as video has it.
    FrameEnd,
    /// All, as ffmpeg marks Opus.
    Always,
}

/// A sender of one stream, before any harm.
#[derive(Clone, Debug)]
pub struct Source {
    /// Synchronisation source.
    pub ssrc: u32,
    /// Payload type.
    pub payload_type: u8,
    /// Ticks a second.
    pub clock_rate: u32,
    /// First sequence number.
    pub sequence: u16,
    /// First timestamp.
    pub timestamp: u32,
    /// Ticks from frame to frame.
    pub frame_ticks: u32,
    /// Packets of the frames, in turn.
    pub frame_packets: &'static [u32],
    /// Marker bit.
    pub marker: Marker,
    /// Bytes of payload of each packet.
    pub payload: usize,
    /// How many parts in a million the sender's clock runs fast.
    pub skew_ppm: i64,
    /// CSRCs in the header.
    pub csrcs: u8,
    /// 32-bit words of header extension; None without one.
    pub extension: Option<u16>,
}

impl Source {
    /// G.711, 50 packets a second: a static payload type, so that everybody knows the clock rate.
    #[must_use]
    pub fn audio(ssrc: u32) -> Self {
        Self {
            ssrc,
            payload_type: 0,
            clock_rate: 8_000,
            sequence: 1_000,
            timestamp: 50_000,
            frame_ticks: 160,
            frame_packets: &[1],
            marker: Marker::Never,
            payload: 160,
            skew_ppm: 0,
            csrcs: 0,
            extension: None,
        }
    }

    /// H.261 (the payload type alone; the bytes are noise), 25 frames a second of several packets.
    #[must_use]
    pub fn video(ssrc: u32) -> Self {
        Self {
            payload_type: 31,
            clock_rate: 90_000,
            frame_ticks: 3_600,
            frame_packets: &[4, 1, 2, 3, 1],
            marker: Marker::FrameEnd,
            payload: 700,
            ..Self::audio(ssrc)
        }
    }

    /// `frames` frames, the first at `begin_ns`. Packets of a frame leave 50 µs apart.
    #[must_use]
    pub fn send(&self, frames: u64, begin_ns: u64) -> Vec<Sent> {
        let mut sent = Vec::new();
        for frame in 0..frames {
            let ticks = frame * u64::from(self.frame_ticks);
            // A fast clock gets through its ticks in less time.
            let rate = i128::from(self.clock_rate) * i128::from(1_000_000 + self.skew_ppm);
            let after = i128::from(ticks) * 1_000_000_000_000_000 / rate;
            let packets = self.frame_packets[frame as usize % self.frame_packets.len()];
            for part in 0..packets {
                let number = sent.len() as i64;
                let marker = match self.marker {
                    Marker::Never => false,
                    Marker::FrameEnd => part + 1 == packets,
                    Marker::Always => true,
                };
                sent.push(Sent {
                    run: 0,
                    number,
                    at_ns: begin_ns + after as u64 + u64::from(part) * 50_000,
                    bytes: self.packet(number, ticks as u32, marker),
                });
            }
        }
        sent
    }

    fn packet(&self, number: i64, ticks: u32, marker: bool) -> Vec<u8> {
        let sequence = self.sequence.wrapping_add(number as u16);
        let timestamp = self.timestamp.wrapping_add(ticks);
        let extended = u8::from(self.extension.is_some()) << 4;
        let mut bytes = vec![
            0x80 | extended | self.csrcs & 0x0f,
            u8::from(marker) << 7 | self.payload_type,
        ];
        bytes.extend(sequence.to_be_bytes());
        bytes.extend(timestamp.to_be_bytes());
        bytes.extend(self.ssrc.to_be_bytes());
        (0..self.csrcs).for_each(|i| bytes.extend([0xc5, 0xc5, 0xc5, i]));
        if let Some(words) = self.extension {
            bytes.extend(0xbede_u16.to_be_bytes());
            bytes.extend(words.to_be_bytes());
            bytes.extend(vec![0; usize::from(words) * 4]); // padding elements of RFC 8285
        }
        bytes.extend((0..self.payload).map(|i| (i as u8).wrapping_mul(29)));
        bytes
    }
}

/// What was done on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// Packets that the sender sent.
    pub sent: u64,
    /// Of these, dropped.
    pub dropped: u64,
    /// Of these, doubled.
    pub doubled: u64,
    /// Of these, held back behind the next that passed.
    pub swapped: u64,
}

/// A stream, harmed step by step. Packets stand in the order in which they will arrive.
#[derive(Clone, Debug)]
pub struct Path {
    /// The packets that arrive.
    pub packets: Vec<Sent>,
    /// What became of the others.
    pub books: Books,
}

impl Path {
    /// Nothing done yet.
    #[must_use]
    pub fn new(packets: Vec<Sent>) -> Self {
        let books = Books {
            sent: packets.len() as u64,
            ..Books::default()
        };
        Self { packets, books }
    }

    /// Loses, doubles and swaps by `plan`. A doubled packet comes again 10 µs later, a swapped one 10 µs
    /// after its successor.
    #[must_use]
    pub fn harm(mut self, plan: &Plan) -> Self {
        const LATER_NS: u64 = 10_000;
        let mut arrived = Vec::with_capacity(self.packets.len());
        let mut held: Option<Sent> = None;
        for (n, packet) in self.packets.into_iter().enumerate() {
            let mut copies = 1;
            match plan.fate(n as u64) {
                Fate::Lose => {
                    self.books.dropped += 1;
                    continue;
                }
                Fate::Swap if held.is_none() => {
                    self.books.swapped += 1;
                    held = Some(packet);
                    continue;
                }
                Fate::Swap | Fate::Pass => {}
                Fate::Double => {
                    self.books.doubled += 1;
                    copies = 2;
                }
            }
            let mut at_ns = packet.at_ns;
            for _ in 0..copies {
                arrived.push(Sent {
                    at_ns,
                    ..packet.clone()
                });
                at_ns += LATER_NS;
            }
            if let Some(late) = held.take() {
                arrived.push(Sent { at_ns, ..late });
            }
        }
        arrived.extend(held);
        self.packets = arrived;
        self.one_after_another();
        self
    }

    /// Moves packet `n` of those that arrive back by `places`, to just after the packet there.
    #[must_use]
    pub fn hold_back(mut self, n: usize, places: usize) -> Self {
        let mut packet = self.packets.remove(n);
        packet.at_ns = self.packets[n + places - 1].at_ns + 10_000;
        self.packets.insert(n + places, packet);
        self.books.swapped += 1;
        self.one_after_another();
        self
    }

    /// Drops those of `range`, counted as they arrive.
    #[must_use]
    pub fn drop_range(mut self, range: Range<usize>) -> Self {
        self.books.dropped += range.len() as u64;
        self.packets.drain(range);
        self
    }

    /// Delays each arrival by a seeded 0 to `most_ns`. No packet overtakes another: it waits, as in a
    /// queue.
    #[must_use]
    pub fn queue(mut self, seed: u64, most_ns: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        for packet in &mut self.packets {
            packet.at_ns += rng.u64(0..=most_ns);
        }
        self.one_after_another();
        self
    }

    /// Packets arrive in the order in which they stand, 1 µs apart at least.
    fn one_after_another(&mut self) {
        let mut free_ns = 0;
        for packet in &mut self.packets {
            packet.at_ns = packet.at_ns.max(free_ns);
            free_ns = packet.at_ns + 1_000;
        }
    }

    /// The sender begins anew: `next` is its next run, and follows what has arrived.
    #[must_use]
    pub fn then(mut self, next: Self) -> Self {
        let run = self.packets.last().map_or(0, |p| p.run + 1);
        let after = next.packets.into_iter().map(|p| Sent { run, ..p });
        self.packets.extend(after);
        self.books = Books {
            sent: self.books.sent + next.books.sent,
            dropped: self.books.dropped + next.books.dropped,
            doubled: self.books.doubled + next.books.doubled,
            swapped: self.books.swapped + next.books.swapped,
        };
        self
    }

    /// When the last packet arrives.
    #[must_use]
    pub fn end_ns(&self) -> u64 {
        self.packets.last().map_or(0, |p| p.at_ns)
    }
}

/// Changes to the bytes of packets, for what a [`Source`] doesn't send by itself.
impl Sent {
    /// Sets the marker bit.
    pub fn mark(&mut self) {
        self.bytes[1] |= 0x80;
    }

    /// Gives it another payload type.
    pub fn set_payload_type(&mut self, payload_type: u8) {
        self.bytes[1] = self.bytes[1] & 0x80 | payload_type;
    }

    /// Gives it another synchronisation source.
    pub fn set_ssrc(&mut self, ssrc: u32) {
        self.bytes.splice(8..12, ssrc.to_be_bytes());
    }

    /// Gives it another timestamp.
    pub fn set_timestamp(&mut self, timestamp: u32) {
        self.bytes.splice(4..8, timestamp.to_be_bytes());
    }

    /// Replaces its payload by `len` bytes of padding (a source without CSRCs and extension).
    pub fn only_padding(&mut self, len: u8) {
        self.bytes.truncate(12);
        self.bytes[0] |= 0x20;
        self.bytes.resize(12 + usize::from(len) - 1, 0);
        self.bytes.push(len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::Packet;

    #[test]
    fn a_frame_has_one_timestamp_and_one_marker() {
        let sent = Source::video(7).send(5, 0);
        let packets: Vec<Packet> = sent
            .iter()
            .map(|s| Packet::parse(&s.bytes).unwrap())
            .collect();
        assert_eq!(packets.len(), 11);
        assert_eq!(packets.iter().filter(|p| p.marker).count(), 5);
        assert!(packets[..4].iter().all(|p| p.timestamp == 50_000));
        assert_eq!((packets[4].timestamp, sent[4].at_ns), (53_600, 40_000_000));
    }

    #[test]
    fn csrcs_extension_and_padding_are_in_the_header() {
        let source = Source {
            csrcs: 2,
            extension: Some(3),
            payload: 5,
            ..Source::audio(7)
        };
        let sent = source.send(1, 0);
        assert_eq!(sent[0].bytes.len(), 12 + 8 + 4 + 12 + 5);
        assert_eq!(sent[0].bytes[0], 0x92);
        let mut padding = Source::audio(7).send(1, 0).remove(0);
        padding.only_padding(200);
        assert_eq!((padding.bytes.len(), padding.bytes[0]), (212, 0xa0));
        assert_eq!(padding.bytes.last(), Some(&200));
    }

    #[test]
    fn a_fast_clock_gets_ahead() {
        let fast = Source {
            skew_ppm: 1_000,
            ..Source::audio(7)
        };
        let last = fast.send(50_001, 0).pop().unwrap();
        assert_eq!(last.at_ns, 999_000_999_000); // 1000 s of media
    }

    #[test]
    fn the_books_say_what_was_done() {
        let plan = Plan {
            seed: 5,
            harmed: 10..900,
            lose: 50,
            burst: 2,
            double: 30,
            swap: 40,
        };
        let path = Path::new(Source::audio(7).send(1_000, 0)).harm(&plan);
        let books = path.books;
        assert!(books.dropped > 50 && books.doubled > 10 && books.swapped > 10);
        let arrived = books.sent - books.dropped + books.doubled;
        assert_eq!(path.packets.len() as u64, arrived);
        let queued = path.clone().queue(3, 30_000_000);
        assert!(queued.packets.is_sorted_by_key(|p| p.at_ns));
        assert_eq!(queued.packets, path.queue(3, 30_000_000).packets, "seeded");
    }
}
