//! The sequence lock: a reader meets the writer.

use loom::sync::Arc;
use loom::thread;

use super::Seen;
use crate::cell::{Cell, Sequence};

struct Pair {
    sequence: Sequence,
    packets: Cell,
    bytes: Cell,
}

/// A reader gets packets and bytes of one moment, or nothing.
#[test]
fn loom_a_block_is_read_whole_or_not_at_all() {
    static SEEN: Seen<Option<(u64, u64)>> = Seen::new();
    loom::model(|| {
        let pair = Arc::new(Pair {
            sequence: Sequence::new(),
            packets: Cell::new(0),
            bytes: Cell::new(0),
        });
        let theirs = Arc::clone(&pair);
        let writer = thread::spawn(move || {
            for _ in 0..2 {
                theirs.sequence.write(|| {
                    theirs.packets.add(1);
                    theirs.bytes.add(10);
                });
            }
        });
        thread::yield_now(); // lets the writer go first, too
        let read = pair
            .sequence
            .read(1, || (pair.packets.get(), pair.bytes.get()));
        SEEN.note(read.map(|(_, words)| words));
        writer.join().unwrap();
    });
    // Nothing torn, and the model went everywhere.
    assert_eq!(
        SEEN.all(),
        [None, Some((0, 0)), Some((1, 10)), Some((2, 20))]
    );
}
