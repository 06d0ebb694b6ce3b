//! Which packets are RTP: sources on probation.
//!
//! Lives here: the rule by which a source is believed, and the bounded room for those that are not yet.
//! Not here: what a believed source's packets say (`track`).
//!
//! # The rule
//! Nothing in a UDP datagram says that it is RTP. A datagram that reads as an RTP header (version 2,
//! lengths that fit, no packet type of RTCP) puts its source, the SSRC between these two addresses and
//! ports, on probation. A packet *follows* the one before it if its sequence number is another, at most
//! [`MAX_STEP`] away, and its timestamp at most [`MAX_LEAP`] ticks away. A source is believed with
//! [`ENOUGH`] different numbers that follow one another in this way; with two, if RTCP has named it, or
//! if the capture ends and the numbers are neighbours. So RFC 3550 A.1's probation, but forgiving loss,
//! reordering and duplicates at the start, and asking the timestamp, too.
//!
//! What was held is handed out with the verdict: no packet of a believed source is left out.

use arrayvec::ArrayVec;
use media_metrics_core::rtp::RtpHeader;

/// A packet that waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) header: RtpHeader,
    pub(crate) time_ns: u64,
}

/// Different sequence numbers, one after another, that make a source believed.
const ENOUGH: usize = 3;

/// How far apart in sequence two packets may be that follow each other.
const MAX_STEP: u16 = 100;

/// How far apart in RTP time: a minute at 90 kHz. (Random bytes pass with one chance in 400.)
const MAX_LEAP: u32 = 60 * 90_000;

/// Packets of one source that are held. More come only from what is hardly RTP: the oldest then goes.
const HELD: usize = 8;

/// Sources on probation at once. With more, the oldest that shows no promise gives way.
const SOURCES: usize = 1 << 16;

/// All that was held of a source that is believed now.
pub(crate) type Believed = ArrayVec<Held, HELD>;

/// Sources on probation, each with what it is known by.
#[derive(Debug)]
pub(crate) struct Probation<K> {
    sources: Vec<Source<K>>,
    /// Free places.
    free: Vec<u32>,
    /// Where to look for one that gives way.
    hand: usize,
    /// Packets that are no longer held, and belong to no stream.
    pub(crate) dropped: u64,
    /// Sources that gave way.
    pub(crate) evicted: u64,
}

#[derive(Debug)]
struct Source<K> {
    /// `None`: the place is free.
    key: Option<K>,
    held: Believed,
    /// Where in `held` the packets begin that follow one another.
    run: usize,
    /// It was passed over once when another gave way.
    spared: bool,
}

impl<K: Copy> Probation<K> {
    pub(crate) const fn new() -> Self {
        Self {
            sources: Vec::new(),
            free: Vec::new(),
            hand: 0,
            dropped: 0,
            evicted: 0,
        }
    }

    /// Puts the source `key` on probation with its first packet. Gives its place, and who had to go.
    pub(crate) fn admit(&mut self, key: K, first: Held) -> (u32, Option<K>) {
        let source = Source {
            key: Some(key),
            held: ArrayVec::from_iter([first]),
            run: 0,
            spared: false,
        };
        if let Some(place) = self.free.pop()
            && let Some(slot) = self.sources.get_mut(place as usize)
        {
            *slot = source;
            return (place, None);
        }
        if self.sources.len() < SOURCES {
            self.sources.push(source);
            return (self.sources.len() as u32 - 1, None);
        }
        let place = self.weakest();
        let gone = self.sources.get_mut(place).and_then(|slot| {
            self.dropped += slot.held.len() as u64;
            std::mem::replace(slot, source).key
        });
        self.evicted += 1;
        (place as u32, gone)
    }

    /// The next place in turn, but for sources with two packets that follow each other: they are spared
    /// once. (So a flood of sources of one packet each does not push out a slow stream.)
    fn weakest(&mut self) -> usize {
        loop {
            self.hand = (self.hand + 1) % self.sources.len();
            match self.sources.get_mut(self.hand) {
                Some(s) if s.held.len() - s.run > 1 && !s.spared => s.spared = true,
                _ => return self.hand,
            }
        }
    }

    /// Another packet of the source at `place`. `named`: RTCP has spoken of it. If it is believed now, gives
    /// all that was held, this packet included, and its place is free.
    pub(crate) fn on_packet(&mut self, place: u32, packet: Held, named: bool) -> Option<Believed> {
        let source = self.sources.get_mut(place as usize)?;
        if let Some(last) = source.held.last()
            && !is_near(last, &packet)
        {
            source.run = source.held.len();
        }
        if source.held.is_full() {
            source.held.remove(0);
            source.run = source.run.saturating_sub(1);
            self.dropped += 1;
        }
        source.held.push(packet);
        source.spared = false;
        let enough = if named { ENOUGH - 1 } else { ENOUGH };
        if source.different() < enough {
            return None;
        }
        source.key = None;
        self.free.push(place);
        Some(std::mem::take(&mut source.held))
    }

    /// The capture is over: hands out the sources with two neighbours, or two that RTCP named.
    pub(crate) fn finish(
        &mut self,
        is_named: impl Fn(&K) -> bool,
        mut believed: impl FnMut(K, Believed),
    ) {
        for source in &mut self.sources {
            let Some(key) = source.key.take() else {
                continue;
            };
            let held = std::mem::take(&mut source.held);
            let neighbours = held.windows(2).any(|pair| match pair {
                [a, b] => is_near(a, b) && b.header.sequence.wrapping_sub(a.header.sequence) == 1,
                _ => false,
            });
            if neighbours || (held.len() > 1 && is_named(&key)) {
                believed(key, held);
            } else {
                self.dropped += held.len() as u64;
            }
        }
        self.sources.clear();
        self.free.clear();
    }
}

impl<K> Source<K> {
    /// Different numbers among the packets that follow one another.
    fn different(&self) -> usize {
        let run = self.held.get(self.run..).unwrap_or_default();
        let number = |h: &Held| h.header.sequence;
        let is_first =
            |&(i, h): &(usize, &Held)| run.iter().take(i).all(|before| number(before) != number(h));
        run.iter().enumerate().filter(is_first).count()
    }
}

/// Whether one packet may come after the other in one stream: it follows it, or is the same again.
fn is_near(a: &Held, b: &Held) -> bool {
    let step = b.header.sequence.wrapping_sub(a.header.sequence);
    let leap = b.header.timestamp.wrapping_sub(a.header.timestamp);
    step.min(step.wrapping_neg()) <= MAX_STEP && leap.min(leap.wrapping_neg()) <= MAX_LEAP
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence: u16, timestamp: u32) -> Held {
        let [s0, s1] = sequence.to_be_bytes();
        let [t0, t1, t2, t3] = timestamp.to_be_bytes();
        let bytes = [0x80, 0, s0, s1, t0, t1, t2, t3, 0, 0, 0, 7];
        Held {
            header: RtpHeader::parse(&bytes).unwrap(),
            time_ns: 0,
        }
    }

    /// How many packets it took, and how many were handed out then.
    fn believed_after(packets: &[(u16, u32)], named: bool) -> Option<(usize, usize)> {
        let mut probation = Probation::new();
        let (&(s, t), rest) = packets.split_first().unwrap();
        let (place, _) = probation.admit((), packet(s, t));
        for (i, &(s, t)) in rest.iter().enumerate() {
            if let Some(held) = probation.on_packet(place, packet(s, t), named) {
                return Some((i + 2, held.len()));
            }
        }
        None
    }

    #[test]
    fn three_numbers_that_follow_one_another() {
        let is = |p: &[(u16, u32)]| believed_after(p, false);
        assert_eq!(is(&[(1, 0), (2, 160), (3, 320)]), Some((3, 3)));
        assert_eq!(is(&[(65_535, 0), (0, 160), (1, 320)]), Some((3, 3)));
        // lost, reordered, sent twice
        assert_eq!(is(&[(1, 0), (60, 160), (40, 90)]), Some((3, 3)));
        assert_eq!(is(&[(1, 0), (1, 0), (2, 9), (2, 9), (3, 18)]), Some((5, 5)));
        // a stray in front comes along
        assert_eq!(is(&[(900, 7), (1, 0), (2, 160), (3, 320)]), Some((4, 4)));
    }

    #[test]
    fn what_stands_still_or_leaps_is_not_believed() {
        let is = |p: &[(u16, u32)]| believed_after(p, false);
        assert_eq!(is(&[(256, 0); 20]), None); // a DNS query's flags
        assert_eq!(is(&[(0, 0), (1, 0), (0, 0), (1, 0), (0, 0), (1, 0)]), None);
        assert_eq!(is(&[(1, 0), (102, 0), (203, 0), (304, 0)]), None);
        assert_eq!(
            is(&[(1, 0), (2, 1 << 30), (3, 1 << 31), (4, 3 << 30)]),
            None
        );
    }

    #[test]
    fn two_will_do_for_a_source_that_rtcp_named() {
        assert_eq!(believed_after(&[(1, 0), (2, 160)], true), Some((2, 2)));
        assert_eq!(believed_after(&[(1, 0), (1, 0), (1, 0)], true), None);
    }

    #[test]
    fn the_end_believes_neighbours() {
        let mut probation = Probation::new();
        for (key, second) in [(1, 11), (2, 12), (3, 10), (4, 5_000)] {
            let (place, _) = probation.admit(key, packet(10, 0));
            let _ = probation.on_packet(place, packet(second, 9), false);
        }
        let mut believed = Vec::new();
        probation.finish(
            |&key| key == 2,
            |key, held| believed.push((key, held.len())),
        );
        assert_eq!(believed, [(1, 2), (2, 2)]);
        assert_eq!(probation.dropped, 4);
    }

    #[test]
    fn a_flood_of_sources_does_not_push_out_one_that_follows() {
        let mut probation = Probation::new();
        let (place, _) = probation.admit(0, packet(1, 0));
        let _ = probation.on_packet(place, packet(2, 160), false);
        let mut gone = 0;
        for key in 1..SOURCES as u32 + 100 {
            let (_, evicted) = probation.admit(key, packet(key as u16, key));
            assert_ne!(evicted, Some(0), "spared once");
            gone += u64::from(evicted.is_some());
        }
        assert_eq!((probation.evicted, gone), (100, 100));
        assert_eq!(probation.sources.len(), SOURCES);
        assert!(matches!(
            probation.on_packet(place, packet(3, 320), false),
            Some(held) if held.len() == 3
        ));
    }
}
