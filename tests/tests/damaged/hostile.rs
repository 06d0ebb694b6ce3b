//! Bytes changed at random, a million sources, floods, and files that inflate.

use media_metrics_tests::pcap::{self, Datagram};

use crate::{Bench, capture, datagrams, packets, survives};

/// Each file with 1 to 32 bytes changed; half of the changes fall on headers.
#[test]
fn random_changes_of_a_file() {
    let bench = Bench::new();
    let (file, edges) = capture(&datagrams(2));
    bench.file("whole.pcap", &file);
    bench.tool("editcap -F pcapng whole.pcap whole.pcapng && gzip --keep whole.pcap");
    for name in ["whole.pcap", "whole.pcapng", "whole.pcap.gz"] {
        let whole = std::fs::read(bench.path(name)).unwrap();
        let mut rng = fastrand::Rng::with_seed(0xda3a6ed);
        for _ in 0..60 {
            let mut bytes = whole.clone();
            for _ in 0..1 << rng.u8(0..6) {
                let at = match rng.bool() {
                    true => rng.usize(..bytes.len()),
                    false => (edges[rng.usize(..edges.len())] + rng.usize(..70)) % bytes.len(),
                };
                bytes[at] = rng.u8(..);
            }
            let _either = survives(&bench.file(name, &bytes));
        }
    }
}

#[test]
fn random_datagrams_are_no_streams() {
    let bench = Bench::new();
    let mut rng = fastrand::Rng::with_seed(7);
    let mut noise = datagrams(10);
    for datagram in &mut noise {
        datagram.bytes.iter_mut().for_each(|b| *b = rng.u8(..));
        // The worst noise: all of it has RTP's version.
        datagram.bytes[0] = 0x80;
    }
    let streams = survives(&bench.file("noise.pcap", &pcap::write(&noise))).unwrap();
    assert!(streams.is_empty(), "{streams:?}");
}

/// A million packets, each of another source: none is a stream, and the memory is bounded. Among them
/// two streams that are.
#[test]
fn a_million_sources_of_one_packet() {
    let bench = Bench::new();
    let mut rng = fastrand::Rng::with_seed(9);
    let real = datagrams(10);
    let all = real.len();
    let mut file = pcap::file_header(1);
    for datagram in &real {
        for i in 0..1_000_000 / all {
            let mut bytes = datagram.bytes[..20].to_vec();
            bytes[2..12].fill_with(|| rng.u8(..));
            let stray = Datagram {
                at_ns: datagram.at_ns - 100_000 + i as u64,
                bytes,
                ..datagram.clone()
            };
            let frame = pcap::frame(&stray);
            pcap::record(&mut file, stray.at_ns, frame.len(), &frame);
        }
        let frame = pcap::frame(datagram);
        pcap::record(&mut file, datagram.at_ns, frame.len(), &frame);
    }
    let streams = survives(&bench.file("sources.pcap", &file)).unwrap();
    assert_eq!(streams.len(), 2, "{streams:?}");
    assert_eq!(packets(&streams), all as u64);
}

/// RTCP of every kind and no kind, on the ports of the streams: counted or dropped, never a packet of a
/// stream.
#[test]
fn a_flood_of_rtcp_is_no_stream() {
    let bench = Bench::new();
    let mut rng = fastrand::Rng::with_seed(11);
    let real = datagrams(4);
    let mut all = Vec::new();
    for datagram in &real {
        for _ in 0..50 {
            let mut bytes = vec![0; rng.usize(4..120)];
            bytes.iter_mut().for_each(|b| *b = rng.u8(..));
            bytes[0] = 0x80 | bytes[0] & 0x3f;
            bytes[1] = rng.u8(200..=207);
            let about = datagram.bytes[8..12].to_vec(); // the stream that it sits on
            let end = bytes.len().min(8);
            bytes[4..end].copy_from_slice(&about[..end - 4]);
            all.push(Datagram {
                bytes,
                ..datagram.clone()
            });
        }
        all.push(datagram.clone());
    }
    let streams = survives(&bench.file("rtcp.pcap", &pcap::write(&all))).unwrap();
    assert_eq!(packets(&streams), real.len() as u64, "{streams:?}");
}

/// A small file that inflates to more than the memory it may have.
#[test]
fn a_file_that_inflates_beyond_its_memory() {
    let bench = Bench::new();
    bench.file("head", &pcap::file_header(1));
    bench.tool("(cat head; head -c 400000000 /dev/zero) | gzip -1 > bomb.pcap.gz; rm head");
    let streams = survives(&bench.path("bomb.pcap.gz"));
    assert!(streams.is_none_or(|s| s.is_empty()));
}
