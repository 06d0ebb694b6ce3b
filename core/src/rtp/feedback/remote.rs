//! What one receiver reports of one stream, made whole (RFC 3550 §6.4.1).
//!
//! Lives here: 24 bits of loss and 32 of sequence number, followed over their wraps; reports that are
//! old, or of another stream. Not here: RTT (`round_trip`), reading blocks (`rtp::rtcp`).
//!
//! # The receiver's highest number
//! A receiver counts the cycles of the 16-bit numbers itself, and may miss one, or start over when it
//! joins again. So its count is taken if it agrees with itself and with what was sent; else the nearest
//! number at or below the highest sent that has the same low 16 bits. That needs no correction to be
//! remembered, hence none to be undone.
//!
//! # Its losses
//! Cumulative loss is signed: it goes down by packets that come late and by duplicates, and a receiver
//! may let it wrap. Each report moves our 64-bit count by the difference of the 24-bit ones, if it can have
//! come about since the report before: it is no more than the packets between the two, and those that may
//! have been late. Else the next difference begins at this report. A receiver that started over falls by
//! more than that: what it had reported before stays lost, and its new count comes on top, if that can be.
//! So a report, mistaken or forged, moves the count by what was sent since the one before and [`LATE`] at
//! most, not by the 2^23 that it can claim.

use crate::rtp::rtcp::ReportBlock;

/// Half of the 16-bit numbers: farther behind than this is ahead.
const HALF: u64 = 1 << 15;

/// All of them.
const CYCLE: u64 = 1 << 16;

/// Packets older than this are nobody's late ones: 1.5 s at 700 packets a second.
const LATE: u64 = 1024;

/// What became of a report block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReportVerdict {
    /// Taken.
    Accepted,
    /// Taken, but its losses don't follow from those before: the receiver started over, is mistaken, or the
    /// report is forged. Its counts begin anew here.
    Restarted,
    /// Older than the newest one: nothing changed.
    Stale,
    /// About a number that was not sent: nothing changed.
    NotSent,
}

/// The newest report taken.
#[derive(Clone, Copy, Debug)]
struct Newest {
    reported: u32,
    extended: u64,
    lost_24: i32,
}

/// What a receiver said of one stream so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RemoteReports {
    newest: Option<Newest>,
    lost: i64,
    /// The sender's numbers began anew: so will the receiver's counts.
    sender_restarted: bool,
}

impl RemoteReports {
    /// A block about our stream, of which the numbers from `first_sent` to `highest_sent`, with their
    /// cycles, were sent.
    pub(crate) fn on_report(
        &mut self,
        block: &ReportBlock,
        first_sent: u64,
        highest_sent: u64,
    ) -> ReportVerdict {
        let Some(extended) = self.extend(block.highest_sequence, highest_sent) else {
            return ReportVerdict::NotSent;
        };
        if extended < first_sent {
            return ReportVerdict::NotSent;
        }
        if self.newest.is_some_and(|n| extended < n.extended) {
            return ReportVerdict::Stale;
        }
        let restarted = self.count_losses(block, first_sent, extended);
        self.newest = Some(Newest {
            reported: block.highest_sequence,
            extended,
            lost_24: block.cumulative_lost,
        });
        if restarted {
            ReportVerdict::Restarted
        } else {
            ReportVerdict::Accepted
        }
    }

    /// Our own numbers began anew (RFC 3550 A.1): the next report is not compared with those before.
    pub(crate) fn on_sender_restart(&mut self) {
        self.sender_restarted = self.newest.is_some();
        if let Some(newest) = &mut self.newest {
            newest.extended = 0;
            newest.reported = 0;
        }
    }

    /// Cumulative loss, of all reports and over all wraps; negative when there were more duplicates than
    /// losses. What the first report has beyond the numbers sent is left out.
    #[must_use]
    pub(crate) const fn lost(&self) -> i64 {
        self.lost
    }

    /// Highest number that the receiver had, with the cycles of what was sent; `None` before a report
    /// (of this run of our numbers).
    #[must_use]
    pub(crate) fn highest_sequence(&self) -> Option<u64> {
        self.newest
            .filter(|_| !self.sender_restarted)
            .map(|n| n.extended)
    }

    /// The number with cycles that `reported` stands for; `None` if no such number was sent.
    fn extend(&self, reported: u32, highest_sent: u64) -> Option<u64> {
        if let Some(newest) = self.newest.filter(|_| !self.sender_restarted) {
            if reported == newest.reported {
                return Some(newest.extended); // nothing new came, however much was sent
            }
            // As the receiver itself counts.
            let ahead = u64::from(reported.wrapping_sub(newest.reported));
            let own = newest.extended.saturating_add(ahead);
            if own <= highest_sent && highest_sent - own < CYCLE {
                return Some(own);
            }
        }
        let behind = highest_sent.wrapping_sub(u64::from(reported)) % CYCLE;
        highest_sent.checked_sub(behind).filter(|_| behind < HALF)
    }

    /// Takes the loss of an accepted block; whether the receiver's count begins anew with it.
    fn count_losses(&mut self, block: &ReportBlock, first_sent: u64, extended: u64) -> bool {
        let now = block.cumulative_lost;
        let Some(before) = self.newest else {
            // What is more than was sent was lost before our time.
            let sent = (extended - first_sent).saturating_add(1);
            let least = sent.saturating_add(LATE).try_into().unwrap_or(i64::MAX);
            self.lost = i64::from(now).clamp(-least, sent.try_into().unwrap_or(i64::MAX));
            return false;
        };
        // The difference in 24 signed bits: what has wrapped comes out small.
        let change = (now.wrapping_sub(before.lost_24) << 8) >> 8;
        let anew = std::mem::take(&mut self.sender_restarted);
        let since = if anew { first_sent } else { before.extended };
        let room = LATE.saturating_add(extended - since);
        let fits = |lost: i32| u64::from(lost.unsigned_abs()) <= room;
        if fits(change) && !(anew && change < 0) {
            self.lost += i64::from(change);
            return false;
        }
        if change < 0 && fits(now) {
            self.lost += i64::from(now);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ReportVerdict::*;
    use proptest::prelude::*;

    fn block(highest_sequence: u32, cumulative_lost: i32) -> ReportBlock {
        ReportBlock {
            ssrc: 1,
            fraction_lost: 0,
            cumulative_lost,
            highest_sequence,
            jitter_ticks: 0,
            last_report: 0,
            delay: 0,
        }
    }

    /// Each report and what was sent by then, to what became of it and the number it stands for.
    fn verdicts(first: u64, reports: &[(u32, u64)]) -> Vec<(ReportVerdict, Option<u64>)> {
        let mut remote = RemoteReports::default();
        let told = reports.iter().map(|&(reported, sent)| {
            let verdict = remote.on_report(&block(reported, 0), first, sent);
            (verdict, remote.highest_sequence())
        });
        told.collect()
    }

    #[test]
    fn a_receiver_that_missed_a_cycle_is_understood_and_may_mend_itself() {
        let sent = 65_536 * 3;
        assert_eq!(
            verdicts(
                0,
                &[
                    (2 * 65_536 + 60_000, sent - 5_000),
                    (2 * 65_536 + 10, sent + 20),   // missed the third
                    (2 * 65_536 + 500, sent + 600), // and goes on so
                    (3 * 65_536 + 800, sent + 900), // mended
                    (700, sent + 900),              // started over, with an old report
                    (850, sent + 900),
                ]
            ),
            [
                (Accepted, Some(sent - 5_536)),
                (Accepted, Some(sent + 10)),
                (Accepted, Some(sent + 500)),
                (Accepted, Some(sent + 800)),
                (Stale, Some(sent + 800)),
                (Accepted, Some(sent + 850)),
            ]
        );
    }

    #[test]
    fn what_was_not_sent_changes_nothing() {
        assert_eq!(
            verdicts(
                100,
                &[(201, 200), (99, 200), (200, 200), (201, 200), (40_000, 200)]
            ),
            [
                (NotSent, None),
                (NotSent, None),
                (Accepted, Some(200)),
                (NotSent, Some(200)),
                (NotSent, Some(200)),
            ]
        );
    }

    #[test]
    fn just_ahead_of_what_was_sent_is_not_sent_a_cycle_before() {
        assert_eq!(verdicts(0, &[(200_001, 200_000)]), [(NotSent, None)]);
    }

    #[test]
    fn a_receiver_that_lags_by_most_of_a_cycle_is_taken_at_its_word() {
        assert_eq!(
            verdicts(0, &[(10, 100), (5_000, 45_000)]),
            [(Accepted, Some(10)), (Accepted, Some(5_000))]
        );
    }

    #[test]
    fn a_receiver_that_hears_nothing_stays_where_it_was() {
        assert_eq!(
            verdicts(
                0,
                &[
                    (50, 60),
                    (50, 40_000),
                    (50, 200_000),
                    (50 + 65_536, 200_000)
                ]
            ),
            [
                (Accepted, Some(50)),
                (Accepted, Some(50)),
                (Accepted, Some(50)),
                // It hears again, and counts one cycle of the three that went by.
                (Accepted, Some(3 * 65_536 + 50)),
            ]
        );
    }

    #[test]
    fn loss_is_signed_and_followed_over_both_wraps() {
        let mut remote = RemoteReports::default();
        let mut sent = 0_u64;
        let mut lost = |cumulative, packets: u64| {
            sent += packets;
            remote.on_report(&block(sent as u32, cumulative), 0, sent);
            remote.lost()
        };
        assert_eq!(lost(-3, 10), -3);
        assert_eq!(lost(2, 10), 2);
        assert_eq!(lost(0x7f_fff0, 0x7f_fff0), 0x7f_fff0);
        assert_eq!(lost(-0x80_0000 + 4, 100), 0x80_0004, "wrapped");
        assert_eq!(lost(-1, 0x7f_ffff), 0xff_ffff);
        assert_eq!(lost(1, 10), 0x100_0001);
        assert_eq!(lost(-5, 10), 0xff_fffb, "late packets");
    }

    #[test]
    fn what_was_lost_before_our_time_is_not_ours() {
        let mut remote = RemoteReports::default();
        remote.on_report(&block(1_009, 700), 1_000, 1_009);
        assert_eq!(remote.lost(), 10);
        remote.on_report(&block(1_019, 703), 1_000, 1_019);
        assert_eq!(remote.lost(), 13);
    }

    #[test]
    fn a_receiver_that_started_over_keeps_what_it_had_lost() {
        let mut remote = RemoteReports::default();
        assert_eq!(remote.on_report(&block(10_000, 5_000), 0, 10_000), Accepted);
        assert_eq!(remote.on_report(&block(10_100, 4), 0, 10_100), Restarted);
        assert_eq!(remote.lost(), 5_004);
        // Our own restart: however little it lost before.
        remote.on_sender_restart();
        assert_eq!(remote.highest_sequence(), None);
        assert_eq!(remote.on_report(&block(500, 1), 500, 600), Restarted);
        assert_eq!(
            (remote.lost(), remote.highest_sequence()),
            (5_005, Some(500))
        );
        assert_eq!(remote.on_report(&block(600, 0), 500, 600), Accepted);
        assert_eq!(remote.lost(), 5_004);
    }

    /// What can't have come about since the report before is not counted: a mistake, or forged.
    #[test]
    fn losses_that_nobody_can_have_are_nobody_s() {
        let after_it = |strange: i32| {
            let mut remote = RemoteReports::default();
            assert_eq!(remote.on_report(&block(100, 3), 0, 300), Accepted);
            assert_eq!(remote.on_report(&block(150, strange), 0, 300), Restarted);
            let then = remote.lost();
            remote.on_report(&block(200, 4), 0, 300);
            remote.on_report(&block(250, 6), 0, 300);
            (then, remote.lost())
        };
        // Its fall back to 4 looks as if the receiver had started over.
        assert_eq!(after_it(8_000_000), (3, 3 + 4 + 2));
        assert_eq!(after_it(-8_000_000), (3, 3 + 2));
        let most = 3 + 50 + LATE as i32;
        assert_eq!(after_it(most + 2), (3, 3 + 4 + 2));

        // Nor of the first report.
        let mut remote = RemoteReports::default();
        remote.on_report(&block(100, -8_000_000), 1, 100);
        assert_eq!(remote.lost(), -100 - LATE as i64);

        for strange in [8_000_000, -8_000_000] {
            let mut remote = RemoteReports::default();
            for number in 0..200 {
                let lost = if number % 2 == 0 { strange } else { 0 };
                remote.on_report(&block(100 + number, lost), 0, 300);
            }
            assert!(
                remote.lost().unsigned_abs() <= 101 + LATE,
                "{}",
                remote.lost()
            );
        }

        let mut remote = RemoteReports::default();
        remote.on_report(&block(100, 3), 0, 100);
        remote.on_sender_restart();
        assert_eq!(
            remote.on_report(&block(40_100, 9_000), 40_000, 40_100),
            Restarted
        );
        assert_eq!(remote.lost(), 3);
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

        /// The oracle counts in 64 bits from the beginning; the receiver reports its low bits, and
        /// misses cycles as it likes.
        #[test]
        fn totals_are_those_of_a_receiver_with_64_bits(
            start in 0_u64..65_536,
            intervals in prop::collection::vec((0_u64..30_000, 0_u64..1_000, 0_u64..100, 0_u32..3), 1..60),
        ) {
            let mut remote = RemoteReports::default();
            let (mut highest, mut lost) = (start, 0_i64);
            for (packets, lag, duplicates, missed) in intervals {
                highest += packets;
                lost += packets as i64 / 2 - duplicates as i64;
                let reported = (highest as u32).wrapping_sub(missed << 16);
                let verdict = remote.on_report(&block(reported, (lost << 40 >> 40) as i32), start, highest + lag);
                prop_assert_eq!(verdict, Accepted);
                prop_assert_eq!((remote.highest_sequence(), remote.lost()), (Some(highest), lost));
            }
        }
    }
}
