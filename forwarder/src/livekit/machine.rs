//! The node's statistics: what its families and the operating system say, with rates.
//!
//! Lives here: the task that makes them, on the reporter's thread, and what others may ask of the last ones. Not here:
//! formulas and readings (the core's `livekit::node`).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use media_metrics_core::livekit::config::NodeStatsConfig;
use media_metrics_core::livekit::families::{Families, NodeIdentity};
use media_metrics_core::livekit::node::families::NodeFamilies;
use media_metrics_core::livekit::node::messages::NodeStats;
use media_metrics_core::livekit::node::monitor::NodeMonitor;
use media_metrics_core::livekit::node::rates::stuck_for;
use media_metrics_core::livekit::node::totals::NodeTotals;
use media_metrics_core::livekit::time::{Clock, ServerTime};
use media_metrics_core::{Registry, Task};

use super::Livekit;

/// Makes the node's statistics each `stats_update_interval`: a pass over the last merge, some small files, one question
/// to the kernel.
#[derive(Debug)]
pub struct MachineTask {
    livekit: Families,
    ours: NodeFamilies,
    registry: Registry,
    node: NodeIdentity,
    monitor: NodeMonitor,
    every: Duration,
    watch: Watch,
}

/// What the node's statistics said last, and when. Cheap to clone; from any thread.
#[derive(Clone, Debug)]
pub struct Watch {
    last: Arc<Mutex<Last>>,
    clock: Clock,
    max_delay: Duration,
}

#[derive(Debug)]
struct Last {
    at: ServerTime,
    stats: Option<NodeStats>,
}

impl MachineTask {
    pub(super) fn new(
        livekit: &Livekit,
        ours: NodeFamilies,
        monitor: NodeMonitor,
        config: &NodeStatsConfig,
    ) -> (Self, Watch) {
        let clock = Clock::new();
        let last = Last {
            at: clock.now(),
            stats: None,
        };
        let watch = Watch {
            last: Arc::new(Mutex::new(last)),
            clock,
            max_delay: config.max_delay,
        };
        let task = Self {
            livekit: livekit.families.clone(),
            ours,
            registry: livekit.registry.clone(),
            node: livekit.node.clone(),
            monitor,
            every: config.update,
            watch: watch.clone(),
        };
        (task, watch)
    }
}

impl Task for MachineTask {
    fn run(&mut self, now: Instant) -> Option<Instant> {
        let at = self.watch.clock.at(now);
        let totals = NodeTotals::of(&self.registry.latest(), &self.node);
        let update = self.monitor.update(at, SystemTime::now(), &totals);
        if let Some(packets) = update.system.packets_since_start {
            self.livekit.node_packets(packets.out, packets.dropped);
        }
        self.ours.record(&update.system, self.monitor.failures());
        let stats = Some(update.stats);
        *self.watch.last() = Last { at, stats };
        now.checked_add(self.every)
    }
}

impl Watch {
    /// The last statistics; `None` before the first.
    #[must_use]
    pub fn stats(&self) -> Option<NodeStats> {
        self.last().stats.clone()
    }

    /// How long ago they were made at `now`, if that is more than `stats_max_delay`: then the thread that makes them,
    /// and merges, is stuck.
    #[must_use]
    pub fn stuck_for(&self, now: Instant) -> Option<Duration> {
        stuck_for(self.last().at, self.clock.at(now), self.max_delay)
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use media_metrics_core::livekit::node::system::{Machine, System};

    use super::*;
    use crate::cli::ForwardFlags;
    use crate::config::Settings;

    /// Updates tell totals and rates of the families; without updates the node is stuck after `stats_max_delay`.
    #[test]
    fn a_node_that_tells_nothing_is_stuck_after_the_longest_delay() {
        let registry = Registry::new().unwrap();
        let settings = Settings::load(None, ForwardFlags::default()).unwrap();
        let config = &settings.node_stats;
        let livekit = Livekit::register(&registry, &settings, &[]).unwrap();
        let system = System::new(Machine::local());
        let monitor = NodeMonitor::new(SystemTime::now(), config.update, &config.intervals, system);
        let (mut task, watch) = livekit.machine(monitor.unwrap(), config).unwrap();
        assert_eq!(watch.stats(), None);

        let begun = Instant::now() + Duration::from_secs(1);
        let after = |seconds| begun + Duration::from_secs(seconds);
        for seconds in [0, 2, 4, 6, 8, 10] {
            livekit.families.track_publish(
                media_metrics_core::livekit::families::TrackKind::Audio,
                media_metrics_core::livekit::families::PublishState::Attempt,
            );
            registry.collect();
            assert_eq!(task.run(after(seconds)), Some(after(seconds + 2)));
        }
        let stats = watch.stats().unwrap();
        assert_eq!(stats.num_track_publish_attempts, 6);
        let rates: Vec<_> = stats.rates.iter().map(|rate| rate.duration).collect();
        assert_eq!(rates, [10]);
        assert_eq!(stats.rates[0].track_publish_attempts, 0.5);

        assert_eq!(watch.stuck_for(after(40)), None);
        let delay = Duration::from_secs(31);
        assert_eq!(watch.stuck_for(after(41)), Some(delay));
        task.run(after(42));
        assert_eq!(watch.stuck_for(after(43)), None);
    }
}
