//! What was measured in one window.
//!
//! Lives here: the plain figures, and how those of several layers become one. Not here: who measured.

use std::time::Duration;

/// Figures of one window, usually 5 s long. They are differences over the window, not totals.
///
/// Everything may be zero, and nothing is too large: figures that contradict one another cost accuracy,
/// never a panic or a score outside its bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Time that the figures cover. 0: unknown, the packet rate is then not used.
    pub duration: Duration,
    /// Media packets expected: by sequence numbers, without padding-only packets. For a stream sent from
    /// here: by the sequence numbers of the receiver reports that came in this window.
    pub packets: u64,
    /// Packets with nothing but padding.
    pub padding_packets: u64,
    /// Packets lost, those of `missing` and `recovered` included. Receiver reports can make the
    /// difference negative (RFC 3550 §6.4.1: duplicates); that counts as none.
    pub lost: i64,
    /// Of `lost`: never received from upstream, so that this path is not to blame.
    pub missing: u64,
    /// Of `lost`, here or in an earlier window: came late after all. Not every packet out of order
    /// belongs here: one that had never been counted as lost must not cancel a real loss. 0 if `lost`
    /// is net already, as that of receiver reports is.
    pub recovered: u64,
    /// For a stream sent from here ([`Config::outbound`](super::Config::outbound)), and unused for any
    /// other: packets sent, by our own count. Who is sent packets owes reports of them.
    pub sent: u64,
    /// Payload bytes: without headers.
    pub bytes: u64,
    /// Longest round trip; 0 if unknown.
    pub rtt: Duration,
    /// Largest interarrival jitter; for a stream sent from here, less the one it already had when it
    /// came in.
    pub jitter: Duration,
    /// When the peer's last report came: sender reports of a stream received here, receiver reports of
    /// one sent from here. `None`: none yet.
    pub last_rtcp: Option<Duration>,
}

impl Window {
    /// Packets of any kind.
    pub(super) const fn total(&self) -> u64 {
        self.packets.saturating_add(self.padding_packets)
    }

    /// Losses that count: `max(0, lost - missing - recovered)`.
    pub(super) fn losses(&self) -> u64 {
        u64::try_from(self.lost)
            .unwrap_or(0)
            .saturating_sub(self.missing)
            .saturating_sub(self.recovered)
    }

    /// Media packets per second; `None` without a duration.
    pub(super) fn pps(&self) -> Option<f64> {
        (!self.duration.is_zero()).then(|| self.packets as f64 / self.duration.as_secs_f64())
    }

    /// The layers of one stream as one: counts are added, times are the longest, RTCP the latest. Losses
    /// are left out: they stay with their layer, see `parts::loss_effect`.
    pub(super) fn overall(layers: &[Self]) -> Self {
        layers.iter().fold(Self::default(), |sum, w| Self {
            duration: sum.duration.max(w.duration),
            packets: sum.packets.saturating_add(w.packets),
            padding_packets: sum.padding_packets.saturating_add(w.padding_packets),
            sent: sum.sent.saturating_add(w.sent),
            bytes: sum.bytes.saturating_add(w.bytes),
            rtt: sum.rtt.max(w.rtt),
            jitter: sum.jitter.max(w.jitter),
            last_rtcp: sum.last_rtcp.max(w.last_rtcp),
            ..sum
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_never_negative() {
        let losses = |lost, missing, recovered| {
            let w = Window {
                lost,
                missing,
                recovered,
                ..Window::default()
            };
            w.losses()
        };
        assert_eq!(losses(20, 5, 3), 12);
        assert_eq!(losses(5, 4, 9), 0);
        assert_eq!(losses(-3, 0, 0), 0);
        assert_eq!(losses(i64::MIN, u64::MAX, u64::MAX), 0);
        assert_eq!(losses(i64::MAX, 0, 0), i64::MAX as u64);
    }

    #[test]
    fn layers_add_up_and_the_longest_time_counts() {
        let at = Duration::from_secs;
        let layer = |n: u64| Window {
            duration: at(n),
            packets: n,
            padding_packets: 10 * n,
            sent: 100 * n,
            bytes: 1_000 * n,
            rtt: at(20 - n),
            jitter: at(n),
            last_rtcp: (n < 3).then(|| at(n)),
            lost: 7,
            ..Window::default()
        };
        let sum = Window {
            duration: at(3),
            packets: 6,
            padding_packets: 60,
            sent: 600,
            bytes: 6_000,
            rtt: at(19),
            jitter: at(3),
            last_rtcp: Some(at(2)),
            ..Window::default()
        };
        assert_eq!(Window::overall(&[layer(1), layer(2), layer(3)]), sum);
    }
}
