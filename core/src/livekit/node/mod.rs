//! Node statistics: what a node tells the other nodes of a cluster about itself, with rates.
//!
//! | room | lives there | may not |
//! |---|---|---|
//! | [`messages`] | `NodeStats` and `NodeStatsRate`, as they are on the wire | rules |
//! | [`totals`] | what the host's families hold at one moment | the operating system |
//! | [`rates`] | snapshots over time, and what they amount to per second; when a node is stuck: pure | clocks, the operating system |
//! | [`system`] | what the operating system says: CPU, memory, load, queue disciplines | rates |
//! | [`monitor`] | the three together, as a message | formulas |
//! | [`families`] | CPU, memory and load as `media_node_*` | names |
//!
//! What is not known is `None` until the wire, which knows numbers only: there it is 0.

pub mod families;
pub mod messages;
pub mod monitor;
pub mod rates;
pub mod system;
pub mod totals;
