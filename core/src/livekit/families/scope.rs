//! Registration: a node's labels on every series, and what happens where there is no room.
//!
//! Lives here: `Scope`, the kinds of handle. Not here: which series there are.
//!
//! A registry's own `other` series has that value in every label. A node's series must carry the node's id all
//! the same, so what finds no room is folded here, label by label.

use std::time::Duration;

use super::NodeIdentity;
use super::catalog::NODE_TYPE;
use super::level::Level;
use crate::catalog::{LIVEKIT_EVENTS_DROPPED, SERIES_OVERFLOW};
use crate::desc::Desc;
use crate::error::RegisterError;
use crate::histogram::ExactHistogram;
use crate::{Counter, Gauge, Registry};

/// Where a node registers.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    host: Registry,
    /// The same registry, where limits do not count: for `other`.
    reserve: Registry,
    identity: NodeIdentity,
    pub(super) unmatched: Counter,
    pub(super) no_room: Counter,
    pub(super) invalid: Counter,
}

/// A kind of handle on one series.
pub(super) trait Series: Sized {
    fn register(registry: &Registry, desc: &Desc, values: &[&str]) -> Result<Self, RegisterError>;
}

impl Series for Counter {
    fn register(registry: &Registry, desc: &Desc, values: &[&str]) -> Result<Self, RegisterError> {
        registry.counter(desc, values)
    }
}

impl Series for Gauge {
    fn register(registry: &Registry, desc: &Desc, values: &[&str]) -> Result<Self, RegisterError> {
        registry.gauge(desc, values)
    }
}

impl Series for ExactHistogram {
    fn register(registry: &Registry, desc: &Desc, values: &[&str]) -> Result<Self, RegisterError> {
        registry.exact_histogram(desc, values)
    }
}

impl Series for Level {
    fn register(registry: &Registry, desc: &Desc, values: &[&str]) -> Result<Self, RegisterError> {
        registry.gauge(desc, values).map(Self::new)
    }
}

/// A histogram of times in whole milliseconds.
///
/// - **Cost**: some ten nanoseconds, from any thread; no lock.
#[derive(Clone, Debug)]
pub struct TimesMs(ExactHistogram);

impl TimesMs {
    /// Records a time in whole milliseconds, rounded down as the reference does: 1.5 ms is 1.
    pub fn record(&self, time: Duration) {
        self.0.record(time.as_millis() as f64);
    }
}

impl Series for TimesMs {
    fn register(registry: &Registry, desc: &Desc, values: &[&str]) -> Result<Self, RegisterError> {
        registry.exact_histogram(desc, values).map(Self)
    }
}

/// Whether a registration met a limit, and nothing else was wrong.
pub(super) const fn is_full(error: &RegisterError) -> bool {
    matches!(
        error,
        RegisterError::Full { .. } | RegisterError::FamilyFull { .. }
    )
}

impl Scope {
    pub(super) fn new(registry: &Registry, identity: NodeIdentity) -> Result<Self, RegisterError> {
        let reserve = registry.for_library();
        let dropped = |reason| reserve.counter(&LIVEKIT_EVENTS_DROPPED, &[reason]);
        Ok(Self {
            unmatched: dropped("unmatched")?,
            no_room: dropped("no_room")?,
            invalid: dropped("invalid")?,
            host: registry.clone(),
            reserve,
            identity,
        })
    }

    /// A series of this node, or of no node for families without such labels.
    pub(super) fn series<S: Series>(
        &self,
        desc: &Desc,
        values: &[&str],
    ) -> Result<S, RegisterError> {
        self.register(&self.host, desc, values)
    }

    /// The same, whatever the limits: only for as many values as the library itself thinks up.
    pub(super) fn reserved<S: Series>(
        &self,
        desc: &Desc,
        values: &[&str],
    ) -> Result<S, RegisterError> {
        self.register(&self.reserve, desc, values)
    }

    /// The counter of what was folded into a family's `other`.
    pub(super) fn folds(&self, desc: &Desc) -> Result<Counter, RegisterError> {
        self.reserve.counter(&SERIES_OVERFLOW, &[desc.name()])
    }

    fn register<S: Series>(
        &self,
        registry: &Registry,
        desc: &Desc,
        values: &[&str],
    ) -> Result<S, RegisterError> {
        if desc.label_names().iter().last() != Some(NODE_TYPE) {
            return S::register(registry, desc, values);
        }
        let node = [&*self.identity.node_id, self.identity.node_type.as_str()];
        S::register(registry, desc, &[values, &node].concat())
    }
}
