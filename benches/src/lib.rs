//! The measuring side of media-metrics: contests against the physical floor and the peers, and the
//! checks that keep the hot path free of locked instructions, allocations and system calls.
//!
//! Lives here: what every benchmark shares (`contest`, `race`, `floor`, `packets`, `results`, …) and what
//! the checks share (`disasm`, `callgrind`, `baseline`). Not here: the peers, which only the bench targets
//! know, so that the probes and their checks build without them.
//!
//! Rules of every contest: contenders run in turns within one round, so that a machine that drifts
//! drifts for all; a ratio is taken to the floor *of the same round*; and a contender answers first: a
//! wrong total stops the run, because it is not a time.

pub mod alloc;
pub mod baseline;
pub mod callgrind;
pub mod contest;
pub mod disasm;
pub mod floor;
pub mod machine;
pub mod options;
pub mod packets;
pub mod probe;
pub mod race;
pub mod record;
pub mod results;
pub mod say;
