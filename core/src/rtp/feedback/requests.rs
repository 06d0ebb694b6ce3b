//! Requests and their answers: NACK to retransmission, PLI or FIR to key frame.
//!
//! Lives here: what is asked for and not answered yet, and how long answers took. Not here: finding key
//! frames, reading requests (`rtp::rtcp`).
//!
//! Both work at either end: where requests arrive and answers leave, or the other way round.

/// How many numbers can wait for their answer at once.
const SLOTS: usize = 256;

/// A number that nobody asked for again in this time may stand for another packet by now: 2^16 packets
/// take longer at any rate that a stream has.
const FORGET_NS: u64 = 10_000_000_000;

/// What a request for a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The first for this packet.
    New,
    /// One for a packet that was asked for before.
    Again,
}

#[derive(Clone, Copy, Debug)]
struct Wanted {
    asked_ns: u64,
    number: u16,
    answered: bool,
}

/// From the request for a packet to its retransmission (RFC 4585 §6.2.1, RFC 4588).
///
/// Remembers 256 numbers, each in a place of its own among any 256 neighbours; a number that comes to a
/// taken place displaces the other, which is counted if it had no answer.
///
/// - **Memory**: 4 KiB, allocated when it is made, not later.
#[derive(Clone, Debug)]
pub(crate) struct NackRecovery {
    slots: Box<[Option<Wanted>]>,
    unanswered: u64,
}

impl Default for NackRecovery {
    fn default() -> Self {
        Self::new()
    }
}

impl NackRecovery {
    /// Nothing asked for yet.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self {
            slots: vec![None; SLOTS].into_boxed_slice(),
            unanswered: 0,
        }
    }

    /// Packet `number` was asked for, at `at_ns` on a monotonic clock of the caller's.
    pub(crate) fn on_request(&mut self, number: u16, at_ns: u64) -> Asked {
        let Some(slot) = self.slots.get_mut(usize::from(number) % SLOTS) else {
            return Asked::New; // there is one slot for each remainder
        };
        let known = slot.filter(|w| w.number == number && !w.is_forgotten(at_ns));
        let lost = slot.filter(|w| known.is_none() && !w.answered);
        self.unanswered += u64::from(lost.is_some());
        // Until there is an answer, time runs from the first request; then from the next.
        let waiting = known.filter(|w| !w.answered);
        *slot = Some(Wanted {
            asked_ns: waiting.map_or(at_ns, |w| w.asked_ns),
            number,
            answered: false,
        });
        match known {
            Some(_) => Asked::Again,
            None => Asked::New,
        }
    }

    /// Packet `number` came or left, at `at_ns`: if it was asked for and not yet answered, how long the
    /// answer took, in nanoseconds.
    ///
    /// For a packet of an RTX stream `number` is the original one: the first two bytes of its payload
    /// (RFC 4588 §4).
    pub(crate) fn on_packet(&mut self, number: u16, at_ns: u64) -> Option<u64> {
        let slot = self.slots.get_mut(usize::from(number) % SLOTS)?.as_mut()?;
        if slot.number != number || slot.answered || slot.is_forgotten(at_ns) {
            return None;
        }
        slot.answered = true;
        Some(at_ns.saturating_sub(slot.asked_ns))
    }

    /// Numbers that were given up without an answer, for others that were asked for.
    #[must_use]
    pub(crate) const fn unanswered(&self) -> u64 {
        self.unanswered
    }
}

impl Wanted {
    const fn is_forgotten(&self, now_ns: u64) -> bool {
        now_ns.saturating_sub(self.asked_ns) > FORGET_NS
    }
}

/// From the request for a key frame to its first packet (PLI, RFC 4585 §6.3.1; FIR, RFC 5104 §4.3.1).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KeyFrameRequests {
    /// First request without an answer.
    waiting_since_ns: Option<u64>,
    last_fir: Option<u8>,
}

impl KeyFrameRequests {
    /// A PLI, at `at_ns` on a monotonic clock of the caller's.
    pub(crate) fn on_pli(&mut self, at_ns: u64) {
        self.waiting_since_ns.get_or_insert(at_ns);
    }

    /// A FIR with this number. The same number again is the same request (RFC 5104 §4.3.1.1): then
    /// nothing changes, and this is false.
    pub(crate) fn on_fir(&mut self, sequence: u8, at_ns: u64) -> bool {
        let new = self.last_fir.replace(sequence) != Some(sequence);
        if new {
            self.on_pli(at_ns);
        }
        new
    }

    /// The first packet of a key frame, at `at_ns`: how long the oldest open request waited, in
    /// nanoseconds.
    pub(crate) fn on_key_frame(&mut self, at_ns: u64) -> Option<u64> {
        let since = self.waiting_since_ns.take()?;
        Some(at_ns.saturating_sub(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    #[test]
    fn a_number_displaced_without_an_answer_is_counted() {
        let mut recovery = NackRecovery::new();
        let apart = SLOTS as u16;
        recovery.on_request(1, 0);
        assert_eq!(recovery.on_request(1 + apart, 0), Asked::New);
        assert_eq!((recovery.unanswered(), recovery.on_packet(1, 5)), (1, None));
        assert_eq!(recovery.on_packet(1 + apart, 5), Some(5));
        recovery.on_request(1, 6);
        assert_eq!(recovery.unanswered(), 1, "the other had its answer");
    }

    #[test]
    fn a_lost_answer_is_asked_for_again_and_timed_anew() {
        let mut recovery = NackRecovery::new();
        recovery.on_request(1, 10);
        assert_eq!(recovery.on_packet(1, 15), Some(5));
        assert_eq!(recovery.on_request(1, 100), Asked::Again);
        assert_eq!(recovery.on_packet(1, 107), Some(7));
    }

    #[test]
    fn a_number_of_long_ago_is_another_packets() {
        let mut recovery = NackRecovery::new();
        recovery.on_request(1, 0);
        assert_eq!(recovery.on_packet(1, FORGET_NS + 1), None);
        assert_eq!(recovery.on_request(1, FORGET_NS + 1), Asked::New);
        assert_eq!(recovery.unanswered(), 1);
        assert_eq!(recovery.on_packet(1, FORGET_NS), Some(0), "time went back");
    }

    #[test]
    fn a_repeated_fir_is_one_request_and_the_first_one_counts() {
        let mut requests = KeyFrameRequests::default();
        assert!(requests.on_fir(255, 10) && !requests.on_fir(255, 20));
        assert!(requests.on_fir(0, 30));
        assert_eq!(requests.on_key_frame(50), Some(40));
        assert!(!requests.on_fir(0, 60), "a copy that came late");
        assert_eq!(requests.on_key_frame(70), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

        /// As long as no two numbers share a place, an unbounded map says the same.
        #[test]
        fn among_256_neighbours_nothing_is_forgotten(
            start in any::<u16>(),
            steps in prop::collection::vec((0_u16..256, any::<bool>()), 0..if cfg!(miri) { 40 } else { 200 }),
        ) {
            let mut recovery = NackRecovery::new();
            let mut asked: HashMap<u16, Option<u64>> = HashMap::new();
            for (at, (offset, request)) in steps.into_iter().enumerate() {
                let (number, at) = (start.wrapping_add(offset), at as u64);
                if request {
                    let wanted = if asked.contains_key(&number) { Asked::Again } else { Asked::New };
                    asked.entry(number).or_default().get_or_insert(at);
                    prop_assert_eq!(recovery.on_request(number, at), wanted);
                } else {
                    let wanted = asked.get_mut(&number).and_then(Option::take).map(|then| at - then);
                    prop_assert_eq!(recovery.on_packet(number, at), wanted);
                }
            }
            prop_assert_eq!(recovery.unanswered(), 0);
        }
    }
}
