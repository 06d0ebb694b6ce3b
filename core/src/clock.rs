//! The library's own time line.
//!
//! Lives here: the time since the library was first used, for events that hosts tell of without a time.
//! Not here: arrival times, which are the host's.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Now, since the first call.
pub(crate) fn uptime() -> Duration {
    uptime_at(Instant::now())
}

/// `now`, since the first call; 0 for a time before it.
pub(crate) fn uptime_at(now: Instant) -> Duration {
    now.saturating_duration_since(*START)
}
