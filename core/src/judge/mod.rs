//! The quality of live streams: who is scored, what hosts tell of them, and what comes out.
//!
//! Lives here: bringing streams and scorers together. In `control`: mute, pause, expectations, round trips, as
//! hosts tell of them. In `window`: what a stream's numbers make of one window. In `subject`: one scored
//! stream. In `participant`: the worst of several streams. In `registry`: the host's calls. In `books`: what
//! is kept between those and the reporter's ticks. In `judges`: all of them, tick by tick. In `standing`: what the
//! reporter's walk sees of a scored stream. In `metrics`: the families. Not here: the formulas
//! (`quality`), when it is time (`reporter`).
//!
//! Scoring is apart from recording: a stream that nobody scores costs nothing more, and one that is scored
//! costs its packets nothing. The reporter reads the stream's published numbers, as it does for groups.

mod books;
mod control;
mod judges;
mod metrics;
mod participant;
mod registry;
mod standing;
mod subject;
mod window;

pub(crate) use books::Books;
pub use control::QualityControl;
pub(crate) use judges::Judges;
pub(crate) use metrics::with_reason;
pub use participant::{Participant, ParticipantSnapshot};
pub(crate) use standing::Standing;
