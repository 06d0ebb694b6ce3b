//! Asking another library for its page, within a time.
//!
//! Lives here: the thread that asks, so that a library that hangs stops neither the server nor anybody else. Not
//! here: what stands on the page.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

/// Why there is no page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPage {
    /// It was not made in time; the library is still at it, perhaps.
    Late,
    /// The library panicked.
    Panicked,
}

/// What one turn of the thread gave; `None` for a panic.
type Made = (u64, Option<String>);

/// A thread that makes pages, one at a time.
///
/// Dropped, it lets the thread end: at once, or, if that is in the other library, when it comes back from there.
#[derive(Debug)]
pub(super) struct Renderer {
    asked: SyncSender<u64>,
    made: Mutex<(u64, Receiver<Made>)>,
    busy: Arc<AtomicBool>,
}

impl Renderer {
    pub(super) fn start(render: impl Fn() -> String + Send + 'static) -> io::Result<Self> {
        let (asked, turns) = sync_channel::<u64>(1);
        let (done, made) = channel();
        let busy = Arc::new(AtomicBool::new(false));
        let free = Arc::clone(&busy);
        let run = move || {
            for turn in turns {
                // A page is a value: what a panic left of the other library is its own affair.
                let page = catch_unwind(AssertUnwindSafe(&render)).ok();
                // Release, and before the page goes: who got the page, or finds this, may ask again at once, and
                // the turn in the channel is taken out by then.
                free.store(false, Ordering::Release);
                if done.send((turn, page)).is_err() {
                    return;
                }
            }
        };
        thread::Builder::new()
            .name("mm-foreign-page".to_owned())
            .spawn(run)?;
        Ok(Self {
            asked,
            made: Mutex::new((0, made)),
            busy,
        })
    }

    /// The page as it is now. A library that is still at an earlier page is not waited for again.
    pub(super) fn page(&self, within: Duration) -> Result<String, NoPage> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, pages) = &mut *made;
        // Acquire: pairs with the thread's Release. Alone under the lock, we are the only one who sets it.
        if self.busy.load(Ordering::Acquire) {
            return Err(NoPage::Late);
        }
        *last += 1;
        self.busy.store(true, Ordering::Relaxed); // Relaxed: sending the turn hands it to the thread
        if self.asked.try_send(*last).is_err() {
            return Err(NoPage::Late);
        }
        let start = Instant::now();
        loop {
            match pages.recv_timeout(within.saturating_sub(start.elapsed())) {
                Ok((turn, page)) if turn == *last => return page.ok_or(NoPage::Panicked),
                Ok(_) => {} // one that came too late, and is old
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    return Err(NoPage::Late);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;

    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn each_page_is_made_anew() {
        let count = AtomicU32::new(0);
        let page = move || count.fetch_add(1, Ordering::Relaxed).to_string();
        let renderer = Renderer::start(page).unwrap();
        for expected in 0..1_000 {
            assert_eq!(renderer.page(PATIENCE), Ok(expected.to_string()));
        }
    }

    #[test]
    fn a_panic_is_told_and_the_next_page_comes() {
        let count = AtomicU32::new(0);
        let page = move || match count.fetch_add(1, Ordering::Relaxed) {
            0 => panic!("a bad day"),
            _ => "a 1\n".to_owned(),
        };
        let renderer = Renderer::start(page).unwrap();
        assert_eq!(renderer.page(PATIENCE), Err(NoPage::Panicked));
        assert_eq!(renderer.page(PATIENCE), Ok("a 1\n".to_owned()));
    }

    #[test]
    fn a_library_that_hangs_is_waited_for_once_and_its_old_page_is_not_shown() {
        let (pages, waiting) = channel::<&str>();
        let page = move || waiting.recv().unwrap_or("over").to_owned();
        let renderer = Renderer::start(page).unwrap();
        assert_eq!(
            renderer.page(Duration::from_millis(1)),
            Err(NoPage::Late),
            "it hangs"
        );
        assert_eq!(renderer.page(PATIENCE), Err(NoPage::Late), "at once");
        pages.send("old").unwrap();
        while renderer.busy.load(Ordering::Acquire) {
            thread::yield_now();
        }
        pages.send("new").unwrap();
        assert_eq!(renderer.page(PATIENCE), Ok("new".to_owned()));
    }
}
