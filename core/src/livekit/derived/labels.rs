//! LiveKit's labels of a stream, from those of its group.
//!
//! Lives here: the mapping. Closed sets: what is not one of LiveKit's values becomes the value for unknown.

use crate::desc::LabelNames;

/// Values of `source`, the one for unknown first.
const SOURCES: [&str; 5] = [
    "UNKNOWN",
    "CAMERA",
    "MICROPHONE",
    "SCREEN_SHARE",
    "SCREEN_SHARE_AUDIO",
];

/// Values of `type`, the one for unknown first.
const TYPES: [&str; 4] = ["other", "AUDIO", "VIDEO", "DATA"];

/// The labels `direction`, `source`, `type`, `country`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct StreamLabels {
    direction: &'static str,
    source: &'static str,
    kind: &'static str,
    country: String,
}

impl StreamLabels {
    /// Of streams in this direction, of a group with these label values.
    pub(super) fn of(direction: &'static str, names: &LabelNames, values: &[Box<str>]) -> Self {
        let value = |wanted: &str| {
            let at = names.iter().position(|name| name == wanted)?;
            values.get(at).map(|v| &**v)
        };
        let kind = value("type").or_else(|| value("kind"));
        let country = value("country").unwrap_or_default();
        let is_code = country.len() == 2 && country.bytes().all(|b| b.is_ascii_alphabetic());
        Self {
            direction,
            source: one_of(&SOURCES, value("source")),
            kind: one_of(&TYPES, kind),
            country: if is_code {
                country.to_ascii_uppercase()
            } else {
                String::new()
            },
        }
    }

    /// In the order of the families' label names.
    pub(super) fn all(&self) -> [&str; 4] {
        [self.direction, self.source, self.kind, &self.country]
    }
}

fn one_of<const N: usize>(known: &[&'static str; N], value: Option<&str>) -> &'static str {
    let value = value.unwrap_or_default();
    let found = known.iter().find(|k| k.eq_ignore_ascii_case(value));
    found.copied().unwrap_or(known[0])
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
        assert_eq!(got.all(), ["incoming", "SCREEN_SHARE", "VIDEO", "DE"]);
    }

    #[test]
    fn what_livekit_does_not_know_is_unknown() {
        let names = &["country", "source", "type"];
        let got = labels(names, &["Atlantis", "telepathy", "smell"]);
        assert_eq!(got.all(), ["incoming", "UNKNOWN", "other", ""]);
    }
}
