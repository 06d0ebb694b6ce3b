//! Requests of remote write 1.0: `prometheus.WriteRequest`.
//!
//! Lives here: that message's fields, from `remote.proto` and `types.proto` of Prometheus' `prompb`. Not here: which
//! series a request has (`protocol`), native histograms (`histogram`).
//!
//! Exemplars and native histograms are no part of the 1.0 specification, but of what Prometheus has sent and taken under
//! its name since 2.27 and 2.40. Metadata is left out: it is no part of it either, and receivers ignore it.

use super::series::{Point, Series, exemplar_labels, exemplar_time_ms};
use super::{histogram, wire};

/// Fields of `WriteRequest`, `TimeSeries`, `Label`, `Sample`, `Exemplar`.
const TIMESERIES: u32 = 1;
const LABELS: u32 = 1;
const SAMPLES: u32 = 2;
const EXEMPLARS: u32 = 3;
const HISTOGRAMS: u32 = 4;
const LABEL_NAME: u32 = 1;
const LABEL_VALUE: u32 = 2;
const SAMPLE_VALUE: u32 = 1;
const SAMPLE_TIMESTAMP: u32 = 2;
const EXEMPLAR_LABELS: u32 = 1;
const EXEMPLAR_VALUE: u32 = 2;
const EXEMPLAR_TIMESTAMP: u32 = 3;

/// What the specification demands ("Protocol").
pub(super) const HEADERS: &[(&str, &str)] = &[
    ("Content-Encoding", "snappy"),
    ("Content-Type", "application/x-protobuf"),
    ("X-Prometheus-Remote-Write-Version", "0.1.0"),
];

/// A message under construction, in memory that is kept.
#[derive(Debug, Default)]
pub(super) struct Message {
    bytes: Vec<u8>,
    series: Vec<u8>,
    part: Vec<u8>,
    scratch: Vec<u8>,
}

impl Message {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }

    pub(super) const fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) const fn finish(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    pub(super) fn push(&mut self, series: &Series<'_>) {
        let Self {
            bytes,
            series: out,
            part,
            scratch,
        } = self;
        out.clear();
        for label in series.label_texts() {
            write_label(part, label);
            wire::bytes(out, LABELS, part);
        }
        match series.point {
            Point::Number(value) => {
                part.clear();
                wire::double(part, SAMPLE_VALUE, value);
                wire::int(part, SAMPLE_TIMESTAMP, series.time_ms);
                wire::bytes(out, SAMPLES, part);
            }
            Point::Native(native) => {
                histogram::write(part, scratch, native, series.time_ms, 0);
                wire::bytes(out, HISTOGRAMS, part);
            }
        }
        for (_, exemplar) in series.exemplars {
            part.clear();
            for label in exemplar_labels(exemplar) {
                write_label(scratch, label);
                wire::bytes(part, EXEMPLAR_LABELS, scratch);
            }
            wire::double(part, EXEMPLAR_VALUE, exemplar.value());
            wire::int(part, EXEMPLAR_TIMESTAMP, exemplar_time_ms(exemplar));
            wire::bytes(out, EXEMPLARS, part);
        }
        wire::bytes(bytes, TIMESERIES, out);
    }
}

fn write_label(out: &mut Vec<u8>, [name, value]: [&str; 2]) {
    out.clear();
    wire::bytes(out, LABEL_NAME, name.as_bytes());
    wire::bytes(out, LABEL_VALUE, value.as_bytes());
}
