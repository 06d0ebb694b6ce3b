//! RTP packets as bytes: what a forwarder gets from its socket.
//!
//! Lives here: in-order audio and video streams. Not here: parsing, statistics.

#![expect(
    clippy::expect_used,
    reason = "a packet that its own project does not parse leaves nothing to measure"
)]

use media_metrics_core::rtp::RtpHeader;

/// A generator of one stream's packets, written into one buffer again and again.
///
/// Audio: 160-byte payloads, 20 ms apart, 48 kHz. Video: frames of eight 1,100-byte packets, 30 a second,
/// 90 kHz, the last marked. Each packet carries a one-byte-header extension, as WebRTC's do.
#[derive(Debug, Clone)]
pub struct Generator {
    buffer: Vec<u8>,
    /// What the first packet's header says.
    parsed: RtpHeader,
    /// A frame has `1 << shift` packets: a division here would cost more than what is measured.
    shift: u32,
    ticks: u32,
    frame_ns: u64,
    clock_rate: u32,
}

/// Bytes before the payload: fixed header, extension header, one word of extension.
pub const HEADER: usize = 12 + 4 + 4;

impl Generator {
    /// Opus-like audio.
    #[must_use]
    pub fn audio(ssrc: u32) -> Self {
        let (buffer, parsed) = template(ssrc, 111, 160);
        Self {
            buffer,
            parsed,
            shift: 0,
            ticks: 960,
            frame_ns: 20_000_000,
            clock_rate: 48_000,
        }
    }

    /// VP8-like video.
    #[must_use]
    pub fn video(ssrc: u32) -> Self {
        let (buffer, parsed) = template(ssrc, 96, 1_100);
        Self {
            buffer,
            parsed,
            shift: 3,
            ticks: 3_000,
            frame_ns: 33_333_333,
            clock_rate: 90_000,
        }
    }

    /// Packet `i` of the stream (numbers continue past the wraps), and its arrival in nanoseconds.
    #[inline(always)]
    pub fn packet(&mut self, i: u64) -> (&[u8], u64) {
        let (marker, timestamp, arrival) = self.frame(i);
        if let Some(header) = self.buffer.first_chunk_mut::<8>() {
            header[1] = (header[1] & 0x7f) | (u8::from(marker) << 7);
            header[2..4].copy_from_slice(&(i as u16).to_be_bytes());
            header[4..8].copy_from_slice(&timestamp.to_be_bytes());
        }
        (&self.buffer, arrival)
    }

    /// Packet `i` as its parsed header, and its arrival in nanoseconds.
    #[inline(always)]
    #[must_use]
    pub fn header(&self, i: u64) -> (RtpHeader, u64) {
        let (marker, timestamp, arrival) = self.frame(i);
        let header = RtpHeader {
            marker,
            sequence: i as u16,
            timestamp,
            ..self.parsed
        };
        (header, arrival)
    }

    #[inline(always)]
    fn frame(&self, i: u64) -> (bool, u32, u64) {
        let frame = i >> self.shift;
        let last = (i + 1) >> self.shift != frame;
        // A few microseconds early or late, so that jitter has something to do; 16 µs between packets.
        let wobble = (i.wrapping_mul(7919)) & 0x1fff;
        let within = (i - (frame << self.shift)) << 14;
        let timestamp = (frame as u32).wrapping_mul(self.ticks);
        (last, timestamp, frame * self.frame_ns + within + wobble)
    }

    /// Ticks a second of the stream's clock.
    #[must_use]
    pub const fn clock_rate(&self) -> u32 {
        self.clock_rate
    }

    /// Bytes of each packet.
    #[must_use]
    pub fn packet_len(&self) -> u64 {
        self.buffer.len() as u64
    }
}

fn template(ssrc: u32, payload_type: u8, payload: usize) -> (Vec<u8>, RtpHeader) {
    let mut bytes = vec![0x90, payload_type, 0, 0, 0, 0, 0, 0]; // version 2, extension
    bytes.extend(ssrc.to_be_bytes());
    // RFC 8285: profile 0xBEDE, one word: id 1 with two bytes of data, one of padding.
    bytes.extend([0xbe, 0xde, 0, 1, 0x11, 0x7f, 0x7f, 0]);
    bytes.resize(HEADER + payload, 0x5a);
    let parsed = RtpHeader::parse(&bytes).expect("a packet made here is one");
    (bytes, parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_wrap_and_frames_end_with_a_marker() {
        let mut video = Generator::video(7);
        let (bytes, _) = video.packet(65_536 + 7);
        assert_eq!(&bytes[2..4], &[0, 7]);
        assert_eq!(bytes[1], 0x80 | 96);
        assert_eq!(video.packet(8).0[1], 96);
        assert_eq!(video.packet(8).0[4..8], 3_000_u32.to_be_bytes());
        let mut audio = Generator::audio(7);
        assert_eq!(audio.packet(1).0[1], 0x80 | 111);
        assert_eq!(audio.packet_len(), 180);
    }

    #[test]
    fn the_bytes_say_what_the_header_says() {
        for mut stream in [Generator::audio(1), Generator::video(1)] {
            for i in [0, 6, 7, 8, 65_535, 65_536] {
                let (header, at) = stream.header(i);
                let (bytes, arrival) = stream.packet(i);
                let parsed = RtpHeader::parse(bytes).unwrap();
                assert_eq!(parsed, header);
                assert_eq!(at, arrival);
            }
        }
    }
}
