//! One received stream: sequence and timing together.
//!
//! Lives here: which packet begins a frame, and the plain state that decides it. Not here: counters
//! (`stream` publishes them), clocks.

use super::{Jitter, RtpHeader, SequenceTracker, Verdict};

/// What one packet changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiverUpdate {
    /// What the packet's sequence number says.
    pub verdict: Verdict,
    /// The suspect before this packet turned out to be stale.
    pub suspect_was_stale: bool,
    /// The packet is the first, in order, with its timestamp.
    pub new_frame: bool,
}

/// The plain state of one received RTP stream: no counters, no clock, no atomics.
#[derive(Clone, Debug)]
pub struct RtpReceiver {
    jitter: Jitter,
    /// Ticks in a minute of media: how old a packet's timestamp may be and still be this stream's.
    minute: u32,
    sequence: SequenceTracker,
}

impl RtpReceiver {
    /// A stream whose timestamps tick at `clock_rate` Hz.
    #[must_use]
    pub fn new(clock_rate: u32) -> Self {
        Self {
            jitter: Jitter::new(clock_rate),
            minute: clock_rate.saturating_mul(60).min(i32::MAX as u32),
            sequence: SequenceTracker::new(),
        }
    }

    /// A packet arrived at `arrival_ns` on a monotonic clock of the caller's.
    #[inline(always)]
    pub fn on_packet(&mut self, header: &RtpHeader, arrival_ns: u64) -> ReceiverUpdate {
        let (last, minute) = (self.jitter.last_timestamp(), self.minute);
        let placed = self.sequence.on_packet(header.sequence, || {
            // How far the packet lies behind the newest frame; a packet ahead of it wraps to a lot.
            last.is_some_and(|newest| newest.wrapping_sub(header.timestamp) <= minute)
        });
        let in_order = match placed.verdict {
            Verdict::InOrder { .. } | Verdict::First => true,
            Verdict::Restart => {
                self.jitter.restart();
                true
            }
            _ => false,
        };
        // Late packets are of frames that were already compared: RFC 3550's D wants arrival order, but
        // what a reordered packet says of the path is in the reordering, not in a spike of jitter.
        let new_frame = in_order && last != Some(header.timestamp);
        if new_frame {
            self.jitter.on_frame(arrival_ns, header.timestamp);
        }
        ReceiverUpdate {
            verdict: placed.verdict,
            suspect_was_stale: placed.suspect_was_stale,
            new_frame,
        }
    }

    /// Jitter so far.
    #[must_use]
    #[inline(always)]
    pub const fn jitter(&self) -> &Jitter {
        &self.jitter
    }

    /// Sequence numbers so far.
    #[must_use]
    #[inline(always)]
    pub const fn sequence(&self) -> &SequenceTracker {
        &self.sequence
    }
}
