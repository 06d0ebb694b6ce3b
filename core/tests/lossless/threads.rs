//! Threads without number, sixteen at a time: a million by `cargo xtask stress`, a tenth of them otherwise.

use super::books::{Desk, Tally, scaled, small};
use super::watch::while_watched;

/// Alive at once.
const GROUP: usize = 16;

#[test]
fn of_threads_without_number_every_record_is_published() {
    let threads = scaled(100_000);
    let registry = small();
    let desk = Desk::new(&registry, "threads");
    let (tally, last) = while_watched(&registry, || {
        let mut tally = Tally::default();
        let mut begun = 0;
        while begun < threads {
            let group = GROUP.min(threads - begun);
            tally += &at_once(&desk, begun..begun + group);
            begun += group;
        }
        tally
    });
    desk.check(&last, &tally);
    // Memory follows the threads alive at once: those, the watcher and this one. A joined thread's destructors are
    // done, so that the next group finds its shard.
    let shards = last.gauge("media_metrics_shards", &[]).unwrap();
    assert!(shards <= (GROUP + 2) as f64, "{shards} shards");
}

/// A thread for each number, all at once; each records a little and ends.
fn at_once(desk: &Desk, numbers: std::ops::Range<usize>) -> Tally {
    let life = |n: usize| {
        let mut tally = Tally::default();
        desk.record(&mut tally, n);
        match n % 2 {
            0 => desk.local().record(&mut tally, n / 3),
            _ => desk.record(&mut tally, n / 3),
        }
        tally
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = numbers.map(|n| scope.spawn(move || life(n))).collect();
        let mut sum = Tally::default();
        threads.into_iter().for_each(|t| sum += &t.join().unwrap());
        sum
    })
}
