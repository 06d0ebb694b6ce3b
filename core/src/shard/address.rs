//! Where a series' cell is on the thread that asks: the hot path's way to it.
//!
//! Lives here: packing the way into a word, and going it. Not here: whose series it is (`registry::handle`), what a thread
//! without a shard does (`attach`).

use super::attach::{Home, Place};
use crate::cell::Cell;

/// The registry's place in a thread's table, and the offset from there.
///
/// Both in one word: the hot path is bound by loads, and this is one instead of two.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Address(u64);

impl Address {
    /// Of the counter or gauge cell `index`.
    pub(crate) fn of_cell(home: &Home, index: u32) -> Self {
        Self::new(home, home.cell_offset(index))
    }

    /// Of the bucket slot of histogram `index`.
    pub(crate) fn of_slot(home: &Home, index: u32) -> Self {
        Self::new(home, home.slot_offset(index))
    }

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
        // SAFETY: in bounds: the home, of whose shard this is the base, made the offset of an index below the slab's
        // capacity.
        let cell = unsafe { base.add((self.0 >> 32) as usize) };
        // SAFETY: alive: the slab belongs to the home that the caller's handle holds. Valid: zeroed memory
        // is a cell (and a slot: `histogram::array` casts it). Shared: only ever used through `&`, as an
        // atomic. One writer: `base` is not null only on the thread that owns the shard.
        Some(unsafe { &*cell })
    }
}
