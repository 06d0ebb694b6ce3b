//! The node's own statistics, each time they are due: totals, the operating system and rates as one message.
//!
//! Lives here: the order of things, and how numbers go onto the wire. Not here: formulas (`rates`), readings (`system`),
//! when an update is due (the host's scheduler), where it is sent.

use std::time::{Duration, SystemTime};

use super::messages::NodeStats;
use super::rates::{History, HistoryError, Snapshot};
use super::system::{ReadFailures, System, SystemReading};
use super::totals::NodeTotals;
use crate::livekit::time::ServerTime;
use crate::wall::ns_since_1970;

/// Makes a node's statistics.
///
/// **Cost**: an update reads some small files and asks the kernel one question; it never waits for the network.
/// ```
/// # use std::time::{Duration, SystemTime};
/// use media_metrics_core::livekit::node::monitor::NodeMonitor;
/// use media_metrics_core::livekit::node::system::{Machine, System};
/// use media_metrics_core::livekit::node::totals::NodeTotals;
/// use media_metrics_core::livekit::time::Clock;
///
/// let (clock, machine) = (Clock::new(), System::new(Machine::local()));
/// let every = Duration::from_secs(2);
/// let over = [Duration::from_secs(10)];
/// let mut node = NodeMonitor::new(SystemTime::now(), every, &over, machine)?;
/// let totals = NodeTotals { rooms: 3, ..NodeTotals::default() };
/// let update = node.update(clock.now(), SystemTime::now(), &totals);
/// assert_eq!(update.stats.num_rooms, 3);
/// # Ok::<(), media_metrics_core::livekit::node::rates::HistoryError>(())
/// ```
#[derive(Debug)]
pub struct NodeMonitor {
    started_s: i64,
    system: System,
    history: History,
}

/// One update.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct NodeUpdate {
    /// The message for others.
    pub stats: NodeStats,
    /// What the operating system said, in which unknown is `None`: for families of one's own.
    pub system: SystemReading,
}

impl NodeMonitor {
    /// A node that started at `started`, updates each `update`, and tells a rate over each of `intervals`.
    ///
    /// # Errors
    ///
    /// As [`History::new`].
    pub fn new(
        started: SystemTime,
        update: Duration,
        intervals: &[Duration],
        system: System,
    ) -> Result<Self, HistoryError> {
        Ok(Self {
            started_s: unix_seconds(started),
            system,
            history: History::new(update, intervals)?,
        })
    }

    /// See [`System::sample_cpu`].
    pub fn sample_cpu(&mut self, now: ServerTime) {
        self.system.sample_cpu(now);
    }

    /// The node's statistics: `now` is what rates are measured by, `wall` the same moment as others know it.
    pub fn update(&mut self, now: ServerTime, wall: SystemTime, totals: &NodeTotals) -> NodeUpdate {
        let system = self.system.read(now);
        let snapshot = Snapshot {
            at: now,
            unix_s: unix_seconds(wall),
            totals: *totals,
            system,
        };
        let stats = stats(self.started_s, &snapshot);
        let rates = self.history.push(snapshot);
        NodeUpdate {
            stats: NodeStats { rates, ..stats },
            system,
        }
    }

    /// How often the operating system could not be read since the start.
    #[must_use]
    pub fn failures(&self) -> ReadFailures {
        self.system.failures()
    }
}

/// The message without rates. What does not fit is the largest number, what is unknown 0.
fn stats(started_s: i64, snapshot: &Snapshot) -> NodeStats {
    let (totals, system) = (&snapshot.totals, &snapshot.system);
    let load = system.load_averages.unwrap_or_default();
    let packets = system.packets.unwrap_or_default();
    let memory = system.memory.unwrap_or_default();
    NodeStats {
        started_at: started_s,
        updated_at: snapshot.unix_s,
        num_rooms: to_i32(totals.rooms),
        num_clients: to_i32(totals.clients),
        num_tracks_in: to_i32(totals.tracks_in),
        num_tracks_out: to_i32(totals.tracks_out),
        num_track_publish_attempts: to_i32(totals.publish_attempts),
        num_track_publish_success: to_i32(totals.publish_success),
        num_track_publish_cancels: to_i32(totals.publish_cancels),
        num_track_subscribe_attempts: to_i32(totals.subscribe_attempts),
        num_track_subscribe_success: to_i32(totals.subscribe_success),
        num_track_subscribe_cancels: to_i32(totals.subscribe_cancels),
        bytes_in: totals.bytes_in,
        bytes_out: totals.bytes_out,
        packets_in: totals.packets_in,
        packets_out: totals.packets_out,
        retransmit_bytes_out: totals.retransmit_bytes_out,
        retransmit_packets_out: totals.retransmit_packets_out,
        nack_total: totals.nacks,
        participant_signal_connected: totals.signal_connected,
        participant_signal_failed: totals.signal_failed,
        participant_signal_validation_failed: totals.signal_validation_failed,
        participant_rtc_init: totals.rtc_init,
        participant_rtc_connected: totals.rtc_connected,
        participant_rtc_canceled: totals.rtc_canceled,
        participant_rtc_active: totals.rtc_active,
        forward_latency: to_ns(totals.forward_latency),
        forward_jitter: to_ns(totals.forward_jitter),
        num_cpus: system.cpus.unwrap_or_default() as u32, // cuts and saturates
        cpu_load: system.cpu_load.unwrap_or_default() as f32,
        load_avg_last1min: load[0],
        load_avg_last5min: load[1],
        load_avg_last15min: load[2],
        memory_total: memory.total_bytes,
        memory_used: memory.used_bytes,
        sys_packets_out: to_u32(packets.out.into()),
        sys_packets_dropped: to_u32(packets.dropped.into()),
        rates: Vec::new(),
    }
}

fn to_i32(n: u64) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

fn to_u32(n: u128) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// 4.29 s and more are 4.29 s.
fn to_ns(time: Option<Duration>) -> u32 {
    to_u32(time.unwrap_or_default().as_nanos())
}

/// Whole seconds since 1970, rounded down.
fn unix_seconds(wall: SystemTime) -> i64 {
    ns_since_1970(wall).div_euclid(1_000_000_000) as i64 // fits: the system counts them so, too
}
