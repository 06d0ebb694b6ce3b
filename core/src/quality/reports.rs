//! How old receiver reports are, of a stream that is sent from here.
//!
//! Lives here: since when packets are sent, and what the age of the last report means. Not here: what is
//! in a report.
//!
//! A peer that never reports tells of no loss, which is not the same as losing nothing. The age counts
//! only while packets are sent: after an idle time the peer has its time to report anew.

use std::time::Duration;

use super::config::ReportAge;

/// Since when packets have been sent without a break.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sending {
    since: Option<Duration>,
}

/// What the last report is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reports {
    /// It came in this window, and tells about the packets that are sent now.
    Fresh,
    /// There is none yet in this window, or since sending began.
    Awaited,
    /// Too old for `ReportAge::poor_after`.
    Stale,
    /// Too old for `ReportAge::lost_after`.
    Gone,
}

impl Sending {
    /// Nothing was sent, or what was sent does not count.
    pub(super) fn stop(&mut self) {
        self.since = None;
    }

    /// A window that began at `start` had packets.
    pub(super) fn go_on(&mut self, start: Duration) {
        // `min` for a clock that went back.
        self.since = Some(self.since.map_or(start, |since| since.min(start)));
    }

    /// Of a window from `start` to `at`; a report that came at `start` belongs to the one before.
    pub(super) fn reports(
        &self,
        start: Duration,
        at: Duration,
        last: Option<Duration>,
        max: ReportAge,
    ) -> Reports {
        let since = self.since.unwrap_or(at);
        let age = at.saturating_sub(last.unwrap_or(since).max(since));
        if age > max.lost_after {
            Reports::Gone
        } else if age > max.poor_after {
            Reports::Stale
        } else if last.is_some_and(|last| last >= since && last > start) {
            Reports::Fresh
        } else {
            Reports::Awaited
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    /// In a window of 5 s.
    fn reports(sending: Sending, now: u64, last: Option<u64>) -> Reports {
        sending.reports(at(now - 5), at(now), last.map(at), ReportAge::default())
    }

    #[test]
    fn the_age_counts_from_the_later_of_report_and_start() {
        let mut sending = Sending::default();
        sending.go_on(at(100));
        sending.go_on(at(105));
        for (now, last, expected) in [
            (105, None, Reports::Awaited),
            (104, Some(99), Reports::Awaited), // of the time before
            (104, Some(100), Reports::Fresh),
            (110, Some(105), Reports::Awaited), // of the window before
            (110, Some(106), Reports::Fresh),
            (130, None, Reports::Awaited),
            (131, None, Reports::Stale),
            (131, Some(1), Reports::Stale),
            (131, Some(101), Reports::Awaited),
            (160, Some(1), Reports::Stale),
            (161, None, Reports::Gone),
            (161, Some(130), Reports::Stale),
            (161, Some(999), Reports::Fresh),
        ] {
            let got = reports(sending, now, last);
            assert_eq!(got, expected, "at {now}, last {last:?}");
        }
        sending.stop();
        sending.go_on(at(202));
        // Sending began amid the window, after the report.
        assert_eq!(reports(sending, 205, Some(201)), Reports::Awaited);
        assert_eq!(reports(sending, 205, Some(202)), Reports::Fresh);
        sending.stop();
        sending.go_on(at(500));
        assert_eq!(reports(sending, 505, Some(200)), Reports::Awaited);
    }

    #[test]
    fn limits_in_the_wrong_order_are_taken_as_they_are() {
        let max = ReportAge {
            poor_after: at(60),
            lost_after: at(30),
        };
        let mut sending = Sending::default();
        sending.go_on(at(0));
        assert_eq!(sending.reports(at(26), at(31), None, max), Reports::Gone);
    }
}
