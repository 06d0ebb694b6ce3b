//! Against a model that keeps every value it took, in floating point, and adds up at the end; and drift.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;

type Key = (u32, &'static str, &'static str);

/// Time between rows: a series earns as much as six samples of 8 s can cost, and five falls.
const ROW_S: u32 = 55;

#[derive(Clone, Debug)]
struct Said {
    key: Key,
    samples: Vec<(i64, f32)>,
}

fn any_value() -> impl Strategy<Value = f32> {
    prop_oneof![
        6 => (0..32u32).prop_map(|v| v as f32 / 4.0),
        4 => 0.0..8.0f32,
        2 => (0.0..64.0f32).prop_map(f32::sqrt),
        // What the passed time does not allow is another test's: `growth`.
        1 => any::<f32>().prop_filter("too fast", |v| !(8.0..1e13).contains(v)),
        1 => Just(f32::NAN),
    ]
}

prop_compose! {
    fn any_row()(
        label in prop_oneof![9 => 0..20u32, 1 => 20..30u32, 1 => 4_090..4_100u32],
        track in prop::sample::select(vec!["", "TR_a", "TR_b"]),
        rid in prop::sample::select(vec!["", "f"]),
        samples in prop::collection::vec((-5..60i64, any_value()), 0..6),
    ) -> Said {
        Said { key: (label, track, rid), samples }
    }
}

/// What should have been counted, from lists of all that was taken.
#[derive(Default)]
struct Model {
    taken: BTreeMap<Key, Vec<(i64, f64)>>,
    /// The row that a series' last value was taken from.
    heard: BTreeMap<Key, u32>,
    meaningless: u64,
    out_of_range: u64,
    out_of_order: u64,
    duplicate: u64,
}

impl Model {
    fn say(&mut self, row: u32, said: &Said) {
        let (label, ..) = said.key;
        for &(at, value) in &said.samples {
            let max = match label {
                0..=2 => 600.0,
                3 | 5 | 9 | 10 => 1_073_741_824.0,
                7 | 8 | 13 => 4_398_046_511_104.0,
                12 => 1_099_511_627_776.0,
                17..=19 => 60.0,
                _ => 134_217_728.0,
            };
            let value = f64::from(value);
            if label >= 20 {
                self.meaningless += 1;
                continue;
            }
            if value.is_nan() || value < 0.0 || value > max {
                self.out_of_range += 1;
                continue;
            }
            let series = self.taken.entry(said.key).or_default();
            let heard = self.heard.entry(said.key).or_insert(row);
            let is_silent = (row - *heard) * ROW_S >= SILENT_S;
            match series.last() {
                Some(&(last, _)) if at < last && !is_silent => self.out_of_order += 1,
                Some(&(last, _)) if at == last => self.duplicate += 1,
                _ => {
                    series.push((at, value));
                    *heard = row;
                }
            }
        }
    }

    fn of(&self, label: u32) -> impl Iterator<Item = (&Key, &Vec<(i64, f64)>)> {
        self.taken.iter().filter(move |(key, _)| key.0 == label)
    }

    /// What the totals of a label grew by, and how often any of its series began anew.
    fn growth(&self, label: u32) -> (f64, u64) {
        let (mut growth, mut resets) = (0.0, 0);
        for ((label, track, _), series) in self.of(label) {
            let values = series.iter().map(|&(_, value)| value);
            if track.is_empty() && (14..=16).contains(label) {
                growth += values.fold(0.0, f64::max);
                continue;
            }
            let mut last = 0.0;
            for value in values {
                let fell = value < last;
                resets += u64::from(fell);
                growth += if fell { value } else { value - last };
                last = value;
            }
        }
        (growth, resets)
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(20_261_122),
        cases: 300,
        ..ProptestConfig::default()
    })]

    #[test]
    fn agrees_with_the_slow_model(rows in prop::collection::vec(any_row(), 0..120)) {
        let (mut bench, mut model) = (Bench::new(), Model::default());
        let (mut all, mut expected_resets) = (0, 0);
        for (row, said) in (0..).zip(&rows) {
            model.say(row, said);
            all += said.samples.len() as u64;
            let samples: Vec<_> = said.samples.iter().map(|&(at, v)| sample(at, v)).collect();
            let (label, track, rid) = said.key;
            let row = ClientRow { label, track, rid, samples: &samples, ..ROW };
            bench.pass(ROW_S);
            bench.metrics.observe(&mut bench.sender, bench.now, [row]);
        }
        let snapshot = bench.registry.collect();
        for (label, family, values, per_unit) in COUNTERS {
            let (growth, resets) = model.growth(label);
            expected_resets += resets;
            let got = snapshot.counter(family, values).unwrap() as f64;
            // Half a recorded unit at either end of each run between resets; and the model's own rounding.
            let runs = model.of(label).count() as f64 + resets as f64;
            let error = runs * (1.0 + growth * per_unit * 1e-13);
            prop_assert!((got - growth * per_unit).abs() <= error, "{family}: {got}, {growth}");
        }
        for (label, family, value) in DISTRIBUTIONS {
            let taken: Vec<f64> = model.of(label).flat_map(|(_, s)| s).map(|&(_, v)| v).collect();
            let histogram = snapshot.histogram(family, &[value]).unwrap();
            prop_assert_eq!(histogram.count(), taken.len() as u64);
            let sum: f64 = taken.iter().sum();
            prop_assert!((histogram.sum() as f64 - sum * 1e6).abs() <= taken.len() as f64);
        }
        prop_assert_eq!(bench.dropped("out_of_range"), model.out_of_range);
        prop_assert_eq!(bench.dropped("out_of_order"), model.out_of_order);
        prop_assert_eq!(bench.dropped("duplicate"), model.duplicate);
        prop_assert_eq!(bench.resets(), expected_resets);
        prop_assert_eq!(bench.sender.series(), model.taken.len());
        let counted = sum(&snapshot, "media_client_samples_total");
        let dropped = sum(&snapshot, "media_client_samples_dropped_total");
        prop_assert_eq!(counted + dropped, all);
        let custom_or_unassigned = ["custom", "unassigned"]
            .map(|l| snapshot.counter("media_client_samples_total", &[l]).unwrap());
        prop_assert_eq!(custom_or_unassigned.iter().sum::<u64>(), model.meaningless);
    }
}

/// A day of reports that grow by less than a float can tell add up to the last one, to half a microsecond.
#[test]
fn a_hundred_thousand_small_steps_do_not_drift() {
    let mut bench = Bench::new();
    let (mut total, mut last, mut singles) = (0.0f64, 0.0f32, 0u64);
    for second in 0..100_000i64 {
        total += 0.013_7;
        let before = last;
        last = total as f32;
        bench.pass(1);
        bench.say(FREEZE_SECONDS, "TR_1", &[(second * 1_000, last)]);
        // What is wrong with rounding each difference by itself.
        singles += (f64::from(last - before) * 1e6) as u64;
    }
    let expected = (f64::from(last) * 1e6).round() as u64;
    assert_eq!(
        bench.counter("media_client_freeze_seconds_total", &[]),
        expected
    );
    assert!(
        singles.abs_diff(expected) > 1_000,
        "{singles} {expected}: the test sees drift"
    );
    assert_eq!(bench.resets(), 0);
}

/// The same with resets: half a microsecond for each.
#[test]
fn resets_add_no_drift() {
    let mut bench = Bench::new();
    let (mut at, mut peaks) = (0, 0.0f64);
    for run in 0..1_000 {
        let (mut total, mut last) = (0.0f64, 0.0f32);
        for _ in 0..100 {
            total += 0.000_123_4 * f64::from(run + 1);
            last = total as f32;
            at += 1_000;
            bench.pass(1);
            bench.say(FREEZE_SECONDS, "TR_1", &[(at, last)]);
        }
        peaks += f64::from(last);
    }
    let got = bench.counter("media_client_freeze_seconds_total", &[]) as f64;
    assert!((got - peaks * 1e6).abs() <= 500.0, "{got} {peaks}");
    assert_eq!(bench.resets(), 999);
}
