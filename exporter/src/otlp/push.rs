//! OTLP over HTTP: snapshots posted to a collector.
//!
//! Lives here: what an operator may choose, requests for the sender, and what a status means. Not here: the queue, the
//! connection, waits and repetitions, which all pushes share (`crate::push`).
//!
//! By the OTLP specification ("OTLP/HTTP Response"): 429, 502, 503 and 504 are tried again, later; all else that is no
//! success never is.

use media_metrics_core::{Registry, Snapshot};

use super::answer::{reason, taken};
use super::buckets::Dense;
use super::encoder::{self, Encoder, Job, Place};
use super::moment::{Moment, Seen};
use super::remarks::Remarks;
use super::resource::Resource;
use crate::format::Filter;
use crate::push::{
    Answer, Batch, Endpoint, Intake, Protocol, PushError, PushSink, Request, Verdict,
};

/// What every request says of itself, not compressed.
const PLAIN: &[(&str, &str)] = &[("Content-Type", "application/x-protobuf")];

/// The same, compressed.
#[cfg(feature = "gzip")]
const GZIP: &[(&str, &str)] = &[
    ("Content-Type", "application/x-protobuf"),
    ("Content-Encoding", "gzip"),
];

/// Pushes metrics by OTLP over HTTP.
///
/// Snapshots go to the endpoint's URL as it is given: by OpenTelemetry's convention its path is `/v1/metrics`, its port
/// 4318. What ended is told as without a recorded value, and so is everything when the push ends.
///
/// ```no_run
/// use media_metrics_core::{Registry, Reporter};
/// use media_metrics_exporter::otlp::{Otlp, Resource};
/// use media_metrics_exporter::push::Endpoint;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = Registry::new()?;
/// let endpoint = Endpoint::new("http://127.0.0.1:4318/v1/metrics").name("collector");
/// let otlp = Otlp::new(endpoint).resource(Resource::new("sfu").attribute("host.name", "sfu-7"));
/// let sink = otlp.start(&registry)?;
/// let reporter = Reporter::builder(&registry).sink("otlp", 4, sink).start()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Otlp {
    endpoint: Endpoint,
    resource: Resource,
    shown: Filter,
    max_bytes: usize,
    compressed: bool,
    remarks: Remarks,
}

impl Otlp {
    /// A push to `endpoint`, of the metrics of a service `media-metrics`; compressed by gzip, if the feature `gzip` is
    /// on.
    #[must_use]
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            resource: Resource::default(),
            shown: Filter::ALL,
            max_bytes: Encoder::DEFAULT_MAX_BYTES,
            compressed: cfg!(feature = "gzip"),
            remarks: Remarks::default(),
        }
    }

    /// Who the metrics are from.
    #[must_use]
    pub fn resource(mut self, resource: Resource) -> Self {
        self.resource = resource;
        self
    }

    /// Leaves out families whose name `shown` says no to.
    #[must_use]
    pub fn families(mut self, shown: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.shown = Filter::new(shown);
        self
    }

    /// The largest request, before compression; see [`Encoder::max_bytes`]. A receiver that says that a request was too
    /// large (status 413) gets smaller ones from then on.
    #[must_use]
    pub const fn max_request_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Sends requests as they are, not compressed.
    #[must_use]
    pub const fn uncompressed(mut self) -> Self {
        self.compressed = false;
        self
    }

    /// Where to ask, as long as this push runs, what the receiver said last.
    #[must_use]
    pub fn remarks(&self) -> Remarks {
        self.remarks.clone()
    }

    /// Starts the sender's thread. The sink is for [`ReporterBuilder::sink`](media_metrics_core::ReporterBuilder::sink);
    /// how the push goes is told by families of `registry`.
    ///
    /// # Errors
    /// The endpoint's URL, headers or limits are wrong, or the system gives no thread.
    pub fn start(self, registry: &Registry) -> Result<PushSink, PushError> {
        let intake = Moments {
            shown: self.shown,
            dense: Dense::default(),
            last: Seen::default(),
        };
        let requests = Requests {
            encoder: Encoder::new(self.resource).max_bytes(self.max_bytes),
            compressed: self.compressed,
            job: None,
            next: Place::default(),
            points: 0,
            remarks: self.remarks,
        };
        PushSink::start(&self.endpoint, registry, intake, |_| requests)
    }
}

/// The half on the reporter's side.
#[derive(Debug)]
struct Moments {
    shown: Filter,
    dense: Dense,
    last: Seen,
}

impl Intake for Moments {
    type Batch = Moment;

    /// Always something: that a clock was set back is no fault in OTLP.
    fn take(&mut self, snapshot: &Snapshot) -> Option<Moment> {
        let mut moment = Moment::of(snapshot, &self.shown, &mut self.dense);
        moment.labels = self.last.weigh(&moment, snapshot.time());
        Some(moment)
    }
}

impl Batch for Moment {
    fn weight(&self) -> usize {
        self.bytes()
    }
}

/// The half on the sender's side.
#[derive(Debug)]
struct Requests {
    encoder: Encoder,
    compressed: bool,
    job: Option<Job>,
    /// Where the request after the one at hand begins, and what that one holds.
    next: Place,
    points: u64,
    remarks: Remarks,
}

impl Protocol for Requests {
    type Batch = Moment;

    fn begin(&mut self, moment: Moment) {
        self.job = Some(self.encoder.begin(moment));
    }

    fn encode(&mut self, body: &mut Vec<u8>) -> Option<Request> {
        let Some((request, next)) = self.encoder.request(self.job.as_ref()?) else {
            if let Some(job) = self.job.take() {
                self.encoder.finish(&job);
            }
            return None;
        };
        let encoder::Request {
            body: plain,
            points,
        } = request;
        (self.next, self.points) = (next, points);
        Some(Request {
            headers: write(plain, self.compressed, body),
            samples: points,
        })
    }

    fn judge(&mut self, answer: &Answer) -> Verdict {
        let unwritten = self.points;
        let verdict = match answer.status {
            200..300 => {
                let taken = taken(&answer.body, self.points);
                if !taken.message.is_empty() || taken.rejected > 0 {
                    self.remarks.note(answer.status, taken.message);
                }
                return Verdict::Accepted {
                    unwritten: taken.rejected,
                };
            }
            429 | 502..=504 => Verdict::Retry,
            413 => {
                self.encoder.halve_max_bytes();
                Verdict::Refused { unwritten }
            }
            _ => Verdict::Refused { unwritten },
        };
        self.remarks.note(answer.status, reason(&answer.body));
        verdict
    }

    fn advance(&mut self) {
        if let Some(job) = &mut self.job {
            job.at = self.next;
        }
    }

    fn farewell(&mut self) -> Option<Moment> {
        self.encoder.farewell()
    }
}

/// Writes a request into `body`, compressed if that is asked for and possible; its headers.
fn write(
    plain: Vec<u8>,
    compressed: bool,
    body: &mut Vec<u8>,
) -> &'static [(&'static str, &'static str)] {
    #[cfg(feature = "gzip")]
    {
        use crate::compress::{Effort, compress};
        use crate::format::negotiate::Coding;
        if compressed && compress(Coding::Gzip, Effort::Quick, &plain, body).is_ok() {
            return GZIP;
        }
    }
    #[cfg(not(feature = "gzip"))]
    let _always_off = compressed;
    *body = plain;
    PLAIN
}

#[cfg(test)]
mod tests {
    use super::*;
    use media_metrics_core::desc::Desc;
    use media_metrics_core::snapshot::Builder;
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;
    use prost::Message;
    use ureq::http::header::HeaderMap;

    fn requests() -> Requests {
        Requests {
            encoder: Encoder::new(Resource::default()),
            compressed: false,
            job: None,
            next: Place::default(),
            points: 0,
            remarks: Remarks::default(),
        }
    }

    /// A moment with a series of each of these labels.
    fn moment(labels: &[&'static str]) -> Moment {
        let labels: Vec<[&str; 1]> = labels.iter().map(|&l| [l]).collect();
        let series: Vec<(&[&str], u64)> = labels.iter().map(|l| (&l[..], 1)).collect();
        let desc = Desc::counter("a_total", "A.").labels(&["l"]);
        let snapshot = Builder::new().counter(&desc, &series).build();
        Moment::of(&snapshot, &Filter::ALL, &mut Dense::default())
    }

    /// How many points of the request at hand have a value, and how many are over; `None` if all is told.
    fn told(requests: &mut Requests) -> Option<(usize, usize)> {
        let mut body = Vec::new();
        let request = requests.encode(&mut body)?;
        let message = ExportMetricsServiceRequest::decode(&*body).unwrap();
        let scopes = message
            .resource_metrics
            .iter()
            .flat_map(|r| &r.scope_metrics);
        let (mut live, mut over) = (0, 0);
        for metric in scopes.flat_map(|scope| &scope.metrics) {
            let Some(Data::Sum(sum)) = &metric.data else {
                panic!("{metric:?}")
            };
            over += sum.data_points.iter().filter(|p| p.flags == 1).count();
            live += sum.data_points.iter().filter(|p| p.flags == 0).count();
        }
        assert_eq!(request.samples as usize, live + over);
        Some((live, over))
    }

    /// Begins a moment and has all of it taken.
    fn deliver(requests: &mut Requests, moment: Moment) -> Vec<(usize, usize)> {
        requests.begin(moment);
        let mut all = Vec::new();
        while let Some(request) = told(requests) {
            all.push(request);
            requests.advance();
        }
        all
    }

    #[test]
    fn labels_that_only_waiting_moments_keep_weigh_something() {
        let mut intake = Moments {
            shown: Filter::ALL,
            dense: Dense::default(),
            last: Seen::default(),
        };
        let registry = Registry::new().unwrap();
        let desc = Desc::gauge("a", "A.").labels(&["l"]);
        let long = "x".repeat(400);
        let mut gauges = Vec::new();
        let mut weigh = |gauges: &[media_metrics_core::Gauge]| {
            gauges.iter().for_each(|gauge| gauge.set(1.0));
            intake.take(&registry.collect()).unwrap().weight()
        };
        let mut turn = |n: usize| {
            for over in gauges.drain(..) {
                assert!(registry.remove(&over));
            }
            gauges.extend((0..100).map(|i| {
                let label = format!("{long}{n}-{i}");
                registry.gauge(&desc, &[&label]).unwrap()
            }));
            (weigh(&gauges), weigh(&gauges))
        };
        for n in 0..3 {
            let (new, same) = turn(n);
            assert!(new - same > 40_000, "{new} and {same}");
        }
    }

    #[test]
    fn what_ended_is_told_until_it_is_taken() {
        let mut requests = requests();
        assert_eq!(deliver(&mut requests, moment(&["x", "y"])), [(2, 0)]);
        for _ in 0..3 {
            // Made, perhaps tried, and given up for a newer one.
            requests.begin(moment(&["y", "z"]));
            assert_eq!(told(&mut requests), Some((2, 1)));
            assert_eq!(told(&mut requests), Some((2, 1)), "the same one again");
        }
        assert_eq!(deliver(&mut requests, moment(&["y"])), [(1, 1)]);
        assert_eq!(deliver(&mut requests, moment(&["y"])), [(1, 0)]);
    }

    #[test]
    fn the_last_word_ends_what_was_told_and_nothing_else() {
        let mut requests = requests();
        assert!(requests.farewell().is_none());
        let last = moment(&["x", "y"]);
        let time = last.time;
        deliver(&mut requests, last);
        requests.begin(moment(&["x", "y", "z"])); // never taken
        let farewell = requests.farewell().unwrap();
        assert!(farewell.time > time);
        assert_eq!(deliver(&mut requests, farewell), [(0, 2)]);
        assert!(requests.farewell().is_none());
    }

    #[test]
    fn only_what_the_specification_names_is_tried_again() {
        let mut requests = requests();
        requests.begin(moment(&["x", "y"]));
        told(&mut requests);
        for status in 200..600 {
            let answer = Answer {
                status,
                headers: HeaderMap::new(),
                body: Vec::new(),
            };
            let expected = match status {
                200..300 => Verdict::Accepted { unwritten: 0 },
                429 | 502 | 503 | 504 => Verdict::Retry,
                _ => Verdict::Refused { unwritten: 2 },
            };
            assert_eq!(requests.judge(&answer), expected, "{status}");
        }
    }

    #[test]
    fn too_large_makes_the_next_ones_smaller_down_to_a_limit() {
        let mut requests = requests();
        let names: Vec<String> = (0..20_000).map(|i| i.to_string()).collect();
        let names: Vec<[&str; 1]> = names.iter().map(|l| [l.as_str()]).collect();
        let series: Vec<(&[&str], u64)> = names.iter().map(|l| (&l[..], 1)).collect();
        let desc = Desc::counter("a_total", "A.").labels(&["l"]);
        let snapshot = Builder::new().counter(&desc, &series).build();
        let mut sizes = Vec::new();
        for _ in 0..10 {
            let moment = Moment::of(&snapshot, &Filter::ALL, &mut Dense::default());
            requests.begin(moment);
            let mut body = Vec::new();
            requests.encode(&mut body).unwrap();
            sizes.push(body.len());
            requests.judge(&Answer {
                status: 413,
                headers: HeaderMap::new(),
                body: Vec::new(),
            });
        }
        // Some 900 KB in all: the first halvings of 4 MiB change nothing, the last are at the least limit.
        assert!(sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
        assert!(sizes[0] > 500_000, "{sizes:?}");
        assert!((50_000..=Encoder::LEAST_MAX_BYTES).contains(&sizes[9]));
    }
}
