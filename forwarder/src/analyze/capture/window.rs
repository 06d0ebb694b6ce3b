//! The part of a capture that is in memory.
//!
//! Lives here: reading ahead in large steps, growing for a large record, knowing how far reading has
//! come. Not here: what the bytes mean.

use std::io::{self, Read};

/// Bytes that are read ahead: large enough that system calls do not matter, small enough for the cache.
const SIZE: usize = 512 << 10;

/// A sliding view of what a reader gives.
pub(super) struct Window {
    source: Box<dyn Read>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Offset of `start` from the beginning.
    position: u64,
    ended: bool,
    failure: Option<io::Error>,
}

impl Window {
    pub(super) fn new(source: impl Read + 'static) -> Self {
        Self {
            source: Box::new(source),
            buffer: vec![0; SIZE],
            start: 0,
            end: 0,
            position: 0,
            ended: false,
            failure: None,
        }
    }

    /// What is there and was not consumed.
    #[inline]
    pub(super) fn data(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Offset of the first byte of [`data`](Self::data) from the beginning.
    pub(super) const fn position(&self) -> u64 {
        self.position
    }

    /// Lets go of the first `len` bytes, or of all there are.
    #[inline]
    pub(super) fn consume(&mut self, len: usize) {
        let len = len.min(self.end - self.start);
        self.start += len;
        self.position += len as u64;
    }

    /// Reads until there are `len` bytes at least; false if there are no more so many. The caller bounds
    /// `len`, since memory follows it.
    pub(super) fn want(&mut self, len: usize) -> bool {
        while self.end - self.start < len && !self.ended {
            if self.start + len > self.buffer.len() {
                self.make_room(len);
            }
            let space = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.source.read(space) {
                Ok(0) => self.ended = true,
                Ok(n) => self.end += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    self.ended = true;
                    self.failure = Some(e);
                }
            }
        }
        self.end - self.start >= len
    }

    /// Moves what is there to the front. Twice the room that is needed, so that who asks for as much again and
    /// again, a byte further each time, does not have it moved each time.
    fn make_room(&mut self, len: usize) {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() < 2 * len {
            self.buffer.resize(2 * len, 0);
        }
    }

    /// Why reading ended, if not because it was the end.
    pub(super) const fn take_failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte more with each read, and an error at the end.
    struct Drip(u8);

    impl Read for Drip {
        fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            if self.0 > 9 {
                return Err(io::Error::other("the disk is gone"));
            }
            let n = usize::from(self.0).min(space.len());
            space[..n].fill(self.0);
            Ok(n)
        }
    }

    #[test]
    fn large_wants_move_little() {
        let mut w = Window::new(io::repeat(7));
        let (mut moves, mut place) = (0, w.buffer.as_ptr_range());
        for _ in 0..SIZE {
            assert!(w.want(SIZE));
            assert!(w.data().len() >= SIZE && w.data().iter().take(9).all(|b| *b == 7));
            let now = w.data().as_ptr_range();
            moves += u32::from(now.start <= place.start);
            place = now;
            w.consume(1);
        }
        assert!(moves <= 3, "{moves}");
        assert_eq!(w.buffer.len(), 2 * SIZE);
    }

    #[test]
    fn short_reads_add_up_and_an_error_ends_them() {
        let mut w = Window::new(Drip(0));
        assert!(w.want(4));
        assert_eq!(w.data(), [1, 2, 2, 3, 3, 3]);
        w.consume(5);
        assert!(w.want(6));
        assert_eq!(
            (w.data(), w.position()),
            (&[3, 4, 4, 4, 4, 5, 5, 5, 5, 5][..], 5)
        );
        assert!(!w.want(100));
        assert_eq!(w.data().len(), 45 - 5);
        assert_eq!(w.take_failure().unwrap().to_string(), "the disk is gone");
        w.consume(1_000);
        assert_eq!((w.data().len(), w.position()), (0, 45));
    }
}
