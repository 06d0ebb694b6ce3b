//! The registry as the host sees it, and what all parts of it share.
//!
//! Lives here: the public type, its builder, locks. Not here: what a merge does (`reporter`).

#[cfg(feature = "facade")]
use std::sync::Weak;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::Handle;
use super::group::{Group, GroupMetrics};
use super::sender_group::SenderGroupMetrics;
use super::table::{OPEN_OTHER, OTHER, Purpose, RESERVED, Table};
use crate::catalog;
use crate::counter::Counter;
use crate::desc::{Desc, Kind, LabelNames};
use crate::error::RegisterError;
#[cfg(feature = "facade")]
use crate::facade::Facade;
use crate::gauge::Gauge;
use crate::histogram::{ExactHistogram, Histogram};
use crate::judge::{Judged, ParticipantMetrics, QualityMetrics, with_reason};
#[cfg(feature = "livekit")]
use crate::livekit::derived as livekit;
use crate::reporter::{Collector, WindowGauges};
use crate::shard::attach::Home;
use crate::snapshot::Snapshot;
use crate::stream::block::{Block, Identity};
use crate::stream::sender::block::SenderBlock;
use crate::stream::{Stream, StreamConfig, StreamSnapshot};
use crate::sync::{Queue, Relaxed};
use crate::worst::{DEFAULT_SLOTS, MAX_SLOTS};

/// Who exists: the families, series and streams of one program, or of one part of it.
///
/// Cheap to clone; clones are the same registry. A program may have several; with the 64th that a process
/// makes and all after it, dropped ones counted, recording takes some ten nanoseconds more.
///
/// ```
/// use media_metrics_core::{Desc, Registry};
/// static PACKETS: Desc = Desc::counter("app_packets_total", "Packets seen.").labels(&["port"]);
///
/// let registry = Registry::new()?;
/// let packets = registry.counter(&PACKETS, &["5004"])?;
/// packets.inc();
/// assert_eq!(registry.collect().counter("app_packets_total", &["5004"]), Some(1));
/// # Ok::<(), media_metrics_core::RegisterError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Registry {
    pub(crate) shared: Arc<Shared>,
    /// For whom this clone registers.
    purpose: Purpose,
}

/// Limits and label names of a registry to be.
#[derive(Clone, Debug)]
pub struct RegistryBuilder {
    max_series: usize,
    max_streams: usize,
    max_groups: usize,
    group_labels: LabelNames,
    quality_window: Duration,
    worst: usize,
}

impl Default for RegistryBuilder {
    fn default() -> Self {
        Self {
            max_series: 65_536,
            max_streams: 100_000,
            max_groups: MAX_GROUPS,
            group_labels: LabelNames::Static(catalog::GROUP_LABELS),
            quality_window: Duration::from_secs(5),
            worst: DEFAULT_SLOTS,
        }
    }
}

/// Largest `max_groups`.
const MAX_GROUPS: usize = 256;

// A group has some 30 series, and the library and each family's `other` want some too.
const _: () = assert!(MAX_GROUPS * 2 * 40 <= RESERVED / 2 + RESERVED / 8 + RESERVED / 4);

/// Largest `max_series`: 256 MiB of address space a thread.
const MAX_SERIES: usize = 1 << 24;

impl RegistryBuilder {
    /// At most this many series of the host's own (default 65,536; at most 2^24). Each costs a thread 16
    /// bytes of address space, and memory only where it is written.
    #[must_use]
    pub const fn max_series(mut self, limit: usize) -> Self {
        self.max_series = limit;
        self
    }

    /// At most this many live streams, received and sent together (default 100,000).
    #[must_use]
    pub const fn max_streams(mut self, limit: usize) -> Self {
        self.max_streams = limit;
        self
    }

    /// At most this many label groups of received streams, and as many of sent ones (default 256, which is
    /// also the most there can be).
    #[must_use]
    pub const fn max_groups(mut self, limit: usize) -> Self {
        self.max_groups = limit;
        self
    }

    /// Label names of stream groups (default `direction`, `kind`). Not `reason`: the families of quality have
    /// that besides.
    #[must_use]
    pub fn group_labels(mut self, names: &[&str]) -> Self {
        self.group_labels = LabelNames::Owned(names.iter().map(|n| Box::from(*n)).collect());
        self
    }

    /// How long a window of a stream's quality is (default 5 s), and of its distributions where LiveKit's
    /// families are derived. It ends with the first merge after that.
    #[must_use]
    pub const fn quality_window(mut self, length: Duration) -> Self {
        self.quality_window = length;
        self
    }

    /// How many of the worst streams of each interval, and of the worst groups, are shown (default 10, at most
    /// 100; 0: none): see [`worst`](crate::worst). Each takes 14 series when it is first needed.
    ///
    /// - **Cost**: a comparison for each stream with news at each merge, on the thread that merges.
    #[must_use]
    pub const fn worst(mut self, slots: usize) -> Self {
        self.worst = slots;
        self
    }

    /// The registry.
    ///
    /// # Errors
    /// A limit beyond what can be had, or a group label that is no label name, or taken.
    pub fn build(self) -> Result<Registry, RegisterError> {
        if self.max_series > MAX_SERIES {
            return Err(RegisterError::BadLimit {
                what: "max_series",
                limit: MAX_SERIES,
            });
        }
        if self.max_groups > MAX_GROUPS {
            return Err(RegisterError::BadLimit {
                what: "max_groups",
                limit: MAX_GROUPS,
            });
        }
        if self.worst > MAX_SLOTS {
            return Err(RegisterError::BadLimit {
                what: "worst",
                limit: MAX_SLOTS,
            });
        }
        catalog::RTP_INTERVAL_LOSS
            .clone()
            .with_label_names(self.group_labels.clone())
            .validate()?;
        with_reason(&self.group_labels).validate()?;
        let home = Home::new(Table::capacity(self.max_series));
        let mut table = Table::new(self.max_series);
        let refused = own_counter(&mut table, &home, &catalog::STREAMS_REFUSED, &[])?;
        let collector = Collector::new(&mut table, &home, self.worst)?;
        let shared = Shared {
            home,
            table: Mutex::new(table),
            groups: Mutex::new(Vec::new()),
            sender_groups: Mutex::new(Vec::new()),
            new_streams: Queue::new(),
            new_senders: Queue::new(),
            new_judged: Queue::new(),
            quality_groups: Mutex::new(Vec::new()),
            participant_metrics: OnceLock::new(),
            #[cfg(feature = "livekit")]
            livekit_quality: OnceLock::new(),
            #[cfg(feature = "facade")]
            facades: Mutex::new(Vec::new()),
            streams_refused: refused,
            live_streams: Arc::new(AtomicUsize::new(0)),
            next_stream: AtomicU64::new(1),
            collector: Mutex::new(collector),
            latest: Mutex::new(Arc::new(Snapshot::empty())),
            reporter_runs: AtomicBool::new(false),
            period_ns: AtomicU64::new(0),
            limits: self,
        };
        Ok(Registry {
            shared: Arc::new(shared),
            purpose: Purpose::Host,
        })
    }
}

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
    /// Streams to be scored from now on.
    pub(crate) new_judged: Queue<Box<Judged>>,
    quality_groups: Mutex<Vec<Arc<QualityMetrics>>>,
    participant_metrics: OnceLock<ParticipantMetrics>,
    /// Set if LiveKit's families are derived.
    #[cfg(feature = "livekit")]
    pub(crate) livekit_quality: OnceLock<livekit::Quality>,
    /// Facades whose series may be idle.
    #[cfg(feature = "facade")]
    facades: Mutex<Vec<Weak<Facade>>>,
    streams_refused: Counter,
    /// Streams, received and sent, made and not yet folded for the last time by the reporter.
    pub(crate) live_streams: Arc<AtomicUsize>,
    next_stream: AtomicU64,
    collector: Mutex<Collector>,
    latest: Mutex<Arc<Snapshot>>,
    pub(crate) reporter_runs: AtomicBool,
    /// The reporter's interval in nanoseconds; 0 before there was one.
    period_ns: AtomicU64,
    limits: RegistryBuilder,
}

/// A lock that a panic elsewhere did not spoil: what it guards is whole between any two statements
/// that may panic (allocation apart), and a metrics library must not pass a panic on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A handle on a series, made now if there is none. Under the table's lock, so that the series is not
/// removed in between.
fn handle(
    table: &mut Table,
    home: &Arc<Home>,
    desc: &Desc,
    kind: Kind,
    values: &[&str],
    purpose: Purpose,
) -> Result<Handle, RegisterError> {
    let series = table.series(desc, kind, values, purpose)?;
    Ok(Handle::new(home, &series))
}

/// Label values of the family's series that takes what found no place, as these did not.
pub(crate) fn other_values<'a>(desc: &Desc, values: &[&'a str]) -> Vec<&'a str> {
    match values {
        [] => Vec::new(),
        _ if desc.has_open_labels() => OPEN_OTHER.to_vec(),
        _ => vec![OTHER; values.len()],
    }
}

/// Whether a histogram is of the kind that a handle is for.
fn check_exact(desc: &Desc, wanted: bool) -> Result<(), RegisterError> {
    (desc.is_exact() == wanted)
        .then_some(())
        .ok_or_else(|| RegisterError::WrongKind {
            name: desc.name().to_owned(),
        })
}

/// Whether a group's label values are these.
pub(crate) fn is_named(group: &[Box<str>], values: &[&str]) -> bool {
    group.iter().map(|v| &**v).eq(values.iter().copied())
}

/// A counter of the library's own.
pub(crate) fn own_counter(
    table: &mut Table,
    home: &Arc<Home>,
    desc: &Desc,
    values: &[&str],
) -> Result<Counter, RegisterError> {
    handle(table, home, desc, Kind::Counter, values, Purpose::Reserve).map(Counter::new)
}

impl Shared {
    pub(crate) fn table(&self) -> MutexGuard<'_, Table> {
        lock(&self.table)
    }

    pub(crate) fn groups(&self) -> MutexGuard<'_, Vec<Arc<GroupMetrics>>> {
        lock(&self.groups)
    }

    pub(crate) fn sender_groups(&self) -> MutexGuard<'_, Vec<Arc<SenderGroupMetrics>>> {
        lock(&self.sender_groups)
    }

    pub(crate) fn quality_groups(&self) -> MutexGuard<'_, Vec<Arc<QualityMetrics>>> {
        lock(&self.quality_groups)
    }

    /// The families of participants; `None` as long as there was none.
    pub(crate) fn participant_metrics(&self) -> Option<&ParticipantMetrics> {
        self.participant_metrics.get()
    }

    pub(crate) fn make_participant_metrics(&self) -> Result<(), RegisterError> {
        if self.participant_metrics.get().is_none() {
            let made = ParticipantMetrics::new(&mut self.table(), &self.home)?;
            // Who comes second has made handles on the same series.
            let _ = self.participant_metrics.set(made);
        }
        Ok(())
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
        let ns = period.as_nanos().try_into().unwrap_or(u64::MAX);
        self.period_ns.store(ns, Relaxed); // Relaxed: a number by itself
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

    /// A handle on a series, made now if there is none.
    pub(crate) fn handle(
        &self,
        desc: &Desc,
        kind: Kind,
        values: &[&str],
        purpose: Purpose,
    ) -> Result<Handle, RegisterError> {
        handle(&mut self.table(), &self.home, desc, kind, values, purpose)
    }

    /// A handle on a series of the library's own, whose label values may come from outside.
    #[cfg(feature = "livekit")]
    pub(crate) fn library_handle(
        &self,
        desc: &Desc,
        values: &[&str],
    ) -> Result<Handle, RegisterError> {
        self.handle_or_other(desc, desc.kind(), values, Purpose::Reserve)
    }

    /// Label names of stream groups.
    pub(crate) const fn group_labels(&self) -> &LabelNames {
        &self.limits.group_labels
    }

    /// As `handle`; where a limit is met, the family's `other`, counted.
    fn handle_or_other(
        &self,
        desc: &Desc,
        kind: Kind,
        values: &[&str],
        purpose: Purpose,
    ) -> Result<Handle, RegisterError> {
        match self.handle(desc, kind, values, purpose) {
            Err(e @ (RegisterError::Full { .. } | RegisterError::FamilyFull { .. })) => {
                self.count_overflow(desc);
                let others = other_values(desc, values);
                let other = self.handle(desc, kind, &others, Purpose::Reserve);
                other.map_err(|_| e)
            }
            done => done,
        }
    }

    /// Counts that a series of the family found no place.
    pub(crate) fn count_overflow(&self, desc: &Desc) {
        let overflow = &catalog::SERIES_OVERFLOW;
        let counted = own_counter(&mut self.table(), &self.home, overflow, &[desc.name()]);
        if let Ok(overflow) = counted {
            overflow.inc();
        }
    }

    /// Lets facades' idle series go.
    #[cfg(feature = "facade")]
    pub(crate) fn expire(&self, now: Instant) {
        // Not under the lock: who is made by now adds itself there.
        let facades: Vec<_> = {
            let mut all = lock(&self.facades);
            all.retain(|facade| facade.strong_count() > 0);
            all.iter().filter_map(Weak::upgrade).collect()
        };
        facades.iter().for_each(|facade| facade.expire(now));
    }

    /// From now on merges let this facade's idle series go.
    #[cfg(feature = "facade")]
    pub(crate) fn add_facade(&self, facade: Weak<Facade>) {
        lock(&self.facades).push(facade);
    }
}

impl Registry {
    /// A registry with the default limits.
    ///
    /// # Errors
    /// None with these limits; see [`RegistryBuilder::build`].
    pub fn new() -> Result<Self, RegisterError> {
        Self::builder().build()
    }

    /// A registry with limits of your own.
    #[must_use]
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder::default()
    }

    /// The same registry, for a library that adds series of its own to it: an exporter, a bridge. What is
    /// registered through it comes from a reserve (of 24,576 series, which the host's stream groups and
    /// `other` series share) and not from the host's `max_series`, so that a host whose registry is full
    /// can still be observed.
    #[must_use]
    pub fn for_library(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            purpose: Purpose::Reserve,
        }
    }

    /// The counter of `desc` with these label values: the same one for the same values.
    ///
    /// # Errors
    /// The description is bad or not the family's, or a limit is met.
    pub fn counter(&self, desc: &Desc, values: &[&str]) -> Result<Counter, RegisterError> {
        self.shared
            .handle(desc, Kind::Counter, values, self.purpose)
            .map(Counter::new)
    }

    /// As [`counter`](Self::counter), for label values from outside: where a limit is met, the family's
    /// series `other` (of a family with open labels `overflow="true"`), and the fold is counted in
    /// `media_metrics_series_overflow_total`.
    ///
    /// # Errors
    /// The description is bad or not the family's, or even the reserve for `other` series is used up.
    pub fn counter_or_other(&self, desc: &Desc, values: &[&str]) -> Result<Counter, RegisterError> {
        self.shared
            .handle_or_other(desc, Kind::Counter, values, self.purpose)
            .map(Counter::new)
    }

    /// The gauge of `desc` with these label values.
    ///
    /// # Errors
    /// As for [`counter`](Self::counter).
    pub fn gauge(&self, desc: &Desc, values: &[&str]) -> Result<Gauge, RegisterError> {
        self.shared
            .handle(desc, Kind::Gauge, values, self.purpose)
            .map(Gauge::new)
    }

    /// As [`gauge`](Self::gauge), with overflow to `other`.
    ///
    /// # Errors
    /// As for [`counter_or_other`](Self::counter_or_other).
    pub fn gauge_or_other(&self, desc: &Desc, values: &[&str]) -> Result<Gauge, RegisterError> {
        self.shared
            .handle_or_other(desc, Kind::Gauge, values, self.purpose)
            .map(Gauge::new)
    }

    /// The histogram of `desc` with these label values.
    ///
    /// # Errors
    /// As for [`counter`](Self::counter).
    pub fn histogram(&self, desc: &Desc, values: &[&str]) -> Result<Histogram, RegisterError> {
        check_exact(desc, false)?;
        let handle = self
            .shared
            .handle(desc, Kind::Histogram, values, self.purpose)?;
        Ok(Histogram::new(handle, desc))
    }

    /// As [`histogram`](Self::histogram), with overflow to `other`.
    ///
    /// # Errors
    /// As for [`counter_or_other`](Self::counter_or_other).
    pub fn histogram_or_other(
        &self,
        desc: &Desc,
        values: &[&str],
    ) -> Result<Histogram, RegisterError> {
        check_exact(desc, false)?;
        let handle = self
            .shared
            .handle_or_other(desc, Kind::Histogram, values, self.purpose)?;
        Ok(Histogram::new(handle, desc))
    }

    /// The exact histogram of `desc` (see [`Desc::exact_histogram`]) with these label values.
    ///
    /// # Errors
    /// As for [`counter`](Self::counter).
    pub fn exact_histogram(
        &self,
        desc: &Desc,
        values: &[&str],
    ) -> Result<ExactHistogram, RegisterError> {
        check_exact(desc, true)?;
        let handle = self
            .shared
            .handle(desc, Kind::Histogram, values, self.purpose)?;
        Ok(ExactHistogram::new(handle, desc))
    }

    /// As [`exact_histogram`](Self::exact_histogram), with overflow to `other`.
    ///
    /// # Errors
    /// As for [`counter_or_other`](Self::counter_or_other).
    pub fn exact_histogram_or_other(
        &self,
        desc: &Desc,
        values: &[&str],
    ) -> Result<ExactHistogram, RegisterError> {
        check_exact(desc, true)?;
        let handle = self
            .shared
            .handle_or_other(desc, Kind::Histogram, values, self.purpose)?;
        Ok(ExactHistogram::new(handle, desc))
    }

    /// Shows what one histogram recorded of late as gauges of the family `shown`: quantiles, maximum, mean
    /// and deviation over the last interval between merges, 10 s and 60 s. Windows begin now, and are absent
    /// where nothing was recorded.
    ///
    /// The labels of `shown` are those of the histogram, and then [`catalog::WINDOW_LABELS`]. Once is
    /// enough: a series that is watched already stays as it is. The gauges go with the histogram's series
    /// (see [`remove`](Self::remove)).
    ///
    /// - **Cost**: nothing when recording; at each merge some passes over the histogram's buckets: a tenth of
    ///   a millisecond for 3,800 of them.
    /// - **Memory**: 32 bytes for each bucket of the layout, and some 25 for each bucket in use in each of
    ///   at most 51 slots of time: a quarter of a megabyte for 3,800 buckets, 100 of them in use.
    /// - **Error**: see [`Summary`](crate::histogram::Summary); a window covers its span to within 5 %, or
    ///   half the time between two merges if that is more.
    ///
    /// ```
    /// use media_metrics_core::{Registry, catalog};
    /// let registry = Registry::new()?;
    /// registry.windows(&catalog::FORWARD_LATENCY, &[], &catalog::FORWARD_LATENCY_WINDOW)?;
    /// registry.histogram(&catalog::FORWARD_LATENCY, &[])?.record(100); // nanoseconds
    /// let snapshot = registry.collect();
    /// let p99 = snapshot.gauge("media_forward_latency_window_seconds", &["10s", "p99"]);
    /// assert_eq!(p99, Some(1e-7));
    /// # Ok::<(), media_metrics_core::RegisterError>(())
    /// ```
    ///
    /// # Errors
    /// As for [`counter`](Self::counter), of the histogram and of each gauge.
    pub fn windows(
        &self,
        histogram: &Desc,
        values: &[&str],
        shown: &Desc,
    ) -> Result<(), RegisterError> {
        // The lock first: no merge shows a gauge before it is known to have no value yet.
        let mut collector = self.shared.collector();
        let windows = collector.windows();
        let source = self.histogram(histogram, values)?;
        // After that: a series that had these labels before, and its gauges, are gone by now. Else its watch
        // would take the new ones along.
        windows.forget_removed(&self.shared);
        if !windows.has(&source) {
            let gauges = WindowGauges::all(|last| self.gauge(shown, &[values, &last].concat()))?;
            windows.watch(source, histogram, gauges, Instant::now());
        }
        Ok(())
    }

    /// Takes a series out of the registry: it is in no snapshot from the next merge on, and a later
    /// registration with the same labels is a new series that starts at 0.
    ///
    /// Other handles of it may still record, unseen; when the last is gone, its cells are used again.
    /// Returns whether the series was there (and of this registry).
    pub fn remove<'a>(&self, series: impl Into<AnyHandle<'a>>) -> bool {
        let AnyHandle(handle) = series.into();
        handle.is_of(&self.shared.home) && self.shared.table().remove(handle.series())
    }

    /// The group of streams with these values for the registry's group labels: the same one for the
    /// same values.
    ///
    /// # Errors
    /// The number of values is not that of the names, or the limit on groups is met.
    pub fn group(&self, values: &[&str]) -> Result<Group, RegisterError> {
        let shared = &self.shared;
        let inner = shared.group_of(
            &mut shared.groups(),
            |group| is_named(&group.values, values),
            |table, names, index| GroupMetrics::new(table, &shared.home, names, values, index),
        )?;
        Ok(Group { inner })
    }

    /// A stream that is folded into `group`.
    ///
    /// Dropping it ends it; its totals stay in the group.
    ///
    /// # Errors
    /// The limit on live streams is met (counted in `media_metrics_streams_refused_total`), the clock
    /// rate is 0, or the group is another registry's.
    pub fn stream(&self, group: &Group, config: StreamConfig) -> Result<Stream, RegisterError> {
        let shared = &self.shared;
        let inner = &group.inner;
        let (ssrc, clock_rate) = (config.ssrc, config.clock_rate);
        let identity = shared.admit(ssrc, clock_rate, &inner.packets, inner.index)?;
        let block = Arc::new(Block::new(identity));
        // Before the stream can record: so the reporter knows of it before it can end.
        shared.new_streams.push(Arc::clone(&block));
        Ok(Stream::new(block, Arc::clone(&group.inner), &config))
    }

    /// Merges now, on this thread, and publishes: for tests, tools, and hosts without a reporter.
    pub fn collect(&self) -> Arc<Snapshot> {
        self.shared.collect()
    }

    /// What was published last; number 0 and empty before the first merge. Cheap, from any thread.
    #[must_use]
    pub fn latest(&self) -> Arc<Snapshot> {
        self.shared.latest()
    }

    /// Each live stream that the reporter has adopted, as of now.
    ///
    /// On demand, since it is as long as there are streams; takes the reporter's lock.
    #[must_use]
    pub fn streams(&self) -> Vec<StreamSnapshot> {
        self.shared
            .collector()
            .streams(self.shared.groups().as_slice())
    }
}

/// A counter, gauge or histogram: what [`Registry::remove`] takes.
#[derive(Clone, Copy, Debug)]
pub struct AnyHandle<'a>(&'a Handle);

impl<'a> From<&'a Counter> for AnyHandle<'a> {
    fn from(counter: &'a Counter) -> Self {
        Self(counter.handle())
    }
}

impl<'a> From<&'a Gauge> for AnyHandle<'a> {
    fn from(gauge: &'a Gauge) -> Self {
        Self(gauge.handle())
    }
}

impl<'a> From<&'a Histogram> for AnyHandle<'a> {
    fn from(histogram: &'a Histogram) -> Self {
        Self(histogram.handle())
    }
}

impl<'a> From<&'a ExactHistogram> for AnyHandle<'a> {
    fn from(histogram: &'a ExactHistogram) -> Self {
        Self(histogram.handle())
    }
}
