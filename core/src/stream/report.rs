//! The reception report that a host would send about a stream (RFC 3550 §6.4.1).
//!
//! Lives here: what of a stream's numbers goes into a report block. Not here: writing RTCP.

use super::StreamStats;
use crate::rtp::feedback::{fraction_lost, lost_24};
use crate::rtp::rtcp::ReportBlock;

impl StreamStats {
    /// The report block about this stream, of source `ssrc`, at `now_ns` on the clock of arrivals; `earlier`
    /// is the reading that the last report was made of (or [`StreamStats::default`]).
    ///
    /// - **Loss**: as A.3 has it, where duplicates and late packets count as received: cumulative in signed
    ///   24 bits, cut at both ends; the fraction since `earlier` in 1/256, cut at 0 and at 255.
    /// - **Highest sequence**: of the present run; low 32 bits with its cycles.
    /// - **Last report**: the middle of the newest sender report's NTP time and the time since, or 0 and 0.
    ///
    /// ```
    /// # use media_metrics_core::{Registry, StreamConfig, rtp::RtpHeader, stream::StreamStats};
    /// # let registry = Registry::new()?;
    /// # let mut stream = registry.stream(&registry.group(&["incoming", "audio"])?, StreamConfig::new(7, 8_000))?;
    /// for number in [1, 2, 4] {
    ///     let packet = [0x80, 0, 0, number, 0, 0, 0, 0, 0, 0, 0, 7, 1, 2, 3];
    ///     stream.on_rtp(&RtpHeader::parse(&packet)?, 0);
    /// }
    /// let block = stream.stats().report_block(7, &StreamStats::default(), 0);
    /// assert_eq!((block.cumulative_lost, block.fraction_lost), (1, 64));
    /// assert_eq!(block.highest_sequence, 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn report_block(&self, ssrc: u32, earlier: &Self, now_ns: u64) -> ReportBlock {
        let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let (last_report, delay) = match self.remote {
            Some(remote) => {
                let since_ns = now_ns.saturating_sub(remote.arrival_ns);
                let delay = (u128::from(since_ns) << 16) / 1_000_000_000;
                (
                    (remote.ntp >> 16) as u32,
                    delay.try_into().unwrap_or(u32::MAX),
                )
            }
            None => (0, 0),
        };
        ReportBlock {
            ssrc,
            fraction_lost: fraction_lost(
                self.expected.saturating_sub(earlier.expected),
                self.received().saturating_sub(earlier.received()),
            ),
            cumulative_lost: lost_24(signed(self.expected), signed(self.received())),
            highest_sequence: self.highest_sequence as u32,
            jitter_ticks: self.jitter_ticks as u32, // saturates
            last_report,
            delay,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::RemoteSenderStats;

    #[test]
    fn a_report_is_cut_to_its_fields_at_both_ends() {
        let none = StreamStats::default();
        let stats = StreamStats {
            expected: 1 << 40,
            packets: 0,
            highest_sequence: (5 << 32) + 9,
            jitter_ticks: 1e30,
            ..none
        };
        let block = stats.report_block(7, &none, 0);
        assert_eq!((block.ssrc, block.cumulative_lost), (7, 0x7f_ffff));
        assert_eq!((block.fraction_lost, block.highest_sequence), (255, 9));
        assert_eq!(block.jitter_ticks, u32::MAX);
        let doubled = StreamStats {
            expected: 10,
            packets: 1 << 40,
            ..none
        };
        let block = doubled.report_block(7, &none, 0);
        assert_eq!(
            (block.cumulative_lost, block.fraction_lost),
            (-0x80_0000, 0)
        );
    }

    #[test]
    fn numbers_that_a_host_made_up_are_no_panic() {
        let stats = StreamStats {
            expected: 3,
            packets: 1,
            stale: u64::MAX,
            pending: 1,
            ..StreamStats::default()
        };
        assert_eq!(stats.cumulative_lost(), 3);
    }

    #[test]
    fn the_delay_is_since_the_newest_sender_report() {
        let remote = RemoteSenderStats {
            reports: 1,
            ntp: 0x1122_3344_5566_7788,
            rtp_timestamp: 0,
            packets: 0,
            octets: 0,
            arrival_ns: 1_000_000_000,
        };
        let stats = StreamStats {
            remote: Some(remote),
            ..StreamStats::default()
        };
        let at = |now_ns| {
            let block = stats.report_block(7, &StreamStats::default(), now_ns);
            (block.last_report, block.delay)
        };
        assert_eq!(at(1_500_000_000), (0x3344_5566, 0x8000));
        assert_eq!(at(0), (0x3344_5566, 0)); // a clock that stepped back
        assert_eq!(at(u64::MAX), (0x3344_5566, u32::MAX));
        let none = StreamStats::default().report_block(7, &StreamStats::default(), 5);
        assert_eq!((none.last_report, none.delay), (0, 0));
    }
}
