//! A participant: what comes from its client, what is due for it, and its end.
//!
//! Lives here: the handle, and turns: sample, batch, deliver, last words. Not here: decoding (`intake`), who
//! hears it (`room`), the guarantee itself (`gate`).

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::collector::{Collector, Samples};
use super::gate::{self, End, Gate};
use super::intake::{Context, Intake, Rejected};
use super::members::Standing;
use super::metrics;
use super::provider::Provider;
use super::room::RoomShared;
use super::schedule::TimeLine;
use crate::livekit::batch::{MergeCounts, Sender, SharedBatch};
use crate::livekit::messages::MetricsBatch;
use crate::livekit::time::ServerTime;
use crate::livekit::timestamper::Diagnostics;

/// Who joins, and what they may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParticipantConfig {
    /// The participant's identity.
    pub identity: String,
    /// Whether it may speak for others, as agents do. Default: no.
    pub trusted: bool,
    /// Whether it is in the state ACTIVE. Default: no.
    pub active: bool,
    /// Whether its client may send metrics: the grant `canPublishData`. Default, as in the reference: yes.
    pub can_publish_data: bool,
    /// Whether its client is told metrics: the grant `canSubscribeMetrics`. Default: no.
    pub can_subscribe_metrics: bool,
}

impl ParticipantConfig {
    /// With defaults for all else.
    #[must_use]
    pub fn new(identity: impl Into<String>) -> Self {
        Self {
            identity: identity.into(),
            trusted: false,
            active: false,
            can_publish_data: true,
            can_subscribe_metrics: false,
        }
    }

    pub(super) const fn standing(&self) -> Standing {
        Standing {
            active: self.active,
            can_subscribe_metrics: self.can_subscribe_metrics,
        }
    }
}

/// A participant in a room. Dropping it is leaving, by [`Pipeline::clock`](super::Pipeline::clock).
///
/// No method holds a lock while it calls the host. "Blocks for a moment" below means a mutex that is held for
/// microseconds by whoever has it.
pub struct Participant {
    member: Arc<Member>,
}

impl fmt::Debug for Participant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Participant")
            .field("identity", &self.member.identity)
            .finish_non_exhaustive()
    }
}

/// The other participant is of another room: participants hear of their own room only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtherRoom;

impl fmt::Display for OtherRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the publisher is in another room: subscribe within one room")
    }
}

impl std::error::Error for OtherRoom {}

impl Participant {
    pub(super) const fn of(member: Arc<Member>) -> Self {
        Self { member }
    }

    /// The participant's identity.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.member.identity
    }

    /// Whether it is in the state ACTIVE: only then is its client told metrics. What was reported before does
    /// not come later.
    ///
    /// - **Blocks** for a moment.
    pub fn set_active(&self, active: bool) {
        self.set_standing(|standing| standing.active = active);
    }

    /// Changes the grant `canSubscribeMetrics`, for what is reported from now on.
    ///
    /// - **Blocks** for a moment.
    pub fn set_can_subscribe_metrics(&self, can: bool) {
        self.set_standing(|standing| standing.can_subscribe_metrics = can);
    }

    /// Changes the grant `canPublishData`.
    ///
    /// - **Blocks** for as long as one batch of this client takes, if one is being taken in.
    pub fn set_can_publish_data(&self, can: bool) {
        self.member.intake().can_publish_data = can;
    }

    fn set_standing(&self, change: impl FnOnce(&mut Standing)) {
        let member = &self.member;
        member.room.with([member], |members| {
            members.set_standing(member.place, change);
        });
    }

    /// From now on it is told what `publisher` reports. Call it with the first track that it subscribes to;
    /// once more changes nothing. Means nothing in a room with an [`Audience`](super::Audience).
    ///
    /// - **Blocks** for a moment.
    ///
    /// # Errors
    /// `publisher` is of another room.
    pub fn subscribe(&self, publisher: &Self) -> Result<(), OtherRoom> {
        self.set_subscribed(publisher, true)
    }

    /// It is no longer told: its last track of `publisher` is gone.
    ///
    /// - **Blocks** for a moment.
    ///
    /// # Errors
    /// `publisher` is of another room.
    pub fn unsubscribe(&self, publisher: &Self) -> Result<(), OtherRoom> {
        self.set_subscribed(publisher, false)
    }

    fn set_subscribed(&self, publisher: &Self, subscribed: bool) -> Result<(), OtherRoom> {
        let (receiver, publisher) = (&self.member, &publisher.member);
        if !Arc::ptr_eq(&receiver.room, &publisher.room) {
            return Err(OtherRoom);
        }
        // Who has left has no subscriptions; that is no error.
        receiver.room.with([receiver, publisher], |members| {
            members.set_subscribed(receiver.place, publisher.place, subscribed);
        });
        Ok(())
    }

    /// Takes in a `DataPacket` with metrics from this participant's client, as it came: checks, decodes, maps
    /// its times, counts it, and puts it into the reports of all who are told.
    ///
    /// Returns what was kept and what was dropped of it; a batch without a good row is accepted, too.
    ///
    /// - **Threads**: any; one batch of a participant at a time.
    /// - **Blocks** for as long as another batch of this client takes, and for a moment on the room's lock.
    /// - **Cost**: of the batch's size; and a few instructions for each 64 participants of the room.
    ///
    /// # Errors
    /// Why it was rejected whole. It is counted, too.
    pub fn on_data_packet(&self, packet: &[u8], now: ServerTime) -> Result<MergeCounts, Rejected> {
        self.member
            .on(now, |intake, context| intake.packet(packet, context))
    }

    /// [`on_data_packet`](Self::on_data_packet) for a batch that the host has decoded. Its encoded length
    /// counts against the limits.
    ///
    /// # Errors
    /// As there.
    pub fn on_metrics(
        &self,
        batch: MetricsBatch,
        now: ServerTime,
    ) -> Result<MergeCounts, Rejected> {
        self.member
            .on(now, |intake, context| intake.batch(batch, context))
    }

    /// What is known of the client's clock.
    ///
    /// - **Blocks** for as long as one batch of this client takes, if one is being taken in.
    #[must_use]
    pub fn diagnostics(&self) -> Diagnostics {
        self.member.intake().diagnostics()
    }

    /// The participant leaves: a last sample is taken, the last batch made and shared, what its client has
    /// still to be told is sent; then it is over. Once more does nothing.
    ///
    /// When this returns, no callback of its [`Provider`] runs or will run, on any thread, and the provider is
    /// dropped. If one is running, this waits for it: so don't hold a lock that a callback takes. From inside a
    /// callback of any participant it does not wait; if the one that leaves is in a callback just then, the last
    /// words follow when that returns, on its thread.
    ///
    /// - **Blocks** for its own callbacks.
    pub fn leave(&self, now: ServerTime) {
        self.member.leave(now);
    }
}

impl Drop for Participant {
    fn drop(&mut self) {
        self.leave(self.member.room.core.clock.now());
    }
}

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

    fn intake(&self) -> MutexGuard<'_, Intake> {
        self.intake.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn on(
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
