//! What every handle has in common: which series, in which registry, kept alive.
//!
//! Lives here: the one place where a handle finds its cell. Not here: what it does with it.

use std::rc::Rc;
use std::sync::Arc;

use super::Series;
use crate::cell::Cell;
use crate::shard::Shard;
use crate::shard::attach::{self, Attachment, Home, Place};

/// A handle on a series. While it lives, the series' index is not given to another.
#[derive(Debug)]
pub(crate) struct Handle {
    home: Arc<Home>,
    series: Arc<Series>,
}

/// Where a series' cell is: the registry's place in a thread's table, and the offset from there.
///
/// Both in one word: the hot path is bound by loads, and this is one instead of two.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Address(u64);

impl Address {
    /// `offset`: a series' index, or what [`Home::slot_offset`] makes of it.
    fn new(home: &Home, offset: u32) -> Self {
        Self(u64::from(offset) << 32 | u64::from(home.place().bits()))
    }

    /// This thread's own cell; `None` if the thread has to look for its shard first.
    ///
    /// # Safety
    /// The caller holds a handle of the series that this is the address of.
    #[inline(always)]
    pub(crate) unsafe fn own_cell<'a>(self) -> Option<&'a Cell> {
        // SAFETY: the low half came from `Place::bits`.
        let base = unsafe { Place::from_bits(self.0 as u32) }.base();
        if base.is_null() {
            return None;
        }
        // SAFETY: in bounds: both kinds of offset come from an index that the registry made, below the
        // slab's capacity.
        let cell = unsafe { base.add((self.0 >> 32) as usize) };
        // SAFETY: alive: the slab belongs to the home that the caller's handle holds. Valid: zeroed memory
        // is a cell (and a slot: `Histogram::record` casts it). Shared: only ever used through `&`, as an
        // atomic. One writer: `base` is not null only on the thread that owns the shard.
        Some(unsafe { &*cell })
    }
}

impl Handle {
    /// Under the registry's lock, for a series that is not removed.
    pub(crate) fn new(home: &Arc<Home>, series: &Arc<Series>) -> Self {
        series.life.acquire();
        Self {
            home: Arc::clone(home),
            series: Arc::clone(series),
        }
    }

    /// Address of the series' counter or gauge cell.
    pub(crate) fn cell_address(&self) -> Address {
        Address::new(&self.home, self.series.index)
    }

    /// Address of the series' bucket slot.
    pub(crate) fn slot_address(&self) -> Address {
        Address::new(&self.home, self.home.slot_offset(self.series.index))
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
