//! What a stream's numbers make of one window of its quality.
//!
//! Lives here: choosing figures. Not here: what they are worth (`quality`).

use std::time::Duration;

use crate::quality::Window;
use crate::rtp::JitterValue;
use crate::stream::block::level;
use crate::stream::{SenderStats, Stream, StreamDelta, StreamStats};

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

impl Stream {
    /// Its interarrival jitter as of now: for [`QualityControl::set_feed_jitter`] of the streams that it is
    /// sent on as. A load, where [`stats`](Self::stats) may allocate.
    ///
    /// [`QualityControl::set_feed_jitter`]: super::QualityControl::set_feed_jitter
    #[must_use]
    pub fn feed_jitter(&self) -> Duration {
        let bits = self.shared_block().levels[level::JITTER].get();
        seconds(JitterValue::from_bits(bits).seconds())
    }
}

/// Of what is no time, none.
pub(super) fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// All of a received stream as one window, by the totals of `stats`: to be taken from a later one.
pub(super) fn of_received(stats: &StreamStats) -> Window {
    stats.total().quality_window(Duration::ZERO)
}

/// The same of a sent stream: packets and losses as of its receiver's newest report, what was sent as of
/// now.
pub(super) fn of_sent(stats: &SenderStats) -> Window {
    let overhead = stats
        .sent
        .header_bytes
        .saturating_add(stats.sent.padding_bytes);
    let sent = Window {
        sent: stats.sent.packets,
        bytes: stats.sent.bytes.saturating_sub(overhead),
        ..Window::default()
    };
    let Some(remote) = stats.remote else {
        return sent;
    };
    Window {
        packets: remote.expected,
        lost: remote.lost,
        missing: remote.skipped,
        rtt: remote
            .rtt
            .map_or(Duration::ZERO, |rtt| seconds(rtt.seconds)),
        jitter: seconds(remote.jitter_seconds),
        ..sent
    }
}

/// What `now` has beyond `before`, in `duration`; round trip and jitter are those of now.
pub(super) fn between(before: &Window, now: &Window, duration: Duration) -> Window {
    let grown = |f: fn(&Window) -> u64| f(now).saturating_sub(f(before));
    // A number skipped before, and sent after all: whether it came, `lost` tells.
    let sent_late = before.missing.saturating_sub(now.missing);
    Window {
        duration,
        packets: grown(|w| w.packets),
        padding_packets: grown(|w| w.padding_packets),
        lost: now
            .lost
            .saturating_sub(before.lost)
            .saturating_add_unsigned(sent_late),
        missing: grown(|w| w.missing),
        sent: grown(|w| w.sent),
        bytes: grown(|w| w.bytes),
        rtt: now.rtt,
        jitter: now.jitter,
        ..Window::default()
    }
}
