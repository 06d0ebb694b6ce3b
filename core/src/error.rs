//! What can go wrong, one enum per operation.
//!
//! Lives here: errors of cold paths (registration, starting). Recording has no error: what it must
//! drop, it counts.

use std::fmt;

/// Why a metric or a stream was not registered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegisterError {
    /// Not `[a-zA-Z_:][a-zA-Z0-9_:]*` (labels: without the colon); `at` is the first offending byte. Of a family with
    /// [UTF-8 names](crate::Desc::utf8_names): empty, longer than 512 bytes, or with a control character.
    BadName {
        /// The name as given.
        name: String,
        /// Offset of the first byte that is not allowed.
        at: usize,
    },
    /// A label name that Prometheus keeps for itself: `__…`, or `le` on a histogram.
    ReservedLabel {
        /// The label's name.
        name: String,
    },
    /// The same label name twice in one family.
    DuplicateLabel {
        /// The label's name.
        name: String,
    },
    /// Bucket bounds that do not ascend, or are not finite, or are more than 255 of an exact histogram.
    BadBounds {
        /// The family's name.
        name: String,
    },
    /// Recorded units per exposed unit must be a positive number.
    BadScale {
        /// The family's name.
        name: String,
    },
    /// The name is taken by a family with another kind, unit, scale, labels or buckets.
    Mismatch {
        /// The family's name.
        name: String,
    },
    /// One of the two is a histogram, and its `_bucket`, `_sum` or `_count` is the other.
    Clash {
        /// The family's name.
        name: String,
        /// The family that it clashes with.
        other: String,
    },
    /// A handle of another kind was asked for: a counter of a gauge's description, say.
    WrongKind {
        /// The family's name.
        name: String,
    },
    /// As many values as label names are needed.
    LabelCount {
        /// The family's name.
        name: String,
        /// Label names of the family.
        expected: usize,
        /// Values given.
        got: usize,
    },
    /// The registry already holds `limit` series: raise `max_series`, drop a label, or use `…_or_other`.
    Full {
        /// The limit that was met.
        limit: usize,
    },
    /// The family already holds `limit` series: raise its limit, drop a label, or use `…_or_other`.
    FamilyFull {
        /// The family's name.
        name: String,
        /// The limit that was met.
        limit: usize,
    },
    /// The registry already holds `limit` live streams: raise `max_streams`, or end idle ones.
    TooManyStreams {
        /// The limit that was met.
        limit: usize,
    },
    /// The registry already holds `limit` label groups: drop a group label, or fold its values.
    TooManyGroups {
        /// The limit that was met.
        limit: usize,
    },
    /// A stream's RTP clock rate was 0.
    BadClockRate,
    /// The label group belongs to another registry.
    ForeignGroup,
    /// A limit of a registry to be is larger than can be had.
    BadLimit {
        /// Which limit.
        what: &'static str,
        /// The most that can be had.
        limit: usize,
    },
    /// The operating system gave no memory for a slab of cells.
    NoMemory {
        /// What it said.
        reason: String,
    },
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadName { name, at } => write!(
                f,
                "{name:?} is not a metric or label name: byte {at} is not allowed (use letters, digits and _, or Desc::utf8_names)"
            ),
            Self::ReservedLabel { name } => {
                write!(
                    f,
                    "label {name:?} is reserved by Prometheus: choose another name"
                )
            }
            Self::DuplicateLabel { name } => write!(f, "label {name:?} is given twice"),
            Self::BadBounds { name } => {
                write!(
                    f,
                    "{name}: bucket bounds must be finite and ascending (+Inf is implied)"
                )
            }
            Self::BadScale { name } => {
                write!(
                    f,
                    "{name}: recorded units per exposed unit must be a positive number"
                )
            }
            Self::Mismatch { name } => write!(
                f,
                "{name} is already registered with another kind, unit, labels or buckets: use one description"
            ),
            Self::Clash { name, other } => {
                write!(
                    f,
                    "{name} would be exposed as part of {other}: rename one of them"
                )
            }
            Self::WrongKind { name } => {
                write!(
                    f,
                    "{name} is described as another kind of metric than was asked for"
                )
            }
            Self::LabelCount {
                name,
                expected,
                got,
            } => {
                write!(f, "{name} has {expected} labels, {got} values were given")
            }
            Self::Full { limit } => write!(
                f,
                "the registry is full ({limit} series): raise max_series, or drop a label"
            ),
            Self::FamilyFull { name, limit } => {
                write!(
                    f,
                    "{name} is full ({limit} series): raise its max_series, or drop a label"
                )
            }
            Self::TooManyStreams { limit } => {
                write!(
                    f,
                    "{limit} streams are live: raise max_streams, or end idle streams"
                )
            }
            Self::TooManyGroups { limit } => {
                write!(
                    f,
                    "{limit} stream groups exist: drop a group label, or fold its values"
                )
            }
            Self::ForeignGroup => f.write_str("the stream's group belongs to another registry"),
            Self::BadLimit { what, limit } => write!(f, "{what} can be at most {limit}"),
            Self::BadClockRate => f.write_str("a stream needs an RTP clock rate above 0 Hz"),
            Self::NoMemory { reason } => write!(f, "no memory for a slab of cells: {reason}"),
        }
    }
}

impl std::error::Error for RegisterError {}

/// Why a reporter did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// This registry already has a running reporter: stop it first, or use its handle.
    AlreadyRunning,
    /// An interval of 0 was asked for.
    ZeroInterval,
    /// The reporter's own series found no place.
    Register(RegisterError),
    /// The operating system gave no thread.
    Thread(std::io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyRunning => f.write_str(
                "the registry already has a running reporter: stop it, or use its handle",
            ),
            Self::ZeroInterval => f.write_str("the reporter's interval must be longer than 0"),
            Self::Register(e) => write!(f, "the reporter's own series were not registered: {e}"),
            Self::Thread(e) => write!(f, "the reporter's thread did not start: {e}"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Thread(e) => Some(e),
            Self::Register(e) => Some(e),
            _ => None,
        }
    }
}

/// Why a histogram could not be converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConvertError {
    /// It is an exact histogram: it knows in which bucket a value was, and not the value. Record into a
    /// [`Histogram`](crate::Histogram) if you want quantiles.
    NoValues,
    /// What `hdrhistogram` says.
    Hdr(hdrhistogram::errors::CreationError),
}

impl fmt::Display for ConvertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoValues => f.write_str(
                "an exact histogram knows buckets, not values: record into a Histogram to convert it",
            ),
            Self::Hdr(cause) => write!(f, "hdrhistogram can't hold it: {cause}"),
        }
    }
}

impl std::error::Error for ConvertError {}
