//! The reporter: one thread that merges what all others recorded.
//!
//! Lives here: the public handle. In `collector`: a merge. In `fold`, `fold_senders`: streams into groups.
//! In `exemplars`: samples
//! with whose they are. In `helpers`: other threads' help. In `thread`: when to merge. In `stream_windows`: single streams
//! over a few seconds. In `sink`: who gets the result. In
//! `task`: what else runs on the thread. In `windows`: what histograms recorded of late. Not here: encoding, sockets.
//!
//! # Why totals never go back
//! A total is a sum of cells that only grow: each cell has one writer that only adds, a reader of one
//! atomic never sees it go down (coherence), a shard keeps its values when its thread ends, and only
//! this side removes cells, after taking their last value. The merge has one lock, so that two readers
//! can't publish out of order.

mod collector;
mod exemplars;
mod fold;
mod fold_senders;
pub(crate) mod helpers;
mod sink;
pub(crate) mod stream_windows;
mod task;
mod thread;
pub(crate) mod windows;

pub(crate) use collector::{Collector, Tick};
pub use sink::Sink;
pub use task::{Task, Waker};
pub use thread::{Reporter, ReporterBuilder};
pub(crate) use windows::WindowGauges;
