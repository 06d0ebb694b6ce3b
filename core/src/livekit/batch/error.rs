//! What adding refuses. Merging has no error: what it must drop, it counts.

use std::fmt;

/// A cap of [`super::Limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cap {
    /// `rows`.
    Rows,
    /// `samples_per_row`.
    SamplesPerRow,
    /// `table_bytes`.
    TableBytes,
    /// `string_bytes`.
    StringBytes,
    /// `metadata_bytes`.
    MetadataBytes,
    /// `encoded_bytes`.
    EncodedBytes,
}

impl Cap {
    /// Its field in [`super::Limits`].
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::SamplesPerRow => "samples_per_row",
            Self::TableBytes => "table_bytes",
            Self::StringBytes => "string_bytes",
            Self::MetadataBytes => "metadata_bytes",
            Self::EncodedBytes => "encoded_bytes",
        }
    }
}

/// Why a series or an event was not added; the builder is as it was before.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddError {
    /// A label's number below 0 or from 4096 on, or an empty name.
    InvalidLabel {
        /// The number; `None` for the empty name.
        number: Option<i32>,
    },
    /// The label is restricted to another participant than the row's.
    FilteredLabel {
        /// The label's number.
        number: u32,
    },
    /// A sample is infinite or not a number.
    NonFinite {
        /// Which of the samples given.
        sample: usize,
    },
    /// A cap is reached.
    Full {
        /// Which one.
        cap: Cap,
        /// Its value.
        limit: usize,
    },
}

impl fmt::Display for AddError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidLabel { number: Some(n) } => write!(
                f,
                "invalid metric label {n}: numbers go from 0 to 4095; use a custom label for others"
            ),
            Self::InvalidLabel { number: None } => {
                f.write_str("invalid metric label: a custom label needs a name")
            }
            Self::FilteredLabel { number } => write!(
                f,
                "filtered metric label {number}: its participant alone may have it; add it to that one's builder"
            ),
            Self::NonFinite { sample } => {
                write!(f, "sample {sample} is not finite: leave it out")
            }
            Self::Full { cap, limit } => full(f, *cap, *limit),
        }
    }
}

impl std::error::Error for AddError {}

/// Why samples were not added; the builder is as it was before.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddSamplesError {
    /// The builder has no series of this index.
    InvalidIndex {
        /// The index given.
        index: usize,
        /// How many series there are.
        series: usize,
    },
    /// A sample is infinite or not a number.
    NonFinite {
        /// Which of the samples given.
        sample: usize,
    },
    /// A cap is reached.
    Full {
        /// Which one.
        cap: Cap,
        /// Its value.
        limit: usize,
    },
}

impl fmt::Display for AddSamplesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidIndex { index, series } => write!(
                f,
                "invalid time series metric index {index} of {series}: indexes start over when the builder is emptied"
            ),
            Self::NonFinite { sample } => {
                write!(f, "sample {sample} is not finite: leave it out")
            }
            Self::Full { cap, limit } => full(f, *cap, *limit),
        }
    }
}

impl std::error::Error for AddSamplesError {}

fn full(f: &mut fmt::Formatter<'_>, cap: Cap, limit: usize) -> fmt::Result {
    let cap = cap.name();
    write!(
        f,
        "the batch is full ({cap} = {limit}): emit it sooner, or raise the limit"
    )
}
