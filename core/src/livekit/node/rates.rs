//! Snapshots over time and what they amount to: counters per second, levels as means over time.
//!
//! Lives here: the history, the formulas, when a node is stuck. Pure. Not here: what is read (`system`), when
//! (the host's scheduler), what goes onto the wire besides (`monitor`).
//!
//! Differences to the reference: spans are measured on a clock that never steps and are not cut to seconds; the
//! history forgets by age and not by number, so that updates that come early or often still find one old enough; a
//! total that went down is a rate of 0; a level that was unknown for a while is the mean of the rest.

use std::collections::VecDeque;
use std::fmt;
use std::iter::once;
use std::time::Duration;

use super::messages::NodeStatsRate;
use super::system::{PacketCounts, SystemReading};
use super::totals::NodeTotals;
use crate::livekit::time::ServerTime;

/// Everything known of the node at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The moment, on a clock that never steps: what spans are measured by.
    pub at: ServerTime,
    /// The same moment on the wall clock, in seconds since 1970: what others are told.
    pub unix_s: i64,
    /// What the host's families hold.
    pub totals: NodeTotals,
    /// What the operating system says.
    pub system: SystemReading,
}

const _: () = assert!(size_of::<Snapshot>() <= 400, "History promises it");

/// Why there can be no history.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HistoryError {
    /// Updates need time between them.
    ZeroUpdate,
    /// A rate needs time to be measured over.
    ZeroInterval,
    /// The longest interval spans more updates than [`History::MAX_SLOTS`].
    TooLong {
        /// Snapshots that would have to be kept.
        slots: u128,
    },
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZeroUpdate => write!(
                f,
                "the interval between updates of the node statistics is 0: set it to 2s, say"
            ),
            Self::ZeroInterval => write!(
                f,
                "a rate of the node statistics is to be measured over 0 s: give each interval a length, or leave it out"
            ),
            Self::TooLong { slots } => write!(
                f,
                "the longest interval that a rate of the node statistics is to be measured over needs {slots} snapshots, \
                 but at most {} are kept: update less often, or measure over a shorter interval",
                History::MAX_SLOTS
            ),
        }
    }
}

impl std::error::Error for HistoryError {}

/// The last snapshots: those of the longest interval, and the newest that is older.
///
/// Updates may come more often than they were to: of those less than half an update apart every other one or
/// fewer are kept.
///
/// **Cost**: 400 bytes a snapshot at most; the default, 10 s of updates each 2 s, keeps 6, and never more than 13.
#[derive(Clone, Debug)]
pub struct History {
    intervals: Vec<Duration>,
    longest: Duration,
    /// Snapshots that are kept are at least so far apart, but for the last two.
    apart: Duration,
    slots: usize,
    /// Oldest first, never going back in time.
    snapshots: VecDeque<Snapshot>,
}

impl History {
    /// Snapshots kept at most: for an interval of 100,000 updates, each in two halves.
    pub const MAX_SLOTS: usize = 200_003;

    /// For updates that are `update` apart and a rate over each of `intervals`, none of them if it is empty.
    ///
    /// # Errors
    ///
    /// If a time is 0, or more snapshots than [`History::MAX_SLOTS`] would have to be kept.
    pub fn new(update: Duration, intervals: &[Duration]) -> Result<Self, HistoryError> {
        if update.is_zero() {
            return Err(HistoryError::ZeroUpdate);
        }
        if intervals.iter().any(Duration::is_zero) {
            return Err(HistoryError::ZeroInterval);
        }
        let longest = intervals.iter().max().copied().unwrap_or_default();
        let slots = match longest.as_nanos().div_ceil(update.as_nanos()) {
            0 => 0,
            updates => 2 * updates + 3,
        };
        match usize::try_from(slots) {
            Ok(kept) if kept <= Self::MAX_SLOTS => Ok(Self {
                intervals: intervals.to_vec(),
                longest,
                apart: update / 2,
                slots: kept,
                snapshots: VecDeque::new(),
            }),
            _ => Err(HistoryError::TooLong { slots }),
        }
    }

    /// Most snapshots that are ever kept; half of them if updates are as far apart as they should be.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// The rates up to `now`, in the order of the intervals, and keeps `now` for later ones.
    ///
    /// Each rate is over the time since the newest snapshot that is at least its interval older; without one it is left
    /// out. A `now` before the last snapshot counts as of the same moment.
    ///
    /// **Cost**: a walk over the snapshots of each interval.
    pub fn push(&mut self, mut now: Snapshot) -> Vec<NodeStatsRate> {
        if let Some(last) = self.snapshots.back() {
            now.at = now.at.max(last.at);
        }
        let rates = self
            .intervals
            .iter()
            .filter_map(|interval| self.rate(*interval, &now))
            .collect();
        if self.slots > 0 {
            self.keep(now);
        }
        rates
    }

    fn keep(&mut self, now: Snapshot) {
        // The last one gives way if it came too soon after the one before it: so those that stay are apart.
        let mut newest = self.snapshots.iter().rev();
        if let (Some(last), Some(before)) = (newest.next(), newest.next())
            && last.at.since(before.at) < self.apart
        {
            self.snapshots.pop_back();
        }
        // The oldest goes once the next one is old enough for every interval.
        let old_enough = |s: &Snapshot| now.at.since(s.at) >= self.longest;
        while self.snapshots.get(1).is_some_and(old_enough) {
            self.snapshots.pop_front();
        }
        self.snapshots.push_back(now);
        debug_assert!(self.snapshots.len() <= self.slots, "as the spacing has it");
    }

    fn rate(&self, interval: Duration, now: &Snapshot) -> Option<NodeStatsRate> {
        let old_enough = |s: &Snapshot| now.at.since(s.at) >= interval;
        let first = self.snapshots.partition_point(old_enough).checked_sub(1)?;
        let earlier = self.snapshots.get(first)?;
        let levels = Levels::over(self.snapshots.range(first..).chain(once(now)));
        Some(rate_between(earlier, now, &levels))
    }
}

fn rate_between(earlier: &Snapshot, later: &Snapshot, levels: &Levels) -> NodeStatsRate {
    let elapsed = later.at.since(earlier.at);
    let seconds = elapsed.as_secs_f64();
    let per_second = |a: u64, b: u64| (b.saturating_sub(a) as f64 / seconds) as f32;
    let (a, b) = (&earlier.totals, &later.totals);
    let packets =
        |count: fn(&PacketCounts) -> u64| match (&earlier.system.packets, &later.system.packets) {
            (Some(a), Some(b)) => per_second(count(a), count(b)),
            _ => 0.0,
        };
    NodeStatsRate {
        started_at: earlier.unix_s,
        ended_at: later.unix_s,
        duration: seconds.round() as i64,
        track_publish_attempts: per_second(a.publish_attempts, b.publish_attempts),
        track_publish_success: per_second(a.publish_success, b.publish_success),
        track_publish_cancels: per_second(a.publish_cancels, b.publish_cancels),
        track_subscribe_attempts: per_second(a.subscribe_attempts, b.subscribe_attempts),
        track_subscribe_success: per_second(a.subscribe_success, b.subscribe_success),
        track_subscribe_cancels: per_second(a.subscribe_cancels, b.subscribe_cancels),
        bytes_in: per_second(a.bytes_in, b.bytes_in),
        bytes_out: per_second(a.bytes_out, b.bytes_out),
        packets_in: per_second(a.packets_in, b.packets_in),
        packets_out: per_second(a.packets_out, b.packets_out),
        nack_total: per_second(a.nacks, b.nacks),
        sys_packets_out: packets(|p| p.out),
        sys_packets_dropped: packets(|p| p.dropped),
        retransmit_bytes_out: per_second(a.retransmit_bytes_out, b.retransmit_bytes_out),
        retransmit_packets_out: per_second(a.retransmit_packets_out, b.retransmit_packets_out),
        participant_signal_connected: per_second(a.signal_connected, b.signal_connected),
        participant_signal_failed: per_second(a.signal_failed, b.signal_failed),
        participant_signal_validation_failed: per_second(
            a.signal_validation_failed,
            b.signal_validation_failed,
        ),
        participant_rtc_connected: per_second(a.rtc_connected, b.rtc_connected),
        participant_rtc_init: per_second(a.rtc_init, b.rtc_init),
        participant_rtc_canceled: per_second(a.rtc_canceled, b.rtc_canceled),
        participant_rtc_active: per_second(a.rtc_active, b.rtc_active),
        cpu_load: levels.cpu_load.value(),
        memory_load: levels.memory_load.value(),
        memory_used: levels.memory_used.value(),
        memory_total: levels.memory_total.value(),
    }
}

/// Levels over a window. Each span counts by its length, with the level at its end.
#[derive(Default)]
struct Levels {
    cpu_load: Mean,
    memory_load: Mean,
    memory_used: Mean,
    memory_total: Mean,
}

impl Levels {
    fn over<'a>(snapshots: impl Iterator<Item = &'a Snapshot>) -> Self {
        let mut levels = Self::default();
        let mut before: Option<ServerTime> = None;
        for snapshot in snapshots {
            if let Some(before) = before {
                levels.add(snapshot.at.since(before).as_secs_f64(), &snapshot.system);
            }
            before = Some(snapshot.at);
        }
        levels
    }

    fn add(&mut self, seconds: f64, system: &SystemReading) {
        if let Some(load) = system.cpu_load {
            self.cpu_load.add(seconds, load);
        }
        if let Some(memory) = system.memory {
            self.memory_load.add(seconds, memory.load());
            self.memory_used.add(seconds, memory.used_bytes as f64);
            self.memory_total.add(seconds, memory.total_bytes as f64);
        }
    }
}

/// A mean over the time for which the level was known.
#[derive(Default)]
struct Mean {
    sum: f64,
    seconds: f64,
}

impl Mean {
    fn add(&mut self, seconds: f64, value: f64) {
        self.sum += seconds * value;
        self.seconds += seconds;
    }

    /// The wire has no word for unknown: 0.
    fn value(&self) -> f32 {
        if self.seconds > 0.0 {
            (self.sum / self.seconds) as f32
        } else {
            0.0
        }
    }
}

/// How long ago the last update was, if that is more than `max_delay`: then whatever should have made one is stuck.
///
/// Ask from another thread than the one that updates, on a clock that never steps.
/// ```
/// # use std::time::Duration;
/// # use media_metrics_core::livekit::{node::rates::stuck_for, time::ServerTime};
/// let (last, max_delay) = (ServerTime::from_ns(0), Duration::from_secs(30));
/// assert_eq!(stuck_for(last, last.after(max_delay), max_delay), None);
/// let now = last.after(Duration::from_secs(31));
/// assert_eq!(stuck_for(last, now, max_delay), Some(Duration::from_secs(31)));
/// ```
#[must_use]
pub fn stuck_for(
    last_update: ServerTime,
    now: ServerTime,
    max_delay: Duration,
) -> Option<Duration> {
    Some(now.since(last_update)).filter(|delay| *delay > max_delay)
}
