//! A series' index: registered, recorded into, removed, given to the next series, while the reporter
//! scans.

use loom::sync::Arc;
use loom::thread;

use super::Seen;
use crate::registry::life::Life;
use crate::shard::{Shard, Shards};

/// A series that a thread records into once, by `record`, and whose handle it drops, while it is removed. Whether `reuse`
/// took the index for the next series, and `read`'s word of what is in the shards afterwards.
fn removed_while_recorded(
    record: fn(&Shard),
    reuse: fn(&Shards),
    read: fn(&Shards, bool) -> u64,
) -> (bool, u64) {
    let shards = Arc::new(Shards::new(1));
    let life = Arc::new(Life::new());
    life.acquire(); // registration gave out a handle
    let (theirs, their_life) = (Arc::clone(&shards), Arc::clone(&life));
    let recorder = thread::spawn(move || {
        let shard = theirs.acquire().unwrap();
        record(shard);
        shard.release();
        their_life.release(); // the handle is dropped
    });
    life.remove();
    let reused = life.is_over();
    if reused {
        shards.iter().for_each(|shard| shard.forget(0));
        reuse(&shards);
    }
    recorder.join().unwrap();
    (reused, read(&shards, reused))
}

/// The reporter zeroes the cells of a removed series only when no handle can write any more: the next
/// series with this index starts at 0.
#[test]
fn loom_the_next_series_starts_at_0() {
    static SEEN: Seen<(bool, u64)> = Seen::new();
    loom::model(|| {
        SEEN.note(removed_while_recorded(
            |shard| shard.cell(0).add(5),
            |_| (),
            |shards, _| shards.iter().map(|s| s.cell(0).get()).sum(),
        ));
    });
    assert_eq!(SEEN.all(), [(false, 5), (true, 0)]);
}

/// What ends with a series is freed when no handle is left, and the next series' array is another, of another length.
#[test]
fn loom_the_next_histogram_has_an_array_of_its_own() {
    fn add(shard: &Shard, len: usize, n: u64) {
        shard.make_buckets(0, 0, len);
        shard.buckets(0, len).unwrap()[0].add(n);
    }
    static SEEN: Seen<(bool, u64)> = Seen::new();
    loom::model(|| {
        SEEN.note(removed_while_recorded(
            |shard| add(shard, 3, 5),
            |shards| {
                let shard = shards.acquire().unwrap();
                add(shard, 1, 1);
                shard.release();
            },
            |shards, reused| {
                let len = if reused { 1 } else { 3 };
                let arrays = shards.iter().filter_map(|s| s.buckets(0, len));
                arrays.flatten().map(|cell| cell.get()).sum()
            },
        ));
    });
    assert_eq!(SEEN.all(), [(false, 5), (true, 1)]);
}
