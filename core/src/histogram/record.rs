//! The recording side of a histogram: one writer per thread.
//!
//! Lives here: the public handles. Not here: where in a bucket array what stands (`array`), merging (`reporter`),
//! quantiles (`snapshot`).

use std::ptr;
use std::rc::Rc;
use std::sync::Arc;

use super::array::{CLAMPED, HEADER, SUM, array_len, own_array};
use super::{Layout, named};
use crate::cell::Cell;
use crate::desc::Desc;
use crate::registry::Handle;
use crate::shard::attach::Attachment;
use crate::shard::{Address, Shard};

/// The id of no stream: theirs begin at 1.
const NOBODY: u64 = 0;

/// A distribution that any thread may record into.
///
/// Values are whole numbers of the *recorded* unit (nanoseconds, say; see
/// [`Desc::per_unit`](crate::Desc::per_unit)). Each thread has its own buckets, made when it first
/// records.
///
/// - **Cost**: about a nanosecond, the same whatever other threads do: no locked instruction, no
///   allocation (but a thread's first record), no system call.
/// - **Range**: a value above the layout's maximum counts as the maximum, and is counted apart. The sum
///   wraps at 2^64, and so does what one thread counts in a bucket; counts of several threads stop there.
/// - **Error**: see [`Layout`].
/// - **Errors, panics**: none.
#[derive(Clone, Debug)]
pub struct Histogram {
    layout: Layout,
    /// Of this series' slot, which leads to the buckets.
    address: Address,
    /// If the family has exemplars: each bucket's box.
    boxes: Option<Arc<[u8]>>,
    /// Cells in front of a thread's array.
    front: usize,
    handle: Handle,
}

impl Histogram {
    /// The handle's series is of the family `desc`.
    pub(crate) fn new(handle: Handle, desc: &Desc) -> Self {
        Self {
            layout: desc.layout(),
            address: handle.slot_address(),
            boxes: desc.has_exemplars().then(|| named::boxes(desc)),
            front: named::front(desc),
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
            return self.record_slow(value, n, NOBODY);
        }
        // SAFETY: an array of `array_len(layout)` cells that lives as long as our handle; this thread
        // owns the shard and so is its one writer.
        unsafe { record(array, self.layout, value, n) }
    }

    /// Records one sample of the stream with this id ([`Stream::id`](crate::Stream::id),
    /// [`SendStream::id`](crate::SendStream::id)): if the family has [exemplars](Desc::exemplars), the next merge may
    /// show it with the stream's labels. Of each classic bucket and thread it is the first sample between two merges,
    /// so each bucket that got one between two merges has an exemplar from there.
    ///
    /// - **Cost**: a few instructions more than [`record`](Self::record); some ten nanoseconds for the first sample
    ///   of a bucket between two merges. A family without exemplars: that of `record`.
    /// - **Errors, panics**: none. A sample of a stream that is not there at the merge counts, and is not shown.
    #[inline]
    pub fn record_for(&self, value: u64, stream: u64) {
        self.record_n_for(value, 1, stream);
    }

    /// As [`record_for`](Self::record_for), `n` samples of one value, for the price of one.
    #[inline]
    pub(crate) fn record_n_for(&self, value: u64, n: u64, stream: u64) {
        // SAFETY: the address is that of our handle's slot.
        let array = unsafe { own_array(self.address) };
        if array.is_null() {
            return self.record_slow(value, n, stream);
        }
        // SAFETY: as in `record_n`.
        unsafe { self.record_named(array, value, n, stream) }
    }

    /// A thread's first sample, of a stream or of none (0).
    #[cold]
    #[inline(never)]
    fn record_slow(&self, value: u64, n: u64, stream: u64) {
        self.handle.with_shard(|shard| {
            let array = self.array_of(shard);
            // SAFETY: as in `record_n`; `with_shard` hands us a shard that this thread owns.
            unsafe { self.record_named(array, value, n, stream) }
        });
    }

    /// Records, and puts the sample into its bucket's box if that is empty.
    ///
    /// # Safety
    /// `array` is that of a shard that this thread owns, of our series.
    #[inline(always)]
    unsafe fn record_named(&self, array: *const Cell, value: u64, n: u64, stream: u64) {
        let Some(boxes) = &self.boxes else {
            // SAFETY: by the caller's promise; `array_of` made it with this layout.
            return unsafe { record(array, self.layout, value, n) };
        };
        if value > self.layout.max_value() {
            // SAFETY: by the caller's promise.
            return unsafe { self.clamp_named(array, value, n, stream) };
        }
        let at = self.layout.index(value);
        // SAFETY: as above; `index(v) < len()` for every `v <= max_value`.
        unsafe { add(array, at, value, n) };
        // SAFETY: in bounds: there is one for each bucket.
        let to = *unsafe { boxes.get_unchecked(at) };
        // SAFETY: `boxes` says that the family has exemplars.
        if unsafe { named::is_wanted(array, to) } {
            // SAFETY: by the caller's promise.
            unsafe { self.put(array, to, value, stream) }
        }
    }

    /// As `record_named`, of a value above the maximum.
    ///
    /// # Safety
    /// As there.
    #[cold]
    #[inline(never)]
    unsafe fn clamp_named(&self, array: *const Cell, value: u64, n: u64, stream: u64) {
        // SAFETY: as in `record_named`.
        unsafe { record(array, self.layout, value, n) };
        let top = self.boxes.as_ref().and_then(|boxes| boxes.last());
        if let Some(&top) = top {
            // SAFETY: as in `record_named`.
            unsafe { self.put(array, top, value, stream) }
        }
    }

    /// Puts a sample into its box, if that is empty. Out of line, so that recording stays short.
    ///
    /// # Safety
    /// As of `record_named`.
    #[cold]
    #[inline(never)]
    unsafe fn put(&self, array: *const Cell, to: u8, value: u64, stream: u64) {
        if stream == NOBODY {
            return;
        }
        // SAFETY: `array_of` made the array with so many cells in front of it.
        let start = unsafe { array.sub(self.front) };
        // SAFETY: made and alive with the array; only ever used through `&`.
        let cells = unsafe { std::slice::from_raw_parts(start, self.front) };
        named::put(cells, to, value, stream);
    }

    /// The shard's array of our series, made now if there is none.
    fn array_of(&self, shard: &Shard) -> *const Cell {
        let index = self.handle.series().index;
        let array = shard.make_buckets(index, self.front, array_len(self.layout));
        array.as_ptr()
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

    pub(crate) const fn handle(&self) -> &Handle {
        &self.handle
    }
}

/// Adds `n` samples to an array.
///
/// # Safety
/// `array` points to `array_len(layout)` live cells, and the caller is their one writer.
#[inline(always)]
unsafe fn record(array: *const Cell, layout: Layout, value: u64, n: u64) {
    let max = layout.max_value();
    if value > max {
        // SAFETY: by the caller's promise, for the offsets below: the header's, and `HEADER` more than that of
        // the last bucket.
        let cell = |at: usize| unsafe { &*array.wrapping_add(at) };
        let top = HEADER + layout.len() - 1;
        return clamp(cell(CLAMPED), cell(top), cell(SUM), max, n);
    }
    // SAFETY: by the caller's promise; `index(v) < len()` for every `v <= max_value`.
    unsafe { add(array, layout.index(value), value, n) }
}

/// Adds `n` samples to bucket `at`.
///
/// # Safety
/// As of [`record`]; the layout has that bucket.
#[inline(always)]
unsafe fn add(array: *const Cell, at: usize, value: u64, n: u64) {
    // SAFETY: by the caller's promise, for the offsets below.
    let cell = |at: usize| unsafe { &*array.wrapping_add(at) };
    cell(HEADER + at).add(n);
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
    _attachment: Option<Rc<Attachment>>,
    histogram: Histogram,
}

impl LocalHistogram {
    fn new(histogram: Histogram) -> Self {
        let attachment = histogram.handle.attach();
        let array = match &attachment {
            Some(a) => histogram.array_of(a.shard(histogram.handle.home())),
            None => ptr::null(),
        };
        Self {
            array,
            _attachment: attachment,
            histogram,
        }
    }

    /// Records one sample.
    #[inline]
    pub fn record(&self, value: u64) {
        if self.array.is_null() {
            return self.histogram.record_slow(value, 1, NOBODY);
        }
        // SAFETY: the array lies in a shard that `_attachment` keeps ours and whose home `histogram`
        // holds, and is not forgotten while a handle lives; this type is not Send, so we are on the
        // thread that owns it.
        unsafe { record(self.array, self.histogram.layout, value, 1) }
    }

    /// Records one sample of the stream with this id: see [`Histogram::record_for`].
    #[inline]
    pub fn record_for(&self, value: u64, stream: u64) {
        if self.array.is_null() {
            return self.histogram.record_slow(value, 1, stream);
        }
        // SAFETY: as in `record`.
        unsafe { self.histogram.record_named(self.array, value, 1, stream) }
    }
}
