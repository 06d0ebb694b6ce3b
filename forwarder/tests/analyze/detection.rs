//! What is RTP, and what only looks like it.

use crate::writer::*;

const A: &str = "10.0.0.1:4000";
const B: &str = "10.0.0.2:5000";

fn between(src: &str, dst: &str, payloads: &[Vec<u8>]) -> Vec<Shot> {
    let frames = payloads
        .iter()
        .map(|p| ethernet(&[], &datagram(src, dst, p)));
    (0..)
        .zip(frames)
        .map(|(i, f)| shot(START + i * 20 * MS, f))
        .collect()
}

/// SSRCs that were found, and how many packets of each.
fn found(shots: &[Shot]) -> Vec<(u32, u64)> {
    analyze_shots(shots)
        .streams
        .iter()
        .map(|s| (s.ssrc, s.packets))
        .collect()
}

#[test]
fn other_protocols_are_not_rtp() {
    let mut rng = fastrand::Rng::with_seed(21);
    let mut noise: Vec<Vec<u8>> = Vec::new();
    for i in 0..200_u16 {
        let mut tail = |n: usize| (0..n).map(|_| rng.u8(..)).collect::<Vec<u8>>();
        // DNS: an ID whose upper bits are RTP's version, flags, counts, a name
        let id = [0x80 | (i as u8 & 0x3f), i as u8];
        noise.push(
            [
                &id[..],
                &[1, 0, 0, 1, 0, 0, 0, 0, 0, 0],
                b"\x04name\0\0\x01\0\x01",
            ]
            .concat(),
        );
        // STUN, TURN channel data, DTLS, QUIC (long and short headers), NTP, ESP in UDP, random
        noise.push([&[0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42][..], &tail(20)].concat());
        noise.push([&[0x40, 0, 0, 160][..], &rtp(111, i, 960, 1, 148)].concat());
        noise.push([&[22, 0xfe, 0xfd][..], &tail(60)].concat());
        noise.push([&[0xc3, 0, 0, 0, 1, 8][..], &tail(60)].concat());
        noise.push([&[0x43][..], &tail(60)].concat());
        noise.push([&[0xe3, 0, 6, 0xec][..], &tail(44)].concat());
        noise.push([&[0x91, 2, 3, 4][..], &u32::from(i).to_be_bytes(), &tail(60)].concat());
        noise.push([&[0x80][..], &tail(60)].concat());
        noise.push(b"\x80".to_vec());
        noise.push(Vec::new());
    }
    let mut shots = between(A, B, &noise);
    assert_eq!(found(&shots), []);
    shots.extend(speech(100, 77, A, B));
    shots.sort_by_key(|s| s.time_ns);
    assert_eq!(
        found(&shots),
        [(77, 100)],
        "in the midst of it, on the same ports"
    );
}

#[test]
fn short_streams_count_whole() {
    let packets = |n: u16| {
        (0..n)
            .map(|i| rtp(111, i, u32::from(i) * 960, 3, 9))
            .collect::<Vec<_>>()
    };
    for n in [2, 3, 4] {
        assert_eq!(found(&between(A, B, &packets(n))), [(3, u64::from(n))]);
    }
    let one = analyze_shots(&between(A, B, &packets(1)));
    assert!(
        one.streams.is_empty() && one.warnings[0].contains("1 packet like RTP"),
        "{one:?}"
    );
}

#[test]
fn rtcp_on_the_same_port_is_no_rtp_and_vouches_for_it() {
    // A sender report of SSRC 3, then two packets that are no neighbours.
    let report = [&[0x80, 200, 0, 6, 0, 0, 0, 3][..], &[9; 20]].concat();
    let apart = [rtp(111, 10, 0, 3, 9), rtp(111, 13, 960, 3, 9)];
    assert_eq!(found(&between(A, B, &apart)), []);
    let named = [&[report.clone()][..], &apart].concat();
    assert_eq!(found(&between(A, B, &named)), [(3, 2)]);
    let after = [&apart[..], &[report]].concat();
    assert_eq!(found(&between(A, B, &after)), [(3, 2)]);
}

#[test]
fn key_presses_and_changes_of_type_stay_in_their_stream() {
    let mut packets: Vec<Vec<u8>> = (0..20)
        .map(|i| rtp(8, i, u32::from(i) * 160, 3, 160))
        .collect();
    packets.extend((20..30).map(|i| rtp(101, i, 3_200, 3, 4)));
    packets.extend((30..40).map(|i| rtp(13, i, u32::from(i) * 160, 3, 1)));
    let found = analyze_shots(&between(A, B, &packets));
    let s = &found.streams[0];
    assert_eq!((found.streams.len(), s.packets, s.payload_type), (1, 40, 8));
    assert_eq!(s.payload_types, [8, 101, 13]);
}

#[test]
fn marked_packets_of_types_that_rtcp_uses_belong_to_their_stream() {
    let mut packets: Vec<Vec<u8>> = (0..40)
        .map(|i| rtp(72, i, u32::from(i) * 160, 3, 50))
        .collect();
    packets
        .iter_mut()
        .skip(5)
        .step_by(7)
        .for_each(|p| p[1] |= 0x80);
    assert_eq!(found(&between(A, B, &packets)), [(3, 40)]);
}

#[test]
fn the_snap_length_hides_payload_only() {
    let mut shots = speech(50, 3, A, B);
    let whole = analyze_shots(&shots).streams;
    for s in &mut shots {
        s.frame.truncate(14 + 20 + 8 + 12);
    }
    let found = analyze_shots(&shots);
    assert_eq!(found.streams, whole);
    assert!(
        found.warnings[0].contains("50 RTP packets cut"),
        "{found:?}"
    );
    // What is cut may be CSRCs, an extension, padding: still RTP, of the same length.
    let flags: Vec<Shot> = shots
        .iter()
        .map(|s| {
            let mut s = s.clone();
            s.frame[14 + 20 + 8] |= 0x3f;
            s
        })
        .collect();
    assert_eq!(analyze_shots(&flags).streams[0].bytes, whole[0].bytes);
    // Less than a header is nothing.
    shots.iter_mut().for_each(|s| s.frame.truncate(14 + 20 + 4));
    let found = analyze_shots(&shots);
    assert!(
        found.streams.is_empty() && found.warnings[0].contains("50 packets cut before"),
        "{found:?}"
    );
}

#[test]
fn fragments_are_told_and_not_taken_for_packets() {
    let mut shots = speech(50, 3, A, B);
    let udp = segment(A, B, &rtp(0, 999, 0, 3, 1_000));
    let (first, rest) = udp.split_at(512);
    let extra = [
        ip4(A, B, &[], 0x2000, first),
        ip4(A, B, &[], 0x2000 | 64, &rest[..256]),
        ip4(A, B, &[], 96, &rest[256..]),
        ip6(
            "[::1]:4000",
            "[::2]:5000",
            &[(44, vec![0, 0, 1, 0, 0, 0, 9])],
            first,
        ),
    ];
    shots.extend(extra.map(|ip| shot(START + 9_000 * MS, ethernet(&[], &ip))));
    let found = analyze_shots(&shots);
    assert_eq!((found.streams.len(), found.streams[0].packets), (1, 50));
    assert!(found.warnings[0].contains("4 IP fragments"), "{found:?}");
}

#[test]
fn lying_lengths_are_told() {
    let mut shots = speech(50, 3, A, B);
    let lie =
        |s: &mut Shot, at: usize, len: u16| s.frame[at..at + 2].copy_from_slice(&len.to_be_bytes());
    lie(&mut shots[10], 14 + 20 + 4, 9_000); // UDP: longer than the IP packet
    lie(&mut shots[20], 14 + 20 + 4, 7); // shorter than its own header
    lie(&mut shots[30], 14 + 2, 30); // IP: too short for the UDP datagram in it
    let found = analyze_shots(&shots);
    assert_eq!((found.streams[0].packets, found.streams[0].lost), (47, 3));
    assert!(
        found.warnings[0].contains("3 packets with lengths"),
        "{found:?}"
    );
}

#[test]
fn unknown_links_are_told() {
    let found = analyze(&PLAIN.file(147, &speech(50, 3, A, B)));
    assert!(found.streams.is_empty());
    assert!(
        found.warnings[0].contains("50 packets of link type 147"),
        "{found:?}"
    );
}

#[test]
fn time_that_goes_back_is_told() {
    let mut shots = speech(50, 3, A, B);
    shots[20].time_ns -= 1_500 * MS;
    let found = analyze_shots(&shots);
    assert_eq!((found.streams[0].packets, found.streams[0].lost), (50, 0));
    assert!(
        found.warnings[0].contains("1 packet earlier than the one before, by up to 1.480 s"),
        "{found:?}"
    );
}

/// Neither memory nor a stream is lost to sources that never send again.
#[test]
fn a_flood_of_sources_leaves_streams_alone() {
    let mut rng = fastrand::Rng::with_seed(22);
    let mut shots = Vec::new();
    for (i, real) in speech(60, 3, A, B).into_iter().enumerate() {
        for _ in 0..2_000 {
            let packet = rtp(0, rng.u16(..), rng.u32(..), rng.u32(..), 0);
            shots.push(shot(real.time_ns, ethernet(&[], &datagram(A, B, &packet))));
        }
        shots.push(real);
        assert_eq!(shots.len(), (i + 1) * 2_001);
    }
    let found = analyze_shots(&shots);
    assert_eq!((found.streams.len(), found.streams[0].packets), (1, 60));
    assert!(
        found
            .warnings
            .iter()
            .any(|w| w.contains("120000 packets like RTP")),
        "{found:?}"
    );
    assert!(
        found
            .warnings
            .iter()
            .any(|w| w.contains("too many at once")),
        "{found:?}"
    );
}
