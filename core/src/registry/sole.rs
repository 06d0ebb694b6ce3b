//! The right to be the only one: a registry has one reporter at a time.
//!
//! Lives here: taking the right and giving it back. Not here: who has it (`reporter::thread`).
//!
//! Model: `models/sole.rs`.

use crate::sync::{Acquire, AtomicBool, Relaxed, Release};

/// A right that one has at a time.
#[derive(Debug)]
pub(crate) struct Sole(AtomicBool);

impl Sole {
    pub(crate) fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Whether the caller has the right from now on.
    pub(crate) fn take(&self) -> bool {
        // Acquire: pairs with the Release store in `give_back`: who has the right finds the work of who had it done.
        // Without it the new one could begin with what the old one had before its end. Relaxed on failure: then we
        // take nothing.
        let taken = self.0.compare_exchange(false, true, Acquire, Relaxed);
        taken.is_ok()
    }

    /// Only by who has it.
    pub(crate) fn give_back(&self) {
        // Release: pairs with the Acquire exchange in `take`; see there.
        self.0.store(false, Release);
    }
}
