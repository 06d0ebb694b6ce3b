//! Faults on purpose, which no test suite should have: what `cargo xtask sanitize` must find before it is believed.
//!
//! Each is ignored, and run by that command alone: a sanitizer that says nothing of it was not switched on.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::hint::black_box;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering::Relaxed};

/// A pointer is published without ordering what it leads to: the fault that a missing Release is.
#[test]
#[ignore = "a data race on purpose: `cargo xtask sanitize` must find it"]
fn a_relaxed_publication() {
    let published = AtomicPtr::new(ptr::null_mut());
    let is_read = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            published.store(Box::into_raw(Box::new(7_u64)), Relaxed);
            // A thread's end orders what it did before threads that begin after it, which the other might.
            while !is_read.load(Relaxed) {
                std::thread::yield_now();
            }
        });
        scope.spawn(|| {
            while published.load(Relaxed).is_null() {
                std::thread::yield_now();
            }
            // SAFETY: none. Nothing orders this read behind the write of the 7: that is the fault.
            black_box(unsafe { published.load(Relaxed).read() });
            is_read.store(true, Relaxed);
        });
    });
    // SAFETY: made by `Box::into_raw`, and both threads have ended.
    drop(unsafe { Box::from_raw(published.into_inner()) });
}

/// Memory is read after it was freed.
#[test]
#[ignore = "a use after free on purpose: `cargo xtask sanitize` must find it"]
fn a_use_after_free() {
    let freed = black_box(Box::into_raw(Box::new(7_u64)));
    // SAFETY: made by `Box::into_raw`.
    drop(unsafe { Box::from_raw(freed) });
    // SAFETY: none. It is freed: that is the fault.
    black_box(unsafe { freed.read_volatile() });
}
