//! A gauge is raised by one thread and set by another, while a third reads it.

use loom::sync::Arc;
use loom::thread;

use super::Seen;
use crate::gauge::level::Level;
use crate::shard::Shards;

struct Gauge {
    level: Level,
    shards: Shards,
}

impl Gauge {
    fn raise(&self, n: f64) {
        self.level.expect_additions();
        let cells = self.shards.iter().map(|shard| shard.cell(0));
        cells.for_each(|cell| cell.add_f64(n)); // there is one
    }

    fn level(&self) -> i64 {
        self.level.value(&self.shards, 0).unwrap() as i64
    }
}

/// The level is always one that somebody made: 3 was added before 10 was set, or after it, or not yet. Never 7, which is
/// what is stored for 10 by who sees the 3.
#[test]
fn loom_a_level_is_one_that_somebody_made() {
    static SEEN: Seen<(i64, i64)> = Seen::new();
    loom::model(|| {
        let shards = Shards::new(1);
        let _ours = shards.acquire().unwrap();
        let level = Level::new();
        let gauge = Arc::new(Gauge { level, shards });
        let raised = Arc::clone(&gauge);
        let raiser = thread::spawn(move || raised.raise(3.0));
        // A thread that knows nothing: loom lets one that made the gauge, and yields, read no first value again.
        let read = Arc::clone(&gauge);
        let reader = thread::spawn(move || read.level());
        thread::yield_now(); // lets the others go first, too
        gauge.level.set(&gauge.shards, 0, 10.0);
        raiser.join().unwrap();
        let seen = reader.join().unwrap();
        SEEN.note((seen, gauge.level()));
    });
    let all = [
        (0, 10),
        (0, 13),
        (3, 10),
        (3, 13),
        (10, 10),
        (10, 13),
        (13, 13),
    ];
    assert_eq!(SEEN.all(), all);
}
