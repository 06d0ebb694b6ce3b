//! Calls into the host's code, whose panics are its own affair.
//!
//! Lives here: catching a panic, and being rid of what was thrown. Not here: who is called when, and who counts it.

use std::any::Any;
use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Calls the host; `None` if it panicked. Of what a panic left half done, nothing must be ours.
pub(crate) fn call<R>(host: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(host)).map_err(discard).ok()
}

/// Of things thrown by the drop of a thing thrown, one after another, so many are dropped.
const MOST_DROPPED: usize = 8;

/// Drops what the host threw, which is the host's code again, and may throw in turn. The last of too many is leaked: else
/// this would have no end.
fn discard(mut thrown: Box<dyn Any + Send>) {
    for _ in 0..MOST_DROPPED {
        match catch_unwind(AssertUnwindSafe(|| drop(thrown))) {
            Ok(()) => return,
            Err(again) => thrown = again,
        }
    }
    forget(thrown);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::panic::panic_any;

    thread_local! {
        static DROPPED: Cell<usize> = const { Cell::new(0) };
    }

    /// Throws another of its kind when it is dropped, so many times.
    struct Bomb(usize);

    impl Drop for Bomb {
        fn drop(&mut self) {
            DROPPED.set(DROPPED.get() + 1);
            if self.0 > 0 {
                panic_any(Self(self.0 - 1));
            }
        }
    }

    #[test]
    fn what_was_thrown_is_dropped_and_what_that_throws() {
        assert_eq!(call(|| 7), Some(7));
        assert_eq!(call(|| panic_any(Bomb(3))), None::<()>);
        assert_eq!(DROPPED.take(), 4);
        assert_eq!(call(|| panic_any(Bomb(MOST_DROPPED - 1))), None::<()>);
        assert_eq!(DROPPED.take(), MOST_DROPPED);
    }

    #[test]
    fn what_throws_without_end_comes_to_an_end() {
        // Of no size, or else the last would be a leak for those who look for one.
        struct Endless;
        impl Drop for Endless {
            fn drop(&mut self) {
                DROPPED.set(DROPPED.get() + 1);
                panic_any(Self);
            }
        }
        assert_eq!(call(|| panic_any(Endless)), None::<()>);
        assert_eq!(DROPPED.take(), MOST_DROPPED);
    }
}
