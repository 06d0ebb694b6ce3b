//! What is asked of a page beside its format.
//!
//! Lives here: the choices that all formats share. Not here: who makes them (scrapers through `negotiate`, hosts through
//! the public encoders and the server).

use super::{Escaping, Filter};

/// How a page is to look.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// How names are written that not every reader knows.
    pub(crate) names: Escaping,
    /// Which families it has.
    pub(crate) shown: Filter,
    /// Whether OpenMetrics 1.0 tells in samples of their own when series began.
    pub(crate) created: bool,
}

impl Settings {
    pub(crate) const DEFAULT: Self = Self {
        names: Escaping::Underscores,
        shown: Filter::ALL,
        created: false,
    };
}

impl Default for Settings {
    fn default() -> Self {
        Self::DEFAULT
    }
}
