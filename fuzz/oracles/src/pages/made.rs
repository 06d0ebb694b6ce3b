//! Snapshots of any content that a registry would take.
//!
//! Lives here: families of each kind with hostile names, help, labels, levels and exemplars. Not here: what becomes of
//! them.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use media_metrics_core::Desc;
use media_metrics_core::desc::{Kind, Unit};
use media_metrics_core::exemplar::Exemplar;
use media_metrics_core::labels::LabelValues;
use media_metrics_core::snapshot::{Builder, Snapshot};

use crate::input::Input;

/// Names that get into each other's way once a format adds its suffixes.
const NAMES: [&str; 14] = [
    "a",
    "a_total",
    "a_info",
    "a_bucket",
    "a_count",
    "a_sum",
    "a_created",
    "b_seconds",
    "b_seconds_total",
    "b_ratio_info",
    "c:d",
    "_e",
    "f_bytes",
    "a_bucket_total",
];

const LABELS: [&str; 7] = ["a", "b", "_c", "quantile", "le", "A9", "type"];

/// What a histogram's name has behind it in the names of its samples.
pub(super) const PARTS: [&str; 3] = ["_bucket", "_sum", "_count"];

/// From this family on nobody knows when series began, as of those that come from elsewhere.
const OTHERS: usize = 3;

/// What the bytes say; families that could not be registered are left out.
pub(super) fn snapshot(input: &mut Input<'_>) -> Snapshot {
    let mut builder = Builder::new();
    let mut taken: Vec<Desc> = Vec::new();
    for number in 0..=input.below(6) {
        if number == OTHERS {
            builder = builder.of_others();
        }
        let (desc, kind) = family(input, number);
        let all = series(input, &desc);
        if desc.validate().is_ok() && !taken.iter().any(|other| clash(&desc, other)) {
            builder = add(builder, input, &desc, kind, &all);
            taken.push(desc);
        }
    }
    builder.build()
}

/// Whether a registry refuses one beside the other: for its name, or for that of a histogram's samples.
fn clash(a: &Desc, b: &Desc) -> bool {
    let inside = |a: &Desc, b: &Desc| {
        a.kind() == Kind::Histogram
            && PARTS
                .iter()
                .map(|part| format!("{}{part}", a.name()))
                .any(|name| name == b.name())
    };
    a.name() == b.name() || inside(a, b) || inside(b, a)
}

fn family(input: &mut Input<'_>, number: usize) -> (Desc, u8) {
    let utf8 = input.one_in(2);
    let name = match utf8 && input.one_in(2) {
        true => input.text(6),
        false => input.of(&NAMES).to_owned(),
    };
    let mut labels: Vec<String> = (0..input.below(4))
        .map(|_| input.of(&LABELS).to_owned())
        .collect();
    if utf8 && input.one_in(2) {
        labels.push(input.text(4));
    }
    let help = format!("{number} {}", input.text(5));
    let number = input.below(4) as u8;
    let kind = [Kind::Counter, Kind::Gauge, Kind::Histogram, Kind::Histogram][usize::from(number)];
    let mut bounds: Vec<f64> = (0..input.below(5)).map(|_| input.float() + 0.0).collect();
    bounds.retain(|b| b.is_finite());
    bounds.sort_by(f64::total_cmp);
    bounds.dedup();
    let mut desc = Desc::dynamic(kind, name, help)
        .dynamic_labels(labels.iter().map(String::as_str))
        .dynamic_bounds(bounds)
        .unit(input.of(&[Unit::None, Unit::Seconds, Unit::Bytes, Unit::Ratio]))
        .per_unit(input.of(&[1.0, 1e9, 1e3, 7.0, 1e-3]))
        .native(input.any::<i8>() % 9);
    if utf8 {
        desc = desc.utf8_names();
    }
    if number == 3 {
        desc = desc.exact();
    } else if input.one_in(3) {
        desc = desc.classic_only();
    }
    (desc, number)
}

/// Label values, none twice.
fn series(input: &mut Input<'_>, desc: &Desc) -> Vec<Vec<String>> {
    let mut seen = HashSet::new();
    let mut all = Vec::new();
    for _ in 0..input.below(4) {
        let values: Vec<String> = desc.label_names().iter().map(|_| input.text(5)).collect();
        if seen.insert(LabelValues::new(&borrowed(&values))) {
            all.push(values);
        }
    }
    all
}

fn borrowed(values: &[String]) -> Vec<&str> {
    values.iter().map(String::as_str).collect()
}

fn add(
    builder: Builder,
    input: &mut Input<'_>,
    desc: &Desc,
    kind: u8,
    all: &[Vec<String>],
) -> Builder {
    let labels: Vec<Vec<&str>> = all.iter().map(|values| borrowed(values)).collect();
    let labels = || labels.iter().map(Vec::as_slice);
    match kind {
        0 => {
            let series: Vec<_> = labels().map(|l| (l, input.scaled())).collect();
            builder.counter(desc, &series)
        }
        1 => {
            let mut level = || match input.below(5) {
                0 => None,
                1 | 2 => Some(1.0),
                _ => Some(input.float()),
            };
            let series: Vec<_> = labels().map(|l| (l, level())).collect();
            builder.gauge(desc, &series)
        }
        2 => {
            let samples: Vec<Vec<u64>> = all
                .iter()
                .map(|_| (0..input.below(9)).map(|_| input.scaled()).collect())
                .collect();
            let series: Vec<_> = labels().zip(samples.iter().map(Vec::as_slice)).collect();
            let mut builder = builder.histogram(desc, &series);
            for values in labels() {
                let some = (0..input.below(5)).map(|_| exemplar(input)).collect();
                builder = builder.exemplars(desc.name(), values, some);
            }
            builder
        }
        _ => {
            let counts: Vec<(Vec<u64>, f64)> = all
                .iter()
                .map(|_| {
                    let counts = (0..=desc.bounds().len())
                        .map(|_| input.scaled() >> 12)
                        .collect();
                    (counts, input.float())
                })
                .collect();
            let counts = counts.iter().map(|(counts, sum)| (counts.as_slice(), *sum));
            let series: Vec<_> = labels()
                .zip(counts)
                .map(|(l, (counts, sum))| (l, counts, sum))
                .collect();
            builder.exact_histogram(desc, &series)
        }
    }
}

fn exemplar(input: &mut Input<'_>) -> Exemplar {
    let labels: Vec<_> = (0..input.below(4))
        .map(|_| {
            let name = if input.one_in(4) {
                input.text(3)
            } else {
                input.of(&LABELS).to_owned()
            };
            (name, input.text(4))
        })
        .collect();
    let time = SystemTime::UNIX_EPOCH + Duration::from_millis(input.any::<u64>() >> 20);
    Exemplar::new(labels, input.float(), time)
}
