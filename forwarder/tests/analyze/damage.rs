//! No damage stops the program: what can be read is read, and the rest is told.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use media_metrics_forwarder::analyze::{Analysis, AnalyzeError};

use crate::writer::*;

const A: &str = "10.0.0.1:4000";
const B: &str = "10.0.0.2:5000";

/// Small packets, so that every byte can be tried.
fn shots(n: u16) -> Vec<Shot> {
    let mut shots = speech(n, 3, A, B);
    for (i, s) in (0..).zip(&mut shots) {
        let packet = rtp(0, i, u32::from(i) * 160, 3, 8);
        s.frame = ethernet(&[], &datagram(A, B, &packet));
        s.wire_len = s.frame.len();
    }
    shots
}

fn captures(n: u16) -> [Vec<u8>; 3] {
    let shots = shots(n);
    let big = PcapNg { big_endian: true };
    let pcap = PLAIN.file(1, &shots);
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    gz.write_all(&pcap).unwrap();
    [pcap, big.file(1, &shots), gz.finish().unwrap()]
}

fn packets(found: &Analysis) -> u64 {
    found.streams.iter().map(|s| s.packets).sum()
}

#[test]
fn cut_anywhere() {
    let heads = [4, 12, 40]; // what it takes to be told for a capture; of gzip, too little to inflate
    // Where a file could have ended.
    let mut ends = [0, 1].map(|i| (0..5).map(|n| captures(n)[i].len()).collect::<Vec<_>>());
    ends[1].push(28); // a section without an interface
    for (i, (capture, head)) in captures(5).into_iter().zip(heads).enumerate() {
        let mut most = 0;
        for len in 0..capture.len() {
            match try_analyze(&capture[..len]) {
                Ok(found) => {
                    let warned = found.warnings.iter().any(|w| w.ends_with(" read"));
                    assert!(
                        warned != ends.get(i).is_some_and(|e| e.contains(&len)),
                        "{len}: {found:?}"
                    );
                    assert!(packets(&found) >= most, "{len}: more of it is never less");
                    most = packets(&found);
                }
                Err(AnalyzeError::NoCapture { .. } | AnalyzeError::Open { .. }) => {
                    assert!(len < head, "{len} bytes are a capture");
                }
                Err(other) => panic!("{other}"),
            }
        }
        assert!(most >= 4, "all but the last packet: {most}");
    }
}

#[test]
fn any_byte_changed() {
    for (i, capture) in captures(8).into_iter().enumerate() {
        let (mut worst, mut warned) = (8, 0);
        for at in 0..capture.len() {
            for flip in [0x01, 0x90, 0xff] {
                let mut damaged = capture.clone();
                damaged[at] ^= flip;
                // Some bytes are what makes it a capture, or the link type, or the checksum of gzip.
                let Ok(found) = try_analyze(&damaged) else {
                    continue;
                };
                warned += u64::from(!found.warnings.is_empty());
                if at >= 100 && i < 2 && packets(&found) < worst {
                    worst = packets(&found);
                    println!("{flip:#x} at {at}: {found:?}");
                }
            }
        }
        assert!(warned > 50, "{warned}");
        assert!(
            i == 2 || worst >= 6,
            "one byte costs no more than two packets: {worst}"
        );
    }
}

#[test]
fn any_bytes_at_all() {
    let mut rng = fastrand::Rng::with_seed(41);
    for round in 0..600 {
        let mut bytes: Vec<u8> = (0..rng.usize(..700)).map(|_| rng.u8(..)).collect();
        let magic: &[u8] = match round % 4 {
            0 => &[0xd4, 0xc3, 0xb2, 0xa1],
            1 => &[0xa1, 0xb2, 0x3c, 0x4d],
            2 => &[0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a],
            _ => &[0x1f, 0x8b, 8, 0],
        };
        let n = magic.len().min(bytes.len());
        bytes[..n].copy_from_slice(&magic[..n]);
        if let Ok(found) = try_analyze(&bytes) {
            assert_eq!(found.streams, []);
        }
    }
}

#[test]
fn reading_goes_on_behind_the_damage() {
    let [pcap, pcapng, _] = captures(100);
    for capture in [pcap, pcapng] {
        let mut damaged = capture.clone();
        let at = capture.len() / 2;
        damaged[at..at + 300].fill(0xee);
        let found = analyze(&damaged);
        let s = &found.streams[0];
        assert!(s.packets >= 95 && s.packets + s.lost == 100, "{found:?}");
        assert!(
            found.warnings[0].contains("damaged in 1 place, first at byte"),
            "{found:?}"
        );
        // Bytes that are missing, or too many, are no different.
        let less = [&capture[..at], &capture[at + 333..]].concat();
        let more = [&capture[..at], &[0; 333], &capture[at..]].concat();
        for other in [less, more] {
            let found = analyze(&other);
            assert!(
                packets(&found) >= 94 && !found.warnings.is_empty(),
                "{found:?}"
            );
        }
    }
}

/// A length of 4 GB costs neither time nor memory.
#[test]
fn lengths_are_not_believed() {
    let [mut pcap, pcapng, _] = captures(100);
    pcap[24 + 8..24 + 12].fill(0xff);
    assert!(packets(&analyze(&pcap)) >= 98);
    let interface = pcapng.windows(4).position(|w| w == [0, 0, 0, 6]).unwrap();
    for length in [u32::MAX, 0, 11, 13, 1 << 30] {
        let mut lying = pcapng.clone();
        lying[interface + 4..interface + 8].copy_from_slice(&length.to_be_bytes());
        assert!(packets(&analyze(&lying)) >= 98, "{length}");
    }
}

#[test]
fn packets_of_interfaces_that_nobody_described() {
    let ng = PcapNg { big_endian: false };
    let shots = speech(20, 3, A, B);
    let mut file = [ng.section(), ng.interface(1, 0, &[])].concat();
    for (i, s) in shots.iter().enumerate() {
        file.extend(ng.packet(if i == 10 { 7 } else { 0 }, s.time_ns / 1_000, s));
    }
    let found = analyze(&file);
    assert_eq!(packets(&found), 19);
    assert!(
        found.warnings[0].contains("damaged in 1 place"),
        "{found:?}"
    );
}
