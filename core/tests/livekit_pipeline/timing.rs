//! When samples, batches and reports are due: intervals, ties, clamps, delays, phases.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use media_metrics_core::Reporter;
use media_metrics_core::livekit::config::{CollectorConfig, ReporterConfig};
use media_metrics_core::livekit::pipeline::{
    ParticipantConfig, Pipeline, PipelineConfig, Provider, Samples, SendError,
};
use media_metrics_core::livekit::time::ServerTime;

use crate::host::{Bench, Notes, START, at, member, seconds};

/// Times of the samples in each packet, of the row with this label.
fn sample_times(notes: &Notes, label: u32) -> Vec<Vec<f64>> {
    let of_packet = |packet: &media_metrics_core::livekit::messages::DataPacket| {
        let rows = crate::host::rows(packet.metrics.as_ref().unwrap());
        let rows = rows.iter().filter(|row| row.label == label);
        let samples = rows.flat_map(|row| row.samples.clone());
        let ms = samples.map(|s| {
            let time = ServerTime::from_ms(s.timestamp_ms).unwrap();
            assert_eq!(
                s.normalized_timestamp,
                Some(time.timestamp()),
                "both clocks are ours"
            );
            seconds(time)
        });
        ms.collect()
    };
    notes.packets().iter().map(of_packet).collect()
}

#[test]
fn samples_batches_and_reports_come_in_this_order_at_these_times() {
    let mut bench = Bench::new();
    let (alice, notes) = bench.join(member("alice"));
    bench.run_until(30.0);
    let each_3_s: Vec<_> = (1..=10).map(|i| f64::from(i) * 3.0).collect();
    assert_eq!(notes.sampled(), each_3_s);
    // At 30 s all three are due: the last sample is in the batch, and the batch in the report.
    let expected: [&[f64]; 3] = [
        &[3.0, 6.0, 9.0],
        &[12.0, 15.0, 18.0],
        &[21.0, 24.0, 27.0, 30.0],
    ];
    for label in [17, 19] {
        assert_eq!(sample_times(&notes, label), expected);
    }
    for (packet, sent) in notes.packets().iter().zip([10.0, 20.0, 30.0]) {
        assert_eq!(packet.participant_identity, "alice");
        assert_eq!((packet.sequence, &*packet.participant_sid), (0, ""));
        let batch = packet.metrics.as_ref().unwrap();
        assert_eq!(batch.timestamp_ms, at(sent).ms());
        assert_eq!(batch.normalized_timestamp, Some(at(sent).timestamp()));
    }
    drop(alice);
}

#[test]
fn intervals_of_0_are_the_defaults_and_a_batch_is_no_shorter_than_a_sample() {
    let seconds = Duration::from_secs;
    let mut config = PipelineConfig {
        collector: CollectorConfig {
            sampling: seconds(4),
            batch: seconds(1),
        },
        reporter: ReporterConfig {
            interval: seconds(8),
        },
        ..PipelineConfig::default()
    };
    let mut bench = Bench::with(config);
    let (_alice, notes) = bench.join(member("alice"));
    bench.run_until(16.0);
    // Two batches, of one sample each, are one row in a report.
    assert_eq!(sample_times(&notes, 17), [[4.0, 8.0], [12.0, 16.0]]);
    assert_eq!(notes.rows().len(), 4);

    config.collector.sampling = Duration::ZERO;
    config.collector.batch = Duration::ZERO;
    config.reporter.interval = Duration::ZERO;
    let mut bench = Bench::with(config);
    let (_alice, notes) = bench.join(member("alice"));
    bench.run_until(10.0);
    assert_eq!(sample_times(&notes, 17), [[3.0, 6.0, 9.0]]);
}

/// An interval below a slot: a tick in each slot, and no more.
#[test]
fn tiny_intervals_are_one_run_a_slot() {
    let mut bench = Bench::with(PipelineConfig {
        collector: CollectorConfig {
            sampling: Duration::from_nanos(1),
            batch: Duration::from_nanos(1),
        },
        ..PipelineConfig::default()
    });
    let (_alice, notes) = bench.join(member("alice"));
    bench.run_until(1.0);
    assert_eq!(notes.sampled().len(), 20);
}

#[test]
fn a_late_run_does_once_what_was_missed_and_keeps_the_pace() {
    let mut bench = Bench::new();
    let (_alice, notes) = bench.join(member("alice"));
    bench.pipeline.run(START);
    bench.now = at(100.5);
    bench.run_until(111.0);
    assert_eq!(notes.sampled(), [100.5, 102.0, 105.0, 108.0, 111.0]);
    assert_eq!(
        sample_times(&notes, 17),
        [vec![100.5], vec![102.0, 105.0, 108.0]]
    );
    let missed = |tick| bench.count("media_metrics_pipeline_ticks_missed_total", &[tick]);
    assert_eq!(
        (missed("sample"), missed("batch"), missed("report")),
        (32, 9, 9)
    );
}

#[test]
fn nothing_to_say_is_not_said() {
    let mut bench = Bench::new();
    let (_alice, notes) = bench.join_with(member("alice"), None);
    bench.run_until(60.0);
    assert_eq!(notes.sampled().len(), 20);
    assert!(notes.packets().is_empty());
    assert_eq!(bench.count("media_metrics_pipeline_batches_total", &[]), 0);
}

/// How often all were called, by slot.
#[derive(Clone, Default)]
struct Crowd(Arc<Mutex<BTreeMap<i64, u32>>>);

impl Provider for Crowd {
    fn collect(&mut self, samples: &mut Samples<'_>) {
        *self
            .0
            .lock()
            .unwrap()
            .entry(samples.now().ns())
            .or_default() += 1;
    }

    fn send(&mut self, _: &[u8]) -> Result<(), SendError> {
        panic!("nobody may get metrics");
    }
}

#[test]
fn ten_thousand_that_join_at_once_are_not_due_at_once() {
    let mut bench = Bench::new();
    let crowd = Crowd::default();
    let join = |i: u32| {
        let config = ParticipantConfig::new(format!("p{i}"));
        bench.room.join(config, crowd.clone(), START).unwrap()
    };
    let all: Vec<_> = (0..10_000).map(join).collect();
    bench.run_until(3.0);
    let by_slot = std::mem::take(&mut *crowd.0.lock().unwrap());
    // All were sampled once in the first 3 s, in each slot of 50 ms some: 167 would be even. Phases are even
    // over the 10 s of a batch, so those of samples come to 3 or 4 tenths a second.
    assert_eq!(by_slot.values().sum::<u32>(), 10_000);
    assert_eq!(by_slot.len(), 60);
    let (least, most) = (
        by_slot.values().min().unwrap(),
        by_slot.values().max().unwrap(),
    );
    assert!(*least >= 145 && *most <= 205, "{least} to {most} in a slot");
    for participant in all {
        participant.leave(at(3.0));
    }
}

#[test]
fn who_joins_first_wakes_whoever_runs_it() {
    let mut bench = Bench::new();
    let woken = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&woken);
    bench.pipeline.on_wake(move || {
        count.fetch_add(1, Relaxed);
    });
    // The room's report is due at 10 s, and the five at 3 - (a mod 3) s, where a is 0, 6.18, 2.36, 8.54, 4.72 s: at 3,
    // 2.82, 0.64, 0.46 and 1.28 s. All but the last are due earlier than was known.
    assert_eq!(bench.pipeline.run(START), Some(at(10.0)));
    let mut participants = Vec::new();
    let woken = ["a", "b", "c", "d", "e"].map(|name| {
        participants.push(bench.join(member(name)));
        woken.load(Relaxed)
    });
    assert_eq!(woken, [1, 2, 3, 4, 4]);
    assert_eq!(bench.pipeline.run(START), Some(at(0.5)));
    bench.run_until(0.5);
    assert_eq!(bench.pipeline.run(bench.now), Some(at(0.65)));
}

/// With the real clock, on the reporter's thread: its end is the end of all, last words included.
#[test]
fn the_reporters_thread_runs_it_and_stops_it() {
    let bench = Bench::with(PipelineConfig {
        collector: CollectorConfig {
            sampling: Duration::from_millis(50),
            batch: Duration::from_millis(50),
        },
        reporter: ReporterConfig {
            interval: Duration::from_millis(50),
        },
        ..PipelineConfig::default()
    });
    let reporter = Reporter::builder(&bench.registry).task("pipeline", bench.pipeline.task());
    let reporter = reporter.start().unwrap();
    let pipeline: &Pipeline = &bench.pipeline;
    let room = pipeline.room(pipeline.clock().now());
    let (notes, client) = {
        let notes = Notes::default();
        let client = crate::host::Client {
            identity: "alice".to_owned(),
            notes: notes.clone(),
            rtt_s: Some(0.01),
        };
        (notes, client)
    };
    let alice = room
        .join(member("alice"), client, pipeline.clock().now())
        .unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while notes.packets().len() < 3 {
        assert!(
            std::time::Instant::now() < deadline,
            "{} packets",
            notes.packets().len()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(reporter.stop(Duration::from_secs(5)));
    assert_eq!(room.participants(), 0);
    let told = notes.packets().len();
    alice.leave(pipeline.clock().now());
    pipeline.run(pipeline.clock().now().after(Duration::from_secs(60)));
    assert_eq!(notes.packets().len(), told);
    assert!(room.join(member("bob"), Crowd::default(), START).is_err());
}
