//! As what a family is exposed.
//!
//! Lives here: OpenMetrics' rules about types and names, and what becomes of families that don't meet them. Not
//! here: the lines (`plan`).
//!
//! | family | in OpenMetrics |
//! |---|---|
//! | counter `x_total` | counter `x` with samples `x_total` |
//! | counter of another name | unknown: the standard would add `_total`, and a name is not ours to change |
//! | gauge `x_info` whose values are all 1 | info `x` with samples `x_info` |
//! | any other gauge | gauge, whatever its name ends in |
//! | histogram | histogram; without sum and count if a bound is negative, as the standard demands |
//!
//! A type reserves names: `x_total` and `x_created` belong to the counter `x`. Where another family has such a
//! name, the type gives way: the family becomes unknown, which reserves nothing. No sample ever changes its name.

use std::collections::HashSet;

use media_metrics_core::snapshot::{FamilySnapshot, Values};

use super::Dialect;
use crate::format::suffix::{CREATED, HISTOGRAM, INFO, TOTAL};
use crate::format::{Escaping, escape};

/// A type, as far as it shows in lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Of a kind of value that lines have no words for, or not on the page at all: left out.
    None,
    Counter,
    Gauge,
    Info,
    Histogram,
    /// Numbers without a type.
    Unknown,
    /// A histogram's lines as three families without a type.
    UnknownHistogram,
}

impl Form {
    /// What the type adds to the family's name to make a sample's name, if that has no part in the family's name.
    pub(super) const fn suffix(self) -> &'static str {
        match self {
            Self::Counter => TOTAL,
            Self::Info => INFO,
            _ => "",
        }
    }
}

/// Whether a family is an info by its name.
pub(in crate::format) fn is_named_info(family: &FamilySnapshot) -> bool {
    matches!(family.values(), Values::Gauge(_)) && family.schema().desc().name().ends_with(INFO)
}

/// Whether a gauge's values say what an info's must: that it is there.
pub(in crate::format) fn all_ones(values: &Values) -> bool {
    matches!(values, Values::Gauge(levels) if levels.iter().flatten().all(|&level| level == 1.0))
}

/// One for each family, in their order; none for those that are not `on_page`, whose names are nobody's.
pub(super) fn forms(
    families: &[FamilySnapshot],
    on_page: &[bool],
    dialect: Dialect,
    scheme: Escaping,
) -> Vec<Form> {
    let all = || families.iter().zip(on_page);
    let plain = |(family, on_page): (&FamilySnapshot, &bool)| match family.values() {
        _ if !on_page => Form::None,
        Values::Counter(_) => Form::Counter,
        Values::Gauge(_) => Form::Gauge,
        Values::Histogram(_) => Form::Histogram,
        _ => Form::None,
    };
    if dialect == Dialect::Prometheus {
        return all().map(plain).collect();
    }
    let name = |family: &'_ FamilySnapshot| {
        let name = family.schema().desc().name();
        escape::family_name(name, scheme).into_owned()
    };
    let seen = all().filter(|(_, on_page)| **on_page);
    let mut names = Names::of(seen.map(|(family, _)| (name(family), family.values())));
    let typed = |(family, on_page): (&FamilySnapshot, &bool)| {
        let name = &*name(family);
        match plain((family, on_page)) {
            Form::Counter if names.claim(name, TOTAL, &["", CREATED]) => Form::Counter,
            Form::Counter => Form::Unknown,
            Form::Gauge if is_named_info(family) && all_ones(family.values()) => {
                match names.claim(name, INFO, &[""]) {
                    true => Form::Info,
                    false => Form::Gauge,
                }
            }
            Form::Histogram if !names.claim(name, "", &[CREATED]) => Form::UnknownHistogram,
            form => form,
        }
    };
    all().map(typed).collect()
}

/// Names that are taken.
struct Names(HashSet<String>);

impl Names {
    /// All names that stand on the page whatever the types.
    fn of<'a>(families: impl Iterator<Item = (String, &'a Values)>) -> Self {
        let mut names = HashSet::new();
        for (name, values) in families {
            if matches!(values, Values::Histogram(_)) {
                names.extend(HISTOGRAM.map(|suffix| format!("{name}{suffix}")));
            }
            names.insert(name);
        }
        Self(names)
    }

    /// Reserves for a type what stands before `suffix` in `name`, with each of `more` behind it; unless something
    /// of that is taken, or nothing stands there.
    fn claim(&mut self, name: &str, suffix: &str, more: &[&str]) -> bool {
        let Some(stem) = name.strip_suffix(suffix).filter(|stem| !stem.is_empty()) else {
            return false;
        };
        let wanted: Vec<String> = more.iter().map(|more| format!("{stem}{more}")).collect();
        let free = wanted.iter().all(|name| !self.0.contains(name));
        if free {
            self.0.extend(wanted);
        }
        free
    }
}
