//! Whether what is described can be exposed: names, labels, bounds, scale.
//!
//! Lives here: what is allowed, to the byte. Not here: escaping what some readers don't know (the exporter), names that
//! are taken (`registry::table`).

use super::{Desc, Kind};
use crate::error::RegisterError;
use crate::labels::MAX_VALUE_BYTES;

/// Most bounds of an exact histogram: their number, and all below it, have a bucket each.
const MAX_EXACT_BOUNDS: usize = 255;

impl Desc {
    /// Whether name, labels and bounds can be exposed.
    ///
    /// # Errors
    /// Names the offending part and byte.
    pub fn validate(&self) -> Result<(), RegisterError> {
        self.check_name(self.name(), true)?;
        self.check_labels(|| self.label_names().iter())?;
        let ascending = self.bounds().windows(2).all(|w| w[0] < w[1]);
        let too_many = self.is_exact() && self.bounds().len() > MAX_EXACT_BOUNDS;
        if !ascending || too_many || self.bounds().iter().any(|b| !b.is_finite()) {
            return Err(RegisterError::BadBounds {
                name: self.name().to_owned(),
            });
        }
        let per_unit = self.recorded_per_unit();
        if !(per_unit.is_finite() && per_unit > 0.0) {
            return Err(RegisterError::BadScale {
                name: self.name().to_owned(),
            });
        }
        Ok(())
    }

    /// Whether a series of this family can have these label values, or names and values if its labels are
    /// [open](Self::open_labels).
    ///
    /// # Errors
    /// Another number of values than there are labels; of open labels a name that can't be exposed.
    ///
    /// ```
    /// use media_metrics_core::Desc;
    /// let jobs = Desc::counter("jobs_total", "Jobs.");
    /// assert!(jobs.validate_series(&["mail"]).is_err());
    /// let open = jobs.open_labels();
    /// assert!(open.validate_series(&["queue", "mail"]).is_ok());
    /// assert!(open.validate_series(&["__queue", "mail"]).is_err());
    /// ```
    pub fn validate_series(&self, values: &[&str]) -> Result<(), RegisterError> {
        self.check_count(values)?;
        self.check_brought(values)
    }

    /// Whether a series can have these values: as many as there are names, or pairs if the names are open.
    pub(crate) fn check_count(&self, values: &[&str]) -> Result<(), RegisterError> {
        let got = values.len();
        let expected = match self.has_open_labels() {
            true => got.next_multiple_of(2),
            false => self.label_names().len(),
        };
        (got == expected)
            .then_some(())
            .ok_or_else(|| RegisterError::LabelCount {
                name: self.name().to_owned(),
                expected,
                got,
            })
    }

    /// Whether the names that a new series brings along can be exposed.
    pub(crate) fn check_brought(&self, values: &[&str]) -> Result<(), RegisterError> {
        if !self.has_open_labels() {
            return Ok(());
        }
        self.check_labels(|| values.iter().step_by(2).copied())
    }

    fn check_labels<'a, I>(&self, names: impl Fn() -> I) -> Result<(), RegisterError>
    where
        I: Iterator<Item = &'a str>,
    {
        for (i, name) in names().enumerate() {
            self.check_name(name, false)?;
            let reserved =
                name.starts_with("__") || (self.kind() == Kind::Histogram && name == "le");
            if reserved {
                return Err(RegisterError::ReservedLabel {
                    name: name.to_owned(),
                });
            }
            if names().take(i).any(|other| other == name) {
                return Err(RegisterError::DuplicateLabel {
                    name: name.to_owned(),
                });
            }
        }
        Ok(())
    }

    fn check_name(&self, name: &str, colon: bool) -> Result<(), RegisterError> {
        match self.has_utf8_names() {
            true => check_text(name),
            false => check_name(name, colon),
        }
    }
}

/// Not empty, no control character, and nothing that labels can't keep.
fn check_text(name: &str) -> Result<(), RegisterError> {
    let bad = name
        .char_indices()
        .find(|&(_, c)| c.is_control() || c == '\u{FFFF}');
    if bad.is_none() && !name.is_empty() && name.len() <= MAX_VALUE_BYTES {
        return Ok(());
    }
    Err(RegisterError::BadName {
        name: name.to_owned(),
        at: bad.map_or_else(|| name.len().min(MAX_VALUE_BYTES), |(at, _)| at),
    })
}

/// `[a-zA-Z_:][a-zA-Z0-9_:]*`; label names without the colon.
fn check_name(name: &str, colon: bool) -> Result<(), RegisterError> {
    let ok = |i: usize, b: u8| {
        b.is_ascii_alphabetic()
            || b == b'_'
            || (colon && b == b':')
            || (i > 0 && b.is_ascii_digit())
    };
    match name.bytes().enumerate().find(|&(i, b)| !ok(i, b)) {
        None if !name.is_empty() => Ok(()),
        bad => Err(RegisterError::BadName {
            name: name.to_owned(),
            at: bad.map_or(0, |(i, _)| i),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_to_the_byte() {
        let bad =
            |name: &str| Desc::dynamic(Kind::Counter, name.to_owned(), String::new()).validate();
        assert_eq!(
            bad(""),
            Err(RegisterError::BadName {
                name: String::new(),
                at: 0
            })
        );
        assert_eq!(
            bad("9a"),
            Err(RegisterError::BadName {
                name: "9a".into(),
                at: 0
            })
        );
        assert_eq!(
            bad("a-b"),
            Err(RegisterError::BadName {
                name: "a-b".into(),
                at: 1
            })
        );
        assert_eq!(bad("a:b_9"), Ok(()));
    }

    #[test]
    fn utf8_names_are_any_text_that_can_stand_in_a_line() {
        let checked = |name: &str| {
            let family = Desc::dynamic(Kind::Counter, name.to_owned(), String::new()).utf8_names();
            let label = Desc::dynamic(Kind::Counter, "a".into(), String::new())
                .dynamic_labels([name])
                .utf8_names();
            let at = |desc: Desc| match desc.validate() {
                Ok(()) => None,
                Err(RegisterError::BadName { at, .. }) => Some(at),
                Err(e) => panic!("{e}"),
            };
            let (family, label) = (at(family), at(label));
            assert_eq!(family, label, "{name:?}");
            family
        };
        for good in ["a.b", "花火", "9 lives", "\\\"", "{}", "a:b", "#", " "] {
            assert_eq!(checked(good), None, "{good}");
        }
        let long = "x".repeat(MAX_VALUE_BYTES + 1);
        for (bad, at) in [
            ("", 0),
            ("é\n", 2),
            ("a\0", 1),
            ("\r", 0),
            ("a\u{85}", 1),
            ("a\u{FFFF}", 1),
            (&long, MAX_VALUE_BYTES),
        ] {
            assert_eq!(checked(bad), Some(at), "{bad:?}");
        }
        let le = Desc::histogram("a.b", "", &[]).labels(&["le"]).utf8_names();
        assert!(matches!(
            le.validate(),
            Err(RegisterError::ReservedLabel { .. })
        ));
    }

    #[test]
    fn labels_are_checked() {
        let with = |names: &[&str], kind| {
            Desc::dynamic(kind, "a".into(), String::new())
                .dynamic_labels(names.iter().copied())
                .validate()
        };
        assert_eq!(with(&["le"], Kind::Counter), Ok(()));
        assert!(matches!(
            with(&["le"], Kind::Histogram),
            Err(RegisterError::ReservedLabel { .. })
        ));
        assert!(matches!(
            with(&["__name__"], Kind::Gauge),
            Err(RegisterError::ReservedLabel { .. })
        ));
        assert!(matches!(
            with(&["a", "b", "a"], Kind::Gauge),
            Err(RegisterError::DuplicateLabel { .. })
        ));
        assert!(matches!(
            with(&["a:b"], Kind::Gauge),
            Err(RegisterError::BadName { at: 1, .. })
        ));
    }

    #[test]
    fn bounds_ascend_and_are_finite() {
        let with = |b: &[f64]| {
            Desc::dynamic(Kind::Histogram, "h".into(), String::new())
                .dynamic_bounds(b.to_vec())
                .validate()
        };
        assert_eq!(with(&[0.1, 1.0]), Ok(()));
        let many: Vec<f64> = (0..256).map(f64::from).collect();
        assert_eq!(with(&many), Ok(()));
        let exact = |b: &[f64]| {
            let desc = Desc::exact_histogram("h", "H.", &[]).dynamic_bounds(b.to_vec());
            (desc.layout().len(), desc.validate())
        };
        assert!(matches!(
            exact(&many),
            (_, Err(RegisterError::BadBounds { .. }))
        ));
        assert_eq!(exact(&many[1..]), (256, Ok(())));
        for bad in [&[1.0, 1.0][..], &[2.0, 1.0], &[f64::INFINITY], &[f64::NAN]] {
            assert!(
                matches!(with(bad), Err(RegisterError::BadBounds { .. })),
                "{bad:?}"
            );
        }
    }
}
