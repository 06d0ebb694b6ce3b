//! What is told of one snapshot.
//!
//! Lives here: a snapshot's numbers without the cells behind them, small enough to wait for the network; how much memory
//! that takes. Not here: what waits, and where (`push`), what becomes of it on the wire (`encoder`).

use std::mem::size_of;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use media_metrics_core::Snapshot;
use media_metrics_core::desc::Desc;
use media_metrics_core::exemplar::Exemplar;
use media_metrics_core::histogram::HistogramSnapshot;
use media_metrics_core::snapshot::{FamilySchema, FamilySnapshot, Values};

use super::buckets::{Dense, Exponential};
use super::resource::TARGET_INFO;
use super::times::nanoseconds;
use crate::format::Filter;
use crate::format::number::exposed_sum;

/// The numbers of one snapshot.
#[derive(Debug, Default)]
pub(super) struct Moment {
    /// Nanoseconds since 1970.
    pub(super) time: u64,
    /// The family whose labels are the resource's, if there is one.
    pub(super) target: Option<Arc<FamilySchema>>,
    /// Sorted by name.
    pub(super) families: Vec<Family>,
    /// Bytes of the series that came up with it: when they have ended, what waits alone keeps them.
    pub(super) labels: usize,
}

/// Which series there were in the moment before.
#[derive(Debug, Default)]
pub(super) struct Seen {
    schemas: Vec<Arc<FamilySchema>>,
    time: Option<SystemTime>,
}

impl Seen {
    /// Bytes of the series of a moment that the one before did not have.
    pub(super) fn weigh(&mut self, moment: &Moment, time: SystemTime) -> usize {
        let schemas = moment.families.iter().map(|f| Arc::clone(&f.schema));
        let old = std::mem::replace(&mut self.schemas, schemas.collect());
        let before = self.time.replace(time);
        let mut old = old.iter().peekable();
        let mut bytes = 0;
        for schema in &self.schemas {
            let name = schema.desc().name();
            while old.next_if(|old| old.desc().name() < name).is_some() {}
            if old.next_if(|old| Arc::ptr_eq(old, schema)).is_none() {
                let is_new = |&i: &usize| {
                    let created = schema
                        .created(i)
                        .map(|created| created + STARTS_ARE_TOLD_TO);
                    before.is_none_or(|before| created > Some(before))
                };
                let new = (0..schema.len()).filter(is_new);
                let labels = new.map(|i| SERIES_BYTES + labels_bytes(schema, i));
                bytes += schema.len() * size_of::<usize>() + labels.sum::<usize>();
            }
        }
        bytes
    }
}

/// Series say when they began to the millisecond, rounded down.
const STARTS_ARE_TOLD_TO: Duration = Duration::from_millis(1);

/// About what a series takes beside its labels' texts.
const SERIES_BYTES: usize = 128;

fn labels_bytes(schema: &FamilySchema, i: usize) -> usize {
    schema.labels(i).map(|(_, value)| value.len()).sum()
}

/// The numbers of one family.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) schema: Arc<FamilySchema>,
    pub(super) numbers: Numbers,
}

/// One number or distribution for each series.
#[derive(Debug)]
pub(super) enum Numbers {
    Totals(Vec<u64>),
    Levels(Vec<Option<f64>>),
    Exponential(Vec<Distribution<Exponential>>),
    /// The counts of each bucket, not cumulative.
    Explicit(Vec<Distribution<Vec<u64>>>),
}

/// A histogram in buckets of one kind.
#[derive(Debug)]
pub(super) struct Distribution<B> {
    pub(super) count: u64,
    /// In the exposed unit; none, if there may be negative samples: then it is no counter, and the format says to
    /// leave it out.
    pub(super) sum: Option<f64>,
    pub(super) buckets: B,
    pub(super) exemplars: Vec<Exemplar>,
}

impl Moment {
    /// What is told of the families that are `shown`.
    pub(super) fn of(snapshot: &Snapshot, shown: &Filter, dense: &mut Dense) -> Self {
        let is_told = |family: &&FamilySnapshot| {
            let name = family.schema().desc().name();
            name != TARGET_INFO && shown.shows_name(name)
        };
        let target = snapshot.family(TARGET_INFO).map(FamilySnapshot::schema);
        let families = snapshot.families().iter().filter(is_told);
        Self {
            time: nanoseconds(snapshot.time()),
            target: target.map(Arc::clone),
            families: families.filter_map(|f| Family::of(f, dense)).collect(),
            labels: 0,
        }
    }

    /// Bytes of memory, but for the series that are the registry's own, too.
    pub(super) fn bytes(&self) -> usize {
        let families: usize = self.families.iter().map(|f| f.numbers.bytes()).sum();
        size_of::<Self>() + self.families.len() * size_of::<Family>() + families + self.labels
    }
}

impl Family {
    /// `None` for a kind of value that this format has no words for.
    fn of(family: &FamilySnapshot, dense: &mut Dense) -> Option<Self> {
        let schema = family.schema();
        let desc = schema.desc();
        let numbers = match family.values() {
            Values::Counter(totals) => Numbers::Totals(totals.clone()),
            Values::Gauge(levels) => Numbers::Levels(levels.clone()),
            Values::Histogram(all) => match desc.native_schema() {
                Some(_) => {
                    let mut in_buckets = |h| Distribution::of(desc, h, dense.of(h));
                    Numbers::Exponential(all.iter().map(&mut in_buckets).collect())
                }
                None => {
                    let in_buckets = |h| Distribution::of(desc, h, each(h));
                    Numbers::Explicit(all.iter().map(in_buckets).collect())
                }
            },
            _ => return None,
        };
        Some(Self {
            schema: Arc::clone(schema),
            numbers,
        })
    }
}

impl Numbers {
    fn bytes(&self) -> usize {
        match self {
            Self::Totals(totals) => totals.len() * size_of::<u64>(),
            Self::Levels(levels) => levels.len() * size_of::<Option<f64>>(),
            Self::Exponential(all) => all
                .iter()
                .map(|d| d.bytes(d.buckets.positive.bucket_counts.len()))
                .sum(),
            Self::Explicit(all) => all.iter().map(|d| d.bytes(d.buckets.len())).sum(),
        }
    }
}

impl<B> Distribution<B> {
    fn of(desc: &Desc, of: &HistogramSnapshot, buckets: B) -> Self {
        Self {
            count: of.count(),
            sum: sum(desc, of),
            buckets,
            exemplars: of.exemplars().to_vec(),
        }
    }

    /// With so many counts. Labels of exemplars are shared with the registry.
    const fn bytes(&self, counts: usize) -> usize {
        size_of::<Self>() + counts * size_of::<u64>() + self.exemplars.len() * size_of::<Exemplar>()
    }
}

/// The count of each classic bucket.
fn each(histogram: &HistogramSnapshot) -> Vec<u64> {
    let mut below = 0;
    let own = |all: u64| all.saturating_sub(std::mem::replace(&mut below, all));
    histogram.classic().map(own).collect()
}

/// `None` if samples may be negative, which only those of an exact histogram may.
fn sum(desc: &Desc, of: &HistogramSnapshot) -> Option<f64> {
    let sum = exposed_sum(of, desc.recorded_per_unit());
    let below_0 = desc.bounds().first().is_some_and(|&bound| bound < 0.0);
    let negative = of.exact_sum().is_some() && below_0;
    (!negative && sum >= 0.0).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use media_metrics_core::snapshot::Builder;

    #[test]
    fn what_waits_is_small_and_says_so() {
        let series: Vec<[String; 1]> = (0..100).map(|i| [i.to_string()]).collect();
        let series: Vec<[&str; 1]> = series.iter().map(|[l]| [l.as_str()]).collect();
        let totals: Vec<(&[&str], u64)> = series.iter().map(|l| (&l[..], 1)).collect();
        let samples: Vec<(&[&str], &[u64])> =
            series.iter().map(|l| (&l[..], &[1, 1_000][..])).collect();
        let counter = Desc::counter("a_total", "A.").labels(&["l"]);
        let histogram = Desc::histogram("b", "B.", &[]).labels(&["l"]);
        let weight = |snapshot: Snapshot| {
            let moment = Moment::of(&snapshot, &Filter::ALL, &mut Dense::default());
            moment.bytes()
        };
        let empty = weight(Builder::new().build());
        let counters = weight(Builder::new().counter(&counter, &totals).build()) - empty;
        let histograms = weight(Builder::new().histogram(&histogram, &samples).build()) - empty;
        assert!((800..1_000).contains(&counters), "{counters}");
        // 81 buckets from 1 to 1,000, where the histogram itself has more than 4,000.
        assert!((64_800..90_000).contains(&histograms), "{histograms}");
    }
}
