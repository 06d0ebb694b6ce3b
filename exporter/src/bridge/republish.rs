//! Our snapshots, into whichever recorder the process has.
//!
//! Lives here: what a family of ours is in the words of the `metrics` crate. In `given`: what that recorder has
//! already. Not here: when snapshots are made (core's reporter).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use media_metrics_core::Sink;
use media_metrics_core::desc::{Desc, Unit};
use media_metrics_core::histogram::HistogramSnapshot;
use media_metrics_core::snapshot::{FamilySchema, FamilySnapshot, Snapshot, Values};
use metrics::{Key, KeyName, Label, Level, Metadata, Recorder, SharedString};

use super::given::{Given, key};
use crate::format::number::exposed_sum;
use crate::format::suffix::{BUCKET, COUNT, SUM};

const METADATA: Metadata<'static> =
    Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

/// Most samples of one series that a snapshot gives, if the host says nothing.
const MAX_SAMPLES: u64 = 65_536;

/// A sink that records each snapshot into a recorder of the `metrics` crate.
///
/// | ours | there |
/// |---|---|
/// | counter | counter, incremented by what is new |
/// | counter in a scaled unit (recorded in microseconds, shown in seconds) | gauge: a counter there is a whole number |
/// | gauge | gauge; one without a value now is left as it is |
/// | histogram | histogram: of each bucket as many samples as are new, at its lowest value; of an [exact] one at the bucket's bound |
///
/// So with our bounds the other side counts the same in each bucket. Its sum is an estimate: within the width of
/// our buckets (0.8 % with two digits), of an exact histogram within that of its own.
///
/// A series that began anew counts on: there a counter never goes back. One that ended stays as it was; let the
/// recorder forget it (`PrometheusBuilder::idle_timeout`): those that live are touched by each snapshot.
///
/// Families with [open labels] are left out: they came through the `metrics` crate.
///
/// - **Cost**: on the sink's thread a registration of each series a snapshot, and for each new sample of a
///   histogram what the recorder takes for it. metrics-exporter-prometheus keeps each sample, 16 bytes, until it
///   renders a page or runs its upkeep. So there is a [limit](Self::max_samples), and
///   [another way](Self::histograms_as_counters) for histograms that are busy.
/// - **Memory**: keys and counts of each series, as much as a snapshot.
/// - **Panics** of the recorder: the sink's turn is lost, and counted (`media_metrics_sink_panics_total`).
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
    max_samples: u64,
    as_counters: bool,
    /// By the family's name.
    given: HashMap<Box<str>, Given>,
}

/// Passes everything on to the recorder that the process has at that moment.
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
    /// Into the recorder that the process has installed. Install it before the reporter starts: what comes before,
    /// and descriptions of families that are there before, no recorder gets.
    #[must_use]
    pub fn new() -> Self {
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
    pub fn to(recorder: R) -> Self {
        Self {
            recorder,
            max_samples: MAX_SAMPLES,
            as_counters: false,
            given: HashMap::new(),
        }
    }

    /// At most about this many samples of each histogram's series in a snapshot (default 65,536; at least 1). If more
    /// are new, each bucket gives the same share, and the rest is given with the next snapshots.
    #[must_use]
    pub fn max_samples(mut self, limit: u64) -> Self {
        self.max_samples = limit.max(1);
        self
    }

    /// Gives a histogram `x` as the counters `x_bucket`, with `le`, and `x_count`, and the gauge `x_sum`: for
    /// PromQL the same, with our sum, and at the same cost however busy it is. For recorders whose page is
    /// Prometheus'.
    #[must_use]
    pub fn histograms_as_counters(mut self) -> Self {
        self.as_counters = true;
        self
    }
}

impl<R> fmt::Debug for Republish<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Republish")
            .field("max_samples", &self.max_samples)
            .field("as_counters", &self.as_counters)
            .field("families", &self.given.len())
            .finish_non_exhaustive()
    }
}

impl<R: Recorder + Send> Sink for Republish<R> {
    fn report(&mut self, snapshot: &Arc<Snapshot>) {
        self.given.retain(|name, _| snapshot.family(name).is_some());
        for family in snapshot.families() {
            if !family.schema().desc().has_open_labels() {
                self.republish(family);
            }
        }
    }
}

impl<R: Recorder> Republish<R> {
    fn republish(&mut self, family: &FamilySnapshot) {
        let (schema, to) = (family.schema(), &self.recorder);
        let desc = schema.desc();
        let as_counters = self.as_counters && matches!(family.values(), Values::Histogram(_));
        let keys = |schema: &FamilySchema, series| match as_counters {
            true => parts(schema, series),
            false => vec![key(&shared(desc.name()), schema, series, None)],
        };
        let given = match self.given.get_mut(desc.name()) {
            Some(given) => {
                given.follow(schema, keys);
                given
            }
            None => {
                describe(to, desc, family.values(), as_counters);
                let given = self.given.entry(desc.name().into());
                given.or_insert(Given::new(schema, keys))
            }
        };
        match family.values() {
            Values::Counter(totals) if is_scaled(desc) => {
                for (&total, given) in totals.iter().zip(&given.series) {
                    set(
                        to,
                        given.keys.first(),
                        total as f64 / desc.recorded_per_unit(),
                    );
                }
            }
            Values::Counter(totals) => {
                for (total, given) in totals.iter().zip(&mut given.series) {
                    let (keys, counts) = (&given.keys, &mut given.counts);
                    let give = |at, new| increment(to, keys.get(at), new);
                    counts.give(std::slice::from_ref(total), u64::MAX, give);
                }
            }
            Values::Gauge(levels) => {
                for (level, given) in levels.iter().zip(&given.series) {
                    if let Some(level) = *level {
                        set(to, given.keys.first(), level);
                    }
                }
            }
            Values::Histogram(histograms) if as_counters => {
                for (now, given) in histograms.iter().zip(&mut given.series) {
                    let (keys, counts) = (&given.keys, &mut given.counts);
                    // The buckets up to +Inf, and that again as the count.
                    let totals: Vec<u64> = now.classic().chain([now.count()]).collect();
                    counts.give(&totals, u64::MAX, |at, new| {
                        increment(to, keys.get(at), new);
                    });
                    let sum = exposed_sum(now, desc.recorded_per_unit());
                    set(to, keys.last(), sum);
                }
            }
            Values::Histogram(histograms) => {
                for (now, given) in histograms.iter().zip(&mut given.series) {
                    let Some(key) = given.keys.first() else {
                        continue;
                    };
                    let histogram = to.register_histogram(key, &METADATA);
                    given
                        .counts
                        .give(now.counts(), self.max_samples, |at, new| {
                            if new > 0 {
                                let new = usize::try_from(new).unwrap_or(usize::MAX);
                                histogram.record_many(value_in(desc, now, at), new);
                            }
                        });
                }
            }
            // A kind of value that the other side has no words for.
            _ => {}
        }
    }
}

/// Registered again each time: what is idle there may have been forgotten, with its handles.
fn increment(to: &impl Recorder, key: Option<&Key>, new: u64) {
    if let Some(key) = key {
        to.register_counter(key, &METADATA).increment(new);
    }
}

fn set(to: &impl Recorder, key: Option<&Key>, level: f64) {
    if let Some(key) = key {
        to.register_gauge(key, &METADATA).set(level);
    }
}

fn is_scaled(desc: &Desc) -> bool {
    desc.recorded_per_unit() != 1.0
}

/// A name that many keys share.
fn shared(name: &str) -> SharedString {
    SharedString::from_shared(Arc::from(name))
}

/// The keys of a histogram's series as counters: its buckets, its count, and its sum.
fn parts(schema: &FamilySchema, series: usize) -> Vec<Key> {
    let desc = schema.desc();
    let name = |part: &str| shared(&format!("{}{part}", desc.name()));
    let bucket = name(BUCKET);
    let bounds = desc.bounds().iter().map(f64::to_string);
    let bounds = bounds.chain(["+Inf".to_owned()]);
    let buckets = bounds.map(|le| key(&bucket, schema, series, Some(Label::new("le", le))));
    let totals = [COUNT, SUM].map(|part| key(&name(part), schema, series, None));
    buckets.chain(totals).collect()
}

fn describe(to: &impl Recorder, desc: &Desc, values: &Values, as_counters: bool) {
    let name = |part: &str| KeyName::from(format!("{}{part}", desc.name()));
    let help = || SharedString::from(desc.help().to_owned());
    let unit = match desc.exposed_unit() {
        Unit::Seconds => Some(metrics::Unit::Seconds),
        Unit::Bytes => Some(metrics::Unit::Bytes),
        _ => None,
    };
    match values {
        Values::Counter(_) if is_scaled(desc) => to.describe_gauge(name(""), unit, help()),
        Values::Counter(_) => to.describe_counter(name(""), unit, help()),
        Values::Gauge(_) => to.describe_gauge(name(""), unit, help()),
        Values::Histogram(_) if as_counters => {
            to.describe_counter(name(BUCKET), None, help());
            to.describe_counter(name(COUNT), None, help());
            to.describe_gauge(name(SUM), unit, help());
        }
        Values::Histogram(_) => to.describe_histogram(name(""), unit, help()),
        _ => {}
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
