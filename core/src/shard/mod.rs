//! Shards: each thread's own cells, handed on from thread to thread.
//!
//! Lives here: the list of a registry's shards, taking one and giving it back, bucket arrays. In
//! `attach`: which shard this thread writes to. In `address`: where in it. In `slab`: memory. Not here: labels, text,
//! merging.
//!
//! # The hand-over
//! A shard is made when a thread needs one and none is free, and lives as long as its registry. A
//! thread that ends gives its shard back **with its values**; the next thread counts on from there. So
//! nothing is folded at a thread's end, nothing can be lost, and memory is bounded by the largest
//! number of threads alive at once.
//!
//! # The list
//! Shards are only ever pushed to the front and never removed: a reader walks it without a lock, a
//! hazard pointer or an epoch. Three walk it: the reporter (to sum), a thread that attaches (to find
//! a free one), and `Gauge::set`. It is as long as the largest number of threads was.
//!
//! Models: `models/hand_over.rs`.

#[cfg(not(media_metrics_loom))]
mod address;
#[cfg(not(media_metrics_loom))]
pub(crate) mod attach;
mod slab;

use std::collections::HashMap;
use std::ptr::{self, NonNull};
use std::sync::{Mutex, PoisonError};

use crate::cell::Cell;
use crate::error::RegisterError;
use crate::sync::{Acquire, AtomicBool, AtomicPtr, Relaxed, Release};
#[cfg(not(media_metrics_loom))]
pub(crate) use address::Address;
#[cfg(not(media_metrics_loom))]
pub(crate) use slab::BucketSlot;
use slab::Slab;

/// One thread's cells, or a free set of them.
#[derive(Debug)]
pub(crate) struct Shard {
    slab: Slab,
    /// Whether some thread writes here now.
    owned: AtomicBool,
    /// The shard made before this one, or null; fixed before this one is published.
    next: AtomicPtr<Shard>,
    /// Owns the bucket arrays that the slots point to. Locked by the owner when it makes one, and by
    /// the reporter when a series has ended: cold, and never both for one index.
    buckets: Mutex<HashMap<u32, Box<[Cell]>>>,
}

impl Shard {
    /// Cell `index` of this shard. Only the owner may write it; see [`Cell`].
    pub(crate) fn cell(&self, index: u32) -> &Cell {
        self.slab.cell(index)
    }

    /// Cells `first .. first + len`, for a reader.
    #[cfg(not(media_metrics_loom))]
    pub(crate) fn cells(&self, first: u32, len: u32) -> &[Cell] {
        self.slab.cells(first, len)
    }

    /// Address of cell 0, for the fast path.
    #[cfg(not(media_metrics_loom))]
    pub(crate) fn base(&self) -> *const Cell {
        self.slab.base()
    }

    /// The bucket array of histogram `index`, if a thread has recorded into it here.
    pub(crate) fn buckets(&self, index: u32, len: usize) -> Option<&[Cell]> {
        // Acquire: pairs with the Release store in `make_buckets`; without it we could see the
        // pointer and not yet the zeroes behind it.
        let first = self.slab.slot(index).load(Acquire);
        // SAFETY: not null: it was stored by `make_buckets` with this series' length (a series' layout
        // never changes, and an index changes series only after `forget`, when no handle is left).
        // Alive: `self.buckets` owns the array until `forget` or drop.
        NonNull::new(first).map(|p| unsafe { std::slice::from_raw_parts(p.as_ptr(), len) })
    }

    /// The `front` cells before the bucket array of histogram `index`, which has at least so many there.
    pub(crate) fn before_buckets(&self, index: u32, front: usize) -> Option<&[Cell]> {
        // Acquire: as in `buckets`.
        let first = NonNull::new(self.slab.slot(index).load(Acquire))?;
        // SAFETY: stored by `make_buckets`, `front` cells behind the start of its allocation.
        let start = unsafe { first.sub(front) };
        // SAFETY: in bounds, as just said, initialised, and alive as in `buckets`.
        Some(unsafe { std::slice::from_raw_parts(start.as_ptr(), front) })
    }

    /// Owner only: the bucket array of histogram `index`, made now if there is none, with `front` cells before it.
    /// All of a series ask for the same lengths.
    pub(crate) fn make_buckets(&self, index: u32, front: usize, len: usize) -> NonNull<Cell> {
        let slot = self.slab.slot(index);
        // Relaxed: an earlier store was our own, or an earlier owner's, and then the hand-over orders it.
        if let Some(there) = NonNull::new(slot.load(Relaxed)) {
            return there;
        }
        let mut all = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let array = all
            .entry(index)
            .or_insert_with(|| (0..front + len).map(|_| Cell::new(0)).collect());
        // SAFETY: in bounds: `front + len` cells were made for this series, now or before.
        let first = unsafe { NonNull::from(&**array).cast::<Cell>().add(front) };
        // Release: pairs with the Acquire load in `buckets`.
        slot.store(first.as_ptr(), Release);
        first
    }

    /// Makes series `index` as if it had never been. Only when no handle of the series is left, so
    /// that nobody writes the cell: then it is the reporter's, until the index is given out again.
    pub(crate) fn forget(&self, index: u32) {
        let cell = self.cell(index);
        if cell.get() != 0 {
            cell.set(0); // not blindly: a page that was never written stays uncommitted
        }
        let slot = self.slab.slot(index);
        // Relaxed: nobody else reads or writes this slot now; the next owner of the index gets it
        // through the registry's lock.
        if !slot.load(Relaxed).is_null() {
            slot.store(ptr::null_mut(), Relaxed);
            self.buckets
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&index);
        }
    }

    /// Gives the shard back, with its values, to the next thread.
    pub(crate) fn release(&self) {
        // Release: pairs with the Acquire exchange in `Shards::acquire`. Without it the next owner
        // could add to a value older than our last, and our last increments would be gone.
        self.owned.store(false, Release);
    }
}

/// All shards of one registry.
#[derive(Debug)]
pub(crate) struct Shards {
    head: AtomicPtr<Shard>,
    capacity: usize,
}

impl Shards {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            head: AtomicPtr::new(ptr::null_mut()),
            capacity,
        }
    }

    /// A shard for the caller alone, until it calls [`Shard::release`].
    ///
    /// Lock-free; walks the list, so its cost grows with the number of threads. Cold: once a thread.
    pub(crate) fn acquire(&self) -> Result<&Shard, RegisterError> {
        // Relaxed look first: an exchange on each taken shard would pull its line from its owner.
        let free = self.iter().find(|s| {
            !s.owned.load(Relaxed)
                // Acquire: pairs with the Release store in `release`; see there. Relaxed on failure:
                // then we take nothing.
                && s.owned.compare_exchange(false, true, Acquire, Relaxed).is_ok()
        });
        if let Some(shard) = free {
            return Ok(shard);
        }
        let shard = Box::into_raw(Box::new(Shard {
            slab: Slab::new(self.capacity)?,
            owned: AtomicBool::new(true),
            next: AtomicPtr::new(ptr::null_mut()),
            buckets: Mutex::new(HashMap::new()),
        }));
        // SAFETY: from Box::into_raw just now, and freed only in `drop`, when nobody borrows `self`.
        let made = unsafe { &*shard };
        // Relaxed: what we read here is only stored as `next`; who follows it got to us by Acquire, and
        // the head's release sequence goes through every exchange.
        let mut head = self.head.load(Relaxed);
        loop {
            // Relaxed: the exchange below publishes it.
            made.next.store(head, Relaxed);
            // Release: pairs with the Acquire load in `iter`: who finds the shard finds its `next`, its
            // memory and all else. Relaxed on failure: as for the load above.
            match self
                .head
                .compare_exchange_weak(head, shard, Release, Relaxed)
            {
                Ok(_) => return Ok(made),
                Err(now) => head = now,
            }
        }
    }

    /// Every shard that was made before now.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Shard> {
        // Acquire: pairs with the Release exchange in `acquire`. Without it we could find the newest
        // shard with no `next` yet, and miss all older ones: a total would go back.
        let mut at = self.head.load(Acquire);
        std::iter::from_fn(move || {
            // SAFETY: null, or a shard of this list, which lives as long as `self`, which we borrow.
            let shard = unsafe { at.as_ref() }?;
            at = shard.next.load(Relaxed); // Relaxed: stored before the shard was published
            Some(shard)
        })
    }
}

impl Drop for Shards {
    fn drop(&mut self) {
        // Relaxed: `&mut self`: whoever used the list has handed it to us, with all its changes.
        let mut at = self.head.load(Relaxed);
        while !at.is_null() {
            // SAFETY: every shard of the list came from Box::into_raw, is in the list once, and nobody
            // borrows it any more.
            let shard = unsafe { Box::from_raw(at) };
            at = shard.next.load(Relaxed);
        }
    }
}

#[cfg(all(test, not(media_metrics_loom)))]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::sync::Barrier;

    #[test]
    fn a_shard_comes_back_with_its_values() {
        let shards = Shards::new(8);
        let first = shards.acquire().unwrap();
        first.cell(3).add(5);
        first.release();
        let again = shards.acquire().unwrap();
        assert!(ptr::eq(first, again));
        assert_eq!(again.cell(3).get(), 5);
        assert_eq!(shards.iter().count(), 1);
    }

    #[test]
    fn live_threads_never_share_a_shard() {
        const THREADS: usize = if cfg!(miri) { 4 } else { 64 };
        let shards = Shards::new(8);
        let barrier = Barrier::new(THREADS);
        let seen: HashSet<usize> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|_| {
                    scope.spawn(|| {
                        let shard = shards.acquire().unwrap();
                        barrier.wait(); // all hold one at once
                        ptr::from_ref(shard).addr()
                    })
                })
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert_eq!(seen.len(), THREADS);
    }

    #[test]
    fn bucket_arrays_are_made_once_and_forgotten() {
        let shards = Shards::new(2);
        let shard = shards.acquire().unwrap();
        assert!(shard.buckets(1, 4).is_none());
        let first = shard.make_buckets(1, 3, 4);
        assert_eq!(first, shard.make_buckets(1, 3, 4));
        shard.before_buckets(1, 3).unwrap()[0].set(7);
        shard.buckets(1, 4).unwrap()[3].add(9);
        assert_eq!(shard.before_buckets(1, 3).unwrap()[0].get(), 7);
        shard.cell(1).add(1);
        shard.forget(1);
        assert!(shard.buckets(1, 4).is_none());
        assert_eq!(shard.cell(1).get(), 0);
    }
}
