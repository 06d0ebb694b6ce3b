//! What a stream did between two readings.
//!
//! Lives here: differences, and the rates that follow from them. Not here: how numbers are gathered.
//!
//! A reader keeps the numbers that it read last, and nobody else knows of it: so there may be any number of
//! readers, each with an interval of its own, and the sum of what one of them got is the total.

use std::time::Duration;

use hashbrown::HashMap;

use super::{StreamSnapshot, StreamStats};

/// What one stream did between two readings: [`StreamStats::since`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct StreamDelta {
    /// Arrival of the last packet less that of the last packet before; of a stream read for the first time,
    /// less that of its first. 0 without a packet. The clock is the one that the host passes in.
    pub duration: Duration,
    /// Packets received, duplicates included.
    pub packets: u64,
    /// Bytes received: RTP header, payload and padding.
    pub bytes: u64,
    /// Bytes of RTP headers.
    pub header_bytes: u64,
    /// Bytes of padding.
    pub padding_bytes: u64,
    /// Packets of nothing but padding.
    pub padding_packets: u64,
    /// Sequence numbers that were newly expected.
    pub expected: u64,
    /// Numbers lost, less numbers that came after all: negative if more came late than went missing. So the
    /// sum over all readings is the total.
    pub lost: i64,
    /// Packets whose number had come before.
    pub duplicates: u64,
    /// Bytes of those.
    pub duplicate_bytes: u64,
    /// Numbers that were missing when they were due, and came in this time.
    pub recovered: u64,
    /// Packets that came after one with a higher number.
    pub reordered: u64,
    /// Packets too far from the rest to be placed.
    pub stale: u64,
    /// Frames.
    pub frames: u64,
    /// Key frames.
    pub key_frames: u64,
    /// How often the sequence began anew.
    pub restarts: u64,
}

impl StreamDelta {
    /// Bits a second, headers and padding included; `None` without a duration.
    #[must_use]
    pub fn bitrate_bps(&self) -> Option<f64> {
        self.per_second(self.bytes).map(|bytes| bytes * 8.0)
    }

    /// Packets a second.
    #[must_use]
    pub fn packet_rate(&self) -> Option<f64> {
        self.per_second(self.packets)
    }

    /// Frames a second.
    #[must_use]
    pub fn frame_rate(&self) -> Option<f64> {
        self.per_second(self.frames)
    }

    /// Share of the numbers newly expected that were lost, from 0 to 1; `None` if none was expected.
    #[must_use]
    pub fn loss_ratio(&self) -> Option<f64> {
        (self.expected > 0).then(|| (self.lost.max(0) as f64 / self.expected as f64).min(1.0))
    }

    fn per_second(&self, n: u64) -> Option<f64> {
        (!self.duration.is_zero()).then(|| n as f64 / self.duration.as_secs_f64())
    }
}

impl StreamStats {
    /// What happened since `earlier`, an older reading of the same stream.
    ///
    /// Saturates: of readings in the wrong order, nothing happened; only [`lost`](StreamDelta::lost) is then negative,
    /// as it is when numbers came after all.
    ///
    /// ```
    /// # use media_metrics_core::{Registry, StreamConfig, rtp::RtpHeader};
    /// # let registry = Registry::new()?;
    /// # let mut stream = registry.stream(&registry.group(&["incoming", "audio"])?, StreamConfig::new(7, 8_000))?;
    /// let mut packet = [0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 1, 2, 3];
    /// stream.on_rtp(&RtpHeader::parse(&packet)?, 0);
    /// let before = stream.stats();
    /// packet[3] = 4; // 2 and 3 are missing
    /// stream.on_rtp(&RtpHeader::parse(&packet)?, 60_000_000);
    /// let delta = stream.stats().since(&before);
    /// assert_eq!((delta.packets, delta.expected, delta.lost), (1, 3, 2));
    /// assert_eq!(delta.bitrate_bps(), Some(15.0 * 8.0 / 0.060));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn since(&self, earlier: &Self) -> StreamDelta {
        let from_ns = match earlier.packets {
            0 => self.first_arrival_ns,
            _ => earlier.last_arrival_ns,
        };
        let n = |now: u64, then: u64| now.saturating_sub(then);
        StreamDelta {
            duration: Duration::from_nanos(n(self.last_arrival_ns, from_ns)),
            packets: n(self.packets, earlier.packets),
            bytes: n(self.bytes, earlier.bytes),
            header_bytes: n(self.header_bytes, earlier.header_bytes),
            padding_bytes: n(self.padding_bytes, earlier.padding_bytes),
            padding_packets: n(self.padding_packets, earlier.padding_packets),
            expected: n(self.expected, earlier.expected),
            lost: self.lost.wrapping_sub(earlier.lost) as i64,
            duplicates: n(self.duplicates, earlier.duplicates),
            duplicate_bytes: n(self.duplicate_bytes, earlier.duplicate_bytes),
            recovered: n(self.recovered, earlier.recovered),
            reordered: n(self.reordered, earlier.reordered),
            stale: n(self.stale, earlier.stale),
            frames: n(self.frames, earlier.frames),
            key_frames: n(self.key_frames, earlier.key_frames),
            restarts: n(self.restarts, earlier.restarts),
        }
    }

    /// What happened since the stream's first packet.
    #[must_use]
    pub fn total(&self) -> StreamDelta {
        self.since(&Self::default())
    }
}

/// One reader of deltas: what every live stream did since *this* reader read last.
///
/// A stream that the reader sees for the first time is told from its first packet on, however old it is.
///
/// - **Memory**: the last numbers of each live stream; those of one that was not there 16 times in a row are
///   forgotten. (One may be left out now and then, because its writer was busy: what it did is told the next
///   time.)
/// - **Errors, panics**: none.
#[derive(Debug, Default)]
pub struct DeltaReader {
    last: HashMap<u64, Last>,
}

/// What was read last of a stream, and how often it was not there since.
#[derive(Clone, Copy, Debug)]
struct Last {
    stats: StreamStats,
    missed: u8,
}

/// A stream that was not there so often has ended: ids are not used again.
const ENDED: u8 = 16;

impl DeltaReader {
    /// Has read nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads: for each of `streams` (of one registry, as [`Registry::streams`](crate::Registry::streams) gives
    /// them), in their order, what it did since the last time.
    pub fn read(&mut self, streams: &[StreamSnapshot]) -> Vec<StreamDelta> {
        for last in self.last.values_mut() {
            last.missed += 1;
        }
        let delta = |s: &StreamSnapshot| {
            let now = Last {
                stats: s.stats,
                missed: 0,
            };
            match self.last.insert(s.id, now) {
                Some(earlier) => s.stats.since(&earlier.stats),
                None => s.stats.total(),
            }
        };
        let deltas = streams.iter().map(delta).collect();
        self.last.retain(|_, last| last.missed <= ENDED);
        deltas
    }
}
