//! A global allocator that counts: on the calling thread, and live bytes of the process.
//!
//! Lives here: the allocator and its readings. Not here: who installs it (`#[global_allocator]` stands
//! in the bench or test that wants it, so that no timed contest pays for counting).

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

thread_local! {
    // const-initialised and without destructor: reading it never allocates.
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

static LIVE: AtomicU64 = AtomicU64::new(0);
static PROCESS_CALLS: AtomicU64 = AtomicU64::new(0);

/// The system's allocator, counted.
#[derive(Debug, Default)]
pub struct Counting;

fn count(bytes: usize) {
    CALLS.set(CALLS.get() + 1);
    PROCESS_CALLS.fetch_add(1, Relaxed);
    LIVE.fetch_add(bytes as u64, Relaxed);
}

// SAFETY: every call goes to `System` with the caller's own arguments; counting touches no allocation.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises are `System`'s preconditions.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises are `System`'s preconditions.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, new: usize) -> *mut u8 {
        count(new);
        LIVE.fetch_sub(layout.size() as u64, Relaxed);
        // SAFETY: the caller's promises are `System`'s preconditions.
        unsafe { System.realloc(at, layout, new) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as u64, Relaxed);
        // SAFETY: the caller's promises are `System`'s preconditions.
        unsafe { System.dealloc(at, layout) }
    }
}

/// Allocations (and reallocations) that the calling thread has made so far.
#[must_use]
pub fn calls() -> u64 {
    CALLS.get()
}

/// Allocations that all threads have made so far.
#[must_use]
pub fn process_calls() -> u64 {
    PROCESS_CALLS.load(Relaxed)
}

/// Bytes allocated and not yet freed, in the whole process.
#[must_use]
pub fn live_bytes() -> u64 {
    LIVE.load(Relaxed)
}
