//! The reporter's thread: ticks on an interval, merges on request, runs tasks, stops at once.
//!
//! Lives here: when. Not here: what a tick does (`collector`), what surrounds a task (`task`).

use std::fmt;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};

use super::sink::{Planned, Running, Sink};
use super::task::{self, Door, Scheduled, Task, Waker};
use crate::catalog;
use crate::clock::nanoseconds;
use crate::error::StartError;
use crate::histogram::Histogram;
use crate::registry::{Registry, Shared};
use crate::snapshot::Snapshot;

/// How long a dropped reporter lets its sinks finish.
const DROP_DEADLINE: Duration = Duration::from_secs(1);

/// This long from now; a century, if that is farther than the clock goes.
fn after(duration: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);
    let now = Instant::now();
    now.checked_add(duration.min(CENTURY)).unwrap_or(now)
}

/// The reporter to be: interval, sinks and tasks.
pub struct ReporterBuilder {
    registry: Registry,
    interval: Duration,
    sinks: Vec<Planned>,
    tasks: Vec<task::Planned>,
}

impl fmt::Debug for ReporterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sinks: Vec<_> = self.sinks.iter().map(|s| &s.name).collect();
        let tasks: Vec<_> = self.tasks.iter().map(|t| &t.name).collect();
        f.debug_struct("ReporterBuilder")
            .field("interval", &self.interval)
            .field("sinks", &sinks)
            .field("tasks", &tasks)
            .finish_non_exhaustive()
    }
}

impl ReporterBuilder {
    /// Time between two merges (default 1 s).
    #[must_use]
    pub const fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Adds a sink that runs on its own thread, with at most `depth` snapshots waiting for it.
    #[must_use]
    pub fn sink(mut self, name: &str, depth: usize, sink: impl Sink + 'static) -> Self {
        self.sinks.push(Planned {
            name: name.to_owned(),
            depth,
            sink: Box::new(sink),
        });
        self
    }

    /// Adds a task that runs on the reporter's thread, at once and then whenever it says. `make` gets what
    /// wakes it.
    #[must_use]
    pub fn task<T: Task + 'static>(
        mut self,
        name: &str,
        make: impl FnOnce(Waker) -> T + Send + 'static,
    ) -> Self {
        self.tasks.push(task::Planned {
            name: name.to_owned(),
            make: Box::new(|waker| Box::new(make(waker))),
        });
        self
    }

    /// Starts the thread. The first merge is one interval from now.
    ///
    /// # Errors
    /// An interval of 0, a reporter that already runs, or no thread to be had.
    pub fn start(self) -> Result<Reporter, StartError> {
        if self.interval.is_zero() {
            return Err(StartError::ZeroInterval);
        }
        let shared = Arc::clone(&self.registry.shared);
        let running = Claim::take(&shared).ok_or(StartError::AlreadyRunning)?;
        let late = shared
            .own_handle(&catalog::REPORTER_LATE, &[])
            .map(|h| Histogram::new(h, &catalog::REPORTER_LATE))
            .map_err(StartError::Register)?;
        let sinks = self
            .sinks
            .into_iter()
            .map(|s| Running::start(s, &shared))
            .collect::<Result<_, _>>()?;
        let (commands, inbox) = unbounded();
        let door = Door::new(commands.clone());
        let tasks = self
            .tasks
            .into_iter()
            .map(|t| Scheduled::new(t, &door, &shared))
            .collect::<Result<_, _>>()?;
        shared.set_period(self.interval);
        let worker = Worker {
            shared,
            interval: self.interval,
            late,
            sinks,
            tasks,
            door,
            inbox,
            _running: running,
        };
        let thread = std::thread::Builder::new()
            .name("media-metrics".to_owned())
            .spawn(move || worker.run())
            .map_err(StartError::Thread)?;
        Ok(Reporter {
            registry: self.registry,
            commands,
            thread: Some(thread),
        })
    }
}

/// The right to be a registry's one reporter; given back on drop.
#[derive(Debug)]
struct Claim(Arc<Shared>);

impl Claim {
    fn take(shared: &Arc<Shared>) -> Option<Self> {
        shared.reporter.take().then(|| Self(Arc::clone(shared)))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.0.reporter.give_back();
    }
}

pub(super) enum Command {
    Wake,
    Flush(Sender<Arc<Snapshot>>),
    Stop {
        deadline: Instant,
        drained: Sender<bool>,
    },
}

/// A running reporter. Dropping it stops it.
///
/// ```
/// use media_metrics_core::{Registry, Reporter};
/// use std::time::Duration;
/// let registry = Registry::new()?;
/// let reporter = Reporter::builder(&registry)
///     .interval(Duration::from_secs(1))
///     .sink("log", 4, |snapshot: &std::sync::Arc<media_metrics_core::Snapshot>| {
///         let _families = snapshot.families().len();
///     })
///     .start()?;
/// let snapshot = reporter.flush(); // now, not at the next tick
/// assert_eq!(snapshot.sequence(), 1);
/// assert!(reporter.stop(Duration::from_secs(1)), "all sinks got all snapshots");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Reporter {
    registry: Registry,
    commands: Sender<Command>,
    thread: Option<JoinHandle<()>>,
}

impl Reporter {
    /// A reporter for `registry`, to be configured.
    #[must_use]
    pub fn builder(registry: &Registry) -> ReporterBuilder {
        ReporterBuilder {
            registry: registry.clone(),
            interval: Duration::from_secs(1),
            sinks: Vec::new(),
            tasks: Vec::new(),
        }
    }

    /// Merges now, hands the result to the sinks, and returns it: all that was recorded before this call.
    ///
    /// Blocks for the time of a merge. On the reporter's own thread, in a [`Task`], the sinks don't get it: they get
    /// the next.
    #[must_use = "`flush` merges and returns the snapshot; use `let _ =` if only the sinks want it"]
    pub fn flush(&self) -> Arc<Snapshot> {
        if self.is_own_thread() {
            return self.registry.collect(); // nobody else would answer
        }
        let (reply, answer) = bounded(1);
        let sent = self.commands.send(Command::Flush(reply));
        // The thread is gone only if the process is falling apart; a merge can be had all the same.
        sent.ok()
            .and_then(|()| answer.recv().ok())
            .unwrap_or_else(|| self.registry.collect())
    }

    /// What was published last.
    #[must_use]
    pub fn latest(&self) -> Arc<Snapshot> {
        self.registry.latest()
    }

    /// Stops the tasks, merges once more, lets the sinks finish, and ends the thread. Prompt: it never waits
    /// for an interval, and for slow sinks no longer than `deadline`.
    ///
    /// Returns whether all sinks finished. On the reporter's own thread, in a [`Task`], it can't wait: it returns
    /// `false`, and the rest happens when the task has returned.
    pub fn stop(mut self, deadline: Duration) -> bool {
        self.end(deadline)
    }

    fn is_own_thread(&self) -> bool {
        let own = self.thread.as_ref().map(|t| t.thread().id());
        own == Some(std::thread::current().id())
    }

    fn end(&mut self, deadline: Duration) -> bool {
        let own = self.is_own_thread();
        let Some(thread) = self.thread.take() else {
            return true;
        };
        let (drained, answer) = bounded(1);
        let deadline = after(deadline);
        let sent = self.commands.send(Command::Stop { deadline, drained });
        if own {
            return false; // neither the answer nor the end would come while we wait
        }
        let all = sent.is_ok() && answer.recv().unwrap_or(false);
        all & thread.join().is_ok()
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.end(DROP_DEADLINE);
    }
}

struct Worker {
    shared: Arc<Shared>,
    interval: Duration,
    late: Histogram,
    sinks: Vec<Running>,
    tasks: Vec<Scheduled>,
    door: Door,
    inbox: Receiver<Command>,
    /// Dropped with the thread.
    _running: Claim,
}

impl Worker {
    fn run(mut self) {
        let mut due = after(self.interval);
        loop {
            // Tasks first: what they count is in the merge.
            self.tasks.iter_mut().for_each(Scheduled::run);
            // And before commands: whoever sends many of them must not hold up merges.
            let now = Instant::now();
            if now >= due {
                self.late.record(nanoseconds(now - due));
                self.tick();
                due = due
                    .checked_add(self.interval)
                    .filter(|&due| due > Instant::now())
                    // Missed, too: such ticks collapse into this one, for one at once would have an interval of nothing.
                    .unwrap_or_else(|| after(self.interval));
            }
            let next = self.tasks.iter().filter_map(Scheduled::due);
            let next = next.fold(due, Instant::min);
            match self.inbox.recv_deadline(next) {
                Err(RecvTimeoutError::Timeout) => {} // something is due
                Ok(Command::Wake) => self.door.open(),
                Ok(Command::Flush(reply)) => {
                    // Nobody waits any more? Then nobody misses the answer.
                    let _ = reply.send(self.tick());
                }
                Ok(Command::Stop { deadline, drained }) => {
                    self.stop_tasks();
                    self.tick(); // the tail is not lost
                    let all = self.finish(deadline);
                    let _ = drained.send(all); // as above
                    return;
                }
                Err(RecvTimeoutError::Disconnected) => {
                    self.stop_tasks();
                    self.tick();
                    self.finish(after(DROP_DEADLINE));
                    return;
                }
            }
        }
    }

    fn stop_tasks(&mut self) {
        self.tasks.drain(..).for_each(Scheduled::stop);
    }

    fn tick(&self) -> Arc<Snapshot> {
        let snapshot = self.shared.collect();
        self.sinks.iter().for_each(|sink| sink.offer(&snapshot));
        snapshot
    }

    fn finish(self, deadline: Instant) -> bool {
        // All are told first, so that they finish side by side.
        let ending: Vec<_> = self.sinks.into_iter().map(Running::close).collect();
        ending
            .into_iter()
            .fold(true, |all, sink| all & sink.wait(deadline))
    }
}
