//! What the host tells of a scored stream, and what it can ask.
//!
//! Lives here: the host's handle. Not here: what an event does to a score (`quality`).
//!
//! Events are rare (people mute, layers switch), so they take a lock that nothing of the packet path ever
//! takes; the reporter holds it for as long as it takes to copy a few dozen bytes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::uptime;
use crate::quality::Quality;

/// Events that wait for the reporter. Beyond this the oldest are forgotten, counted: nobody mutes so often.
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

/// What handle and reporter share.
#[derive(Debug, Default)]
pub(crate) struct Board {
    events: VecDeque<(Duration, Event)>,
    forgotten: u64,
    rtt: Duration,
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
        if board.events.len() == WAITING {
            board.events.pop_front();
            board.forgotten += 1;
        }
        board.events.push_back((at, event));
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
        self.board().rtt = rtt;
    }

    /// The quality as of the last window or event that the reporter has seen; `None` before the first tick.
    #[must_use]
    pub fn quality(&self) -> Option<Quality> {
        self.board().quality
    }

    /// Events that were forgotten, because more than 64 came between two ticks.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.board().forgotten
    }

    /// Reporter only: takes the events, and the round trip.
    pub(crate) fn take(&self) -> (VecDeque<(Duration, Event)>, Duration) {
        let mut board = self.board();
        (std::mem::take(&mut board.events), board.rtt)
    }

    /// Reporter only.
    pub(crate) fn publish(&self, quality: Quality) {
        self.board().quality = Some(quality);
    }
}
