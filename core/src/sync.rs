//! The one door to atomics, queues, fences, and to locks that are part of a protocol: the real ones, or loom's under
//! `cfg(media_metrics_loom)`.
//!
//! Lives here: re-exports and the one queue type. Not here: any algorithm.
//!
//! The cfg is the project's own, so that dependencies which listen to `cfg(loom)` stay as they are.
//! Only the protocols (`cell`, `shard`, `gauge::level`, `stream::block`, `stream::losses`, `registry::life`,
//! `registry::sole`, `histogram::mailbox`, `facade::mark`, `livekit::pipeline::gate`) are built under it; all else is left
//! out of a model build.

#[cfg(not(media_metrics_loom))]
mod real {
    pub(crate) use atomic::Atomic;
    pub(crate) use crossbeam_queue::SegQueue as Queue;
    pub(crate) use std::sync::Arc;
    #[cfg(feature = "facade")]
    pub(crate) use std::sync::atomic::AtomicU8;
    pub(crate) use std::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, fence,
    };
    #[cfg(feature = "livekit")]
    pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};
}

#[cfg(media_metrics_loom)]
mod model {
    pub(crate) use loom::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, fence,
    };
    pub(crate) use loom::sync::{Arc, Condvar, Mutex, MutexGuard};

    /// What of `atomic::Atomic` is used, for the one type that it is used with.
    #[derive(Debug)]
    pub(crate) struct Atomic<T>(AtomicU64, std::marker::PhantomData<T>);

    impl Atomic<f64> {
        pub(crate) fn new(value: f64) -> Self {
            Self(AtomicU64::new(value.to_bits()), std::marker::PhantomData)
        }

        pub(crate) fn load(&self, order: std::sync::atomic::Ordering) -> f64 {
            f64::from_bits(self.0.load(order))
        }

        pub(crate) fn store(&self, value: f64, order: std::sync::atomic::Ordering) {
            self.0.store(value.to_bits(), order);
        }
    }

    /// What crossbeam's queue promises and nothing more: who pops an item sees what came before its
    /// push. (loom can't look into crossbeam; crossbeam has models of its own.)
    #[derive(Debug)]
    pub(crate) struct Queue<T>(Mutex<std::collections::VecDeque<T>>);

    impl<T> Queue<T> {
        pub(crate) fn new() -> Self {
            Self(Mutex::new(std::collections::VecDeque::new()))
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
