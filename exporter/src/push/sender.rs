//! The thread that carries batches to the receiver.
//!
//! Lives here: one batch after the other, one request after the other, each until its answer is final. Not here: what
//! waits, and what a stop cuts off (`queue`), what a request says (the protocols).
//!
//! # What an outage costs
//! The batch at hand is repeated for as long as the failure may pass, and newer ones wait. When there is no room for
//! them, some of those that wait are dropped, and with the next failure the batch at hand, too: newer numbers say all
//! that it says. So one that makes a receiver fail again and again does not hold up the others for ever.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use ureq::http::header::RETRY_AFTER;

use super::client::{Answer, Client};
use super::queue::Queue;
use super::retry::{Backoff, retry_after};
use super::telemetry::{Again, Loss, Telemetry};
use super::{Protocol, Request, Verdict};

pub(super) struct Sender<P: Protocol> {
    protocol: P,
    client: Client,
    queue: Arc<Queue<P::Batch>>,
    backoff: Backoff,
    telemetry: Telemetry,
    random: fastrand::Rng,
    body: Vec<u8>,
}

/// What came of a request.
enum Outcome {
    /// It is done with.
    Done,
    /// So is its whole batch.
    GaveUp,
}

impl<P: Protocol> Sender<P> {
    pub(super) fn new(
        protocol: P,
        client: Client,
        queue: Arc<Queue<P::Batch>>,
        backoff: Backoff,
        telemetry: Telemetry,
    ) -> Self {
        Self {
            protocol,
            client,
            queue,
            backoff,
            telemetry,
            random: fastrand::Rng::new(),
            body: Vec::new(),
        }
    }

    /// Until the queue is closed, and empty or out of time.
    pub(super) fn run(mut self) {
        while let Some(batch) = self.queue.take() {
            self.telemetry.queued(self.queue.len());
            self.deliver(batch);
        }
        let in_time = self.queue.closing().is_none_or(|end| Instant::now() < end);
        if let Some(last) = self.protocol.farewell().filter(|_| in_time) {
            self.deliver(last);
        }
        // A stop may have said so before this thread's last word on it.
        self.telemetry.queued(self.queue.len());
    }

    fn deliver(&mut self, batch: P::Batch) {
        // A fault in here must not end the push: it costs the batch.
        let done = catch_unwind(AssertUnwindSafe(|| {
            self.protocol.begin(batch);
            while let Some(request) = self.protocol.encode(&mut self.body) {
                match self.carry(request) {
                    Outcome::Done => self.protocol.advance(),
                    Outcome::GaveUp => return,
                }
            }
        }));
        if done.is_err() {
            self.give_up(Loss::Panic);
        }
    }

    /// Repeats a request until its answer is final.
    fn carry(&mut self, mut request: Request) -> Outcome {
        loop {
            self.queue.begin(request.samples);
            let left = self.queue.closing();
            let left = left.map(|end| end.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return self.give_up(Loss::Stopped);
            }
            let answer = self.client.post(request.headers, &self.body, left);
            let (again, wait) = match answer {
                Err(failure) => (Again::Failed(failure), None),
                Ok(answer) => match self.protocol.judge(&answer) {
                    Verdict::Accepted { unwritten } => {
                        self.backoff.reset();
                        let (bytes, now) = (self.body.len(), SystemTime::now());
                        self.queue.settle(|samples| {
                            self.telemetry.accepted(bytes, samples, unwritten, now);
                        });
                        return Outcome::Done;
                    }
                    Verdict::Refused { unwritten } => {
                        self.backoff.reset();
                        let loss = match answer.status {
                            300..400 => Loss::Redirect,
                            _ => Loss::Refused,
                        };
                        self.queue
                            .settle(|samples| self.telemetry.gave_up(loss, samples, unwritten));
                        return Outcome::Done;
                    }
                    Verdict::Again => {
                        self.telemetry.fell_back();
                        match self.protocol.encode(&mut self.body) {
                            Some(other) => request = other,
                            None => return self.give_up(Loss::Refused),
                        }
                        continue;
                    }
                    Verdict::Retry => (Again::Status, told_wait(&answer)),
                },
            };
            self.telemetry.retried(again);
            if self.queue.was_full() {
                return self.give_up(Loss::Superseded);
            }
            let wait = self.backoff.next(self.random.f64(), wait);
            self.queue.pause(Instant::now() + wait);
        }
    }

    /// The request under way, with all its samples.
    fn give_up(&self, loss: Loss) -> Outcome {
        self.queue
            .settle(|samples| self.telemetry.gave_up(loss, samples, samples));
        Outcome::GaveUp
    }
}

/// How long the receiver asks us to wait.
fn told_wait(answer: &Answer) -> Option<Duration> {
    let header = answer.headers.get(RETRY_AFTER)?.to_str().ok()?;
    retry_after(header, SystemTime::now())
}
