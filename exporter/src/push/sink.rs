//! The reporter's side of a push.
//!
//! Lives here: which snapshots are sent, and the end. Not here: what of them (the protocols), sending (`sender`).

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use media_metrics_core::snapshot::Snapshot;
use media_metrics_core::{Registry, Sink};

use super::client::Client;
use super::endpoint::Endpoint;
use super::error::PushError;
use super::queue::Queue;
use super::retry::Backoff;
use super::sender::Sender;
use super::telemetry::{Loss, Telemetry, Unsent};
use super::{Intake, Protocol};

/// A running push: a sink for a reporter.
///
/// Taking a snapshot never waits for the network. Dropped, which a reporter that stops does, it sends what is left
/// within [`Endpoint::stop_within`].
pub struct PushSink(Box<dyn Sink>);

impl PushSink {
    /// Starts the sender's thread. `intake` is for the sink's side, `protocol` for the sender's.
    pub(crate) fn start<I, P>(
        endpoint: &Endpoint,
        registry: &Registry,
        intake: I,
        protocol: impl FnOnce(&Telemetry) -> P,
    ) -> Result<Self, PushError>
    where
        I: Intake<Batch = P::Batch>,
        P: Protocol,
    {
        let client = Client::new(endpoint)?;
        let telemetry = Telemetry::new(registry, &endpoint.name).map_err(PushError::Register)?;
        let queue = Arc::new(Queue::new(endpoint.queue_bytes));
        let sender = Sender::new(
            protocol(&telemetry),
            client,
            Arc::clone(&queue),
            Backoff::new(endpoint.backoff),
            telemetry.clone(),
        );
        let (alive, ended) = mpsc::sync_channel(0);
        let thread = std::thread::Builder::new()
            .name(format!("mm-push-{}", endpoint.name).replace('\0', "?"));
        let run = move || {
            // Dropped last: when `ended` disconnects, all has been said.
            let _alive = alive;
            sender.run();
        };
        thread.spawn(run).map_err(PushError::Thread)?;
        Ok(Self(Box::new(Taker {
            intake,
            queue,
            telemetry,
            interval: endpoint.interval,
            stop_within: endpoint.stop_within,
            taken: None,
            passed_over: None,
            ended,
        })))
    }
}

impl Sink for PushSink {
    fn report(&mut self, snapshot: &Arc<Snapshot>) {
        self.0.report(snapshot);
    }
}

impl fmt::Debug for PushSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushSink").finish_non_exhaustive()
    }
}

/// The same of one protocol.
struct Taker<I: Intake> {
    intake: I,
    queue: Arc<Queue<I::Batch>>,
    telemetry: Telemetry,
    interval: Duration,
    stop_within: Duration,
    /// When a snapshot was last taken.
    taken: Option<Instant>,
    /// The newest one, if it came too soon to be sent: the last word, should none follow.
    passed_over: Option<Arc<Snapshot>>,
    /// Disconnected when the sender has ended.
    ended: Receiver<Infallible>,
}

impl<I: Intake> Sink for Taker<I> {
    fn report(&mut self, snapshot: &Arc<Snapshot>) {
        let now = Instant::now();
        // Half a period early is in time: a tick that is a little too soon is not worth a whole one.
        let slack = snapshot.period() / 2;
        let due = self
            .taken
            .is_none_or(|at| now.duration_since(at) + slack >= self.interval);
        if due {
            self.passed_over = None;
            self.taken = Some(now);
            self.take(snapshot);
        } else {
            self.passed_over = Some(Arc::clone(snapshot));
        }
    }
}

impl<I: Intake> Taker<I> {
    fn take(&mut self, snapshot: &Snapshot) {
        match self.intake.take(snapshot) {
            Some(batch) => {
                let dropped = self.queue.push(batch);
                self.telemetry.dropped(Unsent::Full, dropped);
                self.telemetry.queued(self.queue.len());
            }
            None => self.telemetry.dropped(Unsent::Clock, 1),
        }
    }
}

impl<I: Intake> Drop for Taker<I> {
    fn drop(&mut self) {
        if let Some(last) = self.passed_over.take() {
            self.take(&last);
        }
        self.queue.close(Instant::now() + self.stop_within);
        // Disconnected or too late: the thread is then left to the time-out of its last attempt, of which nobody will
        // know the outcome.
        let _ = self.ended.recv_timeout(self.stop_within);
        let left = self.queue.abandon();
        self.telemetry.dropped(Unsent::Stopped, left.batches);
        if let Some(samples) = left.under_way {
            self.telemetry.gave_up(Loss::Stopped, samples, samples);
        }
        self.telemetry.queued(self.queue.len());
    }
}
