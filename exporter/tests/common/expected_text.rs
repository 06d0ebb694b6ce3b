//! What a page of lines must say, made of the snapshot's values one by one.
//!
//! Lives here: families and samples as the strict reader of Prometheus text gives them. Not here: reading (`parser`).

use media_metrics_core::snapshot::{FamilySnapshot, Snapshot, Values};

use super::parser::{Family, Sample};

/// The page that a snapshot must give, made from its values line by line.
pub(crate) fn expected(snapshot: &Snapshot) -> Vec<Family> {
    snapshot.families().iter().map(expected_family).collect()
}

fn expected_family(family: &FamilySnapshot) -> Family {
    let desc = family.schema().desc();
    let mut samples = Vec::new();
    for i in 0..family.schema().len() {
        let mut push = |suffix: &str, le: Option<&str>, value: f64| {
            let own = family
                .schema()
                .labels(i)
                .map(|(n, v)| (n.to_owned(), v.to_owned()));
            let le = le.map(|le| ("le".to_owned(), le.to_owned()));
            let name = format!("{}{suffix}", desc.name());
            let labels = own.chain(le).collect();
            samples.push(Sample {
                name,
                labels,
                text: format!("{value:?}"),
            });
        };
        match family.values() {
            Values::Counter(v) => push("", None, v[i] as f64 / desc.recorded_per_unit()),
            Values::Gauge(v) => v[i].into_iter().for_each(|level| push("", None, level)),
            Values::Histogram(v) => {
                let les = desc.bounds().iter().chain(&[f64::INFINITY]);
                for (le, n) in les.zip(v[i].classic()) {
                    push("_bucket", Some(&format!("{le:?}")), n as f64);
                }
                let sum = v[i].sum() as f64 / desc.recorded_per_unit();
                push("_sum", None, v[i].exact_sum().unwrap_or(sum));
                push("_count", None, v[i].count() as f64);
            }
            _ => unreachable!(),
        }
    }
    let kind = format!("{:?}", desc.kind()).to_lowercase();
    Family {
        name: desc.name().to_owned(),
        help: desc.help().to_owned(),
        kind,
        samples,
    }
}

/// Numbers by value: `f64` text has many looks, and NaN is not itself.
pub(crate) fn normal(mut families: Vec<Family>) -> Vec<Family> {
    let normal = |text: &str| {
        let value = match text {
            "inf" | "+Inf" => f64::INFINITY,
            "-inf" | "-Inf" => f64::NEG_INFINITY,
            _ => text.parse().unwrap(),
        };
        format!("{:?}", value + 0.0) // -0 becomes 0
    };
    for family in &mut families {
        let is_histogram = family.kind == "histogram";
        for sample in &mut family.samples {
            sample.text = normal(&sample.text);
            let les = sample
                .labels
                .iter_mut()
                .filter(|(name, _)| is_histogram && name == "le");
            les.for_each(|(_, le)| *le = normal(le));
        }
    }
    families
}
