//! The peers' registries.

use std::fmt::Write as _;

use fastmetrics::format::text::TextProfile;
use measured::MetricGroup;
use measured::metric::histogram::Thresholds;
use measured::text::BufferedTextEncoder;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use paracord::ParaCord;

use super::labels::{FastLabels, MeasuredLabels, MeasuredLabelsSet, NAMES, labels};
use super::{BOUNDS, Filled, SAMPLES, Shape, value};

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

pub(crate) struct Prometheus(pub(crate) prometheus::Registry);

impl Filled for Prometheus {
    fn new(shape: Shape) -> Self {
        let registry = prometheus::Registry::new();
        let counter = prometheus::Opts::new("bench_packets_total", "Packets.");
        let counters = prometheus::IntCounterVec::new(counter, &NAMES).expect("a family");
        let histogram = prometheus::HistogramOpts::new("bench_latency_seconds", "Latency.");
        let histogram = histogram.buckets(BOUNDS.to_vec());
        let histograms = prometheus::HistogramVec::new(histogram, &NAMES).expect("a family");
        registry
            .register(Box::new(counters.clone()))
            .expect("a new name");
        registry
            .register(Box::new(histograms.clone()))
            .expect("a new name");
        for i in 0..shape.counters {
            let (room, kind) = labels(i);
            counters.with_label_values(&[&room, kind]).inc_by(value(i));
        }
        for i in 0..shape.histograms {
            let (room, kind) = labels(i);
            let histogram = histograms.with_label_values(&[&room, kind]);
            SAMPLES
                .iter()
                .for_each(|&ns| histogram.observe(seconds(ns)));
        }
        Self(registry)
    }

    fn page(&mut self, page: &mut String) {
        let encoder = prometheus::TextEncoder::new();
        encoder.encode_utf8(&self.0.gather(), page).expect("a page");
    }
}

pub(crate) struct PrometheusClient(prometheus_client::registry::Registry);

type ClientLabels = [(&'static str, String); 2];

impl Filled for PrometheusClient {
    fn new(shape: Shape) -> Self {
        use prometheus_client::metrics::{counter::Counter, family::Family, histogram::Histogram};
        let counters = Family::<ClientLabels, Counter>::default();
        let histograms: Family<ClientLabels, Histogram> =
            Family::new_with_constructor(|| Histogram::new(BOUNDS));
        let mut registry = prometheus_client::registry::Registry::default();
        registry.register("bench_packets", "Packets", counters.clone());
        registry.register("bench_latency_seconds", "Latency", histograms.clone());
        let key = |i| {
            let (room, kind) = labels(i);
            [("room", room), ("kind", kind.to_owned())]
        };
        for i in 0..shape.counters {
            counters.get_or_create(&key(i)).inc_by(value(i));
        }
        for i in 0..shape.histograms {
            let histogram = histograms.get_or_create(&key(i));
            SAMPLES
                .iter()
                .for_each(|&ns| histogram.observe(seconds(ns)));
        }
        Self(registry)
    }

    fn page(&mut self, page: &mut String) {
        prometheus_client::encoding::text::encode(page, &self.0).expect("a page");
    }
}

/// The `metrics` facade with its Prometheus exporter.
pub(crate) struct Facade(PrometheusHandle);

impl Filled for Facade {
    fn new(shape: Shape) -> Self {
        let builder = PrometheusBuilder::new()
            .set_buckets(&BOUNDS)
            .expect("buckets");
        let recorder = builder.build_recorder();
        metrics::with_local_recorder(&recorder, || {
            for i in 0..shape.counters {
                let (room, kind) = labels(i);
                metrics::counter!("bench_packets_total", "room" => room, "kind" => kind)
                    .increment(value(i));
            }
            for i in 0..shape.histograms {
                let (room, kind) = labels(i);
                let histogram =
                    metrics::histogram!("bench_latency_seconds", "room" => room, "kind" => kind);
                SAMPLES.iter().for_each(|&ns| histogram.record(seconds(ns)));
            }
        });
        let handle = recorder.handle();
        handle.run_upkeep();
        Self(handle)
    }

    fn page(&mut self, page: &mut String) {
        page.push_str(&self.0.render());
    }
}

pub(crate) struct Fast(fastmetrics::registry::Registry);

impl Filled for Fast {
    fn new(shape: Shape) -> Self {
        use fastmetrics::metrics::{counter::Counter, family::Family, histogram::Histogram};
        let counters = Family::<FastLabels, Counter>::default();
        let histograms: Family<FastLabels, Histogram> = Family::new(|| Histogram::new(BOUNDS));
        let mut registry = fastmetrics::registry::Registry::builder()
            .build()
            .expect("a registry");
        registry
            .register("bench_packets", "Packets", counters.clone())
            .expect("a new name");
        registry
            .register("bench_latency_seconds", "Latency", histograms.clone())
            .expect("a new name");
        let key = |i| {
            let (room, kind) = labels(i);
            FastLabels { room, kind }
        };
        for i in 0..shape.counters {
            counters.with_or_new(&key(i), |c| {
                c.inc_by(value(i));
            });
        }
        for i in 0..shape.histograms {
            histograms.with_or_new(&key(i), |h| {
                SAMPLES.iter().for_each(|&ns| h.observe(seconds(ns)));
            });
        }
        Self(registry)
    }

    fn page(&mut self, page: &mut String) {
        fastmetrics::format::text::encode(page, &self.0, TextProfile::default()).expect("a page");
    }
}

#[derive(measured::MetricGroup)]
struct MeasuredGroup {
    /// Packets.
    bench_packets_total: measured::CounterVec<MeasuredLabelsSet>,
    /// Latency.
    bench_latency_seconds: measured::HistogramVec<MeasuredLabelsSet, 10>,
}

pub(crate) struct Measured {
    group: MeasuredGroup,
    encoder: BufferedTextEncoder,
}

impl Filled for Measured {
    fn new(shape: Shape) -> Self {
        let set = || MeasuredLabelsSet {
            room: ParaCord::default(),
            kind: ParaCord::default(),
        };
        let bounds = Thresholds::with_buckets(BOUNDS);
        let group = MeasuredGroup {
            bench_packets_total: measured::CounterVec::with_label_set(set()),
            bench_latency_seconds: measured::HistogramVec::with_label_set_and_metadata(
                set(),
                bounds,
            ),
        };
        for i in 0..shape.counters {
            let (room, kind) = labels(i);
            group
                .bench_packets_total
                .inc_by(MeasuredLabels { room: &room, kind }, value(i));
        }
        for i in 0..shape.histograms {
            let (room, kind) = labels(i);
            let key = MeasuredLabels { room: &room, kind };
            let observe = |&ns| group.bench_latency_seconds.observe(key, seconds(ns));
            SAMPLES.iter().for_each(observe);
        }
        Self {
            group,
            encoder: BufferedTextEncoder::new(),
        }
    }

    fn page(&mut self, page: &mut String) {
        self.group
            .collect_group_into(&mut self.encoder)
            .expect("a page");
        let text = self.encoder.finish();
        // Its own output, copied once as the others' is: formatting a `str` can't fail.
        let _ = page.write_str(std::str::from_utf8(&text).expect("text"));
    }
}
