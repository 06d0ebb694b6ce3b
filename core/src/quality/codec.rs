//! What a lost packet costs, by codec.
//!
//! Lives here: the weights and how a codec is told from its MIME type. Not here: how often a codec
//! changes; the host says so with `set_loss_weight`.

/// Loss weight of a codec that is not in the table: that of Opus without FEC.
///
/// A codec that nobody listed is still hurt by losses: with a weight of 0 they would never show.
pub const DEFAULT_LOSS_WEIGHT: f64 = 8.0;

/// Heaviest weight that is taken: from here on, losing one packet in a thousand costs ten points.
const MAX_LOSS_WEIGHT: f64 = 100.0;

/// What forward error correction takes off the weight.
const FEC_RELIEF: f64 = 1.5;

/// A codec, as far as losses are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Opus (RFC 7587).
    Opus,
    /// Redundant audio (RFC 2198): each packet carries the last one again.
    Red,
    /// Any video.
    Video,
    /// Any other.
    Other,
}

impl Codec {
    /// The codec of a MIME type such as `audio/opus`; letter case and parameters do not matter.
    ///
    /// ```
    /// use media_metrics_core::quality::Codec;
    /// assert_eq!(Codec::from_mime("audio/OPUS;ptime=20"), Codec::Opus);
    /// assert_eq!(Codec::from_mime("video/AV1"), Codec::Video);
    /// assert_eq!(Codec::from_mime("audio/G722"), Codec::Other);
    /// ```
    #[must_use]
    pub fn from_mime(mime: &str) -> Self {
        let essence = mime.split(';').next().unwrap_or_default().trim();
        let (kind, name) = essence.split_once('/').unwrap_or((essence, ""));
        if kind.eq_ignore_ascii_case("video") {
            return Self::Video;
        }
        if !kind.eq_ignore_ascii_case("audio") {
            return Self::Other;
        }
        match name {
            n if n.eq_ignore_ascii_case("opus") => Self::Opus,
            n if n.eq_ignore_ascii_case("red") => Self::Red,
            _ => Self::Other,
        }
    }

    /// Whether a stream of this codec repairs losses by itself: RED always does, others if their SDP
    /// format parameters say `useinbandfec=1`.
    ///
    /// ```
    /// use media_metrics_core::quality::Codec;
    /// assert!(Codec::Opus.has_fec("minptime=10;useinbandfec=1"));
    /// assert!(!Codec::Opus.has_fec("useinbandfec=0"));
    /// ```
    #[must_use]
    pub fn has_fec(self, format_parameters: &str) -> bool {
        self == Self::Red
            || format_parameters
                .split(';')
                .filter_map(|p| p.split_once('='))
                .any(|(k, v)| k.trim().eq_ignore_ascii_case("useinbandfec") && v.trim() == "1")
    }

    /// Points that a loss of one packet in a hundred costs.
    ///
    /// | codec | plain | with FEC |
    /// |---|---|---|
    /// | Opus | 8 | 8 / 1.5 |
    /// | RED | 4 | 4 / 1.5 |
    /// | video | 10 | 10 |
    /// | other | [`DEFAULT_LOSS_WEIGHT`] | the same |
    ///
    /// For another table, put a weight of your own into [`Config::loss_weight`](super::Config::loss_weight).
    #[must_use]
    pub fn loss_weight(self, fec: bool) -> f64 {
        let relief = if fec { FEC_RELIEF } else { 1.0 };
        match self {
            Self::Opus => 8.0 / relief,
            Self::Red => 4.0 / relief,
            Self::Video => 10.0,
            Self::Other => DEFAULT_LOSS_WEIGHT,
        }
    }
}

/// A weight that can be calculated with: 0 to 100, the default for what is no number.
pub(super) fn sound(weight: f64) -> f64 {
    if weight.is_nan() {
        DEFAULT_LOSS_WEIGHT
    } else {
        weight.clamp(0.0, MAX_LOSS_WEIGHT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_has_a_codec() {
        for (mime, codec) in [
            ("", Codec::Other),
            ("/", Codec::Other),
            ("opus", Codec::Other),
            ("audio/opus", Codec::Opus),
            (" Audio/Opus ; rate=48000", Codec::Opus),
            ("audio/opusfile", Codec::Other),
            ("audio/red", Codec::Red),
            ("application/red", Codec::Other),
            ("VIDEO/rtx", Codec::Video),
            ("video", Codec::Video),
        ] {
            assert_eq!(Codec::from_mime(mime), codec, "{mime:?}");
        }
    }

    #[test]
    fn only_a_clear_one_switches_fec_on() {
        assert!(Codec::Opus.has_fec(" UseInBandFEC = 1 ;stereo=1"));
        for fmtp in [
            "",
            "useinbandfec",
            "useinbandfec=10",
            "xuseinbandfec=1",
            ";=;",
        ] {
            assert!(!Codec::Opus.has_fec(fmtp), "{fmtp:?}");
        }
        assert!(Codec::Red.has_fec(""), "redundancy is what RED is for");
    }

    #[test]
    fn weights_are_made_sound() {
        assert_eq!(sound(f64::NAN), DEFAULT_LOSS_WEIGHT);
        assert_eq!(sound(-1.0), 0.0);
        assert_eq!(sound(f64::INFINITY), MAX_LOSS_WEIGHT);
        assert_eq!(sound(8.0 / 1.5), Codec::Opus.loss_weight(true));
    }
}
