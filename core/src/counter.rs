//! Counters: totals that only grow.
//!
//! Lives here: the public handles. Not here: registry internals, merging.

use std::rc::Rc;

use crate::cell::Cell;
use crate::registry::Handle;
use crate::shard::Address;
use crate::shard::attach::Attachment;

/// A counter that any thread may add to, at the price of a plain addition.
///
/// Each thread adds to a cell of its own; the reporter sums the cells. Nothing is lost when a thread
/// ends, and adding works from thread-local destructors too.
///
/// - **Cost**: about a nanosecond, the same whatever other threads do: no locked instruction, no
///   allocation, no system call. The first use on a thread maps that thread's cells.
/// - **Range**: wraps at 2^64.
/// - **Errors, panics**: none.
#[derive(Clone, Debug)]
pub struct Counter {
    address: Address,
    handle: Handle,
}

impl Counter {
    pub(crate) fn new(handle: Handle) -> Self {
        Self {
            address: handle.cell_address(),
            handle,
        }
    }

    /// Adds `n`.
    #[inline]
    pub fn add(&self, n: u64) {
        // SAFETY: the address is that of our handle's series.
        match unsafe { self.address.own_cell() } {
            Some(cell) => cell.add(n),
            None => self.add_slow(n),
        }
    }

    /// Adds 1.
    #[inline]
    pub fn inc(&self) {
        self.add(1);
    }

    /// Adds `n` if this thread has its cells already, and says whether it has.
    #[cfg(feature = "facade")]
    #[inline(always)]
    pub(crate) fn try_add(&self, n: u64) -> bool {
        // SAFETY: the address is that of our handle's series.
        let cell = unsafe { self.address.own_cell() };
        cell.map(|cell| cell.add(n)).is_some()
    }

    #[cold]
    #[inline(never)]
    fn add_slow(&self, n: u64) {
        let index = self.handle.series().index;
        self.handle.with_shard(|shard| shard.cell(index).add(n));
    }

    /// The counter as seen from this thread alone: for a loop that owns its thread.
    ///
    /// Holds the cell's address, so adding is what the processor needs for an addition in memory.
    #[must_use]
    pub fn local(&self) -> LocalCounter {
        LocalCounter::new(self.clone())
    }

    /// What all threads added up to now: for who follows a total that is kept elsewhere.
    ///
    /// - **Cost**: reads a cell of each thread that ever recorded; nothing for a hot path.
    ///
    /// ```
    /// # use media_metrics_core::{Desc, Registry};
    /// static JOBS: Desc = Desc::counter("jobs_total", "Jobs.");
    /// let jobs = Registry::new()?.counter(&JOBS, &[])?;
    /// jobs.add(3);
    /// assert_eq!(jobs.total(), 3);
    /// # Ok::<(), media_metrics_core::RegisterError>(())
    /// ```
    #[must_use]
    pub fn total(&self) -> u64 {
        let index = self.handle.series().index;
        let cells = self.handle.home().shards().iter();
        cells.fold(0, |sum, shard| sum.wrapping_add(shard.cell(index).get()))
    }

    pub(crate) const fn handle(&self) -> &Handle {
        &self.handle
    }
}

/// A [`Counter`] bound to the thread that made it: the physical floor.
///
/// Neither `Send` nor `Sync`. While one lives, its thread's cells are not handed to another thread.
///
/// ```compile_fail
/// fn send<T: Send>(_: T) {}
/// let registry = media_metrics_core::Registry::new().unwrap();
/// static C: media_metrics_core::Desc = media_metrics_core::Desc::counter("c_total", "C.");
/// send(registry.counter(&C, &[]).unwrap().local());
/// ```
#[derive(Debug)]
pub struct LocalCounter {
    cell: *const Cell,
    /// Keeps the shard ours; `None` if this thread's destructors already run.
    attachment: Option<Rc<Attachment>>,
    counter: Counter,
}

impl LocalCounter {
    fn new(counter: Counter) -> Self {
        let attachment = counter.handle.attach();
        let cell = match &attachment {
            Some(a) => std::ptr::from_ref(
                a.shard(counter.handle.home())
                    .cell(counter.handle.series().index),
            ),
            None => std::ptr::null(),
        };
        Self {
            cell,
            attachment,
            counter,
        }
    }

    /// Adds `n`.
    #[inline]
    pub fn add(&self, n: u64) {
        if self.cell.is_null() {
            return self.counter.add_slow(n);
        }
        // SAFETY: the cell lies in a shard that `attachment` keeps ours and whose home `counter`
        // holds; this type is not Send, so we are on the thread that owns it.
        unsafe { &*self.cell }.add(n);
    }

    /// Adds 1.
    #[inline]
    pub fn inc(&self) {
        self.add(1);
    }

    /// Whether the fast path is in use: always, but in a thread-local's destructor.
    #[must_use]
    pub const fn is_attached(&self) -> bool {
        self.attachment.is_some()
    }
}
