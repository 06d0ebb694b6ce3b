//! What a client sends: let in, decoded, mapped to server time, resolved, counted.
//!
//! Lives here: a sender's state and the order of these steps. Not here: the steps themselves (`batch`,
//! `timestamper`, `client`), who receives the result (`room`).

use std::fmt;
use std::time::Duration;

use super::config::PipelineConfig;
use super::metrics::PipelineMetrics;
use super::rate::Bucket;
use crate::livekit::batch::{
    DecodeError, FIRST_STRING_INDEX, MergeCounts, Sender, SeriesRow, SharedBatch,
    decode_data_packet,
};
use crate::livekit::client::{ClientRow, ClientState, RttPath};
use crate::livekit::messages::MetricsBatch;
use crate::livekit::time::ServerTime;
use crate::livekit::timestamper::{Diagnostics, Timestamper};

use prost::Message;

/// Why a client's batch was rejected whole. It is also counted, by reason.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Rejected {
    /// The participant has left.
    Left,
    /// The participant may not publish data (grant `canPublishData`).
    NotAllowed,
    /// The sender is over one of its rates.
    RateLimited,
    /// The packet is too long, carries no metrics, or is no such message.
    Undecodable(DecodeError),
}

impl Rejected {
    /// All values of the label `reason`.
    pub(super) const REASONS: [&str; 7] = [
        "left",
        "not_allowed",
        "rate_limited",
        "too_long",
        "too_large",
        "malformed",
        "no_metrics",
    ];

    /// The value that the label `reason` has for it.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::NotAllowed => "not_allowed",
            Self::RateLimited => "rate_limited",
            Self::Undecodable(error) => error.reason(),
        }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Left => f.write_str("the participant has left: stop its data channels first"),
            Self::NotAllowed => f.write_str("the participant may not publish data: grant it"),
            Self::RateLimited => f.write_str("too many batches or bytes: send less often"),
            Self::Undecodable(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Rejected {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Undecodable(error) => Some(error),
            _ => None,
        }
    }
}

/// What is remembered of a sender.
#[derive(Debug)]
pub(super) struct Intake {
    /// Until it leaves.
    open: bool,
    pub(super) can_publish_data: bool,
    batches: Bucket,
    bytes: Bucket,
    timestamper: Timestamper,
    client: ClientState,
}

/// What steps need that is not the sender's.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) sender: Sender<'a>,
    pub(super) config: &'a PipelineConfig,
    pub(super) metrics: &'a PipelineMetrics,
    pub(super) now: ServerTime,
}

impl Intake {
    pub(super) fn new(config: &PipelineConfig, can_publish_data: bool) -> Self {
        Self {
            open: true,
            can_publish_data,
            batches: Bucket::new(),
            bytes: Bucket::new(),
            timestamper: Timestamper::new(config.timestamper, config.timestamper_rules),
            client: ClientState::new(),
        }
    }

    /// An encoded `DataPacket`.
    pub(super) fn packet(
        &mut self,
        packet: &[u8],
        context: Context<'_>,
    ) -> Result<(SharedBatch, MergeCounts), Rejected> {
        let decode = || decode_data_packet(packet, &context.config.senders.packet);
        self.counted(packet.len(), context, decode)
    }

    /// A batch that the host has decoded.
    pub(super) fn batch(
        &mut self,
        batch: MetricsBatch,
        context: Context<'_>,
    ) -> Result<(SharedBatch, MergeCounts), Rejected> {
        self.counted(batch.encoded_len(), context, || Ok(batch))
    }

    fn counted(
        &mut self,
        bytes: usize,
        context: Context<'_>,
        decode: impl FnOnce() -> Result<MetricsBatch, DecodeError>,
    ) -> Result<(SharedBatch, MergeCounts), Rejected> {
        let admitted = self.admit(bytes, context);
        let decoded = admitted.and_then(|()| decode().map_err(Rejected::Undecodable));
        match decoded {
            Ok(batch) => {
                context.metrics.accepted.inc();
                context.metrics.accepted_bytes.add(bytes as u64);
                Ok(self.take_in(batch, context))
            }
            Err(rejected) => {
                context.metrics.rejected.add(rejected.reason(), 1);
                Err(rejected)
            }
        }
    }

    fn admit(&mut self, bytes: usize, context: Context<'_>) -> Result<(), Rejected> {
        let limits = &context.config.senders;
        if !self.open {
            return Err(Rejected::Left);
        }
        if !self.can_publish_data {
            return Err(Rejected::NotAllowed);
        }
        let limit = limits.packet.message_bytes;
        if bytes > limit {
            let too_long = DecodeError::TooLong { bytes, limit };
            return Err(Rejected::Undecodable(too_long));
        }
        let now = context.now;
        if !self.batches.has(limits.batches, 1, now) || !self.bytes.has(limits.bytes, bytes, now) {
            return Err(Rejected::RateLimited);
        }
        self.batches.take(limits.batches, 1, now);
        self.bytes.take(limits.bytes, bytes, now);
        Ok(())
    }

    fn take_in(
        &mut self,
        mut batch: MetricsBatch,
        context: Context<'_>,
    ) -> (SharedBatch, MergeCounts) {
        let steps_before = self.timestamper.diagnostics().steps;
        let mapped = self.timestamper.normalise(&mut batch, context.now);
        if self.timestamper.diagnostics().steps != steps_before {
            context.metrics.clock_steps.inc();
        }
        context.metrics.mapped(&mapped);
        let limits = context.config.senders.batch;
        let (shared, mut counts) = SharedBatch::new(batch, &context.sender, limits);
        counts.rows_bad_time += mapped.dropped_series + mapped.dropped_events;
        counts.samples_bad_time += mapped.dropped_samples;
        context.metrics.taken_in(&counts);
        let rows = shared.series().map(client_row);
        let client = &context.metrics.client;
        client.observe(&mut self.client, context.now, rows);
        (shared, counts)
    }

    /// A round trip of this participant that the server measured.
    pub(super) fn measured(&mut self, path: RttPath, seconds: f32, metrics: &PipelineMetrics) {
        // Longer than any duration, it is out of range in any case, and counted as that.
        let rtt = Duration::try_from_secs_f32(seconds).unwrap_or(Duration::MAX);
        metrics.client.observe_rtt(&mut self.client, path, rtt);
    }

    pub(super) fn diagnostics(&self) -> Diagnostics {
        self.timestamper.diagnostics()
    }

    /// Nothing is let in any more.
    pub(super) fn close(&mut self) {
        self.open = false;
        self.client = ClientState::new();
    }
}

fn client_row(row: SeriesRow<'_>) -> ClientRow<'_> {
    ClientRow {
        identity: row.identity,
        label: row.label.number().unwrap_or(FIRST_STRING_INDEX),
        track: row.track_sid,
        rid: row.rid,
        samples: row.samples,
    }
}
