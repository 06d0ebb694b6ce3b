//! A series' index: registered, recorded into, removed, given to the next series, while the reporter
//! scans.

use loom::sync::Arc;
use loom::thread;

use super::Seen;
use crate::registry::series::Life;
use crate::shard::Shards;

/// The reporter zeroes the cells of a removed series only when no handle can write any more: the next
/// series with this index starts at 0.
#[test]
fn loom_the_next_series_starts_at_0() {
    static SEEN: Seen<(bool, u64)> = Seen::new();
    loom::model(|| {
        let shards = Arc::new(Shards::new(1));
        let life = Arc::new(Life::new());
        life.acquire(); // registration gave out a handle
        let (theirs, their_life) = (Arc::clone(&shards), Arc::clone(&life));
        let recorder = thread::spawn(move || {
            let shard = theirs.acquire().unwrap();
            shard.cell(0).add(5);
            shard.release();
            their_life.release(); // the handle is dropped
        });
        life.remove();
        let reused = life.is_over();
        if reused {
            shards.iter().for_each(|shard| shard.forget(0));
        }
        recorder.join().unwrap();
        let left: u64 = shards.iter().map(|s| s.cell(0).get()).sum();
        SEEN.note((reused, left));
    });
    assert_eq!(SEEN.all(), [(false, 5), (true, 0)]);
}
