//! Models of every protocol, run by loom through all interleavings and orderings that it knows.
//!
//! Run with `cargo xtask loom`. Each model lists what it must have seen, so that it can't be green for
//! having gone nowhere; `cargo xtask weaken` weakens each ordering that it proves and sees it turn red.

mod buckets;
#[cfg(feature = "livekit")]
mod gate;
mod hand_over;
mod level;
mod mailbox;
mod mark;
mod reuse;
mod sequence;
mod sole;
mod stream_end;

use std::collections::BTreeSet;
use std::sync::Mutex;

/// What a model saw over all its executions.
struct Seen<T>(Mutex<BTreeSet<T>>);

impl<T: Ord> Seen<T> {
    const fn new() -> Self {
        Self(Mutex::new(BTreeSet::new()))
    }

    fn note(&self, what: T) {
        self.0.lock().unwrap().insert(what);
    }

    fn all(&self) -> Vec<T> {
        std::mem::take(&mut *self.0.lock().unwrap())
            .into_iter()
            .collect()
    }
}
