//! Gauges: levels that go up and down.
//!
//! Lives here: the public handle and the cell that `set` writes. Not here: registry internals, merging.
//!
//! # How `set` and `add` live together
//! The level is `base + sum of every thread's own additions`. `add`, `inc` and `dec` write the thread's
//! own cell, as a counter does. `set(v)` stores `v - sum` in the base, so that the level is `v`
//! whatever was added before. An addition that runs at the same time as a `set` counts before or after
//! it; of two `set`s at the same time one wins.
//!
//! # No level
//! `clear` stores [`NONE`] in the base, a NaN that no arithmetic yields: what `set` stores has other bits.

use atomic::Atomic;
use crossbeam_utils::CachePadded;

use crate::registry::{Address, Handle};
use crate::shard::Shards;
use crate::sync::Relaxed;

/// The base of a gauge without a level: a quiet NaN with a payload of our own. Read by its bits alone,
/// before anything is added to it.
const NONE: u64 = 0x7ff8_6162_7365_6e74;

/// A level that any thread may set, raise or lower.
///
/// - **Cost**: `add`, `inc`, `dec` as a counter's; `set` one store, and once somebody has added, a read
///   of every thread's cell.
/// - **Range**: `f64`. Exact for whole numbers, as long as what each thread has added in sum (raised less
///   lowered) stays within 2^53; fractions round as any `f64` sum does. For bytes that one thread only
///   raises and another only lowers, prefer two counters.
/// - **Errors, panics**: none. Adding NaN or an infinity does nothing (it could never be taken back).
#[derive(Clone, Debug)]
pub struct Gauge {
    address: Address,
    handle: Handle,
}

/// What `set` writes: one value for all threads, on a line of its own.
#[derive(Debug)]
pub(crate) struct Level(CachePadded<LevelInner>);

#[derive(Debug)]
struct LevelInner {
    base: Atomic<f64>,
    /// Whether any thread ever added, so that `set` has something to take off.
    added: std::sync::atomic::AtomicBool,
}

impl Level {
    pub(crate) fn new() -> Self {
        let added = std::sync::atomic::AtomicBool::new(false);
        Self(CachePadded::new(LevelInner {
            base: Atomic::new(0.0),
            added,
        }))
    }

    /// The level now, if there is one: base plus what all threads added to their cells `index`.
    pub(crate) fn value(&self, shards: &Shards, index: u32) -> Option<f64> {
        // Relaxed: last write wins, whichever that is; nothing else is published through it.
        let base = self.0.base.load(Relaxed);
        (base.to_bits() != NONE).then(|| base + self.sum(shards, index))
    }

    fn store(&self, base: f64) {
        self.0.base.store(base, Relaxed); // Relaxed: see `value`
    }

    fn sum(&self, shards: &Shards, index: u32) -> f64 {
        // Relaxed: a first addition that is only now being made counts after the caller.
        if !self.0.added.load(Relaxed) {
            return 0.0;
        }
        shards
            .iter()
            .map(|s| f64::from_bits(s.cell(index).get()))
            .sum()
    }
}

impl Gauge {
    pub(crate) fn new(handle: Handle) -> Self {
        Self {
            address: handle.cell_address(),
            handle,
        }
    }

    fn index(&self) -> u32 {
        self.handle.series().index
    }

    fn level(&self) -> Option<&Level> {
        self.handle.series().level.as_deref()
    }

    /// Makes the level `value`.
    pub fn set(&self, value: f64) {
        if let Some(level) = self.level() {
            let base = value - level.sum(self.handle.home().shards(), self.index());
            // A NaN that happens to have our payload becomes one that has none.
            let mistaken = base.to_bits() == NONE;
            level.store(if mistaken { f64::NAN } else { base });
        }
    }

    /// Takes the level away, until the next [`set`](Self::set): there is nothing to say. Readers see no
    /// value, which is neither 0 nor NaN, and a scrape has no line for it. What is added in between is
    /// not seen, as the next `set` goes by its own value.
    ///
    /// - **Cost**: one store.
    pub fn clear(&self) {
        if let Some(level) = self.level() {
            level.store(f64::from_bits(NONE));
        }
    }

    /// Raises the level by `n` (lowers it, if negative).
    #[inline]
    pub fn add(&self, n: f64) {
        if let Some(level) = self.level() {
            // Relaxed: read first, so that the line stays shared; see `sum`.
            if !level.0.added.load(Relaxed) {
                level.0.added.store(true, Relaxed);
            }
        }
        // SAFETY: the address is that of our handle's series.
        match unsafe { self.address.own_cell() } {
            Some(cell) => cell.add_f64(n),
            None => self
                .handle
                .with_shard(|shard| shard.cell(self.index()).add_f64(n)),
        }
    }

    /// Raises the level by 1.
    #[inline]
    pub fn inc(&self) {
        self.add(1.0);
    }

    /// Lowers the level by 1.
    #[inline]
    pub fn dec(&self) {
        self.add(-1.0);
    }

    /// The level now; NaN while there is none (see [`clear`](Self::clear)). Reads every thread's cell: for
    /// cold paths.
    #[must_use]
    pub fn get(&self) -> f64 {
        self.level()
            .and_then(|l| l.value(self.handle.home().shards(), self.index()))
            .unwrap_or(f64::NAN)
    }

    pub(crate) const fn handle(&self) -> &Handle {
        &self.handle
    }
}
