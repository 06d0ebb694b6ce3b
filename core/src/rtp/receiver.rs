//! One received stream: sequence and timing together.
//!
//! Lives here: which packet begins a frame, and the plain state that decides it. Not here: counters
//! (`stream` publishes them), clocks.

use super::bursts::{BurstStats, Bursts};
use super::skew::Skew;
use super::{Jitter, Placed, RtpHeader, SequenceTracker, Verdict};

/// What one packet changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReceiverUpdate {
    /// What the packet's sequence number says.
    pub(crate) verdict: Verdict,
    /// The suspect before this packet turned out to be stale.
    pub(crate) suspect_was_stale: bool,
    /// Frames that began: 1 if the packet is the first, in order, with its timestamp; with a restart, the
    /// suspect's frame is one, too.
    pub(crate) new_frames: u8,
    /// One of the new frames could be compared with the one before it: the jitter stepped.
    pub(crate) jitter_stepped: bool,
    /// Some sequence numbers settled, of a stream with losses: [`RtpReceiver::bursts`] says something new.
    pub(crate) losses_settled: bool,
    /// [`RtpReceiver::skew`] may say something new.
    pub(crate) skew_changed: bool,
}

/// The plain state of one received RTP stream: no counters, no clock, no atomics.
#[derive(Clone, Debug)]
pub(crate) struct RtpReceiver {
    jitter: Jitter,
    /// Ticks in a minute of media: how old a packet's timestamp may be and still be this stream's.
    minute: u32,
    /// Timestamp of the last suspect: if it proves to begin a run, its frame is the run's first.
    suspect_timestamp: u32,
    sequence: SequenceTracker,
    skew: Skew,
    losses: Losses,
}

/// What the settled numbers amount to.
#[derive(Clone, Debug)]
enum Losses {
    /// So many came, and none was lost: nearly all streams, so no memory is spent on more.
    None(u64),
    Some(Box<Bursts>),
}

impl Losses {
    fn on_settled(&mut self, bits: u64, len: u32, on_run: &mut dyn FnMut(u32)) {
        let bursts = match self {
            Self::None(received) if bits.count_ones() == len => {
                *received += u64::from(len);
                return;
            }
            Self::None(received) => {
                *self = Self::Some(Box::new(unharmed(*received)));
                return self.on_settled(bits, len, on_run);
            }
            Self::Some(bursts) => bursts,
        };
        bursts.on_word(bits, len, on_run);
    }

    fn stats(&self) -> BurstStats {
        match self {
            Self::None(received) => unharmed(*received).stats(),
            Self::Some(bursts) => bursts.stats(),
        }
    }
}

/// So many numbers came, and none was lost.
fn unharmed(received: u64) -> Bursts {
    let mut bursts = Bursts::default();
    bursts.on_received(received);
    bursts
}

impl RtpReceiver {
    /// A stream whose timestamps tick at `clock_rate` Hz.
    #[must_use]
    pub(crate) fn new(clock_rate: u32) -> Self {
        Self {
            jitter: Jitter::new(clock_rate),
            minute: clock_rate.saturating_mul(60).min(i32::MAX as u32),
            suspect_timestamp: 0,
            sequence: SequenceTracker::new(),
            skew: Skew::new(),
            losses: Losses::None(0),
        }
    }

    /// The packet that nearly every packet is: if it is the next in order, takes its number, and the
    /// caller goes on to [`begins_frame`](Self::begins_frame). Else changes nothing: the caller goes on
    /// to [`on_packet`](Self::on_packet).
    #[must_use]
    #[inline(always)]
    pub(crate) const fn is_next(&mut self, header: &RtpHeader) -> bool {
        self.sequence.advance_by_one(header.sequence)
    }

    /// Takes the timing of a packet for which [`is_next`](Self::is_next) was true: whether it begins a
    /// frame.
    #[inline(always)]
    pub(crate) fn begins_frame(&mut self, header: &RtpHeader, arrival_ns: u64) -> bool {
        let new_frame = self.jitter.timestamp() != header.timestamp;
        if new_frame {
            let step = self.jitter.on_next_frame(arrival_ns, header.timestamp);
            self.skew.on_frame(step);
        }
        new_frame
    }

    /// Any packet arrived, at `arrival_ns` on a monotonic clock of the caller's.
    ///
    /// `on_run` gets the length of each run of lost numbers whose end has settled.
    pub(crate) fn on_packet(
        &mut self,
        header: &RtpHeader,
        arrival_ns: u64,
        on_run: &mut dyn FnMut(u32),
    ) -> ReceiverUpdate {
        let last = self.jitter.last_timestamp();
        // How far the packet lies behind the newest frame, plus a second: frames may come in another order
        // than that of their timestamps. A packet farther ahead wraps to a lot.
        let second = self.minute / 60;
        let age = last.map_or(u32::MAX, |newest| {
            newest.wrapping_add(second).wrapping_sub(header.timestamp)
        });
        let mut settled = false;
        let losses = &mut self.losses;
        let mut on_settled = |bits, len| {
            settled = true;
            losses.on_settled(bits, len, on_run);
        };
        let looks_old = age <= self.minute;
        let placed = self
            .sequence
            .place(header.sequence, looks_old, &mut on_settled);
        let Placed {
            verdict,
            suspect_was_stale,
        } = placed;
        let mut new_frames = 0;
        let in_order = match verdict {
            Verdict::InOrder { .. } | Verdict::First => true,
            Verdict::Restart => {
                self.begin_anew();
                new_frames += u8::from(self.suspect_timestamp != header.timestamp);
                true
            }
            Verdict::Resync => {
                self.begin_anew();
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
        let mut jitter_stepped = false;
        if in_order && self.jitter.last_timestamp() != Some(header.timestamp) {
            if let Some(step) = self.jitter.on_frame(arrival_ns, header.timestamp) {
                self.skew.on_frame(step);
                jitter_stepped = true;
            }
            new_frames += 1;
        }
        let began_anew = matches!(verdict, Verdict::Restart | Verdict::Resync);
        let estimated = settled && self.skew.on_batch(arrival_ns, self.jitter.transit_ns());
        ReceiverUpdate {
            verdict,
            suspect_was_stale,
            new_frames,
            jitter_stepped,
            losses_settled: settled && self.has_losses(),
            skew_changed: began_anew || estimated,
        }
    }

    fn begin_anew(&mut self) {
        self.jitter.restart();
        self.skew.restart();
    }

    /// Bursts and gaps (RFC 3611 4.7.2) of the numbers that have settled.
    #[must_use]
    pub(crate) fn bursts(&self) -> BurstStats {
        self.losses.stats()
    }

    /// As [`bursts`](Self::bursts), of what no later packet can change: for counters. Of a stream without
    /// losses it tells nothing.
    #[must_use]
    #[inline]
    pub(crate) fn settled_bursts(&self) -> BurstStats {
        match &self.losses {
            Losses::None(_) => BurstStats::default(),
            Losses::Some(bursts) => bursts.settled(),
        }
    }

    /// Whether any number that has settled was lost.
    #[must_use]
    pub(crate) const fn has_losses(&self) -> bool {
        matches!(self.losses, Losses::Some(_))
    }

    /// As [`bursts`](Self::bursts), of all numbers, as if the stream ended now; `on_run` gets the runs of lost
    /// numbers that had not settled.
    #[must_use]
    pub(crate) fn bursts_to_the_end(&self, on_run: &mut dyn FnMut(u32)) -> BurstStats {
        let mut losses = self.losses.clone();
        self.sequence
            .unsettled(&mut |bits, len| losses.on_settled(bits, len, on_run));
        losses.stats()
    }

    /// How fast the sender's clock is, in parts per million: see [`Skew`].
    #[must_use]
    pub(crate) fn skew(&self) -> &Skew {
        &self.skew
    }

    /// Jitter so far.
    #[must_use]
    #[inline(always)]
    pub(crate) const fn jitter(&self) -> &Jitter {
        &self.jitter
    }

    /// Sequence numbers so far.
    #[must_use]
    #[inline(always)]
    pub(crate) const fn sequence(&self) -> &SequenceTracker {
        &self.sequence
    }
}
