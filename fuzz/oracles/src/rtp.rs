//! Single RTP packets: the header, bit by bit; extensions and key frames, which must not mind what they are given.
//!
//! Lives here: RFC 3550 5.1 and RFC 8285 read slowly. Not here: what packets mean over time (`streams`).

use media_metrics_core::rtp::{RtpHeader, VideoCodec, begins_key_frame, header_extension, is_rtcp};

const CODECS: [VideoCodec; 5] = [
    VideoCodec::Vp8,
    VideoCodec::Vp9,
    VideoCodec::H264,
    VideoCodec::H265,
    VideoCodec::Av1,
];

/// Takes the bytes for a datagram.
pub fn target(data: &[u8]) {
    let wanted = header(data);
    let got = RtpHeader::parse(data);
    assert_eq!(got.ok(), wanted, "{got:?}");
    // RFC 5761 4: a second byte of 192 to 223 is RTCP's; and RFC 7983 7: what is no version 2 is neither.
    let rtcp = data.len() > 1 && data[0] >> 6 == 2 && (192..=223).contains(&data[1]);
    assert_eq!(is_rtcp(data), rtcp);
    let Some(header) = wanted else { return };
    let elements = elements(data);
    for id in 0..=u8::MAX {
        let wanted = elements.iter().find(|(other, _)| *other == id);
        assert_eq!(
            header_extension(data, id),
            wanted.map(|e| e.1),
            "{id} of {elements:?}"
        );
    }
    let payload = &data[header.header_len as usize..data.len() - header.padding_len as usize];
    for codec in CODECS {
        let whole = begins_key_frame(codec, payload);
        assert!(!(payload.is_empty() && whole), "{codec:?} in nothing");
    }
}

/// Fields of so many bits each, from the first bit on.
struct Bits<'a>(&'a [u8], usize);

impl Bits<'_> {
    fn take(&mut self, bits: usize) -> Option<u32> {
        let mut value = 0;
        for _ in 0..bits {
            let byte = *self.0.get(self.1 / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.1 % 8) & 1);
            self.1 += 1;
        }
        Some(value)
    }
}

/// The header, if the packet is one.
fn header(packet: &[u8]) -> Option<RtpHeader> {
    let mut bits = Bits(packet, 0);
    let version = bits.take(2)?;
    let (padding, extension, csrcs) = (bits.take(1)?, bits.take(1)?, bits.take(4)?);
    let (marker, payload_type) = (bits.take(1)?, bits.take(7)?);
    let (sequence, timestamp, ssrc) = (bits.take(16)?, bits.take(32)?, bits.take(32)?);
    for _ in 0..csrcs {
        bits.take(32)?;
    }
    if extension == 1 {
        bits.take(16)?;
        for _ in 0..bits.take(16)? {
            bits.take(32)?;
        }
    }
    let header_len = bits.1 / 8;
    let padding_len = match padding {
        1 => u32::from(*packet.last()?),
        _ => 0,
    };
    let fits = header_len + padding_len as usize <= packet.len();
    let header = RtpHeader {
        marker: marker == 1,
        payload_type: payload_type as u8,
        sequence: sequence as u16,
        timestamp,
        ssrc,
        header_len: header_len as u32,
        padding_len,
        packet_len: packet.len() as u32,
    };
    (version == 2 && fits && (padding == 0 || padding_len > 0)).then_some(header)
}

/// The header extension's elements up to the first that lies (RFC 8285 4.2, 4.3), of a packet whose header fits.
fn elements(packet: &[u8]) -> Vec<(u8, &[u8])> {
    let mut elements = Vec::new();
    if packet[0] & 0x10 == 0 {
        return elements;
    }
    let start = 12 + 4 * usize::from(packet[0] & 15);
    let words = u16::from_be_bytes([packet[start + 2], packet[start + 3]]);
    let all = &packet[start + 4..start + 4 + 4 * usize::from(words)];
    let long = match (packet[start], packet[start + 1]) {
        (0xbe, 0xde) => false,
        (0x10, 0..=15) => true,
        _ => return elements,
    };
    let mut at = 0;
    while at < all.len() {
        if all[at] == 0 {
            at += 1;
            continue;
        }
        let (id, len, head) = match long {
            true if at + 1 == all.len() => break,
            true => (all[at], usize::from(all[at + 1]), 2),
            false => (all[at] >> 4, usize::from(all[at] & 15) + 1, 1),
        };
        let end = at + head + len;
        if end > all.len() || (!long && matches!(id, 0 | 15)) {
            break;
        }
        elements.push((id, &all[at + head..end]));
        at = end;
    }
    elements
}
