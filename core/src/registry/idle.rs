//! Who lets series go that are idle.
//!
//! Lives here: the list of them, asked at each merge. Not here: what is idle (`facade`).

use std::sync::{Mutex, PoisonError, Weak};
use std::time::Instant;

/// Somebody with series that may be idle.
pub(crate) trait Expire: Send + Sync {
    /// A merge is under way: those go that are idle by now.
    fn expire(&self, now: Instant);
}

/// All of a registry.
#[derive(Debug, Default)]
pub(super) struct Expiring(Mutex<Vec<Weak<dyn Expire>>>);

impl Expiring {
    pub(super) fn add(&self, one: Weak<dyn Expire>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(one);
    }

    pub(super) fn expire(&self, now: Instant) {
        // Not under the lock: who is made by now adds itself there.
        let all: Vec<_> = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.retain(|one| one.strong_count() > 0);
            all.iter().filter_map(Weak::upgrade).collect()
        };
        all.iter().for_each(|one| one.expire(now));
    }
}
