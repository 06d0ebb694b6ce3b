//! Sequence accounting against an oracle that is too slow to ship, on numbers of every kind.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "models/sequence.rs"]
mod model;

use std::collections::BTreeSet;

use media_metrics_core::rtp::{
    MAX_DROPOUT, RtpHeader, STALE_RUN, SequenceTracker, Verdict, WINDOW,
};
use media_metrics_core::{Registry, StreamConfig};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use model::Oracle;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(20_260),
        cases,
        ..ProptestConfig::default()
    }
}

/// Mostly small steps, some back, some duplicates, some jumps of every size.
fn steps() -> impl Strategy<Value = Vec<i32>> {
    let step = prop_oneof![
        8 => Just(1),
        2 => -5..=5_i32,
        1 => -(WINDOW as i32) - 2..=WINDOW as i32 + 2,
        1 => i32::from(MAX_DROPOUT) - 2..=i32::from(MAX_DROPOUT) + 2,
        1 => -40_000..=40_000_i32,
    ];
    prop::collection::vec(step, 1..400)
}

proptest! {
    #![proptest_config(config(2_000))]

    #[test]
    fn every_verdict_is_the_oracles(start in any::<u16>(), steps in steps(), old in any::<bool>()) {
        let mut tracker = SequenceTracker::new();
        let mut oracle = Oracle::default();
        let mut number = start;
        // A run of old numbers now and then, long enough to be a restart.
        let steps = steps.into_iter().flat_map(|s| match s {
            -40_000..=-30_000 => std::iter::once(s).chain(std::iter::repeat_n(1, 20)),
            s => std::iter::once(s).chain(std::iter::repeat_n(1, 0)),
        });
        for step in steps {
            number = number.wrapping_add(step as u16);
            let expected = oracle.on_packet(number, old);
            let got = if tracker.advance_by_one(number) {
                Verdict::InOrder { skipped: 0 }
            } else {
                tracker.on_packet(number, old).verdict
            };
            prop_assert_eq!(got, expected, "number {}", number);
            let (low, high) = (oracle.seen.first().unwrap(), oracle.seen.last().unwrap());
            prop_assert_eq!(tracker.span(), (high - low + 1) as u64);
        }
    }
}

fn header(number: u64) -> RtpHeader {
    RtpHeader {
        marker: false,
        payload_type: 0,
        sequence: number as u16,
        timestamp: (number as u32).wrapping_mul(160),
        ssrc: 7,
        header_len: 12,
        padding_len: 0,
        packet_len: 100,
    }
}

/// What a stream says of these numbers, sent in this order.
fn stats_of(numbers: &[u64]) -> media_metrics_core::stream::StreamStats {
    let registry = Registry::new().unwrap();
    let group = registry.group(&["incoming", "audio"]).unwrap();
    let mut stream = registry
        .stream(&group, StreamConfig::new(7, 8_000))
        .unwrap();
    for (i, &n) in numbers.iter().enumerate() {
        stream.on_rtp(&header(n), i as u64 * 20_000_000);
    }
    stream.stats()
}

proptest! {
    #![proptest_config(config(300))]

    /// Any order inside the window gives the same losses and duplicates, wherever the wrap falls.
    #[test]
    fn order_inside_the_window_does_not_matter(
        start in 0_u64..70_000,
        fates in prop::collection::vec((0_u8..20, 0_u64..500), 2..1_500),
    ) {
        // fate 0: lost; 1: doubled; each copy is delayed by fewer places than the window is wide
        let mut sent = Vec::new();
        for (i, &(fate, delay)) in fates.iter().enumerate() {
            let number = start + i as u64;
            let copies = match fate { 0 => 0, 1 => 2, _ => 1 };
            for copy in 0..copies {
                sent.push((i as u64 + delay * (copy + 1) % 500, number));
            }
        }
        prop_assume!(!sent.is_empty());
        sent.sort_by_key(|&(at, _)| at);
        let numbers: Vec<u64> = sent.iter().map(|&(_, n)| n).collect();
        let distinct: BTreeSet<u64> = numbers.iter().copied().collect();
        let expected = distinct.last().unwrap() - distinct.first().unwrap() + 1;

        let stats = stats_of(&numbers);
        prop_assert_eq!(stats.packets, numbers.len() as u64);
        prop_assert_eq!(stats.expected, expected);
        prop_assert_eq!(stats.duplicates, (numbers.len() - distinct.len()) as u64);
        prop_assert_eq!(stats.lost, expected - distinct.len() as u64);
        prop_assert_eq!((stats.stale, stats.restarts), (0, 0));
        let doubles_count = expected as i64 - numbers.len() as i64;
        prop_assert_eq!(stats.cumulative_lost(), doubles_count);
        prop_assert_eq!(stats.bytes, 100 * stats.packets);
        prop_assert_eq!(stats.header_bytes, 12 * stats.packets);
    }
}

#[test]
fn the_wrap_changes_nothing_at_any_offset() {
    // 40 numbers with a hole, a late one, a duplicate: wherever the wrap falls, the same figures.
    let pattern = [0_u64, 1, 2, 5, 4, 6, 6, 7, 10, 9, 11, 30, 31, 29, 40];
    let at = |start: u64| stats_of(&pattern.map(|p| start + p));
    let reference = at(1_000);
    for start in (65_536 - 45..65_536 + 3).chain([0, 32_767, 32_768]) {
        let stats = at(start);
        assert_eq!(
            (
                stats.expected,
                stats.lost,
                stats.duplicates,
                stats.reordered,
                stats.frames
            ),
            (
                reference.expected,
                reference.lost,
                reference.duplicates,
                reference.reordered,
                reference.frames
            ),
            "from {start}"
        );
        // Cycles count from the first packet's: RFC 3550 6.4.1.
        assert_eq!(stats.highest_sequence, start % 65_536 + 40, "from {start}");
    }
}

#[test]
fn a_restart_is_counted_and_loses_nothing() {
    let stats = stats_of(&[10, 11, 40_000, 40_001, 40_002, 40_004]);
    assert_eq!(stats.restarts, 1);
    assert_eq!(
        (stats.packets, stats.expected, stats.lost, stats.stale),
        (6, 7, 1, 0)
    );
}

#[test]
fn a_restart_with_the_same_numbers_and_timestamps_is_followed() {
    let run = 0..2_500;
    let stats = stats_of(&run.clone().chain(run).collect::<Vec<_>>());
    assert_eq!(stats.restarts, 1);
    // Those within the window of the old run's end are taken for its duplicates, a few are stale.
    assert_eq!((stats.stale, stats.lost), (u64::from(STALE_RUN) - 1, 0));
    assert!(stats.expected > 2_500 && stats.frames > 2_500, "{stats:?}");
}

#[test]
fn a_restarts_first_packet_is_a_frame() {
    let stats = stats_of(&[10, 11, 40_000, 40_001, 40_002]);
    assert_eq!((stats.frames, stats.packets), (5, 5));
}

#[test]
fn what_is_pending_is_not_received_yet() {
    let stats = stats_of(&[10, 11, 40_000]);
    assert_eq!(
        (stats.pending, stats.expected, stats.cumulative_lost()),
        (1, 2, 0)
    );
}

#[test]
fn a_stray_packet_is_stale_and_nothing_else() {
    let stats = stats_of(&[10, 11, 40_000, 12, 13]);
    assert_eq!(
        (
            stats.packets,
            stats.expected,
            stats.lost,
            stats.stale,
            stats.restarts
        ),
        (5, 4, 0, 1, 0)
    );
}
