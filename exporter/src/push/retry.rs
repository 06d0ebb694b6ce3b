//! When to try again.
//!
//! Lives here: exponential back-off with full jitter, and what a `Retry-After` says; pure, but for the wall clock that a
//! date is compared with, which is an argument. Not here: what is worth another try (the protocols), waiting (the
//! sender).

use std::time::{Duration, SystemTime};

/// Longer than this no receiver makes us wait.
const MOST_RETRY_AFTER: Duration = Duration::from_secs(300);

/// How long to wait after failures in a row.
#[derive(Debug)]
pub(super) struct Backoff {
    least: Duration,
    most: Duration,
    failures: u32,
}

impl Backoff {
    pub(super) const fn new((least, most): (Duration, Duration)) -> Self {
        Self {
            least,
            most,
            failures: 0,
        }
    }

    /// An attempt succeeded: the next failure is the first again.
    pub(super) const fn reset(&mut self) {
        self.failures = 0;
    }

    /// An attempt failed: the wait before the next one. `random` is from 0 to 1; all senders of an outage that draw
    /// their own come back spread over the whole time.
    pub(super) fn next(&mut self, random: f64, retry_after: Option<Duration>) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let doubled = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        let ceiling = self.least.saturating_mul(doubled).min(self.most);
        let jittered = ceiling.mul_f64(random.clamp(0.0, 1.0));
        // Not all at the moment that all were told, either.
        retry_after.map_or(jittered, |told| told.min(MOST_RETRY_AFTER) + jittered)
    }
}

/// The wait that a `Retry-After` header asks for: seconds, or a date (RFC 9110, section 10.2.3).
pub(super) fn retry_after(header: &str, now: SystemTime) -> Option<Duration> {
    let header = header.trim();
    if !header.is_empty() && header.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than a number has: a very long time.
        return Some(Duration::from_secs(header.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(header).ok()?;
    // A time that has passed asks for no wait.
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn waits_double_up_to_the_most_and_begin_anew() {
        let mut backoff = Backoff::new((ms(100), ms(1_000)));
        let ceilings: Vec<_> = (0..5).map(|_| backoff.next(1.0, None)).collect();
        assert_eq!(ceilings, [ms(200), ms(400), ms(800), ms(1_000), ms(1_000)]);
        backoff.reset();
        assert_eq!(backoff.next(1.0, None), ms(200));
        // Full jitter: any part of it, nothing included.
        assert_eq!(backoff.next(0.25, None), ms(100));
        assert_eq!(backoff.next(0.0, None), ms(0));
        for _ in 0..100 {
            assert!(backoff.next(1.0, None) <= ms(1_000)); // no overflow, however long the outage
        }
        let mut huge = Backoff::new((Duration::MAX, Duration::MAX));
        assert_eq!(huge.next(0.0, None), ms(0));
    }

    #[test]
    fn retry_after_is_honoured_within_reason() {
        let mut backoff = Backoff::new((ms(100), ms(1_000)));
        assert_eq!(backoff.next(0.5, Some(ms(7_000))), ms(7_100));
        assert_eq!(backoff.next(0.0, Some(Duration::MAX)), MOST_RETRY_AFTER);
    }

    #[test]
    fn both_forms_of_the_header_are_read() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let read = |text| retry_after(text, now);
        assert_eq!(read("120"), Some(Duration::from_secs(120)));
        assert_eq!(read(" 0 "), Some(Duration::ZERO));
        assert_eq!(
            read("99999999999999999999999"),
            Some(Duration::from_secs(u64::MAX))
        );
        assert_eq!(
            read("Sun, 06 Nov 1994 08:49:47 GMT"),
            Some(Duration::from_secs(10))
        );
        assert_eq!(read("Sun, 06 Nov 1994 08:49:07 GMT"), Some(Duration::ZERO));
        for wrong in ["", "-1", "1.5", "soon", "+5"] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }
}
