//! Sinks: who gets each snapshot, on threads of their own.
//!
//! Lives here: the trait, the bounded channel, the thread around a sink. Not here: any sink.
//!
//! A slow sink misses snapshots, a panicking one its turn; both are counted, and neither holds up the
//! reporter, the recording threads or another sink.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::catalog;
use crate::counter::Counter;
use crate::error::StartError;
use crate::host;
use crate::registry::Shared;
use crate::snapshot::Snapshot;

/// Takes snapshots: a push, a log, a bridge to another system.
///
/// Runs on a thread of its own. It may block and it may panic: then it misses snapshots.
pub trait Sink: Send {
    /// One snapshot. Values are cumulative, so a missed one costs resolution, nothing else.
    fn report(&mut self, snapshot: &Arc<Snapshot>);
}

impl<F: FnMut(&Arc<Snapshot>) + Send> Sink for F {
    fn report(&mut self, snapshot: &Arc<Snapshot>) {
        self(snapshot);
    }
}

/// A sink that does not run yet.
pub(super) struct Planned {
    pub(super) name: String,
    pub(super) depth: usize,
    pub(super) sink: Box<dyn Sink>,
}

/// A sink's thread, seen from the reporter.
#[derive(Debug)]
pub(super) struct Running {
    queue: Sender<Arc<Snapshot>>,
    /// Disconnected when the thread has ended.
    ended: Receiver<Infallible>,
    dropped: Counter,
}

impl Running {
    pub(super) fn start(planned: Planned, shared: &Shared) -> Result<Self, StartError> {
        let Planned { name, depth, sink } = planned;
        let counter = |desc| {
            let handle = shared.own_handle(desc, &[&name]);
            handle.map(Counter::new).map_err(StartError::Register)
        };
        let turns = counter(&catalog::SINK_TURNS)?;
        let panics = counter(&catalog::SINK_PANICS)?;
        let dropped = counter(&catalog::SINK_DROPPED)?;
        let (queue, inbox) = bounded::<Arc<Snapshot>>(depth.max(1));
        let (alive, ended) = bounded(0);
        let run = move || {
            // Dropped in the opposite order: the sink has had its last word when `ended` disconnects.
            let _alive = alive;
            let mut sink = sink;
            for snapshot in inbox {
                match host::call(|| sink.report(&snapshot)) {
                    Some(()) => turns.inc(),
                    None => panics.inc(),
                }
            }
            if host::call(|| drop(sink)).is_none() {
                panics.inc();
            }
        };
        let thread = std::thread::Builder::new().name(format!("mm-sink-{name}").replace('\0', "?"));
        thread.spawn(run).map_err(StartError::Thread)?;
        Ok(Self {
            queue,
            ended,
            dropped,
        })
    }

    pub(super) fn offer(&self, snapshot: &Arc<Snapshot>) {
        if self.queue.try_send(Arc::clone(snapshot)).is_err() {
            self.dropped.inc();
        }
    }

    /// Sends no more; the sink finishes what it has.
    pub(super) fn close(self) -> Ended {
        drop(self.queue);
        Ended(self.ended)
    }
}

/// A sink that finishes.
#[derive(Debug)]
pub(super) struct Ended(Receiver<Infallible>);

impl Ended {
    /// Waits for its end; `false` if that did not come by the deadline (the thread is left to itself).
    pub(super) fn wait(self, deadline: Instant) -> bool {
        matches!(
            self.0.recv_deadline(deadline),
            Err(RecvTimeoutError::Disconnected)
        )
    }
}
