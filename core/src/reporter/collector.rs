//! One merge: adopt, fold, sum, publish. Time is an argument.
//!
//! Lives here: what happens in a tick, and the buffers that it reuses. Not here: when ticks happen
//! (`thread`), what streams amount to (`fold`).

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rayon::prelude::*;

use super::exemplars::{Kept, Labels, Merge, Names};
use super::fold::Fold;
use super::fold_senders::FoldSenders;
use super::helpers::helpers;
use super::windows::Windows;
use crate::catalog;
use crate::cell::Cell;
use crate::clock::uptime_at;
use crate::counter::Counter;
use crate::desc::{Desc, Kind};
use crate::error::RegisterError;
use crate::gauge::Gauge;
use crate::histogram::record::{CLAMPED, HEADER, SUM, array_len};
use crate::histogram::{Histogram, HistogramSnapshot, Part, named, splits};
use crate::judge::{Judges, ParticipantSnapshot};
#[cfg(feature = "livekit")]
use crate::livekit::derived::Derived;
use crate::registry::table::Purpose;
use crate::registry::{GroupMetrics, Handle, Series, Shared, Table};
use crate::shard::attach::Home;
use crate::shard::{Shard, Shards};
use crate::snapshot::{FamilySchema, FamilySnapshot, Snapshot, Values};
use crate::stream::{SenderSnapshot, StreamSnapshot};
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
    windows: Windows,
    judges: Judges,
    board: Board,
    /// Set if LiveKit's families are derived.
    #[cfg(feature = "livekit")]
    livekit: Option<Derived>,
    metrics: OwnMetrics,
}

/// A family as the collector knows it.
#[derive(Debug)]
struct Collected {
    /// Position in the registry's table.
    at: usize,
    schema: Arc<FamilySchema>,
    /// Cells of the series, in the schema's order, as runs of neighbours.
    runs: Vec<Run>,
    /// For histograms, see [`splits`].
    splits: Arc<[u32]>,
    /// Of each series what is shown with whose it is; empty if the family has no exemplars.
    kept: Vec<Kept>,
}

/// Cells `first .. first + len`. Series that were registered one after the other are neighbours, so that
/// most families are a few runs, and reading a run is reading memory from end to end.
#[derive(Clone, Copy, Debug)]
struct Run {
    first: u32,
    len: u32,
}

/// The runs of these indexes, in their order.
fn runs(indexes: impl Iterator<Item = u32>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for index in indexes {
        match runs.last_mut() {
            Some(run) if run.first + run.len == index => run.len += 1,
            _ => runs.push(Run {
                first: index,
                len: 1,
            }),
        }
    }
    runs.shrink_to_fit();
    runs
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
        let mut handle = |desc: &Desc| {
            let series = table.series(desc, desc.kind(), &[], Purpose::Reserve)?;
            Ok::<_, RegisterError>(Handle::new(home, &series))
        };
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
            windows: Windows::default(),
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
        self.judges.tick(shared, uptime_at(now));
        let tick = Tick {
            number: self.sequence as u32,
            interval,
            windows_end,
            any_judged: self.judges.len() > 0,
        };
        self.fold.tick(shared, &tick, &mut self.board);
        self.senders.tick(shared, &tick, &mut self.board);
        self.board.publish(shared, self.sequence);
        // Windows read their histograms themselves: their gauges are in the merge below.
        self.windows.tick(shared, now);
        #[cfg(feature = "livekit")]
        if let Some(livekit) = &mut self.livekit {
            livekit.finish(now);
        }
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
        self.metrics
            .tick
            .record(now.elapsed().as_nanos().try_into().unwrap_or(u64::MAX));
        snapshot
    }

    /// Labels of exemplars.
    #[cfg(test)]
    pub(super) const fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The watched histograms.
    pub(crate) const fn windows(&mut self) -> &mut Windows {
        &mut self.windows
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

    /// Every live stream, as of now.
    pub(crate) fn streams(&self, groups: &[Arc<GroupMetrics>]) -> Vec<StreamSnapshot> {
        let qualities = self.judges.qualities();
        let mut streams = self.fold.streams(groups);
        for stream in &mut streams {
            stream.quality = qualities.get(&stream.id).copied();
        }
        streams
    }

    /// Every participant with a scored stream, by name.
    pub(crate) fn participants(&self) -> Vec<ParticipantSnapshot> {
        self.judges.participant_snapshots()
    }

    /// Every live sent stream, as of now.
    pub(crate) fn senders(&self) -> Vec<SenderSnapshot> {
        let qualities = self.judges.qualities();
        let mut senders = self.senders.senders();
        for sender in &mut senders {
            sender.quality = qualities.get(&sender.id).copied();
        }
        senders
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
            let added = std::mem::take(&mut family.added);
            let known = self.families.iter().position(|c| c.at == at);
            let before = known.and_then(|i| self.families.get_mut(i));
            let mut kept_before = before
                .map_or_else(Vec::new, |c| std::mem::take(&mut c.kept))
                .into_iter();
            let before = known.and_then(|i| self.families.get(i));
            let kept = before.map_or(&[][..], |c| &c.schema.series);
            let shown = family.desc.has_exemplars();
            let mut exemplars = Vec::new();
            let mut series: Vec<Arc<Series>> = Vec::with_capacity(kept.len() + added.len());
            for s in kept.iter().chain(&added) {
                // Those that were there come first, in their order.
                let of_series = kept_before.next().unwrap_or_default();
                if s.list() {
                    series.push(Arc::clone(s));
                    exemplars.extend(shown.then_some(of_series));
                }
            }
            let collected = Collected {
                at,
                kept: exemplars,
                runs: runs(series.iter().map(|s| s.index)),
                splits: before.map_or_else(|| splits(&family.desc), |c| Arc::clone(&c.splits)),
                schema: Arc::new(FamilySchema {
                    desc: Arc::clone(&family.desc),
                    series,
                }),
            };
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
        let windows = self.windows.memory();
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
        match large.then(helpers).flatten() {
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

impl Collected {
    fn name(&self) -> &str {
        self.schema.desc.name()
    }

    /// Bytes of bucket arrays that one thread has at most.
    fn bucket_bytes(&self) -> usize {
        match self.schema.desc.kind() {
            Kind::Histogram => self.schema.len() * named::cells(&self.schema.desc) * 8,
            _ => 0,
        }
    }

    /// Room for the values.
    fn values(&self) -> FamilySnapshot {
        let n = self.schema.len();
        let values = match self.schema.desc.kind() {
            Kind::Counter => Values::Counter(vec![0; n]),
            Kind::Gauge => Values::Gauge(vec![None; n]),
            Kind::Histogram => {
                let desc = &self.schema.desc;
                let empty = || HistogramSnapshot::empty(desc, Arc::clone(&self.splits));
                Values::Histogram(std::iter::repeat_with(empty).take(n).collect())
            }
        };
        FamilySnapshot {
            schema: Arc::clone(&self.schema),
            values,
        }
    }

    /// Sums the cells of all shards.
    fn sum(&self, shards: &Shards, values: &mut Values) {
        match values {
            Values::Counter(totals) => {
                // Shard by shard, so that each one's cells are read in one sweep.
                let mut shards = shards.iter();
                let Some(first) = shards.next() else {
                    return totals.fill(0);
                };
                self.each_cell(first, totals, |total, cell| *total = cell.get());
                for shard in shards {
                    let add =
                        |total: &mut u64, cell: &Cell| *total = total.wrapping_add(cell.get());
                    self.each_cell(shard, totals, add);
                }
            }
            Values::Gauge(levels) => {
                for (level, series) in levels.iter_mut().zip(&self.schema.series) {
                    let there = series.level.as_ref();
                    *level = there.and_then(|l| l.value(shards, series.index));
                }
            }
            Values::Histogram(histograms) => {
                let len = array_len(self.schema.desc.layout());
                for (histogram, series) in histograms.iter_mut().zip(&self.schema.series) {
                    let arrays = shards.iter().filter_map(|s| s.buckets(series.index, len));
                    histogram.merge(arrays.map(|array| Part {
                        counts: array[HEADER..].iter().map(Cell::get),
                        sum: array[SUM].get(),
                        clamped: array[CLAMPED].get(),
                    }));
                }
                for (histogram, kept) in histograms.iter_mut().zip(&self.kept) {
                    histogram.copy_exemplars(kept.exemplars());
                }
            }
        }
    }

    /// Takes what threads keep for exemplars of the series.
    fn take_exemplars(
        &mut self,
        shards: &Shards,
        names: &Names<'_>,
        labels: &mut Labels,
        merge: Merge,
    ) {
        let desc = &*self.schema.desc;
        let front = named::front(desc);
        for (kept, series) in self.kept.iter_mut().zip(&self.schema.series) {
            for cells in shards
                .iter()
                .filter_map(|s| s.before_buckets(series.index, front))
            {
                kept.take(cells, desc, &self.splits, names, labels, merge);
            }
        }
    }

    /// Calls `f` with each value and the shard's cell of the same series.
    #[inline]
    fn each_cell(&self, shard: &Shard, values: &mut [u64], f: impl Fn(&mut u64, &Cell)) {
        let mut rest = values;
        for run in &self.runs {
            let Some((now, later)) = rest.split_at_mut_checked(run.len as usize) else {
                return;
            };
            let cells = shard.cells(run.first, run.len);
            now.iter_mut()
                .zip(cells)
                .for_each(|(value, cell)| f(value, cell));
            rest = later;
        }
    }
}
