//! A participant inside: turns, and the end.
//!
//! Lives here: what is due for one participant: sample, batch, deliver, last words. Not here: the handle
//! (`participant`), decoding (`intake`), who hears it (`room`), the guarantee itself (`gate`).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::collector::{Collector, Samples};
use super::gate::{self, End, Gate};
use super::intake::{Context, Intake, Rejected};
use super::metrics;
use super::participant::ParticipantConfig;
use super::provider::Provider;
use super::room::RoomShared;
use super::schedule::TimeLine;
use crate::livekit::batch::{MergeCounts, Sender, SharedBatch};
use crate::livekit::time::ServerTime;

/// What the pipeline knows of a participant.
pub(super) struct Member {
    pub(super) room: Arc<RoomShared>,
    pub(super) place: usize,
    pub(super) identity: Box<str>,
    trusted: bool,
    intake: Mutex<Intake>,
    gate: Gate<Turn>,
}

/// What whoever has the turn works with.
struct Turn {
    provider: Box<dyn Provider>,
    collector: Collector,
    times: TimeLine,
    /// Number of the room's last report that it got.
    reported: u64,
}

impl Member {
    pub(super) fn new(
        room: Arc<RoomShared>,
        place: usize,
        config: ParticipantConfig,
        provider: Box<dyn Provider>,
        times: TimeLine,
    ) -> Self {
        let core = &room.core;
        let turn = Turn {
            provider,
            collector: Collector::default(),
            times,
            reported: 0,
        };
        let intake = Intake::new(&core.config, config.can_publish_data);
        core.metrics.participants.inc();
        Self {
            place,
            identity: config.identity.into(),
            trusted: config.trusted,
            intake: Mutex::new(intake),
            gate: Gate::new(turn),
            room,
        }
    }

    pub(super) fn intake(&self) -> MutexGuard<'_, Intake> {
        self.intake.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what `take_in` makes of what its client sent, and shares that.
    pub(super) fn on(
        &self,
        now: ServerTime,
        take_in: impl FnOnce(&mut Intake, Context<'_>) -> Result<(SharedBatch, MergeCounts), Rejected>,
    ) -> Result<MergeCounts, Rejected> {
        let core = &self.room.core;
        let context = Context {
            sender: Sender {
                identity: &self.identity,
                trusted: self.trusted,
            },
            config: &core.config,
            metrics: &core.metrics,
            now,
        };
        let (batch, counts) = take_in(&mut self.intake(), context)?;
        self.room.share(self, batch);
        Ok(counts)
    }

    /// Does what is due: a sample, then a batch. When it is due again; `None` if it is over.
    pub(super) fn run(&self, now: ServerTime) -> Option<ServerTime> {
        let mut turn = self.gate.take()?;
        let missed = &self.room.core.metrics.ticks_missed;
        if let Some(ticks) = turn.times.sampling.take(now) {
            missed.add(metrics::SAMPLE, ticks);
            self.sample(&mut turn, now);
        }
        if let Some(ticks) = turn.times.batching.take(now) {
            missed.add(metrics::BATCH, ticks);
            self.batch(&mut turn);
        }
        let next = turn.times.next();
        self.give_back(turn).then_some(next)
    }

    /// Sends it its part of the room's report `number`; not if it is about to leave, for then that is among
    /// its last words.
    pub(super) fn deliver(&self, number: u64, packets: &[Vec<u8>]) {
        let Some(mut turn) = self.gate.take() else {
            return;
        };
        turn.reported = number;
        self.send(&mut turn, packets);
        self.give_back(turn);
    }

    pub(super) fn leave(&self, now: ServerTime) {
        match self.gate.end(now) {
            End::Yours(turn) => self.last_words(turn, now),
            End::Theirs => self.gate.wait(),
            End::Over => {}
        }
    }

    /// Whether it goes on.
    fn give_back(&self, turn: Turn) -> bool {
        match self.gate.put_back(turn) {
            None => true,
            Some((turn, asked)) => {
                self.last_words(turn, asked);
                false
            }
        }
    }

    fn last_words(&self, mut turn: Turn, now: ServerTime) {
        let metrics = &self.room.core.metrics;
        self.intake().close();
        self.sample(&mut turn, now);
        self.batch(&mut turn);
        let packets = self.room.depart(self, turn.reported, now);
        self.send(&mut turn, &packets);
        if gate::call(|| drop(turn)).is_none() {
            metrics.panics.add(metrics::DROP, 1);
        }
        metrics.participants.dec();
        self.gate.close();
    }

    fn sample(&self, turn: &mut Turn, now: ServerTime) {
        let core = &self.room.core;
        let mut samples = Samples {
            collector: &mut turn.collector,
            owner: &self.identity,
            now,
            metrics: &core.metrics,
        };
        let provider = &mut turn.provider;
        core.call(metrics::COLLECT, || provider.collect(&mut samples));
    }

    fn batch(&self, turn: &mut Turn) {
        let core = &self.room.core;
        let mut intake = self.intake();
        for (path, seconds) in turn.collector.round_trips() {
            intake.measured(path, seconds, &core.metrics);
        }
        drop(intake);
        if let Some(batch) = turn.collector.batch(&self.identity, &core.metrics) {
            core.metrics.batches_collected.inc();
            self.room.share(self, batch);
        }
    }

    fn send(&self, turn: &mut Turn, packets: &[Vec<u8>]) {
        let core = &self.room.core;
        for packet in packets {
            let provider = &mut turn.provider;
            match core.call(metrics::SEND, || provider.send(packet)) {
                Some(Ok(())) => {
                    core.metrics.packets.inc();
                    core.metrics.packet_bytes.add(packet.len() as u64);
                }
                Some(Err(error)) => core.metrics.packets_failed.add(error.reason(), 1),
                None => core.metrics.packets_failed.add(metrics::PANICKED, 1),
            }
        }
    }
}
