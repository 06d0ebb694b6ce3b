//! RTCP packets made by hand, word by word as in the RFCs.

/// Who reports in these tests.
const REPORTER: u32 = 0x9999;

fn packet(first: u8, kind: u8, words: &[u32]) -> Vec<u8> {
    let mut bytes = vec![0x80 | first, kind];
    bytes.extend((words.len() as u16).to_be_bytes());
    words
        .iter()
        .for_each(|word| bytes.extend(word.to_be_bytes()));
    bytes
}

/// A sender report (RFC 3550 6.4.1): NTP time in seconds and fractions.
pub(crate) fn sender_report(ssrc: u32, ntp: u64) -> Vec<u8> {
    packet(0, 200, &[ssrc, (ntp >> 32) as u32, ntp as u32, 0, 1, 20])
}

/// One report block.
#[derive(Clone, Copy, Default)]
pub(crate) struct Block {
    pub(crate) ssrc: u32,
    pub(crate) lost: u32,
    pub(crate) highest: u32,
    pub(crate) last_report: u32,
    pub(crate) delay: u32,
}

/// A receiver report (RFC 3550 6.4.2).
pub(crate) fn receiver_report(blocks: &[Block]) -> Vec<u8> {
    let mut words = vec![REPORTER];
    for b in blocks {
        words.extend([b.ssrc, b.lost, b.highest, 0, b.last_report, b.delay]);
    }
    packet(blocks.len() as u8, 201, &words)
}

/// A sender report with report blocks: of who sends and receives.
pub(crate) fn both(own: u32, about: u32) -> Vec<u8> {
    packet(1, 200, &[own, 1, 2, 3, 4, 5, about, 0, 1, 0, 0, 0])
}

/// A generic NACK for one number (RFC 4585 6.2.1).
pub(crate) fn nack(ssrc: u32, number: u16) -> Vec<u8> {
    packet(1, 205, &[REPORTER, ssrc, u32::from(number) << 16])
}

/// A picture loss indication (RFC 4585 6.3.1).
pub(crate) fn pli(ssrc: u32) -> Vec<u8> {
    packet(1, 206, &[REPORTER, ssrc])
}

/// A full intra request (RFC 5104 4.3.1), whose packet names no media.
pub(crate) fn fir(ssrc: u32, number: u8) -> Vec<u8> {
    packet(4, 206, &[REPORTER, 0, ssrc, u32::from(number) << 24])
}

/// An estimate of 300,000 bit/s for these streams.
pub(crate) fn remb(ssrcs: &[u32]) -> Vec<u8> {
    let mut words = vec![REPORTER, 0, u32::from_be_bytes(*b"REMB")];
    // 150,000 x 2^1
    words.push((ssrcs.len() as u32) << 24 | 1 << 18 | 150_000);
    words.extend(ssrcs);
    packet(15, 206, &words)
}

/// One malformed datagram for each reason, with the reason's name.
pub(crate) fn malformed() -> Vec<(&'static str, Vec<u8>)> {
    let mut old = pli(1);
    old[0] = 0x41;
    // Version 1 is seen in the second packet: in the first it would not be taken for RTCP.
    let old = [pli(1), old].concat();
    let mut padded = pli(1);
    padded[0] |= 0x20; // its last byte, the count, is 1
    vec![
        ("too_short", vec![0x80, 201, 0]),
        ("version", old),
        ("length", pli(1)[..8].to_vec()),
        ("padding", padded),
        ("sr", packet(1, 200, &[1, 2, 3, 4, 5, 6])),
        ("rr", packet(2, 201, &[1, 2, 3, 4, 5, 6, 7])),
        ("sdes", packet(1, 202, &[1, 0x01ff_6162])),
        ("bye", packet(2, 203, &[1])),
        ("feedback", packet(1, 206, &[1])),
        ("nack", packet(1, 205, &[1, 2])),
        ("fir", packet(4, 206, &[1, 0])),
        (
            "remb",
            packet(15, 206, &[1, 0, u32::from_be_bytes(*b"REMB"), 9 << 24]),
        ),
        ("transport_cc", packet(15, 205, &[1, 2, 0x0001_0009, 0])),
        ("xr", packet(0, 207, &[1, 0x0400_0009, 0])),
    ]
}
