//! Tasks: what runs on the reporter's own thread, when it says.
//!
//! Lives here: the trait, the waker, what surrounds a task. Not here: any task, when the thread wakes up
//! (`thread`).
//!
//! For schedules that many share, as one thread for all is the point of them. What may block belongs into a
//! [`Sink`](super::Sink), which has a thread of its own: a slow task delays merges. How long tasks take is
//! measured, their panics are caught and counted.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use super::thread::Command;
use crate::catalog;
use crate::counter::Counter;
use crate::desc::Kind;
use crate::error::StartError;
use crate::histogram::Histogram;
use crate::registry::Shared;
use crate::registry::table::Purpose;

/// Runs on the reporter's thread whenever it wants to.
pub trait Task: Send {
    /// Does what is due, and says when it wants to run next; `None`: when woken. Not to block: merges wait.
    fn run(&mut self, now: Instant) -> Option<Instant>;

    /// The reporter stops: the last call, before the last merge.
    fn stop(&mut self, now: Instant) {
        let _ = now;
    }
}

/// Makes a task run at once, from any thread. Cheap to clone; does nothing once the reporter has stopped.
#[derive(Clone, Debug)]
pub struct Waker(Sender<Command>);

impl Waker {
    pub(super) const fn new(commands: Sender<Command>) -> Self {
        Self(commands)
    }

    /// Wakes the reporter's thread: its tasks run now.
    pub fn wake(&self) {
        // Nobody there any more: nothing to wake.
        let _ = self.0.send(Command::Wake);
    }
}

/// Makes a task, given what wakes it.
pub(super) type Make = Box<dyn FnOnce(Waker) -> Box<dyn Task> + Send>;

/// A task that does not run yet.
pub(super) struct Planned {
    pub(super) name: String,
    pub(super) make: Make,
}

/// How long a task that panicked is left alone.
const AFTER_PANIC: Duration = Duration::from_secs(1);

/// A task and what is known of it.
pub(super) struct Scheduled {
    task: Box<dyn Task>,
    due: Option<Instant>,
    seconds: Histogram,
    panics: Counter,
}

impl Scheduled {
    pub(super) fn new(planned: Planned, waker: Waker, shared: &Shared) -> Result<Self, StartError> {
        let handle = |desc, kind| {
            let handle = shared.handle(desc, kind, &[&planned.name], Purpose::Reserve);
            handle.map_err(StartError::Register)
        };
        let layout = catalog::TASK_SECONDS.layout();
        Ok(Self {
            seconds: Histogram::new(handle(&catalog::TASK_SECONDS, Kind::Histogram)?, layout),
            panics: Counter::new(handle(&catalog::TASK_PANICS, Kind::Counter)?),
            task: (planned.make)(waker),
            due: Some(Instant::now()),
        })
    }

    /// When it wants to run next.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Runs it if it is due, or woken.
    pub(super) fn run(&mut self, woken: bool) {
        let now = Instant::now();
        if woken || self.due.is_some_and(|due| due <= now) {
            self.due = self
                .guard(now, |task, now| task.run(now))
                .unwrap_or_else(|| now.checked_add(AFTER_PANIC));
        }
    }

    pub(super) fn stop(mut self) {
        self.guard(Instant::now(), |task, now| task.stop(now));
    }

    /// Calls the task; `None` if it panics.
    fn guard<R>(
        &mut self,
        now: Instant,
        call: impl FnOnce(&mut dyn Task, Instant) -> R,
    ) -> Option<R> {
        let task = &mut *self.task;
        // The task is ours alone: what a panic left of it is its own affair.
        let done = catch_unwind(AssertUnwindSafe(|| call(task, now)));
        let took = now.elapsed().as_nanos();
        self.seconds.record(took.try_into().unwrap_or(u64::MAX));
        done.map_err(|_| self.panics.inc()).ok()
    }
}
