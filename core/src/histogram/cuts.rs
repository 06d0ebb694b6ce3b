//! Where a family's bounds cut its layout.
//!
//! Lives here: which buckets of the layout lie below which bound, made once for a family. Not here: counts.

use super::native::NativeCuts;
use crate::desc::Desc;

/// What a merge makes of a layout's counts, for the formats to tell.
#[derive(Debug, PartialEq)]
pub(crate) struct Cuts {
    /// For each bound of the description: how many leading buckets lie at or below it.
    pub(crate) classic: Box<[u32]>,
    /// If the family has native buckets.
    pub(super) native: Option<NativeCuts>,
}

impl Cuts {
    pub(crate) fn new(desc: &Desc) -> Self {
        let native = |schema| NativeCuts::new(desc.layout(), desc.recorded_per_unit(), schema);
        Self {
            classic: splits(desc),
            native: desc.native_schema().map(native),
        }
    }
}

/// For each bound of a description: how many leading buckets lie at or below it.
pub(super) fn splits(desc: &Desc) -> Box<[u32]> {
    if desc.is_exact() {
        return (1..=desc.bounds().len() as u32).collect();
    }
    let layout = desc.layout();
    let scale = desc.recorded_per_unit();
    // A bound like 0.1 s is not exactly 10^8 ns in binary: round to the nearest recorded unit.
    desc.bounds()
        .iter()
        .map(|b| layout.split(round_if_close(b * scale)) as u32)
        .collect()
}

/// The nearest whole number if it is within a few units in the last place, else the number itself.
fn round_if_close(v: f64) -> f64 {
    let rounded = v.round();
    if (v - rounded).abs() <= v.abs() * 4.0 * f64::EPSILON {
        rounded
    } else {
        v
    }
}
