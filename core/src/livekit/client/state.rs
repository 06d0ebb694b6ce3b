//! What is remembered of one sender: the last value and time of each of its series.
//!
//! Lives here: which sample is its series' next, how many series there may be, which give way. Not here: what
//! values mean, what is counted, how much totals may grow by (`credit`).

use std::cmp::Ordering;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use super::credit::{FIRST_TOTAL_MS, SenderCredit, SeriesCredit, cost_ms};
use super::label::RttPath;
use super::{ClientRow, dropped::Reason};
use crate::livekit::messages::MetricSample;
use crate::livekit::time::ServerTime;

/// Most series of one sender that are followed at a time.
pub const MAX_SERIES: usize = 512;

/// A series of which nothing was taken for so long gives way when there is no room, and takes whatever time comes
/// next.
pub const SILENT_S: u32 = 60;

/// A time further ahead of the server's than this is not the sender's time, or no longer.
const AHEAD: Duration = Duration::from_secs(1);

/// What is remembered of one sender. Made when a participant joins, dropped when they leave.
///
/// - **Memory**: 64 bytes, and 32 for each series (whose, label, track and layer): 576 bytes with 15 series, 16 KiB
///   with the most that there may be ([`MAX_SERIES`]). Names are not kept, only a keyed hash of 64 bits: two
///   of a sender's series are taken for one with a probability below 10^-14.
/// - **Life**: as long as the sender's own totals. A client that joins anew starts at 0 and gets a new
///   state; one that resumes its session goes on with its totals and keeps its state: with a new one they would
///   be counted once more.
#[derive(Debug)]
pub struct ClientState {
    /// Keyed: a sender can't choose names that are taken for one another.
    hasher: RandomState,
    /// Ascending by key.
    series: Vec<Series>,
    credit: SenderCredit,
    /// When silent series last gave way.
    swept_s: u32,
    /// Bits of the paths that the server measures itself.
    measured: u8,
}

#[derive(Debug)]
struct Series {
    key: u64,
    at_ms: i64,
    last: f32,
    heard_s: u32,
    credit: SeriesCredit,
}

const _: () = assert!(size_of::<Series>() == 32 && size_of::<ClientState>() == 64);

impl ClientState {
    /// Of a sender that said nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            series: Vec::new(),
            credit: SenderCredit::new(),
            swept_s: 0,
            measured: 0,
        }
    }

    /// Series followed now.
    #[must_use]
    pub fn series(&self) -> usize {
        self.series.len()
    }

    /// From now on the server measures this path itself.
    pub(super) const fn measure(&mut self, path: RttPath) {
        self.measured |= 1 << path as u8;
    }

    pub(super) const fn is_measured(&self, path: RttPath) -> bool {
        self.measured & (1 << path as u8) != 0
    }

    pub(super) fn key(&self, row: &ClientRow<'_>) -> u64 {
        self.hasher
            .hash_one((row.identity, row.label, row.track, row.rid))
    }

    /// Takes a sample's time, if it is the next of its series; makes the series if there is none.
    pub(super) fn next(
        &mut self,
        key: u64,
        sample: &MetricSample,
        now: ServerTime,
    ) -> Result<Next<'_>, Reason> {
        let now_s = u32::try_from(now.ms() / 1_000).unwrap_or(0);
        let (at, is_first) = match self.find(key) {
            Ok(at) => {
                self.series[at].precedes(sample, now, now_s)?;
                (at, false)
            }
            Err(at) => (self.add(key, at, now_s)?, true),
        };
        let series = &mut self.series[at];
        let passed_s = now_s.saturating_sub(series.heard_s);
        series.credit.earn(passed_s);
        series.heard_s = series.heard_s.max(now_s);
        series.at_ms = sample.timestamp_ms;
        Ok(Next {
            series,
            sender: &mut self.credit,
            is_first,
            now_s,
        })
    }

    /// Where the series is, or where it belongs.
    fn find(&self, key: u64) -> Result<usize, usize> {
        self.series.binary_search_by_key(&key, |series| series.key)
    }

    /// Makes a series that belongs at `at`; where it is afterwards.
    fn add(&mut self, key: u64, mut at: usize, now_s: u32) -> Result<usize, Reason> {
        if self.series.len() >= MAX_SERIES {
            self.sweep(now_s);
            at = self.find(key).unwrap_or_else(|at| at);
        }
        if self.series.len() >= MAX_SERIES {
            return Err(Reason::TooManySeries);
        }
        let series = Series {
            key,
            at_ms: i64::MIN,
            last: 0.0,
            heard_s: now_s,
            credit: SeriesCredit::new(),
        };
        if self.series.len() == self.series.capacity() {
            // By a quarter, not double: ten thousand senders' slack would be megabytes.
            let left = MAX_SERIES - self.series.len();
            let more = (self.series.len() / 4).max(4);
            self.series.reserve_exact(more.min(left));
        }
        self.series.insert(at, series);
        Ok(at)
    }

    /// Silent series give way; once a second at most, so that a flood pays for few sweeps.
    fn sweep(&mut self, now_s: u32) {
        if now_s > self.swept_s {
            self.swept_s = now_s;
            self.series
                .retain(|series| now_s.saturating_sub(series.heard_s) < SILENT_S);
        }
    }
}

impl Series {
    /// Whether a sample comes after the last.
    ///
    /// A last time that is yet to come on the server's clock was a wrong one, or the sender's clock was set back
    /// since: any other is its next. So is any, where no clock is known, to a series that was silent for long.
    fn precedes(&self, sample: &MetricSample, now: ServerTime, now_s: u32) -> Result<(), Reason> {
        match sample.timestamp_ms.cmp(&self.at_ms) {
            Ordering::Greater => Ok(()),
            Ordering::Equal => Err(Reason::Duplicate),
            Ordering::Less if self.is_ahead(sample, now) => Ok(()),
            Ordering::Less if now_s.saturating_sub(self.heard_s) >= SILENT_S => Ok(()),
            Ordering::Less => Err(Reason::OutOfOrder),
        }
    }

    /// Whether its time is ahead of the server's, as an earlier sample's is mapped.
    fn is_ahead(&self, earlier: &MetricSample, now: ServerTime) -> bool {
        let mapped = earlier.normalized_timestamp;
        mapped
            .and_then(ServerTime::from_timestamp)
            .is_some_and(|mapped| {
                let later = Duration::from_millis(self.at_ms.abs_diff(earlier.timestamp_ms));
                mapped.after(later) > now.after(AHEAD)
            })
    }
}

/// A series with its next sample's time.
pub(super) struct Next<'a> {
    series: &'a mut Series,
    sender: &'a mut SenderCredit,
    is_first: bool,
    now_s: u32,
}

/// What a total grew from.
pub(super) struct Growth {
    pub(super) from: f32,
    /// Whether it fell, and so began anew at 0.
    pub(super) is_reset: bool,
}

impl Next<'_> {
    /// The value before; of a new series 0.
    pub(super) const fn last(&self) -> f32 {
        self.series.last
    }

    /// Takes the total, if it is believed that it grew by so much. A first one is gone on from in any case.
    pub(super) fn grow(self, total: f32, per_second: f64) -> Result<Growth, Reason> {
        let Self { series, sender, .. } = self;
        let is_reset = total < series.last;
        let from = if is_reset { 0.0 } else { series.last };
        let cost_ms = cost_ms(f64::from(total) - f64::from(from), per_second);
        let may = if self.is_first {
            series.last = total;
            cost_ms <= FIRST_TOTAL_MS
        } else {
            (!is_reset || series.credit.begin_anew(self.now_s)) && series.credit.pay(cost_ms)
        };
        if !may || !sender.pay(cost_ms, self.now_s) {
            return Err(Reason::OutOfRange);
        }
        series.last = total;
        Ok(Growth { from, is_reset })
    }
}

impl Default for ClientState {
    fn default() -> Self {
        Self::new()
    }
}
