//! Whole numbers, whose errors say what was expected instead of a Rust type.

use std::fmt;

use serde::Deserializer;
use serde::de::{Error, Unexpected, Visitor};

/// Reads a whole number; `expected` completes "expected …" in the error.
pub(super) fn whole<'de, D: Deserializer<'de>>(
    from: D,
    expected: &'static str,
) -> Result<i64, D::Error> {
    from.deserialize_any(Whole(expected))
}

struct Whole(&'static str);

impl Visitor<'_> for Whole {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<i64, E> {
        Ok(number)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<i64, E> {
        i64::try_from(number).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }
}
