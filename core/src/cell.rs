//! Single-writer cells: one thread writes, any thread reads, nobody waits.
//!
//! Lives here: the cell, and the sequence lock over a block of cells. Not here: which thread owns
//! which cell (`shard`, `stream`), names and labels (`desc`), what a reader makes of the numbers
//! (`reporter`).
//!
//! Promised: a write is a plain load, add, store; a cell that is only added to never goes down for one
//! reader (coherence of a single atomic); a block read through the lock is of one moment.
//! Not promised: two cells read one by one belong together.
//! Whose duty: that a cell has one writer at a time is proved by its owner's type, not checked here.
//! Models: `models/sequence.rs`.

use crate::sync::{Acquire, AtomicU64, Relaxed, Release, fence};

/// A 64-bit number with one writer at a time and any number of readers.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Cell(AtomicU64);

// A cell's address is `base + index * 8`, and a zeroed page is a page of zeroed cells.
#[cfg(not(media_metrics_loom))]
const _: () = assert!(size_of::<Cell>() == 8 && align_of::<Cell>() == 8);

impl Cell {
    pub(crate) fn new(value: u64) -> Self {
        Self(AtomicU64::new(value))
    }

    /// The value: for the writer its own last store, for a reader some recent one.
    #[inline(always)]
    pub(crate) fn get(&self) -> u64 {
        // Relaxed: one number by itself. What must be seen together goes through `Sequence`.
        self.0.load(Relaxed)
    }

    /// Writer only.
    #[inline(always)]
    pub(crate) fn set(&self, value: u64) {
        // Relaxed: as above.
        self.0.store(value, Relaxed);
    }

    /// The value, and what its writer did before it [`release`](Self::release)d that.
    #[inline]
    pub(crate) fn acquire(&self) -> u64 {
        // Acquire: pairs with the Release store in `release`; what goes wrong without it says who calls.
        self.0.load(Acquire)
    }

    /// Writer only: stores, and shows what it did before to who [`acquire`](Self::acquire)s the value.
    #[inline]
    pub(crate) fn release(&self, value: u64) {
        // Release: pairs with the Acquire load in `acquire`; as there.
        self.0.store(value, Release);
    }

    /// Writer only. Wraps at 2^64.
    ///
    /// Two plain `u64 +=` side by side would be joined into one 128-bit load, add, store, which stalls
    /// on store forwarding in a loop; relaxed atomics stay scalar (`add [mem], reg`).
    #[inline(always)]
    pub(crate) fn add(&self, n: u64) {
        self.set(self.get().wrapping_add(n));
    }

    /// Writer only: the larger of the value and `n`.
    #[inline(always)]
    pub(crate) fn raise(&self, n: u64) {
        if n > self.get() {
            self.set(n);
        }
    }

    /// Writer only: adds to the cell read as the bits of an `f64`; not if the sum would be infinite or NaN.
    #[inline(always)]
    pub(crate) fn add_f64(&self, n: f64) {
        let sum = f64::from_bits(self.get()) + n;
        if sum.is_finite() {
            self.set(sum.to_bits());
        }
    }
}

/// The number of a sequence lock: odd while its writer writes, with a mark for "the writer has gone".
///
/// One writer at a time; a reader never holds it up. The words that it guards are [`Cell`]s, so a race
/// between reader and writer is a retry, not undefined behaviour.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Sequence(AtomicU64);

/// The writer has gone: the words never change again. Above any number that a writer can count to.
const CLOSED: u64 = 1 << 63;

/// What a reader saw: the number under which the words stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version(u64);

impl Version {
    /// Before any write.
    pub(crate) const FIRST: Self = Self(0);

    /// Whether the writer has gone.
    pub(crate) const fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }
}

impl Sequence {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Writer only: runs `write`, which stores to the guarded cells. It must not panic.
    #[inline(always)]
    pub(crate) fn write(&self, write: impl FnOnce()) {
        // Relaxed: we are the only writer, so this is our own last store.
        let seq = self.0.load(Relaxed);
        // Relaxed, then a Release fence: the odd number is stored before any word is; the fence pairs
        // with the Acquire fence in `read`. Without it a reader could take a new word under the old
        // even number, twice, and pair new bytes with old packets, unnoticed.
        self.0.store(seq + 1, Relaxed);
        fence(Release);
        write();
        // Release: pairs with the Acquire load in `read`: who sees this even number sees all words
        // stored before it. Without it a reader could find the new number over old words.
        self.0.store(seq + 2, Release);
    }

    /// Writer only, once: no write follows.
    #[inline]
    pub(crate) fn close(&self) {
        // Relaxed: our own last store.
        let seq = self.0.load(Relaxed);
        // Release: pairs with the Acquire load in `read`: who sees the mark sees the writer's last
        // words. Without it the reader would fold old words, then forget the block: a loss.
        self.0.store(seq | CLOSED, Release);
    }

    /// The number as it stands, without reading words: tells whether there is anything new.
    #[inline]
    pub(crate) fn version(&self) -> Version {
        // Relaxed: a number by itself, no older than the one that this thread read words under. Who goes on to the
        // words goes through `read`.
        Version(self.0.load(Relaxed))
    }

    /// Reader: what `read` makes of the words, all of one moment, or `None` if the writer was busy
    /// each of `tries` times.
    #[inline]
    pub(crate) fn read<T>(&self, tries: u32, mut read: impl FnMut() -> T) -> Option<(Version, T)> {
        for _ in 0..tries {
            // Acquire: pairs with the Release stores in `write` and `close`: we see the words that
            // belong to this number, or newer ones.
            let before = self.0.load(Acquire);
            if before & 1 == 0 {
                let words = read();
                // Acquire fence, then Relaxed: pairs with the Release fence in `write`. If any word
                // that we read was newer, we see here the odd number that was stored before it.
                // Without the fence the words could be read after this check.
                fence(Acquire);
                if self.0.load(Relaxed) == before {
                    return Some((Version(before), words));
                }
            }
            pause();
        }
        None
    }
}

#[cfg(not(media_metrics_loom))]
fn pause() {
    std::hint::spin_loop();
}

#[cfg(media_metrics_loom)]
fn pause() {
    loom::thread::yield_now();
}

#[cfg(all(test, not(media_metrics_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_closed_sequence_keeps_its_words() {
        let (seq, cell) = (Sequence::new(), Cell::new(0));
        assert_eq!(seq.read(1, || cell.get()), Some((Version::FIRST, 0)));
        seq.write(|| cell.add(3));
        let (version, three) = seq.read(1, || cell.get()).unwrap();
        assert!(!version.is_closed());
        assert_eq!(three, 3);
        seq.close();
        let (version, three) = seq.read(1, || cell.get()).unwrap();
        assert!(version.is_closed() && seq.version().is_closed());
        assert_eq!(three, 3);
    }

    #[test]
    fn a_busy_writer_is_reported_not_waited_for() {
        let seq = Sequence::new();
        seq.write(|| assert_eq!(seq.read(5, || ()), None));
    }

    #[test]
    fn cells_wrap_and_hold_floats() {
        let cell = Cell::new(u64::MAX);
        cell.add(2);
        assert_eq!(cell.get(), 1);
        let level = Cell::new(0);
        level.add_f64(1.5);
        level.add_f64(-2.0);
        assert_eq!(f64::from_bits(level.get()), -0.5);
    }
}
