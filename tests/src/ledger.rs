//! The truth about a stream, from the list of its packets in the order in which they were sent on.
//!
//! This is the oracle for what the program must show: slow, simple, and written against RFC 3550's
//! words, not against the program's code.

use std::collections::BTreeSet;

use crate::Traffic;
use crate::rtp::Packet;

/// What a receiver of exactly these packets should find.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// Everything that arrives, duplicates included.
    pub traffic: Traffic,
    /// Numbers between the first and the highest that arrived, both included.
    pub expected: u64,
    /// Numbers among these that never arrived.
    pub lost: u64,
    /// Packets whose number had arrived before.
    pub duplicates: u64,
    /// Packets that arrived after a higher number, for the first time.
    pub reordered: u64,
    /// Timestamps among the packets that arrived in order: frames of video, blocks of audio.
    pub frames: u64,
}

/// Works through `packets` of one stream that starts with its lowest number.
#[must_use]
pub fn truth(packets: &[Packet]) -> Truth {
    let mut truth = Truth::default();
    let mut seen = BTreeSet::new();
    let mut highest: i64 = packets.first().map_or(0, |p| i64::from(p.sequence));
    let mut timestamp = None;
    for packet in packets {
        truth.traffic.add(packet.len);
        // The extended number nearest to the highest one so far.
        let step = packet.sequence.wrapping_sub(highest as u16) as i16;
        let number = highest + i64::from(step);
        if !seen.insert(number) {
            truth.duplicates += 1;
            continue;
        }
        if number < highest {
            truth.reordered += 1;
            continue;
        }
        highest = number;
        truth.frames += u64::from(timestamp.replace(packet.timestamp) != Some(packet.timestamp));
    }
    if let (Some(&low), Some(&high)) = (seen.first(), seen.last()) {
        truth.expected = (high - low).unsigned_abs() + 1;
        truth.lost = truth.expected - seen.len() as u64;
    }
    truth
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sequences: &[u16]) -> Truth {
        let packets: Vec<Packet> = sequences
            .iter()
            .map(|&s| Packet::parse(&Packet::datagram(s, &[0; 8])).unwrap())
            .collect();
        truth(&packets)
    }

    #[test]
    fn each_harm_is_told_from_the_others() {
        let clean = of(&[65_534, 65_535, 0, 1]);
        assert_eq!((clean.expected, clean.lost), (4, 0), "across the wrap");
        assert_eq!(
            clean.traffic,
            Traffic {
                packets: 4,
                bytes: 80
            }
        );
        let lost = of(&[10, 12, 15]);
        assert_eq!((lost.expected, lost.lost, lost.reordered), (6, 3, 0));
        let doubled = of(&[10, 11, 11, 12]);
        assert_eq!(
            (doubled.expected, doubled.lost, doubled.duplicates),
            (3, 0, 1)
        );
        assert_eq!(doubled.traffic.packets, 4, "a duplicate arrived, too");
        let swapped = of(&[65_535, 1, 0, 2]);
        assert_eq!(
            (swapped.lost, swapped.reordered, swapped.duplicates),
            (0, 1, 0)
        );
        assert_eq!(of(&[]), Truth::default());
    }

    #[test]
    fn a_frame_is_a_timestamp_that_came_in_order() {
        let packet = |(sequence, timestamp)| Packet {
            timestamp,
            ..Packet::parse(&Packet::datagram(sequence, &[])).unwrap()
        };
        let two_frames = [(1, 0), (2, 0), (3, 3000), (4, 3000)].map(packet);
        assert_eq!(truth(&two_frames).frames, 2);
        let with_a_late_one = [(1, 0), (3, 6000), (2, 3000), (4, 9000)].map(packet);
        assert_eq!(
            truth(&with_a_late_one).frames,
            3,
            "the late packet's frame was not seen in order"
        );
    }
}
