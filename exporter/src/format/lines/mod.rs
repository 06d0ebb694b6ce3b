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
use super::filter::Filter;
use super::negotiate::Escaping;
use super::openmetrics::END;
use super::plans::Plans;

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
    names: Escaping,
    shown: Filter,
    plans: Plans<Lines>,
}

impl Encoder {
    pub(super) const fn new(dialect: Dialect, names: Escaping, shown: Filter) -> Self {
        Self {
            dialect,
            names,
            shown,
            plans: Plans::new(),
        }
    }

    /// Writes the page of `snapshot` into `page`, in place of what was there; its capacity is kept.
    pub(super) fn encode(&mut self, snapshot: &Snapshot, page: &mut Vec<u8>) {
        let families = snapshot.families();
        let (dialect, names, shown) = (self.dialect, self.names, &self.shown);
        self.plans.follow(
            families,
            |families| form::forms(families, dialect),
            |plan, form| plan.form() == *form,
            |family, form| {
                let shown = shown.shows(family.schema().desc().name());
                Lines::new(family, form, dialect, names, shown)
            },
        );
        let end: &[u8] = match dialect {
            Dialect::Prometheus => b"",
            Dialect::OpenMetrics => END,
        };
        page.clear();
        page.reserve(self.plans.iter().map(Lines::max_bytes).sum::<usize>() + end.len());
        for (plan, family) in self.plans.iter().zip(families) {
            plan.write(family.values(), page);
        }
        page.extend_from_slice(end);
    }
}
