//! Living with the `metrics` crate in a process that has a recorder already.
//!
//! Lives here: the two ways. [`WithPage`]: what another library serves is served along with ours. [`Republish`]:
//! ours goes into that library. In `parse`: reading a page. Not here: taking the macros over, which is core's
//! `facade`.
//!
//! With metrics-exporter-prometheus, take one of the two: both together would show our families twice.

mod parse;
mod republish;
mod with_page;

pub use republish::{Installed, Republish};
pub use with_page::WithPage;
