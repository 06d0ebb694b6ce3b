//! Merged values of one moment: what sinks and exporters see.
//!
//! Lives here: immutable values, and what can be computed from them alone (counts, quantiles,
//! conversion to `hdrhistogram`). Not here: atomics, how values were gathered (`reporter`), wire
//! formats (the exporter).

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::desc::Desc;
use crate::exemplar::Exemplar;
use crate::histogram::HistogramSnapshot;
use crate::labels::LabelValues;
use crate::registry::Series;

/// Everything that one tick published. Cheap to share: it comes in an `Arc` and never changes.
#[derive(Debug)]
pub struct Snapshot {
    pub(crate) sequence: u64,
    pub(crate) time: SystemTime,
    pub(crate) interval: Duration,
    pub(crate) period: Duration,
    pub(crate) families: Vec<FamilySnapshot>,
}

impl Snapshot {
    pub(crate) const fn empty() -> Self {
        Self {
            sequence: 0,
            time: SystemTime::UNIX_EPOCH,
            interval: Duration::ZERO,
            period: Duration::ZERO,
            families: Vec::new(),
        }
    }

    /// Number of this snapshot: 1 for a registry's first, one more for each after it; 0 before any.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Wall clock at the end of the interval.
    #[must_use]
    pub const fn time(&self) -> SystemTime {
        self.time
    }

    /// Time since the snapshot before, by the monotonic clock.
    #[must_use]
    pub const fn interval(&self) -> Duration {
        self.interval
    }

    /// How often the reporter makes snapshots: its configured interval, whatever `flush` adds in between;
    /// 0 without a reporter.
    #[must_use]
    pub const fn period(&self) -> Duration {
        self.period
    }

    /// The families, sorted by name; only those with a series.
    #[must_use]
    pub fn families(&self) -> &[FamilySnapshot] {
        &self.families
    }

    /// The family called `name`.
    #[must_use]
    pub fn family(&self, name: &str) -> Option<&FamilySnapshot> {
        let at = self
            .families
            .binary_search_by(|f| f.schema.desc.name().cmp(name))
            .ok()?;
        self.families.get(at)
    }

    /// The value of one counter series, in *recorded* units.
    #[must_use]
    pub fn counter(&self, name: &str, values: &[&str]) -> Option<u64> {
        let family = self.family(name)?;
        match &family.values {
            Values::Counter(v) => v.get(family.schema.position(values)?).copied(),
            _ => None,
        }
    }

    /// The value of one gauge series; `None` too if the series is there and has no value now.
    #[must_use]
    pub fn gauge(&self, name: &str, values: &[&str]) -> Option<f64> {
        let family = self.family(name)?;
        match &family.values {
            Values::Gauge(v) => v.get(family.schema.position(values)?).copied().flatten(),
            _ => None,
        }
    }

    /// One histogram series.
    #[must_use]
    pub fn histogram(&self, name: &str, values: &[&str]) -> Option<&HistogramSnapshot> {
        let family = self.family(name)?;
        match &family.values {
            Values::Histogram(v) => v.get(family.schema.position(values)?),
            _ => None,
        }
    }
}

/// One family: what it is, which series it has, and their values.
#[derive(Debug)]
pub struct FamilySnapshot {
    pub(crate) schema: Arc<FamilySchema>,
    pub(crate) values: Values,
}

impl FamilySnapshot {
    /// Description and series. The same `Arc` from snapshot to snapshot as long as no series came or
    /// went, so `Arc::ptr_eq` tells whether something cached for it still holds.
    #[must_use]
    pub const fn schema(&self) -> &Arc<FamilySchema> {
        &self.schema
    }

    /// The values, one for each series of the schema, in its order.
    #[must_use]
    pub const fn values(&self) -> &Values {
        &self.values
    }
}

/// A family's description and its series at some moment.
#[derive(Debug)]
pub struct FamilySchema {
    pub(crate) desc: Arc<Desc>,
    pub(crate) series: Vec<Arc<Series>>,
}

impl FamilySchema {
    /// What the family is.
    #[must_use]
    pub const fn desc(&self) -> &Arc<Desc> {
        &self.desc
    }

    /// Number of series.
    #[must_use]
    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// Whether there is no series.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Label names and values of series `i`; empty for a series without labels.
    pub fn labels(&self, i: usize) -> impl Iterator<Item = (&str, &str)> {
        let series = self.series.get(i).into_iter();
        let mut texts = series.flat_map(|s| s.labels().iter());
        let mut names = self.desc.label_names().iter();
        let open = self.desc.has_open_labels();
        std::iter::from_fn(move || {
            let name = if open { texts.next() } else { names.next() };
            Some((name?, texts.next()?))
        })
    }

    /// When series `i` began: its counts are of what came after. The wall clock at registration; `None` for a
    /// series that others record, of which nobody knows (see [`Builder::of_others`]).
    #[must_use]
    pub fn created(&self, i: usize) -> Option<SystemTime> {
        self.series.get(i)?.created()
    }

    /// Whether series `i` is the very one that is series `j` of `other`: registered once, and not taken out and put
    /// back in between. Two pointers are compared.
    #[must_use]
    pub fn is_same_series(&self, i: usize, other: &Self, j: usize) -> bool {
        matches!((self.series.get(i), other.series.get(j)), (Some(a), Some(b)) if Arc::ptr_eq(a, b))
    }

    fn position(&self, values: &[&str]) -> Option<usize> {
        self.desc.check_count(values).ok()?;
        // Cleaned as at registration: a value that was cut there is found by its whole self.
        let wanted = LabelValues::new(values);
        self.series.iter().position(|s| *s.labels() == wanted)
    }
}

/// Values of one family's series.
#[derive(Debug)]
#[non_exhaustive]
pub enum Values {
    /// Totals, in recorded units: divide by [`Desc::recorded_per_unit`] for the exposed unit.
    Counter(Vec<u64>),
    /// Levels, in exposed units; `None` for a series that has none now (see
    /// [`Gauge::clear`](crate::Gauge::clear)): to be left out, not shown as 0 or NaN.
    Gauge(Vec<Option<f64>>),
    /// Distributions, in recorded units.
    Histogram(Vec<HistogramSnapshot>),
}

/// Makes a snapshot by hand: of what others recorded, and for the tests of exporters and sinks.
///
/// ```
/// use media_metrics_core::{desc::Desc, snapshot::Builder};
/// let snapshot = Builder::new()
///     .counter(&Desc::counter("a_total", "A.").labels(&["x"]), &[(&["1"], 7)])
///     .build();
/// assert_eq!(snapshot.counter("a_total", &["1"]), Some(7));
/// ```
#[derive(Debug, Default)]
pub struct Builder {
    families: Vec<FamilySnapshot>,
    of_others: bool,
}

impl Builder {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// For series that others recorded: of those added from now on nobody knows when they
    /// [began](FamilySchema::created). Else it is now.
    ///
    /// ```
    /// use media_metrics_core::{desc::Desc, snapshot::Builder};
    /// let desc = Desc::counter("a_total", "A.");
    /// let created = |b: Builder| b.counter(&desc, &[(&[], 7)]).build().families()[0].schema().created(0);
    /// assert!(created(Builder::new()).is_some());
    /// assert_eq!(created(Builder::new().of_others()), None);
    /// ```
    #[must_use]
    pub const fn of_others(mut self) -> Self {
        self.of_others = true;
        self
    }

    /// Adds a counter family: label values and total of each series.
    #[must_use]
    pub fn counter(self, desc: &Desc, series: &[(&[&str], u64)]) -> Self {
        let values = Values::Counter(series.iter().map(|s| s.1).collect());
        self.family(desc, series.iter().map(|s| s.0), values)
    }

    /// Adds a gauge family: label values and level of each series, an `f64` or an `Option<f64>`.
    #[must_use]
    pub fn gauge<L>(self, desc: &Desc, series: &[(&[&str], L)]) -> Self
    where
        L: Into<Option<f64>> + Copy,
    {
        let values = Values::Gauge(series.iter().map(|s| s.1.into()).collect());
        self.family(desc, series.iter().map(|s| s.0), values)
    }

    /// Adds a histogram family: label values and samples (recorded units) of each series.
    #[must_use]
    pub fn histogram(self, desc: &Desc, series: &[(&[&str], &[u64])]) -> Self {
        let values = Values::Histogram(
            series
                .iter()
                .map(|s| HistogramSnapshot::of_samples(desc, s.1))
                .collect(),
        );
        self.family(desc, series.iter().map(|s| s.0), values)
    }

    /// Adds a family of [exact](Desc::exact_histogram) histograms: of each series the label values, the count of
    /// each bucket (that of each bound, then that above all; not cumulative), and the sum.
    #[must_use]
    pub fn exact_histogram(self, desc: &Desc, series: &[(&[&str], &[u64], f64)]) -> Self {
        let desc = desc.clone().exact();
        let values = Values::Histogram(
            series
                .iter()
                .map(|s| HistogramSnapshot::of_counts(&desc, s.1, s.2))
                .collect(),
        );
        self.family(&desc, series.iter().map(|s| s.0), values)
    }

    /// Gives a histogram series, added before, its exemplars. Without such a series nothing happens.
    #[must_use]
    pub fn exemplars(mut self, name: &str, values: &[&str], exemplars: Vec<Exemplar>) -> Self {
        let named = |f: &&mut FamilySnapshot| f.schema.desc.name() == name;
        if let Some(FamilySnapshot {
            schema,
            values: Values::Histogram(all),
        }) = self.families.iter_mut().find(named)
            && let Some(there) = schema.position(values).and_then(|at| all.get_mut(at))
        {
            there.set_exemplars(schema.desc.bounds(), exemplars);
        }
        self
    }

    fn family<'a>(
        mut self,
        desc: &Desc,
        series: impl Iterator<Item = &'a [&'a str]>,
        values: Values,
    ) -> Self {
        let begins_now = !self.of_others;
        let series = series
            .map(|values| Series::detached(LabelValues::new(values), begins_now))
            .map(Arc::new)
            .collect();
        let schema = Arc::new(FamilySchema {
            desc: Arc::new(desc.clone()),
            series,
        });
        self.families.push(FamilySnapshot { schema, values });
        self
    }

    /// The snapshot, number 1, made now.
    #[must_use]
    pub fn build(mut self) -> Snapshot {
        self.families
            .sort_by(|a, b| a.schema.desc.name().cmp(b.schema.desc.name()));
        Snapshot {
            sequence: 1,
            time: SystemTime::now(),
            interval: Duration::from_secs(1),
            period: Duration::from_secs(1),
            families: self.families,
        }
    }
}
