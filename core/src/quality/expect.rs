//! What was expected of a window: bitrate and layer distance, as step functions of time.
//!
//! Lives here: the integral of a step function, and the distance between two layers. Not here: what a
//! shortfall costs (`parts`).

use std::time::Duration;

/// Largest layer distance that is taken; a larger one counts as this. Three layers cost all points.
pub const MAX_LAYER_DISTANCE: f64 = 16.0;

/// A value that holds until the next one, and its integral since the last window.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Steps {
    value: Option<f64>,
    /// When `value` was set.
    set_at: Duration,
    /// Up to where `integral` reaches.
    upto: Duration,
    /// Of the value over the seconds in `covered`.
    integral: f64,
    covered: Duration,
}

/// What a window's steps came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Expected {
    /// Value times seconds.
    pub(super) sum: f64,
    /// Time-weighted, over the part of the window in which there was a value.
    pub(super) mean: f64,
}

impl Steps {
    pub(super) fn new(at: Duration) -> Self {
        Self {
            set_at: Duration::ZERO,
            upto: at,
            ..Self::default()
        }
    }

    /// `value` holds from `at` on. False, and nothing is done, if a later one was set before. A value
    /// that comes after the end of its window counts from the start of the next.
    pub(super) fn set(&mut self, at: Duration, value: f64) -> bool {
        if at < self.set_at || value.is_nan() {
            return false;
        }
        self.set_at = at;
        self.advance(at);
        self.value = Some(value.max(0.0));
        true
    }

    /// What has been gathered since the last window; the value is carried over. `None` if there was no
    /// value for any of the time.
    pub(super) fn end_window(&mut self, at: Duration) -> Option<Expected> {
        self.advance(at);
        let seconds = self.covered.as_secs_f64();
        let expected = (seconds > 0.0).then(|| Expected {
            sum: self.integral,
            mean: self.integral / seconds,
        });
        self.integral = 0.0;
        self.covered = Duration::ZERO;
        // A time ahead of the window's end must not block what follows.
        self.upto = at;
        self.set_at = self.set_at.min(at);
        expected
    }

    /// Nothing is expected any more.
    pub(super) fn clear(&mut self, at: Duration) {
        *self = Self {
            set_at: self.set_at.max(at),
            ..Self::new(self.upto.max(at))
        };
    }

    fn advance(&mut self, at: Duration) {
        let step = at.saturating_sub(self.upto);
        if let Some(value) = self.value {
            self.integral += value * step.as_secs_f64();
            self.covered = self.covered.saturating_add(step);
        }
        self.upto = self.upto.max(at);
    }
}

/// A spatial and a temporal layer, each from 0 upwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Layer {
    /// Resolution.
    pub spatial: u8,
    /// Frame rate.
    pub temporal: u8,
}

/// How many layers `received` is short of `desired`.
///
/// A spatial layer counts 1, a temporal one a part of it: `1 / temporal_layers`, where
/// `temporal_layers` is how many the stream has (0 counts as 1). Receiving nothing is one temporal layer
/// worse than receiving the lowest layers. Receiving more than desired is no distance.
///
/// ```
/// use media_metrics_core::quality::{Layer, layer_distance};
/// let desired = Layer { spatial: 2, temporal: 2 };
/// let received = Layer { spatial: 1, temporal: 1 };
/// assert_eq!(layer_distance(desired, Some(received), 4), 1.25);
/// assert_eq!(layer_distance(desired, None, 4), 2.75);
/// ```
#[must_use]
pub fn layer_distance(desired: Layer, received: Option<Layer>, temporal_layers: u8) -> f64 {
    let short = |want: u8, have: u8| f64::from(want) - f64::from(have);
    let have = received.unwrap_or_default();
    let nothing = if received.is_none() { 1.0 } else { 0.0 };
    let temporal = short(desired.temporal, have.temporal) + nothing;
    let distance =
        short(desired.spatial, have.spatial) + temporal / f64::from(temporal_layers.max(1));
    distance.max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn steps_are_weighed_by_time_and_carried_over() {
        let mut steps = Steps::new(ms(0));
        assert_eq!(steps.end_window(ms(1_000)), None);
        assert!(steps.set(ms(2_000), 2.0));
        assert!(steps.set(ms(3_000), 6.0));
        let first = steps.end_window(ms(4_000)).unwrap();
        assert_eq!((first.sum, first.mean), (8.0, 4.0));
        assert_eq!(steps.end_window(ms(6_000)).unwrap().sum, 12.0);
        steps.clear(ms(6_500));
        assert_eq!(steps.end_window(ms(8_000)), None);
    }

    #[test]
    fn older_values_and_no_numbers_are_refused() {
        let mut steps = Steps::new(ms(0));
        assert!(steps.set(ms(2_000), 1.0));
        assert!(!steps.set(ms(1_999), 9.0));
        assert!(!steps.set(ms(3_000), f64::NAN));
        assert!(steps.set(ms(2_000), -7.0), "the same time is not older");
        assert_eq!(steps.end_window(ms(4_000)).unwrap().sum, 0.0);
        steps.clear(ms(5_000));
        assert!(!steps.set(ms(4_999), 1.0), "it would undo the clearing");
    }

    #[test]
    fn a_value_from_the_future_blocks_one_window_at_most() {
        let mut steps = Steps::new(ms(0));
        assert!(steps.set(Duration::MAX, 1.0));
        assert_eq!(steps.end_window(ms(5_000)), None);
        assert!(steps.set(ms(5_000), 3.0));
        assert_eq!(steps.end_window(ms(6_000)).unwrap().mean, 3.0);
    }

    #[test]
    #[cfg_attr(miri, ignore = "plain arithmetic, ten thousand steps")]
    fn fractions_of_a_bit_are_kept() {
        let mut steps = Steps::new(ms(0));
        (0..10_000).for_each(|i| assert!(steps.set(ms(i), 999.0)));
        let sum = steps.end_window(ms(10_000)).unwrap().sum;
        assert!(
            (sum - 9_990.0).abs() < 1e-6,
            "{sum}: each step is 0.999 bits"
        );
    }

    #[test]
    fn distance_counts_whole_and_partial_layers() {
        let layer = |spatial, temporal| Layer { spatial, temporal };
        let to = |received| layer_distance(layer(2, 2), received, 3);
        assert_eq!(to(Some(layer(2, 2))), 0.0);
        assert_eq!(to(Some(layer(0, 2))), 2.0);
        assert_eq!(to(None), 3.0);
        assert_eq!(to(Some(layer(3, 3))), 0.0);
        assert_eq!(layer_distance(layer(0, 1), None, 0), 2.0);
    }
}
