//! The fixed RTP header, its lengths, and the line between RTP and RTCP.
//!
//! Lives here: reading and checking bytes (RFC 3550 §5.1, §5.3.1; RFC 5761 §4). Not here: what the
//! numbers mean over time.

use std::fmt;

/// What the header of one RTP packet says.
///
/// ```
/// use media_metrics_core::rtp::RtpHeader;
/// let packet = [0x80, 0xe0, 0x12, 0x34, 0, 0, 0, 9, 0, 0, 0, 7, 1, 2, 3];
/// let header = RtpHeader::parse(&packet).unwrap();
/// assert_eq!((header.sequence, header.timestamp, header.ssrc), (0x1234, 9, 7));
/// assert!(header.marker);
/// assert_eq!((header.header_len, header.payload_len(), header.padding_len), (12, 3, 0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpHeader {
    /// Marker bit: for most video the last packet of a frame, for audio the start of a talk spurt.
    pub marker: bool,
    /// Payload type, 0 to 127.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// RTP timestamp, in ticks of the stream's clock.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// Bytes before the payload: fixed header, CSRC list, extension.
    pub header_len: u32,
    /// Bytes of padding at the end, the count byte included.
    pub padding_len: u32,
    /// Bytes of the whole packet: header, payload and padding.
    pub packet_len: u32,
}

/// Why a datagram is not an RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RtpError {
    /// Shorter than the 12 bytes of the fixed header.
    TooShort,
    /// The version is not 2.
    Version,
    /// The CSRC list ends beyond the packet.
    CsrcBeyondEnd,
    /// The header extension ends beyond the packet.
    ExtensionBeyondEnd,
    /// The padding count is 0, or more than what follows the header.
    Padding,
}

impl RtpError {
    /// A short name for a `reason` label.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TooShort => "too_short",
            Self::Version => "version",
            Self::CsrcBeyondEnd => "csrc",
            Self::ExtensionBeyondEnd => "extension",
            Self::Padding => "padding",
        }
    }

    /// Every reason, for registering counters ahead.
    pub const ALL: [Self; 5] = [
        Self::TooShort,
        Self::Version,
        Self::CsrcBeyondEnd,
        Self::ExtensionBeyondEnd,
        Self::Padding,
    ];
}

impl fmt::Display for RtpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooShort => "shorter than an RTP header (12 bytes)",
            Self::Version => "RTP version is not 2",
            Self::CsrcBeyondEnd => "the CSRC list ends beyond the packet",
            Self::ExtensionBeyondEnd => "the header extension ends beyond the packet",
            Self::Padding => "the padding count does not fit the packet",
        })
    }
}

impl std::error::Error for RtpError {}

impl RtpHeader {
    /// Reads and checks the header of `packet`, a whole datagram.
    ///
    /// # Errors
    /// [`RtpError`] tells which length or field lies. Never panics, whatever the bytes.
    #[inline]
    pub fn parse(packet: &[u8]) -> Result<Self, RtpError> {
        let Some((fixed, rest)) = packet.split_first_chunk::<12>() else {
            return Err(RtpError::TooShort);
        };
        let [first, second, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3] = *fixed;
        if first >> 6 != 2 {
            return Err(RtpError::Version);
        }
        let mut header_len = 12;
        if first & 0x1f != 0 {
            header_len = long_header(first, rest)?;
        }
        let mut padding_len = 0;
        if first & 0x20 != 0 {
            // The last byte of the packet counts the padding, itself included.
            padding_len = usize::from(*packet.last().unwrap_or(&0));
            if padding_len == 0 || padding_len > packet.len() - header_len {
                return Err(RtpError::Padding);
            }
        }
        Ok(Self {
            marker: second & 0x80 != 0,
            payload_type: second & 0x7f,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
            // No datagram is longer than 64 KiB; a longer slice would be cut here, not wrap below.
            header_len: header_len as u32,
            padding_len: padding_len as u32,
            packet_len: packet.len() as u32,
        })
    }

    /// Bytes of payload, without padding. (Of a header made by hand with lengths that lie: 0 at least.)
    #[must_use]
    #[inline]
    pub const fn payload_len(&self) -> u32 {
        self.packet_len
            .saturating_sub(self.header_len)
            .saturating_sub(self.padding_len)
    }
}

/// Length of a header with CSRCs or an extension; `rest` follows the fixed 12 bytes.
fn long_header(first: u8, rest: &[u8]) -> Result<usize, RtpError> {
    let mut len = usize::from(first & 0x0f) * 4;
    if len > rest.len() {
        return Err(RtpError::CsrcBeyondEnd);
    }
    if first & 0x10 != 0 {
        let Some(&[_, _, words0, words1]) = rest.get(len..len + 4) else {
            return Err(RtpError::ExtensionBeyondEnd);
        };
        len += 4 + usize::from(u16::from_be_bytes([words0, words1])) * 4;
        if len > rest.len() {
            return Err(RtpError::ExtensionBeyondEnd);
        }
    }
    Ok(12 + len)
}

/// Whether a datagram on a port that carries both is RTCP: version 2 and a packet type of 192 to 223
/// (RFC 5761 §4). RTP with these payload types and the marker bit is what that RFC forbids.
///
/// ```
/// use media_metrics_core::rtp::is_rtcp;
/// assert!(is_rtcp(&[0x80, 200, 0, 1])); // sender report
/// assert!(!is_rtcp(&[0x80, 96, 0, 1]));
/// ```
#[must_use]
#[inline]
pub const fn is_rtcp(datagram: &[u8]) -> bool {
    match datagram {
        [first, kind, ..] => *first >> 6 == 2 && 192 <= *kind && *kind <= 223,
        _ => false,
    }
}

#[cfg(test)]
impl RtpHeader {
    /// Of a packet of which only its number matters.
    pub(crate) const fn numbered(ssrc: u32, sequence: u16) -> Self {
        Self {
            marker: false,
            payload_type: 96,
            sequence,
            timestamp: 0,
            ssrc,
            header_len: 12,
            padding_len: 0,
            packet_len: 100,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(first: u8, tail: &[u8]) -> Vec<u8> {
        let mut p = vec![first, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        p.extend_from_slice(tail);
        p
    }

    #[test]
    fn lengths_are_told_apart() {
        let lens =
            |p: &[u8]| RtpHeader::parse(p).map(|h| (h.header_len, h.payload_len(), h.padding_len));
        assert_eq!(lens(&packet(0x80, &[])), Ok((12, 0, 0)));
        assert_eq!(lens(&packet(0x80, &[1, 2])), Ok((12, 2, 0)));
        assert_eq!(lens(&packet(0x82, &[0; 9])), Ok((20, 1, 0)));
        // one CSRC, an extension of one word, two bytes of payload, two of padding
        let tail = [0, 0, 0, 0, 0xbe, 0xde, 0, 1, 9, 9, 9, 9, 7, 7, 0, 2];
        assert_eq!(lens(&packet(0xb1, &tail)), Ok((24, 2, 2)));
        // nothing but padding
        assert_eq!(lens(&packet(0xa0, &[0, 0, 3])), Ok((12, 0, 3)));
    }

    #[test]
    fn lying_lengths_are_refused() {
        let err = |p: &[u8]| RtpHeader::parse(p).unwrap_err();
        assert_eq!(err(&[]), RtpError::TooShort);
        assert_eq!(err(&packet(0x80, &[])[..11]), RtpError::TooShort);
        assert_eq!(err(&packet(0x40, &[])), RtpError::Version);
        assert_eq!(err(&packet(0x8f, &[0; 59])), RtpError::CsrcBeyondEnd);
        assert_eq!(err(&packet(0x90, &[0; 3])), RtpError::ExtensionBeyondEnd);
        assert_eq!(
            err(&packet(0x90, &[0, 0, 0xff, 0xff])),
            RtpError::ExtensionBeyondEnd
        );
        assert_eq!(err(&packet(0xa0, &[])), RtpError::Padding);
        assert_eq!(err(&packet(0xa0, &[1, 0])), RtpError::Padding);
        assert_eq!(err(&packet(0xa0, &[1, 3])), RtpError::Padding);
    }

    #[test]
    fn rtcp_is_known_by_its_type() {
        for kind in 0..=255_u8 {
            assert_eq!(is_rtcp(&[0x80, kind]), (192..=223).contains(&kind));
        }
        assert!(!is_rtcp(&[0x80]) && !is_rtcp(&[]) && !is_rtcp(&[0x40, 200]));
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

        #[test]
        fn lengths_always_add_up(mut bytes in prop::collection::vec(any::<u8>(), 0..if cfg!(miri) { 60 } else { 200 }), v2 in any::<bool>()) {
            if let (true, Some(first)) = (v2, bytes.first_mut()) {
                *first = *first & 0x3f | 0x80;
            }
            if let Ok(h) = RtpHeader::parse(&bytes) {
                prop_assert_eq!((h.header_len + h.payload_len() + h.padding_len) as usize, bytes.len());
            }
        }
    }
}
