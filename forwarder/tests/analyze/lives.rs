//! Where a stream begins and ends, how fast its clock runs, and what RTCP and SDP add.

use media_metrics_forwarder::analyze::{Job, Record};
use media_metrics_forwarder::payload::ClockRate;

use crate::writer::*;

const A: &str = "10.0.0.1:4000";
const B: &str = "10.0.0.2:5000";
const A_RTCP: &str = "10.0.0.1:4001";
const B_RTCP: &str = "10.0.0.2:5001";

fn packet(time_ns: u64, src: &str, dst: &str, payload: &[u8]) -> Shot {
    shot(time_ns, ethernet(&[], &datagram(src, dst, payload)))
}

/// `n` frames of `ticks` each 20 ms from `at`.
fn stream(at: u64, pt: u8, first: u16, timestamp: u32, ticks: u32, n: u16) -> Vec<Shot> {
    (0..n)
        .map(|i| {
            let rtp = rtp(
                pt,
                first.wrapping_add(i),
                timestamp.wrapping_add(u32::from(i) * ticks),
                7,
                90,
            );
            packet(at + u64::from(i) * 20 * MS, A, B, &rtp)
        })
        .collect()
}

fn packets(shots: &[Shot]) -> Vec<u64> {
    analyze_shots(shots)
        .streams
        .iter()
        .map(|s| s.packets)
        .collect()
}

const BYE: [u8; 8] = [0x81, 203, 0, 1, 0, 0, 0, 7];

#[test]
fn a_goodbye_ends_a_stream_and_stragglers_still_belong_to_it() {
    for (src, dst) in [(A, B), (A_RTCP, B_RTCP)] {
        let mut shots = stream(START, 0, 100, 0, 160, 50);
        let late = shots.pop().unwrap();
        shots.push(packet(START + 1_000 * MS, src, dst, &BYE));
        shots.push(Shot {
            time_ns: START + 1_010 * MS,
            ..late
        });
        assert_eq!(packets(&shots), [50]);
        shots.extend(stream(START + 2_000 * MS, 0, 9_000, 77, 160, 30));
        assert_eq!(packets(&shots), [50, 30]);
    }
    // Somebody else's goodbye for the same SSRC.
    let mut shots = stream(START, 0, 100, 0, 160, 50);
    shots.push(packet(START + 1_000 * MS, "10.9.9.9:4000", B, &BYE));
    shots.extend(stream(START + 1_020 * MS, 0, 9_000, 77, 160, 30));
    let found = analyze_shots(&shots).streams;
    assert_eq!(
        (found.len(), found[0].packets, found[0].restarts),
        (1, 80, 1)
    );
}

#[test]
fn silence_ends_a_stream_if_nothing_continues() {
    let first = stream(START, 0, 100, 0, 160, 50);
    let again = |after_s: u64, sequence, timestamp| {
        let at = START + 1_000 * MS + after_s * 1_000 * MS;
        packets(&[first.clone(), stream(at, 0, sequence, timestamp, 160, 30)].concat())
    };
    assert_eq!(again(30, 40_000, 1 << 30), [50, 30]);
    assert_eq!(
        again(20, 40_000, 1 << 30),
        [80],
        "a restart: the silence was short"
    );
    assert_eq!(again(30, 150, 1 << 30), [80], "the sequence goes on");
    assert_eq!(
        again(30, 40_000, 50 * 160 + 30 * 8_000),
        [80],
        "the clock went on"
    );
}

#[test]
fn an_ssrc_between_other_ends_is_another_stream() {
    let mut shots = stream(START, 0, 100, 0, 160, 50);
    for (i, (src, dst)) in [(A, "10.0.0.2:5002"), ("10.0.0.1:4002", B), (B, A)]
        .into_iter()
        .enumerate()
    {
        shots.extend(
            (0..10 + i as u16).map(|n| packet(START + 2_000 * MS, src, dst, &rtp(0, n, 0, 7, 1))),
        );
    }
    assert_eq!(packets(&shots), [50, 10, 11, 12]);
}

fn clock(s: &Record) -> (u32, String) {
    let json = serde_json::to_value(s).unwrap();
    (
        s.clock_rate,
        json["clock_rate_source"].as_str().unwrap().to_owned(),
    )
}

#[test]
fn clock_rates_come_from_the_best_source_there_is() {
    let only = |shots: &[Shot]| clock(&analyze_shots(shots).streams[0]);
    assert_eq!(
        only(&stream(START, 9, 0, 5, 160, 90)),
        (8_000, "static".into())
    );
    for rate in [16_000, 44_100, 48_000, 90_000] {
        assert_eq!(
            only(&stream(START, 96, 0, 5, rate / 50, 90)),
            (rate, "estimate".into())
        );
    }
    assert_eq!(
        only(&stream(START, 111, 0, 5, 960, 3)),
        (48_000, "assumed".into())
    );

    // Two reports, a second apart by the sender's clock, while frames come in bursts of one.
    let report = |second: u32, timestamp: u32| {
        let words = [7, 3_900_000_000 + second, 0, timestamp, 10, 100];
        [
            &[0x80, 200, 0, 6][..],
            &words.map(u32::to_be_bytes).concat(),
        ]
        .concat()
    };
    let mut shots = vec![
        packet(START, A_RTCP, B_RTCP, &report(0, 1_000)),
        packet(START, A_RTCP, B_RTCP, &report(2, 1_000 + 64_000)),
    ];
    shots.extend(stream(START, 96, 0, 5, 640, 4));
    let found = analyze_shots(&shots).streams;
    assert_eq!(clock(&found[0]), (32_000, "rtcp".into()));
    assert_eq!(found[0].reported_packets_sent, Some(10));

    // A description wins over the sequence of frames, and the user over all.
    let sdp = b"INVITE sip:x SIP/2.0\r\n\r\nv=0\r\nc=IN IP4 10.0.0.2\r\nm=audio 5000 RTP/AVP 96\r\na=rtpmap:96 speex/16000\r\n";
    let mut shots = vec![packet(START, "10.0.0.9:5060", "10.0.0.8:5060", sdp)];
    shots.extend(stream(START, 96, 0, 5, 960, 90));
    let found = analyze_shots(&shots).streams;
    assert_eq!(clock(&found[0]), (16_000, "sdp".into()));
    assert_eq!(found[0].codec.as_deref(), Some("speex"));
    let folder = Folder::new();
    let job = Job {
        files: vec![folder.put("capture", &PLAIN.file(1, &shots))],
        clock_rates: vec![(96, ClockRate::try_from(32_000).unwrap())],
    };
    assert_eq!(
        clock(&job.run().unwrap().streams[0]),
        (32_000, "option".into())
    );
}

/// What waited for the clock rate is in the jitter: the same as if it had been known at once.
#[test]
fn waiting_for_a_clock_rate_loses_nothing() {
    let mut rng = fastrand::Rng::with_seed(31);
    let mut shots = stream(START, 96, 0, 5, 160, 200);
    shots
        .iter_mut()
        .for_each(|s| s.time_ns += rng.u64(..10 * MS));
    let folder = Folder::new();
    let run = |clock_rates| {
        let files = vec![folder.put("capture", &PLAIN.file(1, &shots))];
        Job { files, clock_rates }.run().unwrap().streams.remove(0)
    };
    let (guessed, told) = (
        run(vec![]),
        run(vec![(96, ClockRate::try_from(8_000).unwrap())]),
    );
    assert_eq!(clock(&guessed).1, "estimate");
    assert_eq!(
        (guessed.packets, guessed.jitter_mean_ms),
        (told.packets, told.jitter_mean_ms)
    );
}

#[test]
fn what_the_receiver_reports_stands_beside_what_was_seen() {
    let mut shots = stream(START, 0, 100, 0, 160, 100);
    // A report block about SSRC 7: 3 lost since the last, -2 in all, jitter of 40 ticks.
    let words = [99, 7, 3 << 24 | 0xff_fffe, 100, 40, 0, 0]
        .map(u32::to_be_bytes)
        .concat();
    let report = [&[0x81, 201, 0, 7][..], &words].concat();
    shots.push(packet(START + 2_000 * MS, B_RTCP, A_RTCP, &report));
    shots.push(packet(
        START + 2_000 * MS,
        "10.7.7.7:9",
        A_RTCP,
        &report[..12],
    )); // cut, and nobody's
    let found = analyze_shots(&shots);
    let s = &found.streams[0];
    assert_eq!(
        (s.reported_lost, s.reported_jitter_ms, s.lost),
        (Some(-2), Some(5.0), 0)
    );
    assert!(
        found.warnings[0].contains("1 datagram like RTCP"),
        "{found:?}"
    );
}
