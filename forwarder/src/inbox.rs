//! Letters between workers: reports that came to one of them and are about streams of another.
//!
//! The kernel spreads a room's traffic over the workers by source address, so a subscriber's report comes
//! to any of them, and so does what a publisher sends from an RTCP port of its own. The worker that
//! doesn't know the stream sends a copy to all others; the one that does handles it.
//!
//! Lives here: the bounded queues, and the bells that wake who waits. Not here: what is in a letter.
//!
//! Promised: posting never waits; what finds an inbox full is dropped, and the sender told. Of a letter's
//! readers and its sender exactly one, the last, learns whether anybody knew what it is about.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_queue::ArrayQueue;
use nix::sys::eventfd::{EfdFlags, EventFd};

/// Letters that may wait for one worker. A worker reads them all between two batches, so there are more
/// only in a flood; they hold at most 2.3 MiB.
pub const CAPACITY: usize = 256;

/// What the worker that received a datagram of reports knows of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reports {
    /// Index of the room.
    pub room: u16,
    /// Who sent it.
    pub source: SocketAddr,
    /// The subscriber whose feedback it is, if it is one's.
    pub subscriber: Option<usize>,
    /// It is a publisher's: it went down to the subscribers, and speaks for streams of its own.
    pub down: bool,
    /// When it arrived, monotonic nanoseconds.
    pub arrived: u64,
    /// When it left for the last subscriber; 0 if it did not.
    pub departed: u64,
}

/// Reports on their way to the worker that has the stream.
#[derive(Debug)]
pub struct Letter {
    /// What is known of them.
    pub reports: Reports,
    /// The datagram.
    pub bytes: Box<[u8]>,
    known: AtomicBool,
}

impl Letter {
    /// A copy of the datagram `bytes`. `known` if it is no matter whether anybody knows what the feedback
    /// is about.
    #[must_use]
    pub fn new(reports: Reports, bytes: &[u8], known: bool) -> Arc<Self> {
        Arc::new(Self {
            reports,
            bytes: bytes.into(),
            known: AtomicBool::new(known),
        })
    }

    /// Somebody knows a stream that the feedback is about.
    pub fn recognise(&self) {
        // Relaxed: the last owner reads it after `Arc::into_inner`, which orders it.
        self.known.store(true, Ordering::Relaxed);
    }

    /// Done with it. The last one is told whether its stream was known to anybody.
    #[must_use]
    pub fn close(self: Arc<Self>) -> Option<bool> {
        Arc::into_inner(self).map(|letter| letter.known.into_inner())
    }
}

#[derive(Debug)]
struct Inbox {
    letters: ArrayQueue<Arc<Letter>>,
    bell: EventFd,
}

/// One worker's inbox, and the slots of all others'.
#[derive(Debug)]
pub struct Mailbox {
    own: Arc<Inbox>,
    others: Vec<Arc<Inbox>>,
    posted: bool,
}

impl Mailbox {
    /// One for each of so many workers, each connected with all others.
    ///
    /// # Errors
    /// The kernel gives no event descriptor.
    pub fn exchange(workers: usize) -> io::Result<Vec<Self>> {
        let inbox = |_| {
            let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
            Ok(Arc::new(Inbox {
                letters: ArrayQueue::new(CAPACITY),
                bell: EventFd::from_flags(flags)?,
            }))
        };
        let inboxes: Vec<Arc<Inbox>> = (0..workers).map(inbox).collect::<io::Result<_>>()?;
        let mailbox = |(i, own): (usize, &Arc<Inbox>)| {
            let others = inboxes.iter().enumerate().filter(|(j, _)| *j != i);
            Self {
                own: Arc::clone(own),
                others: others.map(|(_, other)| Arc::clone(other)).collect(),
                posted: false,
            }
        };
        Ok(inboxes.iter().enumerate().map(mailbox).collect())
    }

    /// Whether there is nobody to write to.
    #[must_use]
    pub const fn is_alone(&self) -> bool {
        self.others.is_empty()
    }

    /// Sends a letter to all others, and says how many inboxes were full. Nobody is woken yet.
    pub fn post(&mut self, letter: &Arc<Letter>) -> usize {
        let full = |inbox: &&Arc<Inbox>| inbox.letters.push(Arc::clone(letter)).is_err();
        let missed = self.others.iter().filter(full).count();
        self.posted |= missed < self.others.len();
        missed
    }

    /// Wakes the others, if anything was posted since the last time.
    pub fn ring(&mut self) {
        if std::mem::take(&mut self.posted) {
            for inbox in &self.others {
                // Fails only at 2^64 - 1 unheard rings, and then the bell rings anyway.
                let _ = inbox.bell.write(1);
            }
        }
    }

    /// What becomes readable when there are letters.
    #[must_use]
    pub fn bell(&self) -> BorrowedFd<'_> {
        self.own.bell.as_fd()
    }

    /// Silences the bell. Letters posted before are there afterwards; one posted later rings anew.
    pub fn hush(&self) {
        // An error means that it did not ring.
        let _ = self.own.bell.read();
    }

    /// How many letters there are now.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.own.letters.len()
    }

    /// The next letter.
    #[must_use]
    pub fn next(&self) -> Option<Arc<Letter>> {
        self.own.letters.pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    fn letter(first: u8) -> Arc<Letter> {
        let reports = Reports {
            room: 0,
            source: SocketAddr::from(([127, 0, 0, 1], 1)),
            subscriber: Some(0),
            down: false,
            arrived: 0,
            departed: 0,
        };
        Letter::new(reports, &[first], false)
    }

    #[test]
    fn a_letter_goes_to_all_others_and_the_last_one_knows() {
        for knows in [None, Some(0), Some(2)] {
            let mut boxes = Mailbox::exchange(3).unwrap();
            let sent = letter(7);
            assert_eq!(boxes[1].post(&sent), 0);
            boxes[1].ring();
            assert!(boxes[1].next().is_none(), "not to oneself");
            assert_eq!(sent.close(), None, "others have it");
            let mut ends = Vec::new();
            for i in [0, 2] {
                let got = boxes[i].next().unwrap();
                assert_eq!(*got.bytes, [7]);
                if knows == Some(i) {
                    got.recognise();
                }
                ends.push(got.close());
            }
            assert_eq!(ends, [None, Some(knows.is_some())]);
        }
    }

    #[test]
    fn a_full_inbox_takes_no_more_and_the_sender_knows() {
        let mut boxes = Mailbox::exchange(2).unwrap();
        for _ in 0..CAPACITY {
            assert_eq!(boxes[0].post(&letter(1)), 0);
        }
        assert_eq!(boxes[0].post(&letter(2)), 1);
        assert!(boxes[1].next().is_some());
        assert_eq!(boxes[0].post(&letter(3)), 0);
        assert_eq!(boxes[1].own.letters.len(), CAPACITY);
    }

    #[test]
    fn the_bell_rings_for_others_once_and_is_silenced() {
        let mut boxes = Mailbox::exchange(2).unwrap();
        let rings = |of: &Mailbox| of.own.bell.read().is_ok();
        boxes[0].ring();
        assert!(!rings(&boxes[1]), "nothing was posted");
        boxes[0].post(&letter(1));
        boxes[0].ring();
        assert!(rings(&boxes[1]) && !rings(&boxes[0]));
        boxes[0].post(&letter(1));
        boxes[0].ring();
        boxes[1].hush();
        assert!(!rings(&boxes[1]));
        assert!(Mailbox::exchange(1).unwrap()[0].is_alone());
    }

    /// Four workers post and read at once: every letter is closed by exactly one last owner.
    #[test]
    fn every_letter_has_one_end() {
        const EACH: usize = 2_000;
        let readers = |mut mailbox: Mailbox| {
            let mut ends = 0;
            for n in 0..EACH {
                let sent = letter(n as u8);
                mailbox.post(&sent);
                ends += usize::from(sent.close().is_some());
                while let Some(got) = mailbox.next() {
                    ends += usize::from(got.close().is_some());
                }
            }
            (ends, mailbox)
        };
        let boxes = Mailbox::exchange(4).unwrap();
        let threads: Vec<_> = boxes
            .into_iter()
            .map(|mailbox| thread::spawn(move || readers(mailbox)))
            .collect();
        let done: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        let rest = |mailbox: &Mailbox| {
            std::iter::from_fn(|| mailbox.next())
                .filter_map(Letter::close)
                .count()
        };
        let ends: usize = done
            .iter()
            .map(|(ends, mailbox)| ends + rest(mailbox))
            .sum();
        assert_eq!(ends, 4 * EACH);
    }
}
