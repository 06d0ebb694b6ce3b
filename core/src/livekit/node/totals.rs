//! What the host's own families hold at one moment.
//!
//! Lives here: plain numbers. Not here: who counts them (`families`), what the operating system says (`system`).

use std::time::Duration;

/// Levels of now and totals since the node's start.
///
/// Totals never go down but at a restart; a rate over one that did is 0, not 1.8e19.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeTotals {
    /// Rooms open now.
    pub rooms: u64,
    /// Participants connected now.
    pub clients: u64,
    /// Tracks published now.
    pub tracks_in: u64,
    /// Tracks subscribed to now.
    pub tracks_out: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent, those sent again included.
    pub bytes_out: u64,
    /// Packets received.
    pub packets_in: u64,
    /// Packets sent, those sent again included.
    pub packets_out: u64,
    /// Bytes sent again.
    pub retransmit_bytes_out: u64,
    /// Packets sent again.
    pub retransmit_packets_out: u64,
    /// Packets asked for again, in both directions.
    pub nacks: u64,
    /// Joins whose signalling connection came up.
    pub signal_connected: u64,
    /// Joins for which no session could be started.
    pub signal_failed: u64,
    /// Join requests that were rejected.
    pub signal_validation_failed: u64,
    /// Session starts that reached the media node.
    pub rtc_init: u64,
    /// Participants that joined a room.
    pub rtc_connected: u64,
    /// Sessions given up before they were connected.
    pub rtc_canceled: u64,
    /// Participants that became active.
    pub rtc_active: u64,
    /// Attempts to publish a track.
    pub publish_attempts: u64,
    /// Tracks published.
    pub publish_success: u64,
    /// Attempts to publish that were cancelled.
    pub publish_cancels: u64,
    /// Attempts to subscribe to a track.
    pub subscribe_attempts: u64,
    /// Tracks subscribed to.
    pub subscribe_success: u64,
    /// Attempts to subscribe that were cancelled.
    pub subscribe_cancels: u64,
    /// Mean time that a packet spent in the node of late; `None` without a packet.
    pub forward_latency: Option<Duration>,
    /// Standard deviation of that; `None` without a packet.
    pub forward_jitter: Option<Duration>,
}
