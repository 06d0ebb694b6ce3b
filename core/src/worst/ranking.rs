//! The few worst of many, in one pass.
//!
//! Lives here: a heap that never holds more than it may. Not here: what is compared (`figures`).

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::Figures;

/// One that may be among the worst.
#[derive(Debug)]
pub(crate) struct Sample<W> {
    pub(crate) figures: Figures,
    /// Decides between equals: the lower is worse. No two have the same.
    pub(crate) order: u64,
    pub(crate) who: W,
}

impl<W> Ord for Sample<W> {
    /// Worse first.
    fn cmp(&self, other: &Self) -> Ordering {
        let figures = self.figures.by_badness(&other.figures);
        figures.then(self.order.cmp(&other.order))
    }
}

impl<W> PartialOrd for Sample<W> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<W> PartialEq for Sample<W> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<W> Eq for Sample<W> {}

/// The `limit` worst of those offered.
///
/// - **Cost**: of one that is not among them a comparison; else the logarithm of the limit. No allocation after the
///   limit was first reached.
#[derive(Debug)]
pub(crate) struct Kept<W> {
    /// The least bad on top.
    heap: BinaryHeap<Sample<W>>,
    limit: usize,
}

impl<W> Kept<W> {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            heap: BinaryHeap::with_capacity(limit),
            limit,
        }
    }

    /// Whether anything is kept at all.
    pub(crate) const fn is_off(&self) -> bool {
        self.limit == 0
    }

    /// Takes it, if it is among the worst so far; `who` is asked only then.
    pub(crate) fn offer(&mut self, figures: Figures, order: u64, who: impl FnOnce() -> W) {
        let offered = Sample {
            figures,
            order,
            who: (),
        };
        if self.heap.len() < self.limit {
            self.heap.push(offered.of(who()));
        } else if let Some(mut least) = self.heap.peek_mut()
            && offered.is_worse_than(&least)
        {
            *least = offered.of(who());
        }
    }

    /// Takes what another kept, and leaves it empty.
    pub(crate) fn take(&mut self, other: &mut Self) {
        for sample in other.heap.drain() {
            self.offer(sample.figures, sample.order, || sample.who);
        }
    }

    /// Hands all to `each` with their ranks, the worst first, and is empty then.
    pub(crate) fn drain_sorted(&mut self, mut each: impl FnMut(usize, Sample<W>)) {
        let mut sorted = std::mem::take(&mut self.heap).into_sorted_vec();
        for (rank, sample) in sorted.drain(..).enumerate() {
            each(rank, sample);
        }
        self.heap = BinaryHeap::from(sorted); // its memory
    }
}

impl Sample<()> {
    fn is_worse_than<W>(&self, other: &Sample<W>) -> bool {
        let figures = self.figures.by_badness(&other.figures);
        figures.then(self.order.cmp(&other.order)).is_lt()
    }

    fn of<W>(self, who: W) -> Sample<W> {
        Sample {
            figures: self.figures,
            order: self.order,
            who,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    fn figures() -> impl Strategy<Value = Figures> {
        // Few values each, so that there are equals.
        let few = |scale: f64| option::of((0_u8..4).prop_map(move |n| f64::from(n) * scale));
        (few(30.0), few(0.25), few(0.01)).prop_map(|(score, loss_ratio, jitter_seconds)| Figures {
            score,
            loss_ratio,
            jitter_seconds,
            ..Figures::default()
        })
    }

    proptest! {
        #[test]
        fn those_kept_are_the_first_of_a_sorted_list(
            all in vec(figures(), 0..if cfg!(miri) { 8 } else { 60 }),
            limit in 0_usize..12,
            parts in 1_usize..5,
        ) {
            let mut whole = Kept::new(limit);
            let mut chunks: Vec<_> = (0..parts).map(|_| Kept::new(limit)).collect();
            for (i, one) in all.iter().enumerate() {
                chunks[i % parts].offer(*one, i as u64, || i);
            }
            chunks.iter_mut().for_each(|chunk| whole.take(chunk));
            let mut kept = Vec::new();
            whole.drain_sorted(|rank, sample| kept.push((rank, sample.who)));

            let mut sorted: Vec<usize> = (0..all.len()).collect();
            // Words for words what the module says, and stable.
            sorted.sort_by(|&a, &b| {
                let key = |i: usize| {
                    let f: &Figures = &all[i];
                    let loss = f.loss_ratio.unwrap_or(0.0);
                    (f.score.unwrap_or(100.0 * (1.0 - loss)), -loss, -f.jitter_seconds.unwrap_or(0.0))
                };
                key(a).partial_cmp(&key(b)).unwrap()
            });
            let expected: Vec<_> = sorted.into_iter().take(limit).enumerate().collect();
            prop_assert_eq!(kept, expected);
        }
    }
}
