//! The life of a series: whether anybody can still write to its cells, and when its index is free again.
//!
//! Lives here: handles counted, removal. Not here: what a series is (`series`), values.
//!
//! # When an index may be used again
//! Cells are written through handles without asking anybody. So an index goes to another series only
//! when the first one was removed **and** its last handle is gone; then nobody writes, and the reporter
//! may zero the cells in every shard. A removed series gives out no new handles, so once the count is
//! 0 it stays 0. (Who still holds a handle may put the series back, under the lock that decides on reuse.)
//!
//! Model: `models/reuse.rs`.

use crate::sync::{Acquire, AtomicBool, AtomicU64, Relaxed, Release};

/// Counts the handles of one series.
#[derive(Debug)]
pub(crate) struct Life {
    /// 64 bits: not even forgotten handles wrap it.
    handles: AtomicU64,
    removed: AtomicBool,
}

impl Life {
    pub(crate) fn new() -> Self {
        Self {
            handles: AtomicU64::new(0),
            removed: AtomicBool::new(false),
        }
    }

    /// One more handle. Only by a holder of a handle, or by the registry under its lock for a series
    /// that is not removed.
    pub(crate) fn acquire(&self) {
        // Relaxed: nothing is read through a new handle that its giver did not already have.
        self.handles.fetch_add(1, Relaxed);
    }

    /// One handle less.
    pub(crate) fn release(&self) {
        // Release: pairs with the Acquire load in `is_over`. Without it this handle's last write could
        // land after the reporter's zero, and the next series would start with our count.
        self.handles.fetch_sub(1, Release);
    }

    /// The series leaves the registry. Under the registry's lock.
    pub(crate) fn remove(&self) {
        // Relaxed: read under the same lock, or by the reporter, for whom a tick later is as good.
        self.removed.store(true, Relaxed);
    }

    /// The series comes back, with its values. Under the registry's lock, by a holder of a handle: so the
    /// count is not 0, and nobody took the index in the meantime.
    #[cfg(feature = "facade")]
    pub(crate) fn restore(&self) {
        self.removed.store(false, Relaxed); // Relaxed: see `remove`
    }

    pub(crate) fn is_removed(&self) -> bool {
        self.removed.load(Relaxed) // see `remove`
    }

    /// Whether a removed series has no handle left: its cells are the caller's now.
    pub(crate) fn is_over(&self) -> bool {
        // Acquire: pairs with the Release in `release`. Every decrement is a read-modify-write, so the
        // 0 carries the releases of all handles, not only of the last.
        self.handles.load(Acquire) == 0
    }
}
