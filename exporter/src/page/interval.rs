//! What happened between two snapshots.
//!
//! Lives here: by how much families grew, all series of each together, and rates. Not here: which families (`moment`).

use std::collections::BTreeMap;

use media_metrics_core::Desc;
use media_metrics_core::snapshot::{FamilySnapshot, Snapshot, Values};

use super::spread::Spread;
use crate::grown::positions;

/// A snapshot, and what it is compared with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interval<'a> {
    pub(super) now: &'a Snapshot,
    /// The snapshot before and the time in between, above 0 s; `None` for the first.
    pub(super) before: Option<(&'a Snapshot, f64)>,
}

impl<'a> Interval<'a> {
    /// What a counter's series add up to, in exposed units; `None` if there is no such family.
    pub(super) fn total(&self, desc: &Desc) -> Option<f64> {
        let family = self.now.family(desc.name())?;
        match family.values() {
            Values::Counter(all) => Some(sum(all) / desc.recorded_per_unit()),
            _ => None,
        }
    }

    /// By how much a counter grew, in exposed units; `None` if nobody knows.
    pub(super) fn increase(&self, desc: &Desc) -> Option<f64> {
        let (family, before) = self.pair(desc)?;
        let Values::Counter(now) = family.values() else {
            return None;
        };
        let former = before.as_ref().map_or(&[][..], |(f, _)| match f.values() {
            Values::Counter(v) => v,
            _ => &[],
        });
        let grown = now.iter().enumerate().map(|(i, now)| {
            let at = before.as_ref().and_then(|(_, places)| places.of(i));
            now.saturating_sub(at.and_then(|at| former.get(at)).copied().unwrap_or(0))
        });
        let more = grown.fold(0, u64::saturating_add);
        Some(more as f64 / desc.recorded_per_unit())
    }

    /// The same a second.
    pub(super) fn rate(&self, desc: &Desc) -> Option<f64> {
        let (_, seconds) = self.before?;
        Some(self.increase(desc)? / seconds)
    }

    /// What a gauge's series add up to; `None` if none has a value.
    pub(super) fn level(&self, desc: &Desc) -> Option<f64> {
        let Values::Gauge(all) = self.now.family(desc.name())?.values() else {
            return None;
        };
        all.iter().copied().flatten().reduce(|a, b| a + b)
    }

    /// What a family's series have, summed up for each value of one label: a gauge's levels, or a counter's totals in
    /// exposed units. `None` if there is no such family.
    pub(super) fn by(&self, desc: &Desc, label: &str) -> Option<BTreeMap<&'a str, f64>> {
        let family = self.now.family(desc.name())?;
        let schema = family.schema();
        let mut sums = BTreeMap::new();
        for i in 0..schema.len() {
            let value = match family.values() {
                Values::Counter(all) => all.get(i).map(|n| *n as f64 / desc.recorded_per_unit()),
                Values::Gauge(all) => all.get(i).copied().flatten(),
                _ => None,
            };
            let named = schema.labels(i).find(|(name, _)| *name == label);
            if let (Some(value), Some((_, name))) = (value, named) {
                *sums.entry(name).or_insert(0.0) += value;
            }
        }
        Some(sums)
    }

    /// What a histogram's series got; `None` if nobody knows, or nothing.
    pub(super) fn spread(&self, desc: &Desc) -> Option<Spread> {
        let (family, before) = self.pair(desc)?;
        let Values::Histogram(now) = family.values() else {
            return None;
        };
        let former = before.as_ref().map_or(&[][..], |(f, _)| match f.values() {
            Values::Histogram(v) => v,
            _ => &[],
        });
        let mut spread = Spread::new(desc);
        for (i, now) in now.iter().enumerate() {
            let at = before.as_ref().and_then(|(_, places)| places.of(i));
            spread.add(now, at.and_then(|at| former.get(at)));
        }
        (!spread.is_empty()).then_some(spread)
    }

    /// A family now and before; `None` if there is none, or no before.
    fn pair(
        &self,
        desc: &Desc,
    ) -> Option<(&'a FamilySnapshot, Option<(&'a FamilySnapshot, Places)>)> {
        let (before, _) = self.before?;
        let family = self.now.family(desc.name())?;
        let former = before
            .family(desc.name())
            .map(|former| (former, Places::new(family, former)));
        Some((family, former))
    }
}

/// Where series were in the snapshot before.
#[derive(Clone, Debug)]
enum Places {
    Same,
    Moved(Vec<Option<usize>>),
}

impl Places {
    fn new(family: &FamilySnapshot, former: &FamilySnapshot) -> Self {
        match std::sync::Arc::ptr_eq(family.schema(), former.schema()) {
            true => Self::Same,
            false => Self::Moved(positions(family.schema(), former.schema())),
        }
    }

    fn of(&self, i: usize) -> Option<usize> {
        match self {
            Self::Same => Some(i),
            Self::Moved(from) => from.get(i).copied().flatten(),
        }
    }
}

fn sum(all: &[u64]) -> f64 {
    all.iter().fold(0, |sum: u64, n| sum.saturating_add(*n)) as f64
}
