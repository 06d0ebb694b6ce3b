//! The numbers of one snapshot, as small as they get.
//!
//! Lives here: values, native histograms and fresh exemplars of a moment, and the time that they are sent with. Not here:
//! labels (`plan`), bytes (`v1`, `v2`), what the receiver was told before (`told`).

use std::sync::Arc;
use std::time::SystemTime;

use media_metrics_core::exemplar::Exemplar;
use media_metrics_core::histogram::{HistogramSnapshot, NativeBuckets, Span};
use media_metrics_core::snapshot::{FamilySnapshot, Snapshot, Values};

use super::Histograms;
use super::plan::FamilyPlan;
use crate::format::Filter;
use crate::format::native::MAX_NATIVE_BUCKETS;
use crate::format::number::exposed_sum;
use crate::format::plans::Plans;
use crate::push;

/// The value that says that a series has ended; here also of a series that has no value now.
pub(super) const STALE: u64 = 0x7ff0_0000_0000_0002;

/// Any other NaN is sent as this one.
const NAN: u64 = 0x7ff8_0000_0000_0001;

/// A clock that was set back by no more than this catches up soon enough to wait for it.
const WORTH_WAITING_MS: i64 = 600_000;

/// By so little snapshots may be out of order: one that was asked for right after another.
const NUDGED_MS: i64 = 1_000;

/// Values of one moment.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// In ms since 1970; later than that of the batch before.
    pub(super) time_ms: i64,
    /// Sorted by name.
    pub(super) families: Vec<FamilyValues>,
    weight: usize,
}

/// Values of one family, in the order of its plan's series.
#[derive(Debug)]
pub(super) struct FamilyValues {
    pub(super) plan: Arc<FamilyPlan>,
    pub(super) numbers: Vec<f64>,
    pub(super) natives: Vec<Option<Native>>,
    /// By series of the wire, ascending; of one series in the order of their times.
    pub(super) exemplars: Vec<(usize, Exemplar)>,
}

/// A native histogram.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Native {
    pub(super) count: u64,
    pub(super) sum: f64,
    pub(super) schema: i8,
    pub(super) zero_count: u64,
    pub(super) spans: Box<[Span]>,
    pub(super) deltas: Box<[i64]>,
}

impl push::Batch for Batch {
    fn weight(&self) -> usize {
        self.weight
    }
}

impl Batch {
    /// A batch without a series: all that there were have ended.
    pub(super) fn end(time_ms: i64) -> Self {
        Self {
            time_ms,
            ..Self::default()
        }
    }
}

impl FamilyValues {
    /// Whether a series of the wire has a value.
    pub(super) fn is_live(&self, at: usize) -> bool {
        match at.checked_sub(self.plan.numbers()) {
            Some(native) => self.natives.get(native).is_some_and(Option::is_some),
            None => self.numbers.get(at).is_some_and(|v| v.to_bits() != STALE),
        }
    }

    fn weight(&self) -> usize {
        let natives = self.natives.iter().flatten();
        let natives: usize = natives
            .map(|n| n.spans.len() * 8 + n.deltas.len() * 8)
            .sum();
        self.numbers.len() * 8
            + self.natives.len() * size_of::<Option<Native>>()
            + natives
            + self.exemplars.len() * 256
    }
}

/// Reduces snapshots to batches.
#[derive(Debug)]
pub(super) struct Intake {
    external: Vec<(String, String)>,
    histograms: Histograms,
    shown: Filter,
    plans: Plans<Arc<FamilyPlan>>,
    native: NativeBuckets,
    /// Of the last batch.
    time_ms: Option<i64>,
    /// Of the last snapshot: an exemplar from before it was sent with that one.
    seen: Option<SystemTime>,
}

impl Intake {
    pub(super) fn new(
        external: Vec<(String, String)>,
        histograms: Histograms,
        shown: Filter,
    ) -> Self {
        Self {
            external,
            histograms,
            shown,
            plans: Plans::new(),
            native: NativeBuckets::default(),
            time_ms: None,
            seen: None,
        }
    }

    /// The time to send a snapshot of `time` with: samples of a series must ascend.
    fn time(&mut self, time: SystemTime) -> Option<i64> {
        let now = milliseconds(time);
        let next = match self.time_ms {
            Some(last) if now > last || last - now > WORTH_WAITING_MS => now,
            Some(last) if last - now <= NUDGED_MS => last + 1,
            Some(_) => return None,
            None => now,
        };
        self.time_ms = Some(next);
        Some(next)
    }

    fn values(&mut self, plan: Arc<FamilyPlan>, family: &FamilySnapshot) -> FamilyValues {
        let mut values = FamilyValues {
            numbers: Vec::with_capacity(plan.numbers()),
            natives: Vec::new(),
            exemplars: Vec::new(),
            plan,
        };
        if values.plan.len() == 0 {
            return values;
        }
        let per_unit = values.plan.per_unit();
        match family.values() {
            Values::Counter(totals) => {
                let scaled = totals.iter().map(|&total| total as f64 / per_unit);
                values.numbers.extend(scaled);
            }
            Values::Gauge(levels) => {
                let levels = levels.iter().map(|&level| level.map_or(STALE, number));
                values.numbers.extend(levels.map(f64::from_bits));
            }
            Values::Histogram(series) => {
                for (at, histogram) in series.iter().enumerate() {
                    self.histogram(&mut values, at, histogram);
                }
                values.exemplars.sort_by_key(|(at, e)| (*at, e.time()));
            }
            _ => {}
        }
        let plan = &values.plan;
        let per_series = plan.per_series();
        let twins = (0..family.schema().len()).filter(|&series| plan.is_twin(series));
        for series in twins {
            let numbers = values.numbers.iter_mut().skip(series * per_series);
            numbers
                .take(per_series)
                .for_each(|n| *n = f64::from_bits(STALE));
            if let Some(native) = values.natives.get_mut(series) {
                *native = None;
            }
        }
        values
    }

    fn histogram(&mut self, values: &mut FamilyValues, series: usize, h: &HistogramSnapshot) {
        let plan = &values.plan;
        let sum = exposed_sum(h, plan.per_unit());
        let first = series * plan.per_series();
        if plan.per_series() > 0 {
            values.numbers.extend(h.classic().map(|n| n as f64));
            values
                .numbers
                .extend([f64::from_bits(number(sum)), h.count() as f64]);
        }
        if plan.has_native {
            self.native.fill(h, MAX_NATIVE_BUCKETS);
            values.natives.push(Some(Native {
                count: h.count(),
                sum: f64::from_bits(number(sum)),
                schema: self.native.schema(),
                zero_count: self.native.zero_count(),
                spans: self.native.spans().into(),
                deltas: self.native.deltas().into(),
            }));
        }
        let fresh = |e: &&Exemplar| self.seen.is_none_or(|seen| e.time() > seen);
        for exemplar in h.exemplars().iter().filter(fresh) {
            if plan.per_series() > 0 {
                let bounds = plan.bounds();
                let bucket = bounds.partition_point(|&bound| bound < exemplar.value());
                values.exemplars.push((first + bucket, exemplar.clone()));
            }
            if plan.has_native {
                values
                    .exemplars
                    .push((plan.numbers() + series, exemplar.clone()));
            }
        }
    }
}

impl push::Intake for Intake {
    type Batch = Batch;

    fn take(&mut self, snapshot: &Snapshot) -> Option<Batch> {
        let time_ms = self.time(snapshot.time())?;
        let families = snapshot.families();
        let before: Vec<_> = self.plans.iter().map(Arc::as_ptr).collect();
        let (external, histograms) = (&self.external, self.histograms);
        self.plans.follow(
            families,
            snapshot.time(),
            &self.shown,
            |_, shown| shown.to_vec(),
            |_, _| true,
            |family, shown| Arc::new(FamilyPlan::new(family, external, histograms, shown)),
        );
        let plans: Vec<_> = self.plans.iter().map(Arc::clone).collect();
        // A plan counts where it came up: those that wait share it.
        let is_new = |(at, plan): &(usize, &Arc<FamilyPlan>)| {
            before.get(*at).is_none_or(|old| *old != Arc::as_ptr(plan))
        };
        let new = plans.iter().enumerate().filter(is_new);
        let new: usize = new.map(|(_, plan)| plan.weight()).sum();
        let values = plans.into_iter().zip(families);
        let values = values.map(|(plan, family)| self.values(plan, family));
        let families: Vec<_> = values.filter(|values| values.plan.len() > 0).collect();
        self.seen = Some(snapshot.time());
        let weight =
            size_of::<Batch>() + new + families.iter().map(FamilyValues::weight).sum::<usize>();
        Some(Batch {
            time_ms,
            families,
            weight,
        })
    }
}

/// Milliseconds since 1970.
pub(super) fn milliseconds(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => {
            i64::try_from(before.duration().as_millis()).map_or(i64::MIN, i64::wrapping_neg)
        }
    }
}

/// A number's bits, which are not those of the marker.
fn number(value: f64) -> u64 {
    if value.is_nan() { NAN } else { value.to_bits() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_ascend_whatever_the_clock_does() {
        let mut intake = Intake::new(Vec::new(), Histograms::Classic, Filter::ALL);
        let mut sent = |ms: i64| {
            let since = Duration::from_millis(ms.unsigned_abs());
            intake.time(match ms < 0 {
                true => SystemTime::UNIX_EPOCH - since,
                false => SystemTime::UNIX_EPOCH + since,
            })
        };
        for (clock, time) in [
            (5_000_000, Some(5_000_000)),
            (5_000_000, Some(5_000_001)), // asked for twice in a millisecond
            (4_999_500, Some(5_000_002)), // a little out of order
            (4_900_000, None),            // set back: it catches up soon
            (5_000_001, Some(5_000_003)),
            (5_000_004, Some(5_000_004)),
            (9_000_000, Some(9_000_000)), // set forward
            (8_400_001, None),
            (8_399_999, Some(8_399_999)), // set back too far to wait for
            (8_400_000, Some(8_400_000)),
            (-5, Some(-5)), // before 1970
            (0, Some(0)),
            (i64::MIN + 1, Some(i64::MIN + 1)), // as far as a clock goes
            (5_000_000, Some(5_000_000)),
        ] {
            assert_eq!(sent(clock), time, "{clock}");
        }
    }
}
