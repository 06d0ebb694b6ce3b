//! What a user's password is compared with.
//!
//! Lives here: plain passwords, bcrypt hashes, comparing without telling where the difference is. Not here: users
//! (`auth`), on which thread a hash is computed (`checks`).

use subtle::{Choice, ConstantTimeEq as _};

#[cfg(feature = "bcrypt")]
pub use self::hashed::{PasswordHash, PasswordHashError};

/// A user's password, as the server knows it.
pub(super) enum Password {
    Plain(Box<[u8]>),
    #[cfg(feature = "bcrypt")]
    Hashed(hashed::Hashed),
}

impl Password {
    pub(super) fn plain(password: &str) -> Self {
        Self::Plain(password.as_bytes().into())
    }

    #[cfg(feature = "bcrypt")]
    pub(super) fn hashed(hash: PasswordHash) -> Self {
        Self::Hashed(hashed::Hashed::new(hash))
    }
}

/// Whether two texts are the same. The time it takes depends on the length of what was `sent` alone.
pub(super) fn same(secret: &[u8], sent: &[u8]) -> Choice {
    let mut same = secret.len().ct_eq(&sent.len());
    for (i, byte) in sent.iter().enumerate() {
        same &= secret.get(i).unwrap_or(&0).ct_eq(byte);
    }
    same
}

#[cfg(feature = "bcrypt")]
mod hashed {
    use std::fmt;
    use std::str::FromStr;
    use std::sync::{Mutex, PoisonError};

    use bcrypt::HashParts;
    use subtle::Choice;

    use super::same;

    /// One step more doubles the time: 16 is some 4 s, for each stranger who asks.
    const HIGHEST_COST: u32 = 16;
    const LOWEST_COST: u32 = 4;

    /// A password's bcrypt hash, as `htpasswd -nB` and the `basic_auth_users` of Prometheus' `web.yml` have it:
    /// `$2y$10$…`, 60 characters. `$2a$`, `$2b$` and `$2x$` go, too.
    ///
    /// The number after the prefix is its cost: 10 takes some 50 ms to check, each step more doubles that. Of a
    /// password bcrypt reads the first 72 bytes.
    ///
    /// ```
    /// use media_metrics_exporter::PasswordHash;
    /// let hash: PasswordHash = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi".parse()?;
    /// assert!("open sesame".parse::<PasswordHash>().is_err());
    /// # drop(hash);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[derive(Clone, PartialEq, Eq)]
    pub struct PasswordHash(Box<str>);

    impl PasswordHash {
        /// The hash as it was given.
        #[must_use]
        pub fn as_str(&self) -> &str {
            &self.0
        }
    }

    /// Why a text is no hash to compare passwords with.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum PasswordHashError {
        /// Not bcrypt's 60 characters.
        Malformed,
        /// Its cost is out of range.
        Cost(u32),
    }

    impl fmt::Display for PasswordHashError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match self {
                Self::Malformed => f.write_str(
                    "this is no bcrypt hash, which begins with $2y$, $2b$ or $2a$ and has 60 characters: make one \
                     with `htpasswd -nBC 10 NAME`, and take what stands behind the colon",
                ),
                Self::Cost(cost) => write!(
                    f,
                    "a bcrypt hash of cost {cost} is out of range: make one of cost {LOWEST_COST} to {HIGHEST_COST}, \
                     with `htpasswd -nBC 10 NAME`"
                ),
            }
        }
    }

    impl std::error::Error for PasswordHashError {}

    impl FromStr for PasswordHash {
        type Err = PasswordHashError;

        fn from_str(text: &str) -> Result<Self, PasswordHashError> {
            let parts: HashParts = text.parse().map_err(|_| PasswordHashError::Malformed)?;
            match parts.get_cost() {
                LOWEST_COST..=HIGHEST_COST => Ok(Self(text.into())),
                cost => Err(PasswordHashError::Cost(cost)),
            }
        }
    }

    impl fmt::Debug for PasswordHash {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("PasswordHash(…)")
        }
    }

    /// A hash, and the password that was found to be right last.
    pub(crate) struct Hashed {
        hash: PasswordHash,
        known: Mutex<Option<Box<[u8]>>>,
    }

    impl Hashed {
        pub(super) fn new(hash: PasswordHash) -> Self {
            Self {
                hash,
                known: Mutex::new(None),
            }
        }

        /// Whether this is the password that was right before. Quick; never waits for a check under way.
        pub(in super::super) fn is_remembered(&self, sent: &[u8]) -> Choice {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            match &*known {
                Some(known) => same(known, sent),
                None => Choice::from(0),
            }
        }

        /// Compares with the hash. Slow: some 50 ms at cost 10.
        pub(in super::super) fn verify(&self, sent: &[u8]) -> bool {
            // It fails for what is no hash, which has been ruled out.
            bcrypt::verify(sent, self.hash.as_str()).unwrap_or(false)
        }

        /// Remembers a password that was right.
        pub(in super::super) fn remember(&self, sent: Vec<u8>) {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            *known = Some(sent.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_the_same_and_nothing_else_is() {
        let texts: [&[u8]; 7] = [b"", b"\0", b"a", b"b", b"aa", b"a\0", b"ab"];
        for (i, a) in texts.iter().enumerate() {
            for (j, b) in texts.iter().enumerate() {
                assert_eq!(bool::from(same(a, b)), i == j, "{a:?} {b:?}");
            }
        }
    }

    #[cfg(feature = "bcrypt")]
    #[test]
    fn hashes_are_looked_at_before_they_are_taken() {
        // Two of the `web.yml` examples of Prometheus' exporter-toolkit.
        let good = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";
        let hash: PasswordHash = good.parse().unwrap();
        assert_eq!(format!("{hash:?}"), "PasswordHash(…)");
        assert_eq!(hash.as_str(), good);
        let dear = good.replace("$10$", "$17$");
        let error = dear.parse::<PasswordHash>().unwrap_err();
        assert_eq!(error, PasswordHashError::Cost(17));
        for bad in [
            "",
            "secret",
            "$2y$10$",
            "$2z$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi",
            "$2y$1a$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi",
            "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeS\u{e9}",
            &format!("{good} "),
        ] {
            let error = bad.parse::<PasswordHash>().unwrap_err();
            assert!(error.to_string().contains("htpasswd"), "{bad}: {error}");
        }
    }
}
