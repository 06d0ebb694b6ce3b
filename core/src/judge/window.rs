//! What a stream's numbers make of one window of its quality.
//!
//! Lives here: choosing figures. Not here: what they are worth (`quality`).

use std::time::Duration;

use crate::quality::Window;
use crate::stream::{SenderStats, StreamDelta};

impl StreamDelta {
    /// This time of a received stream as a window to score: `duration` by the scorer's clock. What the
    /// stream's totals do not tell (jitter, round trip, sender reports) is left empty.
    ///
    /// ```
    /// use std::time::Duration;
    /// use media_metrics_core::quality::Window;
    /// # use media_metrics_core::stream::StreamStats;
    /// # let (earlier, now) = (StreamStats::default(), StreamStats::default());
    /// let window = Window {
    ///     jitter: Duration::from_secs_f64(now.jitter_seconds),
    ///     ..now.since(&earlier).quality_window(Duration::from_secs(5))
    /// };
    /// ```
    #[must_use]
    pub fn quality_window(&self, duration: Duration) -> Window {
        let overhead = self
            .header_bytes
            .saturating_add(self.padding_bytes)
            .saturating_add(self.duplicate_bytes);
        Window {
            duration,
            packets: self.expected.saturating_sub(self.padding_packets),
            padding_packets: self.padding_packets,
            lost: self.lost,
            bytes: self.bytes.saturating_sub(overhead),
            ..Window::default()
        }
    }
}

/// What happened to a sent stream between two readings: packets and losses by its receiver's reports.
pub(super) fn of_sender(before: &SenderStats, now: &SenderStats, duration: Duration) -> Window {
    let grown = |f: fn(&SenderStats) -> u64| f(now).saturating_sub(f(before));
    let media = |s: &SenderStats| s.sent.packets.saturating_sub(s.sent.retransmitted_packets);
    let payload = |s: &SenderStats| {
        let overhead = s.sent.header_bytes.saturating_add(s.sent.padding_bytes);
        s.sent.bytes.saturating_sub(overhead)
    };
    let sent = Window {
        duration,
        sent: grown(|s| s.sent.packets),
        missing: grown(|s| s.sent.skipped),
        bytes: payload(now).saturating_sub(payload(before)),
        ..Window::default()
    };
    let Some(remote) = now.remote else {
        return sent;
    };
    let (packets, lost) = match before.remote {
        Some(was) => (
            remote.highest_sequence.saturating_sub(was.highest_sequence),
            remote.lost.saturating_sub(was.lost),
        ),
        // The first report is about all that was sent until shortly before it.
        None => (media(now).saturating_sub(media(before)), remote.lost),
    };
    let seconds = |s: f64| Duration::try_from_secs_f64(s).unwrap_or_default();
    Window {
        packets,
        lost,
        rtt: remote
            .rtt
            .map_or(Duration::ZERO, |rtt| seconds(rtt.seconds)),
        jitter: seconds(remote.jitter_seconds),
        ..sent
    }
}
