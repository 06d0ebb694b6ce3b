//! How numbers look on the wire.
//!
//! Lives here: counts, values, bucket bounds and times as text; recorded numbers in the exposed unit. Not here: where
//! they stand on the page.
//!
//! Values and bounds follow different rules. A value is read as a number, so any text that reads back
//! as the same `f64` will do, and the fastest is taken. A bound is the value of the label `le`: series
//! and recording rules match on its very characters, so it is written as Go's `strconv` does with
//! `'g', -1`, which is what Prometheus' own client libraries put there.

use std::time::SystemTime;

use media_metrics_core::histogram::HistogramSnapshot;

use crate::wall::since_1970;

/// The longest text that [`count`] and [`value`] write: a negative `f64` with 17 digits and a
/// three-digit exponent.
pub(super) const MAX_BYTES: usize = 24;

/// Below this an integer is written with all its digits, at most as many as the shortest form has.
const PLAIN_INTEGERS: f64 = 1e16;

/// Appends a count, in decimal.
#[inline]
pub(super) fn count(out: &mut Vec<u8>, n: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
}

/// Appends a value that reads back as the same `f64` (`-0` as `0`): `NaN`, `+Inf`, `-Inf`, integers
/// without a decimal point.
#[inline]
pub(super) fn value(out: &mut Vec<u8>, v: f64) {
    // `as` saturates and takes NaN for 0: a number that it changes is not written as an integer.
    let integer = v as i64;
    if integer as f64 == v && v.abs() < PLAIN_INTEGERS {
        out.extend_from_slice(itoa::Buffer::new().format(integer).as_bytes());
    } else if v.is_finite() {
        out.extend_from_slice(zmij::Buffer::new().format_finite(v).as_bytes());
    } else {
        out.extend_from_slice(not_finite(v));
    }
}

#[cold]
fn not_finite(v: f64) -> &'static [u8] {
    match v {
        f64::INFINITY => b"+Inf",
        f64::NEG_INFINITY => b"-Inf",
        _ => b"NaN",
    }
}

/// Appends a recorded number in the exposed unit. An unscaled one keeps all its digits, also above 2^53.
#[inline]
pub(super) fn scaled(out: &mut Vec<u8>, recorded: u64, per_unit: f64) {
    if per_unit == 1.0 {
        count(out, recorded);
    } else {
        value(out, recorded as f64 / per_unit);
    }
}

/// Appends a histogram's sum in the exposed unit; a recorded one as [`scaled`].
#[inline]
pub(super) fn sum(out: &mut Vec<u8>, histogram: &HistogramSnapshot, per_unit: f64) {
    match histogram.exact_sum() {
        Some(sum) => value(out, sum),
        None => scaled(out, histogram.sum(), per_unit),
    }
}

/// A histogram's sum in the exposed unit, for whatever holds numbers as `f64`.
#[inline]
pub(crate) fn exposed_sum(histogram: &HistogramSnapshot, per_unit: f64) -> f64 {
    histogram
        .exact_sum()
        .unwrap_or_else(|| histogram.sum() as f64 / per_unit)
}

/// Appends a bucket bound as Go writes it: the shortest digits that read back as the same `f64`, in
/// exponent form (`1e+06`, `2.5e-05`) below 10^-4 and from 10^6 up.
///
/// Cold: a bound is written once, when its family's fixed bytes are made.
pub(crate) fn bound(out: &mut Vec<u8>, v: f64) {
    if !v.is_finite() {
        out.extend_from_slice(not_finite(v));
        return;
    }
    if v.is_sign_negative() {
        out.push(b'-');
    }
    let Decimal { digits, point } = Decimal::shortest(v.abs());
    let exponent = point - 1;
    if (-4..6).contains(&exponent) {
        plain(out, &digits, point);
    } else {
        scientific(out, &digits, exponent);
    }
}

/// Appends a time as seconds since 1970, to the millisecond; one before counts as 1970.
pub(super) fn time(out: &mut Vec<u8>, time: SystemTime) {
    let since = since_1970(time);
    count(out, since.as_secs());
    out.push(b'.');
    let ms = since.subsec_millis();
    let digits = [ms / 100, ms / 10 % 10, ms % 10];
    out.extend(digits.map(|digit| b'0' + digit as u8));
}

/// Appends a bucket bound as OpenMetrics wants it: as [`bound`], and `.0` behind what would look like an integer.
pub(super) fn float_bound(out: &mut Vec<u8>, v: f64) {
    let start = out.len();
    bound(out, v);
    let text = out.get(start..).unwrap_or_default();
    if v.is_finite() && !text.iter().any(|c| b".e".contains(c)) {
        out.extend_from_slice(b".0");
    }
}

/// `0.digits * 10^point`, without zeros at either end of the digits; zero is `0.0 * 10^1`.
struct Decimal {
    digits: Vec<u8>,
    point: i32,
}

impl Decimal {
    /// The shortest digits of a finite number that is not negative, taken out of the library's layout.
    fn shortest(v: f64) -> Self {
        let mut buffer = zmij::Buffer::new();
        let text = buffer.format_finite(v);
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [whole.as_bytes(), fraction.as_bytes()].concat();
        let leading = all.iter().take_while(|&&d| d == b'0').count();
        let trailing = all.iter().rev().take_while(|&&d| d == b'0').count();
        match all.get(leading..all.len() - trailing) {
            // The exponent is the library's own, at most three digits.
            Some(digits) if !digits.is_empty() => Self {
                digits: digits.to_vec(),
                point: whole.len() as i32 - leading as i32 + exponent.parse().unwrap_or(0),
            },
            _ => Self {
                digits: vec![b'0'],
                point: 1,
            },
        }
    }
}

/// `123.45`, `0.0012`, `120000`.
fn plain(out: &mut Vec<u8>, digits: &[u8], point: i32) {
    let before = usize::try_from(point).unwrap_or(0);
    if before == 0 {
        out.extend_from_slice(b"0.");
        out.extend(std::iter::repeat_n(b'0', point.unsigned_abs() as usize));
        out.extend_from_slice(digits);
    } else if let Some((whole, fraction)) = digits.split_at_checked(before) {
        out.extend_from_slice(whole);
        if !fraction.is_empty() {
            out.push(b'.');
            out.extend_from_slice(fraction);
        }
    } else {
        out.extend_from_slice(digits);
        out.extend(std::iter::repeat_n(b'0', before - digits.len()));
    }
}

/// `1.2345e+06`: a sign always, two digits of exponent at least.
fn scientific(out: &mut Vec<u8>, digits: &[u8], exponent: i32) {
    if let Some((first, rest)) = digits.split_first() {
        out.push(*first);
        if !rest.is_empty() {
            out.push(b'.');
            out.extend_from_slice(rest);
        }
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    out.extend_from_slice(format!("e{sign}{:02}", exponent.unsigned_abs()).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of<T>(write: fn(&mut Vec<u8>, T), v: T) -> String {
        let mut out = Vec::new();
        write(&mut out, v);
        String::from_utf8(out).unwrap()
    }

    /// What Prometheus' parsers accept, which is more than Rust's own parser does.
    fn read(text: &str) -> f64 {
        match text {
            "+Inf" => f64::INFINITY,
            "-Inf" => f64::NEG_INFINITY,
            "NaN" => f64::NAN,
            number => number.parse().unwrap(),
        }
    }

    #[test]
    fn bounds_look_as_in_go() {
        // Printed by Go's strconv.FormatFloat(v, 'g', -1, 64).
        for (v, text) in [
            (0.0, "0"),
            (0.1, "0.1"),
            (0.5, "0.5"),
            (2.5, "2.5"),
            (10.0, "10"),
            (100_000.0, "100000"),
            (999_999.0, "999999"),
            (999_999.5, "999999.5"),
            (1e6, "1e+06"),
            (1_234_567.0, "1.234567e+06"),
            (33_554_432.0, "3.3554432e+07"),
            (1e21, "1e+21"),
            (1e100, "1e+100"),
            (0.000_1, "0.0001"),
            (0.000_123, "0.000123"),
            (0.000_01, "1e-05"),
            (0.000_025, "2.5e-05"),
            (1.5e-7, "1.5e-07"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (138.949_549_437_313_75, "138.94954943731375"),
            (9_999.999_999_999_978, "9999.999999999978"),
            (10_000.000_000_000_004, "10000.000000000004"),
            (14_400_000.000_000_03, "1.440000000000003e+07"),
            (-2.5, "-2.5"),
            (-1e6, "-1e+06"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(of(bound, v), text);
        }
    }

    #[test]
    fn values_are_plain_where_they_can_be() {
        for (v, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (-3.0, "-3"),
            (1_234_567.0, "1234567"),
            (9_007_199_254_740_992.0, "9007199254740992"),
            (0.25, "0.25"),
            (f64::NAN, "NaN"),
            (-f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(of(value, v), text);
        }
        assert_eq!(of(count, u64::MAX), "18446744073709551615");
    }

    #[test]
    fn times_are_seconds_to_the_millisecond() {
        for (ms, text) in [
            (0, "0.000"),
            (1, "0.001"),
            (1_520_430_000_120, "1520430000.120"),
        ] {
            let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(ms);
            assert_eq!(of(time, at), text);
        }
        let before = SystemTime::UNIX_EPOCH - std::time::Duration::from_secs(1);
        assert_eq!(of(time, before), "0.000");
    }

    #[test]
    fn both_ends_of_the_integers() {
        for v in [
            PLAIN_INTEGERS,
            -PLAIN_INTEGERS,
            PLAIN_INTEGERS - 2.0,
            i64::MAX as f64,
            i64::MIN as f64,
            u64::MAX as f64,
        ] {
            let text = of(value, v);
            assert!(!text.contains('.') || v.abs() >= PLAIN_INTEGERS, "{text}");
            assert_eq!(read(&text), v, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(7), cases: 2_000, ..ProptestConfig::default() })]

        #[test]
        fn every_float_reads_back(bits in any::<u64>()) {
            let v = f64::from_bits(bits);
            for text in [of(value, v), of(bound, v)] {
                prop_assert!(text.len() <= MAX_BYTES, "{text}");
                let back = read(&text);
                prop_assert!(back == v || (back.is_nan() && v.is_nan()), "{v:e} as {text}");
            }
        }

        /// Everyday sizes: uniform bits are almost never near 1.
        #[test]
        fn small_decimals_read_back_and_bounds_are_shortest(n in 0_u64..100_000_000, scale in -9_i32..9) {
            let v = n as f64 * 10_f64.powi(scale);
            prop_assert_eq!(read(&of(value, v)), v);
            let text = of(bound, v);
            prop_assert_eq!(read(&text), v);
            // Rust's `{:e}` prints the shortest digits, too: an oracle for the digits and the exponent.
            let digits = |t: &str| t.split(['e', 'E']).next().unwrap().replace('.', "").trim_matches('0').to_owned();
            prop_assert_eq!(digits(&text), digits(&format!("{v:e}")));
            let exponent_form = v != 0.0 && !(1e-4..1e6).contains(&v);
            prop_assert_eq!(text.contains('e'), exponent_form, "{}", text);
        }
    }
}
