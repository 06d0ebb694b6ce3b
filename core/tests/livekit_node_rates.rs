//! Rates of node statistics: the examples of the specification, its hazards, and a slow oracle.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]
#![cfg(feature = "livekit")]

use std::time::Duration;

use media_metrics_core::livekit::node::messages::NodeStatsRate;
use media_metrics_core::livekit::node::rates::{History, HistoryError, Snapshot, stuck_for};
use media_metrics_core::livekit::node::system::{Memory, PacketCounts, SystemReading};
use media_metrics_core::livekit::node::totals::NodeTotals;
use media_metrics_core::livekit::time::ServerTime;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const SECOND: Duration = Duration::from_secs(1);

fn seconds(s: u64) -> Duration {
    Duration::from_secs(s)
}

fn at_ms(ms: u64) -> ServerTime {
    ServerTime::default().after(Duration::from_millis(ms))
}

/// A snapshot whose wall clock agrees with the other.
fn snapshot(ms: u64, bytes_in: u64) -> Snapshot {
    Snapshot {
        at: at_ms(ms),
        unix_s: 1_700_000_000 + (ms / 1_000) as i64,
        totals: NodeTotals {
            bytes_in,
            ..NodeTotals::default()
        },
        ..Snapshot::default()
    }
}

fn default_history() -> History {
    History::new(seconds(2), &[seconds(10)]).unwrap()
}

#[test]
fn the_first_rate_comes_after_the_interval() {
    let mut history = default_history();
    for update in 0..5 {
        let rates = history.push(snapshot(update * 2_000, update * 500));
        assert_eq!(rates, [], "update {update}");
    }
    for update in 5..20 {
        let rates = history.push(snapshot(update * 2_000, update * 500));
        assert_eq!(rates.len(), 1, "update {update}");
        assert_eq!(rates[0].bytes_in, 250.0);
        assert_eq!(rates[0].duration, 10);
        assert_eq!(rates[0].ended_at - rates[0].started_at, 10);
    }
}

#[test]
fn the_newest_snapshot_that_is_old_enough_is_taken() {
    let mut history = History::new(SECOND, &[seconds(2), seconds(3)]).unwrap();
    for (ms, bytes) in [(0, 0), (1_000, 100), (2_000, 300), (3_000, 600)] {
        history.push(snapshot(ms, bytes));
    }
    let rates = history.push(snapshot(4_000, 1_000));
    let got: Vec<_> = rates.iter().map(|r| (r.duration, r.bytes_in)).collect();
    assert_eq!(got, [(2, 350.0), (3, 300.0)]);
}

/// Hazard 7: with a history exactly as long as the interval, updates a few milliseconds early found nothing.
#[test]
fn an_update_a_little_early_keeps_its_rate() {
    let mut history = default_history();
    assert_eq!(history.slots(), 13);
    for update in 0..100 {
        let early = if update % 2 == 1 { 7 } else { 0 };
        let rates = history.push(snapshot(update * 2_000 - early, update * 2_000));
        assert_eq!(
            rates.len(),
            usize::from(update >= 6 || update == 5 && early == 0)
        );
        for rate in rates {
            assert!((998.0..=1_002.0).contains(&rate.bytes_in), "{rate:?}");
        }
    }
}

/// Hazard 7 again: with a history of a fixed number of snapshots, updates twice as often as announced found nothing.
#[test]
fn updates_that_come_too_often_keep_their_rate() {
    for every_ms in [1_999, 1_001, 1_000, 999, 500, 7, 1] {
        let mut history = default_history();
        for update in 0..40_000 / every_ms {
            let ms = update * every_ms;
            let rates = history.push(snapshot(ms, ms));
            assert_eq!(rates.len(), usize::from(ms >= 10_000), "{ms} of {every_ms}");
            for rate in rates {
                assert_eq!(rate.bytes_in, 1_000.0);
                assert!((10..=12).contains(&rate.duration), "{rate:?}");
            }
        }
    }
}

/// Hazard 7: a total that went down wrapped to 1.8e19 over the elapsed time.
#[test]
fn a_total_that_went_down_is_a_rate_of_0() {
    let mut history = History::new(SECOND, &[SECOND]).unwrap();
    history.push(snapshot(0, 1_000_000));
    assert_eq!(history.push(snapshot(1_000, 999_999))[0].bytes_in, 0.0);
    assert_eq!(history.push(snapshot(2_000, 1_000_009))[0].bytes_in, 10.0);
    history.push(snapshot(3_000, u64::MAX));
    assert_eq!(history.push(snapshot(4_000, 0))[0].bytes_in, 0.0);
    let whole_range = history.push(snapshot(5_000, u64::MAX))[0].bytes_in;
    assert_eq!(whole_range, u64::MAX as f32);
}

/// Hazard 7: an update interval of 0 and an empty list of intervals panicked.
#[test]
fn configurations_that_make_no_sense_are_refused_and_say_what_to_do() {
    let refused = |update, intervals: &[Duration]| History::new(update, intervals).unwrap_err();
    assert_eq!(refused(Duration::ZERO, &[SECOND]), HistoryError::ZeroUpdate);
    assert_eq!(
        refused(SECOND, &[SECOND, Duration::ZERO]),
        HistoryError::ZeroInterval
    );
    let nanosecond = Duration::from_nanos(1);
    let slots = 2 * seconds(1).as_nanos() + 3;
    let error = refused(nanosecond, &[SECOND]);
    assert_eq!(error, HistoryError::TooLong { slots });
    assert!(
        error.to_string().contains("2000000003 snapshots"),
        "{error}"
    );
    assert!(matches!(
        refused(nanosecond, &[Duration::MAX]),
        HistoryError::TooLong { .. }
    ));
    let longest = seconds(100_000);
    assert_eq!(
        History::new(SECOND, &[longest]).unwrap().slots(),
        History::MAX_SLOTS
    );
    assert!(History::new(SECOND, &[longest + SECOND]).is_err());
}

#[test]
fn without_intervals_there_are_no_rates_and_nothing_is_kept() {
    let mut history = History::new(SECOND, &[]).unwrap();
    assert_eq!(history.slots(), 0);
    for update in 0..10 {
        assert_eq!(history.push(snapshot(update * 1_000, update)), []);
    }
}

#[test]
fn an_interval_longer_than_the_life_so_far_is_left_out_alone() {
    let mut history = History::new(seconds(2), &[seconds(4), seconds(3_600), seconds(2)]).unwrap();
    for update in 0..1_799 {
        let rates = history.push(snapshot(update * 2_000, update));
        let durations: Vec<_> = rates.iter().map(|r| r.duration).collect();
        match update {
            0 => assert_eq!(durations, []),
            1 => assert_eq!(durations, [2]),
            _ => assert_eq!(durations, [4, 2]),
        }
    }
    history.push(snapshot(1_799 * 2_000, 0));
    let durations: Vec<_> = history
        .push(snapshot(1_800 * 2_000, 0))
        .iter()
        .map(|r| r.duration)
        .collect();
    assert_eq!(durations, [4, 3_600, 2]);
}

#[test]
fn a_step_of_the_wall_clock_moves_no_rate() {
    let mut history = History::new(SECOND, &[seconds(2)]).unwrap();
    let walls = [1_000, 5_000, 0, -7, i64::MAX, i64::MIN];
    for (update, unix_s) in walls.into_iter().enumerate() {
        let ms = update as u64 * 1_000;
        let rates = history.push(Snapshot {
            unix_s,
            ..snapshot(ms, ms)
        });
        for rate in &rates {
            assert_eq!((rate.bytes_in, rate.duration), (1_000.0, 2));
            assert_eq!(
                (rate.started_at, rate.ended_at),
                (walls[update - 2], unix_s)
            );
        }
        assert_eq!(rates.len(), usize::from(update >= 2));
    }
}

#[test]
fn a_moment_before_the_last_one_counts_as_the_last() {
    let mut history = History::new(SECOND, &[seconds(2)]).unwrap();
    for ms in [0, 2_000, 1_000, 1_500] {
        history.push(snapshot(ms, ms));
    }
    let rates = history.push(snapshot(4_000, 4_000));
    assert_eq!(rates[0].duration, 2);
    // The newest of those that count as of 2,000 ms.
    assert_eq!(rates[0].bytes_in, 1_250.0);
}

fn with_levels(ms: u64, cpu_load: Option<f64>, memory: Option<(u64, u64)>) -> Snapshot {
    Snapshot {
        system: SystemReading {
            cpu_load,
            memory: memory.map(|(used_bytes, total_bytes)| Memory {
                used_bytes,
                total_bytes,
            }),
            ..SystemReading::default()
        },
        ..snapshot(ms, 0)
    }
}

#[test]
fn levels_are_means_over_time_of_the_values_at_the_ends_of_spans() {
    let mut history = History::new(SECOND, &[seconds(4)]).unwrap();
    history.push(with_levels(0, Some(0.9), Some((900, 1_000)))); // only begins a span
    history.push(with_levels(1_000, Some(1.0), Some((100, 1_000))));
    let rates = history.push(with_levels(4_000, Some(0.2), Some((500, 2_000))));
    assert_eq!(rates[0].cpu_load, 0.4); // (1.0 x 1 s + 0.2 x 3 s) / 4 s
    assert_eq!(rates[0].memory_used, 400.0);
    assert_eq!(rates[0].memory_total, 1_750.0);
    assert_eq!(rates[0].memory_load, 0.2125); // (0.1 x 1 s + 0.25 x 3 s) / 4 s
}

/// Hazard 8, over time: an unknown level is no 0, and memory of 0 bytes is a load of 0.
#[test]
fn what_was_unknown_for_a_while_is_the_mean_of_the_rest() {
    let mut history = History::new(SECOND, &[seconds(3)]).unwrap();
    history.push(with_levels(0, None, None));
    history.push(with_levels(1_000, None, Some((7, 0))));
    history.push(with_levels(2_000, Some(1.0), None));
    let rates = history.push(with_levels(3_000, Some(0.5), None));
    assert_eq!(rates[0].cpu_load, 0.75);
    assert_eq!((rates[0].memory_load, rates[0].memory_used), (0.0, 7.0));
    for ms in [4_000, 5_000, 6_000] {
        let rates = history.push(with_levels(ms, None, None));
        assert!(rates[0].cpu_load.is_finite());
    }
    assert_eq!(
        history.push(with_levels(7_000, None, None))[0].cpu_load,
        0.0
    );
}

#[test]
fn packets_of_the_system_need_both_ends() {
    let of = |ms, packets: Option<(u64, u64)>| Snapshot {
        system: SystemReading {
            packets: packets.map(|(out, dropped)| PacketCounts { out, dropped }),
            ..SystemReading::default()
        },
        ..snapshot(ms, 0)
    };
    let mut history = History::new(SECOND, &[seconds(2)]).unwrap();
    let big = u64::from(u32::MAX);
    for (ms, packets, expected) in [
        (0, None, None),
        (1_000, Some((big - 10, 4)), None),
        (2_000, None, Some((0.0, 0.0))),
        (3_000, Some((big + 10, 5)), Some((10.0, 0.5))),
        (4_000, Some((big, 5)), Some((0.0, 0.0))),
        (5_000, Some((0, 0)), Some((0.0, 0.0))),
    ] {
        let rates = history.push(of(ms, packets));
        let got = rates
            .first()
            .map(|r| (r.sys_packets_out, r.sys_packets_dropped));
        assert_eq!(got, expected, "at {ms} ms");
    }
}

/// Hazard 6: failed and rejected joins have rates. Each total is its own rate.
#[test]
fn every_total_has_its_rate() {
    let totals = NodeTotals {
        bytes_in: 1,
        bytes_out: 2,
        packets_in: 3,
        packets_out: 4,
        retransmit_bytes_out: 5,
        retransmit_packets_out: 6,
        nacks: 7,
        signal_connected: 8,
        signal_failed: 9,
        signal_validation_failed: 10,
        rtc_init: 11,
        rtc_connected: 12,
        rtc_canceled: 13,
        rtc_active: 14,
        publish_attempts: 15,
        publish_success: 16,
        publish_cancels: 17,
        subscribe_attempts: 18,
        subscribe_success: 19,
        subscribe_cancels: 20,
        // Levels, which have no rate.
        rooms: 100,
        clients: 100,
        tracks_in: 100,
        tracks_out: 100,
        forward_latency: Some(SECOND),
        forward_jitter: Some(SECOND),
    };
    let mut history = History::new(SECOND, &[SECOND]).unwrap();
    history.push(snapshot(0, 0));
    let rates = history.push(Snapshot {
        totals,
        ..snapshot(1_000, 0)
    });
    let expected = NodeStatsRate {
        started_at: 1_700_000_000,
        ended_at: 1_700_000_001,
        duration: 1,
        bytes_in: 1.0,
        bytes_out: 2.0,
        packets_in: 3.0,
        packets_out: 4.0,
        retransmit_bytes_out: 5.0,
        retransmit_packets_out: 6.0,
        nack_total: 7.0,
        participant_signal_connected: 8.0,
        participant_signal_failed: 9.0,
        participant_signal_validation_failed: 10.0,
        participant_rtc_init: 11.0,
        participant_rtc_connected: 12.0,
        participant_rtc_canceled: 13.0,
        participant_rtc_active: 14.0,
        track_publish_attempts: 15.0,
        track_publish_success: 16.0,
        track_publish_cancels: 17.0,
        track_subscribe_attempts: 18.0,
        track_subscribe_success: 19.0,
        track_subscribe_cancels: 20.0,
        ..NodeStatsRate::default()
    };
    assert_eq!(rates, [expected]);
}

#[test]
fn a_node_is_stuck_once_the_delay_is_exceeded() {
    let max = seconds(30);
    assert_eq!(stuck_for(at_ms(0), at_ms(30_000), max), None);
    let just = Duration::from_millis(30_001);
    assert_eq!(stuck_for(at_ms(0), at_ms(30_001), max), Some(just));
    assert_eq!(stuck_for(at_ms(90_000), at_ms(0), max), None); // an update that came in between
    let (first, last) = (ServerTime::from_ns(i64::MIN), ServerTime::from_ns(i64::MAX));
    assert!(stuck_for(first, last, max).is_some());
}

/// One update of the property test: how long after the last, and what is known then.
#[derive(Clone, Debug)]
struct Update {
    after_ms: u64,
    bytes_in: u64,
    cpu_load: Option<f64>,
    memory: Option<(u64, u64)>,
}

fn update() -> impl Strategy<Value = Update> {
    let any_scale = (any::<u64>(), 0..64u32).prop_map(|(n, shift)| n >> shift);
    (
        prop_oneof![Just(1_000), 900..1_100u64, 0..20u64, 0..30_000u64],
        any_scale,
        option::weighted(0.9, 0.0..=1.0),
        option::weighted(0.9, (0..1u64 << 40, 0..1u64 << 40)),
    )
        .prop_map(|(after_ms, bytes_in, cpu_load, memory)| Update {
            after_ms,
            bytes_in,
            cpu_load,
            memory,
        })
}

/// The specification, read slowly: all snapshots are kept, however old, all are walked, newest first.
fn oracle(all: &[Snapshot], interval_ms: i64) -> Option<(i64, f32, [f32; 4])> {
    let (now, before) = all.split_last()?;
    let first = (0..before.len())
        .rev()
        .find(|i| now.at.ms() - before[*i].at.ms() >= interval_ms)?;
    let elapsed_ms = now.at.ms() - all[first].at.ms();
    let down = all[first].totals.bytes_in >= now.totals.bytes_in;
    let bytes = if down {
        0
    } else {
        now.totals.bytes_in - all[first].totals.bytes_in
    };
    let levels = [
        |s: &SystemReading| s.cpu_load,
        |s: &SystemReading| s.memory.map(|m| m.used_bytes as f64),
        |s: &SystemReading| s.memory.map(|m| m.total_bytes as f64),
        |s: &SystemReading| {
            s.memory.map(|m| match m.total_bytes {
                0 => 0.0,
                total => m.used_bytes as f64 / total as f64,
            })
        },
    ];
    let means = levels.map(|level| {
        let (mut sum, mut known_ms) = (0.0, 0);
        for i in first + 1..all.len() {
            let span_ms = all[i].at.ms() - all[i - 1].at.ms();
            if let Some(value) = level(&all[i].system) {
                sum += value * span_ms as f64;
                known_ms += span_ms;
            }
        }
        if known_ms == 0 {
            0.0
        } else {
            (sum / known_ms as f64) as f32
        }
    });
    let per_second = (bytes as f64 * 1_000.0 / elapsed_ms as f64) as f32;
    Some((elapsed_ms, per_second, means))
}

fn close(got: f32, expected: f32) -> bool {
    (got - expected).abs() <= expected.abs() * 1e-6
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn rates_are_those_of_the_slow_oracle(
        updates in vec(update(), 1..60),
        intervals_ms in vec(prop_oneof![1..50u64, 500..20_000u64, Just(3_000)], 0..4),
        update_ms in 1..3_000u64,
    ) {
        let intervals: Vec<_> = intervals_ms.iter().map(|ms| Duration::from_millis(*ms)).collect();
        let mut history = History::new(Duration::from_millis(update_ms), &intervals).unwrap();
        let (mut all, mut ms) = (Vec::<Snapshot>::new(), 0);
        for update in updates {
            ms += update.after_ms;
            let next = Snapshot {
                totals: NodeTotals { bytes_in: update.bytes_in, ..NodeTotals::default() },
                ..with_levels(ms, update.cpu_load, update.memory)
            };
            all.push(next.clone());
            let expected: Vec<_> = intervals_ms
                .iter()
                .filter_map(|interval| oracle(&all, *interval as i64))
                .collect();
            // Only those too close together are left out, from now on.
            if let [.., before, last, _] = &all[..]
                && (last.at.ms() - before.at.ms()) * 2 < update_ms as i64
            {
                all.remove(all.len() - 2);
            }
            let got = history.push(next);
            prop_assert_eq!(got.len(), expected.len());
            for (rate, (elapsed_ms, bytes_in, means)) in got.iter().zip(expected) {
                prop_assert_eq!(rate.duration, (elapsed_ms + 500) / 1_000);
                prop_assert!(close(rate.bytes_in, bytes_in), "{} {}", rate.bytes_in, bytes_in);
                let levels = [rate.cpu_load, rate.memory_used, rate.memory_total, rate.memory_load];
                for (level, mean) in levels.into_iter().zip(means) {
                    prop_assert!(close(level, mean), "{levels:?} {means:?}");
                }
            }
        }
    }
}
