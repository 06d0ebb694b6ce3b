//! What the host tells of a scored stream, and what it can ask.
//!
//! Lives here: the host's handle. Not here: what an event does to a score (`quality`).
//!
//! Events are rare (people mute, layers switch), so they take a lock that nothing of the packet path ever
//! takes; the reporter holds it for as long as it takes to copy a few dozen bytes.

use std::collections::VecDeque;
use std::mem::discriminant;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::uptime;
use crate::quality::Quality;

/// Events that wait for the reporter. Beyond this some are forgotten, counted: nobody mutes so often.
const WAITING: usize = 64;

/// What happened, and when, on the library's time line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Event {
    Muted(bool),
    LayerMuted(bool),
    Paused(bool),
    Bitrate(u64),
    LayerDistance(f64),
}

impl Event {
    /// Whether it says what is expected: of those only the newest is needed, the others refine the window.
    const fn is_expectation(self) -> bool {
        matches!(self, Self::Bitrate(_) | Self::LayerDistance(_))
    }

    fn is_like(self, other: Self) -> bool {
        discriminant(&self) == discriminant(&other)
    }
}

/// What the host told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Since the reporter took them last, in order.
    pub(super) events: VecDeque<(Duration, Event)>,
    pub(super) rtt: Duration,
    pub(super) feed_jitter: Duration,
}

impl Told {
    /// Forgets the oldest event that a later one of its kind makes up for: of expectations, or else of any.
    /// What was said last of each kind is never forgotten.
    fn make_room(&mut self) {
        let outdated = |all: bool| {
            let mut events = self.events.iter().enumerate();
            events.position(|(at, (_, event))| {
                let mut later = self.events.range(at + 1..);
                (all || event.is_expectation()) && later.any(|(_, other)| event.is_like(*other))
            })
        };
        if let Some(at) = outdated(false).or_else(|| outdated(true)) {
            self.events.remove(at);
        }
    }
}

/// What handle and reporter share.
#[derive(Debug, Default)]
pub(crate) struct Board {
    told: Told,
    forgotten: u64,
    quality: Option<Quality>,
}

/// A scored stream, as the host sees it: made by [`Registry::judge`](crate::Registry::judge) and
/// [`Registry::judge_sender`](crate::Registry::judge_sender).
///
/// Cheap to clone. Scoring goes on as long as the stream lives, whether or not a handle does.
///
/// - **Time**: an event counts from the moment of the call.
/// - **Errors, panics**: none.
#[derive(Clone, Debug)]
pub struct QualityControl {
    board: Arc<Mutex<Board>>,
}

impl QualityControl {
    pub(crate) fn new() -> Self {
        Self {
            board: Arc::new(Mutex::new(Board::default())),
        }
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        // Whole between any two statements: nothing in here panics.
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, event: Event) {
        let at = uptime();
        let mut board = self.board();
        if board.told.events.len() == WAITING {
            board.told.make_room();
            board.forgotten += 1;
        }
        board.told.events.push_back((at, event));
    }

    /// The source was muted or unmuted. Muted, the score is 100, but for a LOST stream.
    pub fn set_muted(&self, on: bool) {
        self.tell(Event::Muted(on));
    }

    /// No layer is wanted any more, or one is again.
    pub fn set_layer_muted(&self, on: bool) {
        self.tell(Event::LayerMuted(on));
    }

    /// The stream was paused for want of bandwidth, or resumed.
    pub fn set_paused(&self, on: bool) {
        self.tell(Event::Paused(on));
    }

    /// From now on, so many bits per second are expected. Only counts if the scorer's
    /// [`bitrate_score`](crate::quality::Config::bitrate_score) is on.
    pub fn expect_bitrate(&self, bits_per_second: u64) {
        self.tell(Event::Bitrate(bits_per_second));
    }

    /// From now on, what is received is so many layers short of what is desired: see
    /// [`layer_distance`](crate::quality::layer_distance).
    pub fn expect_layer_distance(&self, layers: f64) {
        self.tell(Event::LayerDistance(layers));
    }

    /// The round trip to the peer, as measured elsewhere: of a stream received here, what its sender's
    /// other reports say. (A stream sent from here knows its own.)
    pub fn set_rtt(&self, rtt: Duration) {
        self.board().told.rtt = rtt;
    }

    /// The jitter that a stream sent from here had already when it came in. It is taken off what the
    /// receiver reports, so that this path is judged by what it adds. (Of a stream received here, its own
    /// jitter is measured, and this changes nothing.)
    pub fn set_feed_jitter(&self, jitter: Duration) {
        self.board().told.feed_jitter = jitter;
    }

    /// The quality as of the last window or event that the reporter has seen; `None` before the first of
    /// either.
    #[must_use]
    pub fn quality(&self) -> Option<Quality> {
        self.board().quality
    }

    /// Events that were forgotten, because more than 64 came between two ticks: expectations first, and
    /// never the last of its kind, so that no mute or pause goes on for ever.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.board().forgotten
    }

    /// Reporter only: takes the events, and a copy of what holds on.
    pub(crate) fn take(&self) -> Told {
        let mut board = self.board();
        Told {
            events: std::mem::take(&mut board.told.events),
            ..board.told
        }
    }

    /// Reporter only.
    pub(crate) fn publish(&self, quality: Quality) {
        self.board().quality = Some(quality);
    }
}
