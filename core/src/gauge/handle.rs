//! The public handle on a gauge.
//!
//! Lives here: setting, raising and lowering. Not here: how the two live together (`level`).

use super::Level;
use crate::registry::Handle;
use crate::shard::Address;

/// A level that any thread may set, raise or lower.
///
/// - **Cost**: `add`, `inc`, `dec` as a counter's; `set` one store, and once somebody has added, a read
///   of every thread's cell.
/// - **Range**: `f64`. Exact for whole numbers, as long as what each thread has added in sum (raised less
///   lowered) stays within 2^53; fractions round as any `f64` sum does. For bytes that one thread only
///   raises and another only lowers, prefer two counters.
/// - **Consistency**: each thread adds to a cell of its own, and a reader takes one after another. A merge under way
///   may see what one thread took off and not yet what another had put on before: it is then off by as much, even
///   below 0, and the next merge has both. Nothing is lost.
/// - **Errors, panics**: none. Adding NaN or an infinity does nothing (it could never be taken back).
#[derive(Clone, Debug)]
pub struct Gauge {
    address: Address,
    handle: Handle,
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
            level.set(self.handle.home().shards(), self.index(), value);
        }
    }

    /// Takes the level away, until the next [`set`](Self::set): there is nothing to say. Readers see no
    /// value, which is neither 0 nor NaN, and a scrape has no line for it. What is added in between is
    /// not seen, as the next `set` goes by its own value.
    ///
    /// - **Cost**: one store.
    pub fn clear(&self) {
        if let Some(level) = self.level() {
            level.clear();
        }
    }

    /// Raises the level by `n` (lowers it, if negative).
    #[inline]
    pub fn add(&self, n: f64) {
        if let Some(level) = self.level() {
            level.expect_additions();
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

    /// The level now; NaN while there is none (see [`clear`](Self::clear)). Reads every thread's cell, one after
    /// another, as a merge does: for cold paths, and off by what other threads add meanwhile.
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
