//! Transport-wide feedback: how many packets it tells of, and how many came
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
//!
//! Lives here: counting statuses, chunk by chunk. Not here: arrival times of single packets, which only a
//! bandwidth estimator wants.
//!
//! A chunk of two bytes may stand for 8,191 packets: they are counted without being walked, so that a
//! datagram costs what it is long.

use super::packets::{half, word};

/// What one feedback packet says of the packets from one transport-wide number on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransportFeedback {
    /// Who reports.
    pub sender_ssrc: u32,
    /// One of the streams that share the numbering, any.
    pub media_ssrc: u32,
    /// Transport-wide number of the first packet told of.
    pub base_sequence: u16,
    /// Packets told of.
    pub packets: u16,
    /// Of those, packets that came.
    pub received: u16,
    /// The receiver's clock, in 64 ms; 24 bits.
    pub reference_time: u32,
    /// Number of this feedback; wraps at 2^8, and a gap is feedback lost.
    pub feedback_count: u8,
}

/// Statuses told of so far.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    left: u32,
    received: u32,
    delta_bytes: u32,
}

impl TransportFeedback {
    /// `None` if statuses or deltas are missing, or a status is the reserved one.
    pub(super) fn read(sender_ssrc: u32, media_ssrc: u32, control: &[u8]) -> Option<Self> {
        let (head, mut rest) = control.split_at_checked(8)?;
        let packets = half(head, 2);
        let mut tally = Tally {
            left: u32::from(packets),
            ..Tally::default()
        };
        while tally.left > 0 {
            let (&chunk, after) = rest.split_first_chunk::<2>()?;
            tally.add(u16::from_be_bytes(chunk))?;
            rest = after;
        }
        rest.split_at_checked(tally.delta_bytes as usize)?;
        let timed = word(head, 4);
        Some(Self {
            sender_ssrc,
            media_ssrc,
            base_sequence: half(head, 0),
            packets,
            received: tally.received as u16, // no more than `packets`
            reference_time: timed >> 8,
            feedback_count: timed as u8,
        })
    }

    /// Packets told of that had not come when the feedback was made. They may be told of again.
    #[must_use]
    pub const fn missing(&self) -> u16 {
        self.packets.saturating_sub(self.received)
    }
}

impl Tally {
    /// One chunk; what it says beyond the packets that are left is filling.
    fn add(&mut self, chunk: u16) -> Option<()> {
        if chunk & 0x8000 == 0 {
            return self.count(chunk >> 13, u32::from(chunk & 0x1fff));
        }
        let (bits, symbols) = if chunk & 0x4000 == 0 { (1, 14) } else { (2, 7) };
        for at in (0..symbols).rev() {
            self.count(chunk >> (at * bits) & ((1 << bits) - 1), 1)?;
        }
        Some(())
    }

    /// `n` packets of one status: the number of its delta's bytes, 3 being reserved.
    fn count(&mut self, status: u16, n: u32) -> Option<()> {
        let n = n.min(self.left);
        self.left -= n;
        if n > 0 && status == 3 {
            return None;
        }
        if status > 0 {
            self.received += n;
            self.delta_bytes += n * u32::from(status);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rtcp_types::{FciParser, Twcc, TwccPacketStatus};

    /// The crate's own walk, packet by packet.
    fn oracle(control: &[u8]) -> Option<(u32, u32)> {
        let mut counted = (0, 0);
        for packet in Twcc::parse(control).ok()?.packets() {
            counted.0 += 1;
            let (_, status) = packet.ok()?;
            counted.1 += u32::from(status != TwccPacketStatus::NotReceived);
        }
        Some(counted)
    }

    fn control(packets: u16, rest: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x12, 0x34];
        bytes.extend_from_slice(&packets.to_be_bytes());
        bytes.extend_from_slice(&[0, 0, 5, 9]);
        bytes.extend_from_slice(rest);
        bytes
    }

    #[test]
    fn the_head_is_told() {
        let told = TransportFeedback::read(1, 2, &control(2, &[0x20, 2, 7, 7])).unwrap();
        assert_eq!(
            (told.base_sequence, told.packets, told.received),
            (0x1234, 2, 2)
        );
        assert_eq!(
            (told.reference_time, told.feedback_count, told.missing()),
            (5, 9, 0)
        );
    }

    #[test]
    fn a_claim_of_65535_lost_packets_takes_8_chunks() {
        let run = [0x1f, 0xff].repeat(8); // 8,191 each
        let bytes = control(65_528, &run);
        assert_eq!(
            TransportFeedback::read(0, 0, &bytes).unwrap().missing(),
            65_528
        );
        assert_eq!(TransportFeedback::read(0, 0, &control(65_535, &run)), None);
    }

    #[test]
    fn an_empty_run_ends_with_the_chunks() {
        assert_eq!(TransportFeedback::read(0, 0, &control(1, &[0; 64])), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

        #[test]
        fn counts_are_those_of_a_walk_packet_by_packet(
            packets in 0_u16..200,
            rest in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            let bytes = control(packets, &rest);
            let told = TransportFeedback::read(0, 0, &bytes);
            // The oracle takes too few statuses without complaint.
            let wanted = oracle(&bytes).filter(|(n, _)| *n == u32::from(packets));
            prop_assert_eq!(told.map(|t| (u32::from(t.packets), u32::from(t.received))), wanted);
        }
    }
}
