//! One worker's streams, and what goes out of each to every subscriber.
//!
//! `table` finds the stream of a packet or of a report, by the keys of `index`, and knows when one begins and
//! ends; `flow` is one stream with its senders; `summary` is what is told of it afterwards. Not here: sockets; what packets
//! and reports say (the core's `rtp`); totals of groups (core).
//!
//! Invariant: no lock and no atomic shared between workers on the way of a packet. The kernel keeps a
//! flow on one socket of its SO_REUSEPORT group, so each worker's table is its own.

mod flow;
mod index;
mod summary;
mod table;

pub use flow::{Flow, Recorder};
pub use index::NAMESAKES;
pub use summary::{FlowSummary, Reported};
pub use table::{FlowConfig, FlowLimit, Flows, Placed};
