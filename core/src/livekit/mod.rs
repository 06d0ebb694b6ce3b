//! LiveKit's metric subsystem, wire-compatible, with the reference's faults mended.
//!
//! | room | lives there | may not |
//! |---|---|---|
//! | `derived` | families that follow from streams, by [`derive_families`] | recording |
//! | [`families`] | LiveKit's Prometheus families, and a function for every event | deriving them from streams |
//! | [`messages`] | the messages of `livekit_metrics.proto`, as they are on the wire | rules |
//! | [`node`] | node statistics with rates, what the operating system says | families |
//! | [`time`] | server time: nanoseconds since 1970 that never step | policy |
//!
//! Invariant: nothing in here starts a thread or opens a network socket; but for `time::Clock`, time is an
//! argument.

pub(crate) mod derived;
pub mod families;
pub mod messages;
pub mod node;
pub mod time;

pub use derived::derive_families;
