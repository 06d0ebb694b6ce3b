//! What an encoder remembers between snapshots.
//!
//! Lives here: its settings, the plan of each family, and which families are on the page: those that the host shows and
//! that have a name of their own. Not here: what a plan holds, writing it (the formats).

use std::time::SystemTime;

use media_metrics_core::snapshot::{FamilySnapshot, Snapshot};

use super::plans::{Plan, Plans};
use super::{Settings, names};

/// Settings, plans, and what had to be left out.
#[derive(Debug)]
pub(super) struct Memory<P> {
    settings: Settings,
    plans: Plans<P>,
    left_out: usize,
}

impl<P> Memory<P> {
    /// That of an encoder which has seen nothing.
    pub(super) const fn new(settings: Settings) -> Self {
        Self {
            settings,
            plans: Plans::new(),
            left_out: 0,
        }
    }

    /// The settings, to make another encoder of.
    pub(super) fn into_settings(self) -> Settings {
        self.settings
    }

    /// Families of the last snapshot whose escaped names were another's.
    pub(super) const fn left_out(&self) -> usize {
        self.left_out
    }

    /// The plans of the last snapshot's families, in their order.
    pub(super) fn plans(&self) -> impl Iterator<Item = &P> {
        self.plans.iter()
    }
}

impl<P: Plan> Memory<P> {
    /// Takes `snapshot` in: see [`Plans::follow`]. `forms` is told which families are on the page.
    pub(super) fn follow<F>(
        &mut self,
        snapshot: &Snapshot,
        forms: impl FnOnce(&[FamilySnapshot], Vec<bool>, &Settings) -> Vec<F>,
        is_of: impl Fn(&P, &F) -> bool,
        make: impl Fn(&FamilySnapshot, F, &Settings, SystemTime) -> P,
    ) {
        let (settings, left_out) = (&self.settings, &mut self.left_out);
        let now = snapshot.time();
        self.plans.follow(
            snapshot.families(),
            now,
            &settings.shown,
            |families, shown| {
                let on_page = names::on_page(families, shown, settings.names);
                *left_out = shown.iter().zip(&on_page).filter(|(a, b)| a != b).count();
                forms(families, on_page, settings)
            },
            is_of,
            |family, form| make(family, form, settings, now),
        );
    }
}
