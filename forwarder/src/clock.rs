//! The forwarder's clock: monotonic nanoseconds, and kernel receive stamps brought onto it.
//!
//! Lives here: the only place of the data path that reads a clock. Not here: what the times mean.

use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};

const NANOS: i64 = 1_000_000_000;

/// A stamp further back than this is not a packet that waited: somebody set the wall clock.
const MAX_AGE: u64 = 10_000_000_000;

/// Monotonic time now, in nanoseconds since some moment before the process started.
#[must_use]
pub(crate) fn monotonic_ns() -> u64 {
    read(ClockId::CLOCK_MONOTONIC)
}

/// The two clocks at (nearly) the same moment: what a batch needs to turn its packets' receive
/// stamps, which the kernel takes from the wall clock, into monotonic arrival times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Monotonic nanoseconds.
    pub monotonic: u64,
    /// Nanoseconds since 1970.
    pub wall: u64,
}

impl Moment {
    /// Reads both clocks: two vDSO calls, no system call.
    #[must_use]
    pub(crate) fn now() -> Self {
        Self {
            wall: read(ClockId::CLOCK_REALTIME),
            monotonic: monotonic_ns(),
        }
    }

    /// Reads only the monotonic clock: for batches without stamps, whose packets all count as having
    /// arrived now.
    #[must_use]
    pub(crate) fn without_stamps() -> Self {
        Self {
            wall: 0,
            monotonic: monotonic_ns(),
        }
    }

    /// The monotonic time of a wall-clock stamp taken shortly before this moment.
    ///
    /// A stamp from the future, or from long ago, means that the wall clock was set in between: then
    /// the packet counts as having arrived now.
    #[must_use]
    pub(crate) const fn monotonic_of(self, wall_stamp: u64) -> u64 {
        match self.wall.checked_sub(wall_stamp) {
            Some(age) if age <= MAX_AGE => self.monotonic.saturating_sub(age),
            _ => self.monotonic,
        }
    }
}

/// A kernel stamp as nanoseconds since 1970; nothing below zero.
#[must_use]
pub(crate) fn stamp_ns(stamp: TimeSpec) -> u64 {
    let ns = stamp.tv_sec().saturating_mul(NANOS) + stamp.tv_nsec();
    u64::try_from(ns).unwrap_or(0)
}

/// These two clocks exist on every Linux, so the zero for "no such clock" is never seen.
fn read(clock: ClockId) -> u64 {
    clock_gettime(clock).map_or(0, stamp_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_brought_onto_the_monotonic_clock() {
        let now = Moment {
            monotonic: 20_000_000_000,
            wall: 1_700_000_000_000_000_000,
        };
        assert_eq!(now.monotonic_of(now.wall), now.monotonic);
        assert_eq!(now.monotonic_of(now.wall - 1_500), now.monotonic - 1_500);
        assert_eq!(
            now.monotonic_of(now.wall - MAX_AGE),
            now.monotonic - MAX_AGE
        );
        // No stamps: the socket gives zero, and zero is what the wall clock was taken for.
        let blind = Moment { wall: 0, ..now };
        assert_eq!(blind.monotonic_of(0), now.monotonic);
        // The wall clock was set back, or forward, between arrival and reading.
        assert_eq!(now.monotonic_of(now.wall + 1), now.monotonic);
        assert_eq!(now.monotonic_of(now.wall - MAX_AGE - 1), now.monotonic);
    }

    #[test]
    fn the_clock_runs() {
        let first = Moment::now();
        let second = Moment::now();
        assert!(first.monotonic > 0 && first.wall > 0);
        assert!(second.monotonic >= first.monotonic);
    }
}
