//! A thread's bucket array: what stands where, and the way to it.
//!
//! Lives here: the cells in front of the buckets, the length, this thread's array of a series. Not here: what is added to
//! it (`record`, `exact`), the boxes that may stand before it (`named`), making it (`shard`).

use std::ptr;

use super::Layout;
use crate::cell::Cell;
use crate::shard::{Address, BucketSlot};
use crate::sync::Relaxed;

/// Cells in front of the buckets: the sum, and how many samples were above the maximum.
pub(crate) const SUM: usize = 0;
pub(crate) const CLAMPED: usize = 1;
pub(crate) const HEADER: usize = 2;

/// Cells of one thread's array, what may stand in front of it not included.
pub(crate) const fn array_len(layout: Layout) -> usize {
    HEADER + layout.len()
}

/// This thread's array of a series; null if the thread has to look for its shard first, or to make it.
///
/// # Safety
/// The caller holds a handle of the series, and got the address from its `Handle::slot_address`.
#[inline(always)]
pub(super) unsafe fn own_array(address: Address) -> *const Cell {
    // SAFETY: by the caller's promise.
    let Some(slot) = (unsafe { address.own_cell() }) else {
        return ptr::null();
    };
    // SAFETY: this is the address of a slot, of the size and alignment of a cell; the second half of a slab
    // holds slots and nothing else, null or set.
    let slot = unsafe { &*ptr::from_ref(slot).cast::<BucketSlot>() };
    // Relaxed: stored by this thread, or by an earlier owner of the shard, and then the hand-over orders it.
    slot.load(Relaxed)
}
