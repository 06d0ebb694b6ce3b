//! A snapshot as OTLP's requests.
//!
//! Lives here: metrics around points, requests around metrics, none larger than allowed. Not here: what a point says
//! (`points`), who sends a request and what the answer means (`sink`, `answer`).

use media_metrics_core::Snapshot;
use media_metrics_core::desc::{Desc, Kind};
use media_metrics_core::histogram::NativeLayout;
use media_metrics_core::snapshot::{FamilySchema, FamilySnapshot, Values};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram,
    HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
};
use prost::Message;
use prost::encoding::encoded_len_varint;

use super::buckets::Dense;
use super::points::{Stamp, ucum};
use super::resource::{Resource, TARGET_INFO, scope};
use super::times::{Starts, nanoseconds};
use super::told::{Ended, Told};
use crate::format::Filter;

/// All our totals count from the start of their series.
const CUMULATIVE: i32 = AggregationTemporality::Cumulative as i32;

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

    /// Hands each request of `snapshot` to `each`, one after the other; none, if there is nothing to say.
    pub fn encode(&mut self, snapshot: &Snapshot, mut each: impl FnMut(Request)) {
        let now = nanoseconds(snapshot.time());
        let target = snapshot.family(TARGET_INFO).map(FamilySnapshot::schema);
        let target = target.into_iter().flat_map(|schema| schema.labels(0));
        let envelope = ResourceMetrics {
            resource: Some(self.resource.message(target)),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope()),
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        };
        let mut batch = Batch::new(envelope, self.max_bytes);
        let shown = |family: &&FamilySnapshot| {
            let name = family.schema().desc().name();
            name != TARGET_INFO && self.shown.shows(name)
        };
        let families: Vec<&FamilySnapshot> = snapshot.families().iter().filter(shown).collect();
        for ended in self.told.follow(families.iter().copied()) {
            tell_ended(&ended, now, &mut self.starts, &mut batch, &mut each);
        }
        for family in families {
            self.tell(family, now, &mut batch, &mut each);
        }
        batch.send(&mut each);
    }

    fn tell(
        &mut self,
        family: &FamilySnapshot,
        now: u64,
        batch: &mut Batch,
        each: &mut impl FnMut(Request),
    ) {
        let (schema, desc) = (family.schema(), family.schema().desc());
        let starts = &mut self.starts;
        let mut stamp = |i| Stamp::new(schema, i, now, starts);
        match family.values() {
            Values::Counter(totals) => {
                let per_unit = desc.recorded_per_unit();
                let total = |(i, &total): (usize, &u64)| stamp(i).total(total, per_unit);
                batch.metric(desc, totals.iter().enumerate().map(total), sums, each);
            }
            Values::Gauge(levels) => {
                let level = |(i, level): (usize, &Option<f64>)| Some(stamp(i).level((*level)?));
                batch.metric(
                    desc,
                    levels.iter().enumerate().filter_map(level),
                    gauges,
                    each,
                );
            }
            Values::Histogram(all) => match desc.native_schema() {
                Some(scale) => {
                    let layout = NativeLayout::new(desc.layout(), desc.recorded_per_unit(), scale);
                    let dense = &mut self.dense;
                    let points = all.iter().enumerate().map(|(i, histogram)| {
                        let counts = dense.of(histogram, &layout);
                        stamp(i).exponential(desc, histogram, counts)
                    });
                    batch.metric(desc, points, exponentials, each);
                }
                None => {
                    let points = all
                        .iter()
                        .enumerate()
                        .map(|(i, histogram)| stamp(i).explicit(desc, histogram));
                    batch.metric(desc, points, explicits, each);
                }
            },
            // A kind of value that this format has no words for is left out.
            _ => {}
        }
    }
}

fn tell_ended(
    ended: &Ended,
    now: u64,
    starts: &mut Starts,
    batch: &mut Batch,
    each: &mut impl FnMut(Request),
) {
    let schema: &FamilySchema = &ended.schema;
    let desc = schema.desc();
    let stamps = ended
        .series
        .iter()
        .map(|&i| Stamp::new(schema, i, now, starts));
    match desc.kind() {
        Kind::Counter => batch.metric(desc, stamps.map(Stamp::no_number), sums, each),
        Kind::Gauge => batch.metric(desc, stamps.map(Stamp::no_number), gauges, each),
        Kind::Histogram if desc.native_schema().is_some() => {
            batch.metric(desc, stamps.map(Stamp::no_exponential), exponentials, each);
        }
        Kind::Histogram => batch.metric(desc, stamps.map(Stamp::no_explicit), explicits, each),
        _ => {}
    }
}

/// A request that is being put together.
#[derive(Debug)]
struct Batch {
    /// All but the metrics; its one scope has none.
    envelope: ResourceMetrics,
    metrics: Vec<Metric>,
    points: u64,
    /// At least what the body will take.
    bytes: usize,
    max_bytes: usize,
}

impl Batch {
    const fn new(envelope: ResourceMetrics, max_bytes: usize) -> Self {
        Self {
            envelope,
            metrics: Vec::new(),
            points: 0,
            bytes: 0,
            max_bytes,
        }
    }

    /// Adds a family's points; what does not fit goes to `each`, with what was there before.
    fn metric<P: Message>(
        &mut self,
        desc: &Desc,
        points: impl Iterator<Item = P>,
        data: fn(Vec<P>) -> Data,
        each: &mut impl FnMut(Request),
    ) {
        let head = || Metric {
            name: desc.name().to_owned(),
            description: desc.help().to_owned(),
            unit: ucum(desc.exposed_unit()).to_owned(),
            ..Metric::default()
        };
        // Before it, before its data, and how its data are meant.
        let head_bytes = head().encoded_len() + 2 * OVERHEAD + 4;
        let metric = |points| Metric {
            data: Some(data(points)),
            ..head()
        };
        let mut open = Vec::new();
        for point in points {
            let bytes = in_message(point.encoded_len());
            if open.is_empty() {
                self.bytes += head_bytes;
            }
            let full = self.bytes + bytes + self.envelope_bytes() > self.max_bytes;
            if full && self.points > 0 {
                if !open.is_empty() {
                    self.metrics.push(metric(std::mem::take(&mut open)));
                }
                self.send(each);
                self.bytes = head_bytes;
            }
            self.bytes += bytes;
            self.points += 1;
            open.push(point);
        }
        if !open.is_empty() {
            self.metrics.push(metric(open));
        }
    }

    fn envelope_bytes(&self) -> usize {
        self.envelope.encoded_len() + 2 * OVERHEAD
    }

    /// Hands over what there is, and is empty.
    fn send(&mut self, each: &mut impl FnMut(Request)) {
        if self.metrics.is_empty() {
            return;
        }
        let mut all = self.envelope.clone();
        if let Some(scope) = all.scope_metrics.first_mut() {
            scope.metrics = std::mem::take(&mut self.metrics);
        }
        let request = ExportMetricsServiceRequest {
            resource_metrics: vec![all],
        };
        each(Request {
            body: request.encode_to_vec(),
            points: std::mem::take(&mut self.points),
        });
        self.bytes = 0;
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
