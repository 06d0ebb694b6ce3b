//! What the receiver was told, and what of it has ended since.
//!
//! Lives here: comparing two batches, and the series whose end is still to be told. Not here: how that is written
//! (`v1`, `v2`), when it is sent (`protocol`).
//!
//! Compared are the batch that was begun last, whether it arrived or not, and the next one: so a snapshot that was
//! dropped in between hides no end, and a series of which nothing was ever sent needs none.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use super::batch::{Batch, FamilyValues};
use super::plan::Type;

/// So many ends are kept for a receiver that can't be reached. A series that is not told of goes stale by itself, in
/// Prometheus after 5 minutes.
pub(super) const MOST_ENDED: usize = 100_000;

/// A series that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// Name and value of each label, by place in `texts`, sorted by name.
    pub(super) labels: Box<[[u32; 2]]>,
    pub(super) texts: Box<[Arc<str>]>,
    pub(super) kind: Type,
    pub(super) is_native: bool,
}

/// Series that have ended, in the order in which that was noticed.
#[derive(Debug, Default)]
pub(super) struct Ends(VecDeque<Ended>);

impl Ends {
    /// Adds what is in `old` and no more in `new`; takes out what is there again. Returns how many found no room.
    pub(super) fn compare(&mut self, old: &Batch, new: &Batch) -> u64 {
        self.forget_revived(new);
        let mut later = new.families.iter().peekable();
        for family in &old.families {
            let name = family.plan.name();
            while later.next_if(|f| f.plan.name() < name).is_some() {}
            let now = later.next_if(|f| f.plan.name() == name);
            self.compare_family(family, now);
        }
        let over = self.0.len().saturating_sub(MOST_ENDED);
        self.0.drain(..over);
        over as u64
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, at: usize) -> Option<&Ended> {
        self.0.get(at)
    }

    /// The first ones were told.
    pub(super) fn told(&mut self, count: usize) {
        self.0.drain(..count.min(self.0.len()));
    }

    fn compare_family(&mut self, old: &FamilyValues, new: Option<&FamilyValues>) {
        let lives = |at: &usize| old.is_live(*at);
        match new {
            Some(new) if Arc::ptr_eq(&old.plan, &new.plan) => {
                let gone = (0..old.plan.len())
                    .filter(lives)
                    .filter(|&at| !new.is_live(at));
                self.0.extend(gone.map(|at| ended(old, at)));
            }
            new => {
                let there = new.map(live_labels).unwrap_or_default();
                let gone = (0..old.plan.len()).filter(lives);
                let gone = gone.filter(|&at| !there.contains(&texts(old, at)));
                self.0.extend(gone.map(|at| ended(old, at)));
            }
        }
    }

    /// Those that wait from before, because the batch that would have told of them was given up.
    fn forget_revived(&mut self, new: &Batch) {
        if self.0.is_empty() {
            return;
        }
        let there: HashSet<_> = new.families.iter().flat_map(live_labels).collect();
        self.0.retain(|ended| {
            let text = |place: u32| ended.texts.get(place as usize).map_or("", |text| &**text);
            let labels = ended.labels.iter().map(|label| label.map(text));
            !there.contains(&labels.collect::<Vec<_>>())
        });
    }
}

fn ended(family: &FamilyValues, at: usize) -> Ended {
    let plan = &family.plan;
    let places = plan.labels(at).as_flattened().iter();
    let texts = places.filter_map(|&place| plan.texts().get(place as usize));
    let texts: Box<[Arc<str>]> = texts.map(Arc::clone).collect();
    Ended {
        labels: (0..texts.len() as u32 / 2)
            .map(|label| [2 * label, 2 * label + 1])
            .collect(),
        texts,
        kind: plan.kind,
        is_native: at >= plan.numbers(),
    }
}

/// Labels of all series that have a value.
fn live_labels(family: &FamilyValues) -> HashSet<Vec<[&str; 2]>> {
    let live = (0..family.plan.len()).filter(|&at| family.is_live(at));
    live.map(|at| texts(family, at)).collect()
}

fn texts(family: &FamilyValues, at: usize) -> Vec<[&str; 2]> {
    let text = |place: u32| {
        family
            .plan
            .texts()
            .get(place as usize)
            .map_or("", |text| &**text)
    };
    let labels = family.plan.labels(at).iter();
    labels.map(|label| label.map(text)).collect()
}
