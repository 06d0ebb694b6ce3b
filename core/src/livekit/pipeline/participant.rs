//! A participant, as the host sees it.
//!
//! Lives here: the handle: what comes from the client, what it may, its end. Not here: what is due for it
//! (`member`), decoding (`intake`), who hears it (`room`).

use std::fmt;
use std::sync::Arc;

use super::intake::Rejected;
use super::member::Member;
use super::members::Standing;
use crate::livekit::batch::MergeCounts;
use crate::livekit::messages::MetricsBatch;
use crate::livekit::time::ServerTime;
use crate::livekit::timestamper::Diagnostics;

/// Who joins, and what they may.
///
/// Whether it is hidden makes no difference here: what a client's packet says of its sender is never passed on,
/// and whoever is not subscribed to it hears nothing.
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

    /// Whether it is in the state ACTIVE: only then is its client told metrics. It holds for what is reported
    /// from now on: what was not for it before does not come later, and what was for it still comes with the
    /// next report, as in the reference.
    ///
    /// - **Blocks** for a moment.
    pub fn set_active(&self, active: bool) {
        self.set_standing(|standing| standing.active = active);
    }

    /// Changes the grant `canSubscribeMetrics`, for what is reported from now on: what was for it before still
    /// comes with the next report.
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
    /// When this returns, no callback of its [`Provider`](super::Provider) runs or will run, on any thread, and the provider is
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
