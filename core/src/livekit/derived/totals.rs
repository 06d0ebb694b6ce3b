//! Counters from counters.
//!
//! Lives here: one derived counter. Not here: which there are.

use crate::counter::Counter;

/// A counter that shows what others add up to.
#[derive(Debug)]
pub(super) struct Total {
    target: Counter,
    plus: Counter,
    minus: Option<Counter>,
    shown: u64,
}

impl Total {
    /// `target` shows what `plus` counts, less what `minus` counts of the same things.
    pub(super) fn new(target: Counter, plus: &Counter, minus: Option<&Counter>) -> Self {
        Self {
            target,
            plus: plus.clone(),
            minus: minus.cloned(),
            shown: 0,
        }
    }

    /// Shows what was counted since the last call.
    pub(super) fn step(&mut self) {
        // The part is read first: were it read last, it could have what the whole does not have yet.
        let minus = self.minus.as_ref().map_or(0, Counter::total);
        let now = self.plus.total().saturating_sub(minus);
        // A counter can't go back; several may show on one target.
        self.target.add(now.saturating_sub(self.shown));
        self.shown = self.shown.max(now);
    }
}
