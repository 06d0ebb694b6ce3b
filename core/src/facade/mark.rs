//! By which it is known whether a series is in use.
//!
//! Lives here: the mark that records set and sweeps take off, and what was recorded unseen. Not here: the sweeps
//! themselves (`idle`), what is recorded (`live`).
//!
//! # How
//! A record sets the mark if it is not set: mostly it is, so this is a load of a word that nobody writes. The
//! sweep takes it off; found off for the whole time-out, the series is over: taken out of the registry, but
//! neither its cells nor its index are anybody else's while a handle lives. A record that finds this puts the
//! series back, with what it had counted. It looks *after* it has recorded.
//!
//! # What of a record that finds nothing
//! Between its write and its look there is no fence, as that would cost more than the record. So it may find the
//! mark set though a sweep has just taken it off, and its write may be seen only later: by the language's
//! rules, after the series is over. Therefore a sweep that takes the mark off notes what was recorded by then, which
//! the merge that follows publishes, and each later sweep compares a series that is over with its note. What
//! differs goes back. A series is forgotten when nobody holds it, and who finds that has seen all its records: so
//! nothing is lost, and the worst is a record that is published some sweeps late.
//!
//! Model: `models/mark.rs`.

use crate::sync::{AtomicU8, AtomicU64, Relaxed};

/// Recorded into since the last sweep.
const USED: u8 = 0;
/// Not recorded into since the last sweep.
const UNUSED: u8 = 1;
/// Idle, and out of the registry.
const OVER: u8 = 2;

/// See the module. Sweeps, and who puts a series back, hold the facade's lock; records hold nothing.
#[derive(Debug)]
pub(crate) struct Mark {
    state: AtomicU8,
    /// When a sweep took the mark off, in nanoseconds. Under the lock alone.
    used_ns: AtomicU64,
    /// What was recorded by then. Under the lock alone.
    noted: AtomicU64,
}

impl Mark {
    pub(crate) fn new() -> Self {
        Self {
            state: AtomicU8::new(USED),
            used_ns: AtomicU64::new(0),
            noted: AtomicU64::new(0),
        }
    }

    /// After each record: whether there is nothing to do.
    #[inline(always)]
    pub(crate) fn is_set(&self) -> bool {
        // Relaxed: nothing that this load could be ordered by makes it current but a fence; see the module.
        self.state.load(Relaxed) == USED
    }

    /// Sets it, and says whether the series is over: then the caller has it put back.
    pub(crate) fn set(&self) -> bool {
        // Relaxed: who is told that it is over takes the lock under which that happened.
        let set = self.state.compare_exchange(UNUSED, USED, Relaxed, Relaxed);
        set == Err(OVER)
    }

    /// Takes the mark off, and says whether it has been off for so long that the series is over by now. `recorded` says
    /// what there is to publish: any number that another record changes.
    pub(crate) fn is_idle(
        &self,
        now_ns: u64,
        timeout_ns: u64,
        recorded: impl FnOnce() -> u64,
    ) -> bool {
        // Relaxed, here and below: what a record wrote is found by comparison, and all else is under the lock.
        match self.state.compare_exchange(USED, UNUSED, Relaxed, Relaxed) {
            Ok(_) => {
                self.used_ns.store(now_ns, Relaxed);
                self.noted.store(recorded(), Relaxed);
                return false;
            }
            Err(OVER) => return false,
            Err(_) => {}
        }
        let idle_ns = now_ns.saturating_sub(self.used_ns.load(Relaxed));
        // Who recorded in between has set the mark, and the series stays.
        idle_ns >= timeout_ns
            && self
                .state
                .compare_exchange(UNUSED, OVER, Relaxed, Relaxed)
                .is_ok()
    }

    /// Whether the series is out of the registry.
    pub(crate) fn is_over(&self) -> bool {
        self.state.load(Relaxed) == OVER // Relaxed: under the lock, as is who writes it
    }

    /// Of a series that is over: whether something was recorded that no merge has published.
    pub(crate) fn is_unseen(&self, recorded: u64) -> bool {
        recorded != self.noted.load(Relaxed) // Relaxed: under the lock, as is who writes it
    }

    /// The series is back.
    pub(crate) fn is_back(&self) {
        self.state.store(USED, Relaxed); // Relaxed: as above; a record that finds it over waits for the lock
    }
}
