//! What an RTP payload type says about a stream: its kind, its clock rate, its codec if that is known.
//!
//! Lives here: the static table of RFC 3551, the conventions for dynamic types, the operator's own
//! entries on top. Not here: packets, streams, what a codec's payload looks like (the core's `rtp`).

use media_metrics_core::quality;
use media_metrics_core::rtp::VideoCodec;
use serde::{Deserialize, Serialize};

/// What a stream carries. The value of the label `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
}

impl MediaKind {
    /// Every kind. What there is of each is kept in this order.
    pub const ALL: [Self; 2] = [Self::Audio, Self::Video];

    /// The label's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
        }
    }
}

/// A codec that the forwarder knows something about: when a key frame begins, what a loss costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// VP8 (RFC 7741).
    Vp8,
    /// VP9 (RFC 9628).
    Vp9,
    /// H.264 (RFC 6184).
    H264,
    /// H.265 (RFC 7798).
    H265,
    /// AV1 (AOM's RTP payload format).
    Av1,
    /// Opus (RFC 7587).
    Opus,
    /// Redundant audio (RFC 2198) around Opus.
    Red,
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// G.722.
    G722,
}

impl Codec {
    /// What it carries.
    #[must_use]
    pub const fn kind(self) -> MediaKind {
        match self.video() {
            Some(_) => MediaKind::Video,
            None => MediaKind::Audio,
        }
    }

    /// The clock rate that its payload format prescribes.
    #[must_use]
    pub const fn clock_rate(self) -> ClockRate {
        ClockRate(match self {
            Self::Vp8 | Self::Vp9 | Self::H264 | Self::H265 | Self::Av1 => 90_000,
            Self::Opus | Self::Red => 48_000,
            Self::Pcmu | Self::Pcma | Self::G722 => 8_000,
        })
    }

    /// As the core knows it, for key frames; `None` for audio, which has none.
    #[must_use]
    pub const fn video(self) -> Option<VideoCodec> {
        match self {
            Self::Vp8 => Some(VideoCodec::Vp8),
            Self::Vp9 => Some(VideoCodec::Vp9),
            Self::H264 => Some(VideoCodec::H264),
            Self::H265 => Some(VideoCodec::H265),
            Self::Av1 => Some(VideoCodec::Av1),
            Self::Opus | Self::Red | Self::Pcmu | Self::Pcma | Self::G722 => None,
        }
    }

    /// As the core knows it, for what a loss costs.
    const fn quality(self) -> quality::Codec {
        match self {
            Self::Opus => quality::Codec::Opus,
            Self::Red => quality::Codec::Red,
            Self::Vp8 | Self::Vp9 | Self::H264 | Self::H265 | Self::Av1 => quality::Codec::Video,
            Self::Pcmu | Self::Pcma | Self::G722 => quality::Codec::Other,
        }
    }
}

/// What one payload type stands for.
///
/// In the configuration, a codec says the rest: `{codec: vp8}` is `{kind: video, clock_rate: 90000,
/// codec: vp8}`. Without one, kind and clock rate have to be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Entry")]
pub struct Payload {
    /// What it carries.
    pub kind: MediaKind,
    /// RTP timestamp ticks in a second.
    pub clock_rate: ClockRate,
    /// How it is coded, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codec: Option<Codec>,
}

impl Payload {
    /// What the loss of one packet in a hundred costs, in points of quality. Whether a stream carries forward
    /// error correction only signalling could tell: it is taken to have none.
    #[must_use]
    pub fn loss_weight(&self) -> f64 {
        let codec = match (self.codec, self.kind) {
            (Some(codec), _) => codec.quality(),
            (None, MediaKind::Video) => quality::Codec::Video,
            (None, MediaKind::Audio) => quality::Codec::Other,
        };
        codec.loss_weight(false)
    }
}

/// A payload type as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    kind: Option<MediaKind>,
    clock_rate: Option<ClockRate>,
    codec: Option<Codec>,
}

impl TryFrom<Entry> for Payload {
    type Error = String;

    fn try_from(entry: Entry) -> Result<Self, String> {
        let Entry {
            kind,
            clock_rate,
            codec,
        } = entry;
        if let (Some(kind), Some(codec)) = (kind, codec)
            && kind != codec.kind()
        {
            let (said, is) = (kind.as_str(), codec.kind().as_str());
            return Err(format!("this codec is {is}, and `kind` says {said}"));
        }
        let missing = |key| format!("say `{key}` of this payload type, or its `codec`");
        Ok(Self {
            kind: kind
                .or(codec.map(Codec::kind))
                .ok_or_else(|| missing("kind"))?,
            clock_rate: clock_rate
                .or(codec.map(Codec::clock_rate))
                .ok_or_else(|| missing("clock_rate"))?,
            codec,
        })
    }
}

/// An RTP clock rate in hertz, from 1 to 10 MHz: a zero or a slip of the finger never gets as far
/// as a division.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct ClockRate(u32);

impl ClockRate {
    const MAX: u32 = 10_000_000;

    /// Hertz.
    #[must_use]
    pub const fn hz(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for ClockRate {
    type Error = String;

    fn try_from(hz: u32) -> Result<Self, String> {
        if (1..=Self::MAX).contains(&hz) {
            return Ok(Self(hz));
        }
        let max = Self::MAX;
        Err(format!(
            "a clock rate is 1 to {max} Hz, for example 48000 or 90000; {hz} is not"
        ))
    }
}

impl From<ClockRate> for u32 {
    fn from(rate: ClockRate) -> Self {
        rate.0
    }
}

/// What all 128 payload types stand for: an array look-up, no branch on the hot path.
#[derive(Clone, Debug)]
pub struct PayloadTypes {
    types: [Payload; 128],
    /// By the payload type of a retransmission, that of what it repeats (RFC 4588 `apt`).
    repeats: [Option<u8>; 128],
}

const fn audio(hz: u32) -> Payload {
    Payload {
        kind: MediaKind::Audio,
        clock_rate: ClockRate(hz),
        codec: None,
    }
}

const fn video(hz: u32) -> Payload {
    Payload {
        kind: MediaKind::Video,
        ..audio(hz)
    }
}

const fn coded(codec: Codec) -> Payload {
    Payload {
        kind: codec.kind(),
        clock_rate: codec.clock_rate(),
        codec: Some(codec),
    }
}

impl PayloadTypes {
    /// RFC 3551 table 4 and 5 for types below 96; above, what WebRTC stacks have settled on: 111 is
    /// Opus (48 kHz), 110 and 126 are telephone events (48 and 8 kHz), 109 is Firefox' Opus, and
    /// everything else is video at 90 kHz. RFC 3551 leaves those to signalling: configure yours.
    #[must_use]
    pub fn standard() -> Self {
        let mut types = [video(90_000); 128];
        let fixed = [
            (0, coded(Codec::Pcmu)),
            (3, audio(8_000)),  // GSM
            (4, audio(8_000)),  // G723
            (5, audio(8_000)),  // DVI4
            (6, audio(16_000)), // DVI4
            (7, audio(8_000)),  // LPC
            (8, coded(Codec::Pcma)),
            (9, coded(Codec::G722)), // sampled at 16 kHz, but its RTP clock is 8 kHz by erratum
            (10, audio(44_100)),     // L16 stereo
            (11, audio(44_100)),     // L16 mono
            (12, audio(8_000)),      // QCELP
            (13, audio(8_000)),      // comfort noise
            (14, audio(90_000)),     // MPA: audio, on the 90 kHz clock
            (15, audio(8_000)),      // G728
            (16, audio(11_025)),     // DVI4
            (17, audio(22_050)),     // DVI4
            (18, audio(8_000)),      // G729
            (109, coded(Codec::Opus)),
            (110, audio(48_000)),
            (111, coded(Codec::Opus)),
            (126, audio(8_000)),
        ];
        for (pt, payload) in fixed {
            types[pt] = payload;
        }
        Self {
            types,
            repeats: [None; 128],
        }
    }

    /// The same with entries of the operator's own. Types above 127 do not exist and are left out.
    #[must_use]
    pub fn with(mut self, entries: impl IntoIterator<Item = (u8, Payload)>) -> Self {
        for (pt, payload) in entries {
            if let Some(slot) = self.types.get_mut(usize::from(pt)) {
                *slot = payload;
            }
        }
        self
    }

    /// The same with retransmission types (RFC 4588): each with the type that it repeats, whose kind and
    /// clock rate it shares.
    #[must_use]
    pub fn with_retransmissions(mut self, pairs: impl IntoIterator<Item = (u8, u8)>) -> Self {
        for (pt, repeated) in pairs {
            let payload = Payload {
                codec: None,
                ..self.get(repeated)
            };
            self = self.with([(pt, payload)]);
            if let Some(slot) = self.repeats.get_mut(usize::from(pt)) {
                *slot = Some(repeated);
            }
        }
        self
    }

    /// What payload type `pt` (its low 7 bits) stands for.
    #[must_use]
    pub const fn get(&self, pt: u8) -> Payload {
        self.types[(pt & 0x7f) as usize]
    }

    /// What payload type `pt` (its low 7 bits) repeats, if it is one of retransmissions.
    #[must_use]
    pub const fn repeated(&self, pt: u8) -> Option<u8> {
        self.repeats[(pt & 0x7f) as usize]
    }

    /// The payload type, the first if there are several, whose packets repeat those of `pt` (its low 7 bits).
    #[must_use]
    pub fn repeated_by(&self, pt: u8) -> Option<u8> {
        let by = self.repeats.iter().position(|of| *of == Some(pt & 0x7f));
        by.and_then(|by| u8::try_from(by).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_follows_rfc_3551() {
        let types = PayloadTypes::standard();
        // Names and rates as in tables 4 and 5 of the RFC; G722 and MPA are the ones people get wrong.
        for (pt, kind, hz) in [
            (0, MediaKind::Audio, 8_000),
            (6, MediaKind::Audio, 16_000),
            (9, MediaKind::Audio, 8_000),
            (10, MediaKind::Audio, 44_100),
            (14, MediaKind::Audio, 90_000),
            (17, MediaKind::Audio, 22_050),
            (26, MediaKind::Video, 90_000),
            (34, MediaKind::Video, 90_000),
            (96, MediaKind::Video, 90_000),
            (111, MediaKind::Audio, 48_000),
        ] {
            let got = types.get(pt);
            assert_eq!((got.kind, got.clock_rate.hz()), (kind, hz), "type {pt}");
        }
        assert_eq!(
            types.get(0x80 | 8),
            types.get(8),
            "the marker bit is no part of it"
        );
    }

    #[test]
    fn own_entries_win_and_impossible_ones_vanish() {
        let types = PayloadTypes::standard().with([(96, audio(16_000)), (200, audio(1))]);
        assert_eq!(types.get(96), audio(16_000));
        assert_eq!(types.get(97), video(90_000));
        assert_eq!(types.get(200 & 0x7f), video(90_000));
    }

    #[test]
    fn a_retransmission_shares_kind_and_clock_of_what_it_repeats() {
        let types = PayloadTypes::standard().with([(96, audio(16_000))]);
        let types = types.with_retransmissions([(97, 96), (112, 111)]);
        assert_eq!(types.get(97), audio(16_000));
        assert_eq!(types.get(112), audio(48_000), "not coded as Opus is");
        assert_eq!(
            (types.repeated(97), types.repeated(0x80 | 112)),
            (Some(96), Some(111))
        );
        assert_eq!(types.repeated(96), None);
        assert_eq!(
            (types.repeated_by(96), types.repeated_by(97)),
            (Some(97), None)
        );
    }

    #[test]
    fn a_loss_costs_what_its_codec_says_and_video_without_one_is_video() {
        assert_eq!(coded(Codec::Red).loss_weight(), 4.0);
        assert_eq!(coded(Codec::Opus).loss_weight(), 8.0);
        assert_eq!(coded(Codec::Vp9).loss_weight(), 10.0);
        assert_eq!(video(90_000).loss_weight(), 10.0);
        assert_eq!(audio(8_000).loss_weight(), quality::DEFAULT_LOSS_WEIGHT);
    }

    #[test]
    fn a_codec_says_the_rest() {
        let read = |text| serde_saphyr::from_str::<Payload>(text);
        assert_eq!(read("codec: vp8").unwrap(), coded(Codec::Vp8));
        let own = read("{codec: opus, clock_rate: 16000}").unwrap();
        assert_eq!((own.kind, own.clock_rate.hz()), (MediaKind::Audio, 16_000));
        for (text, says) in [
            ("{codec: vp8, kind: audio}", "is video"),
            ("{kind: audio}", "`clock_rate`"),
            ("{clock_rate: 1}", "`kind`"),
            ("{codec: mp3}", "mp3"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn clock_rates_have_two_ends() {
        assert!(ClockRate::try_from(0).is_err());
        assert_eq!(ClockRate::try_from(1).map(ClockRate::hz), Ok(1));
        assert_eq!(
            ClockRate::try_from(10_000_000).map(ClockRate::hz),
            Ok(10_000_000)
        );
        assert!(ClockRate::try_from(10_000_001).is_err());
    }
}
