//! How long a scraper waits.
//!
//! Lives here: the header by which Prometheus tells, and when to answer at the latest. Not here: who watches the
//! clock (`desk`).

use std::time::Duration;

use hyper::header::{HeaderMap, HeaderName};

/// Prometheus' header: seconds, with a fraction if need be.
const HEADER: HeaderName = HeaderName::from_static("x-prometheus-scrape-timeout-seconds");

/// What is left of the scraper's time for the network, at most.
const MARGIN: Duration = Duration::from_millis(500);

/// The time in which a request has to be answered, `longest` at most.
///
/// A scraper that gives up gets nothing: one that is told in time knows why. So the answer comes a tenth of the
/// scraper's time before its end, but no more than half a second. What is no number above 0 says nothing.
pub(super) fn patience(headers: &HeaderMap, longest: Duration) -> Duration {
    let mut told = headers.get_all(HEADER).iter();
    let (Some(header), None) = (told.next(), told.next()) else {
        return longest; // none, or several of which nobody knows which is meant
    };
    let seconds: Option<f64> = header
        .to_str()
        .ok()
        .and_then(|text| text.trim().parse().ok());
    let Some(seconds) = seconds.filter(|&seconds| seconds > 0.0) else {
        return longest;
    };
    let Ok(told) = Duration::try_from_secs_f64(seconds) else {
        return longest; // more than any clock can hold
    };
    told.saturating_sub(MARGIN.min(told / 10)).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn of(values: &[&str]) -> Duration {
        let mut headers = HeaderMap::new();
        for value in values {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            headers.append(HEADER, value);
        }
        patience(&headers, Duration::from_secs(18))
    }

    #[test]
    fn a_little_less_than_the_scraper_waits() {
        let ms = Duration::from_millis;
        for (told, wanted) in [
            ("10", ms(9_500)),
            ("10.000000", ms(9_500)),
            ("1", ms(900)),
            ("0.1", ms(90)),
            (" 5 ", ms(4_500)),
            ("1e1", ms(9_500)),
            ("18.6", ms(18_000)),
            ("1e300", ms(18_000)),
        ] {
            assert_eq!(of(&[told]), wanted, "{told}");
        }
        assert!(of(&["1e-300"]) < ms(1));
    }

    #[test]
    fn nonsense_says_nothing() {
        let longest = Duration::from_secs(18);
        for nonsense in [
            &[][..],
            &[""],
            &["soon"],
            &["0"],
            &["-0"],
            &["-1"],
            &["nan"],
            &["inf"],
            &["-inf"],
            &["1,5"],
            &["10s"],
            &["\u{fffd}"],
            &["1", "2"],
        ] {
            assert_eq!(of(nonsense), longest, "{nonsense:?}");
        }
    }
}
