//! One stream of a capture, from its first packet to its record.
//!
//! Lives here: waiting for a clock rate, feeding the core's stream and the scores, counting payload types,
//! remembering what RTCP said. Not here: which packets are its (`tracks`), the statistics themselves
//! (`media_metrics_core::stream`).

use arrayvec::ArrayVec;
use media_metrics_core::rtp::rtcp::{ReportBlock, SenderInfo};
use media_metrics_core::rtp::{MAX_DROPOUT, MAX_MISORDER, RtpHeader};

use super::codec::{Known, Media};
use super::meter::Meter;
use super::probation::Held;
use super::record::{Life, Record};
use super::score::Score;
use super::tracks::Key;

/// A stream that was silent for so long and comes back unrelated is another one.
const SILENCE_NS: u64 = 25_000_000_000;

/// After a goodbye, what comes this long after anything else is another stream.
const AFTER_GOODBYE_NS: u64 = 5_000_000_000;

/// A clock rate is estimated after so much time and so many packets, or after the most packets.
const WAIT_NS: u64 = 1_000_000_000;
const WAIT_PACKETS: usize = 8;
const MOST_PACKETS: usize = 512;

/// Payload types that are told apart in one stream.
const TYPES: usize = 8;

/// What RTCP said of a stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reports {
    first: Option<SenderInfo>,
    last: Option<SenderInfo>,
    block: Option<ReportBlock>,
}

impl Reports {
    pub(crate) const fn on_sender_report(&mut self, info: &SenderInfo) {
        if self.first.is_none() {
            self.first = Some(*info);
        }
        self.last = Some(*info);
    }

    pub(crate) const fn on_block(&mut self, block: &ReportBlock) {
        self.block = Some(*block);
    }

    /// Ticks in a second of the sender's wall clock, from its first and last report if they are a second
    /// apart.
    fn hertz(&self) -> Option<f64> {
        let (first, last) = (self.first?, self.last?);
        let seconds = last.ntp.wrapping_sub(first.ntp) as i64 as f64 / 2_f64.powi(32);
        let ticks = last.rtp_timestamp.wrapping_sub(first.rtp_timestamp);
        (seconds >= 1.0).then(|| f64::from(ticks) / seconds)
    }

    /// The last sender report's count of packets.
    pub(crate) fn packets_sent(&self) -> Option<u32> {
        self.last.map(|info| info.packets)
    }

    /// The last report block about the stream.
    pub(crate) const fn block(&self) -> Option<ReportBlock> {
        self.block
    }
}

/// One stream.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) key: Key,
    /// The stream of the same SSRC that began before this one.
    pub(crate) before: Option<u32>,
    pub(crate) reports: Reports,
    first_ns: u64,
    last_ns: u64,
    first_sequence: u16,
    last_sequence: u16,
    last_timestamp: u32,
    goodbye: bool,
    types: ArrayVec<(u8, u64), TYPES>,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// The clock rate is not known yet.
    Waiting(Vec<Held>),
    Live(Box<Live>),
    Ended(Option<Box<Record>>),
}

/// What measures.
#[derive(Debug)]
struct Live {
    stream: media_metrics_core::Stream,
    score: Score,
    media: Media,
}

impl Live {
    #[inline]
    fn on_rtp(&mut self, header: &RtpHeader, time_ns: u64) {
        if self.score.is_over(time_ns) {
            self.score.end_window(time_ns, &self.stream.stats());
        }
        self.stream.on_rtp(header, time_ns);
    }
}

impl Stream {
    pub(crate) const fn new(key: Key, before: Option<u32>, reports: Reports) -> Self {
        Self {
            key,
            before,
            reports,
            first_ns: 0,
            last_ns: 0,
            first_sequence: 0,
            last_sequence: 0,
            last_timestamp: 0,
            goodbye: false,
            types: ArrayVec::new_const(),
            phase: Phase::Waiting(Vec::new()),
        }
    }

    /// A packet of this stream.
    #[inline]
    pub(crate) fn on_rtp(
        &mut self,
        header: &RtpHeader,
        time_ns: u64,
        known: &Known,
        meter: &mut Meter,
    ) {
        self.note(header, time_ns);
        match &mut self.phase {
            Phase::Live(live) => live.on_rtp(header, time_ns),
            Phase::Ended(_) => {}
            Phase::Waiting(held) => {
                held.push(Held {
                    header: *header,
                    time_ns,
                });
                meter.waiting += 1;
                let n = held.len();
                let long = time_ns.saturating_sub(self.first_ns) >= WAIT_NS && n >= WAIT_PACKETS;
                let sure = known.sure(self.main_type(), self.key.src, self.key.dst);
                if sure.is_some() || long || n >= MOST_PACKETS || meter.is_full() {
                    self.decide(sure, known, meter);
                }
            }
        }
    }

    #[inline]
    fn note(&mut self, header: &RtpHeader, time_ns: u64) {
        if self.types.is_empty() {
            (self.first_ns, self.last_ns) = (time_ns, time_ns);
            self.first_sequence = header.sequence;
        }
        self.first_ns = self.first_ns.min(time_ns);
        self.last_ns = self.last_ns.max(time_ns);
        self.last_sequence = header.sequence;
        self.last_timestamp = header.timestamp;
        let pt = header.payload_type;
        match self.types.iter_mut().find(|t| t.0 == pt) {
            Some((_, n)) => *n += 1,
            // With more types than there is room for, the rest go uncounted: they are told nowhere.
            None => drop(self.types.try_push((pt, 1))),
        }
    }

    /// The payload type of most packets; of as many, the one that came first.
    fn main_type(&self) -> u8 {
        let most = self.types.iter().map(|t| t.1).max();
        let first = self.types.iter().find(|t| Some(t.1) == most);
        first.map_or(0, |t| t.0)
    }

    /// Whether packets of type `pt` belong to it.
    pub(crate) fn carries(&self, pt: u8) -> bool {
        self.types.iter().any(|t| t.0 == pt)
    }

    /// Sets the clock rate, and lets those in that waited for it.
    #[cold]
    fn decide(&mut self, sure: Option<Media>, known: &Known, meter: &mut Meter) {
        let Phase::Waiting(held) = &mut self.phase else {
            return;
        };
        let held = std::mem::take(held);
        meter.waiting -= held.len();
        self.phase = Phase::Ended(None);
        let pt = self.main_type();
        let media = sure
            .or_else(|| known.sure(pt, self.key.src, self.key.dst))
            .unwrap_or_else(|| known.guess(pt, &held, self.reports.hertz()));
        let Ok(stream) = meter.stream(self.key.ssrc, media.clock_rate.hz()) else {
            return; // too many streams: it ends without a record, and is counted at the end
        };
        let mut live = Live {
            stream,
            score: Score::new(self.first_ns, media.loss_weight()),
            media,
        };
        held.iter().for_each(|h| live.on_rtp(&h.header, h.time_ns));
        self.phase = Phase::Live(Box::new(live));
    }

    /// RTCP said goodbye for it.
    pub(crate) const fn on_goodbye(&mut self) {
        self.goodbye = true;
    }

    pub(crate) const fn is_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended(_))
    }

    /// Whether a packet of its SSRC is no longer its own: see [`tracks`](super::tracks).
    #[inline]
    pub(crate) fn is_over(&self, header: &RtpHeader, time_ns: u64) -> bool {
        let silence = time_ns.saturating_sub(self.last_ns);
        if silence < SILENCE_NS && !self.goodbye {
            return false;
        }
        let ahead = header.sequence.wrapping_sub(self.last_sequence);
        let continues = ahead < MAX_DROPOUT || ahead.wrapping_neg() <= MAX_MISORDER;
        if self.goodbye {
            return !continues || silence >= AFTER_GOODBYE_NS;
        }
        !continues && !self.is_in_time(header, silence)
    }

    /// Whether a packet's timestamp is where `silence` takes the last one, within a tenth and a second.
    fn is_in_time(&self, header: &RtpHeader, silence: u64) -> bool {
        let Phase::Live(live) = &self.phase else {
            return false;
        };
        let rate = f64::from(live.media.clock_rate.hz());
        let seconds = silence as f64 / 1e9;
        // Modulo 2^32, from -2^31 to 2^31.
        let expected = (seconds * rate) as u64 as u32;
        let off = header
            .timestamp
            .wrapping_sub(self.last_timestamp)
            .wrapping_sub(expected) as i32;
        f64::from(off).abs() <= (seconds / 10.0 + 1.0) * rate
    }

    /// Ends it: its record is made, and its memory given back.
    pub(crate) fn end(&mut self, known: &Known, meter: &mut Meter) {
        self.decide(None, known, meter);
        let ended = std::mem::replace(&mut self.phase, Phase::Ended(None));
        let Phase::Live(live) = ended else {
            self.phase = ended;
            return;
        };
        let stats = live.stream.stats();
        let mut types = self.types.clone();
        types.sort_by_key(|t| std::cmp::Reverse(t.1)); // stable: of as many, the first
        let life = Life {
            key: self.key,
            media: live.media,
            payload_types: types.iter().map(|t| t.0).collect(),
            first_ns: self.first_ns,
            last_ns: self.last_ns,
            first_sequence: self.first_sequence,
            mos: live.score.finish(self.last_ns, &stats),
        };
        let record = Record::new(life, &stats, &self.reports);
        self.phase = Phase::Ended(Some(Box::new(record)));
    }

    /// Its record; `None` if it was one too many to be measured.
    pub(crate) fn finish(mut self, known: &Known, meter: &mut Meter) -> Option<Record> {
        self.end(known, meter);
        match self.phase {
            Phase::Ended(record) => record.map(|r| *r),
            _ => None,
        }
    }
}
