//! What a scorer is told once: weights, switches, and their defaults with reasons.
//!
//! Lives here: settings only. Not here: what changes from window to window (`window`, `expect`).

use std::time::Duration;

/// How a [`LayeredScorer`](super::LayeredScorer) judges.
///
/// Start from [`inbound`](Self::inbound) or [`outbound`](Self::outbound), then change fields.
///
/// ```
/// use media_metrics_core::quality::{Codec, Config};
/// let mut config = Config::inbound(Codec::Video.loss_weight(false));
/// config.bitrate_score = true;
/// assert!(config.reports.is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// Points that a loss of one packet in a hundred costs, from 0 to 100: what is outside is brought
    /// inside, and what is no number counts as [`DEFAULT_LOSS_WEIGHT`](super::DEFAULT_LOSS_WEIGHT).
    /// Usually [`Codec::loss_weight`](super::Codec::loss_weight).
    pub loss_weight: f64,
    /// Whether half the round trip counts as delay. Default: yes; a round trip of 0 costs nothing. Turn
    /// it off where another scorer of the same path counts it already.
    pub include_rtt: bool,
    /// Whether twice the jitter counts as delay. Default: yes; as for the round trip.
    pub include_jitter: bool,
    /// Whether too low a bitrate counts. Default: no; an encoder on a still picture stays below what it
    /// was allowed, and nothing is wrong.
    pub bitrate_score: bool,
    /// Whether the usual packet rate is the one of speech: rates below a quarter of the highest rate
    /// seen at least 3 times do not compete.
    ///
    /// On a microphone that is silent most of the time the usual rate is the one of silence, and losses
    /// during silence then weigh in full. With this switch they weigh less.
    ///
    /// Default: no. It can only raise the usual rate, so it can only make losses lighter; who looks for
    /// faults should see one too many rather than one too few. The published test vectors hold without.
    pub ignore_silence: bool,
    /// In this time the counts of past packet rates halve, so that a change of codec or layer is
    /// forgotten. `None` never forgets. Default: 10 minutes; shorter sessions are not touched by it.
    pub rate_half_life: Option<Duration>,
    /// Set for streams whose losses only the peer knows, through its receiver reports: how old the last
    /// one may be. `None` for streams that are measured here.
    pub reports: Option<ReportAge>,
}

/// How old the last receiver report may be while packets are sent.
///
/// The age counts from the later of the last report and the start of sending; both limits are exceeded
/// by being *older*, not by being equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportAge {
    /// Older than this: POOR (40). Default: 30 s.
    pub poor_after: Duration,
    /// Older than this: LOST (20). Default: 60 s.
    pub lost_after: Duration,
}

impl Default for ReportAge {
    fn default() -> Self {
        Self {
            poor_after: Duration::from_secs(30),
            lost_after: Duration::from_secs(60),
        }
    }
}

impl Config {
    /// For a stream received here: losses are our own count, the peer's sender reports only tell
    /// whether it is alive. `loss_weight` as in [`Codec::loss_weight`](super::Codec::loss_weight).
    #[must_use]
    pub const fn inbound(loss_weight: f64) -> Self {
        Self {
            loss_weight,
            include_rtt: true,
            include_jitter: true,
            bitrate_score: false,
            ignore_silence: false,
            rate_half_life: Some(Duration::from_secs(600)),
            reports: None,
        }
    }

    /// For a stream sent from here: packets and losses are what the peer's receiver reports say. It is
    /// not scored while nothing is sent (the stream it is fed from shows the drought), nor in windows
    /// without a report, until [`ReportAge`] runs out: without a report nothing is known, which is not
    /// the same as nothing being lost.
    #[must_use]
    pub fn outbound(loss_weight: f64) -> Self {
        Self {
            reports: Some(ReportAge::default()),
            ..Self::inbound(loss_weight)
        }
    }
}
