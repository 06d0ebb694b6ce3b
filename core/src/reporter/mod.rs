//! The reporter: one thread that merges what all others recorded.
//!
//! In `thread`: the public handle, and when to merge. In `collector`: a merge; in `collected`: that of one family. In
//! `fold`, `fold_senders`: streams into groups; in `live`: which streams; in `debt`: losses counted too early. In
//! `listing`: every live stream for who asks. In `exemplars`: samples with whose they are. In `helpers`: other threads'
//! help. In `stream_windows`: single streams over a few seconds. In `windows`: what a histogram recorded of late; in
//! `watch`: that as gauges. In `sink`: who gets the result. In `task`: what else runs on the thread. Not here: encoding,
//! sockets.
//!
//! # Why totals never go back
//! A total is a sum of cells that only grow: each cell has one writer that only adds, a reader of one
//! atomic never sees it go down (coherence), a shard keeps its values when its thread ends, and only
//! this side removes cells, after taking their last value. The merge has one lock, so that two readers
//! can't publish out of order.

mod collected;
mod collector;
mod debt;
mod exemplars;
mod fold;
mod fold_senders;
pub(crate) mod helpers;
mod listing;
pub(crate) mod live;
mod sink;
pub(crate) mod stream_windows;
mod task;
mod thread;
#[cfg(test)]
mod time_steps;
mod watch;
pub(crate) mod windows;

pub(crate) use collector::{Collector, Tick};
pub use sink::Sink;
pub use task::{Task, Waker};
pub use thread::{Reporter, ReporterBuilder};
