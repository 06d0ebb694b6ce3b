//! What a histogram recorded in the last seconds.
//!
//! Lives here: reading what came since the last time, rings of differences that forget. Not here: which histograms
//! are watched (`watch`), what counts amount to (`histogram::summary`), when a tick is (`thread`).
//!
//! # How a window forgets
//! At each tick a histogram's counts are read, and those of the tick before taken off. What came in
//! between is added to the window's total, and noted in its newest slot, bucket by bucket, only those that
//! changed. A slot that is too old is taken off the total again. So a window costs its total, and what its
//! slots hold: some tens of buckets each, if latencies are what they were.
//!
//! Ticks may be irregular, so time decides, not their number: ticks are put together in one slot while it
//! is no longer than a twelfth of the window ([`SLOTS`]), and a slot goes when its middle is older than the
//! window. So a window covers its span to within half a slot or half a tick, whichever is longer, however
//! many ticks there are; its newest slot stays, however long it took.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::histogram::array::{HEADER, SUM, array_len};
use crate::histogram::{Buckets, Histogram, Layout, Summary};
use crate::registry::{Handle, Series};
use crate::shard::Shards;

/// A window's span is at least this many slots.
const SLOTS: u32 = 12;

/// A histogram, and what it counted when it was read last.
#[derive(Debug)]
pub(crate) struct Recorded {
    histogram: Histogram,
    before: Box<[u64]>,
    sum_before: u64,
}

impl Recorded {
    /// Nothing of `histogram` was read yet.
    pub(crate) fn new(histogram: Histogram) -> Self {
        Self {
            before: vec![0; histogram.layout().len()].into(),
            sum_before: 0,
            histogram,
        }
    }

    pub(super) const fn histogram(&self) -> &Histogram {
        &self.histogram
    }

    /// Memory in bytes, roughly.
    pub(super) fn memory(&self) -> usize {
        self.before.len() * 8
    }

    /// Makes `fresh` the counts of what was recorded since the last call; their sum.
    pub(crate) fn read(&mut self, fresh: &mut Vec<u64>) -> u64 {
        let layout = self.histogram.layout();
        fresh.clear();
        fresh.resize(layout.len(), 0);
        let handle: &Handle = self.histogram.handle();
        let (shards, series): (&Shards, &Series) = (handle.home().shards(), handle.series());
        let len = array_len(layout);
        let mut sum: u64 = 0;
        for array in shards.iter().filter_map(|s| s.buckets(series.index, len)) {
            sum = sum.wrapping_add(array[SUM].get());
            let cells = array.iter().skip(HEADER);
            fresh
                .iter_mut()
                .zip(cells)
                .for_each(|(n, cell)| *n = n.wrapping_add(cell.get()));
        }
        for (now, before) in fresh.iter_mut().zip(&mut self.before) {
            // No cell goes back while a handle of its series lives, and we hold one.
            (*now, *before) = (now.wrapping_sub(*before), *now);
        }
        let added = sum.wrapping_sub(self.sum_before);
        self.sum_before = sum;
        added
    }
}

/// What was recorded in the last while.
#[derive(Debug)]
pub(crate) struct Window {
    span: Duration,
    layout: Layout,
    /// Sum of all slots: of counts, and of samples.
    total: Box<[u64]>,
    sum: u64,
    /// Oldest first, each beginning where the one before ends.
    slots: VecDeque<Slot>,
}

#[derive(Debug)]
struct Slot {
    from: Instant,
    to: Instant,
    counts: BTreeMap<u32, u64>,
    sum: u64,
}

impl Window {
    pub(crate) fn new(span: Duration, layout: Layout) -> Self {
        Self {
            span,
            layout,
            total: vec![0; layout.len()].into(),
            sum: 0,
            slots: VecDeque::new(),
        }
    }

    /// Takes in what came between two moments, and forgets what is too old at the second.
    pub(crate) fn step(&mut self, from: Instant, to: Instant, fresh: &[u64], sum: u64) {
        let room = |slot: &Slot| to.saturating_duration_since(slot.from) <= self.span / SLOTS;
        if !self.slots.back().is_some_and(room) {
            let counts = BTreeMap::new();
            self.slots.push_back(Slot {
                from,
                to,
                counts,
                sum: 0,
            });
        }
        if let Some(slot) = self.slots.back_mut() {
            slot.to = to;
            slot.sum = slot.sum.wrapping_add(sum);
            self.sum = self.sum.wrapping_add(sum);
            for ((at, total), &n) in (0..).zip(&mut self.total).zip(fresh).filter(|f| *f.1 > 0) {
                *total = total.wrapping_add(n);
                let count = slot.counts.entry(at).or_default();
                *count = count.wrapping_add(n);
            }
        }
        let span = self.span;
        let age = |then| to.saturating_duration_since(then);
        let old = |slot: &Slot| age(slot.from) + age(slot.to) > span.saturating_mul(2);
        while self.slots.len() > 1 && self.slots.front().is_some_and(old) {
            let Some(gone) = self.slots.pop_front() else {
                break;
            };
            self.sum = self.sum.wrapping_sub(gone.sum);
            for (at, n) in gone.counts {
                if let Some(total) = self.total.get_mut(at as usize) {
                    *total = total.wrapping_sub(n);
                }
            }
        }
    }

    /// What it amounts to; `None` if nothing was recorded.
    pub(crate) fn summary(&self) -> Option<Summary> {
        let (layout, counts) = (self.layout, &*self.total);
        let buckets = Buckets { layout, counts };
        let mean = buckets.mean_of(self.sum)?;
        Some(Summary {
            mean,
            ..buckets.summary()?
        })
    }

    /// Memory in bytes, roughly.
    pub(super) fn memory(&self) -> usize {
        // A leaf of eleven entries takes 150 bytes, and is half full or more.
        let entries: usize = self.slots.iter().map(|s| s.counts.len()).sum();
        self.total.len() * 8 + entries * 25
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    /// Twelve buckets: enough to see which sample went where.
    const LAYOUT: Layout = Layout::new(0, 40);

    /// Time since the tick before, and what came in it.
    fn ticks() -> impl Strategy<Value = Vec<(Duration, Vec<u64>)>> {
        let time = prop_oneof![
            Just(1_000_000_000_u64),            // on time
            999_000_000..1_001_000_000_u64,     // nearly
            1..50_000_000_u64,                  // flushes
            1..3_000_000_000_u64,               // anyhow
            30_000_000_000..90_000_000_000_u64, // asleep
        ];
        let counts = prop_oneof![Just(vec![0; LAYOUT.len()]), vec(0..9_u64, LAYOUT.len())];
        vec(
            (time.prop_map(Duration::from_nanos), counts),
            1..if cfg!(miri) { 8 } else { 300 },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            rng_seed: RngSeed::Fixed(7),
            cases: if cfg!(miri) { 1 } else { 256 },
            ..ProptestConfig::default()
        })]

        /// The oracle keeps every tick for ever, and adds up those of the window one by one.
        #[test]
        fn a_window_is_the_sum_of_its_last_ticks(ticks in ticks(), span in prop_oneof![Just(0_u64), Just(10), Just(60)]) {
            let span = Duration::from_secs(span);
            let mut window = Window::new(span, LAYOUT);
            let birth = Instant::now();
            let mut now = birth;
            let mut all: Vec<(Instant, Instant, &[u64])> = Vec::new();
            for (time, counts) in &ticks {
                let from = now;
                now += *time;
                let sum_of = |counts: &[u64]| (0..).zip(counts).map(|(at, n)| LAYOUT.lowest(at) * n).sum();
                window.step(from, now, counts, sum_of(counts));
                all.push((from, now, counts));

                let since = window.slots.front().map(|s| s.from);
                let inside = all.iter().filter(|t| Some(t.0) >= since);
                let mut sum = vec![0; LAYOUT.len()];
                let mut longest = Duration::ZERO;
                for (from, to, counts) in inside {
                    sum.iter_mut().zip(*counts).for_each(|(s, n)| *s += n);
                    longest = longest.max(*to - *from);
                }
                prop_assert_eq!(&*window.total, &*sum);
                prop_assert_eq!(window.sum, sum_of(&sum));
                let slots = window.slots.iter().flat_map(|s| &s.counts);
                let in_slots: u64 = slots.map(|(_, n)| n).sum();
                prop_assert_eq!(window.total.iter().sum::<u64>(), in_slots);

                // It covers its span; more or less by half a slot, half a tick; less if it is young.
                let covered = since.map_or(Duration::ZERO, |s| now - s);
                let half = (span / SLOTS).max(longest) / 2;
                prop_assert!(covered <= span + half || window.slots.len() == 1, "{covered:?}");
                let before = all.iter().map(|t| t.1 - t.0).max().unwrap_or_default();
                let half = (span / SLOTS).max(before) / 2;
                prop_assert!(covered + half >= span.min(now - birth), "{covered:?}");
                prop_assert!(window.slots.len() <= 2 * SLOTS as usize + 1 + 1, "{}", window.slots.len());
            }
        }
    }

    /// Ticks on time: exactly the last ten and sixty.
    #[test]
    fn regular_ticks_are_counted_to_the_tick() {
        let spans = [0, 10, 60].map(Duration::from_secs);
        let mut windows = spans.map(|span| Window::new(span, LAYOUT));
        let birth = Instant::now();
        let at = |tick: u64| birth + Duration::from_secs(tick);
        let mut fresh = vec![0; LAYOUT.len()];
        fresh[3] = 1;
        for tick in 1..=if cfg!(miri) { 66 } else { 200 } {
            let counts = windows.each_mut().map(|window| {
                window.step(at(tick - 1), at(tick), &fresh, LAYOUT.lowest(3));
                if cfg!(miri) && tick % 13 != 0 {
                    return 0; // not looked at
                }
                let summary = window.summary();
                assert_eq!(summary.map(|s| s.mean), Some(LAYOUT.lowest(3) as f64));
                summary.map_or(0, |s| s.count)
            });
            if counts == [0; 3] {
                continue;
            }
            assert_eq!(counts[..2], [1, tick.min(10)], "tick {tick}");
            // Slots of five seconds: the oldest goes when its middle is a minute old.
            let whole = tick.min(58 + (tick + 2) % 5);
            assert_eq!(counts[2], whole, "tick {tick}");
        }
    }

    /// However often somebody flushes, a window keeps a bounded number of slots.
    #[test]
    fn flushes_take_no_room() {
        let mut window = Window::new(Duration::from_secs(10), LAYOUT);
        let birth = Instant::now();
        let each = if cfg!(miri) { 250 } else { 1 }; // milliseconds
        let at = |tick: u64| birth + Duration::from_millis(tick * each);
        let fresh = vec![each; LAYOUT.len()];
        for tick in 1..=30_000 / each {
            window.step(at(tick - 1), at(tick), &fresh, 0);
        }
        assert!(
            window.slots.len() <= 2 * SLOTS as usize,
            "{}",
            window.slots.len()
        );
        let covered = window.summary().unwrap().count / LAYOUT.len() as u64;
        assert!((9_500..=10_500).contains(&covered), "{covered} ms");
    }
}
