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
use super::schedule::{Calendar, Phases, SLOT, Ticks, TimeLine};
use crate::clock::nanoseconds;
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
    /// Whether another one wanted to, meanwhile.
    turned_away: bool,
    stopped: bool,
    /// What the last run said would be due next.
    promised: Option<ServerTime>,
    wake: Option<Wake>,
}

type Wake = Arc<dyn Fn() + Send + Sync>;

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
                turned_away: false,
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
    pub(super) fn set_wake(&self, wake: Wake) {
        let before = self.lock().wake.replace(wake);
        drop(before); // the host's code: not under the lock
    }

    fn call_wake(&self, wake: Option<Wake>) {
        if let Some(wake) = wake {
            self.call(metrics::WAKE, || wake());
        }
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
        self.call_wake(wake);
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
        self.call_wake(wake);
        Some(member)
    }

    /// Does all that is due at `now`, participants before rooms; when something is due next.
    pub(super) fn run(&self, now: ServerTime) -> Option<ServerTime> {
        let Some(mut run) = Run::begin(self, now) else {
            return Some(now.after(SLOT));
        };
        while let Some(member) = run.members.last() {
            let next = member.upgrade().and_then(|member| member.run(now));
            run.member_done(next);
        }
        while let Some(room) = run.rooms.last() {
            let next = room.upgrade().map(|room| room.run(now));
            run.room_done(next);
        }
        drop(run);
        self.lock().promised
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
    fn woken_by(&mut self, due: ServerTime) -> Option<Wake> {
        // A run under way will see it; but it is not said that who runs is who was promised.
        let early = self.promised.is_none_or(|promised| due < promised);
        if early {
            self.promised = Some(due);
        }
        self.wake.clone().filter(|_| early)
    }
}

/// A run under way. However it ends, who was due is in the calendar again, and the next run may begin.
struct Run<'a> {
    core: &'a Core,
    now: ServerTime,
    /// Who is still to come, last first.
    members: Vec<Weak<Member>>,
    rooms: Vec<Weak<RoomShared>>,
    /// Who has been there and goes on, and when.
    members_done: Vec<(ServerTime, Weak<Member>)>,
    rooms_done: Vec<(ServerTime, Weak<RoomShared>)>,
}

impl<'a> Run<'a> {
    /// `None` if another one is under way: its end wakes.
    fn begin(core: &'a Core, now: ServerTime) -> Option<Self> {
        let mut plan = core.lock();
        if plan.running {
            plan.turned_away = true;
            return None;
        }
        plan.running = true;
        let since = plan.next().filter(|since| *since <= now);
        let mut members = plan.members.take_due(now);
        let mut rooms = plan.rooms.take_due(now);
        drop(plan);
        if let Some(since) = since {
            core.metrics.late.record(nanoseconds(now.since(since)));
        }
        members.reverse();
        rooms.reverse();
        Some(Self {
            core,
            now,
            members_done: Vec::with_capacity(members.len()),
            rooms_done: Vec::with_capacity(rooms.len()),
            members,
            rooms,
        })
    }

    /// The next member has been there; `None` if it does not go on.
    fn member_done(&mut self, next: Option<ServerTime>) {
        let member = self.members.pop();
        self.members_done.extend(next.zip(member));
    }

    /// The next room.
    fn room_done(&mut self, next: Option<ServerTime>) {
        let room = self.rooms.pop();
        self.rooms_done.extend(next.zip(room));
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        let soon = self.now.after(SLOT);
        let mut plan = self.core.lock();
        // Only a panic leaves any over.
        for member in self.members.drain(..) {
            plan.members.insert(soon, member);
        }
        for room in self.rooms.drain(..) {
            plan.rooms.insert(soon, room);
        }
        for (due, member) in self.members_done.drain(..) {
            plan.members.insert(due, member);
        }
        for (due, room) in self.rooms_done.drain(..) {
            plan.rooms.insert(due, room);
        }
        plan.running = false;
        plan.promised = plan.next();
        let turned_away = std::mem::take(&mut plan.turned_away);
        let wake = plan.wake.clone().filter(|_| turned_away);
        drop(plan);
        self.core.call_wake(wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::time::Duration;

    /// A fault of our own in a run ends that run, and no other.
    #[test]
    fn a_run_that_panics_leaves_all_who_were_due_in_the_calendar() {
        let metrics = PipelineMetrics::register(&Registry::new().unwrap()).unwrap();
        let core = Arc::new(Core::new(PipelineConfig::default(), metrics));
        let now = ServerTime::from_ns(1_700_000_000_000_000_000);
        let room = core.room(now, |ticks| {
            Arc::new(RoomShared::new(Arc::clone(&core), None, ticks))
        });
        let later = now.after(Duration::from_secs(100));
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let run = Run::begin(&core, later).unwrap();
            assert_eq!((run.rooms.len(), core.lock().next()), (1, None));
            panic!("tried");
        }));
        assert!(panicked.is_err());
        let soon = later.after(SLOT);
        assert_eq!(core.lock().next(), Some(soon));
        assert_eq!(core.lock().promised, Some(soon));
        let interval = core.config.reporter.interval;
        assert_eq!(core.run(soon), Some(later.after(interval)));
        drop(room);
    }
}
