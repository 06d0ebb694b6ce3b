//! The books balance: what was taken and not told is counted, once; and what is held is what was charged.

use std::sync::{Arc, Mutex};

use media_metrics_core::Registry;
use media_metrics_core::livekit::batch::Limits;
use media_metrics_core::livekit::messages::{
    EventMetric, MetricSample, MetricsBatch, TimeSeriesMetric,
};
use media_metrics_core::livekit::pipeline::{
    Participant, Pipeline, PipelineConfig, Rate, Samples, SenderLimits,
};

use crate::host::{Bench, Calls, Client, Notes, START, at, batch, member};

/// Six batches of 1,000 samples of one row, of which a report takes 4,096: 904 of the fifth are cut, the sixth
/// finds no room.
#[test]
fn samples_that_a_report_cuts_are_counted() {
    let mut bench = Bench::new();
    let (alice, notes) = bench.join_with(member("alice"), None);
    for i in 0..6 {
        let sample = |k| MetricSample {
            timestamp_ms: i64::from(i * 1_000 + k),
            normalized_timestamp: None,
            value: 1.0,
        };
        let row = TimeSeriesMetric {
            label: 100,
            samples: (0..1_000).map(sample).collect(),
            ..TimeSeriesMetric::default()
        };
        let said = MetricsBatch {
            time_series: vec![row],
            ..MetricsBatch::default()
        };
        alice.on_metrics(said, at(0.1)).unwrap();
    }
    bench.run_until(10.0);
    let told: usize = notes.rows().iter().map(|row| row.samples.len()).sum();
    assert_eq!(told, 4_096);
    let rows = bench.count("media_metrics_pipeline_report_rows_dropped_total", &[]);
    let samples = bench.count("media_metrics_pipeline_report_samples_dropped_total", &[]);
    assert_eq!((rows, samples), (1, 1_904));
}

/// Rows that are 2 bytes on the wire and over a hundred in memory: the log holds what it says it holds.
#[test]
fn a_log_is_charged_for_memory() {
    let log_bytes = SenderLimits::default().log_bytes;
    let bench = Bench::with(PipelineConfig {
        senders: SenderLimits {
            batches: Rate {
                per_second: 1_000,
                burst: 1_000,
            },
            ..SenderLimits::default()
        },
        ..PipelineConfig::default()
    });
    let (alice, _notes) = bench.join_with(member("alice"), None);
    let said = MetricsBatch {
        events: vec![EventMetric::default(); 4_000],
        ..MetricsBatch::default()
    };
    let say = || alice.on_metrics(said.clone(), START).unwrap();
    say(); // what is made once
    let held = allocation_counter::measure(|| {
        for _ in 0..60 {
            say();
        }
    });
    let dropped = bench.count(
        "media_metrics_pipeline_batches_dropped_total",
        &["sender_full"],
    );
    assert!(dropped > 0, "the log was filled");
    let held = usize::try_from(held.bytes_current).unwrap();
    assert!(held <= log_bytes + log_bytes / 8, "{held} of {log_bytes}");
    assert!(held >= log_bytes / 4, "{held} of {log_bytes}");
}

/// The sender leaves while its batch is on its way: accepted, and then nobody gets it.
#[test]
fn a_batch_of_one_that_has_left_is_counted() {
    let registry = Registry::new().unwrap();
    let pipeline = Pipeline::new(PipelineConfig::default(), &registry).unwrap();
    let slot = Arc::new(Mutex::new(None::<Arc<Participant>>));
    let leaves = Arc::clone(&slot);
    let audience = move |_: &str, _: &str| {
        if let Some(sender) = leaves.lock().unwrap().take() {
            sender.leave(at(1.0));
        }
        true
    };
    let room = pipeline.room_with_audience(audience, START);
    let join = |identity: &str| {
        let client = Client {
            identity: identity.to_owned(),
            notes: Notes::default(),
            rtt_s: None,
        };
        Arc::new(room.join(member(identity), client, START).unwrap())
    };
    let (alice, _bob) = (join("alice"), join("bob"));
    *slot.lock().unwrap() = Some(Arc::clone(&alice));
    let counts = alice.on_metrics(batch(1, &[(0, "", 1.0)]), at(1.0));
    assert_eq!(counts.unwrap().rows, 1);
    let dropped = registry
        .collect()
        .counter("media_metrics_pipeline_batches_dropped_total", &["left"]);
    assert_eq!(dropped, Some(1));
}

/// What the answers of a host's samples were, with what became of them.
fn answers(config: PipelineConfig, measure: impl Fn(&mut Samples<'_>) + Send + 'static) -> Bench {
    let mut bench = Bench::with(config);
    let once = Mutex::new(Some(measure));
    let collect = move |samples: &mut Samples<'_>| {
        if let Some(measure) = once.lock().unwrap().take() {
            measure(samples);
        }
    };
    let alice = Calls(collect, |_: &[u8]| Ok(()));
    let _alice = bench.room.join(member("alice"), alice, START).unwrap();
    bench.run_until(10.0);
    bench
}

#[test]
fn a_sample_whose_identity_is_too_long_is_refused_once() {
    let long = "x".repeat(513);
    let bench = answers(PipelineConfig::default(), move |samples| {
        let error = samples.publisher_rtt(&long, 0.1).unwrap_err();
        assert_eq!(error.reason(), "identity_too_long");
        samples.relay_rtt(&long[..512], 0.1).unwrap();
    });
    let refused = |reason| bench.count("media_metrics_pipeline_samples_refused_total", &[reason]);
    assert_eq!(
        (refused("identity_too_long"), refused("over_limit")),
        (1, 0)
    );
    assert_eq!(bench.count("media_metrics_pipeline_samples_total", &[]), 1);
    let panics = bench.count("media_metrics_pipeline_panics_total", &["collect"]);
    assert_eq!(panics, 0);
}

/// Where longer identities are allowed, the server may speak of them, too.
#[test]
fn a_longer_identity_is_no_fault_where_it_may_join() {
    let long = "x".repeat(2_000);
    let config = PipelineConfig {
        senders: SenderLimits {
            batch: Limits {
                string_bytes: 2_000,
                ..Limits::default()
            },
            ..SenderLimits::default()
        },
        ..PipelineConfig::default()
    };
    let bench = answers(config, move |samples| {
        samples.publisher_rtt(&long, 0.1).unwrap();
    });
    let batches = bench.count("media_metrics_pipeline_batches_total", &[]);
    assert_eq!(batches, 1);
    let refused = |reason| bench.count("media_metrics_pipeline_samples_refused_total", &[reason]);
    assert_eq!(
        (refused("identity_too_long"), refused("over_limit")),
        (0, 0)
    );
}

/// 400 identities of 500 bytes are more than the strings of a batch may be: each answer is the truth.
#[test]
fn a_sample_is_taken_and_told_or_refused() {
    let mut bench = Bench::new();
    let notes = Arc::new(Mutex::new(Vec::new()));
    let said = Arc::clone(&notes);
    let collect = move |samples: &mut Samples<'_>| {
        let mut said = said.lock().unwrap();
        if said.is_empty() {
            let identity = |i: usize| format!("{i:0500}");
            said.extend((0..400).map(|i| samples.publisher_rtt(&identity(i), 0.1).is_ok()));
        }
    };
    let alice = Calls(collect, |_: &[u8]| Ok(()));
    let alice = bench.room.join(member("alice"), alice, START).unwrap();
    let (bob, others) = bench.join_with(member("bob"), None);
    bob.subscribe(&alice).unwrap();
    bench.run_until(10.0);
    let taken = notes.lock().unwrap().iter().filter(|ok| **ok).count();
    assert!((200..400).contains(&taken), "{taken}");
    let told = others.rows().iter().filter(|row| row.label == 17).count();
    assert_eq!(told, taken);
    let count = |name, labels: &[&str]| bench.count(name, labels) as usize;
    assert_eq!(count("media_metrics_pipeline_samples_total", &[]), taken);
    let refused = count(
        "media_metrics_pipeline_samples_refused_total",
        &["over_limit"],
    );
    assert_eq!(refused, 400 - taken);
}

/// Finite, and no time that anybody could measure: it is told, and is no latency of the client's families.
#[test]
fn an_absurd_round_trip_is_counted_as_out_of_range() {
    let bench = answers(PipelineConfig::default(), |samples| {
        samples.subscriber_rtt(f32::MAX).unwrap();
    });
    let dropped = bench.count("media_client_samples_dropped_total", &["out_of_range"]);
    assert_eq!(dropped, 1);
}

/// A client that fills its share of the log to the brim does not push out what the server measures of it.
#[test]
fn a_client_can_not_push_out_the_servers_round_trips() {
    let mut bench = Bench::with(PipelineConfig {
        senders: SenderLimits {
            batches: Rate {
                per_second: 1_000,
                burst: 1_000,
            },
            log_bytes: 100_000,
            ..SenderLimits::default()
        },
        ..PipelineConfig::default()
    });
    let (mallory, _notes) = bench.join(member("mallory"));
    let (bob, notes) = bench.join_with(member("bob"), None);
    bob.subscribe(&mallory).unwrap();
    let full = || {
        bench.count(
            "media_metrics_pipeline_batches_dropped_total",
            &["sender_full"],
        )
    };
    for bytes in [4_000, 400, 40, 4, 0] {
        let before = full();
        let event = EventMetric {
            metadata: "x".repeat(bytes),
            ..EventMetric::default()
        };
        while full() == before {
            let said = MetricsBatch {
                events: vec![event.clone()],
                ..MetricsBatch::default()
            };
            mallory.on_metrics(said, START).unwrap();
        }
    }
    bench.run_until(10.0);
    let told: Vec<_> = notes.rows().iter().map(|row| row.label).collect();
    assert_eq!(told, [17, 19]);
}
