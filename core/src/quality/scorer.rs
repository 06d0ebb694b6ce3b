//! The scorer: one stream's quality from window to window.
//!
//! Lives here: the order of the rules. Not here: the rules themselves (`parts`, `rate`, `expect`,
//! `hold`, `reports`), nor any clock.

use std::array;
use std::time::Duration;

use super::codec::sound;
use super::config::Config;
use super::expect::{MAX_LAYER_DISTANCE, Steps};
use super::hold::{Hold, Holds};
use super::parts::{self, Parts};
use super::rate::UsualRate;
use super::reports::{Reports, Sending};
use super::verdict::{BEST, DRY, LOST, Outcome, Quality, Rating, Reason, Skip};
use super::window::Window;

/// Scores one stream whose packets all count as one.
pub type Scorer = LayeredScorer<1>;

/// Scores one stream of `LAYERS` spatial layers that are sent side by side (simulcast).
///
/// Each layer has a usual packet rate of its own: switching a layer on or off is then no change of
/// rate. Everything else is judged for the stream as a whole.
///
/// - **Memory**: about half a kilobyte a layer, inline; nothing is allocated, ever.
/// - **Time**: a window costs a root per layer and a logarithm, and every two minutes a walk over the
///   bins of each layer.
/// - **Errors, panics**: none. Windows that cannot be judged are [skipped](Skip); expectations that
///   cannot be used are [counted](Self::refused).
///
/// ```
/// use std::time::Duration;
/// use media_metrics_core::quality::{Codec, Config, Outcome, Rating, Scorer, Window};
///
/// let at = Duration::from_secs;
/// let mut scorer = Scorer::new(Config::inbound(Codec::Video.loss_weight(false)), at(0));
/// let clean = Window { duration: at(5), packets: 250, ..Window::default() };
///
/// scorer.expect_layer_distance(at(0), 1.0); // one spatial layer short
/// assert!(matches!(scorer.update(at(5), &clean), Outcome::Scored(_)));
/// assert_eq!(scorer.quality().score, 72.0); // 0.8 * 65 + 0.2 * 100
///
/// scorer.set_muted(at(7), true);
/// assert!(matches!(scorer.update(at(10), &Window::default()), Outcome::Skipped(_)));
/// assert_eq!(scorer.quality().rating, Rating::Excellent);
/// ```
#[derive(Clone, Debug)]
pub struct LayeredScorer<const LAYERS: usize> {
    config: Config,
    score: f64,
    /// Kept apart from the score: LOST is a state that only media end.
    lost: bool,
    reason: Option<Reason>,
    parts: Option<Parts>,
    holds: Holds,
    sending: Sending,
    bitrate: Steps,
    distance: Steps,
    refused: u64,
    rates: [UsualRate; LAYERS],
    /// End of the last window, judged or not.
    window_end: Duration,
}

impl Scorer {
    /// As [`update_layers`](Self::update_layers), for a stream without layers.
    pub fn update(&mut self, at: Duration, window: &Window) -> Outcome {
        self.update_layers(at, array::from_ref(window))
    }
}

impl<const LAYERS: usize> LayeredScorer<LAYERS> {
    /// A stream that starts `at`, with the best score.
    #[must_use]
    pub fn new(config: Config, at: Duration) -> Self {
        Self::resume(config, at, BEST)
    }

    /// As [`new`](Self::new), going on from the score that the stream had before, say on another node.
    /// Up to 20 it is LOST; what is no number counts as 100.
    #[must_use]
    pub fn resume(mut config: Config, at: Duration, score: f64) -> Self {
        config.loss_weight = sound(config.loss_weight);
        let score = if score.is_nan() { BEST } else { score };
        Self {
            config,
            score: score.clamp(LOST, BEST),
            lost: Rating::of(score) == Rating::Lost,
            reason: None,
            parts: None,
            holds: Holds::default(),
            sending: Sending::default(),
            bitrate: Steps::new(at),
            distance: Steps::new(at),
            refused: 0,
            rates: array::from_fn(|_| UsualRate::new(at)),
            window_end: at,
        }
    }

    /// The quality as of the last window or event.
    #[must_use]
    pub fn quality(&self) -> Quality {
        Quality::new(self.score, self.reason, self.parts)
    }

    /// Judges the windows of all layers, which end `at`, or says why not.
    ///
    /// 1. Nothing is judged while muted, layer-muted or paused, without time since the last window, or
    ///    when unmuted for half of it or less.
    /// 2. An outbound stream ([`Config::reports`]) is not judged while nothing is sent, nor without a
    ///    report in the window; too old a report sets the score to 40, then to 20 (LOST). While a report is
    ///    [awaited](Skip::AwaitingReport), what is expected adds up: so should the figures, until it came.
    /// 3. A window without packets sets the score: to 20 (LOST) if the stream is inbound and
    ///    [`Window::last_rtcp`] is known and older than the window is long, else to 40.
    /// 4. Any other window moves the score towards its worst [part](Parts).
    ///
    /// A LOST stream stays so until a window of the last kind.
    pub fn update_layers(&mut self, at: Duration, layers: &[Window; LAYERS]) -> Outcome {
        let window = Window::overall(layers);
        let start = std::mem::replace(&mut self.window_end, at);
        let admitted = self.admit(start, at, &window);
        if admitted == Err(Skip::AwaitingReport) {
            // What was expected of this time is compared with what the report will be about.
            return Outcome::Skipped(Skip::AwaitingReport);
        }
        let expected_bits = self.bitrate.end_window(at).map(|e| e.sum);
        let distance = self.distance.end_window(at).map(|e| e.mean);
        let reports = match admitted {
            Ok(reports) => reports,
            Err(skip) => return Outcome::Skipped(skip),
        };
        let weights = self.weigh(at, layers, &window);
        if let Some((score, reason)) = silence(at, reports, &window) {
            self.lost |= score <= LOST;
            self.reason = Some(reason);
            self.parts = None;
            self.score = if self.lost { LOST } else { score };
        } else {
            let config = &self.config;
            let delay_ms = parts::effective_delay_ms(
                config.include_rtt.then_some(window.rtt),
                config.include_jitter.then_some(window.jitter),
            );
            let judged = Parts {
                packet: parts::packet_score(delay_ms, parts::loss_effect(layers, &weights)),
                bitrate: parts::bitrate_score(
                    expected_bits.filter(|_| config.bitrate_score),
                    window.bytes,
                ),
                layer: parts::layer_score(distance),
            };
            let (raw, reason) = judged.worst();
            self.lost = false;
            self.reason = Some(reason);
            self.parts = Some(judged);
            self.score = parts::smooth(self.score, raw);
        }
        Outcome::Scored(self.quality())
    }

    /// Whether a window is judged at all, and what reports say of it if the stream depends on them.
    fn admit(
        &mut self,
        start: Duration,
        at: Duration,
        window: &Window,
    ) -> Result<Option<Reports>, Skip> {
        if let Some(skip) = self.holds.skip() {
            self.sending.stop();
            return Err(skip);
        }
        // Saturating: a clock that went back has no time elapsed; the next window has.
        let elapsed = at.saturating_sub(start);
        if elapsed.is_zero() {
            return Err(Skip::NoTime);
        }
        if window.sent > 0 {
            let length = window.duration.min(elapsed);
            self.sending.go_on(at.saturating_sub(length));
        } else {
            self.sending.stop();
        }
        if !self.holds.unmuted_enough(at, elapsed) {
            return Err(Skip::JustUnmuted);
        }
        let Some(max) = self.config.reports else {
            let nothing_in_no_time = window.total() == 0 && window.duration.is_zero();
            return if nothing_in_no_time {
                Err(Skip::Idle)
            } else {
                Ok(None)
            };
        };
        if window.sent == 0 {
            return Err(Skip::Idle);
        }
        match self.sending.reports(start, at, window.last_rtcp, max) {
            Reports::Awaited => Err(Skip::AwaitingReport),
            reports => Ok(Some(reports)),
        }
    }

    /// The loss weight of each layer, after counting its packet rate.
    fn weigh(&mut self, at: Duration, layers: &[Window; LAYERS], all: &Window) -> [f64; LAYERS] {
        let mut weights = [self.config.loss_weight; LAYERS];
        // Nothing received is a rate, nothing reported is none.
        let silence_counts = all.packets == 0 && self.config.reports.is_none();
        for ((rate, layer), weight) in self.rates.iter_mut().zip(layers).zip(&mut weights) {
            // A layer without packets while others have some is off: not a rate of that layer.
            let counts = layer.packets > 0 || silence_counts;
            if let Some(pps) = layer.pps().filter(|_| counts) {
                rate.on_window(at, pps, &self.config);
                *weight = rate.lighten(*weight, pps);
            }
        }
        weights
    }

    /// From `at` on, so many bits per second are expected. Only counts with [`Config::bitrate_score`].
    pub fn expect_bitrate(&mut self, at: Duration, bits_per_second: u64) {
        let taken = self.bitrate.set(at, bits_per_second as f64);
        self.refused = self.refused.saturating_add(u64::from(!taken));
    }

    /// From `at` on, what is received is so many layers short of what is desired: see
    /// [`layer_distance`](super::layer_distance). Negative counts as 0.
    pub fn expect_layer_distance(&mut self, at: Duration, layers: f64) {
        // `min` would make a number of what is none.
        let layers = if layers > MAX_LAYER_DISTANCE {
            MAX_LAYER_DISTANCE
        } else {
            layers
        };
        let taken = self.distance.set(at, layers);
        self.refused = self.refused.saturating_add(u64::from(!taken));
    }

    /// How many expectations were not taken: older than the one before, or no number.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// The source was muted or unmuted. Muted, the score is 100, but for a LOST stream.
    pub fn set_muted(&mut self, at: Duration, on: bool) {
        self.hold(at, Hold::Mute, on);
    }

    /// No layer is wanted any more, or one is again. The score is 100 meanwhile, but for a LOST stream,
    /// and expectations are forgotten.
    pub fn set_layer_muted(&mut self, at: Duration, on: bool) {
        self.hold(at, Hold::LayerMute, on);
    }

    /// The stream was paused for want of bandwidth, or resumed. Paused, the score is 30, but for a muted
    /// or a LOST stream, and expectations are forgotten. After resuming it climbs from there.
    pub fn set_paused(&mut self, at: Duration, on: bool) {
        self.hold(at, Hold::Pause, on);
    }

    fn hold(&mut self, at: Duration, hold: Hold, on: bool) {
        if !self.holds.set(at, hold, on) {
            return;
        }
        if on && hold != Hold::Mute {
            self.bitrate.clear(at);
            self.distance.clear(at);
        }
        if let Some((score, reason)) = self.holds.score()
            && !self.lost
        {
            self.score = score;
            self.reason = reason;
            self.parts = None;
        }
    }

    /// The codec changed: a loss weighs `weight` from the next window on, within the bounds of
    /// [`Config::loss_weight`]. History stays.
    pub fn set_loss_weight(&mut self, weight: f64) {
        self.config.loss_weight = sound(weight);
    }

    /// The usual packet rate of a layer, packets per second: the most frequent one, to the nearest 2.
    /// `None` up to the tenth window, if most windows had no packets, if it is above 497, or if there is
    /// no such layer.
    #[must_use]
    pub fn usual_pps(&self, layer: usize) -> Option<f64> {
        self.rates.get(layer)?.pps()
    }
}

/// The score that silence sets, of packets or of reports, and which of them it was.
fn silence(at: Duration, reports: Option<Reports>, window: &Window) -> Option<(f64, Reason)> {
    let peer_is_gone = |last| at.saturating_sub(last) > window.duration;
    match reports {
        Some(Reports::Gone) => Some((LOST, Reason::Rtcp)),
        Some(Reports::Stale) => Some((DRY, Reason::Rtcp)),
        _ if window.total() > 0 => None,
        None if window.last_rtcp.is_some_and(peer_is_gone) => Some((LOST, Reason::Rtcp)),
        _ => Some((DRY, Reason::Dry)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Half the expected bitrate is half of it, with or without a report in each window.
    #[test]
    fn expectations_add_up_while_a_report_is_awaited() {
        let at = Duration::from_secs;
        let config = Config {
            bitrate_score: true,
            ..Config::outbound(8.0)
        };
        let mut scorer = Scorer::new(config, at(0));
        scorer.expect_bitrate(at(0), 80_000);
        let window = |windows: u64, last| Window {
            duration: at(5 * windows),
            packets: 250 * windows,
            sent: 250 * windows,
            bytes: 25_000 * windows,
            last_rtcp: Some(at(last)),
            ..Window::default()
        };
        let half = |outcome| match outcome {
            Outcome::Scored(quality) => quality.parts.map(|parts| parts.bitrate),
            Outcome::Skipped(_) => None,
        };
        let each = half(scorer.update(at(5), &window(1, 4)));
        assert!(each.is_some_and(|score| score < 90.0), "{each:?}");
        assert_eq!(half(scorer.update(at(10), &window(1, 4))), None);
        assert_eq!(half(scorer.update(at(15), &window(2, 14))), each);
        assert_eq!(half(scorer.update(at(20), &window(1, 19))), each);
    }
}
