//! LiveKit's labels of a stream, from those of its group.
//!
//! Lives here: the mapping. Closed sets: what is not one of LiveKit's values becomes
//! the one for unknown, or `other`.

use crate::desc::LabelNames;
use crate::livekit::families::{Country, TrackKind, TrackSource};

/// The labels `direction`, `source`, `type`, `country`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct StreamLabels {
    direction: &'static str,
    source: TrackSource,
    kind: Option<TrackKind>,
    country: Country,
}

impl StreamLabels {
    /// Of streams in this direction, of a group with these label values.
    pub(super) fn of(direction: &'static str, names: &LabelNames, values: &[Box<str>]) -> Self {
        let value = |wanted: &str| {
            let at = names.iter().position(|name| name == wanted)?;
            values.get(at).map(|v| &**v)
        };
        let upper = |name| value(name).map(str::to_ascii_uppercase);
        let kind = upper("type").or_else(|| upper("kind"));
        Self {
            direction,
            source: upper("source")
                .and_then(|s| TrackSource::from_name(&s))
                .unwrap_or(TrackSource::Unknown),
            kind: kind.and_then(|k| TrackKind::from_name(&k)),
            country: Country::of(value("country").unwrap_or_default()),
        }
    }

    /// In the order of the families' label names.
    pub(super) fn all(&self) -> [&str; 4] {
        let kind = self.kind.map_or("other", TrackKind::as_str);
        [
            self.direction,
            self.source.as_str(),
            kind,
            self.country.as_str(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(names: &'static [&'static str], values: &[&str]) -> StreamLabels {
        let values: Vec<Box<str>> = values.iter().map(|v| Box::from(*v)).collect();
        StreamLabels::of("incoming", &LabelNames::Static(names), &values)
    }

    #[test]
    fn the_default_groups_have_a_type() {
        let got = labels(&["direction", "kind"], &["incoming", "audio"]);
        assert_eq!(got.all(), ["incoming", "UNKNOWN", "AUDIO", ""]);
    }

    #[test]
    fn livekits_own_names_are_taken_as_they_are() {
        let names = &["country", "source", "type"];
        let got = labels(names, &["de", "SCREEN_SHARE", "VIDEO"]);
        assert_eq!(got.all(), ["incoming", "SCREEN_SHARE", "VIDEO", "de"]);
    }

    #[test]
    fn what_livekit_does_not_know_is_unknown() {
        let names = &["country", "source", "type"];
        let got = labels(names, &["Atlantis", "telepathy", "smell"]);
        assert_eq!(got.all(), ["incoming", "UNKNOWN", "other", "other"]);
    }
}
