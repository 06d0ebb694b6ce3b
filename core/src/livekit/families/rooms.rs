//! Rooms, participants and tracks: who is there, and what became of publications and subscriptions.

use std::time::Duration;

use super::closed::Closed;
use super::labels::{PublishState, SubscribeState, TrackKind};
use super::level::{Level, Present};
use super::scope::Scope;
use super::{Families, catalog};
use crate::Counter;
use crate::error::RegisterError;
use crate::histogram::ExactHistogram;

#[derive(Debug)]
pub(super) struct Rooms {
    open: Level,
    duration: ExactHistogram,
    participants: Level,
    published: Closed<TrackKind, Level>,
    subscribed: Closed<TrackKind, Level>,
    publish: Closed<(TrackKind, PublishState), Counter>,
    subscribe: Closed<SubscribeState, Counter>,
}

impl Rooms {
    pub(super) fn new(scope: &Scope) -> Result<Self, RegisterError> {
        Ok(Self {
            open: scope.series(&catalog::ROOM_TOTAL, &[])?,
            duration: scope.series(&catalog::ROOM_DURATION_SECONDS, &[])?,
            participants: scope.series(&catalog::PARTICIPANT_TOTAL, &[])?,
            published: Closed::new(scope, &catalog::TRACK_PUBLISHED_TOTAL)?,
            subscribed: Closed::new(scope, &catalog::TRACK_SUBSCRIBED_TOTAL)?,
            publish: Closed::new(scope, &catalog::TRACK_PUBLISH_COUNTER)?,
            subscribe: Closed::new(scope, &catalog::TRACK_SUBSCRIBE_COUNTER)?,
        })
    }
}

/// An open room. [`close`](Self::close) it, so that its duration is known; dropped, it is closed without.
#[derive(Debug)]
#[must_use = "the room is open for as long as this is kept"]
pub struct Room {
    duration: ExactHistogram,
    open: Present,
}

impl Room {
    /// The room closed, this long after its creation; whole seconds count.
    pub fn close(self, lasted: Duration) {
        self.duration.record(lasted.as_secs() as f64);
        drop(self.open);
    }
}

impl Families {
    /// A room was created: `livekit_room_total` is one more for as long as it is open.
    pub fn room(&self) -> Room {
        let rooms = &self.inner.rooms;
        Room {
            duration: rooms.duration.clone(),
            open: self.hold(&rooms.open),
        }
    }

    /// A room was created, whose end [`room_closed`](Self::room_closed) will tell: for hosts that can't keep a
    /// [`Room`].
    pub fn room_created(&self) {
        self.inner.rooms.open.raise();
    }

    /// A room closed, this long after its creation; whole seconds count. Ignored and counted if none is open.
    pub fn room_closed(&self, lasted: Duration) {
        let rooms = &self.inner.rooms;
        if self.end(&rooms.open) {
            rooms.duration.record(lasted.as_secs() as f64);
        }
    }

    /// A participant is there (joined, active or resumed) for as long as the guard lives:
    /// `livekit_participant_total`.
    pub fn participant(&self) -> Present {
        self.hold(&self.inner.rooms.participants)
    }

    /// A participant came, whose end [`participant_left`](Self::participant_left) will tell.
    pub fn participant_came(&self) {
        self.inner.rooms.participants.raise();
    }

    /// A participant left. Ignored and counted if none is there.
    pub fn participant_left(&self) {
        self.end(&self.inner.rooms.participants);
    }

    /// A track is published for as long as the guard lives: `livekit_track_published_total`.
    pub fn published_track(&self, kind: TrackKind) -> Present {
        self.hold(self.inner.rooms.published.get(kind))
    }

    /// A track was published, whose end [`track_unpublished`](Self::track_unpublished) will tell.
    pub fn track_published(&self, kind: TrackKind) {
        self.inner.rooms.published.get(kind).raise();
    }

    /// A track is no longer published. Ignored and counted if none of the kind is.
    pub fn track_unpublished(&self, kind: TrackKind) {
        self.end(self.inner.rooms.published.get(kind));
    }

    /// A track is subscribed to for as long as the guard lives: `livekit_track_subscribed_total`.
    pub fn subscribed_track(&self, kind: TrackKind) -> Present {
        self.hold(self.inner.rooms.subscribed.get(kind))
    }

    /// A track was subscribed to, whose end [`track_unsubscribed`](Self::track_unsubscribed) will tell.
    pub fn track_subscribed(&self, kind: TrackKind) {
        self.inner.rooms.subscribed.get(kind).raise();
    }

    /// A track is no longer subscribed to. Ignored and counted if none of the kind is.
    pub fn track_unsubscribed(&self, kind: TrackKind) {
        self.end(self.inner.rooms.subscribed.get(kind));
    }

    /// A publication was asked for, succeeded or was cancelled: `livekit_track_publish_counter`.
    pub fn track_publish(&self, kind: TrackKind, state: PublishState) {
        self.inner.rooms.publish.get((kind, state)).inc();
    }

    /// A subscription was wished for, succeeded, failed or was cancelled: `livekit_track_subscribe_counter`.
    pub fn track_subscribe(&self, state: SubscribeState) {
        self.inner.rooms.subscribe.get(state).inc();
    }
}
