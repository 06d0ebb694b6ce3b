//! Sent streams into groups: each tick, what every stream added goes to its label group.
//!
//! Lives here: the list of live sent streams, deltas, the losses that receivers report. Not here: what a
//! packet does (`stream::sender`), the groups' series (`registry::sender_group`), received streams
//! (`fold`).
//!
//! On the ticking thread alone: a stream without news is one load, and one with news fourteen additions.

use std::sync::Arc;

use super::exemplars::Name;
use super::fold::{find, sort_new};
use super::stream_windows::Sent;
use crate::catalog;
use crate::cell::Version;
use crate::counter::Counter;
use crate::error::RegisterError;
use crate::registry::shared::own_counter;
use crate::registry::{SenderGroupMetrics, Shared, Table};
use crate::shard::attach::Home;
use crate::stream::SenderSnapshot;
use crate::stream::block::READ_TRIES;
use crate::stream::sender::block::{SenderBlock, Words, word};
use crate::sync::Relaxed;

/// Live sent streams, and what they amount to.
#[derive(Debug)]
pub(crate) struct FoldSenders {
    /// By id.
    senders: Vec<Entry>,
    /// Those that ended with this tick, by id.
    ended: Vec<Arc<SenderBlock>>,
    groups: Vec<GroupState>,
    busy: Counter,
}

/// One live sent stream, as of the last tick.
#[derive(Debug)]
struct Entry {
    block: Arc<SenderBlock>,
    totals: [u64; word::FOLDED],
    version: Version,
    /// Of the losses that the receiver reported, how many the group already counts.
    lost_counted: u64,
    /// If its group records windows.
    window: Option<Box<Sent>>,
}

#[derive(Debug)]
struct GroupState {
    metrics: Arc<SenderGroupMetrics>,
    sum: Sum,
    /// Losses counted that later turned out to be none: taken off the next ones.
    debt: u64,
}

/// What one tick adds to a group.
#[derive(Debug, Default)]
struct Sum {
    totals: [u64; word::FOLDED],
    lost: u64,
    /// Losses counted before that were none.
    not_lost: u64,
    ended: u64,
}

impl FoldSenders {
    pub(crate) fn new(table: &mut Table, home: &Arc<Home>) -> Result<Self, RegisterError> {
        Ok(Self {
            senders: Vec::new(),
            ended: Vec::new(),
            groups: Vec::new(),
            busy: own_counter(table, home, &catalog::STREAMS_BUSY, &[])?,
        })
    }

    /// Live sent streams.
    pub(crate) fn len(&self) -> usize {
        self.senders.len()
    }

    /// Bytes of one, without what its peer makes it remember.
    pub(crate) const BYTES: usize = size_of::<SenderBlock>() + size_of::<Entry>() + 256;

    /// Adopts new streams, folds all, forgets those that ended. `windows_end` as for received streams.
    pub(crate) fn tick(&mut self, shared: &Shared, windows_end: bool) {
        let known = self.senders.len();
        while let Some(block) = shared.new_senders.pop() {
            if self.senders.len() == self.senders.capacity() {
                // By an eighth, not double: see `fold`.
                self.senders.reserve_exact((self.senders.len() / 8).max(64));
            }
            self.senders.push(Entry {
                block,
                totals: [0; word::FOLDED],
                version: Version::FIRST,
                lost_counted: 0,
                window: None,
            });
        }
        // After the streams: a stream's group is in the list before the stream is in the queue.
        for metrics in shared.sender_groups().iter().skip(self.groups.len()) {
            self.groups.push(GroupState {
                metrics: Arc::clone(metrics),
                sum: Sum::default(),
                debt: 0,
            });
        }
        for (at, entry) in self.senders.iter_mut().enumerate() {
            let Some(group) = self.groups.get_mut(entry.block.identity.group as usize) else {
                continue;
            };
            if at >= known {
                group.metrics.started.inc();
                group.metrics.senders.inc();
            }
            if entry.window.is_none() && group.metrics.windows.get().is_some() {
                entry.begin_windows();
            }
            if !entry.fold(&mut group.sum) {
                self.busy.inc();
            }
            if let (Some(window), Some(metrics)) = (&mut entry.window, group.metrics.windows.get())
                && (windows_end || entry.version.is_closed())
            {
                window.close(metrics);
            }
        }
        sort_new(&mut self.senders, known, |entry| entry.block.identity.id);
        let ended: u64 = self.groups.iter_mut().map(GroupState::apply).sum();
        if ended > 0 {
            self.forget(shared, ended as usize);
        }
    }

    /// The stream with this id: a live one, or one that ended with this tick.
    pub(super) fn find(&self, id: u64) -> Option<Name<'_>> {
        let block = find(&self.senders, id, |entry| entry.block.identity.id)
            .map(|entry| &entry.block)
            .or_else(|| find(&self.ended, id, |block| block.identity.id))?;
        let group = self.groups.get(block.identity.group as usize)?;
        Some(Name {
            identity: &block.identity,
            group: &group.metrics.values,
            participant: block.participant.get(),
        })
    }

    /// Lets those go that ended with this tick: nobody asks for them any more.
    pub(super) fn forget_ended(&mut self) {
        self.ended = Vec::new();
    }

    fn forget(&mut self, shared: &Shared, ended: usize) {
        let gone = self
            .senders
            .extract_if(.., |entry| entry.version.is_closed());
        self.ended.extend(gone.map(|entry| entry.block));
        // Give memory back after a crowd has left, but not at every ebb.
        if self.senders.capacity() > 64 && self.senders.len() < self.senders.capacity() / 4 {
            self.senders.shrink_to(self.senders.len() * 2);
        }
        // Relaxed: see `Registry::stream`.
        shared.live_streams.fetch_sub(ended, Relaxed);
    }

    /// Every live sent stream, as of now.
    pub(crate) fn senders(&self) -> Vec<SenderSnapshot> {
        let snapshot = |entry: &Entry| {
            let (_, words) = entry.block.read(READ_TRIES)?;
            let identity = &entry.block.identity;
            let group = self.groups.get(identity.group as usize);
            let values = group.map_or_else(Vec::new, |g| {
                g.metrics.values.iter().map(|v| v.to_string()).collect()
            });
            Some(SenderSnapshot::new(identity, values, &words))
        };
        self.senders.iter().filter_map(snapshot).collect()
    }
}

impl Entry {
    /// From here on the stream has windows. Of one that is new, the first begins with nothing.
    fn begin_windows(&mut self) {
        let known = self.version != Version::FIRST;
        let now = known.then(|| self.block.read(READ_TRIES)).flatten();
        self.window = Some(now.map_or_else(Box::default, |(_, words)| Sent::new(&words)));
    }

    /// Adds to `sum` what the stream did since the last tick; false if its writer was busy.
    fn fold(&mut self, sum: &mut Sum) -> bool {
        if self.block.sequence.version() == self.version {
            return true; // nothing new: one line read
        }
        let Some((version, now)) = self.block.read(READ_TRIES) else {
            // Totals are cumulative: what is not read now is read at the next tick.
            return false;
        };
        self.version = version;
        for ((sum, then), now) in sum.totals.iter_mut().zip(&mut self.totals).zip(now) {
            *sum = sum.wrapping_add(now.wrapping_sub(*then));
            *then = now;
        }
        sum.ended += u64::from(version.is_closed());
        self.settle(&now, sum);
        if let Some(window) = &mut self.window {
            window.on_news(&now, self.block.identity.clock_rate);
        }
        true
    }

    /// Counts the losses that the receiver reported.
    ///
    /// What it reports goes down when packets come late, a counter can't: so the most that it ever
    /// reported counts, and at the stream's end what was too much is a debt of the group.
    fn settle(&mut self, now: &Words, sum: &mut Sum) {
        let lost = now[word::LOST].cast_signed().max(0).cast_unsigned();
        sum.lost += lost.saturating_sub(self.lost_counted);
        self.lost_counted = self.lost_counted.max(lost);
        if self.version.is_closed() {
            sum.not_lost += self.lost_counted - lost;
        }
    }
}

impl GroupState {
    /// Adds the sum to the group's series, and begins the next. How many streams ended.
    fn apply(&mut self) -> u64 {
        let sum = std::mem::take(&mut self.sum);
        let (m, t) = (&self.metrics, &sum.totals);
        self.debt += sum.not_lost;
        let paid = self.debt.min(sum.lost);
        self.debt -= paid;
        for (counter, n) in [
            (&m.packets, t[word::PACKETS]),
            (&m.bytes, t[word::BYTES]),
            (&m.header_bytes, t[word::HEADER_BYTES]),
            (&m.padding_bytes, t[word::PADDING_BYTES]),
            (&m.frames, t[word::FRAMES]),
            (&m.key_frames, t[word::KEY_FRAMES]),
            (&m.retransmitted_packets, t[word::RETRANSMITTED_PACKETS]),
            (&m.retransmitted_bytes, t[word::RETRANSMITTED_BYTES]),
            (&m.nacks, t[word::NACKS]),
            (&m.nacked_packets, t[word::NACKED]),
            (&m.plis, t[word::PLIS]),
            (&m.firs, t[word::FIRS]),
            (&m.remote_reports, t[word::REPORTS]),
            (&m.remote_lost, sum.lost - paid),
            (&m.ended, sum.ended),
        ] {
            counter.add(n);
        }
        if sum.ended > 0 {
            m.senders.add(-(sum.ended as f64));
        }
        sum.ended
    }
}
