//! Which families a page has.
//!
//! Lives here: the question. Not here: when it is asked (the encoder), who wants to know (hosts).

use std::fmt;
use std::sync::Arc;

type Shown = dyn Fn(&str) -> bool + Send + Sync;

/// Says by name whether a family is shown; by default all are.
#[derive(Clone, Default)]
pub(crate) struct Filter(Option<Arc<Shown>>);

impl Filter {
    pub(crate) const ALL: Self = Self(None);

    pub(crate) fn new(shown: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(shown)))
    }

    pub(crate) fn shows(&self, name: &str) -> bool {
        self.0.as_ref().is_none_or(|shown| shown(name))
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "some" } else { "all" })
    }
}
