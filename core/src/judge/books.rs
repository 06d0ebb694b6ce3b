//! What a registry keeps of scored streams between the host's calls and the reporter's ticks.
//!
//! Lives here: who is to be scored from now on, and whose families there are. Not here: those who are scored already
//! (`judges`), the families (`metrics`).

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::metrics::{ParticipantMetrics, QualityMetrics};
use super::subject::Judged;
use crate::error::RegisterError;
use crate::registry::Shared;
use crate::sync::Queue;

/// See the module.
#[derive(Debug)]
pub(crate) struct Books {
    /// Streams to be scored from now on.
    pub(super) new: Queue<Box<Judged>>,
    groups: Mutex<Vec<Arc<QualityMetrics>>>,
    participants: OnceLock<ParticipantMetrics>,
}

impl Books {
    pub(crate) fn new() -> Self {
        Self {
            new: Queue::new(),
            groups: Mutex::new(Vec::new()),
            participants: OnceLock::new(),
        }
    }

    /// The families of each label group with a scored stream.
    pub(super) fn groups(&self) -> MutexGuard<'_, Vec<Arc<QualityMetrics>>> {
        // A panic elsewhere did not spoil it: groups are only added, each whole.
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The families of participants; `None` as long as there was none.
    pub(super) fn participants(&self) -> Option<&ParticipantMetrics> {
        self.participants.get()
    }

    /// There is a participant: from now on there are their families.
    pub(super) fn make_participants(&self, shared: &Shared) -> Result<(), RegisterError> {
        if self.participants.get().is_none() {
            let made = ParticipantMetrics::new(&mut shared.table(), &shared.home)?;
            // Who comes second has made handles on the same series.
            let _ = self.participants.set(made);
        }
        Ok(())
    }
}
