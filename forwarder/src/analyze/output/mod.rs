//! How an analysis looks.
//!
//! Lives here: the choice of format. In `table`: for people. In `prometheus`: for textfile collectors. Not
//! here: the figures themselves (`super::record`), printing.

mod prometheus;
mod table;

use super::Analysis;

/// The formats of `--format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A table for people.
    #[default]
    Table,
    /// An array of objects, one for each stream.
    Json,
    /// Prometheus text exposition.
    Prometheus,
}

impl Analysis {
    /// The analysis as text, without a newline at its end.
    #[must_use]
    pub fn to_text(&self, format: Format) -> String {
        let text = match format {
            Format::Table => table::text(self),
            // Nothing in a record can fail to be written: no map with keys that are no strings.
            Format::Json => serde_json::to_string_pretty(&self.streams).unwrap_or_default(),
            Format::Prometheus => prometheus::text(&self.streams),
        };
        text.trim_end().to_owned()
    }
}
