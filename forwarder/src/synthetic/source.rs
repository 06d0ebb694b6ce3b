//! What an encoder would hand to the network: audio and video packets at their nominal times.

use crate::payload::MediaKind;

const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MILLISECOND;
/// Payload bytes of a full video packet.
const FULL: u16 = 1_100;
const FRAMES_A_SECOND: u64 = 30;
/// A key frame every two seconds.
const KEY_FRAME_EVERY: u64 = 60;

/// One media packet before the network touches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Media {
    /// When it is due, nanoseconds from the start.
    pub at: u64,
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Last packet of a video frame; first of an audio stream.
    pub marker: bool,
    /// Bytes behind the 12-byte header.
    pub payload_len: u16,
}

/// One stream's endless packets, the same for the same seed.
#[derive(Debug)]
pub(super) struct Source {
    kind: MediaKind,
    rng: fastrand::Rng,
    start: u64,
    /// How many times as long as usual a frame lasts.
    stretch: u64,
    first_timestamp: u32,
    sequence: u16,
    frame: u64,
    left_in_frame: u16,
    fresh: bool,
}

impl Source {
    /// It starts at once, shortly before its sequence numbers wrap, so that every longer run takes that corner.
    pub(super) fn new(kind: MediaKind, seed: u64, index: usize) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed ^ (index as u64 + 1).rotate_left(32));
        Self {
            kind,
            start: 0,
            stretch: 1,
            first_timestamp: rng.u32(..),
            sequence: 65_000 + rng.u16(..500),
            frame: 0,
            left_in_frame: 0,
            fresh: true,
            rng,
        }
    }

    /// The same from another moment on, and with frames that last `stretch` times as long as usual.
    pub(super) fn from(self, start: u64, stretch: u64) -> Self {
        Self {
            start,
            stretch,
            ..self
        }
    }

    pub(super) const fn clock_rate(kind: MediaKind) -> u32 {
        match kind {
            MediaKind::Audio => 48_000,
            MediaKind::Video => 90_000,
        }
    }

    pub(super) fn next(&mut self) -> Media {
        if self.left_in_frame == 0 {
            if !self.fresh {
                self.frame += 1;
            }
            self.left_in_frame = self.packets_in_frame();
        }
        self.left_in_frame -= 1;
        let last_of_frame = self.left_in_frame == 0;
        let media = Media {
            at: self.start + self.frame * self.stretch * SECOND / self.frames_a_second(),
            sequence: self.sequence,
            timestamp: self.first_timestamp.wrapping_add(self.ticks()),
            marker: match self.kind {
                MediaKind::Audio => self.fresh,
                MediaKind::Video => last_of_frame,
            },
            payload_len: match self.kind {
                MediaKind::Audio => self.rng.u16(60..160),
                MediaKind::Video if last_of_frame => self.rng.u16(200..FULL),
                MediaKind::Video => FULL,
            },
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.fresh = false;
        media
    }

    /// Opus frames of 20 ms; video at 30 frames a second.
    const fn frames_a_second(&self) -> u64 {
        match self.kind {
            MediaKind::Audio => 50,
            MediaKind::Video => FRAMES_A_SECOND,
        }
    }

    fn packets_in_frame(&mut self) -> u16 {
        match self.kind {
            MediaKind::Audio => 1,
            MediaKind::Video if self.frame.is_multiple_of(KEY_FRAME_EVERY) => 12,
            MediaKind::Video => self.rng.u16(2..6),
        }
    }

    /// Clock ticks since the first frame. Truncated to 32 bits: RTP timestamps wrap.
    fn ticks(&self) -> u32 {
        let a_frame = u64::from(Self::clock_rate(self.kind)) / self.frames_a_second();
        (self.frame * self.stretch * a_frame) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(kind: MediaKind, n: usize) -> Vec<Media> {
        let mut source = Source::new(kind, 1, 0);
        (0..n).map(|_| source.next()).collect()
    }

    #[test]
    fn audio_is_fifty_packets_a_second_on_the_opus_clock() {
        let packets = first(MediaKind::Audio, 501);
        assert_eq!(packets[500].at - packets[0].at, 10 * SECOND);
        for pair in packets.windows(2) {
            assert_eq!(pair[1].at - pair[0].at, 20 * MILLISECOND);
            assert_eq!(pair[1].timestamp.wrapping_sub(pair[0].timestamp), 960);
            assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        }
        assert_eq!(packets.iter().filter(|p| p.marker).count(), 1);
    }

    #[test]
    fn video_frames_end_in_a_marker_and_share_a_timestamp() {
        let packets = first(MediaKind::Video, 2_000);
        let frames: Vec<&[Media]> = packets
            .chunk_by(|a, b| a.timestamp == b.timestamp)
            .collect();
        let whole = &frames[..frames.len() - 1];
        for frame in whole {
            let markers: Vec<bool> = frame.iter().map(|p| p.marker).collect();
            assert_eq!(markers.iter().filter(|&&m| m).count(), 1);
            assert_eq!(markers.last(), Some(&true));
            assert!(frame.iter().all(|p| p.at == frame[0].at));
        }
        assert_eq!(whole[0].len(), 12, "the first is a key frame");
        assert!(whole[1..60].iter().all(|f| (2..6).contains(&f.len())));
        for pair in whole.windows(2) {
            assert_eq!(
                pair[1][0].timestamp.wrapping_sub(pair[0][0].timestamp),
                3_000
            );
        }
        let mut numbers = packets
            .windows(2)
            .map(|p| p[1].sequence.wrapping_sub(p[0].sequence));
        assert!(numbers.all(|step| step == 1));
    }

    #[test]
    fn the_seed_decides_and_streams_differ() {
        assert_eq!(first(MediaKind::Video, 300), first(MediaKind::Video, 300));
        let (mut a, mut b) = (
            Source::new(MediaKind::Audio, 1, 0),
            Source::new(MediaKind::Audio, 1, 2),
        );
        assert_ne!(a.next().timestamp, b.next().timestamp);
    }

    #[test]
    fn longer_frames_are_longer_on_both_clocks() {
        for (kind, a_frame, ticks) in [
            (MediaKind::Audio, 20 * MILLISECOND, 960),
            (MediaKind::Video, SECOND / 30, 3_000),
        ] {
            let mut source = Source::new(kind, 1, 0).from(5 * SECOND, 6);
            let packets: Vec<Media> = (0..200).map(|_| source.next()).collect();
            assert_eq!(packets[0].at, 5 * SECOND);
            let frames = packets.chunk_by(|a, b| a.timestamp == b.timestamp);
            let firsts: Vec<Media> = frames.map(|frame| frame[0]).collect();
            assert!(firsts.len() > 30);
            for pair in firsts.windows(2) {
                // A 30th of a second is no whole number of nanoseconds.
                assert!((pair[1].at - pair[0].at).abs_diff(6 * a_frame) <= 6);
                assert_eq!(pair[1].timestamp.wrapping_sub(pair[0].timestamp), 6 * ticks);
            }
        }
    }
}
