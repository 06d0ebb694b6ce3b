//! Durations as Go writes and reads them: `5s`, `1m30s`, `100ms`, `1.5h`.
//!
//! Lives here: `time.ParseDuration` and `Duration.String` to the nanosecond, and serde's side of them. Not here:
//! which durations make sense for which key.
//!
//! Own code, since no maintained crate reads exactly this: the general ones take other units and refuse
//! fractions, signs or `1h2m3.5s`.

use std::fmt;
use std::time::Duration;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserializer, Serializer};

/// The longest duration that Go has: 2^63 - 1 ns, some 292 years.
const LONGEST_NS: u64 = i64::MAX as u64;

/// Why a text is no duration that a configuration may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DurationError {
    /// Not a sequence of numbers with units.
    Syntax,
    /// A number without a unit, 0 excepted.
    NoUnit,
    /// A unit other than h, m, s, ms, us (or µs) and ns.
    UnknownUnit,
    /// Below 0.
    Negative,
    /// More than 2^63 - 1 ns, some 292 years.
    TooLong,
}

impl fmt::Display for DurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, remedy) = match self {
            Self::Syntax => ("is no duration", "write numbers with units"),
            Self::NoUnit => ("has a number without a unit", "write numbers with units"),
            Self::UnknownUnit => ("has an unknown unit", "take h, m, s, ms, us or ns"),
            Self::Negative => ("is below 0", "give 0 or more"),
            Self::TooLong => ("is longer than 292 years", "give less"),
        };
        write!(f, "{what}: {remedy}, for example 5s, 1m30s or 100ms")
    }
}

impl std::error::Error for DurationError {}

/// Reads a duration as Go's `time.ParseDuration` does, to the nanosecond; only negative ones are refused.
///
/// # Errors
/// [`DurationError`] says what is wrong with it.
/// ```
/// # use media_metrics_core::livekit::config::parse_duration;
/// assert_eq!(parse_duration("1h2m3.5s").unwrap().as_millis(), 3_723_500);
/// assert!(parse_duration("5").is_err());
/// ```
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if unsigned == "0" {
        return Ok(Duration::ZERO);
    }
    if unsigned.is_empty() {
        return Err(DurationError::Syntax);
    }
    let (mut ns, mut rest) = (0u64, unsigned);
    while !rest.is_empty() {
        let part;
        (part, rest) = leading_part(rest)?;
        // Up to 2^63, as Go: whether that is too long depends on the sign.
        ns = ns.saturating_add(part);
        if ns > LONGEST_NS + 1 {
            return Err(DurationError::TooLong);
        }
    }
    match ns {
        0 => Ok(Duration::ZERO),
        _ if negative => Err(DurationError::Negative),
        _ if ns > LONGEST_NS => Err(DurationError::TooLong),
        _ => Ok(Duration::from_nanos(ns)),
    }
}

/// The nanoseconds of a number with its unit, and what stands behind it.
fn leading_part(text: &str) -> Result<(u64, &str), DurationError> {
    let (whole, rest) = leading_digits(text);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => leading_digits(rest),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(DurationError::Syntax);
    }
    let end = rest.find(|c: char| c == '.' || c.is_ascii_digit());
    let (unit, rest) = rest.split_at(end.unwrap_or(rest.len()));
    let unit_ns: u64 = match unit {
        "ns" => 1,
        // The micro sign and the Greek letter.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "" => return Err(DurationError::NoUnit),
        _ => return Err(DurationError::UnknownUnit),
    };
    let whole: u64 = match whole {
        "" => 0,
        digits => digits.parse().map_err(|_| DurationError::TooLong)?,
    };
    let whole = whole.checked_mul(unit_ns).ok_or(DurationError::TooLong)?;
    let ns = whole.saturating_add(fraction_ns(fraction, unit_ns));
    match ns > LONGEST_NS + 1 {
        true => Err(DurationError::TooLong),
        false => Ok((ns, rest)),
    }
}

fn leading_digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

/// `0.fraction` of a unit, cut to whole nanoseconds, with the rounding of Go's floating-point arithmetic.
fn fraction_ns(fraction: &str, unit_ns: u64) -> u64 {
    let (mut digits, mut scale) = (0u64, 1.0f64);
    for digit in fraction.bytes() {
        // Digits beyond 63 bits are left out: they are far below a nanosecond.
        let more = digits
            .checked_mul(10)
            .and_then(|tens| tens.checked_add(u64::from(digit - b'0')));
        match more.filter(|&more| more <= LONGEST_NS) {
            Some(more) => (digits, scale) = (more, scale * 10.0),
            None => break,
        }
    }
    (digits as f64 * (unit_ns as f64 / scale)) as u64
}

/// Writes a duration as Go's `Duration.String` does; [`parse_duration`] reads it back. Above Go's longest
/// duration that one is written.
/// ```
/// # use media_metrics_core::livekit::config::format_duration;
/// # use std::time::Duration;
/// assert_eq!(format_duration(Duration::from_secs(90)), "1m30s");
/// assert_eq!(format_duration(Duration::from_micros(1_500)), "1.5ms");
/// ```
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let ns = u64::try_from(duration.as_nanos()).map_or(LONGEST_NS, |ns| ns.min(LONGEST_NS));
    match ns {
        0 => "0s".to_owned(),
        1..1_000 => format!("{ns}ns"),
        1_000..1_000_000 => decimal(ns, 1_000) + "\u{b5}s",
        1_000_000..1_000_000_000 => decimal(ns, 1_000_000) + "ms",
        _ => {
            let minutes = ns / 60_000_000_000;
            let seconds = decimal(ns % 60_000_000_000, 1_000_000_000) + "s";
            match (minutes / 60, minutes % 60) {
                (0, 0) => seconds,
                (0, minutes) => format!("{minutes}m{seconds}"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
            }
        }
    }
}

/// `ns` in units of `unit_ns` (a power of ten), without zeros at the end.
fn decimal(ns: u64, unit_ns: u64) -> String {
    let (whole, rest) = (ns / unit_ns, ns % unit_ns);
    if rest == 0 {
        return whole.to_string();
    }
    let width = unit_ns.ilog10() as usize;
    let fraction = format!("{rest:0width$}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

/// For `#[serde(with = "duration")]`.
pub(super) fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&format_duration(*duration))
}

/// For `#[serde(with = "duration")]`: a text, or a bare integer, which is nanoseconds.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    from.deserialize_any(GoDuration)
}

struct GoDuration;

impl Visitor<'_> for GoDuration {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration, for example 5s, 1m30s or 100ms (a bare integer is nanoseconds)")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        parse_duration(text).map_err(|why| E::custom(format_args!("{text:?} {why}")))
    }

    fn visit_u64<E: Error>(self, ns: u64) -> Result<Duration, E> {
        match ns > LONGEST_NS {
            true => Err(E::custom(format_args!("{ns} {}", DurationError::TooLong))),
            false => Ok(Duration::from_nanos(ns)),
        }
    }

    fn visit_i64<E: Error>(self, ns: i64) -> Result<Duration, E> {
        match u64::try_from(ns) {
            Ok(ns) => Ok(Duration::from_nanos(ns)),
            Err(_) => Err(E::custom(format_args!("{ns} {}", DurationError::Negative))),
        }
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Duration, E> {
        Err(E::invalid_type(Unexpected::Float(number), &self))
    }
}
