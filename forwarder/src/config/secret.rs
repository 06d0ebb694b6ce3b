//! What the operator tells and nobody is shown.
//!
//! Lives here: a secret text, and what stands in its place where people look. Not here: which keys are secret.
//!
//! `Debug` shows no secret. Written as YAML a configuration is whole, so that it can be read again; who prints it takes
//! [`Settings::without_secrets`](super::Settings::without_secrets).

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is printed in place of a secret.
pub(super) const HIDDEN: &str = "<hidden>";

/// What is said when that is read again.
pub(super) const NOT_SHOWN: &str = "\"<hidden>\" stands in a printed configuration for a secret that is not shown: write the secret itself";

/// A text that `Debug` does not show.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Puts [`HIDDEN`] in its place.
    pub(super) fn hide(&mut self) {
        HIDDEN.clone_into(&mut self.0);
    }
}

impl TryFrom<String> for Secret {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        match text == HIDDEN {
            true => Err(NOT_SHOWN),
            false => Ok(Self(text)),
        }
    }
}

impl From<Secret> for String {
    fn from(secret: Secret) -> Self {
        secret.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_kept_and_not_shown() {
        let mut secret = Secret::try_from("open sesame".to_owned()).unwrap();
        assert_eq!(secret.reveal(), "open sesame");
        assert_eq!(format!("{secret:?}"), HIDDEN);
        assert_eq!(String::from(secret.clone()), "open sesame");
        secret.hide();
        assert_eq!(String::from(secret), HIDDEN);
        assert!(NOT_SHOWN.contains(HIDDEN));
        assert_eq!(Secret::try_from(HIDDEN.to_owned()), Err(NOT_SHOWN));
    }
}
