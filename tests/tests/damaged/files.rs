//! Files that end too early, lie about lengths, were cut by a snap length, or are something else.

use media_metrics_tests::figures::Figure;
use media_metrics_tests::pcap;

use crate::{Bench, capture, datagrams, packets, refuses, survives, warns};

#[test]
fn a_file_cut_anywhere_gives_what_is_whole() {
    let bench = Bench::new();
    let (file, edges) = capture(&datagrams(1));
    let (from, to) = (edges[20], edges[22]);
    for len in (0..=edges[1]).chain(from..=to).step_by(3) {
        let path = bench.file("cut.pcap", &file[..len]);
        if len < 4 {
            let _error = refuses(&path);
            continue;
        }
        if len < pcap::FILE_HEADER {
            // Whether a piece of a header is a damaged capture or none: both are an answer.
            assert!(survives(&path).is_none_or(|s| s.is_empty()), "{len}");
            continue;
        }
        let at_edge = edges.contains(&len);
        let streams = match at_edge {
            true => survives(&path).unwrap(),
            false => warns(&path),
        };
        let whole = edges.iter().filter(|&&edge| edge <= len).count() as u64 - 1;
        // A source of a packet or two is not believed yet: few packets need not be a stream.
        let found = packets(&streams);
        assert!(
            found <= whole && (whole < 10 || found == whole),
            "{len}: {streams:?}"
        );
    }
}

#[test]
fn a_record_whose_length_lies_ends_the_reading_or_is_passed_over() {
    let bench = Bench::new();
    let (file, edges) = capture(&datagrams(2));
    let record = edges[100];
    for lie in [
        0,
        1,
        13,
        41,
        53,
        1_000,
        65_535,
        65_536,
        262_145,
        1 << 24,
        i32::MAX as u32,
        u32::MAX,
    ] {
        for (field, name) in [(8, "captured"), (12, "original")] {
            let mut lying = file.clone();
            lying.splice(record + field..record + field + 4, lie.to_le_bytes());
            let path = bench.file("lie.pcap", &lying);
            let streams = survives(&path).unwrap_or_else(|| panic!("{name} {lie}: status 2"));
            let packets = packets(&streams);
            assert!(
                packets >= 99,
                "{name} {lie}: {packets} packets: all before the lie are whole"
            );
        }
    }
}

#[test]
fn a_snap_length_costs_no_packet_while_the_rtp_header_is_whole() {
    let bench = Bench::new();
    let datagrams = datagrams(2);
    let snapped = |len: usize| {
        let mut file = pcap::file_header(1);
        for datagram in &datagrams {
            let frame = pcap::frame(datagram);
            let kept = &frame[..frame.len().min(len)];
            pcap::record(&mut file, datagram.at_ns, frame.len(), kept);
        }
        file
    };
    let whole = survives(&bench.file("whole.pcap", &snapped(65_535))).unwrap();
    for len in [pcap::FRAME_HEADERS + 12, 64, 96, 128] {
        let streams = warns(&bench.file("snapped.pcap", &snapped(len)));
        assert_eq!(streams.len(), whole.len(), "{len}");
        for (cut, whole) in streams.iter().zip(&whole) {
            assert_eq!(
                cut.figures, whole.figures,
                "{len}: bytes are those of the wire"
            );
        }
    }
    for len in [0, 13, 14, 33, 34, 41, 42, pcap::FRAME_HEADERS + 11] {
        let streams = warns(&bench.file("snapped.pcap", &snapped(len)));
        assert_eq!(packets(&streams), 0, "{len}");
    }
}

#[test]
fn what_is_no_capture_is_an_error() {
    let bench = Bench::new();
    for (name, bytes) in [
        ("empty", &b""[..]),
        (
            "text.pcap",
            b"this is no capture, but it is long enough to have a header",
        ),
        ("zeroes.pcap", &[0; 4096]),
        (
            "picture.pcap",
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0",
        ),
        (
            "bad.gz",
            b"\x1f\x8b\x08\0\0\0\0\0\0\x03 this is not deflate",
        ),
    ] {
        let error = refuses(&bench.file(name, bytes));
        assert!(error.contains(name), "the file is named: {error}");
    }
    let error = refuses(&bench.path("missing.pcap"));
    assert!(error.contains("missing.pcap"), "{error}");
    let _error = refuses(&bench.path("."));
    bench.file("text", b"only text");
    bench.tool("gzip --keep text");
    let _error = refuses(&bench.path("text.gz"));
}

#[test]
fn an_unknown_link_type_is_named() {
    let bench = Bench::new();
    let (mut file, _) = capture(&datagrams(1));
    file.splice(20..24, 147_u32.to_le_bytes());
    let run = crate::json(&bench.file("user0.pcap", &file));
    assert!(matches!(run.status.code(), Some(0 | 2)), "{run:?}");
    assert!(run.errors.contains("147"), "the number to look up: {run:?}");
}

#[test]
fn two_link_types_in_one_file_are_both_read() {
    let bench = Bench::new();
    let datagrams = datagrams(2);
    bench.file("ethernet.pcap", &pcap::write(&datagrams));
    let mut raw = pcap::file_header(101);
    for datagram in &datagrams {
        let mut other = datagram.clone();
        other.bytes[11] ^= 0x80; // another SSRC
        let packet = &pcap::frame(&other)[14..];
        pcap::record(&mut raw, other.at_ns, packet.len(), packet);
    }
    bench.file("raw.pcap", &raw);
    bench.tool("mergecap -F pcapng -w both.pcapng ethernet.pcap raw.pcap");
    let streams = survives(&bench.path("both.pcapng")).unwrap();
    assert_eq!(streams.len(), 4);
    assert_eq!(packets(&streams), 2 * datagrams.len() as u64);
}

#[test]
fn time_that_goes_backwards_is_no_reason_to_stop() {
    let bench = Bench::new();
    let mut datagrams = datagrams(4);
    let all = datagrams.len() as u64;
    for datagram in &mut datagrams[200..300] {
        datagram.at_ns -= 3_600_000_000_000;
    }
    let streams = survives(&bench.file("back.pcap", &pcap::write(&datagrams))).unwrap();
    assert_eq!(packets(&streams), all);
    for stream in &streams {
        let figures = &stream.figures;
        assert!(figures[&Figure::MaxDelta].is_finite() && figures[&Figure::Lost] == 0.0);
    }
}
