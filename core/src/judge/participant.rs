//! Participants: people (or devices) with several streams, who are as well off as their worst.
//!
//! Lives here: who belongs together. Not here: scoring.

use std::sync::{Arc, Mutex, PoisonError};

use crate::quality::Quality;

/// Somebody with streams of their own. Made by [`Registry::participant`](crate::Registry::participant).
///
/// Cheap to clone. A participant is there as long as a handle or a scored stream of theirs is.
#[derive(Clone, Debug)]
pub struct Participant {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    name: String,
    quality: Mutex<Option<Quality>>,
}

impl Participant {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            inner: Arc::new(Inner {
                name: name.to_owned(),
                quality: Mutex::new(None),
            }),
        }
    }

    /// Their name, as the host gave it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The worst quality of their streams, as of the last time that participants were judged; `None` before
    /// the first time, and without streams.
    #[must_use]
    pub fn quality(&self) -> Option<Quality> {
        let quality = &self.inner.quality;
        *quality.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which one it is.
    pub(super) fn key(&self) -> usize {
        Arc::as_ptr(&self.inner) as usize
    }

    pub(super) fn publish(&self, quality: Option<Quality>) {
        let mut shown = self
            .inner
            .quality
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *shown = quality;
    }
}

/// One participant and how well off they are.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ParticipantSnapshot {
    /// Their name, as the host gave it.
    pub name: String,
    /// See [`Participant::quality`].
    pub quality: Option<Quality>,
}
