//! Label groups of sent streams: what their totals are folded into.
//!
//! Lives here: a group's own series, and the registry's methods about sent streams. Not here: folding
//! (`reporter::fold_senders`).

use std::sync::{Arc, OnceLock};

use crate::catalog;
use crate::counter::Counter;
use crate::desc::{Desc, LabelNames};
use crate::error::RegisterError;
use crate::gauge::Gauge;
use crate::histogram::Histogram;
use crate::reporter::stream_windows::WindowMetrics;
use crate::shard::attach::Home;
use crate::stream::sender::block::SenderBlock;
use crate::stream::{SendStream, SenderConfig, SenderSnapshot};

use super::registration::own_handle;
use super::shared::is_named;
use super::{Registry, Table};

/// A label group of sent streams. Cheap to clone. Made by
/// [`Registry::sender_group`](crate::Registry::sender_group).
///
/// As with [`Group`](super::Group), a scrape sees groups, whatever the number of streams.
#[derive(Clone, Debug)]
pub struct SenderGroup {
    pub(crate) inner: Arc<SenderGroupMetrics>,
}

impl SenderGroup {
    /// Label values, in the order of the registry's group labels.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.inner.values.iter().map(|v| &**v)
    }
}

/// A group's series.
#[derive(Debug)]
pub(crate) struct SenderGroupMetrics {
    pub(crate) index: u32,
    pub(crate) values: Vec<Box<str>>,
    pub(crate) packets: Counter,
    pub(crate) bytes: Counter,
    pub(crate) header_bytes: Counter,
    pub(crate) padding_bytes: Counter,
    pub(crate) frames: Counter,
    pub(crate) key_frames: Counter,
    pub(crate) retransmitted_packets: Counter,
    pub(crate) retransmitted_bytes: Counter,
    pub(crate) nacks: Counter,
    pub(crate) nacked_packets: Counter,
    pub(crate) plis: Counter,
    pub(crate) firs: Counter,
    pub(crate) remote_reports: Counter,
    pub(crate) remote_lost: Counter,
    pub(crate) senders: Gauge,
    pub(crate) started: Counter,
    pub(crate) ended: Counter,
    /// Rare: recorded by the streams' owners, not by the fold. So are the next ones.
    pub(crate) remote_rtt: Histogram,
    pub(crate) remote_jitter: Histogram,
    pub(crate) remote_fraction_lost: Histogram,
    pub(crate) nack_recovery: Histogram,
    pub(crate) key_frame_request: Histogram,
    /// Set if windows of the group's streams are recorded.
    pub(crate) windows: OnceLock<WindowMetrics>,
}

impl SenderGroupMetrics {
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
        let senders = Gauge::new(handle(&catalog::RTP_SENDERS)?);
        let mut histogram = |desc: &Desc| handle(desc).map(|handle| Histogram::new(handle, desc));
        let remote_rtt = histogram(&catalog::RTP_REMOTE_RTT)?;
        let remote_jitter = histogram(&catalog::RTP_REMOTE_JITTER)?;
        let remote_fraction_lost = histogram(&catalog::RTP_REMOTE_FRACTION_LOST)?;
        let nack_recovery = histogram(&catalog::RTP_NACK_RECOVERY)?;
        let key_frame_request = histogram(&catalog::RTP_KEY_FRAME_REQUEST)?;
        let mut counter = |desc: &Desc| handle(desc).map(Counter::new);
        Ok(Self {
            index,
            values: values.iter().map(|v| Box::from(*v)).collect(),
            packets: counter(&catalog::RTP_SENT_PACKETS)?,
            bytes: counter(&catalog::RTP_SENT_BYTES)?,
            header_bytes: counter(&catalog::RTP_SENT_HEADER_BYTES)?,
            padding_bytes: counter(&catalog::RTP_SENT_PADDING_BYTES)?,
            frames: counter(&catalog::RTP_SENT_FRAMES)?,
            key_frames: counter(&catalog::RTP_SENT_KEY_FRAMES)?,
            retransmitted_packets: counter(&catalog::RTP_RETRANSMITTED_PACKETS)?,
            retransmitted_bytes: counter(&catalog::RTP_RETRANSMITTED_BYTES)?,
            nacks: counter(&catalog::RTP_NACKS_RECEIVED)?,
            nacked_packets: counter(&catalog::RTP_NACKED_PACKETS)?,
            plis: counter(&catalog::RTP_PLIS_RECEIVED)?,
            firs: counter(&catalog::RTP_FIRS_RECEIVED)?,
            remote_reports: counter(&catalog::RTP_REMOTE_REPORTS)?,
            remote_lost: counter(&catalog::RTP_REMOTE_LOST)?,
            senders,
            started: counter(&catalog::RTP_SENDERS_STARTED)?,
            ended: counter(&catalog::RTP_SENDERS_ENDED)?,
            remote_rtt,
            remote_jitter,
            remote_fraction_lost,
            nack_recovery,
            key_frame_request,
            windows: OnceLock::new(),
        })
    }
}

impl Registry {
    /// The group of sent streams with these values for the registry's group labels: the same one for the
    /// same values.
    ///
    /// # Errors
    /// The number of values is not that of the names, or the limit on groups is met.
    pub fn sender_group(&self, values: &[&str]) -> Result<SenderGroup, RegisterError> {
        let shared = &self.shared;
        let inner = shared.group_of(
            &mut shared.sender_groups(),
            |group| is_named(&group.values, values),
            |table, names, index| {
                SenderGroupMetrics::new(table, &shared.home, names, values, index)
            },
        )?;
        Ok(SenderGroup { inner })
    }

    /// A sent stream that is folded into `group`.
    ///
    /// Dropping it ends it; its totals stay in the group.
    ///
    /// # Errors
    /// As for [`stream`](Self::stream), with which it shares the limit on live streams.
    pub fn sender(
        &self,
        group: &SenderGroup,
        config: SenderConfig,
    ) -> Result<SendStream, RegisterError> {
        let (shared, inner) = (&self.shared, &group.inner);
        let (ssrc, clock_rate) = (config.ssrc, config.clock_rate);
        let identity = shared.admit(ssrc, clock_rate, &inner.packets, inner.index)?;
        let block = Arc::new(SenderBlock::new(identity));
        // Before the stream can record: so the reporter knows of it before it can end.
        shared.new_senders.push(Arc::clone(&block));
        Ok(SendStream::new(block, Arc::clone(inner), &config))
    }

    /// Each live sent stream that the reporter has adopted, as of now.
    ///
    /// On demand, since it is as long as there are streams. The reporter's lock is taken while they are listed, not while
    /// they are read.
    #[must_use]
    pub fn senders(&self) -> Vec<SenderSnapshot> {
        let listing = self.shared.collector().list_senders();
        listing.read()
    }
}
