//! What remote write sends: series, ends, requests, versions; read by a protobuf compiler's schema.

#![cfg(feature = "remote-write")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod common;
#[path = "remote_write/ends.rs"]
mod ends;
#[path = "remote_write/hostile.rs"]
mod hostile;
#[path = "remote_write/pace.rs"]
mod pace;
#[path = "remote_write/reading.rs"]
mod reading;
#[path = "remote_write/values.rs"]
mod values;
#[path = "remote_write/versions.rs"]
mod versions;

use std::sync::Arc;
use std::time::Duration;

use media_metrics_core::snapshot::{Builder, Snapshot};
use media_metrics_core::{Registry, Sink};
use media_metrics_exporter::push::remote_write::RemoteWrite;
use media_metrics_exporter::push::{Endpoint, PushSink};

use crate::common::receiver::{Receiver, Reply, status};
use crate::reading::{Point, Series};

/// What a receiver of 2.0 says when it wrote all that anybody could have sent it.
const ALL_WRITTEN: &str = "X-Prometheus-Remote-Write-Samples-Written: 1000000\r\n\
     X-Prometheus-Remote-Write-Histograms-Written: 1000000\r\nX-Prometheus-Remote-Write-Exemplars-Written: 1000000\r\n";

fn takes_all() -> Reply {
    status(204, ALL_WRITTEN)
}

/// Every snapshot, no wait between attempts to speak of, and a name of its own.
fn endpoint(receiver: &Receiver) -> Endpoint {
    Endpoint::new(receiver.url())
        .interval(Duration::ZERO)
        .backoff(Duration::from_millis(1), Duration::from_millis(4))
        .timeout(Duration::from_millis(500))
        .stop_within(Duration::from_secs(10))
        .name("test")
}

fn push(receiver: &Receiver) -> RemoteWrite {
    RemoteWrite::new(endpoint(receiver))
}

/// A running push and the registry that it reports to.
struct Running {
    registry: Registry,
    sink: PushSink,
}

impl Running {
    fn start(push: RemoteWrite) -> Self {
        let registry = Registry::new().unwrap();
        let sink = push.start(&registry).unwrap();
        Self { registry, sink }
    }

    fn report(&mut self, builder: Builder) {
        self.sink.report(&Arc::new(builder.build()));
    }

    /// Stops it; what it recorded of itself.
    fn stop(self) -> Told {
        drop(self.sink);
        Told(self.registry.collect())
    }

    fn told(&self) -> Told {
        Told(self.registry.collect())
    }
}

/// What a push records of itself.
struct Told(Arc<Snapshot>);

impl Told {
    fn count(&self, family: &str) -> u64 {
        self.0
            .counter(&format!("media_metrics_push_{family}_total"), &["test"])
            .unwrap()
    }

    fn by_reason(&self, family: &str, reason: &str) -> u64 {
        let name = format!("media_metrics_push_{family}_total");
        self.0.counter(&name, &["test", reason]).unwrap()
    }

    fn gauge(&self, family: &str) -> Option<f64> {
        self.0
            .gauge(&format!("media_metrics_push_{family}"), &["test"])
    }
}

/// All series of all requests so far, in their order.
fn everything(receiver: &Receiver) -> Vec<Series> {
    receiver.requests().iter().flat_map(reading::read).collect()
}

/// Names and values, in their order.
fn lines(series: &[Series]) -> Vec<(&str, Option<f64>)> {
    let value = |s: &Series| match &s.value {
        Point::Number(value) => Some(*value),
        Point::Stale => None,
        Point::Native(native) => Some(native.count as f64),
    };
    series.iter().map(|s| (s.id.as_str(), value(s))).collect()
}
