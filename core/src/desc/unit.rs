//! In what a family is exposed.
//!
//! Lives here: the units, and how names say them. Not here: what is recorded ([`Desc::per_unit`](super::Desc::per_unit)).

/// The unit in which a family is *exposed*: always a Prometheus base unit, and the family's name ends in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unit {
    /// A plain count: packets, streams, events. No suffix.
    None,
    /// Seconds: suffix `_seconds`.
    Seconds,
    /// Bytes: suffix `_bytes`.
    Bytes,
    /// A share from 0 to 1: suffix `_ratio`.
    Ratio,
}

impl Unit {
    /// The suffix (without underscore) that a family's name carries, or the empty string.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
            Self::Ratio => "ratio",
        }
    }
}
