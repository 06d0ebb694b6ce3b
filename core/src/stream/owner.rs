//! The owner's side of a stream: what one packet does.
//!
//! Lives here: the hot path of a packet. Not here: reading.

use std::cell::Cell as Local;
use std::marker::PhantomData;
use std::num::NonZeroU8;

use super::block::{Block, UNKNOWN, level, total};
use super::key_frames::{KeyFrames, Parts};
use super::stats::StreamStats;
use crate::registry::GroupMetrics;
use crate::rtp::{LossRuns, RtpHeader, RtpReceiver, Verdict, VideoCodec};
use crate::sync::Arc;

/// What a stream is, told when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamConfig {
    /// Synchronisation source.
    pub ssrc: u32,
    /// RTP clock rate, Hz: 90,000 for video, 48,000 for Opus, 8,000 for G.711. Not 0.
    pub clock_rate: u32,
    /// How the payload tells key frames, for video whose payload is in the clear. Default: not known.
    pub video_codec: Option<VideoCodec>,
    /// The number under which packets carry the AV1 dependency descriptor as a header extension (RFC 8285,
    /// `extmap` in SDP): it tells key frames of any codec, also where the payload is encrypted from end to
    /// end. Default: not known.
    pub dependency_descriptor: Option<NonZeroU8>,
}

impl StreamConfig {
    /// A stream of `ssrc` whose timestamps tick at `clock_rate` Hz.
    #[must_use]
    pub const fn new(ssrc: u32, clock_rate: u32) -> Self {
        Self {
            ssrc,
            clock_rate,
            video_codec: None,
            dependency_descriptor: None,
        }
    }

    /// With [`video_codec`](Self::video_codec).
    #[must_use]
    pub const fn video_codec(mut self, codec: VideoCodec) -> Self {
        self.video_codec = Some(codec);
        self
    }

    /// With [`dependency_descriptor`](Self::dependency_descriptor).
    #[must_use]
    pub const fn dependency_descriptor(mut self, id: NonZeroU8) -> Self {
        self.dependency_descriptor = Some(id);
        self
    }
}

/// One received RTP stream. Made by [`Registry::stream`](crate::Registry::stream).
///
/// One owner records; it may move between threads, but not be shared (`Send`, not `Sync`). Readers see
/// all numbers of one moment, and never hold the owner up. Dropping it leaves its totals in its group.
/// Where a library wants a type of yours to be `Sync` all the same, put it into a [`Mutex`](std::sync::Mutex) and ask with
/// `get_mut`: who has `&mut` takes no lock.
///
/// - **Cost**: a few nanoseconds a packet in order (`benches/RESULTS.md`); no locked instruction, no allocation, no
///   system call. A stream's first loss makes the memory for its loss statistics.
/// - **Memory**: what a packet touches is within 512 bytes.
///
/// ```compile_fail
/// fn shared<T: Sync>() {}
/// shared::<media_metrics_core::Stream>();
/// ```
#[derive(Debug)]
pub struct Stream {
    receiver: RtpReceiver,
    block: Arc<Block>,
    group: Arc<GroupMetrics>,
    key_frames: KeyFrames,
    /// One writer at a time: `&Stream` must not reach a second thread.
    _not_sync: PhantomData<Local<()>>,
}

// What a packet touches: the owner's state and what it publishes.
const _: () = assert!(Stream::HOT_BYTES <= 512);

impl Stream {
    /// Bytes that a packet in order touches: this, and the first words of what is published. What else is
    /// published and what the reporter keeps come on top.
    pub const HOT_BYTES: usize = size_of::<Self>() + Block::HOT;

    pub(crate) fn new(block: Arc<Block>, group: Arc<GroupMetrics>, config: &StreamConfig) -> Self {
        Self {
            receiver: RtpReceiver::new(block.identity.clock_rate),
            block,
            group,
            key_frames: KeyFrames::new(config),
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
        if header.padding_len != 0 || !self.receiver.is_next(header) {
            return self.on_unusual(header, arrival_ns);
        }
        let (block, receiver) = (&*self.block, &mut self.receiver);
        block.sequence.write(|| {
            count_packet(
                block,
                receiver.sequence().extended_of_short_cut(),
                header,
                arrival_ns,
            );
            if receiver.begins_frame(header, arrival_ns) {
                count_frames(block, receiver, 1);
                count_jitter(block, receiver);
            }
        });
        Verdict::InOrder { skipped: 0 }
    }

    /// As [`on_rtp`](Self::on_rtp), and looks for key frames if the stream's
    /// [video codec](StreamConfig::video_codec) or
    /// [dependency descriptor](StreamConfig::dependency_descriptor) is known. `packet` is the whole packet, `header` what
    /// [`RtpHeader::parse`] made of it. True in the second place if a key frame began with this packet.
    #[inline]
    pub fn on_packet(
        &mut self,
        header: &RtpHeader,
        packet: &[u8],
        arrival_ns: u64,
    ) -> (Verdict, bool) {
        self.on_parts(header, Parts::Packet(packet), arrival_ns)
    }

    /// As [`on_packet`](Self::on_packet), for hosts whose RTP library hands header and payload over apart. Header
    /// extensions are not seen: so key frames are known by the [video codec](StreamConfig::video_codec) alone.
    ///
    /// ```
    /// use media_metrics_core::rtp::{RtpHeader, VideoCodec};
    /// use media_metrics_core::{Registry, StreamConfig};
    ///
    /// let registry = Registry::new()?;
    /// let group = registry.group(&["incoming", "video"])?;
    /// let config = StreamConfig::new(7, 90_000).video_codec(VideoCodec::Vp8);
    /// let mut stream = registry.stream(&group, config)?;
    /// let payload = [0x10, 0x50, 0x01, 0x00, 0x9d, 0x01, 0x2a]; // VP8: the first packet of a key frame
    /// let header = RtpHeader {
    ///     marker: false,
    ///     payload_type: 96,
    ///     sequence: 1,
    ///     timestamp: 3_000,
    ///     ssrc: 7,
    ///     header_len: 12, // as on the wire: for the bytes of headers
    ///     padding_len: 0,
    ///     packet_len: 12 + payload.len() as u32,
    /// };
    /// let (_, is_key_frame) = stream.on_payload(&header, &payload, 1_000_000);
    /// assert!(is_key_frame);
    /// # Ok::<(), media_metrics_core::RegisterError>(())
    /// ```
    #[inline]
    pub fn on_payload(
        &mut self,
        header: &RtpHeader,
        payload: &[u8],
        arrival_ns: u64,
    ) -> (Verdict, bool) {
        self.on_parts(header, Parts::Payload(payload), arrival_ns)
    }

    #[inline]
    fn on_parts(
        &mut self,
        header: &RtpHeader,
        parts: Parts<'_>,
        arrival_ns: u64,
    ) -> (Verdict, bool) {
        let verdict = self.on_rtp(header, arrival_ns);
        let began = self.key_frames.begins(header, parts, verdict);
        if began {
            self.count_key_frame();
        }
        (verdict, began)
    }

    /// Every packet but the next in order without padding, and each 64th.
    #[cold]
    #[inline(never)]
    fn on_unusual(&mut self, header: &RtpHeader, arrival_ns: u64) -> Verdict {
        let (block, group, receiver) = (&*self.block, &*self.group, &mut self.receiver);
        let mut verdict = Verdict::First;
        let bursts_before = receiver.settled_bursts();
        block.sequence.write(|| {
            let update = receiver.on_packet(header, arrival_ns, &mut |run| {
                group.loss_runs.record(u64::from(run));
                block.losses.get_or_init(Box::default).count_run(run);
            });
            verdict = update.verdict;
            if verdict == Verdict::First {
                block.levels[level::FIRST_ARRIVAL_NS].set(arrival_ns);
                block.levels[level::LAST_ARRIVAL_NS].set(arrival_ns);
            }
            count_packet(block, receiver.sequence().extended(), header, arrival_ns);
            if header.padding_len != 0 {
                count_padding(block, group, header);
            }
            if update.new_frames > 0 {
                count_frames(block, receiver, update.new_frames);
            }
            if update.jitter_stepped {
                count_jitter(block, receiver);
            }
            let compared = u8::from(update.jitter_stepped);
            let not_compared = update.new_frames.saturating_sub(compared);
            block.levels[level::FRAMES_NOT_COMPARED].add(u64::from(not_compared));
            count_verdict(block, group, verdict, header);
            if update.suspect_was_stale {
                block.totals[total::STALE].add(1);
                block.totals[total::SUSPECTS].add(u64::MAX); // less 1, in wrapping arithmetic
            }
            if update.skew_changed {
                let ppm = receiver.skew().ppm();
                block.levels[level::SKEW_PPM].set(ppm.map_or(UNKNOWN, f64::to_bits));
            }
            if update.losses_settled {
                let losses = block.losses.get_or_init(Box::default);
                losses.set_bursts(&receiver.bursts());
                group.count_bursts(&bursts_before, &receiver.settled_bursts());
            }
        });
        if let Verdict::Late { depth } | Verdict::Early { depth, .. } = verdict {
            group.reordering_depth.record(u64::from(depth));
        }
        verdict
    }

    #[cold]
    #[inline(never)]
    fn count_key_frame(&mut self) {
        let block = &*self.block;
        block
            .sequence
            .write(|| block.levels[level::KEY_FRAMES].add(1));
        self.group.key_frames.inc();
    }

    pub(super) fn block(&self) -> &Block {
        &self.block
    }

    pub(crate) fn group(&self) -> &Arc<GroupMetrics> {
        &self.group
    }

    pub(crate) fn shared_block(&self) -> &Arc<Block> {
        &self.block
    }

    /// The numbers so far, for the owner: bursts and gaps as if the stream ended now.
    #[must_use]
    pub fn stats(&self) -> StreamStats {
        let bursts = self.receiver.bursts_to_the_end(&mut |_| ());
        StreamStats::of(&self.block, Some(bursts))
    }

    /// How often how many packets were lost in a row, as if the stream ended now.
    #[must_use]
    pub fn loss_runs(&self) -> LossRuns {
        let published = self.block.losses.get();
        let mut runs = published.map_or_else(LossRuns::default, |losses| losses.runs());
        let _ = self.receiver.bursts_to_the_end(&mut |run| runs.on_run(run));
        runs
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
fn count_packet(block: &Block, extended: u64, header: &RtpHeader, arrival_ns: u64) {
    let totals = &block.totals;
    totals[total::PACKETS].add(1);
    totals[total::BYTES].add(u64::from(header.packet_len));
    totals[total::HEADER_BYTES].add(u64::from(header.header_len));
    let levels = &block.levels;
    let since = arrival_ns.wrapping_sub(levels[level::LAST_ARRIVAL_NS].get());
    // Signed: a clock that stepped back is no wait.
    if since as i64 > levels[level::INTERARRIVAL_MAX_NS].get() as i64 {
        levels[level::INTERARRIVAL_MAX_NS].set(since);
    }
    levels[level::LAST_ARRIVAL_NS].set(arrival_ns);
    levels[level::HIGHEST].set(extended);
}

/// What a packet with padding adds; between the two ends of a write.
fn count_padding(block: &Block, group: &GroupMetrics, header: &RtpHeader) {
    block.totals[total::PADDING_BYTES].add(u64::from(header.padding_len));
    if header.payload_len() == 0 {
        block.levels[level::PADDING_PACKETS].add(1);
        group.padding_packets.inc();
    }
}

/// What the first packet of a frame adds; between the two ends of a write.
#[inline(always)]
fn count_frames(block: &Block, receiver: &RtpReceiver, n: u8) {
    block.totals[total::FRAMES].add(u64::from(n));
    block.levels[level::TIMESTAMP].set(receiver.jitter().extended());
}

/// What a step of the jitter filter adds; between the two ends of a write.
#[inline(always)]
fn count_jitter(block: &Block, receiver: &RtpReceiver) {
    let jitter = receiver.jitter().value().bits();
    let levels = &block.levels;
    levels[level::JITTER].set(jitter);
    levels[level::JITTER_SUM].add(jitter);
    levels[level::JITTER_MAX].raise(jitter);
}

/// What a verdict adds; between the two ends of a write.
fn count_verdict(block: &Block, group: &GroupMetrics, verdict: Verdict, header: &RtpHeader) {
    let (totals, levels) = (&block.totals, &block.levels);
    match verdict {
        Verdict::First => {}
        Verdict::InOrder { skipped } => totals[total::MISSING].add(u64::from(skipped)),
        Verdict::Late { depth } => {
            totals[total::RECOVERED].add(1);
            totals[total::REORDERED].add(1);
            levels[level::DEPTH_MAX].raise(u64::from(depth));
        }
        Verdict::Early { skipped, depth } => {
            totals[total::MISSING].add(u64::from(skipped));
            totals[total::REORDERED].add(1);
            levels[level::DEPTH_MAX].raise(u64::from(depth));
        }
        Verdict::Duplicate => {
            totals[total::DUPLICATES].add(1);
            let bytes = u64::from(header.packet_len);
            levels[level::DUPLICATE_BYTES].add(bytes);
            group.duplicate_bytes.add(bytes);
        }
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
        let (block, group, receiver) = (&*self.block, &*self.group, &self.receiver);
        if receiver.sequence().has_suspect() {
            // No packet will settle it any more.
            block.sequence.write(|| {
                block.totals[total::STALE].add(1);
                block.totals[total::SUSPECTS].add(u64::MAX);
            });
        }
        // Nor will any settle what has not settled.
        let last = receiver.bursts_to_the_end(&mut |run| group.loss_runs.record(u64::from(run)));
        group.count_bursts(&receiver.settled_bursts(), &last);
        block.sequence.close();
    }
}
