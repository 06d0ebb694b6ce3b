//! Histograms: against hdrhistogram, against sorted samples, and against a look at each sample for each bucket.
//!
//! Lives here: layouts of any precision, what is recorded by several threads and merged, quantiles, figures, what grew
//! between two snapshots, classic, exact and native buckets. Not here: how pages show them (`pages`).

use std::thread;

use hdrhistogram::Histogram as Hdr;
use media_metrics_core::desc::Kind;
use media_metrics_core::histogram::{HistogramSnapshot, Layout, NativeBuckets};
use media_metrics_core::{Desc, Registry};

use crate::input::Input;
use crate::models::native;

/// Layouts with more buckets are looked at, and not recorded into: an input should take microseconds.
const MOST_BUCKETS: usize = 6_000;

/// Most different values of one input.
const VALUES: usize = 120;

/// Records what the bytes say.
pub fn target(data: &[u8]) {
    let mut input = Input::new(data);
    if input.one_in(8) {
        return exact(&mut input);
    }
    let digits = input.any::<u8>() % 7;
    let layout = Layout::new(digits, input.scaled());
    (0..8).for_each(|_| arithmetic(&layout, &mut input));
    if layout.len() > MOST_BUCKETS || layout.max_value() > u64::MAX / 2 {
        return;
    }
    let scale = input.of(&[1.0, 1e3, 1e9, 1e-3, 7.3]);
    // Fine schemas have thousands of edges to be looked up: now and then will do.
    let finest = if input.one_in(8) { 10 } else { 5 };
    let desc = Desc::dynamic(Kind::Histogram, "h".into(), "H.".into())
        .dynamic_bounds(bounds(&mut input))
        .per_unit(scale)
        .layout_of(digits, layout.max_value())
        .native(input.any::<i8>() % finest);
    assert_eq!(desc.layout(), layout);
    recorded(&desc, &mut input);
}

/// Finite, ascending, each once.
fn bounds(input: &mut Input<'_>) -> Vec<f64> {
    let count = input.below(6);
    let mut bounds: Vec<f64> = (0..count).map(|_| input.float() + 0.0).collect();
    bounds.retain(|b| b.is_finite());
    bounds.sort_by(f64::total_cmp);
    bounds.dedup();
    bounds
}

/// The layout alone: a value is in its bucket, whose neighbours are next to it, and which is as narrow as it should be.
fn arithmetic(layout: &Layout, input: &mut Input<'_>) {
    let value = input.scaled().min(layout.max_value());
    let at = layout.index(value);
    let (low, high) = (layout.lowest(at), layout.highest(at));
    assert!(
        at < layout.len() && (low..=high).contains(&value),
        "{layout:?}: {value}"
    );
    let width = u128::from(high - low);
    let precision = 10_u128.pow(layout.digits().into());
    assert!(
        width * precision <= u128::from(value),
        "{layout:?}: {value} is in {low} to {high}"
    );
    assert!(at == 0 || layout.highest(at - 1) == low.wrapping_sub(1));
    assert_eq!(layout.index(high), at);
}

/// Two moments of a histogram that two threads record into.
fn recorded(desc: &Desc, input: &mut Input<'_>) {
    let registry = Registry::new().unwrap();
    let ours = registry.histogram(desc, &[]).unwrap();
    let mut model = Model::new(desc);
    let mut moments: Vec<(HistogramSnapshot, Model)> = Vec::new();
    // The other thread comes second: it would leave its cells to this one, and there would be one part to merge.
    for elsewhere in [false, input.one_in(8)] {
        let mut values = Vec::new();
        let base = input.scaled();
        for _ in 0..input.below(VALUES / 2) {
            let near = base.wrapping_add_signed(input.any::<i8>().into());
            let value = if input.one_in(2) {
                near
            } else {
                input.scaled()
            };
            let n = if input.one_in(6) {
                input.scaled() >> 24
            } else {
                1
            };
            values.push((value, n));
        }
        values.iter().for_each(|&(value, n)| model.record(value, n));
        let record = || {
            values
                .iter()
                .for_each(|&(value, n)| ours.record_n(value, n));
        };
        match elsewhere {
            true => thread::scope(|scope| scope.spawn(record).join().unwrap()),
            false => record(),
        }
        let got = registry.collect().histogram("h", &[]).unwrap().clone();
        model.compare(&got, input);
        moments.push((got, model.clone()));
    }
    grown(&moments[0], &moments[1]);
    let nothing: Vec<_> = moments[1].0.increases(Some(&moments[1].0)).collect();
    assert_eq!(nothing, []);
}

/// What grew is what hdrhistogram says is left when the earlier one is taken off.
fn grown(
    (earlier, before): &(HistogramSnapshot, Model),
    (later, after): &(HistogramSnapshot, Model),
) {
    let layout = later.layout();
    let mut left = after.hdr.clone();
    left.subtract(&before.hdr).unwrap();
    for (at, more) in later.increases(Some(earlier)) {
        assert!(more > 0);
        assert_eq!(more, left.count_at(layout.lowest(at)), "bucket {at}");
    }
    let all: u64 = later.increases(Some(earlier)).map(|(_, more)| more).sum();
    assert_eq!(all, left.len());
}

#[derive(Clone)]
struct Model {
    desc: Desc,
    hdr: Hdr<u64>,
    /// Values as they are kept, and how many of each.
    samples: Vec<(u64, u64)>,
    sum: u64,
    clamped: u64,
}

impl Model {
    fn new(desc: &Desc) -> Self {
        let (max, digits) = (desc.layout().max_value(), desc.layout().digits());
        Self {
            desc: desc.clone(),
            hdr: Hdr::new_with_bounds(1, max, digits).unwrap(),
            samples: Vec::new(),
            sum: 0,
            clamped: 0,
        }
    }

    fn record(&mut self, value: u64, n: u64) {
        let max = self.desc.layout().max_value();
        let kept = value.min(max);
        if n == 0 {
            return; // to hdrhistogram it was there all the same
        }
        self.hdr.record_n(kept, n).unwrap();
        self.samples.push((kept, n));
        self.samples.sort_unstable();
        self.sum = self.sum.wrapping_add(kept.wrapping_mul(n));
        self.clamped += if value > max { n } else { 0 };
    }

    fn count(&self) -> u64 {
        self.samples.iter().map(|s| s.1).sum()
    }

    /// How many samples are in buckets of the layout that begin at or below `limit`.
    fn begin_at_most(&self, limit: f64) -> u64 {
        let layout = self.desc.layout();
        let begins = |value: u64| layout.lowest(layout.index(value)) as f64 <= limit;
        self.samples
            .iter()
            .filter(|s| begins(s.0))
            .map(|s| s.1)
            .sum()
    }

    fn compare(&self, got: &HistogramSnapshot, input: &mut Input<'_>) {
        let layout = self.desc.layout();
        assert_eq!(got.count(), self.hdr.len());
        assert_eq!((got.sum(), got.clamped()), (self.sum, self.clamped));
        assert_eq!(got.to_hdr().unwrap(), self.hdr);
        for &(value, _) in &self.samples {
            let at = layout.index(value);
            assert_eq!(got.counts()[at], self.hdr.count_at(value), "{value}");
            assert_eq!(layout.lowest(at), self.hdr.lowest_equivalent(value));
            assert_eq!(layout.highest(at), self.hdr.highest_equivalent(value));
        }
        for (at, &count) in got.counts().iter().enumerate().filter(|(_, n)| **n > 0) {
            let here = |s: &&(u64, u64)| layout.index(s.0) == at;
            assert_eq!(
                count,
                self.samples.iter().filter(here).map(|s| s.1).sum::<u64>()
            );
        }
        for q in [
            0.0,
            0.5,
            0.95,
            1.0,
            input.float(),
            f64::from(input.any::<u16>()) / 65_535.0,
        ] {
            assert_eq!(got.quantile(q), self.quantile(q), "quantile {q}");
        }
        self.figures(got);
        self.classic(got);
        self.native(got, input.below(200).max(1));
    }

    /// By walking the samples one after the other.
    fn quantile(&self, q: f64) -> Option<u64> {
        let count = self.count();
        let q = if q.is_nan() { 0.0 } else { q.clamp(0.0, 1.0) };
        let rank = ((q * count as f64).ceil() as u64).clamp(1, count.max(1));
        let mut seen = 0;
        let found = self.samples.iter().find(|s| {
            seen += s.1;
            seen >= rank
        });
        let layout = self.desc.layout();
        found.map(|s| layout.highest(layout.index(s.0)).min(layout.max_value()))
    }

    fn figures(&self, got: &HistogramSnapshot) {
        let count = self.count();
        assert_eq!(got.summary().is_some(), count > 0);
        let Some(summary) = got.summary() else {
            return assert_eq!(got.max(), None);
        };
        let layout = self.desc.layout();
        assert_eq!(Some(summary.max), self.quantile(1.0));
        assert_eq!(summary.count, count);
        assert!(
            summary.p50 <= summary.p95 && summary.p95 <= summary.p99 && summary.p99 <= summary.max
        );
        // The widest bucket in use is the last one.
        let last = layout.index(summary.max);
        let half = (layout.highest(last) - layout.lowest(last)) as f64 / 2.0 + 1.0;
        let n = count as f64;
        let mean = self
            .samples
            .iter()
            .map(|s| s.0 as f64 * s.1 as f64)
            .sum::<f64>()
            / n;
        let slack = 1e-9 * summary.max as f64;
        assert!(
            (summary.mean - mean).abs() <= half + slack,
            "{summary:?}: mean {mean}"
        );
        let squares = |s: &(u64, u64)| (s.0 as f64 - mean).powi(2) * s.1 as f64;
        let deviation = (self.samples.iter().map(squares).sum::<f64>() / (n - 1.0)).sqrt();
        assert_eq!(summary.stddev.is_some(), count > 1);
        if let Some(got) = summary.stddev {
            let most = half * (n / (n - 1.0)).sqrt() + 1e-6 * summary.max as f64;
            assert!(
                (got - deviation).abs() <= most,
                "{summary:?}: deviation {deviation}"
            );
        }
    }

    fn classic(&self, got: &HistogramSnapshot) {
        let scale = self.desc.recorded_per_unit();
        let error = 1.0 + 2_f64.powi(-(self.desc.layout().half_count_magnitude() as i32));
        let at_most = |limit: f64| -> u64 {
            self.samples
                .iter()
                .filter(|s| s.0 as f64 <= limit)
                .map(|s| s.1)
                .sum()
        };
        assert_eq!(got.classic().count(), self.desc.bounds().len() + 1);
        for (&bound, count) in self.desc.bounds().iter().zip(got.classic()) {
            let limit = bound * scale;
            assert!(at_most(limit) <= count, "{bound}: {count}");
            let within = if limit < 0.0 {
                0
            } else {
                at_most(limit * error * (1.0 + 1e-12))
            };
            assert!(count <= within, "{bound}: {count}");
        }
        assert_eq!(got.classic().last(), Some(self.count()));
    }

    fn native(&self, got: &HistogramSnapshot, limit: usize) {
        let mut buckets = NativeBuckets::default();
        buckets.fill(got, limit);
        // What is between two snapshots never gets finer.
        let (zeros, counts) = native::read(&buckets);
        let most = counts.values().filter(|n| **n > 0).count();
        assert!(
            most <= limit || buckets.schema() == -4,
            "{most} buckets, not {limit}"
        );
        assert!(buckets.schema() <= self.desc.native_schema().unwrap());
        assert_eq!(zeros + counts.values().sum::<u64>(), self.count());
        let scale = self.desc.recorded_per_unit();
        let mut below = zeros;
        for (&index, &count) in &counts {
            below += count;
            let edge = native::edge(index, buckets.schema()) * scale;
            // What the model's own powers may be wrong by.
            let (least, most) = (edge * (1.0 - 1e-12), edge * (1.0 + 1e-12));
            let (least, most) = (self.begin_at_most(least), self.begin_at_most(most));
            assert!(
                (least..=most).contains(&below),
                "{index}: {below}, not {least} to {most}"
            );
        }
    }
}

/// An exact histogram: each value counts in every bucket whose bound it does not exceed.
fn exact(input: &mut Input<'_>) {
    let desc = Desc::dynamic(Kind::Histogram, "h".into(), "H.".into())
        .dynamic_bounds(bounds(input))
        .exact();
    let registry = Registry::new().unwrap();
    let ours = registry.exact_histogram(&desc, &[]).unwrap();
    let mut values = Vec::new();
    for _ in 0..input.below(VALUES) {
        let value = match input.below(3) {
            0 if !desc.bounds().is_empty() => input.of(desc.bounds()),
            1 if !desc.bounds().is_empty() => input.of(desc.bounds()).next_up(),
            _ => input.float(),
        };
        ours.record(value);
        values.push(value);
    }
    let snapshot = registry.collect();
    let got = snapshot.histogram("h", &[]).unwrap();
    let at_most = |bound: &f64| values.iter().filter(|v| *v <= bound).count() as u64;
    let mut wanted: Vec<u64> = desc.bounds().iter().map(at_most).collect();
    wanted.push(values.len() as u64);
    assert_eq!(got.classic().collect::<Vec<_>>(), wanted);
    let odd = values.iter().filter(|v| !v.is_finite()).count();
    assert_eq!(got.clamped(), odd as u64);
    let finite = values.iter().filter(|v| v.is_finite());
    let mut sum = 0.0;
    // A sum that is no longer finite would be so for ever: what makes it so is left out.
    finite.for_each(|v| sum = if (sum + v).is_finite() { sum + v } else { sum });
    assert_eq!(got.exact_sum(), Some(sum));
    assert_eq!((got.quantile(0.5), got.max()), (None, None));
}
