//! Snapshots of any content.

use media_metrics_core::desc::{Desc, Kind, Unit};
use media_metrics_core::snapshot::{Builder, Snapshot};
use proptest::collection::vec;
use proptest::prelude::*;

/// What can hurt: escapes, quotes, braces, line ends of all kinds, the label separator, emptiness.
pub(crate) fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\\"),
        Just("\""),
        Just("\n"),
        Just("\r\n"),
        Just("\\n"),
        Just("{"),
        Just("}"),
        Just(","),
        Just("="),
        Just(" "),
        Just("#"),
        Just("\t"),
        Just("\0"),
        Just("\u{85}"),
        Just("\u{2028}"),
        Just("\u{FFFF}"),
        Just("ü"),
        Just("🎥"),
        Just("a"),
        Just("le"),
        Just("+Inf"),
    ];
    vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// One family: kind, help, label values of each series, numbers as bits.
pub(crate) type Plan = (u8, String, Vec<[String; 2]>, Vec<u64>);

pub(crate) fn families() -> impl Strategy<Value = Vec<Plan>> {
    let series = vec([hostile(), hostile()], 0..6);
    vec((0_u8..4, hostile(), series, vec(any::<u64>(), 6)), 0..6)
}

pub(crate) fn build(plans: &[Plan]) -> Snapshot {
    let mut builder = Builder::new();
    for (i, (kind, help, series, bits)) in plans.iter().enumerate() {
        let numbers: Vec<String> = (0..series.len()).map(|n| n.to_string()).collect();
        let labels: Vec<[&str; 3]> = series
            .iter()
            .zip(&numbers)
            .map(|([a, b], n)| [a.as_str(), n.as_str(), b.as_str()])
            .collect();
        let labels = labels.iter().map(<[&str; 3]>::as_slice);
        let name = format!("family:{i}_x");
        let desc = |kind, per_unit| {
            Desc::dynamic(kind, name.clone(), help.clone())
                .dynamic_labels(["first", "n", "_Last9"])
                .dynamic_bounds(vec![0.000_5, 0.25, 10.0, 1e6])
                .unit(Unit::Seconds)
                .per_unit(per_unit)
        };
        builder = match kind {
            0 | 1 => {
                let desc = desc(Kind::Counter, [1.0, 1e9][usize::from(*kind)]);
                builder.counter(&desc, &labels.zip(bits.iter().copied()).collect::<Vec<_>>())
            }
            2 => {
                // Three of four have a value.
                let levels = bits.iter().map(|&b| (b % 4 > 0).then(|| f64::from_bits(b)));
                builder.gauge(
                    &desc(Kind::Gauge, 1.0),
                    &labels.zip(levels).collect::<Vec<_>>(),
                )
            }
            _ => {
                let samples: Vec<Vec<u64>> = bits
                    .iter()
                    .map(|b| (0..b % 9).map(|i| b >> (i * 7)).collect())
                    .collect();
                let all = labels.zip(samples.iter().map(Vec::as_slice));
                builder.histogram(&desc(Kind::Histogram, 1e9), &all.collect::<Vec<_>>())
            }
        };
    }
    builder.build()
}
