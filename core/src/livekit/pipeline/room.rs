//! A room: who hears whom, and the report of its interval.
//!
//! Lives here: the handle, fan-out, the room's tick. Not here: sets (`members`), packets (`report`), what a
//! participant does (`participant`).
//!
//! All receivers of a room report at the same ticks, the room's. So one log serves them all, what many get is
//! made once, and the log is cleared whole.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::gate;
use super::log::{Entry, Log, Origin, Refused};
use super::member::Member;
use super::members::Members;
use super::metrics;
use super::participant::{Participant, ParticipantConfig};
use super::plan::Core;
use super::provider::{Audience, Provider};
use super::report::Press;
use super::schedule::Ticks;
use super::sending::{Sending, Waiting};
use crate::livekit::batch::SharedBatch;
use crate::livekit::time::ServerTime;

/// A room: participants that may hear of each other. Cheap to clone; made by
/// [`Pipeline::room`](super::Pipeline::room).
///
/// It lasts as long as a handle or a participant of it.
#[derive(Clone, Debug)]
pub struct Room {
    pub(super) shared: Arc<RoomShared>,
}

pub(super) struct RoomShared {
    pub(super) core: Arc<Core>,
    audience: Option<Box<dyn Audience>>,
    state: Mutex<State>,
}

struct State {
    members: Members<Arc<Member>>,
    log: Log,
    ticks: Ticks,
    /// Logs taken so far.
    reports: u64,
    /// The log that is being reported.
    sending: Option<Arc<Sending>>,
    /// What waits for those who are leaving.
    waiting: Waiting,
}

impl fmt::Debug for RoomShared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoomShared").finish_non_exhaustive()
    }
}

/// Why a participant did not join.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JoinError {
    /// The pipeline has been stopped.
    Stopped,
    /// A participant needs an identity.
    NoIdentity,
    /// The identity is longer than strings of a batch may be.
    IdentityTooLong {
        /// Its bytes.
        bytes: usize,
        /// The limit: that of [`SenderLimits::batch`](super::SenderLimits::batch) on strings.
        limit: usize,
    },
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("the pipeline has been stopped: make a new one"),
            Self::NoIdentity => f.write_str("a participant needs an identity that is not empty"),
            Self::IdentityTooLong { bytes, limit } => write!(
                f,
                "an identity of {bytes} bytes is longer than {limit}: shorten it, or raise string_bytes"
            ),
        }
    }
}

impl std::error::Error for JoinError {}

impl Room {
    /// A participant joins, at `now`. Its first sample is taken within one sampling interval.
    ///
    /// Two participants of one identity are two participants.
    ///
    /// - **Blocks** for a moment on the room's lock.
    ///
    /// # Errors
    /// The pipeline is stopped, or the identity is empty or too long.
    pub fn join(
        &self,
        config: ParticipantConfig,
        provider: impl Provider + 'static,
        now: ServerTime,
    ) -> Result<Participant, JoinError> {
        let limit = self.shared.core.config.senders.batch.string_bytes;
        let bytes = config.identity.len();
        if bytes == 0 {
            return Err(JoinError::NoIdentity);
        }
        if bytes > limit {
            return Err(JoinError::IdentityTooLong { bytes, limit });
        }
        let joined = self.shared.core.join(now, |times| {
            let room = Arc::clone(&self.shared);
            let standing = config.standing();
            let mut state = self.shared.lock();
            state.members.join(standing, |place| {
                Arc::new(Member::new(room, place, config, Box::new(provider), times))
            })
        });
        joined.map(Participant::of).ok_or(JoinError::Stopped)
    }

    /// Participants that are in it now.
    #[must_use]
    pub fn participants(&self) -> usize {
        self.shared.lock().members.iter().count()
    }
}

impl RoomShared {
    pub(super) fn new(core: Arc<Core>, audience: Option<Box<dyn Audience>>, ticks: Ticks) -> Self {
        core.metrics.rooms.inc();
        Self {
            core,
            audience,
            state: Mutex::new(State {
                members: Members::new(),
                log: Log::default(),
                ticks,
                reports: 0,
                sending: None,
                waiting: Waiting::default(),
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `change` have the sets, if all of these are in their places.
    pub(super) fn with<const N: usize>(
        &self,
        members: [&Member; N],
        change: impl FnOnce(&mut Members<Arc<Member>>),
    ) {
        let mut state = self.lock();
        if members.iter().all(|member| state.holds(member)) {
            change(&mut state.members);
        }
    }

    pub(super) fn members(&self) -> Vec<Arc<Member>> {
        let state = self.lock();
        state.members.iter().map(|(_, m)| Arc::clone(m)).collect()
    }

    /// Puts a batch into the reports of all who get it.
    pub(super) fn share(&self, sender: &Member, batch: SharedBatch, origin: Origin) {
        if batch.is_empty() {
            return;
        }
        let asked = self.audience.as_ref().map(|a| self.ask(&**a, sender));
        let mut state = self.lock();
        if !state.holds(sender) {
            let dropped = &self.core.metrics.batches_dropped;
            return dropped.add(Refused::Left.reason(), 1);
        }
        let receivers = match asked {
            None => state.members.receivers_of(sender.place),
            Some(asked) => {
                let there = asked.iter().filter(|member| state.holds(member));
                let places = there.map(|member| member.place).chain([sender.place]);
                state.members.ready_of(places.collect::<Vec<_>>())
            }
        };
        if let Some(receivers) = receivers {
            let count = receivers.count() as u64;
            let entry = Entry {
                batch: Arc::new(batch),
                receivers,
            };
            match state.push(sender.place, entry, origin, &self.core) {
                Ok(()) => self.core.metrics.deliveries.add(count),
                Err(refused) => self.core.metrics.batches_dropped.add(refused.reason(), 1),
            }
        }
    }

    /// Who is subscribed to `sender`, by the host's word. Holds no lock while it asks.
    fn ask(&self, audience: &dyn Audience, sender: &Member) -> Vec<Arc<Member>> {
        let state = self.lock();
        let ready = state.members.ready().map(|(_, m)| Arc::clone(m));
        let mut ready: Vec<_> = ready.filter(|m| m.place != sender.place).collect();
        drop(state);
        ready.retain(|receiver| {
            let asked = gate::call(|| audience.is_subscribed(&receiver.identity, &sender.identity));
            if asked.is_none() {
                self.core.metrics.panics.add(metrics::AUDIENCE, 1);
            }
            asked == Some(true)
        });
        ready
    }

    /// The room's tick, if it is due; when the next is.
    pub(super) fn run(&self, now: ServerTime) -> ServerTime {
        let mut state = self.lock();
        let Some(missed) = state.ticks.take(now) else {
            return state.ticks.next();
        };
        let next = state.ticks.next();
        let sending = state.take();
        drop(state);
        self.core.metrics.ticks_missed.add(metrics::REPORT, missed);
        if let Some(sending) = sending {
            self.report(&sending, now);
            self.lock().sending = None;
        }
        next
    }

    fn report(&self, sending: &Sending, now: ServerTime) {
        let identity = |place| sending.member(place).map(|member| &*member.identity);
        let deliver = |place, packets: Vec<Vec<u8>>| {
            if let Some(member) = sending.member(place) {
                member.deliver(sending.number, packets);
            }
        };
        let places = sending.members.iter().map(|member| member.place);
        let press = self.press(now);
        press.run(&sending.log.entries, places, identity, deliver);
    }

    /// Keeps packets of report `number` for `member`, who is saying its last words: [`Self::depart`] has them.
    pub(super) fn keep(&self, member: &Member, number: u64, packets: Vec<Vec<u8>>) {
        let count = packets.len() as u64;
        let limit = self.core.config.reports.report.encoded_bytes;
        let mut state = self.lock();
        // If it has departed, it has got this: then the log was on its way out.
        if state.holds(member) && !state.waiting.keep(member.place, number, packets, limit) {
            let failed = &self.core.metrics.packets_failed;
            failed.add(metrics::LEAVING, count);
        }
    }

    /// `member` leaves; what it has still to get: what was kept for it; its part of a log on its way out, unless
    /// that is number `reported` or older; and of the present log.
    pub(super) fn depart(&self, member: &Member, reported: u64, now: ServerTime) -> Vec<Vec<u8>> {
        let mut state = self.lock();
        let kept = state.waiting.take(member.place);
        let reported = reported.max(kept.number);
        let sending = state.sending.clone();
        let sending = sending.filter(|sending| sending.owes(member, reported));
        let mut batches = Vec::new();
        let logs = sending.iter().map(|s| &s.log).chain([&state.log]);
        for entry in logs.flat_map(|log| &log.entries) {
            if entry.receivers.has(member.place) {
                batches.push(Arc::clone(&entry.batch));
            }
        }
        state.members.leave(member.place);
        if state.log.entries.is_empty() {
            state.members.reuse_vacated();
        }
        drop(state);
        let batches = batches.iter().map(|batch| &**batch);
        let mut packets = kept.packets;
        packets.extend(self.press(now).run_for(&member.identity, batches));
        packets
    }

    fn press(&self, now: ServerTime) -> Press<'_> {
        Press {
            now,
            limits: &self.core.config.reports,
            metrics: &self.core.metrics,
        }
    }
}

impl Drop for RoomShared {
    fn drop(&mut self) {
        let metrics = &self.core.metrics;
        metrics.rooms.dec();
        let audience = self.audience.take();
        if gate::call(|| drop(audience)).is_none() {
            metrics.panics.add(metrics::DROP, 1);
        }
    }
}

impl State {
    fn holds(&self, member: &Member) -> bool {
        let there = self.members.get(member.place);
        there.is_some_and(|there| std::ptr::eq(&**there, member))
    }

    fn push(
        &mut self,
        sender: usize,
        entry: Entry,
        origin: Origin,
        core: &Core,
    ) -> Result<(), Refused> {
        let bytes = entry.bytes();
        if !self.log.has_room(bytes, core.config.reports.log_bytes) {
            return Err(Refused::RoomFull);
        }
        let limit = core.config.senders.log_bytes;
        if origin == Origin::Client && !self.members.charge(sender, bytes, limit) {
            return Err(Refused::SenderFull);
        }
        self.log.push(entry);
        Ok(())
    }

    /// Takes the log for a report, and leaves an empty one; `None` if there is nothing to report.
    fn take(&mut self) -> Option<Arc<Sending>> {
        let log = std::mem::take(&mut self.log);
        let sending = (!log.entries.is_empty()).then(|| {
            self.reports += 1;
            let members = self.members.iter();
            Arc::new(Sending {
                number: self.reports,
                log,
                members: members.map(|(_, m)| Arc::clone(m)).collect(),
            })
        });
        self.sending.clone_from(&sending);
        self.members.reuse_vacated();
        sending
    }
}
