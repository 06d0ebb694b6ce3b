//! Sessions: how participants join, how long that takes, how far their peer connections come.

use std::time::Duration;

use super::closed::Closed;
use super::labels::text::{boolean, protocol_version, times};
use super::labels::{
    ConnectionState, Country, JoinState, OTHER, ParticipantKind, PubSubDirection, Sdk, TrackKind,
    TrackSource, Transport,
};
use super::open::{Open, Place};
use super::scope::{Scope, TimesMs};
use super::{Families, catalog};
use crate::Counter;
use crate::desc::Desc;
use crate::error::RegisterError;

/// Most entries of times by protocol version: each version, with and without a warp, and those beyond.
const MAX_VERSIONS: usize = 132;

/// Most combinations of a publication's or subscription's labels.
const MAX_PUB_SUB: usize = 2_000;

#[derive(Debug)]
pub(super) struct Sessions {
    joins: Closed<JoinState, Counter>,
    connections: Closed<(Transport, ConnectionState), Counter>,
    join_latency: Open<TimesMs>,
    start_time: Open<TimesMs>,
    duration: Open<TimesMs>,
    pub_sub: Open<TimesMs>,
}

impl Sessions {
    pub(super) fn new(scope: &Scope) -> Result<Self, RegisterError> {
        let by_version = |desc| Open::new(scope, desc, MAX_VERSIONS);
        Ok(Self {
            joins: Closed::new(scope, &catalog::PARTICIPANT_JOIN_TOTAL)?,
            connections: Closed::new(scope, &catalog::PEER_CONNECTION_STATE)?,
            join_latency: by_version(&catalog::SESSION_JOIN_LATENCY_MS)?,
            start_time: by_version(&catalog::SESSION_START_TIME_MS)?,
            duration: by_version(&catalog::SESSION_DURATION_MS)?,
            pub_sub: Open::new(scope, &catalog::PUBSUBTIME_MS, MAX_PUB_SUB)?,
        })
    }
}

/// A publication or subscription whose time is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PubSub {
    /// Which wait.
    pub direction: PubSubDirection,
    /// What the track shows.
    pub source: TrackSource,
    /// What the track is made of.
    pub kind: TrackKind,
    /// Where the participant is.
    pub country: Country,
    /// What the participant's client is written with.
    pub sdk: Sdk,
    /// Who the participant is.
    pub participant: ParticipantKind,
    /// How many times this subscription has succeeded, this time included: 1 to 10 as they are, more is
    /// `other`. Of the other two directions it is always 1.
    pub count: u32,
}

impl PubSub {
    fn count(&self) -> &'static str {
        match self.direction {
            PubSubDirection::Subscribe => times(self.count),
            PubSubDirection::Publish | PubSubDirection::SubscribeStreamStart => times(1),
        }
    }
}

impl Families {
    /// A participant's joining came this far, or failed: `livekit_participant_join_total`.
    pub fn join(&self, state: JoinState) {
        self.inner.sessions.joins.get(state).inc();
    }

    /// A peer connection reached a state: `livekit_peer_connection_state`. To be told once for each transport
    /// and state, `started` once for each sequence of connecting.
    pub fn peer_connection(&self, transport: Transport, state: ConnectionState) {
        let connections = &self.inner.sessions.connections;
        connections.get((transport, state)).inc();
    }

    /// The initial response was written, this long after the request: `livekit_session_join_latency_ms`.
    ///
    /// Versions from 0 to 64 have a series each, as in the next two.
    pub fn session_join_latency(&self, version: i32, latency: Duration) {
        let sessions = &self.inner.sessions;
        let desc = &catalog::SESSION_JOIN_LATENCY_MS;
        let values = [&*protocol_version(version)];
        self.record(&sessions.join_latency, desc, values, latency);
    }

    /// The primary transport connected for the first time, this long after the session's start:
    /// `livekit_session_start_time_ms`.
    pub fn session_start_time(&self, version: i32, warp: bool, time: Duration) {
        let sessions = &self.inner.sessions;
        let desc = &catalog::SESSION_START_TIME_MS;
        let values = [&*protocol_version(version), boolean(warp)];
        self.record(&sessions.start_time, desc, values, time);
    }

    /// A participant disconnected, this long after first being active: `livekit_session_duration_ms`.
    pub fn session_duration(&self, version: i32, duration: Duration) {
        let sessions = &self.inner.sessions;
        let desc = &catalog::SESSION_DURATION_MS;
        let values = [&*protocol_version(version)];
        self.record(&sessions.duration, desc, values, duration);
    }

    /// A publication or subscription took this long: `livekit_pubsubtime_ms`.
    pub fn pub_sub_time(&self, of: &PubSub, time: Duration) {
        self.with(self.pub_sub_times(of), |times| times.record(time));
    }

    /// The histogram of such publications or subscriptions, for whoever has many.
    ///
    /// # Errors
    /// Not even `other` found room in the registry.
    pub fn pub_sub_times(&self, of: &PubSub) -> Result<TimesMs, RegisterError> {
        let values = [
            of.direction.as_str(),
            of.source.as_str(),
            of.kind.as_str(),
            of.country.as_str(),
            of.sdk.as_str(),
            of.participant.as_str(),
            of.count(),
        ];
        let mut folded = [OTHER; 7];
        folded[0] = of.direction.as_str();
        let times = &self.inner.sessions.pub_sub;
        self.times(times, &catalog::PUBSUBTIME_MS, values, folded)
    }

    /// Records into the histogram with these values, which are of closed sets.
    fn record<const N: usize>(
        &self,
        times: &Open<TimesMs>,
        desc: &Desc,
        values: [&str; N],
        time: Duration,
    ) {
        let found = self.times(times, desc, values, [OTHER; N]);
        self.with(found, |times| times.record(time));
    }

    fn times<const N: usize>(
        &self,
        times: &Open<TimesMs>,
        desc: &Desc,
        values: [&str; N],
        folded: [&str; N],
    ) -> Result<TimesMs, RegisterError> {
        let made = |place: &Place<'_>, values: [&str; N]| place.series(desc, &values);
        let found = times.get(&self.inner.scope, Some(values), folded, made);
        found.map(|times| TimesMs::clone(&times))
    }
}
