//! Streams into groups: each tick, what every stream added goes to its label group.
//!
//! Lives here: deltas, what an interval's loss and jitter were. Not here: who lives (`live`), what a packet does
//! (`stream`), the groups' series (`registry::group`).
//!
//! A group's totals are ordinary counters, written by the thread that ticks: whatever can be done with
//! series can be done with them.

use std::sync::Arc;

use rayon::prelude::*;

use super::collector::Tick;
use super::debt::Debt;
use super::exemplars::Name;
use super::helpers::helpers;
use super::listing::{Listed, Listing};
use super::live::{self, Live};
use super::stream_windows::Received;
use crate::catalog;
use crate::cell::Version;
use crate::counter::Counter;
use crate::error::RegisterError;
use crate::quality::Quality;
use crate::registry::registration::own_counter;
use crate::registry::{GroupMetrics, Shared, Table};
use crate::shard::attach::Home;
use crate::stream::block::{Block, READ_TRIES, TOTALS, Totals, total};
use crate::stream::{Stream, expected, lost};
use crate::worst::{Board, Direction, Figures, GroupSum, Kept, Recent, Who};

/// Streams from which on folding is worth the help of other threads.
const PARALLEL_STREAMS: usize = 1 << 14;

/// Streams that one helper folds at a time.
const CHUNK: usize = 1 << 12;

/// Live streams, and what they amount to.
#[derive(Debug)]
pub(crate) struct Fold {
    live: Live<Entry>,
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
    debt: Debt,
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
            live: Live::new(),
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
        self.live.len()
    }

    /// Adopts new streams, folds all, offers the worst to `board`, forgets those that ended.
    pub(crate) fn tick(&mut self, shared: &Shared, tick: &Tick, board: &mut Board) {
        self.tick = *tick;
        let new = std::iter::from_fn(|| shared.new_streams.pop());
        let known = self.live.adopt(new.map(Entry::new));
        // After the streams: a stream's group is in the list before the stream is in the queue.
        for metrics in shared.groups().iter().skip(self.groups.len()) {
            self.groups.push(GroupState {
                metrics: Arc::clone(metrics),
                debt: Debt::default(),
            });
        }
        for entry in self.live.streams.iter().skip(known) {
            if let Some(group) = self.groups.get(entry.block.identity.group as usize) {
                group.metrics.started.inc();
                group.metrics.streams.inc();
            }
        }
        self.live.sort(known);
        self.fold();
        for row in &mut self.rows {
            board.streams.take(&mut row.worst);
        }
        self.apply(shared, board);
    }

    /// The stream with this id: a live one, or one that ended with this tick.
    pub(super) fn find(&self, id: u64) -> Option<Name<'_>> {
        let values = |at: usize| Some(&*self.groups.get(at)?.metrics.values);
        self.live.name(id, values)
    }

    /// Lets those go that ended with this tick: nobody asks for them any more.
    pub(super) fn forget_ended(&mut self) {
        self.live.forget_ended();
    }

    /// Sums up what every stream added, a row for each chunk of streams.
    fn fold(&mut self) {
        let (streams, groups, tick) = (&mut self.live.streams, &self.groups, &self.tick);
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
        match helpers(large) {
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
            self.live.end(shared);
        }
    }

    /// Every live stream, as of the last tick; `qualities` of those that are scored.
    pub(super) fn list(&self, qualities: Vec<(u64, Quality)>) -> Listing {
        let listed = |entry: &Entry| Listed {
            block: Arc::clone(&entry.block),
            recent: entry.recent,
            heard: entry.totals[total::FRAMES] > 0,
        };
        Listing {
            tick: self.tick,
            streams: self.live.streams.iter().map(listed).collect(),
            qualities,
        }
    }
}

impl GroupState {
    fn apply(&mut self, sum: &Sum) {
        let m = &self.metrics;
        let t = &sum.totals;
        let lost = self.debt.pay(sum.lost, sum.not_lost);
        for (counter, n) in [
            (&m.packets, t[total::PACKETS]),
            (&m.bytes, t[total::BYTES]),
            (&m.header_bytes, t[total::HEADER_BYTES]),
            (&m.padding_bytes, t[total::PADDING_BYTES]),
            (&m.expected, sum.expected),
            (&m.lost, lost),
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

impl live::Entry for Entry {
    type Block = Block;

    fn block(&self) -> &Arc<Block> {
        &self.block
    }

    fn id(&self) -> u64 {
        self.id
    }

    fn is_over(&self) -> bool {
        self.version.is_closed()
    }
}

impl Entry {
    fn new(block: Arc<Block>) -> Self {
        Self {
            id: block.identity.id,
            group: block.identity.group,
            block,
            totals: [0; TOTALS],
            version: Version::FIRST,
            lost_counted: 0,
            window: None,
            recent: Recent::default(),
        }
    }

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
            ..figures(&self.block, &self.recent, tick, judged)
        };
        group.add(
            &figures,
            moved.bytes,
            moved.lost.min(moved.expected),
            moved.expected,
        );
        worst.offer(figures, order, || Who::Received(Arc::clone(&self.block)));
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

/// A stream's figures of the last interval, all but the jitter.
pub(super) fn figures(block: &Block, recent: &Recent, tick: &Tick, judged: bool) -> Figures {
    let (loss_ratio, bytes_per_second) = recent.rates(tick);
    let standing = judged.then(|| block.standing.get()).flatten();
    Figures {
        score: standing.and_then(|s| s.score()),
        loss_ratio,
        bytes_per_second,
        ..Figures::default()
    }
}

/// At most a million: a late packet can make an interval lose more than it expected.
fn parts_per_million(lost: u64, expected: u64) -> u64 {
    (lost.saturating_mul(1_000_000) / expected.max(1)).min(1_000_000)
}
