//! What an RTP payload type says about a stream: its kind and its clock rate.
//!
//! Lives here: the static table of RFC 3551, the conventions for dynamic types, the operator's own
//! entries on top. Not here: packets, streams, the configuration file's syntax.

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
    /// Every kind, in the order of [`index`](Self::index).
    pub const ALL: [Self; 2] = [Self::Audio, Self::Video];

    /// The label's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
        }
    }

    /// Position in [`ALL`](Self::ALL).
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// What one payload type stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payload {
    /// What it carries.
    pub kind: MediaKind,
    /// RTP timestamp ticks in a second.
    pub clock_rate: ClockRate,
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

/// Kind and clock rate of all 128 payload types: an array look-up, no branch on the hot path.
#[derive(Clone, Debug)]
pub struct PayloadTypes([Payload; 128]);

const fn audio(hz: u32) -> Payload {
    Payload {
        kind: MediaKind::Audio,
        clock_rate: ClockRate(hz),
    }
}

const fn video(hz: u32) -> Payload {
    Payload {
        kind: MediaKind::Video,
        clock_rate: ClockRate(hz),
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
            (0, audio(8_000)),   // PCMU
            (3, audio(8_000)),   // GSM
            (4, audio(8_000)),   // G723
            (5, audio(8_000)),   // DVI4
            (6, audio(16_000)),  // DVI4
            (7, audio(8_000)),   // LPC
            (8, audio(8_000)),   // PCMA
            (9, audio(8_000)),   // G722: sampled at 16 kHz, but its RTP clock is 8 kHz by erratum
            (10, audio(44_100)), // L16 stereo
            (11, audio(44_100)), // L16 mono
            (12, audio(8_000)),  // QCELP
            (13, audio(8_000)),  // comfort noise
            (14, audio(90_000)), // MPA: audio, on the 90 kHz clock
            (15, audio(8_000)),  // G728
            (16, audio(11_025)), // DVI4
            (17, audio(22_050)), // DVI4
            (18, audio(8_000)),  // G729
            (109, audio(48_000)),
            (110, audio(48_000)),
            (111, audio(48_000)),
            (126, audio(8_000)),
        ];
        for (pt, payload) in fixed {
            types[pt] = payload;
        }
        Self(types)
    }

    /// The same with entries of the operator's own. Types above 127 do not exist and are left out.
    #[must_use]
    pub fn with(mut self, entries: impl IntoIterator<Item = (u8, Payload)>) -> Self {
        for (pt, payload) in entries {
            if let Some(slot) = self.0.get_mut(usize::from(pt)) {
                *slot = payload;
            }
        }
        self
    }

    /// What payload type `pt` (its low 7 bits) stands for.
    #[must_use]
    pub const fn get(&self, pt: u8) -> Payload {
        self.0[(pt & 0x7f) as usize]
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
