//! The end of idle series, and their coming back.
//!
//! Lives here: the sweep that each merge makes, and what it finds. Not here: whether a series is in use (`mark`), who
//! makes series (`recorder`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::keys::Keys;
use super::live::{Live, Metric};
use super::recorder::Facade;
use crate::clock::uptime_at;
use crate::registry::idle::Expire;

impl Facade {
    /// A record found its series taken out for being idle.
    pub(super) fn revive<M: Metric>(&self, live: &Live<M>) {
        let _cold = self.cold();
        self.put_back(live);
    }

    /// Under the lock.
    pub(super) fn put_back<M: Metric>(&self, live: &Live<M>) {
        if live.is_over() {
            if !self.shared.table().restore(live.series()) {
                self.counts.taken.inc();
            }
            live.is_back();
        }
    }

    /// Under the lock. Returns how many aliases went.
    fn sweep<M: Metric>(&self, keys: &Keys<Live<M>>, now: Duration, timeout: Duration) -> usize {
        let mut idle = Vec::new();
        keys.each(|live| {
            if live.is_idle(now, timeout) {
                idle.push(Arc::clone(live));
            }
        });
        if !idle.is_empty() {
            let mut table = self.shared.table();
            let gone = idle.iter().filter(|live| table.remove(live.series()));
            self.counts.expired.add(gone.count() as u64);
        }
        drop(idle);
        let (aliases, unseen) = keys.forget(Live::is_over, Live::is_unseen);
        unseen.iter().for_each(|live| self.put_back(live));
        aliases
    }
}

impl Expire for Facade {
    fn expire(&self, now: Instant) {
        let Some(timeout) = self.options.idle_timeout else {
            return;
        };
        let now = uptime_at(now);
        let mut cold = self.cold();
        if now < cold.next_sweep {
            return;
        }
        cold.next_sweep = now.saturating_add(timeout / 16);
        cold.aliases -= self.sweep(&self.counters, now, timeout)
            + self.sweep(&self.gauges, now, timeout)
            + self.sweep(&self.histograms, now, timeout);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Recorder;
    use super::*;
    use crate::registry::Registry;
    use crate::snapshot::Snapshot;

    const MINUTE: Duration = Duration::from_secs(60);

    /// A recorder with a time-out of a minute, and a sweep at `start` plus so many seconds.
    struct Idle {
        registry: Registry,
        recorder: Recorder,
        start: Instant,
    }

    impl Idle {
        fn new() -> Self {
            let registry = Registry::builder().max_series(64).build().unwrap();
            let builder = Recorder::builder(&registry).idle_timeout(MINUTE);
            let recorder = builder.build().unwrap();
            // Sweeps of merges, which go by the real clock, are not due before these.
            let start = Instant::now() + 100 * MINUTE;
            recorder.facade.expire(start);
            Self {
                registry,
                recorder,
                start,
            }
        }

        fn sweep(&self, seconds: u64) {
            let at = self.start + Duration::from_secs(seconds);
            self.recorder.facade.expire(at);
        }

        fn counter(&self) -> metrics::Counter {
            metrics::with_local_recorder(&self.recorder, || metrics::counter!("c.total"))
        }

        fn total(&self) -> Option<u64> {
            counter(&self.registry.collect(), "c_total")
        }
    }

    fn counter(snapshot: &Snapshot, name: &str) -> Option<u64> {
        snapshot.counter(name, &[])
    }

    #[test]
    fn a_series_goes_a_timeout_after_its_last_use() {
        let idle = Idle::new();
        idle.counter().increment(3);
        idle.sweep(10); // used at some time before
        idle.sweep(69);
        assert_eq!(idle.total(), Some(3));
        idle.counter().increment(0);
        idle.sweep(79); // used
        idle.sweep(138);
        assert_eq!(idle.total(), Some(3), "used by adding nothing, too");
        idle.sweep(142);
        assert_eq!(idle.total(), None);
        let snapshot = idle.registry.collect();
        let expired = counter(&snapshot, "media_metrics_facade_series_expired_total");
        assert_eq!(expired, Some(1));
        idle.counter().increment(2);
        assert_eq!(idle.total(), Some(2), "a new beginning");
    }

    #[test]
    fn what_a_sweep_did_not_see_is_published_all_the_same() {
        let idle = Idle::new();
        idle.counter().increment(3);
        idle.sweep(10);
        // As a record that found the mark set before that, and whose write is seen only now.
        let facade = &idle.recorder.facade;
        facade.counters.each(|live| {
            let index = live.series().index;
            let home = &facade.shared.home;
            home.with_shard(|shard| shard.cell(index).add(1));
        });
        idle.sweep(80);
        assert_eq!(idle.total(), Some(4), "it went, and is back");
        idle.sweep(90);
        idle.sweep(160);
        assert_eq!(idle.total(), None);
    }

    #[test]
    fn sweeps_are_a_sixteenth_of_the_timeout_apart() {
        let idle = Idle::new();
        idle.counter().increment(1);
        idle.sweep(4);
        idle.counter().increment(1);
        idle.sweep(7); // too soon
        idle.sweep(8);
        idle.sweep(67);
        assert_eq!(idle.total(), Some(2), "59 s since it was seen at 8 s");
        idle.sweep(71);
        assert_eq!(idle.total(), None);
    }

    #[test]
    fn memory_of_what_is_over_is_given_back() {
        let idle = Idle::new();
        let held = idle.counter();
        held.increment(1);
        assert_eq!(idle.recorder.facade.cold().aliases, 1);
        idle.sweep(10);
        idle.sweep(80);
        let known = |idle: &Idle| {
            let mut known = 0;
            idle.recorder.facade.counters.each(|_| known += 1);
            (known, idle.recorder.facade.cold().aliases)
        };
        assert_eq!(known(&idle), (1, 0), "held by the program");
        drop(held);
        idle.sweep(90);
        assert_eq!(known(&idle), (0, 0));
    }
}
