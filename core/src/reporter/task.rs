//! Tasks: what runs on the reporter's own thread, when it says.
//!
//! Lives here: the trait, the waker, what surrounds a task. Not here: any task, when the thread wakes up
//! (`thread`).
//!
//! For schedules that many share, as one thread for all is the point of them. What may block belongs into a
//! [`Sink`](super::Sink), which has a thread of its own: a slow task delays merges. How long tasks take is
//! measured, their panics are caught and counted.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use super::thread::Command;
use crate::catalog;
use crate::clock::nanoseconds;
use crate::counter::Counter;
use crate::error::StartError;
use crate::histogram::Histogram;
use crate::host;
use crate::registry::Shared;

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
///
/// Wakes that come before the task has run are one wake. A task that wakes itself while it runs is run again
/// after whatever else is due, merges included.
///
/// - **Blocks** for a moment: a mutex, which nobody holds for longer than it takes to set a flag.
#[derive(Clone, Debug)]
pub struct Waker {
    door: Door,
    /// The task's number.
    task: usize,
}

impl Waker {
    /// Wakes the reporter's thread: the task runs now.
    pub fn wake(&self) {
        let mut wakes = self.door.wakes();
        if let Some(woken) = wakes.woken.get_mut(self.task) {
            *woken = true;
        }
        if !std::mem::replace(&mut wakes.letter, true) {
            // Nobody there any more: nothing to wake.
            let _ = self.door.commands.send(Command::Wake);
        }
    }

    /// Whether there was a wake since the last call.
    fn take(&self) -> bool {
        let mut wakes = self.door.wakes();
        wakes.woken.get_mut(self.task).is_some_and(std::mem::take)
    }
}

/// Where wakers knock: one letter in the reporter's inbox at a time, however many tasks are woken how often.
#[derive(Clone, Debug)]
pub(super) struct Door {
    commands: Sender<Command>,
    wakes: Arc<Mutex<Wakes>>,
}

#[derive(Debug, Default)]
struct Wakes {
    /// Which tasks are to run.
    woken: Vec<bool>,
    /// Whether a letter waits in the inbox.
    letter: bool,
}

impl Door {
    pub(super) fn new(commands: Sender<Command>) -> Self {
        Self {
            commands,
            wakes: Arc::default(),
        }
    }

    fn wakes(&self) -> MutexGuard<'_, Wakes> {
        self.wakes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waker(&self) -> Waker {
        let mut wakes = self.wakes();
        wakes.woken.push(false);
        Waker {
            task: wakes.woken.len() - 1,
            door: self.clone(),
        }
    }

    /// The letter was read: who is woken from now on writes another. Tasks are looked at after that.
    pub(super) fn open(&self) {
        self.wakes().letter = false;
    }
}

/// Makes a task, given what wakes it.
pub(super) type Make = Box<dyn FnOnce(Waker) -> Box<dyn Task> + Send>;

/// A task that does not run yet.
pub(super) struct Planned {
    pub(super) name: String,
    pub(super) make: Make,
}

/// How long a task that panicked is left alone, woken or not.
const AFTER_PANIC: Duration = Duration::from_secs(1);

/// A task and what is known of it.
pub(super) struct Scheduled {
    task: Box<dyn Task>,
    waker: Waker,
    due: Option<Instant>,
    /// Wakes don't count before this.
    left_alone: Option<Instant>,
    seconds: Histogram,
    panics: Counter,
}

impl Scheduled {
    pub(super) fn new(planned: Planned, door: &Door, shared: &Shared) -> Result<Self, StartError> {
        let handle = |desc| {
            let handle = shared.own_handle(desc, &[&planned.name]);
            handle.map_err(StartError::Register)
        };
        let waker = door.waker();
        Ok(Self {
            seconds: Histogram::new(handle(&catalog::TASK_SECONDS)?, &catalog::TASK_SECONDS),
            panics: Counter::new(handle(&catalog::TASK_PANICS)?),
            task: (planned.make)(waker.clone()),
            waker,
            due: Some(Instant::now()),
            left_alone: None,
        })
    }

    /// When it wants to run next.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Runs it if it is due, or woken.
    pub(super) fn run(&mut self) {
        let now = Instant::now();
        if self.left_alone.is_some_and(|until| now < until) {
            return;
        }
        let woken = self.waker.take();
        if woken || self.due.is_some_and(|due| due <= now) {
            let next = self.guard(now, |task, now| task.run(now));
            self.left_alone = next
                .is_none()
                .then(|| now.checked_add(AFTER_PANIC))
                .flatten();
            self.due = next.unwrap_or(self.left_alone);
        }
    }

    pub(super) fn stop(mut self) {
        self.guard(Instant::now(), |task, now| task.stop(now));
        let Self { task, panics, .. } = self;
        if host::call(|| drop(task)).is_none() {
            panics.inc();
        }
    }

    /// Calls the task; `None` if it panics.
    fn guard<R>(
        &mut self,
        now: Instant,
        call: impl FnOnce(&mut dyn Task, Instant) -> R,
    ) -> Option<R> {
        let task = &mut *self.task;
        let done = host::call(|| call(task, now));
        self.seconds.record(nanoseconds(now.elapsed()));
        if done.is_none() {
            self.panics.inc();
        }
        done
    }
}
