//! A stream is made, records and ends while the reporter adopts and folds.

use loom::thread;

use super::Seen;
use crate::stream::block::{Block, Identity, total};
use crate::sync::{Arc, Queue};

/// What the reporter took when it saw the end is all there ever was.
#[test]
fn loom_the_last_values_of_a_stream_are_folded() {
    static SEEN: Seen<Option<(bool, u64)>> = Seen::new();
    loom::model(|| {
        let queue = Arc::new(Queue::new());
        let theirs = Arc::clone(&queue);
        let owner = thread::spawn(move || {
            let identity = Identity {
                id: 1,
                ssrc: 2,
                clock_rate: 8_000,
                group: 0,
            };
            let block = Arc::new(Block::new(identity));
            theirs.push(Arc::clone(&block));
            block.sequence.write(|| block.totals[total::PACKETS].add(1));
            block.sequence.close();
        });
        thread::yield_now(); // lets the owner go first, too
        let seen = queue.pop().and_then(|block: Arc<Block>| {
            let (version, totals, _) = block.read(1)?;
            Some((version.is_closed(), totals[total::PACKETS]))
        });
        SEEN.note(seen);
        owner.join().unwrap();
    });
    // Never (true, 0): that would be a packet lost.
    assert_eq!(
        SEEN.all(),
        [None, Some((false, 0)), Some((false, 1)), Some((true, 1))]
    );
}
