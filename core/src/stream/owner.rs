//! The owner's side of a stream: what one packet does.
//!
//! Lives here: the hot path of a packet. Not here: reading.

use std::cell::Cell as Local;
use std::marker::PhantomData;

use super::block::{Block, Levels, total};
use super::stats::StreamStats;
use crate::rtp::{RtpHeader, RtpReceiver, Verdict};
use crate::sync::Arc;

/// What a stream is, told when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamConfig {
    /// Synchronisation source.
    pub ssrc: u32,
    /// RTP clock rate, Hz: 90,000 for video, 48,000 for Opus, 8,000 for G.711. Not 0.
    pub clock_rate: u32,
}

impl StreamConfig {
    /// A stream of `ssrc` whose timestamps tick at `clock_rate` Hz.
    #[must_use]
    pub const fn new(ssrc: u32, clock_rate: u32) -> Self {
        Self { ssrc, clock_rate }
    }
}

/// One received RTP stream. Made by [`Registry::stream`](crate::Registry::stream).
///
/// One owner records; it may move between threads, but not be shared (`Send`, not `Sync`). Readers see
/// all numbers of one moment, and never hold the owner up. Dropping it leaves its totals in its group.
///
/// - **Cost**: a few nanoseconds a packet in order (`benches/RESULTS.md`); no locked instruction, no allocation, no
///   system call.
/// - **Memory**: within 512 bytes, all told.
///
/// ```compile_fail
/// fn shared<T: Sync>() {}
/// shared::<media_metrics_core::Stream>();
/// ```
#[derive(Debug)]
pub struct Stream {
    receiver: RtpReceiver,
    block: Arc<Block>,
    /// One writer at a time: `&Stream` must not reach a second thread.
    _not_sync: PhantomData<Local<()>>,
}

impl Stream {
    pub(crate) fn new(block: Arc<Block>) -> Self {
        Self {
            receiver: RtpReceiver::new(block.identity.clock_rate),
            block,
            _not_sync: PhantomData,
        }
    }

    /// Records one packet of this stream.
    ///
    /// `arrival_ns` is the arrival on the host's monotonic clock; any origin will do, the same for all
    /// packets of the stream.
    ///
    /// **Errors, panics**: none; a packet that fits nowhere is counted as such.
    #[inline]
    pub fn on_rtp(&mut self, header: &RtpHeader, arrival_ns: u64) -> Verdict {
        if !self.receiver.is_next(header) {
            return self.on_unusual(header, arrival_ns);
        }
        let (block, receiver) = (&*self.block, &mut self.receiver);
        block.sequence.write(|| {
            count_packet(block, receiver, header, arrival_ns);
            if receiver.begins_frame(header, arrival_ns) {
                count_frames(block, receiver, 1);
            }
        });
        Verdict::InOrder { skipped: 0 }
    }

    /// Every packet but the next in order.
    #[cold]
    #[inline(never)]
    fn on_unusual(&mut self, header: &RtpHeader, arrival_ns: u64) -> Verdict {
        let update = self.receiver.on_packet(header, arrival_ns);
        let (block, receiver) = (&*self.block, &self.receiver);
        block.sequence.write(|| {
            count_packet(block, receiver, header, arrival_ns);
            if update.new_frames > 0 {
                count_frames(block, receiver, update.new_frames);
            }
            count_verdict(block, update.verdict);
            if update.suspect_was_stale {
                block.totals[total::STALE].add(1);
                block.totals[total::SUSPECTS].add(u64::MAX); // less 1, in wrapping arithmetic
            }
        });
        update.verdict
    }

    /// The numbers so far, for the owner.
    #[must_use]
    pub fn stats(&self) -> StreamStats {
        let totals = std::array::from_fn(|i| self.block.totals[i].get());
        let levels = Levels {
            jitter: self.receiver.jitter().value(),
            extended: self.block.highest.get(),
            last_arrival_ns: self.block.last_arrival_ns.get(),
        };
        StreamStats::new(&totals, &levels, self.clock_rate())
    }

    /// Synchronisation source.
    #[must_use]
    pub fn ssrc(&self) -> u32 {
        self.block.identity.ssrc
    }

    /// RTP clock rate, Hz.
    #[must_use]
    pub fn clock_rate(&self) -> u32 {
        self.block.identity.clock_rate
    }

    /// Unlike any other stream's of this registry, ever.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.block.identity.id
    }
}

/// What every packet adds; between the two ends of a write.
#[inline(always)]
fn count_packet(block: &Block, receiver: &RtpReceiver, header: &RtpHeader, arrival_ns: u64) {
    let totals = &block.totals;
    totals[total::PACKETS].add(1);
    totals[total::BYTES].add(u64::from(header.packet_len));
    totals[total::HEADER_BYTES].add(u64::from(header.header_len));
    if header.padding_len != 0 {
        totals[total::PADDING_BYTES].add(u64::from(header.padding_len));
    }
    block.last_arrival_ns.set(arrival_ns);
    block.highest.set(receiver.sequence().extended());
}

/// What the first packet of a frame adds; between the two ends of a write.
#[inline(always)]
fn count_frames(block: &Block, receiver: &RtpReceiver, n: u8) {
    block.totals[total::FRAMES].add(u64::from(n));
    block.jitter.set(receiver.jitter().value().bits());
}

/// What a verdict adds; between the two ends of a write.
fn count_verdict(block: &Block, verdict: Verdict) {
    let totals = &block.totals;
    match verdict {
        Verdict::First => {}
        Verdict::InOrder { skipped } => totals[total::MISSING].add(u64::from(skipped)),
        Verdict::Late { .. } => {
            totals[total::RECOVERED].add(1);
            totals[total::REORDERED].add(1);
        }
        Verdict::Early { skipped, .. } => {
            totals[total::MISSING].add(u64::from(skipped));
            totals[total::REORDERED].add(1);
        }
        Verdict::Duplicate => totals[total::DUPLICATES].add(1),
        Verdict::Stale => totals[total::STALE].add(1),
        Verdict::Suspect => totals[total::SUSPECTS].add(1),
        Verdict::Resync => totals[total::RESTARTS].add(1),
        Verdict::Restart => {
            totals[total::RESTARTS].add(1);
            totals[total::SUSPECTS].add(u64::MAX); // less 1: it was the new run's first packet
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let block = &*self.block;
        if self.receiver.sequence().has_suspect() {
            // No packet will settle it any more.
            block.sequence.write(|| {
                block.totals[total::STALE].add(1);
                block.totals[total::SUSPECTS].add(u64::MAX);
            });
        }
        block.sequence.close();
    }
}
