//! The worst streams and groups of each interval: insight into single streams without a series for each.
//!
//! Lives here: what a stream or group amounts to in one interval (`figures`), which are worse than others
//! (`ranking`), and showing the first few of them: as slots of bounded families (`slots`) and as values
//! (`board`). Not here: reading streams (`reporter::fold`, `reporter::fold_senders`), scoring (`judge`).
//!
//! # Which are worst
//! By score, lowest first. A stream that is not judged stands where one with the score of 100 less its loss in
//! percent does. Of equals the one that lost more is worse, then the one with more jitter, then the received one,
//! then the one that is there longer. So streams that nobody judges are in the order of their losses, then of
//! their jitter.
//!
//! In the running are streams with news since the merge before (packets, or a receiver's report), and judged ones
//! whatever they do: silence is what makes some of them bad. Streams that ended are not. Groups are in the running
//! while a stream of theirs is.
//!
//! # Slots
//! A slot is a rank in one interval: 0 is the worst. There is no hysteresis: what stands in a slot is what was so
//! in that interval, and an alert can be held with `for`. A slot without a stream has no series; when one changes
//! hands, its info series is removed and another made. So there are never more series than slots, whatever the
//! number of streams.

mod board;
mod figures;
mod ranking;
mod slots;

pub(crate) use board::{Board, GroupSum, Who};
pub use board::{Direction, Worst, WorstGroup, WorstStream, group_name};
pub use figures::Figures;
pub(crate) use figures::Recent;
pub(crate) use ranking::Kept;

/// Largest number of slots, of streams and as many of groups.
pub(crate) const MAX_SLOTS: usize = 100;

/// Slots of a registry that is told nothing else.
pub(crate) const DEFAULT_SLOTS: usize = 10;
