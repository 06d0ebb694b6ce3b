//! How much there is to carry.
//!
//! Lives here: what the environment's `MEDIA_METRICS_CHAOS_LOAD` says, and what follows from it: built-in streams, room in
//! queues, which scenes run side by side. Not here: what is done meanwhile (the scenes), what must hold (`scene`).
//!
//! Without it, or with `1`, the load is gentle: it leaves two processors time for other tests. Another number stands for
//! so many times the built-in streams, and `full` for what two processors can carry.

use std::env;
use std::time::Duration;

const VARIABLE: &str = "MEDIA_METRICS_CHAOS_LOAD";

/// Built-in streams of the full load, and how many times as long as usual their frames last: the soak's, which are some
/// 99,000 packets a second. One processor carries fewer.
const FULL: u32 = 10_000;
const FULL_ON_ONE: u32 = 4_000;
const STRETCH: u32 = 8;

/// How much there is to carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// So many times the built-in streams that a scene names.
    Times(u32),
    Full,
}

impl Load {
    /// What the environment asks for.
    #[track_caller]
    pub(crate) fn asked() -> Self {
        match env::var(VARIABLE).as_deref() {
            Err(_) => Self::Times(1),
            Ok("full") => Self::Full,
            Ok(times) => {
                let times = times.parse().ok().filter(|times| *times > 0);
                let times = times.unwrap_or_else(|| panic!("{VARIABLE}: a number, or full"));
                Self::Times(times)
            }
        }
    }

    /// Whether it leaves time for others.
    fn is_gentle(self) -> bool {
        self == Self::Times(1)
    }

    /// How many scenes run at once.
    pub(crate) fn at_once(self) -> usize {
        if self.is_gentle() { 2 } else { 1 }
    }

    /// The configuration's built-in streams, in a scene that names so many of them, and has all processors or one.
    pub(crate) fn synthetic(self, named: u32, on_one: bool) -> String {
        let (streams, stretch) = match self {
            Self::Times(times) => (named * times, 1),
            Self::Full if on_one => (FULL_ON_ONE, STRETCH),
            Self::Full => (FULL, STRETCH),
        };
        format!("synthetic: {{streams: {streams}, stretch: {stretch}}}\n")
    }

    /// Bytes of the queue of each of the program's sockets: seconds of it all.
    pub(crate) fn queue(self) -> u32 {
        if self.is_gentle() { 32 << 20 } else { 64 << 20 }
    }

    /// How long the end may take. The documentation says that it is well under a second, and two with pushes. Beside other
    /// tests no processor is to be had at once: there only what hangs is told, which takes for ever.
    pub(crate) fn exit(self) -> Duration {
        Duration::from_secs(if self.is_gentle() { 30 } else { 5 })
    }

    /// Packets enough to see that media flows: a second's.
    pub(crate) fn flow(self) -> u64 {
        match self {
            Self::Times(times) => 3_000 * u64::from(times),
            Self::Full => 100_000,
        }
    }
}
