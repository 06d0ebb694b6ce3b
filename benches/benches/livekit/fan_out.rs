//! A room of a thousand in which everybody hears everybody: batches to a thousand receivers, and their reports.
//!
//! The floor is what no design is spared: the bytes of each receiver's packet, copied. The naive contender is
//! the reference's way: each receiver has a builder, into which each batch is merged as it comes.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use media_metrics_benches::contest::{Contest, Role};
use media_metrics_benches::options::Options;
use media_metrics_benches::results::Section;
use media_metrics_core::Registry;
use media_metrics_core::livekit::Rules;
use media_metrics_core::livekit::batch::{Builder, Restriction};
use media_metrics_core::livekit::messages::MetricsBatch;
use media_metrics_core::livekit::pipeline::{
    Participant, ParticipantConfig, Pipeline, PipelineConfig, Provider, Rate, Samples, SendError,
};
use media_metrics_core::livekit::time::ServerTime;
use prost::Message;

use crate::START;
use crate::batch::client_batch;

const RECEIVERS: usize = 1_000;
/// Batches that come from one report to the next.
const BATCHES: u64 = 100;

/// A client that counts what it is sent.
pub(crate) struct Client(pub(crate) Arc<AtomicU64>);

impl Provider for Client {
    fn collect(&mut self, _samples: &mut Samples<'_>) {}

    fn send(&mut self, packet: &[u8]) -> Result<(), SendError> {
        self.0.fetch_add(packet.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

/// Of the rows of [`client_batch`], those for everybody: agents' latencies. Without an identity: whoever
/// sends it, it is theirs.
fn batch() -> MetricsBatch {
    let mut batch = client_batch();
    for row in &mut batch.time_series {
        (row.label, row.participant_identity) = (row.label % 3, 0);
    }
    batch
}

/// A room of ours, from one report to the next.
struct Ours {
    pipeline: Pipeline,
    members: Vec<Participant>,
    now: ServerTime,
    bytes: Arc<AtomicU64>,
}

impl Ours {
    fn new() -> Self {
        let registry = Registry::new().expect("a registry");
        let mut config = PipelineConfig::default();
        let all = Rate {
            per_second: u32::MAX,
            burst: u32::MAX,
        };
        (config.senders.batches, config.senders.bytes) = (all, all);
        config.senders.log_bytes = usize::MAX;
        let pipeline = Pipeline::new(config, &registry).expect("a pipeline");
        let room = pipeline.room_with_audience(|_: &str, _: &str| true, START);
        let bytes = Arc::new(AtomicU64::new(0));
        let members = (0..RECEIVERS)
            .map(|n| {
                let mut config = ParticipantConfig::new(format!("participant-{n}"));
                (config.active, config.can_subscribe_metrics) = (true, true);
                room.join(config, Client(Arc::clone(&bytes)), START)
                    .expect("a place")
            })
            .collect();
        Self {
            pipeline,
            members,
            now: START,
            bytes,
        }
    }

    /// Batches come in, each from another participant.
    fn take_in(&self, batch: &MetricsBatch) {
        for sender in self.members.iter().take(BATCHES as usize) {
            let counts = sender.on_metrics(batch.clone(), self.now).expect("a batch");
            assert_eq!(counts.rows_dropped(), 0);
        }
    }

    /// An interval passes: reports are made and sent.
    fn report(&mut self) -> u64 {
        self.now = self.now.after(Duration::from_secs(10));
        self.bytes.store(0, Ordering::Relaxed);
        self.pipeline.run(self.now);
        self.bytes.load(Ordering::Relaxed)
    }
}

pub(crate) fn run(options: &Options, section: &mut Section) {
    const TITLE: &str = "fan-out: a batch to 1,000 receivers, 100 batches a report";
    if !options.wants(TITLE) {
        return;
    }
    let batch = batch();
    let report = vec![7_u8; BATCHES as usize * batch.encoded_len()];
    let [mut before, mut ours] = [Ours::new(), Ours::new()];
    let mut contest = Contest::new(TITLE, "us a batch", BATCHES as f64 * 1e3);
    contest.enter(Role::Floor, "copying the bytes of 1,000 reports", |_, n| {
        let start = Instant::now();
        for _ in 0..n * RECEIVERS as u64 {
            drop(black_box(black_box(&report).clone()));
        }
        start.elapsed()
    });
    contest.enter(Role::Part, "shared, before the report", |_, n| {
        let mut took = Duration::ZERO;
        for _ in 0..n {
            let start = Instant::now();
            before.take_in(&batch);
            took += start.elapsed();
            assert!(before.report() > RECEIVERS as u64 * 1_000);
        }
        took
    });
    contest.enter(Role::Ours, "shared, with reports made and sent", |_, n| {
        let start = Instant::now();
        for _ in 0..n {
            ours.take_in(&batch);
            assert!(ours.report() > RECEIVERS as u64 * 1_000);
        }
        start.elapsed()
    });
    contest.enter(Role::Part, "merged for each, before the report", |_, n| {
        merged_for_each(&batch, n, false)
    });
    contest.enter(Role::Naive, "merged for each, with reports made", |_, n| {
        merged_for_each(&batch, n, true)
    });
    let outcome = contest.hold(options, &[1]);
    let of = |name: &str| {
        let row = outcome.rows.iter().find(|row| row.name == name);
        row.and_then(|row| row.cells.first())
            .map_or(f64::NAN, |cell| cell.median)
    };
    section.outcome(&outcome);
    let share = |ours, theirs| of(ours) / of(theirs) * 20.0;
    section.goal(
        "fan-out to 1,000, before the report: 20 times our cost, as a share of merging for each",
        share(
            "shared, before the report",
            "merged for each, before the report",
        ),
        1.0,
        "",
    );
    section.goal(
        "fan-out to 1,000, reports included: 20 times our cost, as a share of merging for each",
        share(
            "shared, with reports made and sent",
            "merged for each, with reports made",
        ),
        1.0,
        "",
    );
}

/// The reference's way: a builder a receiver.
fn merged_for_each(batch: &MetricsBatch, n: u64, with_reports: bool) -> Duration {
    let mut took = Duration::ZERO;
    for _ in 0..n {
        let receiver = |n| {
            Builder::new(Restriction::client_statistics(format!("participant-{n}")))
                .with_rules(Rules::Reference)
        };
        let mut receivers: Vec<_> = (0..RECEIVERS).map(receiver).collect();
        let start = Instant::now();
        for _ in 0..BATCHES {
            receivers.iter_mut().for_each(|receiver| {
                black_box(receiver.merge(batch));
            });
        }
        if with_reports {
            for receiver in &mut receivers {
                let bytes: usize = receiver
                    .encode(usize::MAX)
                    .iter()
                    .map(|m| m.bytes().len())
                    .sum();
                assert!(black_box(bytes) > 1_000);
            }
        }
        took += start.elapsed();
        assert!(with_reports || receivers.iter().all(|receiver| !receiver.is_empty()));
    }
    took
}
