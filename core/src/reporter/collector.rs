//! One merge: adopt, fold, sum, publish. Time is an argument.
//!
//! Lives here: what happens in a tick, and the buffers that it reuses. Not here: when ticks happen
//! (`thread`), what streams amount to (`fold`), reading one family's cells (`collected`).

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rayon::prelude::*;

use super::collected::Collected;
use super::exemplars::{Labels, Merge, Names};
use super::fold::Fold;
use super::fold_senders::FoldSenders;
use super::helpers::helpers;
use super::listing::{Listing, SenderListing};
use super::watch::Watches;
use crate::catalog;
use crate::clock::{nanoseconds, uptime_at};
use crate::counter::Counter;
use crate::desc::Desc;
use crate::error::RegisterError;
use crate::gauge::Gauge;
use crate::histogram::Histogram;
use crate::judge::{Judges, ParticipantSnapshot};
#[cfg(feature = "livekit")]
use crate::livekit::derived::Derived;
use crate::registry::registration::own_handle;
use crate::registry::{Shared, Table};
use crate::shard::Shards;
use crate::shard::attach::Home;
use crate::snapshot::{FamilySnapshot, Snapshot};
use crate::worst::Board;

/// Cells (series times shards) from which on a merge is worth the help of other threads.
const PARALLEL_CELLS: usize = 1 << 18;

/// Snapshots kept for reuse; more than this many in readers' hands at once are freed, not reused.
const KEPT: usize = 4;

/// One merge, as those see it who walk over streams.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tick {
    /// Of the merge, from 1 on; it wraps.
    pub(crate) number: u32,
    /// Since the merge before; 0 at the first.
    pub(crate) interval: Duration,
    /// Whether streams' windows end now, where there are any.
    pub(crate) windows_end: bool,
    /// Whether any stream is scored.
    pub(crate) any_judged: bool,
}

/// What merges keep between them. One per registry, behind its lock: whoever ticks, ticks alone.
#[derive(Debug)]
pub(crate) struct Collector {
    sequence: u64,
    last: Option<Instant>,
    /// Families with a series, sorted by name.
    families: Vec<Collected>,
    /// Labels of exemplars.
    labels: Labels,
    /// Published snapshots, to be used again when their readers are done.
    published: Vec<Arc<Snapshot>>,
    fold: Fold,
    senders: FoldSenders,
    watches: Watches,
    judges: Judges,
    board: Board,
    /// Set if LiveKit's families are derived.
    #[cfg(feature = "livekit")]
    livekit: Option<Derived>,
    metrics: OwnMetrics,
}

/// What the collector says of itself; each value is in the next snapshot but one at the latest.
#[derive(Debug)]
struct OwnMetrics {
    tick: Histogram,
    shards: Gauge,
    series: Gauge,
    memory: Gauge,
    dropped: Counter,
}

impl OwnMetrics {
    fn new(table: &mut Table, home: &Arc<Home>) -> Result<Self, RegisterError> {
        let mut handle = |desc: &Desc| own_handle(table, home, desc, &[]);
        Ok(Self {
            tick: Histogram::new(handle(&catalog::REPORTER_TICK)?, &catalog::REPORTER_TICK),
            shards: Gauge::new(handle(&catalog::REPORTER_SHARDS)?),
            series: Gauge::new(handle(&catalog::REPORTER_SERIES)?),
            memory: Gauge::new(handle(&catalog::REPORTER_MEMORY)?),
            dropped: Counter::new(handle(&catalog::RECORDS_DROPPED)?),
        })
    }
}

impl Collector {
    /// `worst`: slots for the worst streams, and as many for groups.
    pub(crate) fn new(
        table: &mut Table,
        home: &Arc<Home>,
        worst: usize,
    ) -> Result<Self, RegisterError> {
        Ok(Self {
            sequence: 0,
            last: None,
            families: Vec::new(),
            labels: Labels::default(),
            published: Vec::new(),
            fold: Fold::new(table, home, worst)?,
            senders: FoldSenders::new(table, home)?,
            watches: Watches::default(),
            judges: Judges::default(),
            board: Board::new(worst),
            #[cfg(feature = "livekit")]
            livekit: None,
            metrics: OwnMetrics::new(table, home)?,
        })
    }

    /// Merges everything recorded before this call, and returns it.
    pub(crate) fn tick(
        &mut self,
        shared: &Shared,
        now: Instant,
        wall: SystemTime,
    ) -> Arc<Snapshot> {
        let interval = self
            .last
            .map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
        self.last = Some(now);
        self.sequence += 1;
        // Streams first: they are folded into series, by this thread, which the merge then reads.
        #[cfg(feature = "livekit")]
        let windows_end = self.livekit.as_mut().is_some_and(|l| l.begin(shared, now));
        #[cfg(not(feature = "livekit"))]
        let windows_end = false;
        // Scores before folding: who is worst goes by the newest.
        let participants = self.judges.tick(shared, uptime_at(now));
        let tick = Tick {
            number: self.sequence as u32,
            interval,
            windows_end,
            any_judged: self.judges.len() > 0,
        };
        self.fold.tick(shared, &tick, &mut self.board);
        self.senders.tick(shared, &tick, &mut self.board);
        self.board.publish(shared, self.sequence);
        // Watches read their histograms themselves: their gauges are in the merge below.
        self.watches.tick(shared, now);
        #[cfg(feature = "livekit")]
        if let Some(livekit) = &mut self.livekit {
            livekit.finish(now, &participants);
        }
        #[cfg(not(feature = "livekit"))]
        drop(participants); // nobody else asks
        #[cfg(feature = "facade")]
        shared.expire(now);
        self.adopt(shared);
        self.take_exemplars(shared, wall);
        self.fold.forget_ended();
        self.senders.forget_ended();
        self.report_on_itself(shared);
        let mut snapshot = self.reusable();
        if let Some(s) = Arc::get_mut(&mut snapshot) {
            s.sequence = self.sequence;
            s.time = wall;
            s.interval = interval;
            s.period = shared.period();
            self.merge(shared.home.shards(), &mut s.families);
        }
        if self.published.len() < KEPT {
            self.published.push(Arc::clone(&snapshot));
        }
        self.metrics.tick.record(nanoseconds(now.elapsed()));
        snapshot
    }

    /// Labels of exemplars.
    #[cfg(test)]
    pub(super) const fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The watched histograms.
    pub(super) const fn watches(&mut self) -> &mut Watches {
        &mut self.watches
    }

    /// The worst of the last interval.
    pub(crate) const fn board(&self) -> &Board {
        &self.board
    }

    /// What derives LiveKit's families.
    #[cfg(feature = "livekit")]
    pub(crate) const fn livekit(&mut self) -> &mut Option<Derived> {
        &mut self.livekit
    }

    /// Every live stream, to be read without the lock.
    pub(crate) fn list(&self) -> Listing {
        self.fold.list(self.judges.qualities())
    }

    /// Every participant with a scored stream, by name.
    pub(crate) fn participants(&self) -> Vec<ParticipantSnapshot> {
        self.judges.participant_snapshots()
    }

    /// Every live sent stream, to be read without the lock.
    pub(crate) fn list_senders(&self) -> SenderListing {
        self.senders.list(self.judges.qualities())
    }

    /// A snapshot that nobody reads any more, or a new one.
    fn reusable(&mut self) -> Arc<Snapshot> {
        let free = self
            .published
            .iter_mut()
            .position(|s| Arc::get_mut(s).is_some());
        match free {
            Some(at) => self.published.swap_remove(at),
            None => {
                if self.published.len() >= KEPT {
                    // All are held by readers who are slow: theirs to free.
                    self.published.clear();
                }
                Arc::new(Snapshot::empty())
            }
        }
    }

    /// Takes over series that came and drops those that went.
    fn adopt(&mut self, shared: &Shared) {
        let mut table = shared.table();
        for at in 0..table.families.len() {
            let Some(family) = table.families.get_mut(at).filter(|f| f.changed) else {
                continue;
            };
            family.changed = false;
            let known = self.families.iter().position(|c| c.at == at);
            let before = known.and_then(|i| self.families.get_mut(i));
            let collected = Collected::new(at, family, before);
            match known.and_then(|i| self.families.get_mut(i)) {
                Some(there) => *there = collected,
                None => self.families.push(collected),
            }
        }
        if self.families.iter().any(|c| c.schema.is_empty()) {
            self.families.retain(|c| !c.schema.is_empty());
        }
        if !self.families.is_sorted_by(|a, b| a.name() < b.name()) {
            self.families.sort_by(|a, b| a.name().cmp(b.name()));
        }
        table.reuse(shared.home.shards());
    }

    /// Takes the samples that threads keep for exemplars. Before the sums: so each is counted there.
    fn take_exemplars(&mut self, shared: &Shared, time: SystemTime) {
        let names = Names {
            received: &self.fold,
            sent: &self.senders,
            labels: shared.group_labels(),
        };
        let number = self.sequence;
        let merge = Merge { number, time };
        for family in &mut self.families {
            family.take_exemplars(shared.home.shards(), &names, &mut self.labels, merge);
        }
    }

    fn report_on_itself(&self, shared: &Shared) {
        let shards = shared.home.shards().iter().count();
        let series = shared.table().len();
        let arrays: usize = self.families.iter().map(Collected::bucket_bytes).sum();
        let streams = self.fold.len() * Fold::BYTES
            + self.senders.len() * FoldSenders::BYTES
            + self.judges.len() * Judges::BYTES;
        let windows = self.watches.memory();
        self.metrics.dropped.add(shared.home.take_dropped());
        self.metrics.shards.set(shards as f64);
        self.metrics.series.set(series as f64);
        self.metrics
            .memory
            .set((shards * (series * 8 + arrays) + series * 150 + streams + windows) as f64);
    }

    /// Sums all shards into `out`.
    fn merge(&self, shards: &Shards, out: &mut Vec<FamilySnapshot>) {
        out.truncate(self.families.len());
        for (i, collected) in self.families.iter().enumerate() {
            match out.get_mut(i) {
                Some(there) if Arc::ptr_eq(&there.schema, &collected.schema) => {}
                Some(there) => *there = collected.values(),
                None => out.push(collected.values()),
            }
        }
        let series: usize = self.families.iter().map(|c| c.schema.len()).sum();
        let large = series * shards.iter().count() >= PARALLEL_CELLS;
        match helpers(large) {
            Some(pool) => pool.install(|| {
                let pairs = self.families.par_iter().zip(out);
                pairs.for_each(|(c, f)| c.sum(shards, &mut f.values));
            }),
            None => self
                .families
                .iter()
                .zip(out)
                .for_each(|(c, f)| c.sum(shards, &mut f.values)),
        }
    }
}
