//! The formulas: what loss, delay, bitrate and layers of a window are worth.
//!
//! Lives here: pure arithmetic, from figures to points. Not here: state, smoothing over windows apart.

use std::time::Duration;

use super::verdict::{FLOOR, Reason};
use super::window::Window;

/// Longest effective delay on the gentle slope, ms.
const GENTLE_DELAY_MS: f64 = 160.0;
/// Points lost per unit of the natural logarithm by which the bitrate falls short.
const BITRATE_SLOPE: f64 = 20.0;
/// Points lost per layer of distance.
const LAYER_SLOPE: f64 = 35.0;

/// Part of the way to a worse score, and to a better one, that one window goes.
const FALL: f64 = 0.8;
const RISE: f64 = 0.4;

/// What each part of a window is worth, from 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Parts {
    /// Loss and delay: `max(0, 100 - delay effect - loss effect)`.
    ///
    /// - effective delay `D` in ms: half the round trip plus twice the jitter, as far as included
    /// - delay effect: `D / 40` up to 160 ms, `(D - 120) / 10` beyond
    /// - loss effect: `losses * 100 / (packets + padding packets) * w`, where losses are
    ///   `max(0, lost - missing - recovered)` and `w` is the loss weight, times
    ///   `sqrt(min(1, rate / usual rate))` if the usual packet rate is known
    pub packet: f64,
    /// Bitrate: `100 - 20 ln(bits expected / bits received)` in 0 to 100; 100 if nothing was expected
    /// or it is switched off, 0 if something was and nothing came.
    pub bitrate: f64,
    /// Layers: `100 - 35 * mean distance to the desired layer`, in 0 to 100.
    pub layer: f64,
}

impl Parts {
    /// The smallest part and its name; of equals packet goes first, then bitrate.
    pub(super) fn worst(&self) -> (f64, Reason) {
        if self.packet <= self.bitrate && self.packet <= self.layer {
            (self.packet, Reason::Packet)
        } else if self.bitrate <= self.layer {
            (self.bitrate, Reason::Bitrate)
        } else {
            (self.layer, Reason::Layer)
        }
    }
}

/// Effective delay, ms.
pub(super) fn effective_delay_ms(rtt: Option<Duration>, jitter: Option<Duration>) -> f64 {
    let ms = |d: Option<Duration>| d.unwrap_or_default().as_secs_f64() * 1e3;
    ms(rtt) / 2.0 + ms(jitter) * 2.0
}

/// Points that loss costs, not bounded. `weights` belong to `layers`, one by one.
///
/// Each layer's losses weigh by its own weight, and all are divided by all packets: with one layer, or
/// with equal weights, this is the plain loss effect.
pub(super) fn loss_effect(layers: &[Window], weights: &[f64]) -> f64 {
    let packets: f64 = layers.iter().map(|w| w.total() as f64).sum();
    let weighed: f64 = layers
        .iter()
        .zip(weights)
        .map(|(layer, weight)| layer.losses() as f64 * 100.0 * weight)
        .sum();
    if packets > 0.0 {
        weighed / packets
    } else {
        0.0
    }
}

pub(super) fn packet_score(delay_ms: f64, loss_effect: f64) -> f64 {
    let delay_effect = if delay_ms <= GENTLE_DELAY_MS {
        delay_ms / 40.0
    } else {
        (delay_ms - 120.0) / 10.0
    };
    (100.0 - delay_effect - loss_effect).max(0.0)
}

/// `expected_bits` over the window; `None` or 0: nothing was expected.
pub(super) fn bitrate_score(expected_bits: Option<f64>, bytes: u64) -> f64 {
    match expected_bits {
        Some(bits) if bits > 0.0 && bytes > 0 => {
            let short = bits / (8.0 * bytes as f64);
            (100.0 - BITRATE_SLOPE * short.ln()).clamp(0.0, 100.0)
        }
        Some(bits) if bits > 0.0 => 0.0,
        _ => 100.0,
    }
}

/// `distance`: mean over the window; `None`: nothing was expected.
pub(super) fn layer_score(distance: Option<f64>) -> f64 {
    (100.0 - LAYER_SLOPE * distance.unwrap_or(0.0)).clamp(0.0, 100.0)
}

/// The score after a window worth `raw`.
pub(super) fn smooth(score: f64, raw: f64) -> f64 {
    let f = if raw < score { FALL } else { RISE };
    (f * raw + (1.0 - f) * score).clamp(FLOOR, 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_slopes_of_delay_meet() {
        let at = |ms| packet_score(ms, 0.0);
        assert_eq!(at(160.0), 96.0);
        assert!((at(160.0 + 1e-9) - 96.0).abs() < 1e-9);
        assert_eq!((at(40.0), at(170.0), at(1e300)), (99.0, 95.0, 0.0));
    }

    #[test]
    fn each_layer_weighs_by_its_own() {
        let layer = |packets, lost| Window {
            packets,
            lost,
            ..Window::default()
        };
        let both = [layer(100, 2), layer(300, 4)];
        assert_eq!(loss_effect(&both, &[10.0, 10.0]), 15.0);
        assert_eq!(loss_effect(&both, &[10.0, 5.0]), 10.0);
        assert_eq!(loss_effect(&[layer(0, 9)], &[10.0]), 0.0);
        let repaired = Window {
            recovered: 50,
            ..layer(100, 2)
        };
        let repairs_no_other = loss_effect(&[repaired, layer(300, 4)], &[10.0, 10.0]);
        assert_eq!(repairs_no_other, 10.0);
    }

    #[test]
    fn an_expectation_of_nothing_is_met_by_nothing() {
        assert_eq!(bitrate_score(None, 0), 100.0);
        assert_eq!(bitrate_score(Some(0.0), 0), 100.0);
        assert_eq!(bitrate_score(Some(1.0), 0), 0.0);
        assert_eq!(bitrate_score(Some(f64::MAX), 1), 0.0);
        assert_eq!(bitrate_score(Some(1e-300), u64::MAX), 100.0);
    }

    #[test]
    fn ties_name_packet_then_bitrate() {
        let worst = |packet, bitrate, layer| {
            Parts {
                packet,
                bitrate,
                layer,
            }
            .worst()
            .1
        };
        assert_eq!(worst(50.0, 50.0, 50.0), Reason::Packet);
        assert_eq!(worst(60.0, 50.0, 50.0), Reason::Bitrate);
        assert_eq!(worst(50.0, 60.0, 50.0), Reason::Packet);
        assert_eq!(worst(60.0, 60.0, 50.0), Reason::Layer);
    }
}
