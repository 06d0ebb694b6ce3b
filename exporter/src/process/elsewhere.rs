//! Other systems: nothing is known.

use super::Figures;

#[derive(Debug)]
pub(super) struct Probe;

impl Probe {
    pub(super) const fn new() -> Self {
        Self
    }

    pub(super) fn read(&mut self) -> Figures {
        Figures::default()
    }
}
