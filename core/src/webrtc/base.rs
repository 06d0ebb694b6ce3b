//! What the dictionaries have in common, and the clock of their timestamps.
//!
//! Lives here: `RTCStats`, `RTCRtpStreamStats`, `RTCReceivedRtpStreamStats`, `RTCSentRtpStreamStats`, as
//! parts of the others. Not here: how they are filled.

use std::time::SystemTime;

use serde::Serialize;

use crate::wall::ns_since_1970;

/// What a stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
}

/// One moment on two clocks: the host's monotonic one, by which streams are told the time of packets, and
/// the wall clock, by which the standard tells it.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    now_ns: u64,
    wall_ms: f64,
}

impl Clock {
    /// Both clocks, read now.
    #[must_use]
    pub fn new(now_ns: u64, wall: SystemTime) -> Self {
        let wall_ms = ns_since_1970(wall) as f64 / 1e6;
        Self { now_ns, wall_ms }
    }

    /// Now, in the standard's terms: milliseconds since 1970, with fractions.
    #[must_use]
    pub const fn now(&self) -> f64 {
        self.wall_ms
    }

    /// A moment of the monotonic clock, likewise: as if the wall clock had run evenly between then and now.
    #[must_use]
    pub const fn at(&self, ns: u64) -> f64 {
        self.wall_ms + self.now_ns.wrapping_sub(ns) as i64 as f64 / -1e6
    }
}

/// `RTCStats` and `RTCRtpStreamStats`: who is told of, and as of when.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RtpStreamStats {
    /// Milliseconds since 1970.
    pub timestamp: f64,
    /// Unlike that of any other object, ever; the same each time for the same stream.
    pub id: String,
    /// Synchronisation source.
    pub ssrc: u32,
    /// Audio or video.
    pub kind: Kind,
}

/// `RTCReceivedRtpStreamStats`: what was received, by us or as a peer reports.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ReceivedRtpStreamStats {
    /// Packets received, retransmissions and duplicates included. `None` of what a peer reports: it is no
    /// number of the report, and would have to be guessed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packets_received: Option<u64>,
    /// Packets expected less packets received (RFC 3550 §6.4.1).
    pub packets_lost: i64,
    /// Interarrival jitter, seconds (RFC 3550 §6.4.1).
    pub jitter: f64,
}

/// `RTCSentRtpStreamStats`: what was sent, by us or as a peer reports.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SentRtpStreamStats {
    /// Packets sent, retransmissions included.
    pub packets_sent: u64,
    /// Bytes of payload sent, retransmissions included.
    pub bytes_sent: u64,
}

/// NTP time in the standard's terms: milliseconds since 1970. `None` for 0, which is no time (RFC 3550
/// §6.4.1).
pub(super) fn ntp_time(ntp: u64) -> Option<f64> {
    /// Seconds from 1900, where NTP begins, to 1970.
    const TO_UNIX: i64 = 2_208_988_800;
    // Times without the top bit are after 2036 (RFC 4330 §3).
    let era = i64::from(ntp >> 63 == 0) << 32;
    let seconds = (ntp >> 32) as i64 + era - TO_UNIX;
    let fraction = (ntp & u64::from(u32::MAX)) as f64 / 2_f64.powi(32);
    (ntp != 0).then_some(seconds as f64 * 1e3 + fraction * 1e3)
}

/// A count in the 32 bits that the standard gives it; stays at the largest.
pub(super) fn unsigned_long(n: u64) -> u32 {
    n.try_into().unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn moments_before_and_after_now_and_1970() {
        let wall = UNIX_EPOCH + Duration::from_millis(1_700_000_000_000);
        let clock = Clock::new(5_000_000_000, wall);
        assert_eq!(clock.at(5_000_000_000), clock.now());
        assert_eq!(clock.at(2_999_000_000), 1_699_999_997_999.0);
        assert_eq!(clock.at(5_250_000_000), 1_700_000_000_250.0);
        let early = Clock::new(0, UNIX_EPOCH - Duration::from_millis(1_500));
        assert_eq!((early.now(), early.at(2_000_000_000)), (-1_500.0, 500.0));
    }

    #[test]
    fn ntp_times_of_both_eras() {
        assert_eq!(ntp_time(0), None);
        // 2024-01-01 00:00:00.5 UTC, and the seconds on both sides of the NTP era's end in 2036.
        let time = |ntp| ntp_time(ntp).unwrap();
        assert_eq!(time((3_913_056_000 << 32) + (1 << 31)), 1_704_067_200_500.0);
        assert_eq!(time(u64::from(u32::MAX) << 32), 2_085_978_495_000.0);
        assert_eq!(time(1 << 32), 2_085_978_497_000.0);
    }
}
