//! Push: snapshots carried to whoever takes them by HTTP.
//!
//! Lives here: what all protocols share. `endpoint` is what the operator says, `sink` keeps of the reporter's snapshots
//! what is to be sent, `queue` holds it back in bounds, `sender` carries it, `client` makes one attempt, `retry` says
//! when the next one is, `telemetry` tells how it goes. Not here: what a request says (`remote_write`, `otlp`).
//!
//! A reporter's sink reduces each snapshot to its numbers (`Intake`) and queues them; it never waits for the network.
//! A thread of its own takes them from the queue, makes requests of them (`Protocol`), and repeats what failed. So a
//! receiver that hangs costs a bounded queue, and neither the reporter nor any recording thread.
//!
//! Invariant: values are cumulative, and what ended is told by comparing what was sent with what is about to be sent.
//! So anything that is still queued may be dropped: only resolution goes with it.

mod client;
mod endpoint;
mod error;
mod queue;
#[cfg(feature = "remote-write")]
pub mod remote_write;
mod retry;
mod sender;
mod sink;
mod telemetry;

pub(crate) use client::Answer;
pub use endpoint::Endpoint;
pub use error::PushError;
pub use sink::PushSink;

use media_metrics_core::snapshot::Snapshot;

/// Of a snapshot what a protocol sends: the half that runs on the sink's thread.
pub(crate) trait Intake: Send + 'static {
    /// The numbers of one moment.
    type Batch: Batch;

    /// The numbers of `snapshot`; `None` if its time says that they can't be sent any more.
    fn take(&mut self, snapshot: &Snapshot) -> Option<Self::Batch>;
}

/// The numbers of one moment, waiting to be sent.
pub(crate) trait Batch: Send + 'static {
    /// Bytes of memory.
    fn weight(&self) -> usize;
}

/// Requests, and what their answers mean: the half that runs on the sender's thread.
///
/// The sender calls `begin` for a batch, then `encode` for its first request, which it repeats until the answer is
/// final; then `advance`, and `encode` for the next one.
pub(crate) trait Protocol: Send + 'static {
    type Batch: Batch;

    /// What follows are the requests of `batch`. What is left of the one before is given up.
    fn begin(&mut self, batch: Self::Batch);

    /// Writes the request that is due into `body`, in place of what is there; `None` if the batch is done.
    fn encode(&mut self, body: &mut Vec<u8>) -> Option<Request>;

    /// What the receiver's answer to the last request means.
    fn judge(&mut self, answer: &Answer) -> Verdict;

    /// The request is done with, for better or worse.
    fn advance(&mut self);

    /// A last batch after all others: that there will be no more.
    fn farewell(&mut self) -> Option<Self::Batch>;
}

/// A request's headers, and what it carries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    /// Name and value of headers that the protocol asks for.
    pub(crate) headers: &'static [(&'static str, &'static str)],
    /// Samples in it, of all kinds.
    pub(crate) samples: u64,
}

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It was taken, but for so many of its samples.
    Accepted { unwritten: u64 },
    /// It will never be taken; so many of its samples were not written.
    Refused { unwritten: u64 },
    /// The same request, later.
    Retry,
    /// At once, in another form: `encode` it again.
    #[cfg_attr(
        not(feature = "remote-write"),
        expect(dead_code, reason = "OTLP has one form")
    )]
    Again,
}
