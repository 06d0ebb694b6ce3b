//! Wire formats: a snapshot in, bytes out.
//!
//! Lives here: one module a format, and what formats share (how numbers and hostile text look). All of
//! it is pure: no sockets, no clock, no locks. Not here: which format a scraper gets and how long an
//! encoded page is kept (`encode`), headers and status codes (`http`).

mod escape;
mod number;
pub mod text;
