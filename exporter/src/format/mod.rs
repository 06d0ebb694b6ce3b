//! Wire formats: a snapshot in, bytes out.
//!
//! Lives here: one module a format, and what formats share: lines of text (`lines`), what is kept from snapshot to
//! snapshot (`memory`, `plans`, `chunks`), which families are shown (`filter`, `names`), how numbers, names and
//! hostile text look, and which format a scraper gets (`negotiate`). All of it is pure: no sockets, no clock, no
//! locks. Not here: how long an encoded page is kept (`encode`), headers and status codes (`http`).

mod chunks;
mod escape;
mod exemplar;
mod filter;
mod lines;
mod memory;
mod names;
pub(crate) mod native;
pub(crate) mod negotiate;
pub(crate) mod number;
pub mod openmetrics;
pub mod openmetrics_2;
pub(crate) mod plans;
pub mod protobuf;
mod settings;
pub(crate) mod suffix;
pub mod text;

pub(crate) use filter::Filter;
pub use negotiate::Escaping;
pub(crate) use settings::Settings;
