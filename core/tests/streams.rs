//! Streams: what packets say, as groups and readers see it.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use media_metrics_core::rtp::rtcp::SenderInfo;
use media_metrics_core::rtp::{RtpHeader, VideoCodec};
use media_metrics_core::{RegisterError, Registry, Snapshot, Stream, StreamConfig};

const GROUP: [&str; 2] = ["incoming", "audio"];

fn header(sequence: u16) -> RtpHeader {
    RtpHeader {
        marker: false,
        payload_type: 111,
        sequence,
        timestamp: u32::from(sequence).wrapping_mul(960),
        ssrc: 1,
        header_len: 20,
        padding_len: 4,
        packet_len: 124,
    }
}

fn send(stream: &mut Stream, sequences: impl IntoIterator<Item = u16>) {
    for s in sequences {
        stream.on_rtp(&header(s), u64::from(s) * 20_000_000);
    }
}

fn total(s: &Snapshot, what: &str) -> u64 {
    s.counter(&format!("media_rtp_{what}_total"), &GROUP)
        .unwrap()
}

fn with_stream() -> (Registry, Stream) {
    let r = Registry::new().unwrap();
    let group = r.group(&GROUP).unwrap();
    let stream = r.stream(&group, StreamConfig::new(1, 48_000)).unwrap();
    (r, stream)
}

#[test]
fn packets_are_folded_into_the_group() {
    let (r, mut stream) = with_stream();
    send(&mut stream, [1, 2, 4, 4, 3, 6]);
    let s = r.collect();
    assert_eq!(total(&s, "packets"), 6);
    assert_eq!(total(&s, "bytes"), 6 * 124);
    assert_eq!(total(&s, "header_bytes"), 6 * 20);
    assert_eq!(total(&s, "padding_bytes"), 6 * 4);
    assert_eq!(total(&s, "packets_expected"), 6);
    assert_eq!(total(&s, "packets_duplicate"), 1);
    assert_eq!(total(&s, "packets_reordered"), 1);
    assert_eq!(total(&s, "frames"), 4);
    assert_eq!(s.gauge("media_rtp_streams", &GROUP), Some(1.0));
    let stats = stream.stats();
    assert_eq!((stats.expected, stats.lost), (6, 1));
    // Only the owner knows of what has not settled.
    let mut read = r.streams()[0].stats;
    assert_eq!((read.bursts.gap_packets, read.bursts.gap_lost), (6, 0));
    assert_eq!((stats.bursts.gap_packets, stats.bursts.gap_lost), (6, 1));
    read.bursts = stats.bursts;
    assert_eq!(read, stats);
}

#[test]
fn a_loss_counts_when_it_lasted_an_interval_or_the_stream_ended() {
    let (r, mut stream) = with_stream();
    send(&mut stream, [1, 3]);
    assert_eq!(total(&r.collect(), "packets_lost"), 0, "it may still come");
    assert_eq!(
        total(&r.collect(), "packets_lost"),
        1,
        "missing at both ends of an interval"
    );
    send(&mut stream, [5]);
    assert_eq!(total(&r.collect(), "packets_lost"), 1);
    send(&mut stream, [4, 6]);
    assert_eq!(
        total(&r.collect(), "packets_lost"),
        1,
        "4 came late: no loss"
    );
    send(&mut stream, [8]);
    drop(stream);
    assert_eq!(total(&r.collect(), "packets_lost"), 2, "the end settles it");
}

#[test]
fn a_loss_that_came_after_all_is_taken_off_the_next_ones() {
    let (r, mut stream) = with_stream();
    send(&mut stream, [1, 3]);
    r.collect();
    assert_eq!(total(&r.collect(), "packets_lost"), 1);
    send(&mut stream, [2, 5]); // 2 after all; 4 is missing instead
    r.collect();
    assert_eq!(total(&r.collect(), "packets_lost"), 1);
    send(&mut stream, [4]);
    drop(stream);
    assert_eq!(
        total(&r.collect(), "packets_lost"),
        1,
        "a counter never goes back"
    );
    // The next stream's first loss is the one that was counted too much.
    let group = r.group(&GROUP).unwrap();
    let mut next = r.stream(&group, StreamConfig::new(2, 48_000)).unwrap();
    send(&mut next, [1, 4]);
    drop(next);
    assert_eq!(total(&r.collect(), "packets_lost"), 2);
}

#[test]
fn a_dropped_streams_totals_stay() {
    let r = Registry::new().unwrap();
    let group = r.group(&GROUP).unwrap();
    for ssrc in 0..50 {
        let mut stream = r.stream(&group, StreamConfig::new(ssrc, 48_000)).unwrap();
        send(&mut stream, 0..10);
        if ssrc % 3 == 0 {
            r.collect(); // some are seen alive, some only after their end
        }
    }
    let s = r.collect();
    assert_eq!(total(&s, "packets"), 500);
    assert_eq!(
        (total(&s, "streams_started"), total(&s, "streams_ended")),
        (50, 50)
    );
    assert_eq!(s.gauge("media_rtp_streams", &GROUP), Some(0.0));
    assert!(r.streams().is_empty());
}

#[test]
fn interval_loss_and_jitter_are_distributions_over_streams() {
    let r = Registry::new().unwrap();
    let group = r.group(&GROUP).unwrap();
    let mut streams: Vec<_> = (0..10)
        .map(|ssrc| r.stream(&group, StreamConfig::new(ssrc, 48_000)).unwrap())
        .collect();
    for (i, stream) in streams.iter_mut().enumerate() {
        if i == 0 {
            send(stream, (0..10).filter(|n| n % 2 == 0 || *n == 9)); // 4 of 10 lost
        } else {
            send(stream, 0..10);
        }
    }
    let s = r.collect();
    let loss = s
        .histogram("media_rtp_interval_loss_ratio", &GROUP)
        .unwrap();
    assert_eq!((loss.count(), loss.sum()), (10, 400_000));
    assert_eq!(loss.quantile(0.9), Some(0));
    assert_eq!(
        s.histogram("media_rtp_interval_jitter_seconds", &GROUP)
            .unwrap()
            .count(),
        10
    );
    // Without traffic there is nothing to say of an interval.
    let s = r.collect();
    assert_eq!(
        s.histogram("media_rtp_interval_loss_ratio", &GROUP)
            .unwrap()
            .count(),
        10
    );
}

#[test]
fn a_bursts_jitter_is_that_of_its_frames() {
    let (_r, mut stream) = with_stream();
    for (sequence, timestamp, ms) in [
        (0, 0, 0),
        (1, 0, 9),
        (2, 960, 20),
        (3, 960, 29),
        (4, 1920, 40),
    ] {
        let h = RtpHeader {
            timestamp,
            ..header(sequence)
        };
        stream.on_rtp(&h, ms * 1_000_000);
    }
    assert_eq!(
        stream.stats().jitter_ticks,
        0.0,
        "frames are on time, however long each takes"
    );
    assert_eq!(stream.stats().frames, 3);
}

#[test]
fn streams_are_limited_and_their_places_used_again() {
    let r = Registry::builder().max_streams(2).build().unwrap();
    let group = r.group(&GROUP).unwrap();
    let make = |ssrc| r.stream(&group, StreamConfig::new(ssrc, 48_000));
    for round in 0..5 {
        let both = (make(1).unwrap(), make(2).unwrap());
        assert_eq!(
            make(3).unwrap_err(),
            RegisterError::TooManyStreams { limit: 2 }
        );
        drop(both);
        assert!(make(3).is_err(), "freed at the next merge");
        let s = r.collect();
        assert_eq!(
            s.counter("media_metrics_streams_refused_total", &[]),
            Some(2 * round + 2)
        );
    }
}

#[test]
fn groups_are_few_and_of_their_registry() {
    let r = Registry::builder()
        .group_labels(&["room"])
        .max_groups(1)
        .build()
        .unwrap();
    let group = r.group(&["a"]).unwrap();
    assert_eq!(group.values().collect::<Vec<_>>(), ["a"]);
    assert_eq!(
        r.group(&["b"]).unwrap_err(),
        RegisterError::TooManyGroups { limit: 1 }
    );
    assert!(matches!(
        Registry::new().unwrap().group(&["a"]),
        Err(RegisterError::LabelCount { .. })
    ));
    let other = Registry::new().unwrap();
    let foreign = other
        .stream(&group, StreamConfig::new(1, 8_000))
        .unwrap_err();
    assert_eq!(foreign, RegisterError::ForeignGroup);
    assert_eq!(
        r.stream(&group, StreamConfig::new(1, 0)).unwrap_err(),
        RegisterError::BadClockRate
    );
    assert!(Registry::builder().group_labels(&["le"]).build().is_err());
}

#[test]
fn a_stream_moves_between_threads_while_it_is_read() {
    const PACKETS: u16 = if cfg!(miri) { 200 } else { 20_000 };
    const PER_THREAD: usize = PACKETS as usize / 20;
    let (r, mut stream) = with_stream();
    std::thread::scope(|scope| {
        let recorder = scope.spawn(move || {
            for start in (0..PACKETS).step_by(PER_THREAD) {
                stream = std::thread::spawn(move || {
                    send(&mut stream, start..start + PER_THREAD as u16);
                    stream
                })
                .join()
                .unwrap();
            }
        });
        while !recorder.is_finished() {
            for s in r.streams() {
                // One moment: each packet is 124 bytes.
                assert_eq!(s.stats.bytes, 124 * s.stats.packets);
                assert_eq!(s.stats.expected, s.stats.packets);
            }
        }
    });
    assert_eq!(total(&r.collect(), "packets"), u64::from(PACKETS));
}

#[test]
fn many_streams_are_folded_exactly() {
    // Above the size from which the reporter takes help.
    const STREAMS: u32 = if cfg!(miri) { 20 } else { 40_000 };
    let r = Registry::new().unwrap();
    let group = r.group(&GROUP).unwrap();
    let mut streams: Vec<_> = (0..STREAMS)
        .map(|ssrc| r.stream(&group, StreamConfig::new(ssrc, 48_000)).unwrap())
        .collect();
    for round in 1..=3_u64 {
        let first = (round as u16 - 1) * 2;
        streams.iter_mut().for_each(|s| send(s, first..first + 2));
        assert_eq!(
            total(&r.collect(), "packets"),
            u64::from(STREAMS) * 2 * round
        );
    }
    streams.truncate(10);
    assert_eq!(r.collect().gauge("media_rtp_streams", &GROUP), Some(10.0));
    assert_eq!(total(&r.collect(), "packets"), u64::from(STREAMS) * 6);
}

#[test]
fn sender_reports_are_followed_over_wraps_steps_and_restarts() {
    let (registry, mut stream) = with_stream();
    let mut report = |seconds: u64, packets: u32| {
        let info = SenderInfo {
            ssrc: 1,
            ntp: seconds << 32,
            rtp_timestamp: packets,
            packets,
            octets: packets.wrapping_mul(2),
        };
        stream.on_sender_report(&info, seconds);
        stream.stats().remote.unwrap()
    };
    assert_eq!(report(1_000, u32::MAX - 9).packets, u64::from(u32::MAX - 9));
    let wrapped = report(1_005, 20);
    assert_eq!((wrapped.packets, wrapped.reports), ((1 << 32) + 20, 2));
    // Late, and twice: nothing new.
    assert_eq!(report(1_000, u32::MAX - 9), wrapped);
    assert_eq!(report(1_005, 20), wrapped);
    // Begun anew, after which counts go on.
    assert_eq!(report(1_010, 5).packets, (1 << 32) + 25);
    assert_eq!(report(1_015, 8).packets, (1 << 32) + 28);
    // The sender's clock was set back by ten minutes.
    let back = report(415, 9);
    assert_eq!((back.packets, back.ntp >> 32), ((1 << 32) + 29, 415));
    // Over the end of the NTP era.
    report(u64::from(u32::MAX), 10);
    assert_eq!(report(1, 11).reports, 7);
    registry.collect();
    assert_eq!(registry.streams()[0].stats.remote.unwrap().reports, 7);
}

#[test]
fn requests_to_the_sender_are_counted() {
    let (_registry, mut stream) = with_stream();
    stream.on_nack_sent(3);
    stream.on_nack_sent(1);
    stream.on_pli_sent();
    stream.on_fir_sent();
    let asked = stream.stats().requests;
    assert_eq!((asked.nacks, asked.nacked_packets), (2, 4));
    assert_eq!((asked.plis, asked.firs), (1, 1));
    assert_eq!(stream.stats().remote, None);
}

#[test]
fn bursts_runs_and_depth_reach_reader_and_group() {
    let (registry, mut stream) = with_stream();
    // Two in a row and one more, nine packets on: a burst. Then one alone: in a gap.
    let lost = [100, 101, 111, 300];
    send(&mut stream, (0..500).filter(|n| !lost.contains(n)));
    stream.on_rtp(&header(300), 0); // 199 behind: settled as lost, and recovered after all
    registry.collect();
    let seen = &registry.streams()[0];
    let bursts = seen.stats.bursts;
    assert_eq!(
        (bursts.bursts, bursts.burst_packets, bursts.burst_lost),
        (1, 12, 3)
    );
    assert_eq!(bursts.gap_lost, 1);
    assert_eq!(seen.loss_runs.counts()[..2], [2, 1]);
    assert_eq!((seen.stats.lost, seen.stats.recovered), (3, 1));
    assert_eq!(seen.stats.reordering_depth_max, 199);
    drop(stream);
    let s = registry.collect();
    assert_eq!(total(&s, "loss_bursts"), 1);
    assert_eq!(total(&s, "burst_packets"), 12);
    assert_eq!(total(&s, "burst_packets_lost"), 3);
    assert_eq!(total(&s, "packets_recovered"), 1);
    let depth = s.histogram("media_rtp_reordering_depth_packets", &GROUP);
    assert_eq!(depth.unwrap().count(), 1);
    let runs = s.histogram("media_rtp_loss_run_packets", &GROUP).unwrap();
    assert_eq!(runs.count(), 3);
}

#[test]
fn what_had_not_settled_is_counted_at_the_end() {
    let (registry, mut stream) = with_stream();
    send(&mut stream, (0..100).filter(|n| ![90, 91, 95].contains(n)));
    let stats = stream.stats();
    assert_eq!((stats.bursts.bursts, stats.bursts.burst_lost), (1, 3));
    assert_eq!(stream.loss_runs().counts()[..2], [1, 1]);
    assert_eq!(total(&registry.collect(), "loss_bursts"), 0);
    drop(stream);
    let s = registry.collect();
    assert_eq!(
        (total(&s, "loss_bursts"), total(&s, "burst_packets_lost")),
        (1, 3)
    );
    let runs = s.histogram("media_rtp_loss_run_packets", &GROUP).unwrap();
    assert_eq!(runs.count(), 2);
}

#[test]
fn key_frames_are_counted_once_a_frame() {
    let r = Registry::new().unwrap();
    let group = r.group(&GROUP).unwrap();
    let config = StreamConfig::new(1, 90_000).video_codec(VideoCodec::Vp8);
    let mut stream = r.stream(&group, config).unwrap();
    // RFC 7741: start of partition 0, then a payload header whose P bit is 0 for a key frame.
    let frames = [
        (1, 0x10, 0x00),
        (2, 0x00, 0x00),
        (3, 0x10, 0x01),
        (4, 0x10, 0x00),
    ];
    let mut began = Vec::new();
    for (n, descriptor, payload) in frames {
        let timestamp = [1, 1, 2, 3][usize::from(n) - 1];
        let packet = [
            0x80, 96, 0, n, 0, 0, 0, timestamp, 0, 0, 0, 1, descriptor, payload, 9, 9,
        ];
        let header = RtpHeader::parse(&packet).unwrap();
        began.push(stream.on_packet(&header, &packet, u64::from(n)).1);
    }
    assert_eq!(began, [true, false, false, true]);
    assert_eq!(stream.stats().key_frames, 2);
    assert_eq!(total(&r.collect(), "key_frames"), 2);
}

#[test]
fn the_longest_wait_and_the_clocks_skew_are_seen() {
    let (_registry, mut stream) = with_stream();
    // 20 ms of media each 19.99 ms: 500 ppm fast; and one wait of a second.
    let mut at = 0;
    for n in 0..2_000_u16 {
        at += if n == 1_000 {
            1_000_000_000
        } else {
            19_990_000
        };
        stream.on_rtp(&header(n), at);
    }
    let stats = stream.stats();
    assert_eq!(stats.max_interarrival_seconds, 1.0);
    let ppm = stats.skew_ppm.unwrap();
    assert!((ppm - 500.0).abs() < 15.0, "{ppm}");
    assert!(stats.jitter_max_seconds > 0.05 && stats.jitter_mean_seconds > 0.0);
    assert_eq!(stats.highest_timestamp, 1_999 * 960);
}

#[test]
fn a_sender_that_began_anew_a_little_behind_is_no_run_of_duplicates() {
    let (_registry, mut stream) = with_stream();
    send(&mut stream, 0..900);
    for n in 0..850_u16 {
        let anew = RtpHeader {
            timestamp: 0x9000_0000 + u32::from(n) * 960,
            ..header(n)
        };
        stream.on_rtp(&anew, (900 + u64::from(n)) * 20_000_000);
    }
    let stats = stream.stats();
    assert_eq!((stats.restarts, stats.duplicates), (1, 0));
    assert_eq!((stats.frames, stats.lost), (1_750, 0));
}

#[test]
fn early_packets_make_no_bursts() {
    for numbers in [
        // The first comes a thousand numbers after it was due.
        [2_000]
            .into_iter()
            .chain(1_000..2_000)
            .chain(2_001..2_500)
            .collect::<Vec<u16>>(),
        [2_000]
            .into_iter()
            .chain(1_800..2_000)
            .chain(2_850..3_200)
            .collect(),
    ] {
        let (_registry, mut stream) = with_stream();
        // All old enough to be late, and none so old as to be of another minute.
        for n in numbers {
            stream.on_rtp(
                &RtpHeader {
                    timestamp: u32::from(n),
                    ..header(n)
                },
                0,
            );
        }
        let stats = stream.stats();
        assert_eq!(stats.bursts.burst_lost, stats.lost, "{stats:?}");
    }
}

#[test]
fn copies_and_late_packets_of_key_frames_are_no_key_frames() {
    let r = Registry::new().unwrap();
    let group = r.group(&GROUP).unwrap();
    let config = StreamConfig::new(1, 90_000).video_codec(VideoCodec::Vp8);
    let mut stream = r.stream(&group, config).unwrap();
    let mut see = |n: u8, timestamp: u8, payload: u8| {
        let packet = [
            0x80, 96, 0, n, 0, 0, 0, timestamp, 0, 0, 0, 1, 0x10, payload, 9, 9,
        ];
        let header = RtpHeader::parse(&packet).unwrap();
        stream.on_packet(&header, &packet, u64::from(n)).1
    };
    assert!(see(1, 1, 0) && see(4, 4, 0) && !see(5, 5, 1));
    assert!(
        !see(1, 1, 0) && !see(4, 4, 0) && !see(2, 1, 0),
        "copies, and one that is late"
    );
    assert_eq!(stream.stats().key_frames, 2);
}

#[test]
fn a_restart_forgets_the_other_clock() {
    let (_registry, mut stream) = with_stream();
    for n in 0..2_000_u64 {
        stream.on_rtp(&header(n as u16), n * 19_990_000);
    }
    assert!(stream.stats().skew_ppm.unwrap() > 400.0);
    for n in 0..100_u64 {
        stream.on_rtp(
            &header(40_000 + n as u16),
            2_000 * 19_990_000 + n * 20_000_000,
        );
    }
    assert_eq!(stream.stats().skew_ppm, None);
}

#[test]
fn a_pause_of_hours_is_no_jitter() {
    let (_registry, mut stream) = with_stream();
    let hours = 13 * 3_600 * 50_u64; // in packets of 20 ms; half of the timestamp's range is 12.4 h
    for n in (0..100).chain(hours..hours + 100) {
        let number = if n < 100 { n } else { n - hours + 100 };
        let timestamp = (n * 960) as u32;
        let packet = RtpHeader {
            timestamp,
            ..header(number as u16)
        };
        stream.on_rtp(&packet, n * 20_000_000);
    }
    let stats = stream.stats();
    assert!(stats.jitter_max_seconds < 1e-6, "{stats:?}");
    assert_eq!(stats.highest_timestamp, (hours + 99) * 960);
    assert_eq!(stats.lost, 0);
}

#[test]
fn a_dependency_descriptor_tells_key_frames_of_encrypted_payloads() {
    let r = Registry::new().unwrap();
    let group = r.group(&GROUP).unwrap();
    let id = std::num::NonZeroU8::new(3).unwrap();
    let config = StreamConfig::new(1, 90_000).dependency_descriptor(id);
    let mut stream = r.stream(&group, config).unwrap();
    // One-byte extensions (RFC 8285). Start and end of frame; in the first, a template structure follows.
    let mut see = |n: u8, descriptor: &[u8]| {
        let mut packet = vec![0x90, 96, 0, n, 0, 0, 0, n, 0, 0, 0, 1, 0xbe, 0xde];
        let words = (descriptor.len() + 1).div_ceil(4);
        packet.extend([0, words as u8, 0x30 | (descriptor.len() as u8 - 1)]);
        packet.extend(descriptor);
        packet.resize(16 + words * 4, 0);
        packet.extend([0xff; 20]); // who knows
        let header = RtpHeader::parse(&packet).unwrap();
        stream.on_packet(&header, &packet, u64::from(n)).1
    };
    // Flags of the extended part: template_dependency_structure_present is the first.
    assert!(see(1, &[0xc0, 0, 1, 0x80, 0, 0]));
    assert!(!see(2, &[0xc0, 0, 2]));
    assert!(!see(3, &[0x40, 0, 3]));
    assert!(see(4, &[0xc0, 0, 4, 0x80, 0, 0]));
    assert_eq!(stream.stats().key_frames, 2);
}
