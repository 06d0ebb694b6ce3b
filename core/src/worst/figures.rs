//! What a stream or a group amounts to in one interval.
//!
//! Lives here: plain values, and their order. Not here: how they were gathered.

use std::cmp::Ordering;
use std::time::Duration;

use crate::reporter::Tick;

/// A stream's or a group's figures as of the last interval between two merges. What is not known is `None`,
/// never 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Figures {
    /// Quality score from 20 to 100, as of the last window or event; of a group the mean of its judged streams.
    /// `None` if nothing is judged, or not yet.
    pub score: Option<f64>,
    /// Share of packets lost, 0 to 1. Received: of the numbers that became due in the interval, those missing at its
    /// end. Sent: as the receiver's newest report says (RFC 3550 §6.4.1), as long as that is no older than 15 s at
    /// the last packet. Of a group: of all packets of its received streams, or the mean of its sent ones.
    pub loss_ratio: Option<f64>,
    /// Interarrival jitter in seconds: measured, or of the receiver's newest report; of a group, the mean.
    pub jitter_seconds: Option<f64>,
    /// Round trip in seconds, of sent streams, as of the newest report; of a group, the mean.
    pub rtt_seconds: Option<f64>,
    /// Bytes of RTP (header, payload, padding) a second; of a group, all together. `None` in a registry's first
    /// interval, which has no length.
    pub bytes_per_second: Option<f64>,
}

impl Figures {
    /// Worse first: `Less` if `self` is the worse one. By score (where there is none, 100 less the loss in percent),
    /// then loss, then jitter; a total order of what is compared.
    ///
    /// ```
    /// use media_metrics_core::worst::Figures;
    /// let quiet = Figures::default();
    /// assert!(quiet.by_badness(&quiet).is_eq());
    /// ```
    #[must_use]
    pub fn by_badness(&self, other: &Self) -> Ordering {
        let (loss, others) = (
            self.loss_ratio.unwrap_or(0.0),
            other.loss_ratio.unwrap_or(0.0),
        );
        let (jitter, than) = (
            self.jitter_seconds.unwrap_or(0.0),
            other.jitter_seconds.unwrap_or(0.0),
        );
        self.standing()
            .total_cmp(&other.standing())
            .then(others.total_cmp(&loss))
            .then(than.total_cmp(&jitter))
    }

    /// The score, or what stands for it.
    fn standing(&self) -> f64 {
        self.score
            .unwrap_or_else(|| 100.0 - 100.0 * self.loss_ratio.unwrap_or(0.0))
    }
}

/// `n` of something in `time`, a second; `None` of no time.
pub(super) fn per_second(n: u64, time: Duration) -> Option<f64> {
    (!time.is_zero()).then(|| n as f64 / time.as_secs_f64())
}

/// Losses among expected packets; `None` if none were expected.
pub(super) fn share(lost: u64, expected: u64) -> Option<f64> {
    (expected > 0).then(|| (lost as f64 / expected as f64).min(1.0))
}

/// What a stream did in the interval before the last merge at which there was news of it: kept beside its totals,
/// written only when there is news.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Recent {
    lost: u32,
    expected: u32,
    bytes: u32,
    tick: u32,
}

impl Recent {
    pub(crate) fn new(tick: &Tick, lost: u64, expected: u64, bytes: u64) -> Self {
        let short = |n: u64| n.try_into().unwrap_or(u32::MAX);
        Self {
            lost: short(lost),
            expected: short(expected),
            bytes: short(bytes),
            tick: tick.number,
        }
    }

    /// The share lost and the bytes a second of the interval that `tick` ended.
    pub(crate) fn rates(&self, tick: &Tick) -> (Option<f64>, Option<f64>) {
        let now = self.tick == tick.number;
        let (lost, expected, bytes) = match now {
            true => (self.lost, self.expected, self.bytes),
            false => (0, 0, 0),
        };
        let bytes = per_second(u64::from(bytes), tick.interval);
        (share(u64::from(lost), u64::from(expected)), bytes)
    }
}
