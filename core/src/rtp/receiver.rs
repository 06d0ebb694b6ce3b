//! One received stream: sequence and timing together.
//!
//! Lives here: which packet begins a frame, and the plain state that decides it. Not here: counters
//! (`stream` publishes them), clocks.

use super::{Jitter, Placed, RtpHeader, SequenceTracker, Verdict};

/// What one packet changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiverUpdate {
    /// What the packet's sequence number says.
    pub verdict: Verdict,
    /// The suspect before this packet turned out to be stale.
    pub suspect_was_stale: bool,
    /// Frames that began: 1 if the packet is the first, in order, with its timestamp; with a restart, the
    /// suspect's frame is one, too.
    pub new_frames: u8,
}

/// The plain state of one received RTP stream: no counters, no clock, no atomics.
#[derive(Clone, Debug)]
pub struct RtpReceiver {
    jitter: Jitter,
    /// Ticks in a minute of media: how old a packet's timestamp may be and still be this stream's.
    minute: u32,
    /// Timestamp of the last suspect: if it proves to begin a run, its frame is the run's first.
    suspect_timestamp: u32,
    sequence: SequenceTracker,
}

impl RtpReceiver {
    /// A stream whose timestamps tick at `clock_rate` Hz.
    #[must_use]
    pub fn new(clock_rate: u32) -> Self {
        Self {
            jitter: Jitter::new(clock_rate),
            minute: clock_rate.saturating_mul(60).min(i32::MAX as u32),
            suspect_timestamp: 0,
            sequence: SequenceTracker::new(),
        }
    }

    /// The packet that nearly every packet is: if it is the next in order, takes its number, and the
    /// caller goes on to [`begins_frame`](Self::begins_frame). Else changes nothing: the caller goes on
    /// to [`on_packet`](Self::on_packet).
    #[must_use]
    #[inline(always)]
    pub const fn is_next(&mut self, header: &RtpHeader) -> bool {
        self.sequence.advance_by_one(header.sequence)
    }

    /// Takes the timing of a packet for which [`is_next`](Self::is_next) was true: whether it begins a
    /// frame.
    #[inline(always)]
    pub fn begins_frame(&mut self, header: &RtpHeader, arrival_ns: u64) -> bool {
        let new_frame = self.jitter.timestamp() != header.timestamp;
        if new_frame {
            self.jitter.on_next_frame(arrival_ns, header.timestamp);
        }
        new_frame
    }

    /// Any packet arrived, at `arrival_ns` on a monotonic clock of the caller's.
    pub fn on_packet(&mut self, header: &RtpHeader, arrival_ns: u64) -> ReceiverUpdate {
        let last = self.jitter.last_timestamp();
        // How far the packet lies behind the newest frame; a packet ahead of it wraps to a lot.
        let age = last.map_or(u32::MAX, |newest| newest.wrapping_sub(header.timestamp));
        let placed = self.sequence.on_packet(header.sequence, age <= self.minute);
        let Placed {
            verdict,
            suspect_was_stale,
        } = placed;
        let mut new_frames = 0;
        let in_order = match verdict {
            Verdict::InOrder { .. } | Verdict::First => true,
            Verdict::Restart => {
                self.jitter.restart();
                new_frames += u8::from(self.suspect_timestamp != header.timestamp);
                true
            }
            Verdict::Resync => {
                self.jitter.restart();
                true
            }
            Verdict::Suspect => {
                self.suspect_timestamp = header.timestamp;
                false
            }
            _ => false,
        };
        // Late packets are of frames that were already compared: RFC 3550's D wants arrival order, but
        // what a reordered packet says of the path is in the reordering, not in a spike of jitter.
        if in_order && self.jitter.last_timestamp() != Some(header.timestamp) {
            self.jitter.on_frame(arrival_ns, header.timestamp);
            new_frames += 1;
        }
        ReceiverUpdate {
            verdict,
            suspect_was_stale,
            new_frames,
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
