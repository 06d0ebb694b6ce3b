//! The label values of one series, joined into one string.
//!
//! Lives here: joining, splitting, cleaning of values that come from outside. Not here: label names
//! (`desc`), escaping for a wire format (the exporter).
//!
//! One allocation a series instead of one a value: with a hundred thousand series it is the labels
//! that fill memory.

use std::borrow::Cow;

/// Between two values. A Unicode noncharacter: in values it is replaced, so it can't be forged.
const SEPARATOR: char = '\u{FFFF}';

/// Longest value kept, in bytes; the rest is cut off at a character boundary.
pub const MAX_VALUE_BYTES: usize = 512;

/// Label values of one series, in the order of the family's label names.
///
/// Values are cleaned: at most [`MAX_VALUE_BYTES`] bytes, and the noncharacter U+FFFF becomes U+FFFD.
///
/// ```
/// use media_metrics_core::labels::LabelValues;
/// let values = LabelValues::new(&["incoming", "audio"]);
/// assert_eq!(values.iter().collect::<Vec<_>>(), ["incoming", "audio"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LabelValues {
    joined: Box<str>,
}

impl LabelValues {
    /// Joins `values`.
    #[must_use]
    pub fn new(values: &[&str]) -> Self {
        let mut joined = String::with_capacity(values.iter().map(|v| v.len() + 3).sum());
        for (i, value) in values.iter().enumerate() {
            if i > 0 {
                joined.push(SEPARATOR);
            }
            joined.push_str(&clean(value));
        }
        Self {
            joined: joined.into_boxed_str(),
        }
    }

    /// The values, in order. A family without labels yields one empty value: zip with the names.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.joined.split(SEPARATOR)
    }
}

/// A value as it is kept; see [`LabelValues`].
pub(crate) fn clean(value: &str) -> Cow<'_, str> {
    let cut = floor_char_boundary(value, MAX_VALUE_BYTES);
    if cut.contains(SEPARATOR) {
        Cow::Owned(cut.replace(SEPARATOR, "\u{FFFD}"))
    } else {
        Cow::Borrowed(cut)
    }
}

/// The longest prefix of at most `max` bytes that ends at a character boundary.
fn floor_char_boundary(s: &str, max: usize) -> &str {
    let mut end = max.min(s.len());
    while !s.is_char_boundary(end) {
        end -= 1; // 0 is a boundary, so this ends
    }
    s.get(..end).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_given() {
        for values in [&["a", "b"][..], &["", ""], &["x"], &["", "y", ""]] {
            assert_eq!(LabelValues::new(values).iter().collect::<Vec<_>>(), values);
        }
    }

    #[test]
    fn a_forged_separator_does_not_make_a_value() {
        let forged = LabelValues::new(&["a\u{FFFF}b", "c"]);
        assert_eq!(forged.iter().collect::<Vec<_>>(), ["a\u{FFFD}b", "c"]);
    }

    #[test]
    fn long_values_are_cut_at_a_character() {
        let long = "é".repeat(MAX_VALUE_BYTES); // two bytes each
        let values = LabelValues::new(&[&format!("x{long}")]);
        let kept = values.iter().next().unwrap();
        assert_eq!(kept.len(), MAX_VALUE_BYTES - 1);
        assert!(kept.ends_with('é'));
    }
}
