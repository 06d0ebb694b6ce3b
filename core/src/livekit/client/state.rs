//! What is remembered of one sender: the last value and time of each of its series.
//!
//! Lives here: which sample is its series' next, how many series there may be, which give way. Not here: what
//! values mean, what is counted.

use std::cmp::Ordering;
use std::hash::{BuildHasher, RandomState};

use super::label::RttPath;
use super::{ClientRow, dropped::Reason};
use crate::livekit::time::ServerTime;

/// Most series of one sender that are followed at a time.
pub const MAX_SERIES: usize = 512;

/// A series that said nothing for so long gives way when there is no room.
pub const SILENT_S: u32 = 60;

/// What is remembered of one sender. Made when a participant joins, dropped when they leave.
///
/// - **Memory**: 48 bytes, and 24 for each series (label, track and layer): 432 bytes with 15 series, 12 KiB
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
}

const _: () = assert!(size_of::<Series>() == 24 && size_of::<ClientState>() == 48);

impl ClientState {
    /// Of a sender that said nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            series: Vec::new(),
            swept_s: 0,
            measured: 0,
        }
    }

    /// Series followed now.
    #[must_use]
    pub fn series(&self) -> usize {
        self.series.len()
    }

    /// The sender's clock was set: whatever time comes next, it is later than what came before.
    ///
    /// Without it, a clock that was set back silences its sender until it is where it was.
    pub fn on_clock_step(&mut self) {
        for series in &mut self.series {
            series.at_ms = i64::MIN;
        }
    }

    /// From now on the server measures this path itself.
    pub(super) const fn measure(&mut self, path: RttPath) {
        self.measured |= 1 << path as u8;
    }

    pub(super) const fn is_measured(&self, path: RttPath) -> bool {
        self.measured & (1 << path as u8) != 0
    }

    pub(super) fn key(&self, row: &ClientRow<'_>) -> u64 {
        self.hasher.hash_one((row.label, row.track, row.rid))
    }

    /// Takes a sample's time, if it is later than its series' last; then the value before, which is the
    /// caller's to replace. That of a new series is 0.
    pub(super) fn next(
        &mut self,
        key: u64,
        at_ms: i64,
        now: ServerTime,
    ) -> Result<&mut f32, Reason> {
        let now_s = u32::try_from(now.ms() / 1_000).unwrap_or(0);
        let at = match self.find(key) {
            Ok(at) => match at_ms.cmp(&self.series[at].at_ms) {
                Ordering::Less => return Err(Reason::OutOfOrder),
                Ordering::Equal => return Err(Reason::Duplicate),
                Ordering::Greater => at,
            },
            Err(at) => self.add(key, at, now_s)?,
        };
        let series = &mut self.series[at];
        series.at_ms = at_ms;
        series.heard_s = now_s;
        Ok(&mut series.last)
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
        };
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

impl Default for ClientState {
    fn default() -> Self {
        Self::new()
    }
}
