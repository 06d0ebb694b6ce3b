//! A reader that looks all the while: no series goes back from one snapshot to the next.
//!
//! Lives here: the comparison of two snapshots, and the thread that makes it while others work. Not here: what the sums
//! should be in the end (`books`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use media_metrics_core::snapshot::{FamilySnapshot, Values};
use media_metrics_core::{Registry, Snapshot};

/// The snapshot that the next one is held against.
#[derive(Debug, Default)]
pub(super) struct Watch {
    last: Option<Arc<Snapshot>>,
    /// How often a counter or a histogram had grown since the look before.
    pub(super) grown: u64,
}

impl Watch {
    /// Fails if anything went back since the last look.
    pub(super) fn look(&mut self, now: Arc<Snapshot>) {
        if let Some(last) = self.last.take() {
            assert!(
                last.sequence() <= now.sequence(),
                "snapshot {} after {}",
                now.sequence(),
                last.sequence()
            );
            for family in now.families() {
                let name = family.schema().desc().name();
                if let Some(before) = last.family(name) {
                    self.grown += grown(before, family);
                }
            }
        }
        self.last = Some(now);
    }
}

/// How many series grew; fails if one went back.
fn grown(before: &FamilySnapshot, now: &FamilySnapshot) -> u64 {
    let (old, new) = (before.schema(), now.schema());
    let same_schema = Arc::ptr_eq(old, new);
    let before_of = |i: usize| match same_schema {
        true => Some(i),
        false => (0..old.len()).find(|&j| new.is_same_series(i, old, j)),
    };
    let pairs = (0..new.len()).filter_map(|i| Some((before_of(i)?, i)));
    let mut grown = 0;
    let mut held = |what: &str, i: usize, then: u64, now: u64| {
        let series: Vec<_> = new.labels(i).collect();
        let name = new.desc().name();
        assert!(
            then <= now,
            "{what} of {name} {series:?}: {now} after {then}"
        );
        grown += u64::from(then < now);
    };
    match (before.values(), now.values()) {
        (Values::Counter(then), Values::Counter(now)) => {
            pairs.for_each(|(j, i)| held("total", i, then[j], now[i]));
        }
        (Values::Histogram(then), Values::Histogram(now)) => pairs.for_each(|(j, i)| {
            held("count", i, then[j].count(), now[i].count());
            held("sum", i, then[j].sum(), now[i].sum());
            held("clamped", i, then[j].clamped(), now[i].clamped());
            let buckets = then[j].counts().iter().zip(now[i].counts());
            buckets.for_each(|(&then, &now)| held("a bucket", i, then, now));
        }),
        _ => {} // a gauge may go where it likes
    }
    grown
}

/// Sets the flag when it goes, however it goes: so that a failed test ends.
struct SetOnDrop<'f>(&'f AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed); // Relaxed: the join orders what matters
    }
}

/// Does the work while a thread merges as fast as it can, and looks at each snapshot. With the last one, of all that was
/// done.
pub(super) fn while_watched<T>(
    registry: &Registry,
    work: impl FnOnce() -> T,
) -> (T, Arc<Snapshot>) {
    let done = AtomicBool::new(false);
    let mut watch = Watch::default();
    watch.look(registry.collect());
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            while !done.load(Relaxed) {
                watch.look(registry.collect());
            }
            watch
        });
        let result = {
            let _done = SetOnDrop(&done);
            work()
        };
        let mut watch = watcher.join().unwrap();
        let last = registry.collect();
        watch.look(Arc::clone(&last));
        assert!(watch.grown > 0, "nothing grew while it was looked at");
        (result, last)
    })
}

/// A snapshot in which something went back is noticed: else all tests here prove half of what they say.
#[test]
#[should_panic(expected = "total of t_hits_total [(\"who\", \"a\")]: 4 after 5")]
fn what_goes_back_is_noticed() {
    let registry = super::books::small();
    let hits = media_metrics_core::Desc::counter("t_hits_total", "Hits.").labels(&["who"]);
    let counter = registry.counter(&hits, &["a"]).unwrap();
    let mut watch = Watch::default();
    counter.add(5);
    watch.look(registry.collect());
    counter.add(u64::MAX); // less 1, in wrapping arithmetic
    watch.look(registry.collect());
}
