//! Prometheus remote write, 1.0 and 2.0: snapshots pushed to Prometheus, VictoriaMetrics, Mimir and their like.
//!
//! Lives here: what hosts say. `batch` reduces a snapshot to its numbers, `plan` knows what stays the same between
//! snapshots, `told` which series have ended, `protocol` makes requests of them, `v1` and `v2` are the messages. Not here:
//! queue, retries and the network, which are every push's ([`push`](super)).
//!
//! Source: [1.0](https://prometheus.io/docs/specs/prw/remote_write_spec/) and
//! [2.0-rc.4](https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/) of the specification.

mod batch;
mod histogram;
mod plan;
mod protocol;
mod series;
mod told;
mod v1;
mod v2;
mod wire;

use media_metrics_core::Registry;

use self::batch::Intake;
use self::protocol::Protocol;
use super::{Endpoint, PushError, PushSink};
use crate::format::Filter;

/// Which version of the protocol to speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// 1.0, which every receiver knows: no metadata, no start times.
    V1,
    /// 2.0, and 1.0 with receivers that do not know it: they are asked for 2.0 again an hour later.
    #[default]
    V2,
}

/// Which buckets of histograms are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Histograms {
    /// The classic ones: a series for each.
    #[default]
    Classic,
    /// The native (exponential) ones; classic ones of families that have no other. The receiver must know them:
    /// Prometheus from 2.40 on, with `--enable-feature=native-histograms` before 3.8; VictoriaMetrics drops them silently.
    Native,
    /// Both.
    Both,
}

/// What a request may hold: it ends with the series that meets one of the limits.
#[derive(Clone, Copy, Debug)]
struct RequestLimits {
    samples: u64,
    bytes: usize,
}

/// Remote write to one receiver, to be configured.
///
/// - **Cost**: on the reporter's threads nothing but handing over an `Arc`. On the sink's thread a copy of the numbers (8
///   bytes a sample); on the sender's the encoding. Neither meets a recording thread.
/// - **Order, ends**: samples of a series ascend in time. A series that is gone, a gauge that was cleared, and all series at
///   a stop get a stale marker, so they end at once in queries.
/// - **Outage**: see [`Endpoint::queue_bytes`]; counters are cumulative, so nothing but resolution is lost.
/// - **What it tells of itself**: the families `media_metrics_push_*`.
///
/// ```no_run
/// use std::time::Duration;
/// use media_metrics_core::{Registry, Reporter};
/// use media_metrics_exporter::push::{Endpoint, remote_write::RemoteWrite};
///
/// let registry = Registry::new()?;
/// let endpoint = Endpoint::new("http://127.0.0.1:9090/api/v1/write");
/// let push = RemoteWrite::new(endpoint)
///     .label("job", "sfu")
///     .label("instance", "sfu-7")
///     .start(&registry)?;
/// let reporter = Reporter::builder(&registry).sink("remote-write", 4, push).start()?;
/// // …
/// reporter.stop(Duration::from_secs(2)); // sends the tail
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct RemoteWrite {
    endpoint: Endpoint,
    version: Version,
    histograms: Histograms,
    labels: Vec<(String, String)>,
    shown: Filter,
    stale_on_stop: bool,
    limits: RequestLimits,
}

impl RemoteWrite {
    /// Remote write to `endpoint`.
    #[must_use]
    pub const fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            version: Version::V2,
            histograms: Histograms::Classic,
            labels: Vec::new(),
            shown: Filter::ALL,
            stale_on_stop: true,
            limits: RequestLimits {
                samples: 2_000,
                bytes: 1 << 20,
            },
        }
    }

    /// Which version to speak (default 2.0, with a way back).
    #[must_use]
    pub const fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// Which buckets to send (default classic ones).
    #[must_use]
    pub const fn histograms(mut self, histograms: Histograms) -> Self {
        self.histograms = histograms;
        self
    }

    /// Adds a label to each series that has none of that name: `job` and `instance`, which a scraper would add.
    #[must_use]
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.push((name.into(), value.into()));
        self
    }

    /// Leaves out families whose name `shown` says no to; by default all are sent. Asked once for each family, and again
    /// when series of it came or went; on the sink's thread.
    #[must_use]
    pub fn families(mut self, shown: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.shown = Filter::new(shown);
        self
    }

    /// Whether a stop ends all series at the receiver (default yes). With `false` they go stale by themselves, in Prometheus
    /// after 5 minutes.
    #[must_use]
    pub const fn stale_on_stop(mut self, tells: bool) -> Self {
        self.stale_on_stop = tells;
        self
    }

    /// Most samples in a request (default 2,000), and bytes before compression (default 1 MiB) with which one ends. What is
    /// more is sent in several.
    #[must_use]
    pub const fn request_limits(mut self, samples: u64, bytes: usize) -> Self {
        self.limits = RequestLimits { samples, bytes };
        self
    }

    /// Starts the thread that sends. The sink is for [`ReporterBuilder::sink`](media_metrics_core::ReporterBuilder::sink) of
    /// `registry`, where the push reports on itself.
    ///
    /// # Errors
    /// The endpoint or a label is wrong, or there is no thread to be had; see [`PushError`].
    pub fn start(self, registry: &Registry) -> Result<PushSink, PushError> {
        self.check()?;
        let Self {
            endpoint,
            version,
            histograms,
            labels,
            shown,
            stale_on_stop,
            limits,
        } = self;
        let labels = labels.into_iter().filter(|(_, value)| !value.is_empty());
        let intake = Intake::new(labels.collect(), histograms, shown);
        PushSink::start(&endpoint, registry, intake, |telemetry| {
            Protocol::new(version, limits, stale_on_stop, telemetry.clone())
        })
    }

    fn check(&self) -> Result<(), PushError> {
        for (at, (name, _)) in self.labels.iter().enumerate() {
            let bad = |reason| PushError::BadLabel {
                name: name.clone(),
                reason,
            };
            let mut bytes = name.bytes();
            let letter = |b: u8| b.is_ascii_alphabetic() || b == b'_';
            let is_name =
                bytes.next().is_some_and(letter) && bytes.all(|b| letter(b) || b.is_ascii_digit());
            if !is_name {
                return Err(bad(
                    "a label's name has letters, digits and _, and begins with no digit",
                ));
            }
            if name.starts_with("__") || name == "le" {
                return Err(bad("Prometheus keeps this name for itself"));
            }
            if self.labels.iter().take(at).any(|(other, _)| other == name) {
                return Err(bad("it is given twice"));
            }
        }
        let RequestLimits { samples, bytes } = self.limits;
        if samples == 0 || bytes == 0 || bytes > 1 << 30 {
            return Err(PushError::BadLimit {
                what: "request_limits",
                wanted: "at least one sample, and 1 byte to 1 GiB",
            });
        }
        Ok(())
    }
}
