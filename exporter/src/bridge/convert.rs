//! What a foreign family becomes among ours.
//!
//! Lives here: the kinds of a text page in terms of ours; which series can't be shown. Not here: reading the page
//! (`parse`), whose a name is (`claims`).

use std::collections::{HashMap, HashSet};

use media_metrics_core::desc::{Desc, Kind};
use media_metrics_core::labels::LabelValues;
use media_metrics_core::snapshot::Builder;

use super::parse::{Family, Sample};
use crate::format::suffix::{BUCKET, COUNT, SUM};

/// Most labels of one series: as many as core's facade takes of a key. Its limit (`facade::names`) is not to be had here:
/// the facade is a feature that a bridge does without.
const MAX_LABELS: usize = 64;

/// Totals with a fraction are held as whole numbers of this part, or of a larger one if they are too large for it.
const FINEST: f64 = 1e9;

/// A summary as the three families that it becomes; every other family as it is.
pub(super) fn split(family: Family<'_>) -> Vec<Family<'_>> {
    if family.kind != "summary" {
        return vec![family];
    }
    let part = |suffix: &str, kind| {
        let own = |sample: &&Sample<'_>| sample.suffix == suffix;
        let whole = |sample: &Sample<'_>| sample.value.parse::<u64>().is_ok();
        let samples = family.samples.iter().filter(own).cloned();
        let mut samples: Vec<_> = samples.collect();
        let kind = match kind {
            "counter" if !samples.iter().all(whole) => "gauge",
            kind => kind,
        };
        samples.iter_mut().for_each(|sample| sample.suffix = "");
        Family {
            name: format!("{}{suffix}", family.name).into(),
            help: family.help.clone(),
            kind,
            samples,
        }
    };
    let parts = [("", "gauge"), (SUM, "gauge"), (COUNT, "counter")];
    let parts = parts.map(|(suffix, kind)| part(suffix, kind));
    let parts = parts.into_iter().filter(|part| !part.samples.is_empty());
    parts.collect()
}

/// Adds a family; and says how many series of it were unfit, or 1 if all of it was.
pub(super) fn add(to: Builder, family: &Family<'_>) -> (Builder, u64) {
    let desc = |kind| {
        let help = family.help.as_deref().unwrap_or_default();
        Desc::dynamic(kind, family.name.clone().into_owned(), help.to_owned()).open_labels()
    };
    if desc(Kind::Gauge).validate().is_err() {
        return (to, 1);
    }
    if family.kind == "histogram" {
        return add_histograms(to, desc(Kind::Histogram), family);
    }
    let totals = (family.kind == "counter").then(|| Totals::of(family));
    if let Some(totals) = totals.flatten() {
        let desc = desc(Kind::Counter).per_unit(totals.per_unit());
        let (series, unfit) = numbers(&desc, family, |text| totals.read(text));
        return match series.is_empty() {
            true => (to, unfit),
            false => (to.counter(&desc, &borrowed(&series)), unfit),
        };
    }
    let desc = desc(Kind::Gauge);
    let (series, unfit) = numbers(&desc, family, |text| text.parse::<f64>().ok());
    match series.is_empty() {
        true => (to, unfit),
        false => (to.gauge(&desc, &borrowed(&series)), unfit),
    }
}

/// How the totals of a counter are held.
enum Totals {
    Whole,
    /// As whole numbers, so many to 1.
    Parts(f64),
}

impl Totals {
    /// `None` if one is no total: below 0, infinite or not a number, or too large.
    fn of(family: &Family<'_>) -> Option<Self> {
        let texts = || family.samples.iter().map(|sample| sample.value);
        if texts().all(|text| whole(text).is_some()) {
            return Some(Self::Whole);
        }
        let largest = texts().try_fold(0.0_f64, |largest, text| {
            let total: f64 = text.parse().ok()?;
            (total.is_finite() && total >= 0.0).then(|| largest.max(total))
        });
        let mut parts = FINEST;
        while parts >= 1.0 && largest? * parts >= i64::MAX as f64 {
            parts /= 10.0;
        }
        (parts >= 1.0).then_some(Self::Parts(parts))
    }

    fn per_unit(&self) -> f64 {
        match *self {
            Self::Whole => 1.0,
            Self::Parts(parts) => parts,
        }
    }

    fn read(&self, text: &str) -> Option<u64> {
        match *self {
            Self::Whole => whole(text),
            Self::Parts(parts) => Some((text.parse::<f64>().ok()? * parts).round() as u64),
        }
    }
}

/// A whole number, however it is written: `1e+06` is one.
fn whole(text: &str) -> Option<u64> {
    let as_float = || {
        let value: f64 = text.parse().ok()?;
        let fits = value >= 0.0 && value < u64::MAX as f64 && value.fract() == 0.0;
        fits.then_some(value as u64)
    };
    text.parse().ok().or_else(as_float)
}

/// A series: its labels, as open labels are given, and its value.
type Series<'a, V> = (Vec<&'a str>, V);

fn borrowed<'a, V: Copy>(series: &'a [Series<'_, V>]) -> Vec<(&'a [&'a str], V)> {
    series.iter().map(|(l, v)| (l.as_slice(), *v)).collect()
}

/// The series of a family, each once and with labels that can be shown; and the number of the others.
fn numbers<'a, V>(
    desc: &Desc,
    family: &'a Family<'_>,
    read: impl Fn(&str) -> Option<V>,
) -> (Vec<Series<'a, V>>, u64) {
    let (mut seen, mut series, mut unfit) = (HashSet::new(), Vec::new(), 0);
    for sample in &family.samples {
        match (labels(desc, sample), read(sample.value)) {
            // As it will be known: long values are cut.
            (Some(labels), Some(value)) if seen.insert(LabelValues::new(&labels)) => {
                series.push((labels, value));
            }
            _ => unfit += 1,
        }
    }
    (series, unfit)
}

/// `name, value, name, value`, by name, without `le` in a histogram; `None` if they can't be shown.
fn labels<'a>(desc: &Desc, sample: &'a Sample<'_>) -> Option<Vec<&'a str>> {
    let is_bound = |name: &str| desc.kind() == Kind::Histogram && name == "le";
    let mut pairs: Vec<_> = sample.labels.iter().filter(|(n, _)| !is_bound(n)).collect();
    if pairs.len() > MAX_LABELS {
        return None;
    }
    pairs.sort_unstable();
    let flat: Vec<&str> = pairs.into_iter().flat_map(|(n, v)| [*n, &**v]).collect();
    desc.validate_series(&flat).is_ok().then_some(flat)
}

/// One histogram as it stands on a page.
#[derive(Debug, Default)]
struct Lines {
    /// Bound and cumulative count.
    buckets: Vec<(f64, u64)>,
    sum: Option<f64>,
    /// Whether some line of it says nothing.
    damaged: bool,
}

/// Its bounds but the last, which is infinite; the counts, not cumulative; and the sum.
type Read = (Vec<f64>, Vec<u64>, f64);

impl Lines {
    fn add(&mut self, sample: &Sample<'_>) {
        let le = sample.labels.iter().find(|(name, _)| *name == "le");
        let bound = le.and_then(|(_, le)| le.parse::<f64>().ok());
        match (sample.suffix, bound, whole(sample.value)) {
            (BUCKET, Some(bound), Some(n)) => self.buckets.push((bound, n)),
            (SUM, ..) => self.sum = sample.value.parse().ok(),
            // It is what the last bucket says; and a page that says otherwise does not know.
            (COUNT, ..) => {}
            _ => self.damaged = true,
        }
    }

    /// `None` if they don't add up.
    fn read(&mut self) -> Option<Read> {
        self.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut bounds: Vec<f64> = self.buckets.iter().map(|b| b.0).collect();
        let whole = bounds.pop() == Some(f64::INFINITY) && !self.damaged;
        let ascend = bounds.windows(2).all(|pair| pair[0] < pair[1]);
        let finite = bounds.iter().all(|bound| bound.is_finite());
        if !(whole && ascend && finite) {
            return None;
        }
        let mut below = 0;
        let count = |&(_, n): &(f64, u64)| n.checked_sub(std::mem::replace(&mut below, n));
        let counts: Option<Vec<u64>> = self.buckets.iter().map(count).collect();
        Some((bounds, counts?, self.sum?))
    }
}

fn add_histograms(to: Builder, desc: Desc, family: &Family<'_>) -> (Builder, u64) {
    let (mut all, mut places, mut unfit) = (Vec::new(), HashMap::new(), 0);
    for sample in &family.samples {
        let Some(labels) = labels(&desc, sample) else {
            unfit += 1;
            continue;
        };
        let at = *places.entry(LabelValues::new(&labels)).or_insert_with(|| {
            all.push((labels, Lines::default()));
            all.len() - 1
        });
        all[at].1.add(sample);
    }
    // The bounds are the family's: those of its first series.
    let mut bounds: Option<Vec<f64>> = None;
    let mut series = Vec::new();
    for (labels, mut lines) in all {
        match lines.read() {
            Some((own, counts, sum)) if bounds.as_ref().is_none_or(|b| *b == own) => {
                bounds = Some(own);
                series.push((labels, counts, sum));
            }
            _ => unfit += 1,
        }
    }
    let desc = desc.exact().dynamic_bounds(bounds.unwrap_or_default());
    if series.is_empty() || desc.validate().is_err() {
        return (to, unfit.max(1));
    }
    let series: Vec<_> = series
        .iter()
        .map(|(labels, counts, sum)| (labels.as_slice(), counts.as_slice(), *sum))
        .collect();
    (to.exact_histogram(&desc, &series), unfit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::parse::parse;

    /// What becomes of a page, as text; and how many were unfit.
    fn shown(page: &str) -> (String, u64) {
        let (mut builder, mut all_unfit) = (Builder::new(), 0);
        for family in parse(page).0.into_iter().flat_map(split) {
            let (with, unfit) = add(builder, &family);
            (builder, all_unfit) = (with, all_unfit + unfit);
        }
        let mut page = Vec::new();
        crate::text::Encoder::new().encode(&builder.build(), &mut page);
        let text = String::from_utf8(page).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with("# HELP"));
        (lines.map(|line| format!("{line}\n")).collect(), all_unfit)
    }

    #[test]
    fn totals_are_counters_with_and_without_a_fraction() {
        for (given, shown_as) in [
            ("7", "7"),
            ("1e+06", "1000000"),
            ("18446744073709551615", "18446744073709551615"),
            ("1.8e19", "18000000000000000000"),
            ("0.1", "0.1"),
            ("12345.678901", "12345.678901"),
            ("9007199254740993", "9007199254740993"),
        ] {
            let page = format!("# TYPE a counter\na {given}\n");
            let expected = format!("# TYPE a counter\na {shown_as}\n");
            assert_eq!(shown(&page), (expected, 0));
        }
        let page = "# TYPE a counter\na{x=\"1\"} 0.5\na{x=\"2\"} 5e12\n";
        assert_eq!(shown(page).0, page.replace("5e12", "5000000000000"));
    }

    #[test]
    fn what_is_no_total_is_a_gauge() {
        for value in ["-1", "NaN", "+Inf", "1e20"] {
            let page = format!("# TYPE a counter\na {value}\n");
            let (text, unfit) = shown(&page);
            assert!(text.starts_with("# TYPE a gauge\na "), "{text}");
            assert_eq!(unfit, 0);
        }
    }

    #[test]
    fn values_that_are_the_same_when_cut_are_shown_once() {
        let long = "x".repeat(600);
        let page = format!("a{{l=\"{long}1\"}} 1\na{{l=\"{long}2\"}} 2\n");
        let (text, unfit) = shown(&page);
        assert_eq!((text.lines().count(), unfit), (2, 1));
    }

    #[test]
    fn a_damaged_histogram_does_not_take_others_with_it() {
        let fit = "h_bucket{a=\"1\",le=\"1\"} 1\nh_bucket{a=\"1\",le=\"+Inf\"} 2\nh_sum{a=\"1\"} 3.5\nh_count{a=\"1\"} 2\n";
        for damaged in [
            "h_bucket{le=\"1\"} 1\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 1\n", // twice
            "h_bucket{le=\"1\"} 1\nh_sum 1\n", // no +Inf
            "h_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\n", // no sum
            "h_bucket{le=\"1\"} 3\nh_bucket{le=\"+Inf\"} 2\nh_sum 1\n", // falls
            "h_bucket{le=\"1\"} 1.5\nh_bucket{le=\"+Inf\"} 2\nh_sum 1\n", // half a sample
            "h_bucket{le=\"x\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 1\n",
            "h_bucket{le=\"-Inf\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 1\n",
            "h_bucket{le=\"NaN\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 1\n",
            "h_bucket 2\nh_bucket{le=\"+Inf\"} 2\nh_sum 1\n",
            "h 2\nh_bucket{le=\"+Inf\"} 2\nh_sum 1\n",
        ] {
            let page = format!("# TYPE h histogram\n{damaged}{fit}");
            assert_eq!(
                shown(&page),
                (format!("# TYPE h histogram\n{fit}"), 1),
                "{damaged}"
            );
        }
    }

    #[test]
    fn other_bounds_than_the_familys_are_unfit() {
        let fit = "h_bucket{a=\"1\",le=\"1\"} 1\nh_bucket{a=\"1\",le=\"+Inf\"} 2\nh_sum{a=\"1\"} 3.5\nh_count{a=\"1\"} 2\n";
        let other = "h_bucket{a=\"2\",le=\"+Inf\"} 2\nh_sum{a=\"2\"} 3.5\n";
        let page = format!("# TYPE h histogram\n{fit}{other}");
        assert_eq!(shown(&page), (format!("# TYPE h histogram\n{fit}"), 1));
    }

    #[test]
    fn names_and_labels_that_nobody_may_have_are_unfit() {
        let labels: String = (0..65).map(|i| format!("l{i}=\"\",")).collect();
        for bad in [
            "9a 1",
            "a{__x=\"1\"} 1",
            "a{x=\"1\",x=\"2\"} 1",
            "a{1=\"\"} 1",
        ] {
            assert_eq!(shown(bad), (String::new(), 1), "{bad}");
        }
        let many = format!("a{{{labels}}} 1");
        assert_eq!(shown(&many), (String::new(), 1));
    }
}
