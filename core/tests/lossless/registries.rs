//! Many registries in the same threads: more than threads have places for, some of which go while others record.

use media_metrics_core::Registry;

use super::books::{Desk, Tally, scaled, small};
use super::watch::while_watched;

/// More than there are fast places in a thread (64).
const REGISTRIES: usize = if cfg!(miri) { 3 } else { 80 };
const THREADS: usize = 3;

/// Records into all of them, in an order that changes.
fn record_all(desks: &[Desk], rounds: usize, first: usize) -> Vec<Tally> {
    let mut tallies = vec![Tally::default(); desks.len()];
    for round in 0..rounds {
        for i in 0..desks.len() {
            let at = (i * 7 + round + first) % desks.len();
            match round % 3 {
                0 => desks[at].local().record(&mut tallies[at], i + round),
                _ => desks[at].record(&mut tallies[at], i + round),
            }
        }
    }
    tallies
}

#[test]
fn of_many_registries_in_the_same_threads_each_has_its_own_sum() {
    let registries: Vec<Registry> = (0..REGISTRIES).map(|_| small()).collect();
    let desks: Vec<Desk> = registries
        .iter()
        .map(|r| Desk::new(r, "registries"))
        .collect();
    let rounds = scaled(60);
    let mut sums = vec![Tally::default(); REGISTRIES];
    // One is watched that has a place of its own, and one that has none.
    let watched = [&registries[0], &registries[REGISTRIES - 1]];
    let ((), _) = while_watched(watched[0], || {
        let ((), _) = while_watched(watched[1], || {
            std::thread::scope(|scope| {
                let threads: Vec<_> = (0..THREADS)
                    .map(|t| {
                        let desks = &desks;
                        scope.spawn(move || record_all(desks, rounds, t))
                    })
                    .collect();
                // Others come and go meanwhile, and take nothing along.
                let passing = scope.spawn(move || {
                    for n in 0..rounds {
                        let registry = small();
                        let desk = Desk::new(&registry, "passing");
                        let mut tally = Tally::default();
                        desk.record(&mut tally, n);
                        desk.check(&registry.collect(), &tally);
                        drop(registry);
                        desk.record(&mut tally, n); // seen by nobody
                    }
                });
                for thread in threads {
                    let tallies = thread.join().unwrap();
                    sums.iter_mut().zip(&tallies).for_each(|(sum, t)| *sum += t);
                }
                passing.join().unwrap();
            });
        });
    });
    for ((registry, desk), sum) in registries.iter().zip(&desks).zip(&sums) {
        desk.check(&registry.collect(), sum);
    }
}
