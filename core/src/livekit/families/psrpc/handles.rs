//! Handles on methods: what a host tells of calls, streams and requests.

use std::sync::Arc;
use std::time::Duration;

use super::{Calls, Method, Requests, Streams};
use crate::livekit::families::labels::{ClaimOutcome, PsrpcError};
use crate::livekit::families::level::Present;

/// One end of a method that gets one response.
#[derive(Clone, Debug)]
pub struct PsrpcRpc {
    pub(super) of: Method,
    pub(super) calls: Arc<Calls>,
}

impl PsrpcRpc {
    /// A call ended: its time if it went well, its error if it did not; bytes of the messages received and
    /// sent either way.
    ///
    /// - **Cost**: some nanoseconds; a look-up for an error.
    pub fn ended(
        &self,
        result: Result<(), PsrpcError>,
        time: Duration,
        received_bytes: u64,
        sent_bytes: u64,
    ) {
        self.calls.count_bytes(received_bytes, sent_bytes);
        match result {
            Ok(()) => self.calls.time.record(time),
            Err(error) => self.of.failed(error),
        }
    }
}

/// One end of a method that gets many responses.
#[derive(Clone, Debug)]
pub struct PsrpcMulti {
    pub(super) of: Method,
    pub(super) calls: Arc<Calls>,
}

impl PsrpcMulti {
    /// A call ended with so many responses: its time if there was one, else the error `unknown`; bytes as of
    /// [`PsrpcRpc::ended`].
    pub fn ended(&self, responses: usize, time: Duration, received_bytes: u64, sent_bytes: u64) {
        self.calls.count_bytes(received_bytes, sent_bytes);
        if responses > 0 {
            self.calls.time.record(time);
        } else {
            self.of.failed(PsrpcError::Unknown);
        }
    }
}

/// One end of a method that opens streams.
#[derive(Clone, Debug)]
pub struct PsrpcStream {
    pub(super) of: Method,
    pub(super) streams: Arc<Streams>,
}

impl PsrpcStream {
    /// A stream is open for as long as the guard lives: `livekit_psrpc_stream_count`.
    pub fn open(&self) -> Present {
        self.of.families.hold(&self.streams.open)
    }

    /// A stream was opened, whose end [`closed`](Self::closed) will tell.
    pub fn opened(&self) {
        self.streams.open.raise();
    }

    /// A stream was closed. Ignored and counted if none is open.
    pub fn closed(&self) {
        self.of.families.end(&self.streams.open);
    }

    /// A message was sent, in this time, or could not be.
    pub fn sent(&self, result: Result<(), PsrpcError>, time: Duration, bytes: u64) {
        self.streams.sent_bytes.add(bytes);
        match result {
            Ok(()) => self.streams.send_time.record(time),
            Err(error) => self.of.failed(error),
        }
    }

    /// A message was received, or should have been.
    pub fn received(&self, result: Result<(), PsrpcError>, bytes: u64) {
        self.streams.received_bytes.add(bytes);
        match result {
            Ok(()) => self.streams.received.inc(),
            Err(error) => self.of.failed(error),
        }
    }
}

/// A server's end of a method, before it answers.
#[derive(Clone, Debug)]
pub struct PsrpcServer {
    pub(super) of: Method,
    pub(super) requests: Arc<Requests>,
}

impl PsrpcServer {
    /// A request was received, whatever became of it.
    pub fn received(&self) {
        self.requests.received.inc();
    }

    /// A request came after its deadline.
    pub fn expired(&self) {
        self.requests.expired.inc();
    }

    /// The claim on a request was settled, after so long: `livekit_psrpc_claim_wait_time_ms`.
    pub fn claim(&self, outcome: ClaimOutcome, waited: Duration) {
        self.of.claimed(outcome, waited);
    }
}
