//! What all rooms and participants of a pipeline share: settings, counters, the calendar.
//!
//! Lives here: who is due, waking the thread that runs. Not here: what is done when it is due.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::config::PipelineConfig;
use super::gate;
use super::member::Member;
use super::metrics::{self, PipelineMetrics};
use super::room::RoomShared;
use super::schedule::{Calendar, Phases, Ticks, TimeLine};
use crate::livekit::time::{Clock, ServerTime};

pub(super) struct Core {
    pub(super) config: PipelineConfig,
    pub(super) metrics: PipelineMetrics,
    /// Measures callbacks, and tells those who drop a participant what time it is. Nothing is scheduled by it.
    pub(super) clock: Clock,
    plan: Mutex<Plan>,
}

struct Plan {
    members: Calendar<Weak<Member>>,
    rooms: Calendar<Weak<RoomShared>>,
    member_phases: Phases,
    room_phases: Phases,
    /// For the end. Dead ones are dropped before it grows.
    all_rooms: Vec<Weak<RoomShared>>,
    /// Whether a thread is at it.
    running: bool,
    stopped: bool,
    /// What the last run said would be due next.
    promised: Option<ServerTime>,
    wake: Option<Arc<dyn Fn() + Send + Sync>>,
}

/// What is due, and since when.
#[derive(Default)]
struct Due {
    since: Option<ServerTime>,
    members: Vec<Weak<Member>>,
    rooms: Vec<Weak<RoomShared>>,
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Core {
    pub(super) fn new(config: PipelineConfig, metrics: PipelineMetrics) -> Self {
        Self {
            config: config.effective(),
            metrics,
            clock: Clock::new(),
            plan: Mutex::new(Plan {
                members: Calendar::new(),
                rooms: Calendar::new(),
                member_phases: Phases::default(),
                room_phases: Phases::default(),
                all_rooms: Vec::new(),
                running: false,
                stopped: false,
                promised: None,
                wake: None,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls the host, and counts how long that took and whether it panicked.
    pub(super) fn call<R>(&self, name: &'static str, host: impl FnOnce() -> R) -> Option<R> {
        let start = self.clock.now();
        let result = gate::call(host);
        self.metrics.called(name, start, self.clock.now());
        if result.is_none() {
            self.metrics.panics.add(name, 1);
        }
        result
    }

    /// Who is to be woken when something is due earlier than the last run said.
    pub(super) fn set_wake(&self, wake: Arc<dyn Fn() + Send + Sync>) {
        self.lock().wake = Some(wake);
    }

    /// Makes a room whose ticks have a phase of their own.
    pub(super) fn room(
        &self,
        now: ServerTime,
        make: impl FnOnce(Ticks) -> Arc<RoomShared>,
    ) -> Arc<RoomShared> {
        let interval = self.config.reporter.interval;
        let mut plan = self.lock();
        let ticks = Ticks::new(now, plan.room_phases.next(interval), interval);
        let room = make(ticks);
        if plan.all_rooms.len() == plan.all_rooms.capacity() {
            plan.all_rooms.retain(|room| room.strong_count() > 0);
        }
        plan.all_rooms.push(Arc::downgrade(&room));
        plan.rooms.insert(ticks.next(), Arc::downgrade(&room));
        let wake = plan.woken_by(ticks.next());
        drop(plan);
        wake.inspect(|wake| wake());
        room
    }

    /// Makes a member whose time line has a phase of its own; `None` if the pipeline is stopped.
    ///
    /// The calendar's lock is held meanwhile, so that a stop finds the member in its room or not at all.
    pub(super) fn join(
        &self,
        now: ServerTime,
        make: impl FnOnce(TimeLine) -> Arc<Member>,
    ) -> Option<Arc<Member>> {
        let mut plan = self.lock();
        if plan.stopped {
            return None;
        }
        let intervals = &self.config.collector;
        let ahead = plan.member_phases.next(intervals.batch);
        let times = TimeLine::new(now, ahead, intervals);
        let member = make(times);
        plan.members.insert(times.next(), Arc::downgrade(&member));
        let wake = plan.woken_by(times.next());
        drop(plan);
        wake.inspect(|wake| wake());
        Some(member)
    }

    /// Does all that is due at `now`, participants before rooms; when something is due next.
    pub(super) fn run(&self, now: ServerTime) -> Option<ServerTime> {
        let due = match self.lock().begin(now) {
            Ok(due) => due,
            Err(next) => return next,
        };
        if let Some(since) = due.since {
            self.metrics.late.record(metrics::ns(now.since(since)));
        }
        let alive = due.members.iter().filter_map(Weak::upgrade);
        let members = alive.filter_map(|m| Some((m.run(now)?, Arc::downgrade(&m))));
        let members: Vec<_> = members.collect();
        let alive = due.rooms.iter().filter_map(Weak::upgrade);
        let rooms = alive.map(|r| (r.run(now), Arc::downgrade(&r)));
        let rooms: Vec<_> = rooms.collect();
        self.lock().finish(members, rooms)
    }

    /// Lets nobody join any more; the rooms there are.
    pub(super) fn stop(&self) -> Vec<Arc<RoomShared>> {
        let mut plan = self.lock();
        plan.stopped = true;
        plan.all_rooms.iter().filter_map(Weak::upgrade).collect()
    }
}

impl Plan {
    fn next(&self) -> Option<ServerTime> {
        let (members, rooms) = (self.members.next(), self.rooms.next());
        members.into_iter().chain(rooms).min()
    }

    /// Who to wake for something that is due then.
    fn woken_by(&mut self, due: ServerTime) -> Option<Arc<dyn Fn() + Send + Sync>> {
        // A run under way will see it.
        let early = !self.running && self.promised.is_none_or(|promised| due < promised);
        if early {
            self.promised = Some(due);
        }
        self.wake.clone().filter(|_| early)
    }

    /// `Err`: a run is under way, with what was promised.
    fn begin(&mut self, now: ServerTime) -> Result<Due, Option<ServerTime>> {
        if self.running {
            return Err(self.next());
        }
        self.running = true;
        Ok(Due {
            since: self.next().filter(|since| *since <= now),
            members: self.members.take_due(now),
            rooms: self.rooms.take_due(now),
        })
    }

    fn finish(
        &mut self,
        members: Vec<(ServerTime, Weak<Member>)>,
        rooms: Vec<(ServerTime, Weak<RoomShared>)>,
    ) -> Option<ServerTime> {
        for (due, member) in members {
            self.members.insert(due, member);
        }
        for (due, room) in rooms {
            self.rooms.insert(due, room);
        }
        self.running = false;
        self.promised = self.next();
        self.promised
    }
}
