//! Gauges that count what is there now: an end without a beginning takes nothing off.
//!
//! Lives here: the count beside the gauge, the guard. Not here: what is counted.
//!
//! The count is never below 0, and the gauge is the count once all that is under way is done. What a merge shows
//! meanwhile may be off by as much as that: see [`Gauge`].

use crate::sync::{Arc, AtomicU64, Relaxed};
use crate::{Counter, Gauge};

/// A gauge of how many there are.
#[derive(Clone, Debug)]
pub(super) struct Level(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    gauge: Gauge,
    /// How many were raised and not lowered: what a lowering must not take below 0.
    there: AtomicU64,
}

impl Level {
    pub(super) fn new(gauge: Gauge) -> Self {
        let there = AtomicU64::new(0);
        Self(Arc::new(Inner { gauge, there }))
    }

    /// One more.
    pub(super) fn raise(&self) {
        self.0.gauge.inc();
        // Relaxed: only the number counts. Each raising and each lowering that this count allows is in the
        // gauge's sum once, whatever the order, so that the sum is this count when all are done.
        self.0.there.fetch_add(1, Relaxed);
    }

    /// One less; if there is none, nothing but a count in `unmatched`. Whether there was one.
    pub(super) fn lower(&self, unmatched: &Counter) -> bool {
        // Relaxed: see `raise`.
        let one_less = |n: u64| n.checked_sub(1);
        let matched = self.0.there.fetch_update(Relaxed, Relaxed, one_less);
        match matched {
            Ok(_) => self.0.gauge.dec(),
            Err(_) => unmatched.inc(),
        }
        matched.is_ok()
    }

    /// One more, for as long as the guard lives.
    pub(super) fn hold(&self, unmatched: &Counter) -> Present {
        self.raise();
        Present {
            level: self.clone(),
            unmatched: unmatched.clone(),
        }
    }
}

/// Something that is there, and that a gauge counts: a participant, a track, a connection. Dropping it is its
/// end, so that nothing ends twice.
#[derive(Debug)]
#[must_use = "the gauge counts it for as long as this is kept"]
pub struct Present {
    level: Level,
    unmatched: Counter,
}

impl Drop for Present {
    fn drop(&mut self) {
        self.level.lower(&self.unmatched);
    }
}
