//! Round-trip time from reports that we sent and the echoes in the peer's (RFC 3550 §6.4.1).
//!
//! Lives here: which report an echo is about, and whether it can be true. Not here: reading reports
//! (`rtp::rtcp`).
//!
//! One arithmetic for both directions: a sender's SR comes back as LSR and DLSR of a report block, a
//! receiver's reference time (RFC 3611 §4.4) as LRR and DLRR of a reply.

/// How many reports are remembered: an echo of an older one measures nothing.
const KEPT: usize = 16;

/// One unit of a delay field, 1/65,536 s, in nanoseconds, rounded up.
const UNIT_NS: u64 = 15_259;

/// What an echo says of the round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RoundTrip {
    /// It took so many nanoseconds, ± 15 µs (the unit of the peer's delay). 0 if the peer's rounding
    /// makes it less.
    Measured(u64),
    /// The peer had no report yet.
    NoReport,
    /// An echo of none of the last 16 reports.
    Unknown,
    /// The same echo came before: the packet was repeated, and its second way measures nothing.
    Repeated,
    /// The peer says that it held the report for longer than it was away.
    Impossible,
}

impl RoundTrip {
    /// The round trip in nanoseconds, if this measured one.
    #[must_use]
    pub(crate) const fn ns(self) -> Option<u64> {
        match self {
            Self::Measured(ns) => Some(ns),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    middle: u32,
    at_ns: u64,
    /// Delay of the echo that was taken last.
    echoed: Option<u32>,
}

/// The last 16 reports sent, and when.
///
/// Keeping more than one lets a round trip that is longer than the time between reports be measured.
#[derive(Clone, Debug, Default)]
pub(crate) struct SentReports {
    ring: [Option<Sent>; KEPT],
    next: usize,
}

impl SentReports {
    /// A report with this NTP time left, at `at_ns` on a monotonic clock of the caller's.
    pub(crate) fn on_sent(&mut self, ntp: u64, at_ns: u64) {
        if let Some(slot) = self.ring.get_mut(self.next % KEPT) {
            *slot = Some(Sent {
                middle: (ntp >> 16) as u32,
                at_ns,
                echoed: None,
            });
        }
        self.next = (self.next + 1) % KEPT;
    }

    /// A peer's report or reply came, at `at_ns` on the same clock, with these fields: the middle of the
    /// NTP time (LSR, LRR) and the delay since, in 1/65,536 s (DLSR, DLRR).
    pub(crate) fn on_echo(&mut self, middle: u32, delay: u32, at_ns: u64) -> RoundTrip {
        if middle == 0 {
            return RoundTrip::NoReport;
        }
        // The newest first, should two have the same middle.
        let (older, newer) = self
            .ring
            .split_at_mut_checked(self.next)
            .unwrap_or_default();
        let newest_first = older.iter_mut().rev().chain(newer.iter_mut().rev());
        let Some(sent) = newest_first.flatten().find(|s| s.middle == middle) else {
            return RoundTrip::Unknown;
        };
        if sent.echoed == Some(delay) {
            return RoundTrip::Repeated;
        }
        let Some(elapsed) = at_ns.checked_sub(sent.at_ns) else {
            return RoundTrip::Impossible;
        };
        let held = u64::from(delay) * 1_000_000_000 / 65_536;
        if held > elapsed.saturating_add(UNIT_NS) {
            return RoundTrip::Impossible;
        }
        sent.echoed = Some(delay);
        RoundTrip::Measured(elapsed.saturating_sub(held))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn what_can_not_be_true_is_not_measured() {
        let mut sent = SentReports::default();
        sent.on_sent(7 << 16, SECOND);
        assert_eq!(sent.on_echo(0, 0, SECOND), RoundTrip::NoReport);
        assert_eq!(sent.on_echo(8, 0, SECOND), RoundTrip::Unknown);
        assert_eq!(sent.on_echo(7, 0, SECOND - 1), RoundTrip::Impossible);
        assert_eq!(
            sent.on_echo(7, 65_536, 2 * SECOND - UNIT_NS - 1),
            RoundTrip::Impossible
        );
        assert_eq!(
            sent.on_echo(7, 65_536, 2 * SECOND - UNIT_NS),
            RoundTrip::Measured(0)
        );
        assert_eq!(sent.on_echo(7, u32::MAX, 2 * SECOND), RoundTrip::Impossible);
    }

    #[test]
    fn a_repeated_echo_is_no_new_sample_but_a_later_one_is() {
        let mut sent = SentReports::default();
        sent.on_sent(7 << 16, 0);
        assert_eq!(sent.on_echo(7, 0, 5).ns(), Some(5));
        assert_eq!(sent.on_echo(7, 0, SECOND), RoundTrip::Repeated);
        assert_eq!(sent.on_echo(7, 0x8000, SECOND).ns(), Some(SECOND / 2));
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

        /// The oracle remembers everything, and looks through it.
        #[test]
        fn an_echo_finds_the_newest_of_the_last_16(
            middles in prop::collection::vec(1_u32..30, 0..40),
            asked in 1_u32..30,
        ) {
            let mut sent = SentReports::default();
            for (at, &middle) in middles.iter().enumerate() {
                sent.on_sent(u64::from(middle) << 16 | 0xabcd_0000_0000_0012, at as u64 * SECOND);
            }
            let now = 100 * SECOND;
            let middle_of = |m: u32| m | 0xabcd_0000_u32.wrapping_shl(16);
            let newest = middles.iter().rposition(|&m| m == asked);
            let wanted = newest
                .filter(|at| at + KEPT >= middles.len())
                .map_or(RoundTrip::Unknown, |at| RoundTrip::Measured(now - at as u64 * SECOND));
            prop_assert_eq!(sent.on_echo(middle_of(asked), 0, now), wanted);
        }
    }
}
