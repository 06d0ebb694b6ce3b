//! Packets made by hand, so that the tests do not trust the code that they test.

use media_metrics_forwarder::net::MAX_DATAGRAM;

/// An Opus packet of 12 + 20 bytes.
pub(crate) fn packet(ssrc: u32, sequence: u16) -> Vec<u8> {
    let mut bytes = vec![0x80, 111];
    bytes.extend(sequence.to_be_bytes());
    bytes.extend((u32::from(sequence) * 960).to_be_bytes());
    bytes.extend(ssrc.to_be_bytes());
    bytes.extend([0xaa; 20]);
    bytes
}

/// An RTCP goodbye.
pub(crate) fn bye(ssrc: u32) -> Vec<u8> {
    let mut bytes = vec![0x81, 203, 0, 1];
    bytes.extend(ssrc.to_be_bytes());
    bytes
}

/// One bad datagram for each reason, with the reason's name.
pub(crate) fn bad() -> Vec<(&'static str, Vec<u8>)> {
    let with = |first: u8, tail: &[u8]| {
        let mut bytes = packet(1, 1);
        bytes.truncate(12);
        bytes[0] = first;
        bytes.extend(tail);
        bytes
    };
    vec![
        ("too_short", vec![0x80; 11]),
        ("version", with(0x40, &[0; 20])),
        ("csrc", with(0x8f, &[0; 8])),
        ("extension", with(0x90, &[0, 0, 0xff, 0xff])),
        ("padding", with(0xa0, &[0, 0, 200])),
        ("rtcp", vec![0x80, 200, 0, 200, 0, 0, 0, 1]),
        ("too_long", vec![0x80; MAX_DATAGRAM + 1]),
    ]
}
