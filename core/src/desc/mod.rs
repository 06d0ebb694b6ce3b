//! What a metric family is: name, help, kind, unit, label names, bucket bounds.
//!
//! Lives here: descriptions and their validation. Not here: values, handles, the list of all families
//! (`catalog`).
//!
//! A [`Desc`] can be a `static`: every constructor is `const`.

mod checks;
mod family;
mod label_names;
mod unit;

pub use family::{Desc, Kind};
pub use label_names::LabelNames;
pub use unit::Unit;
