//! Letter boxes from a recording thread to the reporter: samples that are to be shown with whose they were.
//!
//! Lives here: who may touch a box when. Not here: what is in one (`named`), which samples are worth one.
//!
//! A box belongs to the writer while it is empty and to the reader while it is full. Two words say which, a bit
//! for each box, and each word has one writer: `filled` the thread that records, `emptied` the reader. A box is
//! full where they differ. So neither ever waits, nothing is read half-written, and a full box turns away what
//! comes until the reader has been there.
//!
//! Promised: what `empty` reads is what one `put` wrote, whole. Not promised: which of several samples it is.
//! Whose duty: that there is one writer (the shard's owner) and one reader (under the collector's lock).
//! Models: `models/mailbox.rs`.

use crate::cell::Cell;

/// Most boxes: bits of a word.
pub(crate) const MOST: usize = 64;

/// See the module. All zero is a mailbox with all boxes empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mailbox<'c> {
    /// The reader's word.
    pub(crate) emptied: &'c Cell,
    /// The writer's word.
    pub(crate) filled: &'c Cell,
}

impl Mailbox<'_> {
    /// Writer only: whether box `n` may be written now. A guess on the safe side: one that the reader empties
    /// this moment may still look full.
    #[inline(always)]
    pub(crate) fn is_empty(self, n: u32) -> bool {
        (self.emptied.get() ^ self.filled.get()) >> (n % 64) & 1 == 0
    }

    /// Writer only: has `write` fill box `n`, unless it is full.
    pub(crate) fn put(self, n: u32, write: impl FnOnce()) {
        // Acquire: pairs with the Release store in `empty`: what the reader did with the box is over. Without it
        // the reader could find our new words in a box whose last contents it still reads.
        let emptied = self.emptied.acquire();
        let filled = self.filled.get();
        let bit = 1 << (n % 64);
        if (emptied ^ filled) & bit == 0 {
            write();
            // Release: pairs with the Acquire load in `empty`: who sees the bit sees what we wrote. Without it
            // the reader could take old words for the new ones.
            self.filled.release(filled ^ bit);
        }
    }

    /// Reader only: has `read` look into each full box, then they are empty.
    pub(crate) fn empty(self, mut read: impl FnMut(u32)) {
        // Acquire: pairs with the Release store in `put`; see there.
        let filled = self.filled.acquire();
        let mut full = filled ^ self.emptied.get();
        if full == 0 {
            return;
        }
        while full != 0 {
            read(full.trailing_zeros());
            full &= full - 1;
        }
        // Release: pairs with the Acquire load in `put`: who sees the bits finds us done. As there.
        self.emptied.release(filled);
    }
}

#[cfg(all(test, not(media_metrics_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_full_box_turns_away_what_comes_until_it_is_emptied() {
        let (emptied, filled, slot) = (Cell::new(0), Cell::new(0), Cell::new(0));
        let (emptied, filled) = (&emptied, &filled);
        let mailbox = Mailbox { emptied, filled };
        let take = || {
            let mut all = Vec::new();
            mailbox.empty(|n| all.push((n, slot.get())));
            all
        };
        assert_eq!(take(), []);
        for round in 1..=3 {
            assert!(mailbox.is_empty(5));
            mailbox.put(5, || slot.set(round));
            assert!(!mailbox.is_empty(5));
            mailbox.put(5, || slot.set(99));
            assert_eq!(take(), [(5, round)]);
        }
        (0..MOST as u32).for_each(|n| mailbox.put(n, || ()));
        assert_eq!(take().len(), MOST);
    }
}
