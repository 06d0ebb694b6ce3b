//! A thread's bucket array is made by its first sample, while a reader looks for it.

use loom::sync::Arc;
use loom::thread;

use super::Seen;
use crate::shard::Shards;

/// A reader finds the array with all its cells, those in front included, or none yet.
#[test]
fn loom_buckets_are_found_whole_or_not_at_all() {
    static SEEN: Seen<(Option<u64>, Option<u64>)> = Seen::new();
    loom::model(|| {
        let shards = Arc::new(Shards::new(1));
        // The reader knows the shard: nothing but the slot leads from one thread to the other.
        let first = shards.acquire().unwrap();
        first.release();
        let theirs = Arc::clone(&shards);
        let recorder = thread::spawn(move || {
            let shard = theirs.acquire().unwrap();
            shard.make_buckets(0, 1, 2);
            shard.buckets(0, 2).unwrap()[1].add(1);
            shard.before_buckets(0, 1).unwrap()[0].add(7);
            shard.release();
        });
        thread::yield_now(); // lets the recorder go first, too
        let look = |shard: &crate::shard::Shard| {
            let front = shard.before_buckets(0, 1).map(|front| front[0].get());
            (front, shard.buckets(0, 2).map(|array| array[1].get()))
        };
        let seen = shards.iter().map(look).next().unwrap();
        recorder.join().unwrap();
        SEEN.note(seen);
    });
    assert_eq!(
        SEEN.all(),
        [
            (None, None),
            (None, Some(0)),
            (None, Some(1)),
            (Some(0), Some(0)),
            (Some(0), Some(1)),
            (Some(7), Some(0)),
            (Some(7), Some(1)),
        ]
    );
}
