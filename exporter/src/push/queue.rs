//! Batches that wait for the network.
//!
//! Lives here: the bound, what goes when it is met, and how both sides wait for each other. Not here: what a batch is.
//!
//! The lock is between a push's own two threads; none of the host's ever waits for it.

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
        loop {
            if state.closing.is_some_and(|end| Instant::now() >= end) {
                return None;
            }
            if let Some(batch) = state.batches.pop_front() {
                state.bytes = state.bytes.saturating_sub(batch.weight());
                return Some(batch);
            }
            if state.closing.is_some() {
                return None;
            }
            state = self.wait(state, None);
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
}
