//! A participant inside: turns, and the end.
//!
//! Lives here: what is due for one participant: sample, batch, deliver, last words. Not here: the handle
//! (`participant`), decoding (`intake`), who hears it (`room`), the guarantee itself (`gate`).

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::collector::{Collector, Samples, round_trips};
use super::gate::{self, End, Gate};
use super::intake::{Context, Intake, Rejected};
use super::log::Origin;
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
            collector: Collector::new(core.config.senders.batch.string_bytes),
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
        self.room.share(self, batch, Origin::Client);
        Ok(counts)
    }

    /// Does what is due: a sample, then a batch. When it is due again; `None` if it is over.
    pub(super) fn run(&self, now: ServerTime) -> Option<ServerTime> {
        let (next, goes_on) = self.in_turn(|turn| {
            let missed = &self.room.core.metrics.ticks_missed;
            if let Some(ticks) = turn.times.sampling.take(now) {
                missed.add(metrics::SAMPLE, ticks);
                self.sample(turn, now);
            }
            if let Some(ticks) = turn.times.batching.take(now) {
                missed.add(metrics::BATCH, ticks);
                self.batch(turn);
            }
            turn.times.next()
        })?;
        goes_on.then_some(next)
    }

    /// Sends it its part of the room's report `number`. If it is about to leave, that is kept for its last words.
    pub(super) fn deliver(&self, number: u64, packets: Vec<Vec<u8>>) {
        let sent = self.in_turn(|turn| {
            turn.reported = number;
            self.send(turn, &packets);
        });
        if sent.is_none() {
            self.room.keep(self, number, packets);
        }
    }

    /// Does `work` in its turn, and gives the turn back, after a panic, too; with whether the member goes on.
    /// `None` if somebody else has the turn: whoever is making it leave.
    fn in_turn<R>(&self, work: impl FnOnce(&mut Turn) -> R) -> Option<(R, bool)> {
        let mut turn = self.gate.take()?;
        // Unwind safety: hosts' panics don't come here; of ours none leaves a turn half done.
        let done = catch_unwind(AssertUnwindSafe(|| work(&mut turn)));
        let goes_on = self.give_back(turn);
        let done = done.unwrap_or_else(|payload| resume_unwind(payload));
        Some((done, goes_on))
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

    fn last_words(&self, turn: Turn, now: ServerTime) {
        let closing = self.gate.closing();
        let mut turn = turn; // ours, so that it is dropped before the gate closes
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
        drop(closing);
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
        let Some(batch) = turn.collector.batch() else {
            return;
        };
        let metrics = &self.room.core.metrics;
        let mut intake = self.intake();
        for (path, seconds) in round_trips(&batch) {
            intake.measured(path, seconds, metrics);
        }
        drop(intake);
        metrics.batches_collected.inc();
        self.room.share(self, batch, Origin::Server);
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

#[cfg(test)]
mod tests {
    use super::super::{Pipeline, PipelineConfig, SendError};
    use super::*;
    use crate::registry::Registry;

    struct Silent;

    impl Provider for Silent {
        fn collect(&mut self, _samples: &mut Samples<'_>) {}

        fn send(&mut self, _packet: &[u8]) -> Result<(), SendError> {
            Ok(())
        }
    }

    /// A fault of our own ends a turn, not the member: it can have the next, and leave.
    #[test]
    fn a_turn_that_panics_is_given_back() {
        let registry = Registry::new().unwrap();
        let pipeline = Pipeline::new(PipelineConfig::default(), &registry).unwrap();
        let now = ServerTime::from_ns(1_700_000_000_000_000_000);
        let room = pipeline.room(now);
        let _alice = room
            .join(ParticipantConfig::new("alice"), Silent, now)
            .unwrap();
        let [member] = &room.shared.members()[..] else {
            panic!("one member");
        };
        let turn = AssertUnwindSafe(|| member.in_turn(|_| panic!("tried")));
        assert!(catch_unwind(turn).is_err());
        assert_eq!(member.in_turn(|turn| turn.reported), Some((0, true)));
        member.leave(now); // would wait for ever
        assert!(member.in_turn(|_| ()).is_none());
    }
}
