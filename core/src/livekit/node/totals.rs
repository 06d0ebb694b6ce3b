//! What LiveKit's families hold of a node at one moment.
//!
//! Lives here: plain numbers, and reading them off a snapshot, so that no host counts twice. Not here: who counts them
//! (`livekit::families`), what the operating system says (`system`).

use std::time::Duration;

use crate::desc::Desc;
use crate::labels::LabelValues;
use crate::livekit::families::{NodeIdentity, catalog};
use crate::snapshot::{Snapshot, Values};

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

impl NodeTotals {
    /// What the families of [`livekit::families`](crate::livekit::families) say of this node, as of the snapshot's
    /// merge: all that has its `node_id` and `node_type`. A family that is not there is 0, a forwarding time `None`.
    ///
    /// **Cost**: a pass over the series of a dozen families.
    /// ```
    /// use media_metrics_core::Registry;
    /// use media_metrics_core::livekit::families::{Families, NodeIdentity, NodeType, TrackKind};
    /// use media_metrics_core::livekit::node::totals::NodeTotals;
    ///
    /// let registry = Registry::new()?;
    /// let node = NodeIdentity::new("ND_x", NodeType::Server);
    /// let families = Families::register(&registry, node.clone())?;
    /// families.track_published(TrackKind::Audio);
    /// families.track_published(TrackKind::Video);
    /// assert_eq!(NodeTotals::of(&registry.collect(), &node).tracks_in, 2);
    /// # Ok::<(), media_metrics_core::RegisterError>(())
    /// ```
    #[must_use]
    pub fn of(snapshot: &Snapshot, node: &NodeIdentity) -> Self {
        let all = |family, with: &[(&str, &str)]| sum(snapshot, node, family, with);
        let (incoming, outgoing) = (("direction", "incoming"), ("direction", "outgoing"));
        let again = [outgoing, ("transmission", "retransmit")];
        let joins = |state| all(&catalog::PARTICIPANT_JOIN_TOTAL, &[("state", state)]);
        let published = |state| all(&catalog::TRACK_PUBLISH_COUNTER, &[("state", state)]);
        let subscribed = |state| all(&catalog::TRACK_SUBSCRIBE_COUNTER, &[("state", state)]);
        let of_node = [&*node.node_id, node.node_type.as_str()];
        let forward = |family: &Desc| {
            let ns = snapshot.gauge(family.name(), &of_node)?;
            Some(Duration::from_nanos(ns as u64)) // cuts and saturates
        };
        Self {
            rooms: all(&catalog::ROOM_TOTAL, &[]),
            clients: all(&catalog::PARTICIPANT_TOTAL, &[]),
            tracks_in: all(&catalog::TRACK_PUBLISHED_TOTAL, &[]),
            tracks_out: all(&catalog::TRACK_SUBSCRIBED_TOTAL, &[]),
            bytes_in: all(&catalog::PACKET_BYTES, &[incoming]),
            bytes_out: all(&catalog::PACKET_BYTES, &[outgoing]),
            packets_in: all(&catalog::PACKET_TOTAL, &[incoming]),
            packets_out: all(&catalog::PACKET_TOTAL, &[outgoing]),
            retransmit_bytes_out: all(&catalog::PACKET_BYTES, &again),
            retransmit_packets_out: all(&catalog::PACKET_TOTAL, &again),
            nacks: all(&catalog::NACK_TOTAL, &[]),
            signal_connected: joins("signal_connected"),
            signal_failed: joins("signal_failed"),
            signal_validation_failed: joins("signal_validation_failed"),
            rtc_init: joins("rtc_init"),
            rtc_connected: joins("rtc_connected"),
            rtc_canceled: joins("rtc_canceled"),
            rtc_active: joins("rtc_active"),
            publish_attempts: published("attempt"),
            publish_success: published("success"),
            publish_cancels: published("cancel"),
            subscribe_attempts: subscribed("attempt"),
            subscribe_success: subscribed("success"),
            subscribe_cancels: subscribed("cancel"),
            forward_latency: forward(&catalog::FORWARD_LATENCY),
            forward_jitter: forward(&catalog::FORWARD_JITTER),
        }
    }
}

/// Counters or gauges of a family together, of one node and with these labels.
fn sum(snapshot: &Snapshot, node: &NodeIdentity, family: &Desc, with: &[(&str, &str)]) -> u64 {
    let Some(family) = snapshot.family(family.name()) else {
        return 0;
    };
    // As they were made fit to be labels.
    let of_node = LabelValues::new(&[&*node.node_id, node.node_type.as_str()]);
    let names = [catalog::NODE_ID, catalog::NODE_TYPE];
    let of_node: Vec<(&str, &str)> = names.into_iter().zip(of_node.iter()).collect();
    let schema = family.schema();
    let wanted = |i: &usize| {
        let has = |label: &(&str, &str)| schema.labels(*i).any(|own| own == *label);
        of_node.iter().chain(with).all(has)
    };
    let series = (0..schema.len()).filter(wanted);
    match family.values() {
        Values::Counter(values) => series
            .filter_map(|i| values.get(i))
            .fold(0, |sum, n| sum.saturating_add(*n)),
        Values::Gauge(values) => {
            let levels = series.filter_map(|i| *values.get(i)?);
            levels.sum::<f64>() as u64 // cuts and saturates
        }
        Values::Histogram(_) => 0,
    }
}
