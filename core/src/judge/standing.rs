//! What is published of a scored stream beside its numbers: its score, and whose it is.
//!
//! Lives here: one cell and a name, for the reporter's walk over all streams, which must not look a stream up
//! anywhere. Not here: scoring (`subject`), ranking (`worst`).

use super::participant::Participant;
use crate::cell::Cell;

/// A scored stream's standing. Made when the stream is judged first; who judges it again shares it.
#[derive(Debug)]
pub(crate) struct Standing {
    /// Bits of an `f64`; NaN before the first window or event.
    score: Cell,
    participant: Option<Participant>,
}

impl Standing {
    pub(crate) fn new(participant: Option<Participant>) -> Self {
        Self {
            score: Cell::new(f64::NAN.to_bits()),
            participant,
        }
    }

    /// Reporter only. Of a stream that is judged twice, who comes last is read.
    pub(super) fn publish(&self, score: f64) {
        self.score.set(score.to_bits());
    }

    /// `None` before the first window or event.
    pub(crate) fn score(&self) -> Option<f64> {
        Some(f64::from_bits(self.score.get())).filter(|score| !score.is_nan())
    }

    /// Whose stream it is, if the host said so.
    pub(crate) const fn participant(&self) -> Option<&Participant> {
        self.participant.as_ref()
    }
}
