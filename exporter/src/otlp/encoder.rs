//! A snapshot as OTLP's requests.
//!
//! Lives here: metrics around points, requests around metrics, none larger than allowed. Not here: what a point says
//! (`points`), who sends a request and what the answer means (`push`, `answer`).

use std::ops::Range;
use std::sync::Arc;

use media_metrics_core::Snapshot;
use media_metrics_core::desc::{Desc, Kind};
use media_metrics_core::snapshot::FamilySchema;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram,
    HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
};
use prost::Message;
use prost::encoding::encoded_len_varint;

use super::buckets::Dense;
use super::moment::{Family, Moment, Numbers};
use super::points::{Stamp, ucum};
use super::resource::{Resource, scope};
use super::times::Starts;
use super::told::{Ended, Told};
use crate::format::Filter;

/// All our totals count from the start of their series.
const CUMULATIVE: i32 = AggregationTemporality::Cumulative as i32;

/// How long after the last numbers their end is told: what Prometheus and its like can tell apart.
const NANOSECONDS_AFTER: u64 = 1_000_000;

/// The most that a message's field and its length take before it, in a request of any size that there is.
const OVERHEAD: usize = 6;

/// Encodes snapshots as `ExportMetricsServiceRequest`, and remembers what must be told as ended.
///
/// Names stay as they are. Counters become monotonic cumulative sums; histograms exponential ones of their family's
/// schema or, if they have bounds and nothing else, explicit ones; units UCUM's; labels attributes. A series that was
/// in the last snapshot, with a value, and is not in this one is told once more, as without a recorded value.
///
/// - **Cost**: some allocations for each series, a second pass over what they hold; it is meant for once in several
///   seconds, on a thread of its own.
/// - **Memory**: one request at a time, and which series there were.
/// - **Errors, panics**: none.
///
/// ```
/// use media_metrics_core::{desc::Desc, snapshot::Builder};
/// use media_metrics_exporter::otlp::{Encoder, Resource};
///
/// let lost = Desc::counter("lost_total", "Lost.").labels(&["kind"]);
/// let series: [(&[&str], u64); 2] = [(&["audio"], 3), (&["video"], 4)];
/// let snapshot = Builder::new().counter(&lost, &series).build();
/// let mut points = 0;
/// Encoder::new(Resource::new("sfu")).encode(&snapshot, |request| points += request.points);
/// assert_eq!(points, 2);
/// ```
#[derive(Debug)]
pub struct Encoder {
    resource: Resource,
    shown: Filter,
    max_bytes: usize,
    told: Told,
    /// When that was, and whose.
    last: (u64, Option<Arc<FamilySchema>>),
    starts: Starts,
    dense: Dense,
}

/// One request's body, not compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The message.
    pub body: Vec<u8>,
    /// How many data points it holds.
    pub points: u64,
}

impl Encoder {
    /// The largest body that is made if nobody says otherwise: a fifth of what receivers should take by default.
    pub const DEFAULT_MAX_BYTES: usize = 4 << 20;

    /// The smallest limit on a body that can be asked for: a histogram with all its labels has room in it.
    pub const LEAST_MAX_BYTES: usize = 64 << 10;

    /// An encoder of the metrics of `resource` that has seen nothing yet.
    #[must_use]
    pub fn new(resource: Resource) -> Self {
        Self {
            resource,
            shown: Filter::ALL,
            max_bytes: Self::DEFAULT_MAX_BYTES,
            told: Told::default(),
            last: (0, None),
            starts: Starts::default(),
            dense: Dense::default(),
        }
    }

    /// The same, but families whose name `shown` says no to are left out.
    #[must_use]
    pub fn only(mut self, shown: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.shown = Filter::new(shown);
        self
    }

    /// Bodies of at most `bytes`, or [`LEAST_MAX_BYTES`](Self::LEAST_MAX_BYTES) if that is more. What does not find
    /// room in one request goes into the next; only a single point that is larger than that goes as it is.
    #[must_use]
    pub const fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = if bytes < Self::LEAST_MAX_BYTES {
            Self::LEAST_MAX_BYTES
        } else {
            bytes
        };
        self
    }

    /// Half as large bodies from now on, as far as that goes.
    pub(super) const fn halve_max_bytes(&mut self) {
        let half = self.max_bytes / 2;
        self.max_bytes = if half < Self::LEAST_MAX_BYTES {
            Self::LEAST_MAX_BYTES
        } else {
            half
        };
    }

    /// Hands each request of `snapshot` to `each`, one after the other; none, if there is nothing to say.
    pub fn encode(&mut self, snapshot: &Snapshot, mut each: impl FnMut(Request)) {
        let moment = Moment::of(snapshot, &self.shown, &mut self.dense);
        let mut job = self.begin(moment);
        while let Some((request, next)) = self.request(&job) {
            each(request);
            job.at = next;
        }
        self.finish(&job);
    }

    /// The requests of a moment. Those of the one before that were not told, if there are any, never are; but what had
    /// ended by then is among these.
    pub(super) fn begin(&self, moment: Moment) -> Job {
        let ended = self.told.ended(&moment.families);
        let target = moment.target.iter().flat_map(|schema| schema.labels(0));
        let envelope = ResourceMetrics {
            resource: Some(self.resource.message(target)),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope()),
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        };
        Job {
            envelope,
            ended,
            moment,
            at: Place::default(),
        }
    }

    /// Takes note that all requests of a job were told.
    pub(super) fn finish(&mut self, job: &Job) {
        self.told.note(&job.moment.families);
        let Moment { time, target, .. } = &job.moment;
        self.last = (*time, target.clone());
    }

    /// A moment in which there is nothing any more, if there was something before.
    pub(super) fn farewell(&self) -> Option<Moment> {
        let (time, target) = &self.last;
        (!self.told.is_empty()).then(|| Moment {
            // After all that was told: a receiver may know one point only for each time.
            time: time.saturating_add(NANOSECONDS_AFTER),
            target: target.clone(),
            families: Vec::new(),
            labels: 0,
        })
    }

    /// The request that begins where the job is, and where the next one begins; `None` when all is told.
    pub(super) fn request(&mut self, job: &Job) -> Option<(Request, Place)> {
        let mut batch = Batch::new(job.envelope.clone(), self.max_bytes);
        let mut at = job.at;
        while at.metric < job.metrics() {
            let stopped = match job.ended.get(at.metric) {
                Some(ended) => self.tell_ended(ended, job.moment.time, at.point, &mut batch),
                None => {
                    let family = job.moment.families.get(at.metric - job.ended.len());
                    family.and_then(|f| self.tell(f, job.moment.time, at.point, &mut batch))
                }
            };
            match stopped {
                Some(point) => {
                    at.point = point;
                    break;
                }
                None => at = at.next_metric(),
            }
        }
        Some((batch.request()?, at))
    }

    /// Adds a family's points from one on; `Some` is the first that found no room.
    fn tell(&mut self, family: &Family, now: u64, from: usize, batch: &mut Batch) -> Option<usize> {
        let (schema, desc) = (&family.schema, family.schema.desc());
        let starts = &mut self.starts;
        let mut stamp = |i| Stamp::new(schema, i, now, starts);
        match &family.numbers {
            Numbers::Totals(all) => {
                let per_unit = desc.recorded_per_unit();
                let mut point = |i| Some(stamp(i).total(*all.get(i)?, per_unit));
                batch.metric(desc, from..all.len(), &mut point, sums)
            }
            Numbers::Levels(all) => {
                let mut point = |i| Some(stamp(i).level((*all.get(i)?)?));
                batch.metric(desc, from..all.len(), &mut point, gauges)
            }
            Numbers::Exponential(all) => {
                let mut point = |i| Some(stamp(i).exponential(all.get(i)?));
                batch.metric(desc, from..all.len(), &mut point, exponentials)
            }
            Numbers::Explicit(all) => {
                let mut point = |i| Some(stamp(i).explicit(desc, all.get(i)?));
                batch.metric(desc, from..all.len(), &mut point, explicits)
            }
        }
    }

    /// The same for series that have ended.
    fn tell_ended(
        &mut self,
        ended: &Ended,
        now: u64,
        from: usize,
        batch: &mut Batch,
    ) -> Option<usize> {
        let (schema, desc) = (&ended.schema, ended.schema.desc());
        let starts = &mut self.starts;
        let mut stamp = |i| {
            let series = *ended.series.get(i)?;
            Some(Stamp::new(schema, series, now, starts))
        };
        let points = from..ended.series.len();
        match (desc.kind(), desc.native_schema()) {
            (Kind::Counter, _) => {
                batch.metric(desc, points, &mut |i| Some(stamp(i)?.no_number()), sums)
            }
            (Kind::Gauge, _) => {
                batch.metric(desc, points, &mut |i| Some(stamp(i)?.no_number()), gauges)
            }
            (Kind::Histogram, Some(_)) => {
                let mut point = |i| Some(stamp(i)?.no_exponential());
                batch.metric(desc, points, &mut point, exponentials)
            }
            (Kind::Histogram, None) => batch.metric(
                desc,
                points,
                &mut |i| Some(stamp(i)?.no_explicit()),
                explicits,
            ),
            // Of a kind that is never told nothing ends.
            _ => None,
        }
    }
}

/// One moment's requests, and how far they have got.
#[derive(Debug)]
pub(super) struct Job {
    /// All but the metrics; its one scope has none.
    envelope: ResourceMetrics,
    ended: Vec<Ended>,
    moment: Moment,
    pub(super) at: Place,
}

impl Job {
    /// What ended and what there is.
    const fn metrics(&self) -> usize {
        self.ended.len() + self.moment.families.len()
    }
}

/// A point of a job: that of a metric, counted from what ended on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    metric: usize,
    point: usize,
}

impl Place {
    const fn next_metric(self) -> Self {
        Self {
            metric: self.metric + 1,
            point: 0,
        }
    }
}

/// A request that is being put together.
#[derive(Debug)]
struct Batch {
    envelope: ResourceMetrics,
    metrics: Vec<Metric>,
    points: u64,
    /// At least what the body will take.
    bytes: usize,
    max_bytes: usize,
}

impl Batch {
    fn new(envelope: ResourceMetrics, max_bytes: usize) -> Self {
        Self {
            bytes: envelope.encoded_len() + 2 * OVERHEAD,
            envelope,
            metrics: Vec::new(),
            points: 0,
            max_bytes,
        }
    }

    /// Adds a family's points, as far as there is room; `Some` is the first for which there was none.
    fn metric<P: Message>(
        &mut self,
        desc: &Desc,
        points: Range<usize>,
        point: &mut dyn FnMut(usize) -> Option<P>,
        data: fn(Vec<P>) -> Data,
    ) -> Option<usize> {
        let mut metric = Metric {
            name: desc.name().to_owned(),
            description: desc.help().to_owned(),
            unit: ucum(desc.exposed_unit()).to_owned(),
            ..Metric::default()
        };
        // Before it, before its data, and how its data are meant.
        let mut bytes = self.bytes + metric.encoded_len() + 2 * OVERHEAD + 4;
        let mut taken = Vec::new();
        let mut stopped = None;
        for i in points {
            let Some(point) = point(i) else { continue };
            bytes += in_message(point.encoded_len());
            // A point that is larger than a request may be goes alone.
            if bytes > self.max_bytes && self.points > 0 {
                stopped = Some(i);
                break;
            }
            self.bytes = bytes;
            self.points += 1;
            taken.push(point);
        }
        if !taken.is_empty() {
            metric.data = Some(data(taken));
            self.metrics.push(metric);
        }
        stopped
    }

    /// The request; `None`, if there is nothing in it.
    fn request(mut self) -> Option<Request> {
        if self.points == 0 {
            return None;
        }
        if let Some(scope) = self.envelope.scope_metrics.first_mut() {
            scope.metrics = self.metrics;
        }
        let request = ExportMetricsServiceRequest {
            resource_metrics: vec![self.envelope],
        };
        Some(Request {
            body: request.encode_to_vec(),
            points: self.points,
        })
    }
}

/// What a message of `bytes` takes up in another.
fn in_message(bytes: usize) -> usize {
    1 + encoded_len_varint(bytes as u64) + bytes
}

const fn sums(data_points: Vec<NumberDataPoint>) -> Data {
    Data::Sum(Sum {
        data_points,
        aggregation_temporality: CUMULATIVE,
        is_monotonic: true,
    })
}

const fn gauges(data_points: Vec<NumberDataPoint>) -> Data {
    Data::Gauge(Gauge { data_points })
}

const fn explicits(data_points: Vec<HistogramDataPoint>) -> Data {
    Data::Histogram(Histogram {
        data_points,
        aggregation_temporality: CUMULATIVE,
    })
}

const fn exponentials(data_points: Vec<ExponentialHistogramDataPoint>) -> Data {
    Data::ExponentialHistogram(ExponentialHistogram {
        data_points,
        aggregation_temporality: CUMULATIVE,
    })
}
