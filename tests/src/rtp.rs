//! The few fields of a packet that the books need, read independently of the code under test.

/// Fields of one RTP packet (RFC 3550 section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Set on the last packet of a video frame.
    pub marker: bool,
    /// Payload type, 0..=127.
    pub payload_type: u8,
    /// Sequence number, as sent.
    pub sequence: u16,
    /// Timestamp in ticks of the stream's clock.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// The whole datagram: header, payload and padding.
    pub len: usize,
}

/// RTP and RTCP on one port (RFC 5761 section 4).
#[must_use]
pub fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram.get(1), Some(192..=223))
}

impl Packet {
    /// None if this is not RTP version 2 with a whole fixed header.
    #[must_use]
    pub fn parse(datagram: &[u8]) -> Option<Self> {
        let (header, _) = datagram.split_first_chunk::<12>()?;
        let [first, second, s0, s1, t0, t1, t2, t3, r0, r1, r2, r3] = *header;
        (first >> 6 == 2 && !is_rtcp(datagram)).then_some(Self {
            marker: second & 0x80 != 0,
            payload_type: second & 0x7f,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([r0, r1, r2, r3]),
            len: datagram.len(),
        })
    }

    /// A packet with this sequence number and nothing else of note, for tests of the books.
    #[must_use]
    pub fn datagram(sequence: u16, payload: &[u8]) -> Vec<u8> {
        let [high, low] = sequence.to_be_bytes();
        let mut bytes = vec![0x80, 111, high, low, 0, 0, 0, 1, 0, 0, 0, 2];
        bytes.extend_from_slice(payload);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_read_field_by_field() {
        let bytes = [
            0x80, 0xE0, 0xFF, 0xFE, 0, 1, 0, 0, 0xDE, 0xAD, 0xBE, 0xEF, 1, 2, 3,
        ];
        let expected = Packet {
            marker: true,
            payload_type: 96,
            sequence: 65_534,
            timestamp: 65_536,
            ssrc: 0xDEAD_BEEF,
            len: 15,
        };
        assert_eq!(Packet::parse(&bytes), Some(expected));
        assert_eq!(Packet::parse(&bytes[..11]), None, "too short");
        assert_eq!(
            Packet::parse(&[&[0x40], &bytes[1..]].concat()),
            None,
            "version 1"
        );
        assert_eq!(
            Packet::parse(&[&[0x80, 200], &bytes[2..]].concat()),
            None,
            "RTCP"
        );
        let made = Packet::parse(&Packet::datagram(7, b"abc")).unwrap();
        assert_eq!((made.sequence, made.len), (7, 15));
    }
}
