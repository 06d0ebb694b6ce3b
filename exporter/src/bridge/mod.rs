//! Living with the `metrics` crate in a process that has a recorder already.
//!
//! Lives here: the two ways. [`WithPage`]: what another library serves is served along with ours. [`Republish`]:
//! ours goes into that library. Behind the first: `render` (asking for the page, within a time), `parse` (reading
//! it), `claims` (which names are taken), `convert` (what a family becomes). Not here: taking the macros over,
//! which is core's `facade`.
//!
//! With metrics-exporter-prometheus, take one of the two. With both, what comes back from there is left out of our
//! page, and counted, as its names are taken.

mod claims;
mod convert;
mod error;
mod given;
mod parse;
mod render;
mod republish;
mod with_page;

pub use error::BridgeError;
pub use republish::{Installed, Republish};
pub use with_page::{DEFAULT_DEADLINE, DEFAULT_MAX_BYTES, WithPage};
