//! Who may call a participant's host now, and the guarantee that nobody does after the end.
//!
//! Lives here: taking turns without holding a lock, and the end. Not here: what is called.
//!
//! # How
//! What a call needs is *taken out* of the gate and put back afterwards, so no lock is held during the call and
//! one thread at a time is inside. The end is asked for by whoever leaves. If nobody is inside, the asker gets
//! everything and says the last words; else whoever is inside does so when the call returns, and the asker
//! waits for it. An asker that is itself inside some callback of a pipeline does not wait: it could be waiting
//! for itself, or for one that waits for it.
//!
//! Model: `models/gate.rs`.

use std::cell::Cell;
use std::mem::replace;
use std::sync::PoisonError;

use crate::host;
use crate::livekit::time::ServerTime;
use crate::sync::{Condvar, Mutex, MutexGuard};

#[derive(Debug)]
pub(crate) struct Gate<T> {
    inside: Mutex<Inside<T>>,
    over: Condvar,
}

#[derive(Debug)]
enum Inside<T> {
    /// Nobody is.
    Idle(T),
    /// Somebody has taken it out; if the end was asked for, since when.
    Busy(Option<ServerTime>),
    /// It is over.
    Over,
}

/// What an asker for the end gets.
pub(crate) enum End<T> {
    /// Everything: say the last words, then [`Gate::close`].
    Yours(T),
    /// Whoever is inside will do that.
    Theirs,
    /// It is over already.
    Over,
}

impl<T> Gate<T> {
    pub(crate) fn new(content: T) -> Self {
        Self {
            inside: Mutex::new(Inside::Idle(content)),
            over: Condvar::new(),
        }
    }

    /// Takes the content out, if it is there.
    pub(crate) fn take(&self) -> Option<T> {
        let mut inside = self.lock();
        match replace(&mut *inside, Inside::Busy(None)) {
            Inside::Idle(content) => Some(content),
            other => {
                *inside = other;
                None
            }
        }
    }

    /// Puts the content back. If the end was asked for meanwhile, hands it back with the time of that: say the
    /// last words, then [`close`](Self::close).
    pub(crate) fn put_back(&self, content: T) -> Option<(T, ServerTime)> {
        let mut inside = self.lock();
        if let Inside::Busy(Some(asked)) = *inside {
            return Some((content, asked));
        }
        *inside = Inside::Idle(content);
        None
    }

    /// Asks for the end.
    pub(crate) fn end(&self, now: ServerTime) -> End<T> {
        let mut inside = self.lock();
        match replace(&mut *inside, Inside::Busy(Some(now))) {
            Inside::Idle(content) => End::Yours(content),
            Inside::Busy(asked) => {
                *inside = Inside::Busy(asked.or(Some(now)));
                End::Theirs
            }
            Inside::Over => {
                *inside = Inside::Over;
                End::Over
            }
        }
    }

    /// It is over: nothing can be taken out any more.
    pub(crate) fn close(&self) {
        *self.lock() = Inside::Over;
        self.over.notify_all();
    }

    /// Closes it when that is dropped, so that nobody waits for ever, whatever happens to the last words.
    pub(crate) const fn closing(&self) -> Closing<'_, T> {
        Closing(self)
    }

    /// Waits until it is over. Not from inside a callback: returns at once there.
    pub(crate) fn wait(&self) {
        if in_callback() {
            return;
        }
        let mut inside = self.lock();
        while !matches!(*inside, Inside::Over) {
            let woken = self.over.wait(inside);
            inside = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inside<T>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last words are being said.
pub(crate) struct Closing<'a, T>(&'a Gate<T>);

impl<T> Drop for Closing<'_, T> {
    fn drop(&mut self) {
        self.0.close();
    }
}

thread_local! {
    /// How many callbacks of pipelines this thread is inside of.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

fn in_callback() -> bool {
    DEPTH.get() > 0
}

/// Calls the host; `None` if it panicked.
pub(crate) fn call<R>(host: impl FnOnce() -> R) -> Option<R> {
    DEPTH.set(DEPTH.get() + 1);
    let result = host::call(host);
    DEPTH.set(DEPTH.get() - 1);
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::thread;

    const NOW: ServerTime = ServerTime::from_ns(7);

    #[test]
    fn one_at_a_time() {
        let gate = Gate::new("content");
        assert_eq!(gate.take(), Some("content"));
        assert_eq!(gate.take(), None);
        assert!(gate.put_back("content").is_none());
        assert_eq!(gate.take(), Some("content"));
    }

    #[test]
    fn the_end_of_an_idle_one_is_the_askers() {
        let gate = Gate::new("content");
        assert!(matches!(gate.end(NOW), End::Yours("content")));
        assert_eq!(gate.take(), None);
        assert!(matches!(gate.end(NOW), End::Theirs));
        gate.close();
        assert!(matches!(gate.end(NOW), End::Over));
        assert_eq!(gate.take(), None);
        gate.wait();
    }

    #[test]
    fn who_is_inside_brings_the_end_about_and_others_wait() {
        let gate = Gate::new(1);
        let (asked, was_asked) = mpsc::channel();
        let (done, is_done) = mpsc::channel();
        let content = gate.take().unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                assert!(matches!(gate.end(NOW), End::Theirs));
                asked.send(()).unwrap();
                gate.wait();
                done.send(()).unwrap();
            });
            was_asked.recv().unwrap();
            assert!(is_done.try_recv().is_err());
            assert_eq!(gate.put_back(content), Some((1, NOW)));
            assert!(is_done.try_recv().is_err());
            drop(gate.closing());
            is_done.recv().unwrap();
        });
    }

    /// Would hang for ever if it waited.
    #[test]
    fn nobody_waits_inside_a_callback() {
        let gate = Gate::new(1);
        let content = gate.take().unwrap();
        call(|| {
            assert!(matches!(gate.end(NOW), End::Theirs));
            gate.wait();
        })
        .unwrap();
        assert_eq!(gate.put_back(content), Some((1, NOW)));
    }

    #[test]
    fn a_panic_is_caught_and_the_depth_is_right_afterwards() {
        assert!(call(|| call(|| panic!("tried")).is_none()).unwrap());
        assert!(!in_callback());
    }
}
