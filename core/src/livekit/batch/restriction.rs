//! Which labels reach their own participant only.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// LiveKit's setting: what clients measure about their own media.
const CLIENT_STATISTICS: &[RangeInclusive<u32>] = &[3..=16];

/// Labels that only one participant's own rows may have.
///
/// A row is refused if its label's number lies in one of the ranges and its identity is another one than the
/// restriction's; a row without identity is somebody else's, too, unless the restriction has none either.
/// Custom labels are never refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restriction {
    ranges: Cow<'static, [RangeInclusive<u32>]>,
    identity: Arc<str>,
}

impl Restriction {
    /// Refuses nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::new(Vec::new(), "")
    }

    /// The server's setting: the client statistics (labels 3 to 16) of `identity` alone.
    #[must_use]
    pub fn client_statistics(identity: impl Into<Arc<str>>) -> Self {
        Self {
            ranges: Cow::Borrowed(CLIENT_STATISTICS),
            identity: identity.into(),
        }
    }

    /// Any ranges of numbers (both ends included; an empty range holds nothing) for one identity.
    #[must_use]
    pub fn new(ranges: Vec<RangeInclusive<u32>>, identity: impl Into<Arc<str>>) -> Self {
        Self {
            ranges: Cow::Owned(ranges),
            identity: identity.into(),
        }
    }

    /// Whose rows pass whatever their label is.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Whether a row of this label's number and identity (empty: none) is refused.
    #[must_use]
    pub fn refuses(&self, label: u32, identity: &str) -> bool {
        self.ranges.iter().any(|range| range.contains(&label)) && *identity != *self.identity
    }
}

/// Whether the label is one of the client statistics, which the server shows to their own participant only.
pub(super) fn is_client_statistic(label: u32) -> bool {
    CLIENT_STATISTICS.iter().any(|range| range.contains(&label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_in_and_strangers_and_nobody_are_out() {
        let own = Restriction::client_statistics("PA_1");
        for label in [3, 16] {
            assert!(own.refuses(label, "PA_2") && own.refuses(label, ""));
            assert!(!own.refuses(label, "PA_1"));
        }
        for label in [0, 2, 17, 4095] {
            assert!(!own.refuses(label, "PA_2"));
        }
        assert!(!Restriction::none().refuses(3, "PA_2"));
        let nobody = Restriction::new(vec![3..=4, 9..=9], "");
        assert!(!nobody.refuses(3, "") && nobody.refuses(9, "PA_2") && !nobody.refuses(5, "PA_2"));
    }
}
