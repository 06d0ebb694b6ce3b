//! Which names are taken.
//!
//! Lives here: the names that a family's lines have, and those that OpenMetrics reserves for its type. Not here: as
//! what a family is exposed (the formats' `form`, which settles the same among families of one page).
//!
//! What others record comes behind ours, encoded by itself. So here is made sure that no name of theirs is one that
//! ours have or reserve, nor the other way round: in any format, whichever is asked for.

use std::collections::HashSet;

use media_metrics_core::desc::Kind;
use media_metrics_core::snapshot::Snapshot;

use super::parse::Family;
use crate::format::suffix::{CREATED, HISTOGRAM, INFO, TOTAL};

/// Names that are taken: those of our families, and those of foreign ones that came before.
pub(super) struct Claims<'s> {
    ours: &'s Snapshot,
    theirs: HashSet<String>,
}

impl<'s> Claims<'s> {
    pub(super) fn new(ours: &'s Snapshot) -> Self {
        let theirs = HashSet::new();
        Self { ours, theirs }
    }

    /// Takes a foreign family's names; `false` if one of them is taken.
    pub(super) fn claim(&mut self, family: &Family<'_>) -> bool {
        let lines = lines(family);
        let is_free = |name: &String| !self.theirs.contains(name) && !self.is_ours(name);
        let free =
            lines.iter().all(is_free) && !reserved(family).iter().any(|name| self.is_ours(name));
        if free {
            self.theirs.extend(lines);
        }
        free
    }

    /// Whether lines of ours have this name, or a type of ours reserves it.
    fn is_ours(&self, name: &str) -> bool {
        let kind = |name: &str| Some(self.ours.family(name)?.schema().desc().kind());
        let is = |name: &str, wanted| kind(name) == Some(wanted);
        let is_part = |part: &&str| {
            let whole = name.strip_suffix(*part);
            whole.is_some_and(|whole| is(whole, Kind::Histogram))
        };
        let created = name.strip_suffix(CREATED).is_some_and(|stem| {
            is(stem, Kind::Histogram) || is(&format!("{stem}{TOTAL}"), Kind::Counter)
        });
        kind(name).is_some()
            || HISTOGRAM.iter().any(is_part)
            || created
            || is(&format!("{name}{TOTAL}"), Kind::Counter)
            || is(&format!("{name}{INFO}"), Kind::Gauge)
    }
}

/// The names that a family's lines have.
fn lines(family: &Family<'_>) -> Vec<String> {
    let parts: &[&str] = if family.kind == "histogram" {
        &HISTOGRAM
    } else {
        &[]
    };
    let all = [""].iter().chain(parts);
    all.map(|part| format!("{}{part}", family.name)).collect()
}

/// The names that OpenMetrics reserves for it besides.
fn reserved(family: &Family<'_>) -> Vec<String> {
    let name = &*family.name;
    let stem = |suffix| name.strip_suffix(suffix);
    match (family.kind, stem(TOTAL), stem(INFO)) {
        ("counter", Some(stem), _) => vec![stem.to_owned(), format!("{stem}{CREATED}")],
        ("histogram", ..) => vec![format!("{name}{CREATED}")],
        // Whatever its type is there: here it becomes a gauge.
        (_, _, Some(stem)) => vec![stem.to_owned()],
        _ => Vec::new(),
    }
}
