//! What receivers say: the latest of it, kept for whoever asks.
//!
//! Not here: reading answers (`answer`), what follows from a status (`push`).

use std::sync::{Arc, Mutex, PoisonError};

/// What a receiver said when it did not take all of a request, or had a warning: for people. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Remarks(Arc<Mutex<Option<Remark>>>);

/// One answer of a receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The HTTP status: 200, if it took the request but for some data points, or has a warning.
    pub status: u16,
    /// What it says, at most 256 characters, without control characters; empty, if it does not say.
    pub message: String,
}

impl Remarks {
    /// The latest; `None`, if the receiver never said anything.
    #[must_use]
    pub fn latest(&self) -> Option<Remark> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn note(&self, status: u16, message: String) {
        let remark = Remark { status, message };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(remark);
    }
}
