//! What stays the same from snapshot to snapshot.
//!
//! Lives here: one plan for each family, kept as long as the family's schema is the same `Arc`, and what the host said
//! of it. Not here: what a plan holds, which is each format's own.

use std::mem;
use std::sync::Arc;
use std::time::SystemTime;

use media_metrics_core::snapshot::{FamilySchema, FamilySnapshot, Values};

use super::Filter;

/// The fixed bytes of one family in one format.
pub(crate) trait Plan {
    /// Whose it is. Held, not just compared: so its address can't become that of another schema.
    fn schema(&self) -> &Arc<FamilySchema>;

    /// The latest start of a series that is among the fixed bytes.
    fn latest_start(&self) -> Option<SystemTime> {
        None
    }

    /// Whether the fixed bytes suit these values of its series: always, unless what the family is exposed as depends on
    /// them.
    fn suits(&self, values: &Values) -> bool {
        let _ = values;
        true
    }

    /// Whether the plan still holds for `family` at `now`. Not if the clock was set back to before a start: a sample
    /// is never older than its series.
    fn fits(&self, family: &FamilySnapshot, now: SystemTime) -> bool {
        Arc::ptr_eq(self.schema(), family.schema())
            && self.latest_start().is_none_or(|start| start <= now)
            && self.suits(family.values())
    }
}

/// When a series began, as it is told at `now`.
pub(super) fn start(schema: &FamilySchema, series: usize, now: SystemTime) -> Option<SystemTime> {
    Some(schema.created(series)?.min(now))
}

/// The latest of all series' starts.
pub(super) fn latest_start(schema: &FamilySchema, now: SystemTime) -> Option<SystemTime> {
    (0..schema.len())
        .filter_map(|i| start(schema, i, now))
        .max()
}

/// One plan for each family of the last snapshot, in its order.
#[derive(Debug)]
pub(crate) struct Plans<P>(Vec<Kept<P>>);

/// One of them, and whether the host shows its family: so it is asked once.
#[derive(Debug)]
struct Kept<P> {
    plan: P,
    shown: bool,
}

impl<P> Plans<P> {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &P> {
        self.0.iter().map(|kept| &kept.plan)
    }
}

impl<P> Default for Plans<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Plan> Plans<P> {
    /// Becomes the plans of `families`, whose values are of `now`: keeps what still holds, makes what is new, drops the rest.
    ///
    /// Only if something changed, `host` is asked about each family without a plan that holds, once; then `forms`, which is
    /// told of all families which are shown, says what each is to be exposed as: a plan of another form doesn't hold
    /// either, and `make` makes one of this form.
    pub(crate) fn follow<F>(
        &mut self,
        families: &[FamilySnapshot],
        now: SystemTime,
        host: &Filter,
        forms: impl FnOnce(&[FamilySnapshot], &[bool]) -> Vec<F>,
        is_of: impl Fn(&P, &F) -> bool,
        make: impl Fn(&FamilySnapshot, F) -> P,
    ) {
        let plans = &mut self.0;
        let unchanged = plans.len() == families.len()
            && plans
                .iter()
                .zip(families)
                .all(|(kept, family)| kept.plan.fits(family, now));
        if unchanged {
            return;
        }
        // Both are sorted by name, so one walk meets every plan that can be kept.
        let mut old = mem::take(plans).into_iter().peekable();
        let kept = families.iter().map(|family| {
            let name = family.schema().desc().name();
            let is_before = |kept: &Kept<P>| kept.plan.schema().desc().name() < name;
            while old.next_if(is_before).is_some() {}
            old.next_if(|kept| kept.plan.fits(family, now))
        });
        let kept: Vec<Option<Kept<P>>> = kept.collect();
        let shown = kept.iter().zip(families).map(|(kept, family)| match kept {
            Some(kept) => kept.shown,
            None => host.shows_name(family.schema().desc().name()),
        });
        let shown: Vec<bool> = shown.collect();
        let all = families.iter().zip(forms(families, &shown)).zip(kept);
        let all = all.map(|((family, form), kept)| {
            let holds = kept.filter(|kept| is_of(&kept.plan, &form));
            holds.map_or_else(|| make(family, form), |kept| kept.plan)
        });
        *plans = all
            .zip(shown)
            .map(|(plan, shown)| Kept { plan, shown })
            .collect();
    }
}
