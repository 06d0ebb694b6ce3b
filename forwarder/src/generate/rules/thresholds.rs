//! From when on somebody is told.
//!
//! Lives here: the shares that alerts fire at, which dashboards paint red and the reference says to worry at. Not here: over
//! which windows, for how long, and of how many events at least (`alerts`). Where there are two, it warns from the first
//! on, and is critical from the second.

/// Share of packets lost: about what concealment hides, and what is heard in spite of it.
pub const LOSS: [f64; 2] = [0.05, 0.1];
/// What forwarding may take, in seconds: a bound of ours and, in nanoseconds, of LiveKit's.
pub const SLOW: f64 = 0.01;
/// Share of packets that take longer than [`SLOW`].
pub const SLOW_SHARE: [f64; 2] = [0.01, 0.1];
/// Share of ratings that are poor or lost.
pub const BADLY_OFF: [f64; 2] = [0.2, 0.5];
/// Share of joins that fail.
pub const JOINS_FAILED: [f64; 2] = [0.1, 0.5];
/// Share of datagrams that are turned away.
pub const REJECTED: f64 = 0.05;
/// Share of packets that can't be sent.
pub const SEND_ERRORS: f64 = 0.01;
/// Share of time in which a merge is overdue.
pub const OVERDUE: f64 = 0.25;
/// Share of attempts to push that fail.
pub const PUSH_FAILED: f64 = 0.5;
/// Snapshots missed, a second.
pub const SNAPSHOTS_MISSED: f64 = 0.01;
/// Share of connections to the metrics server that are refused.
pub const REFUSED: f64 = 0.1;
