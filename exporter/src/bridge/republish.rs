//! Our snapshots, into whichever recorder the process has.
//!
//! Lives here: what a family of ours is in the words of the `metrics` crate. Not here: when snapshots are made
//! (core's reporter).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use media_metrics_core::Sink;
use media_metrics_core::desc::{Desc, Unit};
use media_metrics_core::histogram::HistogramSnapshot;
use media_metrics_core::snapshot::{FamilySchema, FamilySnapshot, Snapshot, Values};
use metrics::{Key, KeyName, Label, Level, Metadata, Recorder, SharedString};

const METADATA: Metadata<'static> =
    Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

/// A sink that records each snapshot into a recorder of the `metrics` crate.
///
/// | ours | there |
/// |---|---|
/// | counter | counter, set to our total |
/// | counter in a scaled unit (recorded in microseconds, shown in seconds) | gauge: a counter there is a whole number |
/// | gauge | gauge; one without a value now is left as it is |
/// | histogram | histogram: of each bucket as many samples as are new, at its lowest value; of an [exact] one at the bucket's bound |
///
/// So with our bounds the other side counts the same in each bucket. Its sum is an estimate: within the width of
/// our buckets (0.8 % with two digits), of an exact histogram within that of its own.
///
/// Families with [open labels] are left out: they came through the `metrics` crate.
///
/// - **Cost**: a registration of each series a snapshot, on the sink's thread; and for each new sample what the
///   recorder takes for it.
/// - **Memory**: the last snapshot.
///
/// [exact]: Desc::exact_histogram
/// [open labels]: Desc::open_labels
///
/// ```
/// use std::time::Duration;
/// use media_metrics_core::{Registry, Reporter};
/// use media_metrics_exporter::bridge::Republish;
///
/// let registry = Registry::new()?;
/// let reporter = Reporter::builder(&registry).sink("metrics", 4, Republish::new()).start()?;
/// reporter.stop(Duration::from_secs(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Republish<R = Installed> {
    recorder: R,
    /// What was republished last: descriptions and histograms go by differences.
    last: Option<Arc<Snapshot>>,
}

/// Passes everything on to the recorder of the thread or process, which may come later.
#[derive(Clone, Copy, Debug, Default)]
pub struct Installed;

impl Recorder for Installed {
    fn describe_counter(&self, name: KeyName, unit: Option<metrics::Unit>, help: SharedString) {
        metrics::with_recorder(|r| r.describe_counter(name, unit, help));
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<metrics::Unit>, help: SharedString) {
        metrics::with_recorder(|r| r.describe_gauge(name, unit, help));
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<metrics::Unit>, help: SharedString) {
        metrics::with_recorder(|r| r.describe_histogram(name, unit, help));
    }

    fn register_counter(&self, key: &Key, about: &Metadata<'_>) -> metrics::Counter {
        metrics::with_recorder(|r| r.register_counter(key, about))
    }

    fn register_gauge(&self, key: &Key, about: &Metadata<'_>) -> metrics::Gauge {
        metrics::with_recorder(|r| r.register_gauge(key, about))
    }

    fn register_histogram(&self, key: &Key, about: &Metadata<'_>) -> metrics::Histogram {
        metrics::with_recorder(|r| r.register_histogram(key, about))
    }
}

impl Republish {
    /// Into the recorder that the process has installed. Install it first: what comes before is counted by none,
    /// but for counters and gauges, which catch up.
    #[must_use]
    pub const fn new() -> Self {
        Self::to(Installed)
    }
}

impl Default for Republish {
    fn default() -> Self {
        Self::new()
    }
}

impl<R> Republish<R> {
    /// Into this recorder. (One of ours on the same registry would refuse all names, as they are taken.)
    #[must_use]
    pub const fn to(recorder: R) -> Self {
        Self {
            recorder,
            last: None,
        }
    }
}

impl<R> fmt::Debug for Republish<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.last.as_ref().map(|s| s.sequence());
        f.debug_struct("Republish")
            .field("last", &last)
            .finish_non_exhaustive()
    }
}

impl<R: Recorder + Send> Sink for Republish<R> {
    fn report(&mut self, snapshot: &Arc<Snapshot>) {
        for family in snapshot.families() {
            let desc = family.schema().desc();
            if !desc.has_open_labels() {
                let last = self.last.as_ref().and_then(|s| s.family(desc.name()));
                republish(&self.recorder, family, last);
            }
        }
        self.last = Some(Arc::clone(snapshot));
    }
}

/// One family; `last` is what was republished of it before.
fn republish(to: &impl Recorder, family: &FamilySnapshot, last: Option<&FamilySnapshot>) {
    let schema = family.schema();
    let desc = schema.desc();
    if last.is_none() {
        describe(to, desc, family.values());
    }
    let key = |series| key_of(schema, series);
    match family.values() {
        Values::Counter(totals) if is_scaled(desc) => {
            for (series, &total) in totals.iter().enumerate() {
                let value = total as f64 / desc.recorded_per_unit();
                to.register_gauge(&key(series), &METADATA).set(value);
            }
        }
        Values::Counter(totals) => {
            for (series, &total) in totals.iter().enumerate() {
                to.register_counter(&key(series), &METADATA).absolute(total);
            }
        }
        Values::Gauge(levels) => {
            for (series, level) in levels.iter().enumerate() {
                if let Some(level) = *level {
                    to.register_gauge(&key(series), &METADATA).set(level);
                }
            }
        }
        Values::Histogram(histograms) => {
            let before = last.map(|last| Before::new(last, schema));
            for (series, now) in histograms.iter().enumerate() {
                let before = before.as_ref().and_then(|b| b.histogram(schema, series));
                let histogram = to.register_histogram(&key(series), &METADATA);
                samples(desc, now, before, |value, n| {
                    histogram.record_many(value, n);
                });
            }
        }
        // A kind of value that the other side has no words for.
        _ => {}
    }
}

fn is_scaled(desc: &Desc) -> bool {
    desc.recorded_per_unit() != 1.0
}

fn key_of(schema: &FamilySchema, series: usize) -> Key {
    let label = |(name, value): (&str, &str)| Label::new(name.to_owned(), value.to_owned());
    let labels: Vec<Label> = schema.labels(series).map(label).collect();
    Key::from_parts(schema.desc().name().to_owned(), labels)
}

fn describe(to: &impl Recorder, desc: &Desc, values: &Values) {
    let name = KeyName::from(desc.name().to_owned());
    let help = SharedString::from(desc.help().to_owned());
    let unit = match desc.exposed_unit() {
        Unit::Seconds => Some(metrics::Unit::Seconds),
        Unit::Bytes => Some(metrics::Unit::Bytes),
        _ => None,
    };
    match values {
        Values::Counter(_) if is_scaled(desc) => to.describe_gauge(name, unit, help),
        Values::Counter(_) => to.describe_counter(name, unit, help),
        Values::Gauge(_) => to.describe_gauge(name, unit, help),
        Values::Histogram(_) => to.describe_histogram(name, unit, help),
        _ => {}
    }
}

/// A family's histograms as they were.
struct Before<'a> {
    histograms: &'a [HistogramSnapshot],
    /// Where each series was, by its labels; `None` if each is where it is now.
    places: Option<HashMap<Vec<(&'a str, &'a str)>, usize>>,
}

impl<'a> Before<'a> {
    fn new(last: &'a FamilySnapshot, now: &Arc<FamilySchema>) -> Self {
        let schema = last.schema();
        let places = (0..schema.len()).map(|at| (schema.labels(at).collect(), at));
        Self {
            histograms: match last.values() {
                Values::Histogram(histograms) => histograms,
                _ => &[],
            },
            places: (!Arc::ptr_eq(schema, now)).then(|| places.collect()),
        }
    }

    /// That of `series` in the schema that is now.
    fn histogram(&self, now: &FamilySchema, series: usize) -> Option<&'a HistogramSnapshot> {
        let at = match &self.places {
            None => series,
            Some(places) => *places.get(&now.labels(series).collect::<Vec<_>>())?,
        };
        self.histograms.get(at)
    }
}

/// Calls `record` with a value and a number of samples for each bucket that has new ones.
fn samples(
    desc: &Desc,
    now: &HistogramSnapshot,
    before: Option<&HistogramSnapshot>,
    mut record: impl FnMut(f64, usize),
) {
    let old = |at: usize| {
        before
            .and_then(|b| b.counts().get(at))
            .copied()
            .unwrap_or(0)
    };
    // Less than before in some bucket: another series that began anew under the same labels.
    let anew = now.counts().iter().enumerate().any(|(at, &n)| n < old(at));
    let new = |(at, &n): (usize, &u64)| (at, if anew { n } else { n - old(at) });
    for (at, n) in now.counts().iter().enumerate().map(new) {
        if n > 0 {
            record(value_in(desc, now, at), n.try_into().unwrap_or(usize::MAX));
        }
    }
}

/// A value of bucket `at`, in the exposed unit: one that counts for each bound as the bucket does.
fn value_in(desc: &Desc, histogram: &HistogramSnapshot, at: usize) -> f64 {
    if !desc.is_exact() {
        return histogram.layout().lowest(at) as f64 / desc.recorded_per_unit();
    }
    let bounds = desc.bounds();
    let above = || bounds.last().map_or(0.0, |last| last.next_up());
    bounds.get(at).copied().unwrap_or_else(above)
}
