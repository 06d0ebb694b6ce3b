//! A foreign page, served along with ours.
//!
//! Lives here: what its families become, and which are left out. Not here: reading it (`parse`), encoding.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use media_metrics_core::desc::{Desc, Kind};
use media_metrics_core::error::RegisterError;
use media_metrics_core::snapshot::{Builder, Snapshot};
use media_metrics_core::{Counter, Registry, catalog};

use super::parse::{Family, Sample, parse};
use crate::source::Source;

/// A [`Source`] along with which the page of another library is served: what metrics-exporter-prometheus
/// renders, say.
///
/// The page is asked for when a snapshot is encoded for the first time, so once for all scrapers of that
/// snapshot. Its families are read and encoded anew, in whatever format the scraper wants.
///
/// - **Summaries** become three families: the quantiles are gauges, `_sum` a gauge, `_count` a counter. The lines
///   of the page stay what they are.
/// - **Left out**, and counted in `media_metrics_foreign_dropped_total`: families of a name that ours have, lines
///   that can't be read, label names that Prometheus keeps for itself, histograms with more than 255 bounds or
///   with other bounds from series to series.
/// - **Cost**: on the server's thread, what the other library takes for its page, and a reading of it.
/// - **Panics** of the other library are caught: its families are missing, and that is counted.
///
/// ```
/// use media_metrics_core::Registry;
/// use media_metrics_exporter::{Server, bridge::WithPage};
/// use metrics_exporter_prometheus::PrometheusBuilder;
///
/// let handle = PrometheusBuilder::new().install_recorder()?; // the process has this already
/// let registry = Registry::new()?;
/// let source = WithPage::new(registry, move || handle.render())?;
/// let server = Server::builder(source).bind("127.0.0.1:0").start()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct WithPage<S> {
    source: S,
    render: Box<dyn Fn() -> String + Send + Sync>,
    dropped: Option<Dropped>,
}

/// What is left out, by why.
#[derive(Debug)]
struct Dropped {
    taken: Counter,
    unfit: Counter,
    malformed: Counter,
    panicked: Counter,
}

impl Dropped {
    fn new(registry: &Registry) -> Result<Self, RegisterError> {
        let registry = registry.for_library();
        let counter = |reason| registry.counter(&catalog::FOREIGN_DROPPED, &[reason]);
        Ok(Self {
            taken: counter("taken")?,
            unfit: counter("unfit")?,
            malformed: counter("malformed")?,
            panicked: counter("panicked")?,
        })
    }
}

impl<S: Source> WithPage<S> {
    /// `source`, and the page that `render` makes: Prometheus text 0.0.4.
    ///
    /// # Errors
    /// The source's registry has no room for the counts of what is left out.
    pub fn new(
        source: S,
        render: impl Fn() -> String + Send + Sync + 'static,
    ) -> Result<Self, RegisterError> {
        let dropped = source.registry().map(Dropped::new).transpose()?;
        Ok(Self {
            source,
            render: Box::new(render),
            dropped,
        })
    }

    fn count(&self, which: impl Fn(&Dropped) -> &Counter, n: u64) {
        if let Some(dropped) = &self.dropped {
            which(dropped).add(n);
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for WithPage<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithPage")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl<S: Source> Source for WithPage<S> {
    fn latest(&self) -> Arc<Snapshot> {
        self.source.latest()
    }

    fn registry(&self) -> Option<&Registry> {
        self.source.registry()
    }

    fn along(&self, ours: &Snapshot) -> Option<Snapshot> {
        // A page is a value: what a panic left of the other library is its own affair.
        let Ok(page) = catch_unwind(AssertUnwindSafe(|| (self.render)())) else {
            self.count(|d| &d.panicked, 1);
            return None;
        };
        let (families, malformed) = parse(&page);
        self.count(|d| &d.malformed, malformed);
        let mut builder = Builder::new();
        for family in families.into_iter().flat_map(split) {
            if is_taken(ours, &family) {
                self.count(|d| &d.taken, 1);
                continue;
            }
            let (with, unfit) = add(builder, &family);
            self.count(|d| &d.unfit, unfit);
            builder = with;
        }
        Some(builder.build())
    }
}

/// Of a summary the three families that it becomes.
fn split(family: Family) -> Vec<Family> {
    if family.kind != "summary" {
        return vec![family];
    }
    let part = |suffix: &'static str, kind: &str| Family {
        name: format!("{}{suffix}", family.name),
        help: family.help.clone(),
        kind: kind.to_owned(),
        samples: Vec::new(),
    };
    let mut parts = vec![
        part("", "gauge"),
        part("_sum", "gauge"),
        part("_count", "counter"),
    ];
    for sample in family.samples {
        let name = format!("{}{}", family.name, sample.suffix);
        if let Some(part) = parts.iter_mut().find(|part| part.name == name) {
            let suffix = "";
            part.samples.push(Sample { suffix, ..sample });
        }
    }
    parts.retain(|part| !part.samples.is_empty());
    parts
}

const PARTS: [&str; 3] = ["_bucket", "_sum", "_count"];

/// Whether a family of ours has this one's name, or one of them would look like a part of the other.
fn is_taken(ours: &Snapshot, family: &Family) -> bool {
    let name = &family.name;
    let part_of_ours = PARTS.iter().any(|part| {
        let whole = name.strip_suffix(part).and_then(|whole| ours.family(whole));
        whole.is_some_and(|f| f.schema().desc().kind() == Kind::Histogram)
    });
    let is_histogram = family.kind == "histogram";
    let ours_is_part = || {
        PARTS
            .iter()
            .any(|part| ours.family(&format!("{name}{part}")).is_some())
    };
    ours.family(name).is_some() || part_of_ours || (is_histogram && ours_is_part())
}

/// A series: its labels, as open labels are given, and its value.
type Series<V> = (Vec<String>, V);

/// Adds a family; and says how many series of it were unfit, or 1 if all of it was.
fn add(to: Builder, family: &Family) -> (Builder, u64) {
    let kind = match family.kind.as_str() {
        "histogram" => Kind::Histogram,
        "counter"
            if family
                .samples
                .iter()
                .all(|s| s.value.parse::<u64>().is_ok()) =>
        {
            Kind::Counter
        }
        _ => Kind::Gauge,
    };
    let help = family.help.clone().unwrap_or_default();
    let desc = Desc::dynamic(kind, family.name.clone(), help).open_labels();
    match kind {
        Kind::Histogram => add_histograms(to, &desc, family),
        Kind::Counter => {
            let (series, unfit) = numbers(&desc, family, |text| text.parse::<u64>().ok());
            let series: Vec<_> = series
                .iter()
                .map(|(labels, v)| (refs(labels), *v))
                .collect();
            let series: Vec<_> = series.iter().map(|(labels, v)| (&**labels, *v)).collect();
            (
                if series.is_empty() {
                    to
                } else {
                    to.counter(&desc, &series)
                },
                unfit,
            )
        }
        _ => {
            let (series, unfit) = numbers(&desc, family, |text| text.parse::<f64>().ok());
            let series: Vec<_> = series
                .iter()
                .map(|(labels, v)| (refs(labels), *v))
                .collect();
            let series: Vec<_> = series.iter().map(|(labels, v)| (&**labels, *v)).collect();
            (
                if series.is_empty() {
                    to
                } else {
                    to.gauge(&desc, &series)
                },
                unfit,
            )
        }
    }
}

fn refs(labels: &[String]) -> Vec<&str> {
    labels.iter().map(String::as_str).collect()
}

/// The series of a family, each once and with labels that can be shown; and the number of the others.
fn numbers<V>(
    desc: &Desc,
    family: &Family,
    read: impl Fn(&str) -> Option<V>,
) -> (Vec<Series<V>>, u64) {
    let (mut seen, mut series, mut unfit) = (HashSet::new(), Vec::new(), 0);
    for sample in &family.samples {
        match (labels(desc, sample), read(&sample.value)) {
            (Some(labels), Some(value)) if seen.insert(labels.clone()) => {
                series.push((labels, value));
            }
            _ => unfit += 1,
        }
    }
    (series, unfit)
}

/// `name, value, name, value`, by name, without `le` in a histogram; `None` if they can't be shown.
fn labels(desc: &Desc, sample: &Sample) -> Option<Vec<String>> {
    let is_bound = |name: &str| desc.kind() == Kind::Histogram && name == "le";
    let mut pairs: Vec<_> = sample.labels.iter().filter(|(n, _)| !is_bound(n)).collect();
    pairs.sort_unstable();
    let names = pairs.iter().map(|(name, _)| name.as_str());
    desc.clone().dynamic_labels(names).validate().ok()?;
    let flat = pairs.into_iter().flat_map(|(n, v)| [n.clone(), v.clone()]);
    Some(flat.collect())
}

/// One histogram as it stands on a page.
#[derive(Debug, Default)]
struct Lines {
    /// Bound and cumulative count.
    buckets: Vec<(f64, u64)>,
    sum: f64,
}

impl Lines {
    /// The bounds but the last, which is infinite; and the counts, not cumulative. `None` if they don't add up.
    fn counts(&mut self) -> Option<(Vec<f64>, Vec<u64>)> {
        self.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut bounds: Vec<f64> = self.buckets.iter().map(|b| b.0).collect();
        bounds.pop().filter(|last| *last == f64::INFINITY)?;
        let mut below = 0;
        let count = |&(_, n): &(f64, u64)| n.checked_sub(std::mem::replace(&mut below, n));
        let counts: Option<Vec<u64>> = self.buckets.iter().map(count).collect();
        Some((bounds, counts?))
    }
}

fn add_histograms(to: Builder, desc: &Desc, family: &Family) -> (Builder, u64) {
    let (mut order, mut all, mut unfit) = (Vec::new(), HashMap::new(), 0);
    for sample in &family.samples {
        let Some(labels) = labels(desc, sample) else {
            unfit += 1;
            continue;
        };
        let lines: &mut Lines = all.entry(labels.clone()).or_insert_with(|| {
            order.push(labels);
            Lines::default()
        });
        let le = sample.labels.iter().find(|(name, _)| name == "le");
        let bound = le.and_then(|(_, le)| le.parse::<f64>().ok());
        match (sample.suffix, bound, sample.value.parse::<f64>()) {
            ("_bucket", Some(bound), Ok(n)) => lines.buckets.push((bound, n as u64)),
            ("_sum", _, Ok(sum)) => lines.sum = sum,
            _ => {}
        }
    }
    let mut series = Vec::new();
    let mut bounds: Option<Vec<f64>> = None;
    for labels in order {
        let lines = all
            .get_mut(&labels)
            .and_then(|l| Some((l.counts()?, l.sum)));
        match lines {
            Some(((own, counts), sum)) if bounds.as_ref().is_none_or(|b| *b == own) => {
                bounds = Some(own);
                series.push((labels, counts, sum));
            }
            _ => unfit += 1,
        }
    }
    let desc = desc
        .clone()
        .exact()
        .dynamic_bounds(bounds.unwrap_or_default());
    if series.is_empty() || desc.validate().is_err() {
        return (to, unfit.max(1));
    }
    let labels: Vec<_> = series.iter().map(|(labels, ..)| refs(labels)).collect();
    let pairs = labels.iter().zip(&series);
    let series: Vec<_> = pairs
        .map(|(l, (_, counts, sum))| (&**l, &**counts, *sum))
        .collect();
    (to.exact_histogram(&desc, &series), unfit)
}
