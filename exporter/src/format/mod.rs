//! Wire formats: a snapshot in, bytes out.
//!
//! Lives here: one module a format, and what formats share: lines of text (`lines`), what is kept from snapshot
//! to snapshot (`plans`), how numbers, names and hostile text look, and which format a scraper gets
//! (`negotiate`). All of it is pure: no sockets, no clock, no locks. Not here: how long an encoded page is
//! kept (`encode`), headers and status codes (`http`).

mod escape;
mod filter;
mod lines;
pub(crate) mod negotiate;
pub(crate) mod number;
pub mod openmetrics;
pub(crate) mod plans;
pub mod protobuf;
pub mod text;

pub(crate) use filter::Filter;
