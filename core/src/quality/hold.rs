//! Mute, layer mute and pause: when a stream is not judged, and what its score is meanwhile.
//!
//! Lives here: the three states and since when they are over. Not here: what LOST does to them
//! (`scorer`).
//!
//! A state is on or off; saying again what is so already changes nothing. While several are on, the
//! score does not depend on the order in which they began: of a muted stream nothing is expected, so
//! mute and layer mute outweigh pause.

use std::time::Duration;

use super::verdict::{BEST, FLOOR, Reason, Skip};

/// The states of one stream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Holds {
    muted: bool,
    layer_muted: bool,
    paused: bool,
    /// When the last mute or layer mute ended.
    unmuted_at: Option<Duration>,
}

/// One of the states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    Mute,
    LayerMute,
    Pause,
}

impl Holds {
    /// Whether this changed anything.
    pub(super) fn set(&mut self, at: Duration, hold: Hold, on: bool) -> bool {
        let state = match hold {
            Hold::Mute => &mut self.muted,
            Hold::LayerMute => &mut self.layer_muted,
            Hold::Pause => &mut self.paused,
        };
        if *state == on {
            return false;
        }
        *state = on;
        if !on && hold != Hold::Pause {
            self.unmuted_at = self.unmuted_at.max(Some(at));
        }
        true
    }

    /// Why nothing is judged now.
    pub(super) const fn skip(&self) -> Option<Skip> {
        match *self {
            Self { muted: true, .. } => Some(Skip::Muted),
            Self {
                layer_muted: true, ..
            } => Some(Skip::LayerMuted),
            Self { paused: true, .. } => Some(Skip::Paused),
            _ => None,
        }
    }

    /// The score while held, and what it is owed to.
    pub(super) fn score(&self) -> Option<(f64, Option<Reason>)> {
        match self.skip()? {
            Skip::Paused => Some((FLOOR, Some(Reason::Pause))),
            _ => Some((BEST, None)),
        }
    }

    /// Whether the stream was unmuted for more than half of the window of `elapsed` that ends `at`.
    pub(super) fn unmuted_enough(&mut self, at: Duration, elapsed: Duration) -> bool {
        // A time ahead of the window's end must not suppress more than this window.
        self.unmuted_at = self.unmuted_at.map(|t| t.min(at));
        self.unmuted_at
            .is_none_or(|t| (at - t).saturating_mul(2) > elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    #[test]
    fn repeating_changes_nothing() {
        let mut holds = Holds::default();
        for hold in [Hold::Mute, Hold::LayerMute, Hold::Pause] {
            assert!(!holds.set(at(4), hold, false), "{hold:?} was not on");
            assert!(holds.set(at(1), hold, true));
            assert!(!holds.set(at(2), hold, true));
            assert!(holds.set(at(3), hold, false));
        }
        assert!(!holds.unmuted_enough(at(5), at(5)));
        // An unmute every second, with no mute before, once suppressed scoring for ever.
        (4..10).for_each(|s| assert!(!holds.set(at(s), Hold::Mute, false)));
        assert!(holds.unmuted_enough(at(10), at(5)));
    }

    #[test]
    fn the_later_of_both_unmutes_counts() {
        let mut holds = Holds::default();
        holds.set(at(0), Hold::Mute, true);
        holds.set(at(0), Hold::LayerMute, true);
        holds.set(at(3), Hold::Mute, false);
        holds.set(at(1), Hold::LayerMute, false);
        assert!(!holds.unmuted_enough(at(6), at(6)), "exactly half");
        assert!(holds.unmuted_enough(at(7), at(7)));
    }

    #[test]
    fn an_unmute_from_the_future_costs_one_window() {
        let mut holds = Holds::default();
        holds.set(at(0), Hold::Mute, true);
        holds.set(Duration::MAX, Hold::Mute, false);
        assert!(!holds.unmuted_enough(at(5), at(5)));
        assert!(holds.unmuted_enough(at(10), at(5)));
    }
}
