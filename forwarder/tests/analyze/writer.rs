//! Captures made to order: packets, links around them, files around those.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use media_metrics_forwarder::analyze::{Analysis, AnalyzeError, Job};
use tempfile::TempDir;

pub(crate) const MS: u64 = 1_000_000;
/// Some moment in 2023.
pub(crate) const START: u64 = 1_700_000_000_000 * MS;

/// One captured packet: when, what there is of it, how long it was.
#[derive(Clone, Debug)]
pub(crate) struct Shot {
    pub(crate) time_ns: u64,
    pub(crate) frame: Vec<u8>,
    pub(crate) wire_len: usize,
}

pub(crate) fn shot(time_ns: u64, frame: Vec<u8>) -> Shot {
    Shot {
        time_ns,
        wire_len: frame.len(),
        frame,
    }
}

/// An RTP packet with a payload of `len` bytes.
pub(crate) fn rtp(pt: u8, sequence: u16, timestamp: u32, ssrc: u32, len: usize) -> Vec<u8> {
    let mut packet = vec![0x80, pt];
    packet.extend(sequence.to_be_bytes());
    packet.extend(timestamp.to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.resize(12 + len, 0x55);
    packet
}

fn ends(src: &str, dst: &str) -> (SocketAddr, SocketAddr) {
    (src.parse().unwrap(), dst.parse().unwrap())
}

fn udp(src: SocketAddr, dst: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let ports = [src.port().to_be_bytes(), dst.port().to_be_bytes()].concat();
    let len = (8 + payload.len()) as u16;
    [&ports, &len.to_be_bytes()[..], &[0, 0], payload].concat()
}

fn octets(addr: SocketAddr) -> Vec<u8> {
    match addr.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

/// An IPv4 packet of `protocol` with `options` (a multiple of 4 bytes).
pub(crate) fn ip4(src: &str, dst: &str, options: &[u8], flags: u16, content: &[u8]) -> Vec<u8> {
    let (src, dst) = ends(src, dst);
    let header = 20 + options.len();
    let mut packet = vec![0x40 | (header / 4) as u8, 0];
    packet.extend(((header + content.len()) as u16).to_be_bytes());
    packet.extend([0, 7]);
    packet.extend(flags.to_be_bytes());
    packet.extend([64, 17, 0, 0]);
    [
        packet,
        octets(src),
        octets(dst),
        options.to_vec(),
        content.to_vec(),
    ]
    .concat()
}

/// An IPv6 packet with extension headers: type and contents of each, in order.
pub(crate) fn ip6(src: &str, dst: &str, extensions: &[(u8, Vec<u8>)], content: &[u8]) -> Vec<u8> {
    let (src, dst) = ends(src, dst);
    let mut next: Vec<u8> = extensions.iter().map(|e| e.0).chain([17]).collect();
    let first = next.remove(0);
    let headers: Vec<u8> = extensions
        .iter()
        .zip(next)
        .flat_map(|((_, content), next)| [vec![next], content.clone()].concat())
        .collect();
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend(((headers.len() + content.len()) as u16).to_be_bytes());
    packet.extend([first, 64]);
    [packet, octets(src), octets(dst), headers, content.to_vec()].concat()
}

/// A UDP datagram in an IP packet without anything special.
pub(crate) fn datagram(src: &str, dst: &str, payload: &[u8]) -> Vec<u8> {
    let (from, to) = ends(src, dst);
    let content = udp(from, to, payload);
    match from.is_ipv4() {
        true => ip4(src, dst, &[], 0, &content),
        false => ip6(src, dst, &[], &content),
    }
}

/// The UDP part alone.
pub(crate) fn segment(src: &str, dst: &str, payload: &[u8]) -> Vec<u8> {
    let (from, to) = ends(src, dst);
    udp(from, to, payload)
}

/// An Ethernet frame around an IP packet, with these tags (EtherType and two bytes) in between.
pub(crate) fn ethernet(tags: &[[u8; 4]], ip: &[u8]) -> Vec<u8> {
    [&[2; 12], tags.concat().as_slice(), &ether_type(ip), ip].concat()
}

pub(crate) fn ether_type(ip: &[u8]) -> [u8; 2] {
    match ip[0] >> 4 {
        4 => [0x08, 0x00],
        _ => [0x86, 0xdd],
    }
}

/// How a pcap file is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pcap {
    pub(crate) big_endian: bool,
    pub(crate) nanos: bool,
}

pub(crate) const PLAIN: Pcap = Pcap {
    big_endian: false,
    nanos: false,
};

fn order(big_endian: bool, bytes: &[u8]) -> Vec<u8> {
    match big_endian {
        true => bytes.to_vec(),
        false => bytes.iter().rev().copied().collect(),
    }
}

impl Pcap {
    pub(crate) fn file(self, link: u32, shots: &[Shot]) -> Vec<u8> {
        let word = |n: u32| order(self.big_endian, &n.to_be_bytes());
        let half = |n: u16| order(self.big_endian, &n.to_be_bytes());
        let (magic, unit) = match self.nanos {
            true => (0xa1b2_3c4d, 1),
            false => (0xa1b2_c3d4, 1_000),
        };
        let mut file = [
            word(magic),
            half(2),
            half(4),
            word(0),
            word(0),
            word(65_535),
            word(link),
        ]
        .concat();
        for s in shots {
            let (second, fraction) = (s.time_ns / 1_000_000_000, s.time_ns % 1_000_000_000 / unit);
            for n in [
                second as u32,
                fraction as u32,
                s.frame.len() as u32,
                s.wire_len as u32,
            ] {
                file.extend(word(n));
            }
            file.extend(&s.frame);
        }
        file
    }
}

/// Writes the blocks of one byte order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PcapNg {
    pub(crate) big_endian: bool,
}

impl PcapNg {
    pub(crate) fn word(self, n: u32) -> Vec<u8> {
        order(self.big_endian, &n.to_be_bytes())
    }

    pub(crate) fn half(self, n: u16) -> Vec<u8> {
        order(self.big_endian, &n.to_be_bytes())
    }

    pub(crate) fn block(self, kind: u32, content: &[u8]) -> Vec<u8> {
        let padding = vec![0; content.len().next_multiple_of(4) - content.len()];
        let len = self.word((12 + content.len() + padding.len()) as u32);
        [&self.word(kind), &len, content, &padding, &len].concat()
    }

    pub(crate) fn section(self) -> Vec<u8> {
        let content = [
            self.word(0x1a2b_3c4d),
            self.half(1),
            self.half(0),
            vec![0xff; 8],
        ]
        .concat();
        self.block(0x0a0d_0d0a, &content)
    }

    /// An interface with these options: code and contents.
    pub(crate) fn interface(self, link: u16, snap_len: u32, options: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let mut content = [self.half(link), self.half(0), self.word(snap_len)].concat();
        for (code, value) in options {
            content.extend(
                [
                    self.half(*code),
                    self.half(value.len() as u16),
                    value.clone(),
                ]
                .concat(),
            );
            content.resize(content.len().next_multiple_of(4), 0);
        }
        self.block(1, &content)
    }

    /// An enhanced packet block; `units` is its time stamp, as the interface counts.
    pub(crate) fn packet(self, interface: u32, units: u64, s: &Shot) -> Vec<u8> {
        let fields = [
            interface,
            (units >> 32) as u32,
            units as u32,
            s.frame.len() as u32,
            s.wire_len as u32,
        ];
        let content = [fields.map(|n| self.word(n)).concat(), s.frame.clone()].concat();
        self.block(6, &content)
    }

    /// A whole file with one interface of microseconds.
    pub(crate) fn file(self, link: u16, shots: &[Shot]) -> Vec<u8> {
        let mut file = [self.section(), self.interface(link, 0, &[])].concat();
        shots
            .iter()
            .for_each(|s| file.extend(self.packet(0, s.time_ns / 1_000, s)));
        file
    }
}

/// Files that are gone when dropped.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

pub(crate) fn try_analyze(bytes: &[u8]) -> Result<Analysis, AnalyzeError> {
    let folder = Folder::new();
    let files = vec![folder.put("capture", bytes)];
    Job {
        files,
        ..Job::default()
    }
    .run()
}

pub(crate) fn analyze(bytes: &[u8]) -> Analysis {
    try_analyze(bytes).unwrap()
}

/// The analysis of a pcap of Ethernet frames.
pub(crate) fn analyze_shots(shots: &[Shot]) -> Analysis {
    analyze(&PLAIN.file(1, shots))
}

/// A stream of G.711 packets from one address to another, 20 ms apart.
pub(crate) fn speech(n: u16, ssrc: u32, src: &str, dst: &str) -> Vec<Shot> {
    (0..n)
        .map(|i| {
            let packet = rtp(0, 65_500_u16.wrapping_add(i), u32::from(i) * 160, ssrc, 160);
            let frame = ethernet(&[], &datagram(src, dst, &packet));
            shot(START + u64::from(i) * 20 * MS, frame)
        })
        .collect()
}
