//! Whose rules hold: the reference's, or those with its faults mended.

use serde::{Deserialize, Serialize};

/// Whether the reference's known faults are mended or reproduced.
///
/// For batches ([`Builder`](super::batch::Builder)) this is about merging: what is added by hand is held to the
/// same rules under both, and caps hold under both. For clocks ([`Timestamper`](super::timestamper::Timestamper))
/// it is about the estimate and the fields that are mapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rules {
    /// Mended: what is broken is dropped and counted, or followed as it should be.
    #[default]
    Corrected,
    /// The reference's own results, faults included: for comparisons.
    Reference,
}
