//! Which shard this thread writes to: one load away while the thread lives, found anew after that.
//!
//! Lives here: the thread-locals. Not here: the shards themselves (`shard`), handles (`counter`…).
//!
//! # Two thread-locals
//! `FAST` is const-initialised and has no destructor, so reading it is a plain load that works at any
//! moment of a thread's life. `OWNED` has the destructor: it empties `FAST` and gives the shards back.
//! A record made after that (by another thread-local's destructor) finds `FAST` empty and `OWNED` gone:
//! it takes a shard for the one write and gives it back at once. Slower, but it counts.
//!
//! # Several registries
//! `FAST` has a place for each of the first registries of the process, and a place is never used by two:
//! so what a thread finds there is its shard of that registry, or null. (An address left over from a
//! registry that is gone is never followed: no handle leads to its place any more.) Registries beyond
//! that share a place that is always null: they are found in `OWNED` at each record, slower, but right.

use std::cell::{Cell as Local, RefCell};
use std::ptr;
use std::rc::Rc;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};

use super::{Shard, Shards};
use crate::cell::Cell;
use crate::sync::Relaxed;

/// Places in `FAST`; place 0 is always null.
const PLACES: usize = 64;

thread_local! {
    static FAST: [Local<*const Cell>; PLACES] =
        const { [const { Local::new(ptr::null()) }; PLACES] };

    static OWNED: Owned = const { Owned(RefCell::new(Vec::new())) };
}

/// A registry's shards, with the number by which a thread knows them.
#[derive(Debug)]
pub(crate) struct Home {
    /// Unlike any other's of the process, ever.
    id: u64,
    capacity: usize,
    shards: Shards,
    /// Records that found no memory for a shard.
    dropped: AtomicU64,
}

impl Home {
    pub(crate) fn new(capacity: usize) -> Arc<Self> {
        // Real atomics even under loom: a name tag, not part of a protocol. Relaxed: only unlike, not
        // ordered, numbers are wanted. 2^64 registries are not made.
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Relaxed);
        let shards = Shards::new(capacity);
        Arc::new(Self {
            id,
            capacity,
            shards,
            dropped: AtomicU64::new(0),
        })
    }

    /// Where the counter or gauge cell `index` lies behind the shard's base, in cells.
    pub(super) fn cell_offset(&self, index: u32) -> u32 {
        assert!((index as usize) < self.capacity);
        index
    }

    /// Where the slot of histogram `index` lies behind the shard's base, in cells.
    pub(super) fn slot_offset(&self, index: u32) -> u32 {
        assert!((index as usize) < self.capacity);
        self.capacity as u32 + index // fits: the registry allows 2^24 series
    }

    pub(crate) const fn shards(&self) -> &Shards {
        &self.shards
    }

    /// Where a thread's fast path to its shard stands.
    pub(super) fn place(&self) -> Place {
        Place(if self.id < PLACES as u64 {
            self.id as u32
        } else {
            0
        })
    }

    /// Runs `write` with a shard that the calling thread owns: its own, or one borrowed for this call.
    /// If the operating system has no memory for a new shard, the record is dropped, and counted.
    #[cold]
    pub(crate) fn with_shard(self: &Arc<Self>, write: impl FnOnce(&Shard)) {
        if let Some(attachment) = attach(self) {
            return write(attachment.shard(self));
        }
        // This thread's destructors run. A panic in `write` leaks the shard: it stays in the sums.
        match self.shards.acquire() {
            Ok(shard) => {
                write(shard);
                shard.release();
            }
            // Relaxed: a number by itself.
            Err(_) => drop(self.dropped.fetch_add(1, Relaxed)),
        }
    }

    /// Records dropped since the last call.
    pub(crate) fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Relaxed) // Relaxed: as above
    }
}

/// A place in `FAST`: below [`PLACES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u32);

impl Place {
    /// The place as a number, for packing.
    pub(super) const fn bits(self) -> u32 {
        self.0
    }

    /// The place of a number that [`bits`](Self::bits) gave.
    ///
    /// # Safety
    /// It did.
    #[inline(always)]
    pub(super) const unsafe fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// Address of cell 0 of this thread's shard, or null if the thread has to look for it.
    ///
    /// Not null means: this thread owns the shard now.
    #[inline(always)]
    pub(super) fn base(self) -> *const Cell {
        FAST.with(|fast| {
            // SAFETY: in bounds: below `PLACES`, as every `Place` is (`Home::place`, or bits of one).
            // Not `get_unchecked`: LLVM makes a needless `and` of what that lets it assume.
            let place = unsafe { fast.as_ptr().add(self.0 as usize) };
            // SAFETY: an element of the array, which no `&mut` ever leads to.
            unsafe { &*place }.get()
        })
    }

    fn set(self, base: *const Cell) {
        if self.0 != 0 {
            FAST.with(|fast| fast[self.0 as usize].set(base));
        }
    }
}

/// This thread's hold on one shard. The shard goes to another thread when the last clone is dropped:
/// that of `OWNED`, or that of a local handle which outlives it.
#[derive(Debug)]
pub(crate) struct Attachment {
    home: Weak<Home>,
    id: u64,
    shard: *const Shard,
}

impl Attachment {
    /// The shard, which lives as long as its home.
    pub(crate) fn shard<'h>(&self, home: &'h Arc<Home>) -> &'h Shard {
        assert_eq!(self.id, home.id);
        // SAFETY: `shard` was borrowed from this very home (numbers are never used twice), whose
        // list frees no shard before the home is dropped; the caller borrows it.
        unsafe { &*self.shard }
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        // A home that is gone has taken its shards with it.
        if let Some(home) = self.home.upgrade() {
            self.shard(&home).release();
        }
    }
}

/// Attaches this thread, if it isn't; `None` when the thread's destructors run (or there is no memory).
#[cold]
pub(crate) fn attach(home: &Arc<Home>) -> Option<Rc<Attachment>> {
    OWNED
        .try_with(|owned| {
            // Borrowed only when an allocator that records metrics allocates in here: no shard then.
            let mut list = owned.0.try_borrow_mut().ok()?;
            let attachment = match list.iter().find(|a| a.id == home.id) {
                Some(there) => Rc::clone(there),
                None => {
                    list.retain(|a| a.home.strong_count() > 0);
                    let shard = ptr::from_ref(home.shards.acquire().ok()?);
                    let new = Rc::new(Attachment {
                        home: Arc::downgrade(home),
                        id: home.id,
                        shard,
                    });
                    list.push(Rc::clone(&new));
                    new
                }
            };
            home.place().set(attachment.shard(home).base());
            Some(attachment)
        })
        .ok()
        .flatten()
}

/// This thread's attachments.
#[derive(Debug)]
struct Owned(RefCell<Vec<Rc<Attachment>>>);

impl Drop for Owned {
    fn drop(&mut self) {
        // First nobody may find the shards by the fast path, then they may go to others.
        FAST.with(|fast| fast.iter().for_each(|place| place.set(ptr::null())));
        self.0.get_mut().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(home: &Home, index: u32) -> u64 {
        home.shards.iter().map(|s| s.cell(index).get()).sum()
    }

    fn add(home: &Arc<Home>, index: u32, n: u64) {
        home.with_shard(|shard| shard.cell(index).add(n));
    }

    #[test]
    fn a_thread_keeps_its_shard_and_gives_it_back_at_its_end() {
        let home = Home::new(8);
        for n in 1..=3 {
            let home = Arc::clone(&home);
            std::thread::spawn(move || {
                assert!(home.place().base().is_null());
                add(&home, 2, n);
                let at = home.place().base();
                add(&home, 2, n);
                assert_eq!(at, home.place().base());
            })
            .join()
            .unwrap();
        }
        assert_eq!((total(&home, 2), home.shards.iter().count()), (12, 1));
    }

    #[test]
    fn more_registries_than_places_all_count() {
        const ROUNDS: u64 = if cfg!(miri) { 2 } else { 10 };
        let more = if cfg!(miri) { 3 } else { PLACES };
        let homes: Vec<_> = (0..PLACES + more).map(|_| Home::new(8)).collect();
        for _ in 0..ROUNDS {
            homes.iter().for_each(|h| add(h, 1, 1));
        }
        for home in &homes {
            assert_eq!((total(home, 1), home.shards.iter().count()), (ROUNDS, 1));
        }
    }

    #[test]
    fn attachments_of_dead_registries_are_forgotten() {
        for _ in 0..if cfg!(miri) { 10 } else { 100 } {
            add(&Home::new(8), 1, 1);
        }
        let home = Home::new(8);
        add(&home, 1, 1);
        OWNED.with(|owned| {
            let list = owned.0.borrow();
            let dead = list.iter().filter(|a| a.home.strong_count() == 0).count();
            assert_eq!(dead, 0);
        });
    }

    #[test]
    fn a_record_from_a_destructor_that_runs_after_ours_counts() {
        struct Last(Local<Option<Arc<Home>>>);
        impl Drop for Last {
            fn drop(&mut self) {
                let home = self.0.take().unwrap();
                assert!(home.place().base().is_null(), "our destructor ran first");
                add(&home, 5, 7);
                add(&home, 5, 7);
            }
        }
        thread_local!(static LAST: Last = const { Last(Local::new(None)) });
        let home = Home::new(8);
        let theirs = Arc::clone(&home);
        std::thread::spawn(move || {
            // Registered first, so destroyed last on this platform (reverse order of registration).
            LAST.with(|last| last.0.set(Some(Arc::clone(&theirs))));
            add(&theirs, 5, 1);
        })
        .join()
        .unwrap();
        assert_eq!((total(&home, 5), home.shards.iter().count()), (15, 1));
    }

    #[test]
    fn a_held_attachment_keeps_the_shard_from_others() {
        let home = Home::new(8);
        let held = attach(&home).unwrap();
        let theirs = Arc::clone(&home);
        std::thread::spawn(move || add(&theirs, 0, 1))
            .join()
            .unwrap();
        assert_eq!(home.shards.iter().count(), 2);
        drop(held);
    }
}
