//! Counters of many threads, merged into totals.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use media_metrics_benches::contest::{Contest, Role};
use media_metrics_benches::options::Options;
use media_metrics_benches::results::Section;
use media_metrics_core::{Counter, Desc, Registry};

use crate::allocations;

static CELLS: Desc = Desc::counter("bench_cells_total", "Cells.").labels(&["number"]);

const OURS: &str = "Registry::collect";

pub(crate) fn run(options: &Options, series: usize, threads: usize, section: &mut Section) {
    let title = format!("merge: {series} counters of {threads} threads");
    if !options.wants(&title) {
        return;
    }
    let expected = (series * threads) as u64;
    let mut c = Contest::new(&title, "ns per cell", expected as f64);

    let slabs: Vec<Vec<AtomicU64>> = (0..threads)
        .map(|_| (0..series).map(|_| AtomicU64::new(1)).collect())
        .collect();
    let mut totals = vec![0_u64; series];
    c.enter(Role::Floor, "read every cell once, add up", move |_, n| {
        let time = timed(n, || {
            totals.fill(0);
            for slab in &slabs {
                totals
                    .iter_mut()
                    .zip(slab)
                    .for_each(|(t, cell)| *t += cell.load(Relaxed));
            }
        });
        assert_eq!(totals.iter().sum::<u64>(), expected);
        time
    });

    let registry = Registry::builder()
        .max_series(series + 100)
        .build()
        .expect("a registry");
    let counters: Vec<Counter> = (0..series)
        .map(|i| {
            registry
                .counter(&CELLS, &[&i.to_string()])
                .expect("a counter")
        })
        .collect();
    at_once(threads, || counters.iter().for_each(Counter::inc));
    let own = registry.clone();
    c.enter(Role::Ours, OURS, move |_, n| {
        let mut last = own.collect();
        let time = timed(n, || last = own.collect());
        let family = last.family(CELLS.name()).expect("the family");
        let total: u64 = match family.values() {
            media_metrics_core::snapshot::Values::Counter(v) => v.iter().sum(),
            _ => 0,
        };
        assert_eq!(total, expected);
        time
    });

    let group = metriken::ShardedCounterGroup::new(series);
    at_once(threads, || {
        for i in 0..series {
            assert!(group.increment(i));
        }
    });
    c.enter(Role::Peer, "metriken, sharded group", move |_, n| {
        let mut last = None;
        let time = timed(n, || last = group.load());
        assert_eq!(last.map(|all| all.iter().sum()), Some(expected));
        time
    });

    let outcome = c.hold(options, &[1]);
    section.outcome(&outcome);
    section.ratio_goal(&title, &outcome, OURS, 0, 2.0);
    let calls = allocations(&registry, || ());
    section.goal(&format!("{title}: allocations"), calls as f64, 0.0, "");
}

/// Does `work` on each of `threads`, all alive at once: one that came after another's end would get its cells.
pub(crate) fn at_once(threads: usize, work: impl Fn() + Sync) {
    let all = Barrier::new(threads);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                work();
                all.wait();
            });
        }
    });
}

pub(crate) fn timed(n: u64, mut work: impl FnMut()) -> Duration {
    let start = Instant::now();
    (0..n).for_each(|_| work());
    start.elapsed()
}
