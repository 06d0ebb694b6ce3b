//! The metric reference, `docs/metrics.md`.
//!
//! Lives here: the file. In the modules: what is told of families beyond the catalog (`note`, `sections`), of labels
//! (`labels`), how a family's entry is made (`entry`), and the page around the entries (`page`). Not here: names, help,
//! types, buckets: those are the catalogs'. So a family is described where it is defined, and explained here.

mod entry;
pub mod labels;
pub mod note;
mod page;
pub mod sections;

use super::File;

/// `docs/metrics.md`.
#[must_use]
pub fn files() -> Vec<File> {
    vec![File {
        path: "docs/metrics.md".to_owned(),
        text: page::text(),
    }]
}
