//! How much clients' totals may grow by, so that no client carries a counter to its end.
//!
//! Lives here: credit in milliseconds, which the server's time fills and growth uses up. Not here: how fast each
//! total may grow (`label`), which sample is the next of its series (`state`).
//!
//! Growth costs the time that it takes at its label's largest rate, rounded up to a millisecond.

/// What a series' first total may cost: it began before we heard of it.
pub(super) const FIRST_TOTAL_MS: u64 = 24 * 3_600_000;

/// What a series has to begin with after its first total: samples come in bursts.
const SLACK_MS: u32 = 60_000;

/// What a second is worth: a tenth more than a second, since clocks differ.
const MS_PER_S: u64 = 1_100;

/// A sender's series together earn as much as this many, and have at most three hours of that.
const SENDER_MS_PER_S: u64 = 128 * MS_PER_S;
const SENDER_MOST_MS: u64 = 128 * 3 * 3_600_000;

/// A series may begin anew so often at once, and then each time that so many seconds passed.
const RESETS: u32 = 6;
const SECONDS_PER_RESET: u32 = 10;

/// What growth costs.
pub(super) fn cost_ms(growth: f64, per_second: f64) -> u64 {
    (growth / per_second * 1e3).ceil() as u64
}

/// Of a series that had its first total.
#[derive(Clone, Copy, Debug)]
pub(super) struct SeriesCredit {
    ms: u32,
    /// When all that it began anew is forgotten.
    resets_until_s: u32,
}

impl SeriesCredit {
    pub(super) const fn new() -> Self {
        Self {
            ms: SLACK_MS,
            resets_until_s: 0,
        }
    }

    pub(super) fn earn(&mut self, seconds: u32) {
        let earned = u64::from(seconds) * MS_PER_S;
        self.ms = u32::try_from(u64::from(self.ms) + earned).unwrap_or(u32::MAX);
    }

    /// Pays, if it can.
    pub(super) fn pay(&mut self, cost_ms: u64) -> bool {
        let left = u64::from(self.ms).checked_sub(cost_ms);
        if let Some(left) = left {
            self.ms = left as u32; // less than it was
        }
        left.is_some()
    }

    /// Whether it may begin anew; then that is counted.
    pub(super) fn begin_anew(&mut self, now_s: u32) -> bool {
        let until_s = now_s
            .max(self.resets_until_s)
            .saturating_add(SECONDS_PER_RESET);
        let may = until_s <= now_s.saturating_add(RESETS * SECONDS_PER_RESET);
        if may {
            self.resets_until_s = until_s;
        }
        may
    }
}

/// Of all series of a sender.
#[derive(Clone, Copy, Debug)]
pub(super) struct SenderCredit {
    ms: u64,
    at_s: u32,
}

impl SenderCredit {
    /// The most that there may be.
    pub(super) const fn new() -> Self {
        Self {
            ms: SENDER_MOST_MS,
            at_s: 0,
        }
    }

    /// Pays, if it can.
    pub(super) fn pay(&mut self, cost_ms: u64, now_s: u32) -> bool {
        let earned = u64::from(now_s.saturating_sub(self.at_s)) * SENDER_MS_PER_S;
        self.at_s = self.at_s.max(now_s);
        self.ms = (self.ms + earned).min(SENDER_MOST_MS);
        let left = self.ms.checked_sub(cost_ms);
        self.ms = left.unwrap_or(self.ms);
        left.is_some()
    }
}
