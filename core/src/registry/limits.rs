//! What a registry may hold, and what it calls its groups.
//!
//! Lives here: the numbers, their defaults, what is too much. Not here: choosing them (`builder`), who is refused for them
//! (`table`, `shared`).

use std::time::Duration;

use super::table::RESERVED;
use crate::catalog;
use crate::desc::LabelNames;
use crate::error::RegisterError;
use crate::judge::with_reason;
use crate::worst::{DEFAULT_SLOTS, MAX_SLOTS};

/// Largest `max_groups`.
const MAX_GROUPS: usize = 256;

// A group has some 30 series, and the library and each family's `other` want some too.
const _: () = assert!(MAX_GROUPS * 2 * 40 <= RESERVED / 2 + RESERVED / 8 + RESERVED / 4);

/// Largest `max_series`: 256 MiB of address space a thread.
const MAX_SERIES: usize = 1 << 24;

/// See [`RegistryBuilder`](super::RegistryBuilder), whose methods say what each is.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    pub(super) max_series: usize,
    pub(super) max_streams: usize,
    pub(super) max_groups: usize,
    pub(super) group_labels: LabelNames,
    pub(super) quality_window: Duration,
    pub(super) worst: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_series: 65_536,
            max_streams: 100_000,
            max_groups: MAX_GROUPS,
            group_labels: LabelNames::Static(catalog::GROUP_LABELS),
            quality_window: Duration::from_secs(5),
            worst: DEFAULT_SLOTS,
        }
    }
}

impl Limits {
    /// Whether all of them can be had.
    pub(super) fn check(&self) -> Result<(), RegisterError> {
        for (what, wanted, limit) in [
            ("max_series", self.max_series, MAX_SERIES),
            ("max_groups", self.max_groups, MAX_GROUPS),
            ("worst", self.worst, MAX_SLOTS),
        ] {
            if wanted > limit {
                return Err(RegisterError::BadLimit { what, limit });
            }
        }
        catalog::RTP_INTERVAL_LOSS
            .clone()
            .with_label_names(self.group_labels.clone())
            .validate()?;
        with_reason(&self.group_labels).validate()
    }
}
