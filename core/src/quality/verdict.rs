//! What comes out of scoring: score, MOS, rating, reason.
//!
//! Lives here: the scales, and how several streams make one. Not here: how a score came about
//! (`parts`, `scorer`).

use std::fmt;

use super::parts::Parts;

/// A stream's quality is as good as it gets; where it starts.
pub(super) const BEST: f64 = 100.0;
/// Nothing arrived, but the peer may be alive.
pub(super) const DRY: f64 = 40.0;
/// The lowest smoothed score, and the score of a paused stream.
pub(super) const FLOOR: f64 = 30.0;
/// Nothing arrives, and no RTCP does.
pub(super) const LOST: f64 = 20.0;

/// A quality in words, from worst to best: `Lost < Poor < Good < Excellent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rating {
    /// Score up to 20.
    Lost,
    /// Score above 20, up to 40.
    Poor,
    /// Score above 40, up to 80.
    Good,
    /// Score above 80.
    Excellent,
}

impl Rating {
    /// All, from worst to best.
    pub const ALL: [Self; 4] = [Self::Lost, Self::Poor, Self::Good, Self::Excellent];

    /// The rating of a score. What is no number is [`Lost`](Self::Lost).
    #[must_use]
    pub fn of(score: f64) -> Self {
        match score {
            s if s > 80.0 => Self::Excellent,
            s if s > 40.0 => Self::Good,
            s if s > 20.0 => Self::Poor,
            _ => Self::Lost,
        }
    }

    /// The number of LiveKit's `ConnectionQuality`: POOR 0, GOOD 1, EXCELLENT 2, LOST 3. **Not** in
    /// order of quality: compare ratings, never these.
    #[must_use]
    pub const fn wire_number(self) -> i32 {
        match self {
            Self::Poor => 0,
            Self::Good => 1,
            Self::Excellent => 2,
            Self::Lost => 3,
        }
    }

    /// `LOST`, `POOR`, `GOOD` or `EXCELLENT`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lost => "LOST",
            Self::Poor => "POOR",
            Self::Good => "GOOD",
            Self::Excellent => "EXCELLENT",
        }
    }
}

impl fmt::Display for Rating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Mean opinion score of a score `R`, from 1 (bad) to 4.5 (as good as it gets).
///
/// ITU-T G.107 Annex B: `1 + 0.035 R + 7e-6 R (R - 60) (100 - R)`; 1 for `R <= 0`, 4.5 for `R >= 100`.
/// The polynomial dips below 1 for `R < 6.52`; here it does not, so that a better score never has a
/// lower MOS. What is no number has 1.
///
/// ```
/// use media_metrics_core::quality::mos;
/// assert_eq!((mos(0.0), mos(5.0), mos(40.0), mos(100.0)), (1.0, 1.0, 2.064, 4.5));
/// ```
#[must_use]
pub fn mos(score: f64) -> f32 {
    if score >= 100.0 {
        return 4.5;
    }
    let r = score.max(0.0); // of a NaN, 0
    let mos = 1.0 + 0.035 * r + 7e-6 * r * (r - 60.0) * (100.0 - r);
    mos.clamp(1.0, 4.5) as f32
}

/// What a score is owed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Loss and delay were the worst part, or as bad as any.
    Packet,
    /// Less bitrate than expected was the worst part.
    Bitrate,
    /// Missing layers were the worst part.
    Layer,
    /// Nothing arrived.
    Dry,
    /// Nothing was reported: RTCP is too old.
    Rtcp,
    /// The stream was paused for want of bandwidth.
    Pause,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Packet,
        Self::Bitrate,
        Self::Layer,
        Self::Dry,
        Self::Rtcp,
        Self::Pause,
    ];

    /// In lower case, fit for a label value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Packet => "packet",
            Self::Bitrate => "bitrate",
            Self::Layer => "layer",
            Self::Dry => "dry",
            Self::Rtcp => "rtcp",
            Self::Pause => "pause",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A stream's quality, as of its last window or event.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Quality {
    /// From 20 (lost) to 100.
    pub score: f64,
    /// [`mos`] of the score, from 1 to 4.5.
    pub mos: f32,
    /// [`Rating`] of the score.
    pub rating: Rating,
    /// What the score is owed to; `None` at the start and when muted, where nothing was judged.
    pub reason: Option<Reason>,
    /// The parts of the last window, if the score came from any.
    pub parts: Option<Parts>,
}

impl Quality {
    pub(super) fn new(score: f64, reason: Option<Reason>, parts: Option<Parts>) -> Self {
        Self {
            score,
            mos: mos(score),
            rating: Rating::of(score),
            reason,
            parts,
        }
    }
}

/// What became of a window.
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use]
pub enum Outcome {
    /// It was judged.
    Scored(Quality),
    /// It was not; the score stays as it was.
    Skipped(Skip),
}

/// Why a window was not judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Skip {
    /// The stream is muted.
    Muted,
    /// No layer of the stream is wanted.
    LayerMuted,
    /// The stream is paused.
    Paused,
    /// Unmuted for half the window or less.
    JustUnmuted,
    /// No time since the last window, or the clock went back.
    NoTime,
    /// Outbound: nothing was sent. Inbound: nothing came, in a window of no duration.
    Idle,
    /// Outbound: no receiver report in this window, or none since sending began.
    AwaitingReport,
}

/// The worst of several streams, which is how a participant's quality is told; `None` of none.
///
/// It has the lowest rating, the lowest MOS and the lowest score of all; of equals, the first.
///
/// ```
/// use media_metrics_core::quality::{Config, Scorer, worst};
/// let scorers = [Scorer::new(Config::inbound(8.0), Default::default())];
/// assert_eq!(worst(scorers.iter().map(Scorer::quality)).map(|q| q.mos), Some(4.5));
/// ```
#[must_use]
pub fn worst(streams: impl IntoIterator<Item = Quality>) -> Option<Quality> {
    streams
        .into_iter()
        .min_by(|a, b| a.score.total_cmp(&b.score))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_worst() {
        assert_eq!((Rating::of(f64::NAN), mos(f64::NAN)), (Rating::Lost, 1.0));
        assert_eq!(mos(f64::INFINITY), 4.5);
        assert_eq!(mos(f64::NEG_INFINITY), 1.0);
    }

    #[test]
    #[cfg_attr(miri, ignore = "plain arithmetic, a hundred thousand scores")]
    fn mos_never_falls_as_the_score_rises() {
        let all: Vec<f32> = (-1_000..=101_000)
            .map(|i| mos(f64::from(i) / 1_000.0))
            .collect();
        assert!(all.is_sorted());
        assert_eq!((all[0], all[102_000]), (1.0, 4.5));
    }

    #[test]
    fn ratings_are_ordered_by_quality_not_by_wire_number() {
        assert!(Rating::ALL.is_sorted());
        assert_eq!(Rating::ALL.map(Rating::wire_number), [3, 0, 1, 2]);
        assert_eq!(format!("{:>6}", Rating::Lost), "  LOST");
    }

    #[test]
    fn the_worst_is_the_first_of_the_lowest() {
        let q = |score, reason| Quality::new(score, Some(reason), None);
        let all = [
            q(90.0, Reason::Packet),
            q(40.0, Reason::Dry),
            q(40.0, Reason::Rtcp),
        ];
        assert_eq!(worst(all), Some(all[1]));
        assert_eq!(worst([]), None);
    }
}
