//! From a captured packet to the UDP datagram in it.
//!
//! Lives here: link types, VLAN tags and the like, and the verdict when there is no whole datagram. IP and
//! UDP headers are taken apart by `etherparse`. Not here: capture files, what the datagram carries.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use etherparse::{LaxIpSlice, UdpSlice, ip_number};

/// An address and port, in a form that is cheap to compare and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Endpoint {
    /// IPv4 as IPv4-mapped IPv6.
    pub(crate) addr: u128,
    pub(crate) port: u16,
}

impl From<Endpoint> for SocketAddr {
    fn from(e: Endpoint) -> Self {
        Self::new(IpAddr::V6(Ipv6Addr::from(e.addr)).to_canonical(), e.port)
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(addr: SocketAddr) -> Self {
        let ip = match addr.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        Self {
            addr: ip.to_bits(),
            port: addr.port(),
        }
    }
}

/// A UDP datagram, as far as it was captured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Datagram<'a> {
    pub(crate) src: Endpoint,
    pub(crate) dst: Endpoint,
    /// What was captured of its payload.
    pub(crate) payload: &'a [u8],
    /// Bytes of the payload when it was on the wire.
    pub(crate) wire_len: u32,
}

/// What a packet holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Frame<'a> {
    /// A datagram.
    Udp(Datagram<'a>),
    /// A part of a datagram that IP had to cut.
    Fragment,
    /// Lengths that contradict one another: no receiver would take it.
    Lying,
    /// Too little was captured to find the datagram.
    Cut,
    /// Something else: ARP, TCP, …
    Other,
    /// A link type that is not known here.
    UnknownLink(u16),
}

/// What stands behind a link-layer header.
enum Network<'a> {
    Ip(&'a [u8]),
    Other,
    Cut,
    UnknownLink,
}

/// Looks into a packet of link type `link` (the registry of LINKTYPE values).
pub(crate) fn decode(link: u16, data: &[u8]) -> Frame<'_> {
    match network(link, data) {
        Network::Ip(packet) => ip(packet),
        Network::Other => Frame::Other,
        Network::Cut => Frame::Cut,
        Network::UnknownLink => Frame::UnknownLink(link),
    }
}

fn network(link: u16, data: &[u8]) -> Network<'_> {
    match link {
        1 => ether_type(data, 12),
        113 => ether_type(data, 14), // Linux cooked
        276 => cooked_v2(data),
        0 | 108 => behind(data, 4), // null, loopback: the version tells, in any order
        12 | 14 | 101 | 228 | 229 => Network::Ip(data), // raw
        9 => ppp(data),
        50 if data.starts_with(&[0xff, 0x03]) => ppp(data), // PPP in HDLC framing
        51 => behind_ppp(data, 6),                          // PPPoE
        _ => Network::UnknownLink,
    }
}

fn behind(data: &[u8], len: usize) -> Network<'_> {
    data.get(len..).map_or(Network::Cut, Network::Ip)
}

/// Linux cooked, version 2: the protocol comes first, the packet after 20 bytes.
fn cooked_v2(data: &[u8]) -> Network<'_> {
    match (data.first_chunk(), data.get(20..)) {
        (Some(&protocol), Some(rest)) => tagged(u16::from_be_bytes(protocol), rest),
        _ => Network::Cut,
    }
}

/// An EtherType at `at`, what it names behind it.
fn ether_type(data: &[u8], at: usize) -> Network<'_> {
    match data.get(at..).and_then(<[u8]>::split_first_chunk) {
        Some((&kind, rest)) => tagged(u16::from_be_bytes(kind), rest),
        None => Network::Cut,
    }
}

/// What an EtherType names. Tags stand before another EtherType, and there may be many of them.
fn tagged(mut kind: u16, mut rest: &[u8]) -> Network<'_> {
    loop {
        match kind {
            0x0800 | 0x86dd => return Network::Ip(rest),
            0x8100 | 0x88a8 | 0x9100 | 0x9200 => {
                let Some(&[_, _, k0, k1]) = rest.first_chunk() else {
                    return Network::Cut;
                };
                kind = u16::from_be_bytes([k0, k1]);
                rest = rest.get(4..).unwrap_or_default();
            }
            0x8847 => return mpls(rest),
            // A length, and in 802.2 SNAP (RFC 1042) the EtherType after it.
            0..=1500 => match rest.split_first_chunk() {
                Some(([0xaa, 0xaa, 3, 0, 0, 0, k0, k1], after)) => {
                    kind = u16::from_be_bytes([*k0, *k1]);
                    rest = after;
                }
                _ => return Network::Other,
            },
            0x8864 => return behind_ppp(rest, 6),
            _ => return Network::Other,
        }
    }
}

/// Labels, up to the one with the bit that says it is the last.
fn mpls(mut rest: &[u8]) -> Network<'_> {
    loop {
        let Some((label, after)) = rest.split_first_chunk::<4>() else {
            return Network::Cut;
        };
        rest = after;
        if label[2] & 1 != 0 {
            return Network::Ip(rest);
        }
    }
}

/// PPP, with or without its address and control bytes.
fn ppp(data: &[u8]) -> Network<'_> {
    match data {
        [0xff, 0x03, ..] => behind_ppp(data, 2),
        _ => behind_ppp(data, 0),
    }
}

/// A PPP protocol number behind `len` bytes.
fn behind_ppp(data: &[u8], len: usize) -> Network<'_> {
    match data.get(len..).and_then(<[u8]>::split_first_chunk) {
        Some(([0x00, 0x21] | [0x00, 0x57], rest)) => Network::Ip(rest),
        Some(_) => Network::Other,
        None => Network::Cut,
    }
}

fn ip(packet: &[u8]) -> Frame<'_> {
    let Some(version) = packet.first().map(|b| b >> 4) else {
        return Frame::Cut;
    };
    let shortest = if version == 4 { 20 } else { 40 };
    let (ip, stopped) = match LaxIpSlice::from_slice(packet) {
        Ok(sliced) => sliced,
        Err(_) if !matches!(version, 4 | 6) => return Frame::Other,
        Err(_) if packet.len() < shortest => return Frame::Cut,
        Err(_) => return Frame::Lying,
    };
    let payload = ip.payload();
    if payload.ip_number != ip_number::UDP {
        // Of a chain of extension headers that stops, nobody knows what would have come.
        return if stopped.is_some() {
            Frame::Cut
        } else {
            Frame::Other
        };
    }
    if payload.fragmented {
        return Frame::Fragment;
    }
    let Ok(udp) = UdpSlice::from_slice_lax(payload.payload) else {
        return if payload.incomplete {
            Frame::Cut
        } else {
            Frame::Lying
        };
    };
    let captured = udp.payload();
    let wire_len = match usize::from(udp.length()) {
        // Not set: segmentation is left to the network card, or it is a jumbogram.
        0 if !payload.incomplete => captured.len(),
        len if len < 8 => return Frame::Lying,
        len if len - 8 > captured.len() && !payload.incomplete => return Frame::Lying,
        len => len - 8,
    };
    if payload.incomplete && wire_len + 8 > announced(&ip, packet) {
        return Frame::Lying;
    }
    let (src, dst) = match &ip {
        LaxIpSlice::Ipv4(v4) => (
            v4.header().source_addr().to_ipv6_mapped(),
            v4.header().destination_addr().to_ipv6_mapped(),
        ),
        LaxIpSlice::Ipv6(v6) => (v6.header().source_addr(), v6.header().destination_addr()),
    };
    let end = |addr: Ipv6Addr, port| Endpoint {
        addr: addr.to_bits(),
        port,
    };
    Frame::Udp(Datagram {
        src: end(src, udp.source_port()),
        dst: end(dst, udp.destination_port()),
        payload: captured,
        wire_len: wire_len as u32,
    })
}

/// Bytes behind the IP headers, as the IP header announces them.
fn announced(ip: &LaxIpSlice<'_>, packet: &[u8]) -> usize {
    let headers = packet.len() - ip.payload().payload.len();
    let whole = match ip {
        LaxIpSlice::Ipv4(v4) => usize::from(v4.header().total_len()),
        LaxIpSlice::Ipv6(v6) => 40 + usize::from(v6.header().payload_length()),
    };
    whole.saturating_sub(headers)
}
