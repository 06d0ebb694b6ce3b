//! Formats that are lines of text: Prometheus' and OpenMetrics'.
//!
//! Lives here: the encoder, which walks a snapshot and formats its numbers; `plan`, the fixed bytes between the
//! numbers; `form`, as what a family is exposed; `Dialect`, in what the two formats differ. Not here: the public
//! encoders (`text`, `openmetrics`), sharing an encoded page among scrapers (`encode`).
//!
//! A page is almost the same from scrape to scrape: only numbers change. So everything between two
//! numbers is made once for each family and kept as long as the family's schema stays the same `Arc`.
//! A steady scrape copies fixed bytes and formats numbers, and allocates nothing.

mod form;
mod plan;

use media_metrics_core::snapshot::Snapshot;

use self::plan::Lines;

pub(super) use self::form::{all_ones, is_named_info};
use super::Settings;
use super::memory::Memory;
use super::openmetrics::END;

/// Which of the two formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Prometheus,
    OpenMetrics,
}

/// Encodes snapshots, and remembers what doesn't change between them.
#[derive(Debug)]
pub(super) struct Encoder {
    dialect: Dialect,
    memory: Memory<Lines>,
}

impl Encoder {
    pub(super) const fn new(dialect: Dialect, settings: Settings) -> Self {
        Self {
            dialect,
            memory: Memory::new(settings),
        }
    }

    /// The same with other settings, having seen nothing.
    pub(super) fn set(self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.memory.into_settings();
        change(&mut settings);
        Self::new(self.dialect, settings)
    }

    /// Families of the last snapshot whose escaped names were another's.
    pub(super) const fn left_out(&self) -> usize {
        self.memory.left_out()
    }

    /// Writes the page of `snapshot` into `page`, in place of what was there; its capacity is kept.
    pub(super) fn encode(&mut self, snapshot: &Snapshot, page: &mut Vec<u8>) {
        let dialect = self.dialect;
        self.memory.follow(
            snapshot,
            |families, on_page, settings| form::forms(families, &on_page, dialect, settings.names),
            |plan, form| plan.form() == *form,
            |family, form, settings, now| Lines::new(family, form, dialect, settings, now),
        );
        let end: &[u8] = match dialect {
            Dialect::Prometheus => b"",
            Dialect::OpenMetrics => END,
        };
        page.clear();
        page.reserve(self.memory.plans().map(Lines::max_bytes).sum::<usize>() + end.len());
        for (plan, family) in self.memory.plans().zip(snapshot.families()) {
            plan.write(family.values(), snapshot.time(), page);
        }
        page.extend_from_slice(end);
    }
}
