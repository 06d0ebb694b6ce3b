//! The one door to atomics, queues and fences: the real ones, or loom's under `cfg(media_metrics_loom)`.
//!
//! Lives here: re-exports and the one queue type. Not here: any algorithm.
//!
//! The cfg is the project's own, so that dependencies which listen to `cfg(loom)` stay as they are.
//! Only the protocols (`cell`, `shard`, `stream::block`, `registry::series`) are built under it; all
//! else is left out of a model build.

#[cfg(not(media_metrics_loom))]
mod real {
    pub(crate) use crossbeam_queue::SegQueue as Queue;
    pub(crate) use std::sync::Arc;
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, fence};
}

#[cfg(media_metrics_loom)]
mod model {
    pub(crate) use loom::sync::Arc;
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, fence};

    /// What crossbeam's queue promises and nothing more: who pops an item sees what came before its
    /// push. (loom can't look into crossbeam; crossbeam has models of its own.)
    #[derive(Debug)]
    pub(crate) struct Queue<T>(loom::sync::Mutex<std::collections::VecDeque<T>>);

    impl<T> Queue<T> {
        pub(crate) fn new() -> Self {
            Self(loom::sync::Mutex::new(std::collections::VecDeque::new()))
        }

        pub(crate) fn push(&self, item: T) {
            self.0.lock().unwrap().push_back(item);
        }

        pub(crate) fn pop(&self) -> Option<T> {
            self.0.lock().unwrap().pop_front()
        }
    }
}

#[cfg(not(media_metrics_loom))]
pub(crate) use real::*;

#[cfg(media_metrics_loom)]
pub(crate) use model::*;

pub(crate) use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
