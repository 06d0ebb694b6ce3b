//! What a histogram got in an interval, all its series together.
//!
//! Lives here: quantiles, mean, and columns of a heatmap. Not here: which series grew (`interval`).

use std::collections::BTreeMap;

use media_metrics_core::Desc;
use media_metrics_core::histogram::{HistogramSnapshot, Layout};
use serde::Serialize;

use crate::grown::quantile;

/// Buckets of a heatmap's column for each doubling. The bucket `i` has values above `2^((i-1)/4)` up to `2^(i/4)`.
const PER_DOUBLING: f64 = 4.0;

/// Buckets that grew, and by how much.
#[derive(Debug)]
pub(super) struct Spread {
    layout: Layout,
    per_unit: f64,
    buckets: BTreeMap<usize, u64>,
    sum: f64,
}

/// The figures of samples, in the exposed unit. A quantile is the highest value of the bucket that it falls into, as
/// those of [`HistogramSnapshot::quantile`] are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Figures {
    count: u64,
    mean: f64,
    min: f64,
    p05: f64,
    p50: f64,
    p95: f64,
    p99: f64,
    p999: f64,
    max: f64,
}

impl Spread {
    /// Of a family's samples, none yet.
    pub(super) fn new(desc: &Desc) -> Self {
        Self {
            layout: desc.layout(),
            per_unit: desc.recorded_per_unit(),
            buckets: BTreeMap::new(),
            sum: 0.0,
        }
    }

    /// Adds what a series got since `before`.
    pub(super) fn add(&mut self, now: &HistogramSnapshot, before: Option<&HistogramSnapshot>) {
        // An exact histogram knows no values.
        if now.exact_sum().is_some() || now.layout() != self.layout {
            return;
        }
        for (bucket, n) in now.increases(before) {
            let count = self.buckets.entry(bucket).or_default();
            *count = count.saturating_add(n);
        }
        let before = before.map_or(0, HistogramSnapshot::sum);
        self.sum += now.sum().wrapping_sub(before) as f64;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    fn count(&self) -> u64 {
        self.buckets
            .values()
            .fold(0, |sum: u64, n| sum.saturating_add(*n))
    }

    /// The figures; `None` without samples.
    pub(super) fn figures(&self) -> Option<Figures> {
        let count = self.count();
        let (lowest, _) = self.buckets.first_key_value()?;
        let (min, max) = (
            self.layout.lowest(*lowest) as f64 / self.per_unit,
            self.quantile(1.0, count)?,
        );
        // A sample that is just being recorded may be in its bucket and not yet in the sum.
        let mean = (self.sum / self.per_unit / count as f64).clamp(min, max);
        Some(Figures {
            count,
            mean,
            min,
            p05: self.quantile(0.05, count)?,
            p50: self.quantile(0.5, count)?,
            p95: self.quantile(0.95, count)?,
            p99: self.quantile(0.99, count)?,
            p999: self.quantile(0.999, count)?,
            max,
        })
    }

    fn quantile(&self, q: f64, count: u64) -> Option<f64> {
        let buckets = self.buckets.iter().map(|(&bucket, &n)| (bucket, n));
        let value = quantile(self.layout, buckets, count, q)?;
        Some(value as f64 / self.per_unit)
    }

    /// Index and count of each bucket of a heatmap's column that holds a sample, ascending. A bucket of the histogram
    /// that one of the column's edges cuts goes where its lowest value belongs; the value 0 where the smallest does.
    pub(super) fn column(&self) -> Vec<(i32, u64)> {
        let mut column = BTreeMap::new();
        for (&bucket, &n) in &self.buckets {
            let value = self.layout.lowest(bucket).max(1) as f64 / self.per_unit;
            let index = (value.log2() * PER_DOUBLING).ceil() as i32;
            let count: &mut u64 = column.entry(index).or_default();
            *count = count.saturating_add(n);
        }
        column.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media_metrics_core::snapshot::{Builder, Snapshot};
    use proptest::prelude::*;

    const NAME: &str = "a_seconds";

    fn desc() -> Desc {
        Desc::histogram(NAME, "A.", &[0.001, 1.0])
            .per_unit(1e9)
            .layout_of(2, 60_000_000_000)
    }

    fn of(samples: &[u64]) -> Snapshot {
        Builder::new().histogram(&desc(), &[(&[], samples)]).build()
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(6), ..ProptestConfig::default() })]

        /// Samples of two series, of which one had some before, have the figures of one histogram with all the new ones.
        #[test]
        fn the_figures_are_those_of_the_new_samples(
            old in prop::collection::vec(1_u64..1 << 35, 0..50),
            new in prop::collection::vec(0_u64..1 << 35, 1..200),
            other in prop::collection::vec(0_u64..1 << 35, 0..50),
        ) {
            let (before, other_now) = (of(&old), of(&other));
            let now = of(&[&old[..], &new].concat());
            let all = of(&[&new[..], &other].concat());
            let histogram = |s: &'_ Snapshot| s.histogram(NAME, &[]).cloned().unwrap();
            let mut spread = Spread::new(&desc());
            spread.add(&histogram(&now), Some(&histogram(&before)));
            spread.add(&histogram(&other_now), None);
            let (figures, wanted) = (spread.figures().unwrap(), histogram(&all));
            prop_assert_eq!(figures.count, wanted.count());
            for (q, got) in [(0.05, figures.p05), (0.5, figures.p50), (0.95, figures.p95), (0.99, figures.p99), (0.999, figures.p999), (1.0, figures.max)] {
                prop_assert_eq!(got, wanted.quantile(q).unwrap() as f64 / 1e9);
            }
            let column = spread.column();
            prop_assert_eq!(column.iter().map(|(_, n)| n).sum::<u64>(), wanted.count());
            prop_assert!(column.is_sorted_by(|a, b| a.0 < b.0));
            prop_assert!(figures.min <= figures.mean && figures.mean <= figures.max);
        }

        #[test]
        fn a_sample_is_within_the_edges_of_its_column(value in 1_u64..60_000_000_000) {
            let mut spread = Spread::new(&desc());
            spread.add(of(&[value]).histogram(NAME, &[]).unwrap(), None);
            let [(index, 1)] = spread.column()[..] else { panic!("one sample") };
            let edge = |i: i32| (f64::from(i) / PER_DOUBLING).exp2();
            let seconds = value as f64 / 1e9;
            prop_assert!(edge(index) * 1.01 >= seconds && seconds > edge(index - 1) * (1.0 - 1e-9));
        }
    }

    #[test]
    fn nothing_has_no_figures() {
        assert_eq!(Spread::new(&desc()).figures(), None);
    }
}
