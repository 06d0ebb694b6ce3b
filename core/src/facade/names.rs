//! What a key is called: names and labels as Prometheus allows them.
//!
//! Lives here: pure functions of text. Not here: who has a name already (`recorder`).

use metrics::{Key, Label};

use crate::desc::{Kind, Unit};
use crate::labels;

/// Longest name of a metric or label, in bytes.
const MAX_NAME_BYTES: usize = 512;

/// Most labels of one key.
const MAX_LABELS: usize = 64;

/// Which series a key is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) name: String,
    /// Sorted by name.
    labels: Vec<(String, String)>,
}

impl Identity {
    /// That of `key`; `None` for a key that can't have one: without a name, or beyond a limit.
    pub(super) fn of(key: &Key, kind: Kind) -> Option<Self> {
        let name = metric_name(key.name())?;
        if key.labels().len() > MAX_LABELS {
            return None;
        }
        let mut labels: Vec<(String, String)> = Vec::with_capacity(key.labels().len());
        for label in key.labels() {
            let name = label_name(label.key(), kind)?;
            let value = labels::clean(label.value()).into_owned();
            match labels.iter_mut().find(|(there, _)| *there == name) {
                Some((_, there)) => *there = value,
                None => labels.push((name, value)),
            }
        }
        labels.sort_unstable();
        Some(Self { name, labels })
    }

    /// The series of the same name with these labels: `name, value, name, value`.
    pub(super) fn with_labels(&self, pairs: &[&str]) -> Self {
        let pair = |pair: &[&str]| match pair {
            [name, value] => Some(((*name).to_owned(), (*value).to_owned())),
            _ => None,
        };
        Self {
            name: self.name.clone(),
            labels: pairs.chunks(2).filter_map(pair).collect(),
        }
    }

    /// `name, value, name, value`, as open labels are given.
    pub(super) fn pairs(&self) -> Vec<&str> {
        let pairs = self.labels.iter();
        pairs.flat_map(|(n, v)| [n.as_str(), v.as_str()]).collect()
    }

    /// The key that needs no cleaning any more.
    pub(super) fn key(&self) -> Key {
        let label = |(name, value): &(String, String)| Label::new(name.clone(), value.clone());
        let labels: Vec<Label> = self.labels.iter().map(label).collect();
        Key::from_parts(self.name.clone(), labels)
    }
}

/// A metric's name with `_` for each character that Prometheus does not allow there; `None` for an empty or
/// a very long one.
pub(super) fn metric_name(name: &str) -> Option<String> {
    clean(name, |c| c == ':')
}

/// A label's name, cleaned in the same way, and none that Prometheus keeps for itself.
fn label_name(name: &str, kind: Kind) -> Option<String> {
    let clean = clean(name, |_| false)?;
    if clean == "le" && kind == Kind::Histogram {
        return Some("exported_le".to_owned());
    }
    match clean.strip_prefix("__") {
        Some(rest) => Some(format!("_{}", rest.trim_start_matches('_'))),
        None => Some(clean),
    }
}

fn clean(name: &str, also: impl Fn(char) -> bool) -> Option<String> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return None;
    }
    let allowed = |i: usize, c: char| {
        c.is_ascii_alphabetic() || c == '_' || also(c) || (i > 0 && c.is_ascii_digit())
    };
    let clean = |(i, c)| if allowed(i, c) { c } else { '_' };
    Some(name.chars().enumerate().map(clean).collect())
}

/// The unit to expose, if the name says the same: what a page says of a unit, the name must end in.
pub(super) fn unit(name: &str, unit: Option<metrics::Unit>) -> Unit {
    let unit = match unit {
        Some(metrics::Unit::Seconds) => Unit::Seconds,
        Some(metrics::Unit::Bytes) => Unit::Bytes,
        _ => return Unit::None,
    };
    let base = name.strip_suffix("_total").unwrap_or(name);
    let says = base
        .strip_suffix(unit.suffix())
        .is_some_and(|rest| rest.ends_with('_'));
    if says { unit } else { Unit::None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cleaned_character_by_character() {
        for (given, clean) in [
            ("a.b-c/d:e_9", "a_b_c_d:e_9"),
            ("9lives", "_lives"),
            ("größe", "gr__e"),
            ("*", "_"),
        ] {
            assert_eq!(metric_name(given).as_deref(), Some(clean), "{given}");
        }
        assert_eq!(metric_name(""), None);
        assert!(metric_name(&"x".repeat(MAX_NAME_BYTES)).is_some());
        assert_eq!(metric_name(&"x".repeat(MAX_NAME_BYTES + 1)), None);
    }

    #[test]
    fn labels_get_names_that_prometheus_takes() {
        let name = |given, kind| label_name(given, kind);
        assert_eq!(name("a:b", Kind::Counter).as_deref(), Some("a_b"));
        assert_eq!(name("__name__", Kind::Gauge).as_deref(), Some("_name__"));
        assert_eq!(name("___", Kind::Gauge).as_deref(), Some("_"));
        assert_eq!(name("!!x", Kind::Gauge).as_deref(), Some("_x"));
        assert_eq!(name("le", Kind::Counter).as_deref(), Some("le"));
        let le = name("le", Kind::Histogram);
        assert_eq!(le.as_deref(), Some("exported_le"));
        assert_eq!(name("", Kind::Counter), None);
    }

    fn key(labels: &[(&'static str, &'static str)]) -> Key {
        let labels: Vec<Label> = labels.iter().map(|&(n, v)| Label::new(n, v)).collect();
        Key::from_parts("a.b", labels)
    }

    #[test]
    fn one_series_has_one_identity() {
        let identity = |labels| Identity::of(&key(labels), Kind::Counter).unwrap();
        let first = identity(&[("b", "2"), ("a", "1")]);
        assert_eq!(first.pairs(), ["a", "1", "b", "2"]);
        assert_eq!(first, identity(&[("a", "1"), ("b", "2")]));
        assert_eq!(first, identity(&[("b", "9"), ("a", "1"), ("b", "2")]));
        assert_eq!(
            identity(&[("x.y", "1"), ("x/y", "2")]).pairs(),
            ["x_y", "2"]
        );
        let again = Identity::of(&first.key(), Kind::Counter).unwrap();
        assert_eq!(again, first, "what is clean stays as it is");
    }

    #[test]
    fn what_is_beyond_a_limit_has_no_identity() {
        let label = |i: usize| Label::new(format!("l{i}"), "v");
        let key = |n| Key::from_parts("a", (0..n).map(label).collect::<Vec<_>>());
        assert!(Identity::of(&key(MAX_LABELS), Kind::Counter).is_some());
        assert_eq!(Identity::of(&key(MAX_LABELS + 1), Kind::Counter), None);
    }

    #[test]
    fn a_unit_is_shown_where_the_name_ends_in_it() {
        let seconds = |name| unit(name, Some(metrics::Unit::Seconds));
        assert_eq!(seconds("wait_seconds"), Unit::Seconds);
        assert_eq!(seconds("wait_seconds_total"), Unit::Seconds);
        assert_eq!(seconds("wait"), Unit::None);
        assert_eq!(seconds("seconds"), Unit::None);
        assert_eq!(unit("x_bytes", Some(metrics::Unit::Bytes)), Unit::Bytes);
        assert_eq!(unit("x_percent", Some(metrics::Unit::Percent)), Unit::None);
        assert_eq!(unit("x_seconds", None), Unit::None);
    }
}
