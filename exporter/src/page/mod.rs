//! The live page: what a browser gets at `/`, and what it is told from then on.
//!
//! | file | lives there |
//! |---|---|
//! | `files` | the page's own files, embedded, with the headers that keep it to itself |
//! | `interval`, `spread` | what happened between two snapshots: rates, quantiles, a heatmap's column |
//! | `moment` | those figures as JSON |
//! | `moments` | from one snapshot to the next |
//!
//! Not here: connections that stay open (`http::events`); what the page does in the browser (the folder `page` of this
//! crate, and its README).

mod files;
mod interval;
mod moment;
mod moments;
mod spread;

pub(crate) use self::files::{PREFIX, answer, file};
pub(crate) use self::moments::{Look, Moments};
