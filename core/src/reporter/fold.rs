//! Streams into groups: each tick, what every stream added goes to its label group.
//!
//! Lives here: the list of live streams, deltas, what an interval's loss and jitter were. Not here: what
//! a packet does (`stream`), the groups' series (`registry::group`).
//!
//! A group's totals are ordinary counters, written by the thread that ticks: whatever can be done with
//! series can be done with them.

use std::sync::Arc;

use rayon::prelude::*;

use super::collector::Tick;
use super::exemplars::Name;
use super::helpers::helpers;
use super::stream_windows::Received;
use crate::catalog;
use crate::cell::Version;
use crate::counter::Counter;
use crate::error::RegisterError;
use crate::judge::Standing;
use crate::registry::shared::own_counter;
use crate::registry::{GroupMetrics, Shared, Table};
use crate::shard::attach::Home;
use crate::stream::block::{Block, READ_TRIES, TOTALS, Totals, total};
use crate::stream::{Stream, StreamSnapshot, expected, lost};
use crate::sync::Relaxed;
use crate::worst::{Board, Direction, Figures, GroupSum, Kept, Recent, Who};

/// Streams from which on folding is worth the help of other threads.
const PARALLEL_STREAMS: usize = 1 << 14;

/// Streams that one helper folds at a time.
const CHUNK: usize = 1 << 12;

/// Live streams, and what they amount to.
#[derive(Debug)]
pub(crate) struct Fold {
    /// By id.
    streams: Vec<Entry>,
    /// Those that ended with this tick, by id.
    ended: Vec<Arc<Block>>,
    groups: Vec<GroupState>,
    /// What each chunk amounts to, reused.
    rows: Vec<Row>,
    /// How many of the worst streams are looked for.
    worst: usize,
    /// The last merge.
    tick: Tick,
    busy: Counter,
}

/// What one chunk of streams amounts to.
#[derive(Debug)]
struct Row {
    /// For each group.
    sums: Vec<Sum>,
    worst: Kept<Who>,
}

/// One live stream, as of the last tick.
#[derive(Debug)]
struct Entry {
    block: Arc<Block>,
    /// Its id and its group, as in its identity, which lies on a line that nothing else here would read.
    id: u64,
    group: u32,
    totals: Totals,
    version: Version,
    /// Of the numbers lost, how many the group already counts.
    lost_counted: u64,
    /// If its group records windows.
    window: Option<Box<Received>>,
    recent: Recent,
}

#[derive(Debug)]
struct GroupState {
    metrics: Arc<GroupMetrics>,
    /// Losses counted that later turned out to be none: taken off the next ones.
    debt: u64,
}

/// What one tick adds to a group.
#[derive(Clone, Debug, Default)]
struct Sum {
    totals: Totals,
    expected: u64,
    lost: u64,
    /// Losses counted before that were none.
    not_lost: u64,
    ended: u64,
    busy: u64,
    /// Streams with traffic in the interval that lost nothing: nearly all, so they are counted here and
    /// recorded at once.
    unharmed: u64,
    /// What streams in the running for the worst amount to.
    running: GroupSum,
    /// The id of one of the unharmed.
    unharmed_id: u64,
}

/// What a stream with news did in the interval.
#[derive(Clone, Copy, Debug, Default)]
struct Moved {
    /// Whether packets came.
    packets: bool,
    bytes: u64,
    lost: u64,
    expected: u64,
    jitter_seconds: f64,
}

impl Sum {
    fn add(&mut self, other: &Self) {
        for (a, b) in self.totals.iter_mut().zip(&other.totals) {
            *a = a.wrapping_add(*b);
        }
        self.expected += other.expected;
        self.lost += other.lost;
        self.not_lost += other.not_lost;
        self.ended += other.ended;
        self.busy += other.busy;
        self.unharmed += other.unharmed;
        self.running.join(&other.running);
        self.unharmed_id = self.unharmed_id.max(other.unharmed_id);
    }
}

impl Fold {
    pub(crate) fn new(
        table: &mut Table,
        home: &Arc<Home>,
        worst: usize,
    ) -> Result<Self, RegisterError> {
        Ok(Self {
            streams: Vec::new(),
            ended: Vec::new(),
            groups: Vec::new(),
            rows: Vec::new(),
            worst,
            tick: Tick::default(),
            busy: own_counter(table, home, &catalog::STREAMS_BUSY, &[])?,
        })
    }

    /// Bytes of one stream without losses and reports: its block, its owner's state, and the entry here.
    pub(crate) const BYTES: usize = size_of::<Block>() + size_of::<Stream>() + size_of::<Entry>();

    /// Live streams.
    pub(crate) fn len(&self) -> usize {
        self.streams.len()
    }

    /// Adopts new streams, folds all, offers the worst to `board`, forgets those that ended.
    pub(crate) fn tick(&mut self, shared: &Shared, tick: &Tick, board: &mut Board) {
        self.tick = *tick;
        let known = self.streams.len();
        while let Some(block) = shared.new_streams.pop() {
            let (totals, version) = ([0; TOTALS], Version::FIRST);
            if self.streams.len() == self.streams.capacity() {
                // By an eighth, not double: at 100,000 streams the slack would be megabytes.
                self.streams.reserve_exact((self.streams.len() / 8).max(64));
            }
            self.streams.push(Entry {
                id: block.identity.id,
                group: block.identity.group,
                block,
                totals,
                version,
                lost_counted: 0,
                window: None,
                recent: Recent::default(),
            });
        }
        // After the streams: a stream's group is in the list before the stream is in the queue.
        for metrics in shared.groups().iter().skip(self.groups.len()) {
            self.groups.push(GroupState {
                metrics: Arc::clone(metrics),
                debt: 0,
            });
        }
        for entry in self.streams.iter().skip(known) {
            if let Some(group) = self.groups.get(entry.block.identity.group as usize) {
                group.metrics.started.inc();
                group.metrics.streams.inc();
            }
        }
        sort_new(&mut self.streams, known, |entry| entry.id);
        self.fold();
        for row in &mut self.rows {
            board.streams.take(&mut row.worst);
        }
        self.apply(shared, board);
    }

    /// The stream with this id: a live one, or one that ended with this tick.
    pub(super) fn find(&self, id: u64) -> Option<Name<'_>> {
        let block = find(&self.streams, id, |entry| entry.id)
            .map(|entry| &entry.block)
            .or_else(|| find(&self.ended, id, |block| block.identity.id))?;
        let group = self.groups.get(block.identity.group as usize)?;
        Some(Name {
            identity: &block.identity,
            group: &group.metrics.values,
            participant: block.standing.get().and_then(|s| s.participant()),
        })
    }

    /// Lets those go that ended with this tick: nobody asks for them any more.
    pub(super) fn forget_ended(&mut self) {
        self.ended = Vec::new();
    }

    /// Sums up what every stream added, a row for each chunk of streams.
    fn fold(&mut self) {
        let (streams, groups, tick) = (&mut self.streams, &self.groups, &self.tick);
        let rows = streams.len().div_ceil(CHUNK);
        let worst = self.worst;
        self.rows.resize_with(rows.max(self.rows.len()), || Row {
            sums: Vec::new(),
            worst: Kept::new(worst),
        });
        for row in &mut self.rows {
            row.sums.clear();
            row.sums.resize(groups.len(), Sum::default());
        }
        let fold_chunk = |(i, (chunk, row)): (usize, (&mut [Entry], &mut Row))| {
            let Row { sums, worst } = row;
            for (at_chunk, entry) in chunk.iter_mut().enumerate() {
                let at = entry.group as usize;
                if let (Some(group), Some(sum)) = (groups.get(at), sums.get_mut(at)) {
                    let moved = entry.fold(&group.metrics, tick, sum);
                    let packets = moved.is_some_and(|m| m.packets);
                    entry.step_window(&group.metrics, tick.windows_end, packets);
                    if !worst.is_off() {
                        let order = i * CHUNK + at_chunk;
                        entry.run(moved, tick, order as u64, worst, &mut sum.running);
                    }
                }
            }
        };
        let large = streams.len() >= PARALLEL_STREAMS;
        match large.then(helpers).flatten() {
            Some(pool) => pool.install(|| {
                let chunks = streams.par_chunks_mut(CHUNK).zip(&mut self.rows);
                chunks.enumerate().for_each(fold_chunk);
            }),
            None => streams
                .chunks_mut(CHUNK)
                .zip(&mut self.rows)
                .enumerate()
                .for_each(fold_chunk),
        }
    }

    /// Adds the sums to the groups' series.
    fn apply(&mut self, shared: &Shared, board: &mut Board) {
        let mut all_ended = 0;
        for (at, group) in self.groups.iter_mut().enumerate() {
            let mut sum = Sum::default();
            self.rows
                .iter()
                .filter_map(|row| row.sums.get(at))
                .for_each(|s| sum.add(s));
            group.apply(&sum);
            board.offer_group(Direction::Incoming, at, &sum.running, &self.tick);
            self.busy.add(sum.busy);
            all_ended += sum.ended;
        }
        if all_ended > 0 {
            let ended = self
                .streams
                .extract_if(.., |entry| entry.version.is_closed());
            self.ended.extend(ended.map(|entry| entry.block));
            // Give memory back after a crowd has left, but not at every ebb.
            if self.streams.capacity() > 64 && self.streams.len() < self.streams.capacity() / 4 {
                self.streams.shrink_to(self.streams.len() * 2);
            }
            // Relaxed: see `Registry::stream`.
            shared.live_streams.fetch_sub(all_ended as usize, Relaxed);
        }
    }

    /// Every live stream, as of now.
    pub(crate) fn streams(&self, groups: &[Arc<GroupMetrics>]) -> Vec<StreamSnapshot> {
        let snapshot = |entry: &Entry| {
            let group = groups.get(entry.block.identity.group as usize);
            let values = group.map_or_else(Vec::new, |g| {
                g.values.iter().map(|v| v.to_string()).collect()
            });
            let mut stream = StreamSnapshot::read(&entry.block, READ_TRIES, values)?;
            stream.participant = participant(entry.block.standing.get().map(|s| &**s));
            stream.interval = entry.figures(stream.stats.jitter_seconds, &self.tick);
            Some(stream)
        };
        self.streams.iter().filter_map(snapshot).collect()
    }
}

impl GroupState {
    fn apply(&mut self, sum: &Sum) {
        let m = &self.metrics;
        let t = &sum.totals;
        self.debt += sum.not_lost;
        let paid = self.debt.min(sum.lost);
        self.debt -= paid;
        for (counter, n) in [
            (&m.packets, t[total::PACKETS]),
            (&m.bytes, t[total::BYTES]),
            (&m.header_bytes, t[total::HEADER_BYTES]),
            (&m.padding_bytes, t[total::PADDING_BYTES]),
            (&m.expected, sum.expected),
            (&m.lost, sum.lost - paid),
            (&m.duplicates, t[total::DUPLICATES]),
            (&m.reordered, t[total::REORDERED]),
            (&m.recovered, t[total::RECOVERED]),
            (&m.stale, t[total::STALE]),
            (&m.frames, t[total::FRAMES]),
            (&m.restarts, t[total::RESTARTS]),
            (&m.ended, sum.ended),
        ] {
            counter.add(n);
        }
        if sum.unharmed > 0 {
            m.interval_loss
                .record_n_for(0, sum.unharmed, sum.unharmed_id);
        }
        if sum.ended > 0 {
            m.streams.add(-(sum.ended as f64));
        }
    }
}

impl Entry {
    /// Ends the window if it is time, or if the stream has ended.
    fn step_window(&mut self, group: &GroupMetrics, ends: bool, moved: bool) {
        let closed = self.version.is_closed();
        if let (Some(window), Some(metrics)) = (&mut self.window, group.windows.get())
            && (ends || closed)
        {
            let settled = closed || !moved;
            window.close(&self.totals, self.lost_counted, settled, metrics);
        }
    }

    /// Adds to `sum` what the stream did since the last tick; `None` if there was no news.
    fn fold(&mut self, group: &GroupMetrics, tick: &Tick, sum: &mut Sum) -> Option<Moved> {
        if self.window.is_none() && group.windows.get().is_some() {
            self.window = Some(Received::new(&self.totals, self.lost_counted));
        }
        let settled = lost(&self.totals) == self.lost_counted;
        if settled && self.block.sequence.version() == self.version {
            return None; // nothing new: one line read
        }
        let Some((version, now, jitter)) = self.block.read(READ_TRIES) else {
            // Totals are cumulative: what is not read now is read at the next tick.
            sum.busy += 1;
            return None;
        };
        self.version = version;
        let before = (lost(&self.totals), expected(&self.totals));
        let after = (lost(&now), expected(&now));
        let moved = now[total::PACKETS] != self.totals[total::PACKETS];
        let bytes = now[total::BYTES].wrapping_sub(self.totals[total::BYTES]);
        for ((sum, then), now) in sum.totals.iter_mut().zip(&mut self.totals).zip(now) {
            *sum = sum.wrapping_add(now.wrapping_sub(*then));
            *then = now;
        }
        let newly_expected = after.1.saturating_sub(before.1);
        sum.expected += newly_expected;
        self.settle(before.0, after.0, sum);
        sum.ended += u64::from(version.is_closed());
        if let Some(window) = &mut self.window {
            window.step(&self.totals, moved.then(|| jitter.ns()));
        }
        // What is missing now, settled or not: a sample of the interval, not a total.
        let newly_lost = after.0.saturating_sub(before.0);
        if moved {
            match newly_lost {
                0 if newly_expected > 0 => {
                    sum.unharmed += 1;
                    sum.unharmed_id = self.id;
                }
                0 => {}
                lost => {
                    let share = parts_per_million(lost, newly_expected);
                    group.interval_loss.record_for(share, self.id);
                }
            }
            group.interval_jitter.record_for(jitter.ns(), self.id);
        }
        self.recent = Recent::new(tick, newly_lost, newly_expected, bytes);
        Some(Moved {
            packets: moved,
            bytes,
            lost: newly_lost,
            expected: newly_expected,
            jitter_seconds: jitter.seconds(),
        })
    }

    /// Puts the stream in the running for the worst, if it is: with packets, or judged.
    fn run(
        &self,
        moved: Option<Moved>,
        tick: &Tick,
        order: u64,
        worst: &mut Kept<Who>,
        group: &mut GroupSum,
    ) {
        let moved = moved.filter(|m| m.packets);
        // A line that nothing else here reads.
        let judged = tick.any_judged && self.block.standing.get().is_some();
        if self.version.is_closed() || !(judged || moved.is_some()) {
            return;
        }
        let jitter = moved.map(|m| m.jitter_seconds);
        let moved = moved.unwrap_or_default();
        let figures = Figures {
            jitter_seconds: jitter,
            ..self.figures_of(tick, judged)
        };
        group.add(
            &figures,
            moved.bytes,
            moved.lost.min(moved.expected),
            moved.expected,
        );
        worst.offer(figures, order, || Who::Received(Arc::clone(&self.block)));
    }

    /// Its figures of the last interval, all but the jitter.
    fn figures_of(&self, tick: &Tick, judged: bool) -> Figures {
        let (loss_ratio, bytes_per_second) = self.recent.rates(tick);
        let standing = judged.then(|| self.block.standing.get()).flatten();
        Figures {
            score: standing.and_then(|s| s.score()),
            loss_ratio,
            bytes_per_second,
            ..Figures::default()
        }
    }

    /// Its figures of the last interval; of the jitter, what it is now.
    fn figures(&self, jitter_seconds: f64, tick: &Tick) -> Figures {
        let packets = self.totals[total::FRAMES] > 0;
        Figures {
            jitter_seconds: packets.then_some(jitter_seconds),
            ..self.figures_of(tick, true)
        }
    }

    /// Counts losses: those missing at both ends of the interval, and at a stream's end all.
    ///
    /// A number that came late is no loss, but a counter can't go back: so what is only now missing
    /// waits for a tick, and what was counted and came even later is a debt of the group.
    fn settle(&mut self, before: u64, now: u64, sum: &mut Sum) {
        let closed = self.version.is_closed();
        let lost = if closed { now } else { now.min(before) };
        let new = lost.saturating_sub(self.lost_counted);
        sum.lost += new;
        if closed {
            sum.not_lost += self.lost_counted.saturating_sub(lost);
        }
        if closed || new > 0 {
            self.lost_counted = lost;
        }
    }
}

/// Whose stream it is, by its standing.
pub(super) fn participant(standing: Option<&Standing>) -> Option<String> {
    Some(standing?.participant()?.name().to_owned())
}

/// Puts a list in the order of ids again, of which the first `known` are in order. Those after them have higher ids, as
/// good as always: a stream has its id a moment before it gets into the queue.
pub(super) fn sort_new<T>(all: &mut [T], known: usize, id: impl Fn(&T) -> u64) {
    let Some((before, new)) = all.split_at_mut_checked(known) else {
        return;
    };
    new.sort_unstable_by_key(&id);
    if before.last().map(&id) > new.first().map(&id) && !new.is_empty() {
        all.sort_by_key(id);
    }
}

/// The one with this id of a list in the order of ids.
pub(super) fn find<T>(all: &[T], wanted: u64, id: impl Fn(&T) -> u64) -> Option<&T> {
    let at = all.binary_search_by_key(&wanted, id).ok()?;
    all.get(at)
}

/// At most a million: a late packet can make an interval lose more than it expected.
fn parts_per_million(lost: u64, expected: u64) -> u64 {
    (lost.saturating_mul(1_000_000) / expected.max(1)).min(1_000_000)
}
