//! Whatever arrives in whatever order: what must hold of a stream's numbers.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use media_metrics_core::rtp::RtpHeader;
use media_metrics_core::stream::{DeltaReader, StreamDelta, StreamStats};
use media_metrics_core::{Registry, Stream, StreamConfig};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const RATE: u32 = 8_000;

fn header(sequence: u16, timestamp: u32) -> RtpHeader {
    RtpHeader {
        marker: false,
        payload_type: 0,
        sequence,
        timestamp,
        ssrc: 7,
        header_len: 12,
        padding_len: u32::from(sequence.is_multiple_of(7)),
        packet_len: 100 + u32::from(sequence % 100),
    }
}

fn stream(registry: &Registry) -> Stream {
    let group = registry.group(&["incoming", "audio"]).unwrap();
    registry.stream(&group, StreamConfig::new(7, RATE)).unwrap()
}

/// What happens to a number on its way, and how late it is.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Lost,
    Late(usize),
    Twice(usize),
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        60 => Just(Fate::Late(0)),
        10 => (0_usize..50).prop_map(Fate::Late),
        5 => (0_usize..50).prop_map(Fate::Twice),
        10 => Just(Fate::Lost),
    ]
}

/// The numbers (from 0) in their order of arrival.
fn arrivals(fates: &[Fate]) -> Vec<usize> {
    let mut all: Vec<(usize, usize)> = Vec::new();
    for (n, fate) in fates.iter().enumerate() {
        match *fate {
            Fate::Lost => {}
            Fate::Late(by) => all.push((n + by, n)),
            Fate::Twice(by) => all.extend([(n, n), (n + by + 1, n)]),
        }
    }
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, n)| n).collect()
}

fn run(order: &[usize], sequence: u16, timestamp: u32) -> StreamStats {
    let registry = Registry::new().unwrap();
    let mut stream = stream(&registry);
    feed(&mut stream, order, sequence, timestamp);
    stream.stats()
}

fn feed(stream: &mut Stream, order: &[usize], sequence: u16, timestamp: u32) {
    for (at, n) in order.iter().enumerate() {
        let header = RtpHeader {
            // What follows from the number must not depend on where the numbers begin.
            packet_len: 100 + (n % 100) as u32,
            padding_len: u32::from(n.is_multiple_of(7)),
            ..header(
                sequence.wrapping_add(*n as u16),
                timestamp.wrapping_add(*n as u32 * 160),
            )
        };
        stream.on_rtp(&header, 1_000_000_000 + at as u64 * 20_000_000);
    }
}

/// Without what tells where the numbers began.
fn anywhere(stats: StreamStats) -> String {
    let text = format!("{stats:?}");
    let fields = text.split(", ");
    let kept =
        fields.filter(|f| !f.contains("highest_sequence") && !f.contains("highest_timestamp"));
    kept.collect::<Vec<_>>().join(", ")
}

fn sum(deltas: &[StreamDelta]) -> [i128; 12] {
    let add = |mut all: [i128; 12], d: &StreamDelta| {
        let one = [
            d.packets,
            d.bytes,
            d.header_bytes,
            d.padding_bytes,
            d.expected,
            d.duplicates,
            d.duplicate_bytes,
            d.recovered,
            d.reordered,
            d.frames,
            d.restarts,
        ];
        for (a, n) in all.iter_mut().zip(one) {
            *a += i128::from(n);
        }
        all[11] += i128::from(d.lost);
        all
    };
    deltas.iter().fold([0; 12], add)
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(3), ..ProptestConfig::default() })]

    #[test]
    fn seen_and_lost_are_what_was_expected(fates in prop::collection::vec(fate(), 1..400), sequence: u16, timestamp: u32) {
        let order = arrivals(&fates);
        prop_assume!(!order.is_empty());
        let stats = run(&order, sequence, timestamp);
        let seen: std::collections::BTreeSet<usize> = order.iter().copied().collect();
        let (first, last) = (seen.first().unwrap(), seen.last().unwrap());
        prop_assert_eq!(stats.packets, order.len() as u64);
        prop_assert_eq!(stats.expected, (last - first + 1) as u64);
        prop_assert_eq!(stats.lost, stats.expected - seen.len() as u64);
        prop_assert_eq!(stats.duplicates, (order.len() - seen.len()) as u64);
        prop_assert_eq!(stats.cumulative_lost(), stats.expected as i64 - stats.packets as i64);
        let bursts = stats.bursts;
        prop_assert_eq!(bursts.burst_packets + bursts.gap_packets, stats.expected);
        prop_assert_eq!(bursts.burst_lost + bursts.gap_lost, stats.lost);
    }

    /// Readers with intervals of their own do not disturb each other, and each gets all there is.
    #[test]
    fn the_deltas_of_each_reader_add_up(fates in prop::collection::vec(fate(), 50..300), every in prop::collection::vec(1_usize..40, 3)) {
        let registry = Registry::new().unwrap();
        let mut stream = stream(&registry);
        let order = arrivals(&fates);
        let mut readers: Vec<(DeltaReader, Vec<StreamDelta>)> = Vec::new();
        readers.resize_with(every.len(), Default::default);
        for (at, n) in order.iter().enumerate() {
            stream.on_rtp(&header(*n as u16, *n as u32 * 160), at as u64 * 20_000_000);
            for ((reader, deltas), every) in readers.iter_mut().zip(&every) {
                if at % every == 0 || at + 1 == order.len() {
                    registry.collect();
                    deltas.extend(reader.read(&registry.streams()));
                }
            }
        }
        let total = sum(&[stream.stats().total()]);
        for (_, deltas) in &readers {
            prop_assert_eq!(sum(deltas), total);
        }
    }
}

#[test]
fn a_wrap_at_every_offset_changes_nothing() {
    let fates: Vec<Fate> = (0..150)
        .map(|n| match n % 31 {
            3 | 4 | 20 => Fate::Lost,
            7 => Fate::Late(4),
            11 => Fate::Twice(2),
            _ => Fate::Late(0),
        })
        .collect();
    let order = arrivals(&fates);
    let registry = Registry::new().unwrap();
    let group = registry.group(&["incoming", "audio"]).unwrap();
    let at = |sequence: u16, timestamp: u32| {
        let mut stream = registry.stream(&group, StreamConfig::new(7, RATE)).unwrap();
        feed(&mut stream, &order, sequence, timestamp);
        let stats = stream.stats();
        drop(stream);
        (stats, registry.streams().len())
    };
    let want = anywhere(at(1_000, 1_000).0);
    assert!(want.contains("lost: 1"), "{want}");
    for sequence in 0..=u16::MAX {
        let timestamp = u32::from(sequence).wrapping_mul(65_537).wrapping_neg();
        assert_eq!(anywhere(at(sequence, timestamp).0), want, "from {sequence}");
        if sequence.is_multiple_of(1_000) {
            registry.collect();
        }
    }
}

#[test]
fn a_reader_that_comes_late_gets_all_from_the_first_packet_on() {
    let registry = Registry::new().unwrap();
    let mut stream = stream(&registry);
    feed(&mut stream, &(0..100).collect::<Vec<_>>(), 0, 0);
    registry.collect();
    let mut reader = DeltaReader::new();
    let first = reader.read(&registry.streams())[0];
    assert_eq!((first.packets, first.duration.as_millis()), (100, 99 * 20));
    assert_eq!(first.packet_rate(), Some(100.0 / 1.98));
    let none = reader.read(&registry.streams())[0];
    assert_eq!(
        (none.packets, none.bitrate_bps(), none.loss_ratio()),
        (0, None, None)
    );
    drop(stream);
    registry.collect();
    assert!(reader.read(&registry.streams()).is_empty());
}

#[test]
fn a_stream_that_was_left_out_once_is_not_told_twice() {
    let registry = Registry::new().unwrap();
    let mut stream = stream(&registry);
    let mut reader = DeltaReader::new();
    feed(&mut stream, &(0..10).collect::<Vec<_>>(), 0, 0);
    registry.collect();
    assert_eq!(reader.read(&registry.streams())[0].packets, 10);
    for _ in 0..16 {
        assert!(reader.read(&[]).is_empty());
    }
    assert_eq!(reader.read(&registry.streams())[0].packets, 0);
}
