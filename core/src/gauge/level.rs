//! What a gauge's `set` writes, beside the cells that its `add` writes.
//!
//! Lives here: the base, and the level that it and the cells amount to. Not here: whose cells they are (`shard`).
//!
//! # How `set` and `add` live together
//! The level is `base + sum of every thread's own additions`. `add`, `inc` and `dec` write the thread's
//! own cell, as a counter does. `set(v)` stores `v - sum` in the base, so that the level is `v`
//! whatever was added before. An addition that runs at the same time as a `set` counts before or after
//! it; of two `set`s at the same time one wins.
//!
//! # No level
//! `clear` stores [`NONE`] in the base, a NaN that no arithmetic yields: what `set` stores has other bits.
//!
//! Model: `models/level.rs`.

use crossbeam_utils::CachePadded;

use crate::shard::Shards;
use crate::sync::{Acquire, Atomic, AtomicBool, Relaxed, Release};

/// The base of a gauge without a level: a quiet NaN with a payload of our own. Read by its bits alone,
/// before anything is added to it.
const NONE: u64 = 0x7ff8_6162_7365_6e74;

/// What `set` writes: one value for all threads, on a line of its own.
#[derive(Debug)]
pub(crate) struct Level(CachePadded<Inner>);

#[derive(Debug)]
struct Inner {
    base: Atomic<f64>,
    /// Whether any thread ever added, so that `set` has something to take off.
    added: AtomicBool,
}

impl Level {
    pub(crate) fn new() -> Self {
        Self(CachePadded::new(Inner {
            base: Atomic::new(0.0),
            added: AtomicBool::new(false),
        }))
    }

    /// The level now, if there is one: base plus what all threads added to their cells `index`.
    pub(crate) fn value(&self, shards: &Shards, index: u32) -> Option<f64> {
        // Acquire: pairs with the Release store in `set`: who sees the base sees what was taken off for it, or more.
        // Without it the additions that `set` saw might not be seen here, and the level be one that never was.
        let base = self.0.base.load(Acquire);
        (base.to_bits() != NONE).then(|| base + self.sum(shards, index))
    }

    /// Makes the level `value`.
    pub(crate) fn set(&self, shards: &Shards, index: u32, value: f64) {
        let base = value - self.sum(shards, index);
        // A NaN that happens to have our payload becomes one that has none.
        let base = if base.to_bits() == NONE {
            f64::NAN
        } else {
            base
        };
        // Release: pairs with the Acquire load in `value`; see there.
        self.0.base.store(base, Release);
    }

    /// Takes the level away, until the next `set`.
    pub(crate) fn clear(&self) {
        self.0.base.store(f64::from_bits(NONE), Relaxed); // Relaxed: nothing was read for it
    }

    /// Before an addition to a cell.
    #[inline]
    pub(crate) fn expect_additions(&self) {
        // Relaxed: read first, so that the line stays shared; see `sum`.
        if !self.0.added.load(Relaxed) {
            self.0.added.store(true, Relaxed);
        }
    }

    fn sum(&self, shards: &Shards, index: u32) -> f64 {
        // Relaxed: a first addition that is only now being made counts after the caller. Who saw it for a base that
        // we have saw this, too.
        if !self.0.added.load(Relaxed) {
            return 0.0;
        }
        let cells = shards.iter().map(|s| s.cell(index).get());
        cells.map(f64::from_bits).sum()
    }
}
