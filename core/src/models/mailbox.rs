//! Letter boxes: a recording thread fills, the reporter empties.

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::Seen;
use crate::cell::Cell;
use crate::histogram::mailbox::Mailbox;

/// One box. Its words are plain memory here, not cells: so that loom finds every access that nothing orders.
struct Boxed {
    emptied: Cell,
    filled: Cell,
    words: UnsafeCell<(u64, u64)>,
}

impl Boxed {
    fn mailbox(&self) -> Mailbox<'_> {
        Mailbox {
            emptied: &self.emptied,
            filled: &self.filled,
        }
    }

    fn put(&self, n: u64) {
        // SAFETY: only under `put` of the one writer, which loom checks.
        let write = |words: *mut (u64, u64)| unsafe { *words = (n, n * 10) };
        self.mailbox().put(0, || self.words.with_mut(write));
    }

    fn take(&self) -> Option<(u64, u64)> {
        // SAFETY: only under `empty` of the one reader, which loom checks.
        let read = |words: *const (u64, u64)| unsafe { *words };
        let mut taken = None;
        let take = |_| taken = Some(self.words.with(read));
        self.mailbox().empty(take);
        taken
    }
}

/// What is read was written whole, by one `put`, and a box is filled again only when it was read.
#[test]
fn loom_a_box_belongs_to_one_side_at_a_time() {
    static SEEN: Seen<[Option<(u64, u64)>; 3]> = Seen::new();
    loom::model(|| {
        let boxed = Arc::new(Boxed {
            emptied: Cell::new(0),
            filled: Cell::new(0),
            words: UnsafeCell::new((0, 0)),
        });
        let theirs = Arc::clone(&boxed);
        let writer = thread::spawn(move || {
            for n in 1..=3 {
                theirs.put(n);
                thread::yield_now(); // lets the reader go in between, too
            }
        });
        thread::yield_now(); // lets the writer go first, too
        let first = boxed.take();
        thread::yield_now();
        let second = boxed.take();
        writer.join().unwrap();
        SEEN.note([first, second, boxed.take()]);
    });
    let [one, two, three] = [1, 2, 3].map(|n| Some((n, n * 10)));
    // Nothing torn, nothing twice, nothing lost but what met a full box; and the model went everywhere.
    assert_eq!(
        SEEN.all(),
        [
            [None, one, two],
            [None, one, three],
            [one, None, two],
            [one, None, three],
            [one, two, None],
            [one, two, three],
            [one, three, None],
        ]
    );
}
