//! Label groups: what the totals of streams are folded into.
//!
//! Lives here: a group's own series, and the registry's methods about received streams. Not here: folding
//! (`reporter::fold`).

use std::sync::{Arc, OnceLock};

use crate::catalog;
use crate::counter::Counter;
use crate::desc::{Desc, LabelNames};
use crate::error::RegisterError;
use crate::gauge::Gauge;
use crate::histogram::Histogram;
use crate::reporter::stream_windows::WindowMetrics;
use crate::rtp::BurstStats;
use crate::shard::attach::Home;
use crate::stream::block::Block;
use crate::stream::{Stream, StreamConfig, StreamSnapshot};

use super::registration::own_handle;
use super::shared::is_named;
use super::{Registry, Table};

/// A label group of streams: all streams of one direction and kind, say. Cheap to clone.
///
/// Groups are what a scrape sees of streams: their number is bounded, whatever the number of streams.
#[derive(Clone, Debug)]
pub struct Group {
    pub(crate) inner: Arc<GroupMetrics>,
}

impl Group {
    /// Label values, in the order of the registry's group labels.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.inner.values.iter().map(|v| &**v)
    }
}

/// A group's series.
#[derive(Debug)]
pub(crate) struct GroupMetrics {
    pub(crate) index: u32,
    pub(crate) values: Vec<Box<str>>,
    pub(crate) packets: Counter,
    pub(crate) bytes: Counter,
    pub(crate) header_bytes: Counter,
    pub(crate) padding_bytes: Counter,
    pub(crate) expected: Counter,
    pub(crate) lost: Counter,
    pub(crate) duplicates: Counter,
    pub(crate) reordered: Counter,
    pub(crate) stale: Counter,
    pub(crate) frames: Counter,
    pub(crate) restarts: Counter,
    pub(crate) recovered: Counter,
    /// Rare: added by the streams' owners, not by the fold. So are the next ones, up to `loss_runs`.
    pub(crate) padding_packets: Counter,
    pub(crate) duplicate_bytes: Counter,
    pub(crate) nacks_sent: Counter,
    pub(crate) nacked_sent: Counter,
    pub(crate) plis_sent: Counter,
    pub(crate) firs_sent: Counter,
    pub(crate) key_frames: Counter,
    pub(crate) loss_bursts: Counter,
    pub(crate) burst_packets: Counter,
    pub(crate) burst_lost: Counter,
    pub(crate) reordering_depth: Histogram,
    pub(crate) loss_runs: Histogram,
    pub(crate) streams: Gauge,
    pub(crate) started: Counter,
    pub(crate) ended: Counter,
    pub(crate) interval_loss: Histogram,
    pub(crate) interval_jitter: Histogram,
    /// Set if windows of the group's streams are recorded.
    pub(crate) windows: OnceLock<WindowMetrics>,
}

impl GroupMetrics {
    pub(crate) fn new(
        table: &mut Table,
        home: &Arc<Home>,
        names: &LabelNames,
        values: &[&str],
        index: u32,
    ) -> Result<Self, RegisterError> {
        let mut handle = |desc: &Desc| {
            let desc = desc.clone().with_label_names(names.clone());
            own_handle(table, home, &desc, values)
        };
        let mut counter = |desc: &Desc| handle(desc).map(Counter::new);
        Ok(Self {
            index,
            values: values.iter().map(|v| Box::from(*v)).collect(),
            packets: counter(&catalog::RTP_PACKETS)?,
            bytes: counter(&catalog::RTP_BYTES)?,
            header_bytes: counter(&catalog::RTP_HEADER_BYTES)?,
            padding_bytes: counter(&catalog::RTP_PADDING_BYTES)?,
            expected: counter(&catalog::RTP_EXPECTED)?,
            lost: counter(&catalog::RTP_LOST)?,
            duplicates: counter(&catalog::RTP_DUPLICATES)?,
            reordered: counter(&catalog::RTP_REORDERED)?,
            stale: counter(&catalog::RTP_STALE)?,
            frames: counter(&catalog::RTP_FRAMES)?,
            restarts: counter(&catalog::RTP_RESTARTS)?,
            recovered: counter(&catalog::RTP_RECOVERED)?,
            padding_packets: counter(&catalog::RTP_PADDING_PACKETS)?,
            duplicate_bytes: counter(&catalog::RTP_DUPLICATE_BYTES)?,
            nacks_sent: counter(&catalog::RTP_NACKS_SENT)?,
            nacked_sent: counter(&catalog::RTP_NACKED_SENT)?,
            plis_sent: counter(&catalog::RTP_PLIS_SENT)?,
            firs_sent: counter(&catalog::RTP_FIRS_SENT)?,
            key_frames: counter(&catalog::RTP_KEY_FRAMES)?,
            loss_bursts: counter(&catalog::RTP_LOSS_BURSTS)?,
            burst_packets: counter(&catalog::RTP_BURST_PACKETS)?,
            burst_lost: counter(&catalog::RTP_BURST_LOST)?,
            started: counter(&catalog::RTP_STARTED)?,
            ended: counter(&catalog::RTP_ENDED)?,
            streams: handle(&catalog::RTP_STREAMS).map(Gauge::new)?,
            interval_loss: handle(&catalog::RTP_INTERVAL_LOSS)
                .map(|h| Histogram::new(h, &catalog::RTP_INTERVAL_LOSS))?,
            reordering_depth: handle(&catalog::RTP_REORDERING_DEPTH)
                .map(|h| Histogram::new(h, &catalog::RTP_REORDERING_DEPTH))?,
            loss_runs: handle(&catalog::RTP_LOSS_RUNS)
                .map(|h| Histogram::new(h, &catalog::RTP_LOSS_RUNS))?,
            interval_jitter: handle(&catalog::RTP_INTERVAL_JITTER)
                .map(|h| Histogram::new(h, &catalog::RTP_INTERVAL_JITTER))?,
            windows: OnceLock::new(),
        })
    }

    /// Adds what a stream's settled bursts grew by.
    pub(crate) fn count_bursts(&self, before: &BurstStats, now: &BurstStats) {
        if now.bursts != before.bursts {
            self.loss_bursts.add(now.bursts - before.bursts);
            self.burst_packets
                .add(now.burst_packets - before.burst_packets);
            self.burst_lost.add(now.burst_lost - before.burst_lost);
        }
    }
}

impl Registry {
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

    /// Each live stream that the reporter has adopted, as of now.
    ///
    /// On demand, since it is as long as there are streams. The reporter's lock is taken while they are listed, not while
    /// they are read.
    #[must_use]
    pub fn streams(&self) -> Vec<StreamSnapshot> {
        let listing = self.shared.collector().list();
        // After the streams: a stream's group is in the list before the stream is.
        let groups = self.shared.groups().clone();
        listing.read(&groups)
    }
}
