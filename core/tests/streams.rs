//! Streams: what packets say, as groups and readers see it.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use media_metrics_core::rtp::RtpHeader;
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
    assert_eq!(r.streams()[0].stats, stats);
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
