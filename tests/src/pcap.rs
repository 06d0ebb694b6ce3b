//! Capture files of UDP over IPv4 over Ethernet: written for the programs under comparison, and read
//! back by the slow reader that judges them.
//!
//! Lives here: bytes of the classic format (nanoseconds when written; both resolutions and both byte
//! orders when read). Not here: RTP. Other formats come from other people's tools (`editcap`, `gzip`).

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;

/// One UDP datagram as a capture has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// When it was captured, in nanoseconds since 1970.
    pub at_ns: u64,
    /// Sender.
    pub from: SocketAddrV4,
    /// Receiver.
    pub to: SocketAddrV4,
    /// The payload of UDP.
    pub bytes: Vec<u8>,
}

/// Bytes before the first record.
pub const FILE_HEADER: usize = 24;
/// Bytes before each record's frame.
pub const RECORD_HEADER: usize = 16;
/// Ethernet, IPv4 without options, UDP.
pub const FRAME_HEADERS: usize = 14 + 20 + 8;

const NANOSECONDS: u32 = 0xa1b2_3c4d;
const MICROSECONDS: u32 = 0xa1b2_c3d4;
const ETHERNET: u32 = 1;

/// The capture file of these datagrams.
#[must_use]
pub fn write(datagrams: &[Datagram]) -> Vec<u8> {
    let mut file = file_header(ETHERNET);
    for datagram in datagrams {
        let frame = frame(datagram);
        record(&mut file, datagram.at_ns, frame.len(), &frame);
    }
    file
}

/// The header of a file of `link` type (<https://www.tcpdump.org/linktypes.html>).
#[must_use]
pub fn file_header(link: u32) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [NANOSECONDS, 2 | 4 << 16, 0, 0, 262_144, link] {
        file.extend(word.to_le_bytes());
    }
    file
}

/// Appends a record of `frame`, of which the wire had `original` bytes.
pub fn record(file: &mut Vec<u8>, at_ns: u64, original: usize, frame: &[u8]) {
    let seconds = at_ns / 1_000_000_000;
    let rest = at_ns % 1_000_000_000;
    for word in [seconds, rest, frame.len() as u64, original as u64] {
        file.extend((word as u32).to_le_bytes());
    }
    file.extend(frame);
}

/// The Ethernet frame of a datagram.
#[must_use]
pub fn frame(datagram: &Datagram) -> Vec<u8> {
    let udp_len = (8 + datagram.bytes.len()) as u16;
    let mut ip = vec![0x45, 0];
    ip.extend((20 + udp_len).to_be_bytes());
    ip.extend([0, 0, 0x40, 0, 64, 17, 0, 0]);
    ip.extend(datagram.from.ip().octets());
    ip.extend(datagram.to.ip().octets());
    let checksum = internet_checksum(&ip).to_be_bytes();
    ip.splice(10..12, checksum);

    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00];
    frame.extend(ip);
    // A UDP checksum of 0 says that there is none (RFC 768).
    for half in [datagram.from.port(), datagram.to.port(), udp_len, 0] {
        frame.extend(half.to_be_bytes());
    }
    frame.extend(&datagram.bytes);
    frame
}

/// RFC 1071.
fn internet_checksum(bytes: &[u8]) -> u16 {
    let halves = bytes.chunks_exact(2).map(|pair| match pair {
        [high, low] => u32::from(u16::from_be_bytes([*high, *low])),
        _ => 0,
    });
    let mut sum: u32 = halves.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// The UDP datagrams of a capture file that is whole and holds Ethernet; anything else ends the test.
#[must_use]
pub fn read(path: &Path) -> Vec<Datagram> {
    let file = fs::read(path).unwrap_or_else(|e| panic!("can't read {}: {e}", path.display()));
    let parsed = parse(&file);
    parsed.unwrap_or_else(|| panic!("{}: not a capture this reader knows", path.display()))
}

fn parse(file: &[u8]) -> Option<Vec<Datagram>> {
    let magic = file.first_chunk::<4>()?;
    let little = [NANOSECONDS, MICROSECONDS].contains(&u32::from_le_bytes(*magic));
    let word = |bytes: &[u8], at: usize| -> Option<u32> {
        let four = bytes.get(at..)?.first_chunk::<4>()?;
        Some(if little {
            u32::from_le_bytes(*four)
        } else {
            u32::from_be_bytes(*four)
        })
    };
    let unit = match word(file, 0)? {
        NANOSECONDS => 1,
        MICROSECONDS => 1_000,
        _ => return None,
    };
    if word(file, 20)? != ETHERNET {
        return None;
    }
    let mut rest = file.get(FILE_HEADER..)?;
    let mut datagrams = Vec::new();
    while !rest.is_empty() {
        let (seconds, fraction) = (u64::from(word(rest, 0)?), u64::from(word(rest, 4)?));
        let end = RECORD_HEADER + word(rest, 8)? as usize;
        let at_ns = seconds * 1_000_000_000 + fraction * unit;
        datagrams.extend(unwrap(at_ns, rest.get(RECORD_HEADER..end)?));
        rest = rest.get(end..)?;
    }
    Some(datagrams)
}

/// The datagram in a frame; None if it is something else.
fn unwrap(at_ns: u64, frame: &[u8]) -> Option<Datagram> {
    let half = |at: usize| Some(u16::from_be_bytes(*frame.get(at..)?.first_chunk()?));
    let address = |at: usize| Some(Ipv4Addr::from(*frame.get(at..)?.first_chunk::<4>()?));
    if half(12)? != 0x0800 || *frame.get(23)? != 17 {
        return None;
    }
    let udp = 14 + usize::from(*frame.get(14)? & 0x0f) * 4;
    let end = udp + usize::from(half(udp + 4)?);
    Some(Datagram {
        at_ns,
        from: SocketAddrV4::new(address(26)?, half(udp)?),
        to: SocketAddrV4::new(address(30)?, half(udp + 2)?),
        bytes: frame.get(udp + 8..end)?.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn datagram(at_ns: u64, bytes: &[u8]) -> Datagram {
        Datagram {
            at_ns,
            from: SocketAddrV4::new([192, 0, 2, 1].into(), 5004),
            to: SocketAddrV4::new([198, 51, 100, 7].into(), 40_000),
            bytes: bytes.to_vec(),
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let all = [
            datagram(1_700_000_000_123_456_789, b"abc"),
            datagram(1_700_000_001_000_000_000, b""),
        ];
        assert_eq!(parse(&write(&all)).as_deref(), Some(all.as_slice()));
    }

    #[test]
    fn tshark_reads_the_same_without_complaint() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("two.pcap");
        let all = [
            datagram(1_700_000_000_000_000_001, b"abc"),
            datagram(1_700_000_000_020_000_000, b"0123456789"),
        ];
        fs::write(&path, write(&all)).unwrap();
        let output = Command::new("tshark")
            .args(["-o", "ip.check_checksum:TRUE", "-T", "fields"])
            .args([
                "-e",
                "frame.time_epoch",
                "-e",
                "ip.src",
                "-e",
                "udp.srcport",
            ])
            .args(["-e", "ip.dst", "-e", "udp.dstport", "-e", "udp.length"])
            .args(["-e", "ip.checksum.status", "-r"])
            .arg(&path)
            .output()
            .expect("tshark: `cargo xtask setup` installs it");
        let text = String::from_utf8_lossy(&output.stdout);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "1700000000.000000001\t192.0.2.1\t5004\t198.51.100.7\t40000\t11\t1",
                "1700000000.020000000\t192.0.2.1\t5004\t198.51.100.7\t40000\t18\t1",
            ],
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    #[test]
    fn other_files_are_refused() {
        let whole = write(&[datagram(5, b"abc")]);
        assert!(parse(&whole[..whole.len() - 1]).is_none(), "cut");
        assert!(parse(&file_header(101)).is_none(), "another link type");
        assert!(parse(b"no capture").is_none());
    }
}
