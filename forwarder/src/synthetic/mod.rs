//! Built-in publishers and a built-in subscriber, through the same sockets as anybody else.
//!
//! `source` makes media packets, `path` loses, repeats, delays and reorders them, `plan` merges many
//! streams in time order: all pure, seeded, without clocks, so what a run sends can be counted
//! beforehand. `publisher` sends a plan, `sink` counts what comes out at the other end.

mod path;
mod plan;
mod publisher;
mod sink;
mod source;

pub use path::Ledger;
pub use plan::{Departure, Load, Plan};
pub use publisher::{Published, PublishedStream, Publishers};
pub use sink::{Sink, Tally};
pub use source::Media;
