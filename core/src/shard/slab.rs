//! A slab: the cells of one shard in one stretch of memory, zero until first written.
//!
//! Lives here: mapping and addressing. Not here: who writes which cell.
//!
//! The stretch holds `capacity` counter or gauge cells, then `capacity` slots for pointers to bucket
//! arrays. The operating system commits a page when it is first written, so a thread that records ten
//! series costs a page, whatever the capacity.

use crate::cell::Cell;
use crate::error::RegisterError;
use crate::sync::AtomicPtr;

/// A slot: null, or the first cell of a bucket array.
pub(crate) type BucketSlot = AtomicPtr<Cell>;

#[cfg(not(media_metrics_loom))]
mod mapped {
    use super::*;

    // Both halves are addressed as `base + index * 8`, and zeroed memory is a valid value of both.
    const _: () = assert!(size_of::<BucketSlot>() == 8 && align_of::<BucketSlot>() <= 8);

    /// See the module.
    #[derive(Debug)]
    pub(crate) struct Slab {
        memory: Memory,
        capacity: usize,
    }

    impl Slab {
        pub(crate) fn new(capacity: usize) -> Result<Self, RegisterError> {
            Ok(Self {
                memory: Memory::zeroed(capacity * 16)?,
                capacity,
            })
        }

        /// Address of cell 0; slot 0 lies `capacity` cells behind it.
        pub(crate) fn base(&self) -> *const Cell {
            self.memory.start().cast()
        }

        pub(crate) fn cell(&self, index: u32) -> &Cell {
            assert!((index as usize) < self.capacity);
            // SAFETY: in bounds, as just asserted, of the first half of a mapping of `capacity * 16`
            // bytes that lives as long as `self`.
            let at = unsafe { self.base().add(index as usize) };
            // SAFETY: aligned (the mapping is aligned to a page, or to 8); valid: zeroed memory or
            // what a Cell stored; shared: only ever used through `&Cell`, which is an atomic.
            unsafe { &*at }
        }

        pub(crate) fn cells(&self, first: u32, len: u32) -> &[Cell] {
            let (first, len) = (first as usize, len as usize);
            assert!(first + len <= self.capacity);
            // SAFETY: in bounds of the first half, as just asserted.
            let start = unsafe { self.base().add(first) };
            // SAFETY: as in `cell`, for each of `len` cells.
            unsafe { std::slice::from_raw_parts(start, len) }
        }

        pub(crate) fn slot(&self, index: u32) -> &BucketSlot {
            assert!((index as usize) < self.capacity);
            // SAFETY: in bounds of the second half, as just asserted.
            let at = unsafe { self.base().add(self.capacity + index as usize) };
            // SAFETY: as in `cell`; the second half is only ever used as slots, and null is valid.
            unsafe { &*at.cast::<BucketSlot>() }
        }
    }

    #[cfg(not(miri))]
    use mmap::Memory;

    #[cfg(not(miri))]
    mod mmap {
        use super::RegisterError;

        /// An anonymous mapping: zeroed and committed page by page.
        #[derive(Debug)]
        pub(super) struct Memory(memmap2::MmapRaw);

        impl Memory {
            pub(super) fn zeroed(bytes: usize) -> Result<Self, RegisterError> {
                let map = memmap2::MmapMut::map_anon(bytes.max(1)).map_err(|e| {
                    RegisterError::NoMemory {
                        reason: e.to_string(),
                    }
                })?;
                Ok(Self(map.into()))
            }

            pub(super) fn start(&self) -> *const u8 {
                self.0.as_mut_ptr()
            }
        }
    }

    #[cfg(miri)]
    use heap::Memory;

    /// Miri can't follow a foreign mapping: the same bytes from the allocator.
    #[cfg(miri)]
    mod heap {
        use super::RegisterError;
        use std::alloc::{Layout, alloc_zeroed, dealloc};

        #[derive(Debug)]
        pub(super) struct Memory(*mut u8, Layout);

        impl Memory {
            pub(super) fn zeroed(bytes: usize) -> Result<Self, RegisterError> {
                let layout = Layout::from_size_align(bytes.max(8), 8).map_err(|e| {
                    RegisterError::NoMemory {
                        reason: e.to_string(),
                    }
                })?;
                // SAFETY: the size is not zero.
                let start = unsafe { alloc_zeroed(layout) };
                Ok(Self(start, layout))
            }

            pub(super) fn start(&self) -> *const u8 {
                self.0
            }
        }

        impl Drop for Memory {
            fn drop(&mut self) {
                // SAFETY: allocated in `zeroed` with this layout, and freed once.
                unsafe { dealloc(self.0, self.1) }
            }
        }

        // SAFETY: the pointer is owned, and what it points to is only used as atomics.
        unsafe impl Send for Memory {}
        // SAFETY: as above.
        unsafe impl Sync for Memory {}
    }
}

#[cfg(not(media_metrics_loom))]
pub(crate) use mapped::Slab;

#[cfg(media_metrics_loom)]
mod modelled {
    use super::*;

    /// loom's atomics are no plain bytes, so a model has two boxes instead of one mapping.
    #[derive(Debug)]
    pub(crate) struct Slab {
        cells: Box<[Cell]>,
        slots: Box<[BucketSlot]>,
    }

    impl Slab {
        pub(crate) fn new(capacity: usize) -> Result<Self, RegisterError> {
            Ok(Self {
                cells: (0..capacity).map(|_| Cell::new(0)).collect(),
                slots: (0..capacity)
                    .map(|_| BucketSlot::new(std::ptr::null_mut()))
                    .collect(),
            })
        }

        pub(crate) fn cell(&self, index: u32) -> &Cell {
            &self.cells[index as usize]
        }

        pub(crate) fn slot(&self, index: u32) -> &BucketSlot {
            &self.slots[index as usize]
        }
    }
}

#[cfg(media_metrics_loom)]
pub(crate) use modelled::Slab;

#[cfg(all(test, not(media_metrics_loom)))]
mod tests {
    use super::*;
    use crate::sync::Relaxed;

    #[test]
    fn a_new_slab_is_zero_and_its_halves_do_not_overlap() {
        let slab = Slab::new(1_000).unwrap();
        for i in [0, 1, 499, 999] {
            assert_eq!(slab.cell(i).get(), 0);
            assert!(slab.slot(i).load(Relaxed).is_null());
            slab.cell(i).set(u64::MAX);
            assert!(slab.slot(i).load(Relaxed).is_null());
        }
        assert!(slab.slot(0).load(Relaxed).is_null());
    }
}
