//! Which format a scraper gets, in which content coding.
//!
//! Lives here: reading `Accept` (`accept`) and `Accept-Encoding` (`coding`), and the `Content-Type` that says
//! what was chosen. Pure: header texts in, a choice out. Not here: encoding, compressing, HTTP's machinery.
//!
//! The rules are those of HTTP (RFC 9110 §12.4 and §12.5) and of Prometheus' content negotiation. There is no
//! wrong answer: a scraper that asks for what we don't have, or in a way that nobody can read, gets Prometheus
//! text 0.0.4, uncompressed, which every one of them reads.

mod accept;
mod coding;

use accept::weight;

pub(crate) use accept::{Escaping, Format, Media};
pub(crate) use coding::Coding;
