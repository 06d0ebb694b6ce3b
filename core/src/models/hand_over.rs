//! Shards: handed from thread to thread, while a reader sums.

use loom::sync::Arc;
use loom::thread;

use super::Seen;
use crate::shard::Shards;

fn total(shards: &Shards) -> u64 {
    shards.iter().map(|s| s.cell(0).get()).sum()
}

fn record(shards: &Shards) {
    let shard = shards.acquire().unwrap();
    shard.cell(0).add(1);
    shard.release();
}

/// Two threads, one after the other or both at once: no increment is lost, whether or not the second
/// takes over the first one's shard.
#[test]
fn loom_a_shard_changes_hands_with_its_values() {
    static SEEN: Seen<usize> = Seen::new();
    loom::model(|| {
        let shards = Arc::new(Shards::new(1));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let shards = Arc::clone(&shards);
                thread::spawn(move || record(&shards))
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(total(&shards), 2);
        SEEN.note(shards.iter().count());
    });
    assert_eq!(SEEN.all(), [1, 2]);
}

/// A reader that walks while a thread attaches finds every older shard, and a total never goes back.
#[test]
fn loom_a_new_shard_hides_no_older_one() {
    static SEEN: Seen<(u64, u64)> = Seen::new();
    loom::model(|| {
        let shards = Arc::new(Shards::new(1));
        shards.acquire().unwrap().cell(0).add(1); // stays ours
        let theirs = Arc::clone(&shards);
        let thread = thread::spawn(move || record(&theirs));
        thread::yield_now(); // lets the thread go first, too
        let first = total(&shards);
        thread::yield_now();
        let second = total(&shards);
        thread.join().unwrap();
        assert!(1 <= first && first <= second, "{first}, then {second}");
        SEEN.note((first, second));
    });
    assert_eq!(SEEN.all(), [(1, 1), (1, 2), (2, 2)]);
}
