//! Every file format and link type gives the same streams.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use crate::writer::*;

const A: &str = "192.0.2.1:4000";
const B: &str = "192.0.2.2:5000";
const A6: &str = "[2001:db8::1]:4000";
const B6: &str = "[2001:db8::2]:5000";

/// What must be found, whatever is around it: 10 packets, of which one is missing.
fn numbers() -> impl Iterator<Item = (u64, Vec<u8>)> {
    (0..11_u16).filter(|n| *n != 6).map(|n| {
        (
            START + u64::from(n) * 20 * MS,
            rtp(8, n, u32::from(n) * 160, 0xabcd, 50),
        )
    })
}

fn shots(wrap: impl Fn(&[u8]) -> Vec<u8>) -> Vec<Shot> {
    numbers()
        .map(|(at, packet)| shot(at, wrap(&packet)))
        .collect()
}

#[track_caller]
fn assert_found(bytes: &[u8], src: &str, dst: &str) {
    let found = analyze(bytes);
    assert_eq!(found.warnings, [""; 0]);
    assert_eq!(found.streams.len(), 1, "{found:?}");
    let s = &found.streams[0];
    assert_eq!((s.ssrc, s.payload_type, s.clock_rate), (0xabcd, 8, 8_000));
    assert_eq!(
        (s.src.to_string(), s.dst.to_string()),
        (src.into(), dst.into())
    );
    assert_eq!((s.packets, s.expected, s.lost, s.bytes), (10, 11, 1, 620));
    assert_eq!((s.first_seen, s.last_seen), (1.7e9, 1.7e9 + 0.2));
    assert!(s.jitter_max_ms.unwrap() < 1e-3 && (s.max_delta_ms.unwrap() - 40.0).abs() < 1e-6);
}

#[test]
fn pcap_in_both_orders_and_both_units() {
    let shots = shots(|p| ethernet(&[], &datagram(A, B, p)));
    for big_endian in [false, true] {
        for nanos in [false, true] {
            assert_found(&Pcap { big_endian, nanos }.file(1, &shots), A, B);
        }
    }
    // The upper half of the link type says how long frame check sequences are.
    assert_found(&PLAIN.file(0x5400_0001, &shots), A, B);
}

#[test]
fn pcapng_in_both_orders() {
    let shots = shots(|p| ethernet(&[], &datagram(A, B, p)));
    for big_endian in [false, true] {
        assert_found(&PcapNg { big_endian }.file(1, &shots), A, B);
    }
}

#[test]
fn interfaces_count_time_in_their_own_way_and_sections_begin_anew() {
    let raw = shots(|p| datagram(A, B, p));
    let framed = shots(|p| ethernet(&[], &datagram(A, B, p)));
    let (first, second) = (PcapNg { big_endian: true }, PcapNg { big_endian: false });
    let hour = 3_600_i64;
    let mut file = first.section();
    // 2^-30 s, an hour early; then nanoseconds, an hour late.
    file.extend(first.interface(
        1,
        0,
        &[(9, vec![0x80 | 30]), (14, (-hour).to_be_bytes().to_vec())],
    ));
    file.extend(first.interface(101, 0, &[(9, vec![9]), (14, hour.to_be_bytes().to_vec())]));
    let hour_ns = hour as u64 * 1_000 * MS;
    for i in 0..6 {
        let ns = u128::from(framed[i].time_ns + hour_ns);
        let units = (ns * (1 << 30)).div_ceil(1_000_000_000) as u64;
        file.extend(match i % 2 {
            0 => first.packet(0, units, &framed[i]),
            _ => first.packet(1, raw[i].time_ns - hour_ns, &raw[i]),
        });
    }
    // Another section: other order, other interfaces; a block that nobody knows; the old packet block.
    file.extend(second.section());
    file.extend(second.block(0x0bad, b"what is this?"));
    file.extend(second.interface(101, 0, &[]));
    for s in &raw[6..] {
        let us = s.time_ns / 1_000;
        let fields = [
            0x0007_0000,
            (us >> 32) as u32,
            us as u32,
            s.frame.len() as u32,
            s.frame.len() as u32,
        ];
        let content = [fields.map(|n| second.word(n)).concat(), s.frame.clone()].concat();
        file.extend(second.block(2, &content));
    }
    assert_found(&file, A, B);
}

#[test]
fn simple_packets_have_no_time() {
    let ng = PcapNg { big_endian: false };
    let mut file = [ng.section(), ng.interface(101, 60, &[])].concat();
    for s in shots(|p| datagram(A, B, p)) {
        let content = [ng.word(s.frame.len() as u32), s.frame[..60].to_vec()].concat();
        file.extend(ng.block(3, &content));
    }
    let found = analyze(&file);
    let s = &found.streams[0];
    assert_eq!((s.packets, s.lost, s.bytes, s.mos), (10, 1, 620, None));
    assert!(
        found.warnings[0].contains("10 packets without a time stamp"),
        "{found:?}"
    );
    assert!(
        found.warnings[1].contains("10 RTP packets cut"),
        "{found:?}"
    );
}

#[test]
fn gzip_of_either() {
    let shots = shots(|p| ethernet(&[], &datagram(A, B, p)));
    let pcapng = PcapNg { big_endian: false };
    for plain in [PLAIN.file(1, &shots), pcapng.file(1, &shots)] {
        let mut gz = GzEncoder::new(Vec::new(), Compression::default());
        gz.write_all(&plain).unwrap();
        assert_found(&gz.finish().unwrap(), A, B);
    }
}

#[test]
fn every_link_type() {
    for (src, dst) in [(A, B), (A6, B6)] {
        let ip = |p: &[u8]| datagram(src, dst, p);
        let check = |link: u32, wrap: &dyn Fn(&[u8]) -> Vec<u8>| {
            assert_found(&PLAIN.file(link, &shots(|p| wrap(&ip(p)))), src, dst);
        };
        let behind = |head: &[u8], ip: &[u8]| [head, ip].concat();
        let kind = |ip: &[u8]| ether_type(ip).to_vec();
        check(1, &|ip| ethernet(&[], ip));
        check(1, &|ip| behind(&ethernet(&[], ip), &[0; 20])); // padded, as short frames are
        check(1, &|ip| ethernet(&[[0x81, 0, 0, 5]], ip));
        check(1, &|ip| {
            ethernet(&[[0x88, 0xa8, 0, 5], [0x81, 0, 0, 6]], ip)
        });
        check(1, &|ip| {
            behind(
                &[&[2; 12][..], &[0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64]].concat(),
                ip,
            )
        }); // MPLS
        check(1, &|ip| {
            let snap = [&[2; 12][..], &[0, 99, 0xaa, 0xaa, 3, 0, 0, 0], &kind(ip)].concat();
            behind(&snap, ip)
        });
        let ppp = |ip: &[u8]| {
            if ip[0] >> 4 == 4 {
                [0x00, 0x21]
            } else {
                [0x00, 0x57]
            }
        };
        check(1, &|ip| {
            behind(
                &[&[2; 12][..], &[0x88, 0x64, 0x11, 0, 0, 1, 0, 9], &ppp(ip)].concat(),
                ip,
            )
        });
        check(9, &|ip| behind(&ppp(ip), ip));
        check(50, &|ip| {
            behind(&[&[0xff, 0x03][..], &ppp(ip)].concat(), ip)
        });
        check(51, &|ip| {
            behind(&[&[0x11, 0, 0, 1, 0, 9][..], &ppp(ip)].concat(), ip)
        });
        check(113, &|ip| behind(&[&[0; 14][..], &kind(ip)].concat(), ip));
        check(113, &|ip| {
            behind(&[&[0; 14][..], &[0x81, 0, 0, 5], &kind(ip)].concat(), ip)
        });
        check(276, &|ip| behind(&[kind(ip), vec![0; 18]].concat(), ip));
        check(0, &|ip| behind(&[2, 0, 0, 0], ip));
        check(0, &|ip| behind(&[0, 0, 0, 30], ip));
        check(108, &|ip| behind(&[0, 0, 0, 2], ip));
        for link in [12, 14, 101, 228, 229] {
            check(link, &<[u8]>::to_vec);
        }
    }
}

#[test]
fn options_and_extension_headers() {
    let udp = |p: &[u8]| segment(A, B, p);
    assert_found(
        &PLAIN.file(101, &shots(|p| ip4(A, B, &[1; 12], 0, &udp(p)))),
        A,
        B,
    );
    let extensions = [
        (0, vec![0, 1, 4, 0, 0, 0, 0]),                         // hop by hop
        (43, vec![0, 4, 0, 0, 0, 0, 0]),                        // routing
        (60, vec![0, 1, 4, 0, 0, 0, 0]),                        // destination
        (44, vec![0, 0, 0, 0, 0, 0, 9]),                        // fragment header of a whole packet
        (51, [vec![1, 0, 0, 0, 0, 0, 7], vec![0; 4]].concat()), // authentication
    ];
    for n in 1..=extensions.len() {
        let file = PLAIN.file(
            101,
            &shots(|p| ip6(A6, B6, &extensions[..n], &segment(A6, B6, p))),
        );
        assert_found(&file, A6, B6);
    }
}

#[test]
fn captures_in_a_row_are_one() {
    let folder = Folder::new();
    let shots = shots(|p| ethernet(&[], &datagram(A, B, p)));
    let files = vec![
        folder.put("1", &PLAIN.file(1, &shots[..2])),
        folder.put("2", &PcapNg { big_endian: true }.file(1, &shots[2..3])),
        folder.put("3", &PLAIN.file(1, &shots[3..])),
    ];
    let job = media_metrics_forwarder::analyze::Job {
        files,
        ..Default::default()
    };
    let found = job.run().unwrap();
    assert_eq!(
        (
            found.streams.len(),
            found.streams[0].packets,
            found.streams[0].lost
        ),
        (1, 10, 1)
    );
}
