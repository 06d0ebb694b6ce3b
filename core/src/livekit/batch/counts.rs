//! What a merge kept and what it did not, by reason.

use std::ops::AddAssign;

/// Books of a merge. Rows are series and events.
///
/// Samples of a dropped row are not counted one by one; those that were dropped before their row was left
/// without any, are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MergeCounts {
    /// Rows kept (coalesced ones included).
    pub rows: u64,
    /// Samples kept.
    pub samples: u64,
    /// Rows whose label is restricted to another participant: the ordinary case, nobody's fault.
    pub rows_restricted: u64,
    /// Rows whose custom label is not in the string table, or is empty (M1).
    pub rows_unknown_label: u64,
    /// Rows whose identity is not in the string table (M2).
    pub rows_unknown_identity: u64,
    /// Rows that claim another identity than their sender's, who is not trusted (M3).
    pub rows_foreign_identity: u64,
    /// Series without a sample, or with none that could be kept.
    pub rows_no_samples: u64,
    /// Events with a time that is none: see [`Self::samples_bad_time`].
    pub rows_bad_time: u64,
    /// Rows with a string above [`super::Limits::string_bytes`].
    pub rows_string_too_long: u64,
    /// Rows beyond the caps on rows, on the string table or on encoded bytes.
    pub rows_over_limit: u64,
    /// Samples that are infinite or not a number.
    pub samples_non_finite: u64,
    /// Samples with a time that is none: ms beyond 64 bits of nanoseconds (the years 1677 to 2262), or a
    /// `Timestamp` beyond them or with nanoseconds outside 0 to 999,999,999.
    pub samples_bad_time: u64,
    /// Samples beyond the cap on samples of a row. What is beyond the one on encoded bytes is dropped row by
    /// row: see [`Self::rows_over_limit`].
    pub samples_over_limit: u64,
    /// Tracks and layers that are not in the string table: the row was kept without (M4).
    pub fields_cleared: u64,
    /// Events whose metadata was cut to [`super::Limits::metadata_bytes`].
    pub metadata_cut: u64,
}

impl MergeCounts {
    /// Rows dropped for whatever reason.
    #[must_use]
    pub fn rows_dropped(&self) -> u64 {
        self.rows_by_reason().iter().map(|(_, rows)| rows).sum()
    }

    /// Samples dropped for whatever reason.
    #[must_use]
    pub fn samples_dropped(&self) -> u64 {
        self.samples_by_reason().iter().map(|(_, n)| n).sum()
    }

    /// Dropped rows with the value that a `reason` label has for them.
    #[must_use]
    pub const fn rows_by_reason(&self) -> [(&'static str, u64); 8] {
        [
            ("restricted", self.rows_restricted),
            ("unknown_label", self.rows_unknown_label),
            ("unknown_identity", self.rows_unknown_identity),
            ("foreign_identity", self.rows_foreign_identity),
            ("no_samples", self.rows_no_samples),
            ("bad_time", self.rows_bad_time),
            ("string_too_long", self.rows_string_too_long),
            ("over_limit", self.rows_over_limit),
        ]
    }

    /// Dropped samples with the value that a `reason` label has for them.
    #[must_use]
    pub const fn samples_by_reason(&self) -> [(&'static str, u64); 3] {
        [
            ("non_finite", self.samples_non_finite),
            ("bad_time", self.samples_bad_time),
            ("over_limit", self.samples_over_limit),
        ]
    }
}

impl AddAssign for MergeCounts {
    fn add_assign(&mut self, more: Self) {
        self.rows += more.rows;
        self.samples += more.samples;
        self.rows_restricted += more.rows_restricted;
        self.rows_unknown_label += more.rows_unknown_label;
        self.rows_unknown_identity += more.rows_unknown_identity;
        self.rows_foreign_identity += more.rows_foreign_identity;
        self.rows_no_samples += more.rows_no_samples;
        self.rows_bad_time += more.rows_bad_time;
        self.rows_string_too_long += more.rows_string_too_long;
        self.rows_over_limit += more.rows_over_limit;
        self.samples_non_finite += more.samples_non_finite;
        self.samples_bad_time += more.samples_bad_time;
        self.samples_over_limit += more.samples_over_limit;
        self.fields_cleared += more.fields_cleared;
        self.metadata_cut += more.metadata_cut;
    }
}
