//! From when on one should worry: the same limits on every dashboard, and where they come from.
//!
//! Lives here: steps of colour; red is what an alert fires at, where there is one. Not here: when that is (`rules::thresholds`).

use super::model::Steps;
use crate::generate::rules::thresholds;

/// Share of packets lost: what concealment hides, and what nobody misses hearing.
pub(super) const LOSS: Steps = &[(0.01, "orange"), (thresholds::LOSS[0], "red")];

/// The same in percent.
pub(super) const LOSS_PERCENT: Steps = &[(1.0, "orange"), (100.0 * thresholds::LOSS[0], "red")];

/// Mean opinion score, from red: nearly all users, many, some dissatisfied, satisfied (ITU-T G.107 table B.1).
pub(super) const MOS: Steps = &[(3.1, "orange"), (3.6, "yellow"), (4.03, "green")];

/// Quality score, from red: the bounds between the ratings lost, poor, good and excellent.
pub(super) const SCORE: Steps = &[(20.0, "orange"), (40.0, "yellow"), (80.0, "green")];

/// Round trip in seconds: twice the one-way delays of ITU-T G.114, all but unnoticed and hardly bearable.
pub(super) const ROUND_TRIP: Steps = &[(0.3, "orange"), (0.8, "red")];

/// The same in milliseconds.
pub(super) const ROUND_TRIP_MS: Steps = &[(300.0, "orange"), (800.0, "red")];

/// Jitter in seconds: more than common jitter buffers begin with, and more than they grow to.
pub(super) const JITTER: Steps = &[(0.03, "orange"), (0.1, "red")];

/// The same in microseconds.
pub(super) const JITTER_US: Steps = &[(30_000.0, "orange"), (100_000.0, "red")];

/// Forwarding time in seconds of the slowest in a hundred: a frame of audio lasts twice as long.
pub(super) const FORWARDING: Steps = &[(0.005, "orange"), (thresholds::SLOW, "red")];

/// The same in nanoseconds.
pub(super) const FORWARDING_NS: Steps = &[(5e6, "orange"), (1e9 * thresholds::SLOW, "red")];

/// Share of something finite in use.
pub(super) const USE: Steps = &[(0.7, "orange"), (0.9, "red")];

/// Share of what should be all of it.
pub(super) const ALL: Steps = &[(0.9, "orange"), (0.99, "green")];

/// Share of attempts that fail.
pub(super) const FAILURES: Steps = &[(0.01, "orange"), (0.05, "red")];

/// Share of joins that fail.
pub(super) const JOINS: Steps = &[(0.02, "orange"), (thresholds::JOINS_FAILED[0], "red")];

/// Share of participants that are badly off.
pub(super) const UNHAPPY: Steps = &[(0.05, "orange"), (thresholds::BADLY_OFF[0], "red")];

/// How late a merge is, in seconds: a second is a whole interval.
pub(super) const LATE: Steps = &[(0.1, "orange"), (1.0, "red")];

/// How long a merge takes, in seconds.
pub(super) const MERGE: Steps = &[(0.1, "orange"), (0.5, "red")];

/// How long an answer of an API takes, in milliseconds.
pub(super) const ANSWER_MS: Steps = &[(500.0, "orange"), (2_000.0, "red")];

/// How long somebody waits to be let in, in milliseconds.
pub(super) const JOIN_MS: Steps = &[(1_000.0, "orange"), (5_000.0, "red")];

/// Seconds since something that happens all the time.
pub(super) const SILENCE: Steps = &[(60.0, "orange"), (300.0, "red")];

/// What should never happen, a second.
pub(super) const ANY: Steps = &[(1e-6, "red")];

/// Ratings, in the colours of what they are worth.
pub(super) const RATINGS: &[(&str, &str)] = &[
    ("excellent", "green"),
    ("good", "yellow"),
    ("poor", "orange"),
    ("lost", "red"),
];
