//! The recording side of a histogram: one writer per thread.
//!
//! Lives here: the public handles, and where in a bucket array what stands. Not here: merging
//! (`reporter`), quantiles (`snapshot`).

use std::ptr;
use std::rc::Rc;
use std::sync::Arc;

use super::Layout;
use crate::cell::Cell;
use crate::registry::{Address, Handle, Series};
use crate::shard::attach::Attachment;
use crate::shard::{BucketSlot, Shard};
use crate::sync::Relaxed;

/// Cells in front of the buckets: the sum, and how many samples were above the maximum.
pub(crate) const SUM: usize = 0;
pub(crate) const CLAMPED: usize = 1;
pub(crate) const HEADER: usize = 2;

/// Cells of one thread's array.
pub(crate) const fn array_len(layout: Layout) -> usize {
    HEADER + layout.len()
}

/// A distribution that any thread may record into.
///
/// Values are whole numbers of the *recorded* unit (nanoseconds, say; see
/// [`Desc::per_unit`](crate::Desc::per_unit)). Each thread has its own buckets, made when it first
/// records.
///
/// - **Cost**: about a nanosecond, the same whatever other threads do: no locked instruction, no
///   allocation (but a thread's first record), no system call.
/// - **Range**: a value above the layout's maximum counts as the maximum, and is counted apart. The sum
///   wraps at 2^64.
/// - **Error**: see [`Layout`].
/// - **Errors, panics**: none.
#[derive(Clone, Debug)]
pub struct Histogram {
    layout: Layout,
    /// Of this series' slot, which leads to the buckets.
    address: Address,
    handle: Handle,
}

impl Histogram {
    pub(crate) fn new(handle: Handle, layout: Layout) -> Self {
        Self {
            layout,
            address: handle.slot_address(),
            handle,
        }
    }

    /// Records one sample.
    #[inline]
    pub fn record(&self, value: u64) {
        self.record_n(value, 1);
    }

    /// Records `n` samples of one value, for the price of one.
    #[inline]
    pub fn record_n(&self, value: u64, n: u64) {
        // SAFETY: the address is that of our handle's slot.
        let array = unsafe { own_array(self.address) };
        if array.is_null() {
            return self.record_slow(value, n);
        }
        // SAFETY: an array of `array_len(layout)` cells that lives as long as our handle; this thread
        // owns the shard and so is its one writer.
        unsafe { record(array, self.layout, value, n) }
    }

    #[cold]
    #[inline(never)]
    fn record_slow(&self, value: u64, n: u64) {
        let index = self.handle.series().index;
        self.handle.with_shard(|shard| {
            let array = array_of(shard, index, self.layout);
            // SAFETY: as in `record`; `with_shard` hands us a shard that this thread owns.
            unsafe { record(array, self.layout, value, n) }
        });
    }

    /// The histogram as seen from this thread alone: for a loop that owns its thread.
    #[must_use]
    pub fn local(&self) -> LocalHistogram {
        LocalHistogram::new(self.clone())
    }

    /// How values map to buckets.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    pub(crate) fn series(&self) -> &Arc<Series> {
        self.handle.series()
    }

    pub(crate) const fn handle(&self) -> &Handle {
        &self.handle
    }
}

/// This thread's array of a series; null if the thread has to look for its shard first, or to make it.
///
/// # Safety
/// The caller holds a handle of the series, and got the address from its [`Handle::slot_address`].
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

fn array_of(shard: &Shard, index: u32, layout: Layout) -> *const Cell {
    shard.make_buckets(index, array_len(layout)).as_ptr()
}

/// Adds `n` samples to an array.
///
/// # Safety
/// `array` points to `array_len(layout)` live cells, and the caller is their one writer.
#[inline(always)]
unsafe fn record(array: *const Cell, layout: Layout, value: u64, n: u64) {
    // SAFETY: by the caller's promise, for the offsets below: the header's, and `HEADER` more than an
    // index below `layout.len()`.
    let cell = |at: usize| unsafe { &*array.wrapping_add(at) };
    let max = layout.max_value();
    if value > max {
        let top = HEADER + layout.len() - 1;
        return clamp(cell(CLAMPED), cell(top), cell(SUM), max, n);
    }
    // In bounds: `index(v) < layout.len()` for every `v <= max_value`.
    cell(HEADER + layout.index(value)).add(n);
    cell(SUM).add(value.wrapping_mul(n));
}

/// A value above the maximum is counted apart, and then as the maximum.
#[cold]
#[inline(never)]
fn clamp(clamped: &Cell, top: &Cell, sum: &Cell, max: u64, n: u64) {
    clamped.add(n);
    top.add(n);
    sum.add(max.wrapping_mul(n));
}

/// A [`Histogram`] bound to the thread that made it.
///
/// Neither `Send` nor `Sync`. While one lives, its thread's cells are not handed to another thread.
#[derive(Debug)]
pub struct LocalHistogram {
    array: *const Cell,
    /// Keeps the shard ours; `None` if this thread's destructors already run.
    attachment: Option<Rc<Attachment>>,
    histogram: Histogram,
}

impl LocalHistogram {
    fn new(histogram: Histogram) -> Self {
        let attachment = histogram.handle.attach();
        let array = match &attachment {
            Some(a) => {
                let shard = a.shard(histogram.handle.home());
                array_of(shard, histogram.series().index, histogram.layout)
            }
            None => ptr::null(),
        };
        Self {
            array,
            attachment,
            histogram,
        }
    }

    /// Records one sample.
    #[inline]
    pub fn record(&self, value: u64) {
        if self.array.is_null() {
            return self.histogram.record_slow(value, 1);
        }
        // SAFETY: the array lies in a shard that `attachment` keeps ours and whose home `histogram`
        // holds, and is not forgotten while a handle lives; this type is not Send, so we are on the
        // thread that owns it.
        unsafe { record(self.array, self.histogram.layout, value, 1) }
    }

    /// Whether the fast path is in use: always, but in a thread-local's destructor.
    #[must_use]
    pub const fn is_attached(&self) -> bool {
        self.attachment.is_some()
    }
}
