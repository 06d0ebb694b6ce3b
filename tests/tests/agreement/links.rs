//! The same packets under other link layers: Ethernet with tags, Linux cooked captures, raw IP, loopback.
//! tshark is the judge of whether the files are what they claim to be.

use std::net::Ipv6Addr;

use media_metrics_tests::pcap;
use media_metrics_tests::traffic::{EPOCH_NS, Path, Source};
use media_metrics_tests::{analyze, tshark};

use crate::wire::{id, on_the_wire};

/// A link type, and its header in place of Ethernet's.
const LINKS: &[(&str, u32, &[u8])] = &[
    ("Ethernet", 1, b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0"),
    (
        "802.1Q",
        1,
        b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x81\0\x20\x07\x08\0",
    ),
    (
        "802.1ad",
        1,
        b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x88\xa8\0\x05\x81\0\x20\x07\x08\0",
    ),
    ("BSD loopback, little endian", 0, b"\x02\0\0\0"),
    ("BSD loopback, big endian", 0, b"\0\0\0\x02"),
    ("OpenBSD loopback", 108, b"\0\0\0\x02"),
    ("raw IP", 101, b""),
    ("raw IPv4", 228, b""),
    (
        "Linux cooked v1",
        113,
        b"\0\0\0\x01\0\x06\x02\0\0\0\0\x01\0\0\x08\0",
    ),
    (
        "Linux cooked v2",
        276,
        b"\x08\0\0\0\0\0\0\x02\0\x01\0\x06\x02\0\0\0\0\x01\0\0",
    ),
];

#[test]
fn the_link_layer_changes_nothing() {
    let path = Path::new(Source::audio(1).send(200, EPOCH_NS)).queue(41, 5_000_000);
    let datagrams = on_the_wire(id(0), &path.packets);
    let folder = tempfile::tempdir().unwrap();
    let mut wanted = None;
    for (name, link, header) in LINKS {
        let mut bytes = pcap::file_header(*link);
        for datagram in &datagrams {
            let ip = &pcap::frame(datagram)[14..];
            let frame = [header, ip].concat();
            pcap::record(&mut bytes, datagram.at_ns, frame.len(), &frame);
        }
        let file = folder.path().join("link.pcap");
        std::fs::write(&file, bytes).unwrap();
        let judged = tshark::streams(&file, &[id(0).to.port()]);
        let ours = analyze::streams(&file, &[""; 0]);
        assert_eq!(ours.len(), 1, "{name}");
        let json = &ours[0].json;
        let (first, said) = wanted.get_or_insert_with(|| (json.clone(), judged.clone()));
        assert_eq!(json, first, "{name}");
        assert_eq!(judged, *said, "{name}: tshark");
    }
}

/// IPv6, and IPv6 with a hop-by-hop header: the same figures, under other addresses.
#[test]
fn ip_version_6_changes_nothing() {
    let path = Path::new(Source::audio(1).send(200, EPOCH_NS)).queue(42, 5_000_000);
    let id = id(0);
    let datagrams = on_the_wire(id, &path.packets);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ipv6.pcap");
    std::fs::write(&file, pcap::write(&datagrams)).unwrap();
    let mut wanted = analyze::streams(&file, &[""; 0]).remove(0).json;
    let [from, to] = [1, 2].map(|host| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, host));
    wanted["src"] = format!("[{from}]:{}", id.from.port()).into();
    wanted["dst"] = format!("[{to}]:{}", id.to.port()).into();
    let hop_by_hop = [17, 0, 1, 4, 0, 0, 0, 0];
    for (next, extension) in [(17, &[][..]), (0, &hop_by_hop)] {
        let mut bytes = pcap::file_header(1);
        for datagram in &datagrams {
            let v4 = pcap::frame(datagram);
            let udp = &v4[34..];
            let len = (extension.len() + udp.len()) as u16;
            let mut frame = [&v4[..12], &[0x86, 0xdd, 0x60, 0, 0, 0]].concat();
            frame.extend(len.to_be_bytes());
            frame.extend([next, 64]);
            frame.extend(from.octets());
            frame.extend(to.octets());
            frame.extend(extension);
            frame.extend(udp);
            pcap::record(&mut bytes, datagram.at_ns, frame.len(), &frame);
        }
        std::fs::write(&file, bytes).unwrap();
        let run = analyze::run(&file, &["--format", "json"]);
        let streams: serde_json::Value = serde_json::from_str(&run.output).unwrap();
        assert_eq!(streams[0], wanted, "next header {next}: {}", run.errors);
    }
}
