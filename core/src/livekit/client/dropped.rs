//! Why a sample is not counted, and how many were not.
//!
//! Lives here: reasons and their counters. Not here: who decides.

use crate::catalog;
use crate::counter::Counter;
use crate::error::RegisterError;
use crate::registry::Registry;

/// Why a sample is not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// Negative, not a number, beyond belief, or grown too fast.
    OutOfRange,
    /// Older than what its series had.
    OutOfOrder,
    /// Of the same time as what its series had.
    Duplicate,
    /// Of one series too many of its sender.
    TooManySeries,
    /// Of a round trip that the server measures itself.
    MeasuredHere,
}

impl Reason {
    /// In the order of their numbers.
    const NAMES: [&str; 5] = [
        "out_of_range",
        "out_of_order",
        "duplicate",
        "too_many_series",
        "measured_here",
    ];
}

/// The samples that were not counted, by reason.
#[derive(Clone, Debug)]
pub(super) struct Dropped(Vec<Counter>);

impl Dropped {
    pub(super) fn register(registry: &Registry) -> Result<Self, RegisterError> {
        let counter = |name| registry.counter(&catalog::CLIENT_SAMPLES_DROPPED, &[name]);
        Reason::NAMES
            .into_iter()
            .map(counter)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(super) fn add(&self, reason: Reason, samples: u64) {
        if let Some(counter) = self.0.get(reason as usize) {
            counter.add(samples);
        }
    }
}
