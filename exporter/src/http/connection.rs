//! What each open connection is doing, and when it has done so for too long.
//!
//! Lives here: the phases of a connection, the table of all of them, who gives way when it is full. Not
//! here: sockets (`io`, `serve`), HTTP (`routes`).
//!
//! A connection goes `Reading → Answering → Waiting → Reading → …`, and while events are told `Answering → Listening →
//! Answering → …`. It starts as `Reading`, so that one
//! that never says a word is closed as soon as one that never finishes its headers. Each phase has a
//! time limit that progress doesn't extend.
//!
//! Everything runs on the server's one thread: cells, no locks.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::limits::Limits;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The server waits for a request to be complete.
    Reading,
    /// An answer is being written.
    Answering,
    /// The last answer is written, the next request has not begun.
    Waiting,
    /// All events so far are written. This may last for ever.
    Listening,
}

impl Phase {
    /// Whether an answer has begun and not ended.
    const fn is_answer(self) -> bool {
        matches!(self, Self::Answering | Self::Listening)
    }
}

/// Why the server ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It stayed in this phase for longer than is allowed.
    TooLong(Phase),
    /// It made room for another.
    GaveWay,
    /// The server stops.
    Stopping,
}

/// One connection's phase.
#[derive(Debug)]
pub(super) struct Activity {
    phase: Cell<Phase>,
    since: Cell<Instant>,
    /// Of the phase `Answering`: the response is still being made, so that nothing written is its end.
    making: Cell<bool>,
    /// The response is one of events, which goes on when all that there is of it is written.
    endless: Cell<bool>,
    /// And the answer before it was not taken yet when it was asked for.
    behind: Cell<bool>,
    ending: Cell<Option<Ending>>,
    changed: Notify,
}

impl Activity {
    fn new() -> Self {
        Self {
            phase: Cell::new(Phase::Reading),
            since: Cell::new(Instant::now()),
            making: Cell::new(false),
            endless: Cell::new(false),
            behind: Cell::new(false),
            ending: Cell::new(None),
            changed: Notify::new(),
        }
    }

    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.since.set(Instant::now());
        self.changed.notify_one();
    }

    /// Bytes came in.
    pub(super) fn received(&self) {
        if self.phase.get() == Phase::Waiting {
            self.enter(Phase::Reading);
        }
    }

    /// A request is complete. One that was sent before the last answer was taken gains no time until it is.
    pub(super) fn requested(&self) {
        self.making.set(true);
        if self.phase.get() == Phase::Answering {
            self.behind.set(true);
        } else {
            self.enter(Phase::Answering);
        }
    }

    /// The response is made: what is to be written from here on is the answer. One that is `endless` goes on until it
    /// has [`ended`](Self::ended).
    pub(super) fn made(&self, endless: bool) {
        self.making.set(false);
        self.endless.set(endless);
    }

    /// An endless response goes on: what is written from here on has its time.
    pub(super) fn wrote(&self) {
        if self.phase.get() == Phase::Listening {
            self.enter(Phase::Answering);
        }
    }

    /// An endless response has come to its end, of which the last words are yet to be written.
    pub(super) fn ended(&self) {
        self.endless.set(false);
        self.wrote();
    }

    /// All that was to be written has been written.
    pub(super) fn drained(&self) {
        if self.phase.get() != Phase::Answering {
            return;
        }
        if !self.making.get() {
            self.behind.set(false);
            self.enter(match self.endless.get() {
                true => Phase::Listening,
                false => Phase::Waiting,
            });
        } else if self.behind.take() {
            self.enter(Phase::Answering); // to the request that came before
        }
    }

    fn end(&self, why: Ending) {
        self.ending.set(Some(why));
        self.changed.notify_one();
    }

    /// Waits until the connection has to be closed, and says why. A stopping server lets an answer
    /// that has begun be written to its end.
    pub(super) async fn over(&self, limits: &Limits) -> Ending {
        loop {
            let phase = self.phase.get();
            match self.ending.get() {
                Some(Ending::Stopping) if phase.is_answer() => {}
                Some(why) => return why,
                None => {}
            }
            let limit = match phase {
                Phase::Reading => limits.header_timeout,
                Phase::Answering => limits.write_timeout,
                Phase::Waiting => limits.keep_alive,
                Phase::Listening => {
                    self.changed.notified().await;
                    continue;
                }
            };
            let left = limit.saturating_sub(self.since.get().elapsed());
            if left == Duration::ZERO {
                return Ending::TooLong(phase);
            }
            // A change that came before this wait is remembered; after a timeout the loop looks again.
            let _ = timeout(left, self.changed.notified()).await;
        }
    }
}

/// All open connections.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// By order of arrival.
    open: RefCell<BTreeMap<u64, Rc<Activity>>>,
    next: Cell<u64>,
    emptied: Notify,
}

impl Table {
    /// Takes a connection in. If `max` are open, the one that has been without a request for longest
    /// gives way; `None` if all of them are being answered.
    ///
    /// Costs a walk over all connections when full, and only then.
    pub(super) fn admit(self: &Rc<Self>, max: usize) -> Option<Admission> {
        let mut gave_way = false;
        if self.open.borrow().len() >= max {
            let id = self.longest_without_request()?;
            if let Some(activity) = self.open.borrow_mut().remove(&id) {
                activity.end(Ending::GaveWay);
            }
            gave_way = true;
        }
        let id = self.next.get();
        self.next.set(id + 1);
        let activity = Rc::new(Activity::new());
        self.open.borrow_mut().insert(id, Rc::clone(&activity));
        let seat = Seat {
            table: Rc::clone(self),
            id,
            activity,
        };
        Some(Admission { seat, gave_way })
    }

    fn longest_without_request(&self) -> Option<u64> {
        let open = self.open.borrow();
        let idle = open.iter().filter(|(_, a)| !a.phase.get().is_answer());
        idle.min_by_key(|(_, a)| a.since.get()).map(|(&id, _)| id)
    }

    /// Ends every connection: one that is being answered after its answer, every other now.
    pub(super) fn stop(&self) {
        for activity in self.open.borrow().values() {
            activity.end(Ending::Stopping);
        }
    }

    /// Waits until no connection is open.
    pub(super) async fn empty(&self) {
        while !self.open.borrow().is_empty() {
            self.emptied.notified().await;
        }
    }
}

/// A connection that was let in.
#[derive(Debug)]
pub(super) struct Admission {
    pub(super) seat: Seat,
    /// Whether another had to give way for it.
    pub(super) gave_way: bool,
}

/// A connection's place in the table; dropping it leaves the table.
#[derive(Debug)]
pub(super) struct Seat {
    table: Rc<Table>,
    id: u64,
    pub(super) activity: Rc<Activity>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.table.open.borrow_mut();
        open.remove(&self.id);
        if open.is_empty() {
            self.table.emptied.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::race::{Race, race};
    use super::*;

    /// A runtime whose clock moves only when everybody waits.
    fn run<F: Future>(test: F) -> F::Output {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().start_paused(true);
        runtime.build().unwrap().block_on(test)
    }

    fn limits() -> Limits {
        Limits {
            header_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(20),
            keep_alive: Duration::from_secs(90),
            ..Limits::default()
        }
    }

    /// Why a connection ended, and after how many seconds.
    async fn ends(activity: &Activity) -> (Ending, u64) {
        let start = Instant::now();
        let why = activity.over(&limits()).await;
        (why, start.elapsed().as_secs())
    }

    #[test]
    fn each_phase_has_its_own_limit() {
        run(async {
            let silent = Activity::new();
            assert_eq!(ends(&silent).await, (Ending::TooLong(Phase::Reading), 5));
            let slow = Activity::new();
            slow.requested();
            assert_eq!(ends(&slow).await, (Ending::TooLong(Phase::Answering), 20));
            let idle = Activity::new();
            idle.requested();
            idle.drained(); // of nothing: the response is being made
            idle.made(false);
            idle.drained();
            assert_eq!(ends(&idle).await, (Ending::TooLong(Phase::Waiting), 90));
            let half_a_request = Activity::new();
            half_a_request.requested();
            half_a_request.made(false);
            half_a_request.drained();
            half_a_request.received();
            let end = (Ending::TooLong(Phase::Reading), 5);
            assert_eq!(ends(&half_a_request).await, end);
        });
    }

    #[test]
    fn a_trickle_gains_no_time() {
        run(async {
            let activity = Rc::new(Activity::new());
            let trickle = async {
                for _ in 0..100 {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    activity.received(); // a byte of the header
                }
            };
            let end = race(ends(&activity), trickle).await;
            let too_long = (Ending::TooLong(Phase::Reading), 5);
            assert_eq!(end, Race::First(too_long));

            let pipelined = Activity::new();
            pipelined.requested();
            tokio::time::sleep(Duration::from_secs(15)).await;
            pipelined.requested(); // the next one, while the answer to the last is not taken
            let end = (Ending::TooLong(Phase::Answering), 5);
            assert_eq!(ends(&pipelined).await, end);

            let taken = Activity::new();
            for _ in 0..2 {
                taken.requested();
                tokio::time::sleep(Duration::from_secs(15)).await;
            }
            for _ in 0..2 {
                taken.drained(); // the first time it is the last answer's end, then it is nothing's
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
            let end = (Ending::TooLong(Phase::Answering), 10);
            assert_eq!(ends(&taken).await, end);
        });
    }

    #[test]
    fn events_have_their_time_each_and_listening_lasts() {
        run(async {
            let activity = Rc::new(Activity::new());
            activity.requested();
            activity.made(true);
            let told = async {
                for _ in 0..10 {
                    activity.drained();
                    tokio::time::sleep(Duration::from_secs(1_000)).await;
                    activity.wrote();
                    tokio::time::sleep(Duration::from_secs(19)).await;
                    activity.wrote(); // more of it: no more time
                }
                std::future::pending::<()>().await;
            };
            let end = race(ends(&activity), told).await;
            let slow = Ending::TooLong(Phase::Answering);
            assert_eq!(end, Race::First((slow, 10 * 1_019 + 1)));
        });
    }

    #[test]
    fn a_listener_gives_way_to_nobody_and_ends_with_its_events() {
        run(async {
            let table = Rc::new(Table::default());
            let listener = table.admit(1).unwrap().seat;
            listener.activity.requested();
            listener.activity.made(true);
            listener.activity.drained();
            assert!(table.admit(1).is_none());
            table.stop();
            let last_words = async {
                tokio::time::sleep(Duration::from_secs(2)).await;
                listener.activity.ended();
                tokio::time::sleep(Duration::from_secs(1)).await;
                listener.activity.drained();
                std::future::pending::<()>().await;
            };
            let end = race(ends(&listener.activity), last_words).await;
            assert_eq!(end, Race::First((Ending::Stopping, 3)));
        });
    }

    #[test]
    fn the_longest_without_a_request_gives_way_and_the_answered_never() {
        run(async {
            let table = Rc::new(Table::default());
            let mut seats = Vec::new();
            for _ in 0..3 {
                let admission = table.admit(3).unwrap();
                assert!(!admission.gave_way);
                seats.push(admission.seat);
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            seats[0].activity.requested();

            let fourth = table.admit(3).unwrap();
            assert!(fourth.gave_way);
            assert_eq!(ends(&seats[1].activity).await, (Ending::GaveWay, 0));
            assert_eq!(table.open.borrow().len(), 3, "its place is free at once");

            seats[2].activity.requested();
            fourth.seat.activity.requested();
            assert!(table.admit(3).is_none(), "all are being answered");
            seats[0].activity.made(false);
            seats[0].activity.drained();
            assert!(table.admit(3).unwrap().gave_way);
            assert_eq!(ends(&seats[0].activity).await, (Ending::GaveWay, 0));
        });
    }

    #[test]
    fn stopping_waits_for_answers_only() {
        run(async {
            let table = Rc::new(Table::default());
            let [idle, busy] = [table.admit(9).unwrap().seat, table.admit(9).unwrap().seat];
            busy.activity.requested();
            table.stop();
            assert_eq!(ends(&idle.activity).await, (Ending::Stopping, 0));
            drop(idle);
            let answer = async {
                tokio::time::sleep(Duration::from_secs(3)).await;
                busy.activity.made(false);
                busy.activity.drained();
                std::future::pending::<()>().await;
            };
            let end = race(ends(&busy.activity), answer).await;
            assert_eq!(end, Race::First((Ending::Stopping, 3)));
            drop(busy);
            table.empty().await;
        });
    }
}
