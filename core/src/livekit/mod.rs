//! LiveKit's metric subsystem, wire-compatible, with the reference's faults mended.
//!
//! | room | lives there | may not |
//! |---|---|---|
//! | [`messages`] | the messages of `livekit_metrics.proto`, as they are on the wire | rules |
//! | [`time`] | server time: nanoseconds since 1970 that never step | policy |
//! | [`config`] | the configuration's keys, and the values that hold | files |
//! | [`batch`] | rows built, merged, restricted, shared, split into messages; decoding within bounds | clocks, who subscribes to whom |
//! | [`timestamper`] | clients' times on the server's clock: the one-way-delay estimator, the mapping | who sends |
//! | [`pipeline`] | collectors, reports, rooms and participants: who is told what, when | transports, clocks |
//! | [`client`] | what clients say of themselves, as Prometheus families | decoding, rules for batches |
//! | [`families`] | LiveKit's Prometheus families, and a function for every event | deriving them from streams |
//! | `derived` | families that follow from streams, by [`derive_families`] | recording |
//! | [`node`] | node statistics with rates, what the operating system says | families |
//!
//! Invariant: nothing in here starts a thread or opens a network socket; but for `time::Clock`, time is an
//! argument.

pub mod batch;
pub mod client;
pub mod config;
pub(crate) mod derived;
pub mod families;
pub mod messages;
pub mod node;
pub mod pipeline;
mod rules;
pub mod time;
pub mod timestamper;

pub use derived::derive_families;
pub use rules::Rules;
