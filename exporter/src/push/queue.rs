//! Batches that wait for the network.
//!
//! Lives here: the bound, what goes when it is met, how both sides wait for each other, and which of them counts what a
//! stop cuts off. Not here: what a batch is, the counters (`telemetry`).
//!
//! The lock is between a push's own two threads; none of the host's ever waits for it.
//!
//! # Who counts
//! The sender counts each request when it is done with it ([`settle`](Queue::settle)). A stop does not wait for it longer
//! than it may: what is then without an answer, and what still waits, is the stop's to count
//! ([`abandon`](Queue::abandon)), and what the sender does from then on is not counted. Both happen under the lock, so that
//! no request is counted twice or by nobody. Of a batch that is given up the requests that would have followed are no
//! requests: they were not made, and the next batch's values hold theirs.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::Batch;

/// Batches in the order of their times, at most so many bytes of them (but always one).
#[derive(Debug)]
pub(super) struct Queue<B> {
    bound: usize,
    state: Mutex<State<B>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<B> {
    batches: VecDeque<B>,
    bytes: usize,
    /// Whether the bound was met since [`Queue::was_full`] was asked.
    full: bool,
    /// Until when what is left may be sent.
    closing: Option<Instant>,
    /// Whether a pause was cut short for it.
    hurried: bool,
    taken: Taken,
}

/// How far the sender is with the batch that it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    /// There is none, or all requests of it so far are counted.
    Counted,
    /// None of it has been sent.
    Whole,
    /// A request with so many samples is under way.
    Request(u64),
    /// A stop has counted what there was; nothing more is.
    Abandoned,
}

/// What a stop leaves unsent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Left {
    /// Batches of which nothing was sent.
    pub(super) batches: u64,
    /// Samples of the request that has no answer, if there is one.
    pub(super) under_way: Option<u64>,
}

impl<B: Batch> Queue<B> {
    pub(super) const fn new(bound: usize) -> Self {
        Self {
            bound,
            state: Mutex::new(State {
                batches: VecDeque::new(),
                bytes: 0,
                full: false,
                closing: None,
                hurried: false,
                taken: Taken::Counted,
            }),
            changed: Condvar::new(),
        }
    }

    /// Adds the newest batch. If there is no room, every second of those that wait goes, until there is; the newest
    /// stays. Returns how many went.
    pub(super) fn push(&self, batch: B) -> u64 {
        let mut state = self.state();
        state.bytes += batch.weight();
        state.batches.push_back(batch);
        let before = state.batches.len();
        while state.bytes > self.bound && state.batches.len() > 1 {
            state.thin();
        }
        let dropped = before - state.batches.len();
        drop(state);
        self.changed.notify_all();
        dropped as u64
    }

    /// No more batches come; those that wait may be sent until `deadline`.
    pub(super) fn close(&self, deadline: Instant) {
        self.state().closing = Some(deadline);
        self.changed.notify_all();
    }

    /// The oldest batch, as soon as there is one; `None` when the queue is closed and either empty or out of time.
    pub(super) fn take(&self) -> Option<B> {
        let mut state = self.state();
        state.settle();
        loop {
            if state.closing.is_some_and(|end| Instant::now() >= end) {
                return None;
            }
            if let Some(batch) = state.batches.pop_front() {
                state.bytes = state.bytes.saturating_sub(batch.weight());
                state.taken = Taken::Whole;
                return Some(batch);
            }
            if state.closing.is_some() {
                return None;
            }
            state = self.wait(state, None);
        }
    }

    /// A request with so many samples is under way, until it is settled.
    pub(super) fn begin(&self, samples: u64) {
        let mut state = self.state();
        if state.taken != Taken::Abandoned {
            state.taken = Taken::Request(samples);
        }
    }

    /// What came of the request under way is known: `count` counts it, and is given its samples. Not called for what a
    /// stop has counted.
    pub(super) fn settle(&self, count: impl FnOnce(u64)) {
        let mut state = self.state();
        match state.settle() {
            Taken::Abandoned => {}
            Taken::Request(samples) => count(samples),
            Taken::Whole | Taken::Counted => count(0),
        }
    }

    /// Gives up, after the closed queue's deadline or the sender's end, whatever is not settled: it is the caller's to
    /// count.
    pub(super) fn abandon(&self) -> Left {
        let mut state = self.state();
        state.bytes = 0;
        let waiting = std::mem::take(&mut state.batches).len() as u64;
        let (at_hand, under_way) = match std::mem::replace(&mut state.taken, Taken::Abandoned) {
            Taken::Counted | Taken::Abandoned => (0, None),
            Taken::Whole => (1, None),
            Taken::Request(samples) => (0, Some(samples)),
        };
        Left {
            batches: waiting + at_hand,
            under_way,
        }
    }

    /// Waits until `until`. The first pause that a closed queue meets ends at once, for the tail's sake.
    pub(super) fn pause(&self, until: Instant) {
        let mut state = self.state();
        loop {
            if state.closing.is_some() && !state.hurried {
                state.hurried = true;
                return;
            }
            let end = state.closing.map_or(until, |end| end.min(until));
            if Instant::now() >= end {
                return;
            }
            state = self.wait(state, Some(end));
        }
    }

    /// Until when to send what is left, once the queue is closed.
    pub(super) fn closing(&self) -> Option<Instant> {
        self.state().closing
    }

    /// Whether batches were dropped since this was asked last.
    pub(super) fn was_full(&self) -> bool {
        std::mem::take(&mut self.state().full)
    }

    /// Batches that wait, and their bytes.
    pub(super) fn len(&self) -> (usize, usize) {
        let state = self.state();
        (state.batches.len(), state.bytes)
    }

    fn wait<'a>(
        &self,
        state: MutexGuard<'a, State<B>>,
        until: Option<Instant>,
    ) -> MutexGuard<'a, State<B>> {
        match until {
            None => self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner),
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now());
                let waited = self.changed.wait_timeout(state, left);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State<B>> {
        // Nothing in here can panic half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B: Batch> State<B> {
    /// Nothing that was taken is to be counted any more; what was, until now.
    const fn settle(&mut self) -> Taken {
        let before = self.taken;
        if !matches!(before, Taken::Abandoned) {
            self.taken = Taken::Counted;
        }
        before
    }

    /// Drops every second batch, counted so that the newest stays.
    fn thin(&mut self) {
        let stays = (self.batches.len() - 1) % 2;
        let mut at = 0;
        self.batches.retain(|_| {
            at += 1;
            (at - 1) % 2 == stays
        });
        self.bytes = self.batches.iter().map(Batch::weight).sum();
        self.full = true;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    impl Batch for u32 {
        fn weight(&self) -> usize {
            10
        }
    }

    fn drained(queue: &Queue<u32>) -> Vec<u32> {
        queue.close(Instant::now() + Duration::from_secs(60));
        std::iter::from_fn(|| queue.take()).collect()
    }

    #[test]
    fn a_full_queue_keeps_the_newest_and_thins_the_rest() {
        for (pushed, left) in [
            (1, vec![1]),
            (4, vec![1, 2, 3, 4]),
            (5, vec![1, 3, 5]),
            (6, vec![1, 3, 5, 6]),
            (7, vec![1, 5, 7]),
        ] {
            let queue = Queue::new(40);
            let dropped: u64 = (1..=pushed).map(|n| queue.push(n)).sum();
            let kept = drained(&queue);
            assert_eq!(kept, left);
            assert_eq!(dropped as usize + kept.len(), pushed as usize);
            assert_eq!(queue.was_full(), dropped > 0);
        }
    }

    #[test]
    fn an_outage_of_any_length_stays_in_bounds_and_in_order() {
        let queue = Queue::new(160);
        for n in 1..=100_000 {
            queue.push(n);
            assert!(queue.len().1 <= 160);
        }
        let kept = drained(&queue);
        assert!(
            kept.len() > 8 && kept.is_sorted() && kept.last() == Some(&100_000),
            "{kept:?}"
        );
    }

    #[test]
    fn one_batch_beyond_the_bound_is_kept() {
        let queue = Queue::new(1);
        assert_eq!((queue.push(1), queue.push(2)), (0, 1));
        assert_eq!(drained(&queue), [2]);
    }

    #[test]
    fn closing_ends_waits_and_its_deadline_ends_all() {
        let queue = Queue::<u32>::new(100);
        std::thread::scope(|scope| {
            let taker = scope.spawn(|| queue.take());
            let waiter = scope.spawn(|| queue.pause(Instant::now() + Duration::from_secs(3_600)));
            queue.close(Instant::now() + Duration::from_millis(100));
            assert_eq!(taker.join().unwrap(), None);
            waiter.join().unwrap();
        });
        queue.push(1);
        queue.close(Instant::now());
        assert_eq!((queue.take(), queue.len().0), (None, 1));
        queue.pause(Instant::now() + Duration::from_secs(3_600)); // no time left to wait in
    }

    /// What the sender has come to when a stop's time is up, and what it then finds to count.
    #[test]
    fn what_a_stop_leaves_is_counted_by_one_side() {
        type Step = fn(&Queue<u32>);
        let left = |batches, under_way| Left { batches, under_way };
        let cases: [(&str, Step, Left); 4] = [
            ("nothing taken", |_| {}, left(2, None)),
            ("not begun", |q| _ = q.take(), left(2, None)),
            (
                "no answer",
                |q| {
                    q.take();
                    q.begin(7);
                },
                left(1, Some(7)),
            ),
            (
                "between two requests",
                |q| {
                    q.take();
                    q.begin(7);
                    q.settle(|samples| assert_eq!(samples, 7));
                },
                left(1, None),
            ),
        ];
        for (name, step, wanted) in cases {
            let queue = Queue::new(100);
            queue.push(1);
            queue.push(2);
            step(&queue);
            queue.close(Instant::now());
            assert_eq!(queue.abandon(), wanted, "{name}");
            assert_eq!(queue.abandon(), left(0, None), "{name}: once");
            queue.begin(8); // the next one, which finds that there is no time
            queue.settle(|_| panic!("{name}: by the sender, too"));
            assert_eq!((queue.take(), queue.len()), (None, (0, 0)), "{name}");
        }
    }

    #[test]
    fn a_late_answer_is_not_counted_nor_what_would_follow() {
        let queue = Queue::new(100);
        queue.push(1);
        queue.take();
        queue.begin(7);
        queue.close(Instant::now());
        assert_eq!(queue.abandon().under_way, Some(7));
        queue.settle(|_| panic!("the answer"));
        queue.begin(8); // the batch's next request, which finds that there is no time
        queue.settle(|_| panic!("that it was given up"));
        assert_eq!(queue.take(), None);
        assert_eq!(queue.abandon().under_way, None);
    }
}
