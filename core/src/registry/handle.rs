//! What every handle has in common: which series, in which registry, kept alive.
//!
//! Lives here: the one place where a handle finds its cell. Not here: what it does with it.

use std::rc::Rc;
use std::sync::Arc;

use super::Series;
use crate::cell::Cell;
use crate::shard::Shard;
use crate::shard::attach::{self, Attachment, Home};

/// A handle on a series. While it lives, the series' index is not given to another.
#[derive(Debug)]
pub(crate) struct Handle {
    /// The home's number, at hand without following a pointer.
    id: u64,
    home: Arc<Home>,
    series: Arc<Series>,
}

impl Handle {
    /// Under the registry's lock, for a series that is not removed.
    pub(crate) fn new(home: &Arc<Home>, series: &Arc<Series>) -> Self {
        series.life.acquire();
        Self {
            id: home.id(),
            home: Arc::clone(home),
            series: Arc::clone(series),
        }
    }

    pub(crate) fn series(&self) -> &Arc<Series> {
        &self.series
    }

    pub(crate) fn home(&self) -> &Arc<Home> {
        &self.home
    }

    /// Whether both are handles of the same registry.
    pub(crate) fn is_of(&self, home: &Arc<Home>) -> bool {
        Arc::ptr_eq(&self.home, home)
    }

    /// This thread's own cell at `offset` (a series' index, or [`Home::slot_offset`]) behind its shard's
    /// base; `None` if the thread has to look for its shard first.
    #[inline(always)]
    pub(crate) fn own_cell(&self, offset: usize) -> Option<&Cell> {
        let base = attach::base(self.id)?;
        // SAFETY: in bounds: both kinds of offset come from an index that the registry made, below the
        // slab's capacity.
        let cell = unsafe { base.add(offset) };
        // SAFETY: alive: the slab belongs to the home that we hold. Valid: zeroed memory is a cell (and a
        // slot: `Histogram::record` casts it). Shared: only ever used through `&`, as an atomic. One
        // writer: `base` is some only on the thread that owns the shard.
        Some(unsafe { &*cell })
    }

    /// The slow way to a shard; see [`Home::with_shard`].
    #[cold]
    #[inline(never)]
    pub(crate) fn with_shard(&self, write: impl FnOnce(&Shard)) {
        self.home.with_shard(write);
    }

    /// This thread's hold on its shard, for a local handle.
    pub(crate) fn attach(&self) -> Option<Rc<Attachment>> {
        attach::attach(&self.home)
    }
}

impl Clone for Handle {
    fn clone(&self) -> Self {
        Self::new(&self.home, &self.series)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.series.life.release();
    }
}
