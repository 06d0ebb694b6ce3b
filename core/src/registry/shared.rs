//! What the clones of a registry, its reporter and its exporters share.
//!
//! Lives here: locks, groups, who may be one stream more. Not here: the host's calls (`public`, and the rooms that they are
//! about), series (`registration`), what a merge does (`reporter`).

#[cfg(feature = "facade")]
use std::sync::Weak;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::group::GroupMetrics;
#[cfg(feature = "facade")]
use super::idle::{Expire, Expiring};
use super::limits::Limits;
use super::registration::own_counter;
use super::sender_group::SenderGroupMetrics;
use super::sole::Sole;
use super::table::Table;
use crate::catalog;
use crate::clock::nanoseconds;
use crate::counter::Counter;
use crate::desc::LabelNames;
use crate::error::RegisterError;
use crate::judge::Books;
use crate::reporter::Collector;
use crate::shard::attach::Home;
use crate::snapshot::Snapshot;
use crate::stream::block::{Block, Identity};
use crate::stream::sender::block::SenderBlock;
use crate::sync::{AtomicU64, AtomicUsize, Queue, Relaxed};

/// What the clones of a registry, its reporter and its exporters share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) home: Arc<Home>,
    table: Mutex<Table>,
    groups: Mutex<Vec<Arc<GroupMetrics>>>,
    sender_groups: Mutex<Vec<Arc<SenderGroupMetrics>>>,
    /// Streams that the reporter has not adopted yet.
    pub(crate) new_streams: Queue<Arc<Block>>,
    /// The same of sent streams.
    pub(crate) new_senders: Queue<Arc<SenderBlock>>,
    /// What there is to know of scored streams.
    pub(crate) books: Books,
    #[cfg(feature = "facade")]
    expiring: Expiring,
    streams_refused: Counter,
    /// Streams, received and sent, made and not yet folded for the last time by the reporter.
    pub(crate) live_streams: Arc<AtomicUsize>,
    next_stream: AtomicU64,
    collector: Mutex<Collector>,
    latest: Mutex<Arc<Snapshot>>,
    /// The right to be the reporter.
    pub(crate) reporter: Sole,
    /// The reporter's interval in nanoseconds; 0 before there was one.
    period_ns: AtomicU64,
    limits: Limits,
}

/// A lock that a panic elsewhere did not spoil: what it guards is whole between any two statements
/// that may panic (allocation apart), and a metrics library must not pass a panic on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a group's label values are these.
pub(crate) fn is_named(group: &[Box<str>], values: &[&str]) -> bool {
    group.iter().map(|v| &**v).eq(values.iter().copied())
}

impl Shared {
    /// Of a registry with these limits, which were checked.
    pub(super) fn new(limits: Limits) -> Result<Self, RegisterError> {
        let home = Home::new(Table::capacity(limits.max_series));
        let mut table = Table::new(limits.max_series);
        let refused = own_counter(&mut table, &home, &catalog::STREAMS_REFUSED, &[])?;
        let collector = Collector::new(&mut table, &home, limits.worst)?;
        Ok(Self {
            home,
            table: Mutex::new(table),
            groups: Mutex::new(Vec::new()),
            sender_groups: Mutex::new(Vec::new()),
            new_streams: Queue::new(),
            new_senders: Queue::new(),
            books: Books::new(),
            #[cfg(feature = "facade")]
            expiring: Expiring::default(),
            streams_refused: refused,
            live_streams: Arc::new(AtomicUsize::new(0)),
            next_stream: AtomicU64::new(1),
            collector: Mutex::new(collector),
            latest: Mutex::new(Arc::new(Snapshot::empty())),
            reporter: Sole::new(),
            period_ns: AtomicU64::new(0),
            limits,
        })
    }

    pub(crate) fn table(&self) -> MutexGuard<'_, Table> {
        lock(&self.table)
    }

    pub(crate) fn groups(&self) -> MutexGuard<'_, Vec<Arc<GroupMetrics>>> {
        lock(&self.groups)
    }

    pub(crate) fn sender_groups(&self) -> MutexGuard<'_, Vec<Arc<SenderGroupMetrics>>> {
        lock(&self.sender_groups)
    }

    pub(crate) const fn quality_window(&self) -> Duration {
        self.limits.quality_window
    }

    pub(crate) fn collector(&self) -> MutexGuard<'_, Collector> {
        lock(&self.collector)
    }

    pub(crate) fn latest(&self) -> Arc<Snapshot> {
        Arc::clone(&lock(&self.latest))
    }

    /// Tells snapshots how often the reporter makes them.
    pub(crate) fn set_period(&self, period: Duration) {
        self.period_ns.store(nanoseconds(period), Relaxed); // Relaxed: a number by itself
    }

    /// See [`Snapshot::period`].
    pub(crate) fn period(&self) -> Duration {
        Duration::from_nanos(self.period_ns.load(Relaxed)) // Relaxed: as above
    }

    /// Merges now, publishes, and returns what it published.
    pub(crate) fn collect(&self) -> Arc<Snapshot> {
        let mut collector = self.collector();
        let snapshot = collector.tick(self, Instant::now(), SystemTime::now());
        *lock(&self.latest) = Arc::clone(&snapshot);
        snapshot
    }

    /// The group of `groups` that is the one wanted, made now if there is none.
    pub(crate) fn group_of<G>(
        &self,
        groups: &mut Vec<Arc<G>>,
        is_it: impl Fn(&G) -> bool,
        make: impl FnOnce(&mut Table, &LabelNames, u32) -> Result<G, RegisterError>,
    ) -> Result<Arc<G>, RegisterError> {
        if let Some(there) = groups.iter().find(|group| is_it(group)) {
            return Ok(Arc::clone(there));
        }
        let limit = self.limits.max_groups;
        if groups.len() >= limit {
            return Err(RegisterError::TooManyGroups { limit });
        }
        let names = &self.limits.group_labels;
        let made = Arc::new(make(&mut self.table(), names, groups.len() as u32)?);
        groups.push(Arc::clone(&made));
        Ok(made)
    }

    /// Whether the group with this counter is of this registry.
    pub(crate) fn check_home(&self, of_group: &Counter) -> Result<(), RegisterError> {
        let ours = of_group.handle().is_of(&self.home);
        ours.then_some(()).ok_or(RegisterError::ForeignGroup)
    }

    /// Who a new stream is, received or sent, of the group with this index and this counter; if there is
    /// room for one more.
    pub(crate) fn admit(
        &self,
        ssrc: u32,
        clock_rate: u32,
        of_group: &Counter,
        group: u32,
    ) -> Result<Identity, RegisterError> {
        if clock_rate == 0 {
            return Err(RegisterError::BadClockRate);
        }
        self.check_home(of_group)?;
        let limit = self.limits.max_streams;
        // Relaxed: a number to stay below; nothing is read because of it.
        let room = self
            .live_streams
            .fetch_update(Relaxed, Relaxed, |n| (n < limit).then_some(n + 1));
        if room.is_err() {
            self.streams_refused.inc();
            return Err(RegisterError::TooManyStreams { limit });
        }
        Ok(Identity {
            id: self.next_stream.fetch_add(1, Relaxed), // Relaxed: only unlike numbers are wanted
            ssrc,
            clock_rate,
            group,
        })
    }

    /// Label names of stream groups.
    pub(crate) const fn group_labels(&self) -> &LabelNames {
        &self.limits.group_labels
    }

    /// Lets idle series go.
    #[cfg(feature = "facade")]
    pub(crate) fn expire(&self, now: Instant) {
        self.expiring.expire(now);
    }

    /// From now on merges let idle series of this one go.
    #[cfg(feature = "facade")]
    pub(crate) fn add_expiring(&self, one: Weak<dyn Expire>) {
        self.expiring.add(one);
    }
}
