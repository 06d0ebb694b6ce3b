//! Requests of remote write 2.0: `io.prometheus.write.v2.Request`.
//!
//! Lives here: that message's fields, from `types.proto` (2.0-rc.4) of Prometheus' `prompb/io/prometheus/write/v2`, and its
//! table of symbols. Not here: which series a request has (`protocol`), native histograms (`histogram`).

use std::collections::HashMap;
use std::sync::Arc;

use super::series::{Point, Series, exemplar_labels, exemplar_time_ms};
use super::{histogram, wire};

/// Fields of `Request`, `TimeSeries`, `Sample`, `Exemplar`, `Metadata`.
const SYMBOLS: u32 = 4;
const TIMESERIES: u32 = 5;
const LABELS_REFS: u32 = 1;
const SAMPLES: u32 = 2;
const HISTOGRAMS: u32 = 3;
const EXEMPLARS: u32 = 4;
const METADATA: u32 = 5;
const SAMPLE_VALUE: u32 = 1;
const SAMPLE_TIMESTAMP: u32 = 2;
const SAMPLE_START: u32 = 3;
const EXEMPLAR_LABELS_REFS: u32 = 1;
const EXEMPLAR_VALUE: u32 = 2;
const EXEMPLAR_TIMESTAMP: u32 = 3;
const METADATA_TYPE: u32 = 1;
const METADATA_HELP: u32 = 3;
const METADATA_UNIT: u32 = 4;

/// What the specification demands ("Protocol").
pub(super) const HEADERS: &[(&str, &str)] = &[
    ("Content-Encoding", "snappy"),
    (
        "Content-Type",
        "application/x-protobuf;proto=io.prometheus.write.v2.Request",
    ),
    ("X-Prometheus-Remote-Write-Version", "2.0.0"),
];

/// No symbol yet.
const NONE: u32 = u32::MAX;

/// A message under construction, in memory that is kept.
#[derive(Debug, Default)]
pub(super) struct Message {
    symbols: Symbols,
    /// All series so far.
    all: Vec<u8>,
    series: Vec<u8>,
    part: Vec<u8>,
    scratch: Vec<u8>,
    /// The symbol of each text of the plan at hand, [`NONE`] if it has none yet.
    places: Vec<u32>,
    /// Whose texts they are: where they lie.
    plan: Option<(usize, usize)>,
}

impl Message {
    pub(super) fn clear(&mut self) {
        self.all.clear();
        self.symbols.clear();
        self.plan = None;
        // The first symbol must be the empty one.
        self.symbols.of("");
    }

    pub(super) const fn len(&self) -> usize {
        self.symbols.bytes.len() + self.all.len()
    }

    /// The whole message: symbols first, as some receivers resolve them while they read.
    pub(super) fn finish(&mut self) -> &[u8] {
        self.symbols.bytes.append(&mut self.all);
        &self.symbols.bytes
    }

    pub(super) fn push(&mut self, series: &Series<'_>) {
        self.look_at(series.texts);
        self.series.clear();
        self.scratch.clear();
        for place in series.labels.as_flattened() {
            let symbol = self.place(*place as usize, series.texts);
            prost::encoding::encode_varint(symbol.into(), &mut self.scratch);
        }
        let Self {
            symbols,
            all,
            series: out,
            part,
            scratch,
            ..
        } = self;
        wire::bytes(out, LABELS_REFS, scratch);
        match series.point {
            Point::Number(value) => {
                part.clear();
                wire::double(part, SAMPLE_VALUE, value);
                wire::int(part, SAMPLE_TIMESTAMP, series.time_ms);
                if series.started_ms != 0 {
                    wire::int(part, SAMPLE_START, series.started_ms);
                }
                wire::bytes(out, SAMPLES, part);
            }
            Point::Native(native) => {
                histogram::write(part, scratch, native, series.time_ms, series.started_ms);
                wire::bytes(out, HISTOGRAMS, part);
            }
        }
        for (_, exemplar) in series.exemplars {
            part.clear();
            let refs: Vec<u32> = exemplar_labels(exemplar)
                .as_flattened()
                .iter()
                .map(|text| symbols.of(text))
                .collect();
            let refs = refs.into_iter().map(u64::from);
            wire::packed(part, scratch, EXEMPLAR_LABELS_REFS, refs);
            wire::double(part, EXEMPLAR_VALUE, exemplar.value());
            wire::int(part, EXEMPLAR_TIMESTAMP, exemplar_time_ms(exemplar));
            wire::bytes(out, EXEMPLARS, part);
        }
        part.clear();
        wire::uint(part, METADATA_TYPE, series.kind as u64);
        let help = symbols.of(series.help);
        wire::uint(part, METADATA_HELP, help.into());
        let unit = symbols.of(series.unit);
        wire::uint(part, METADATA_UNIT, unit.into());
        wire::bytes(out, METADATA, part);
        wire::bytes(all, TIMESERIES, out);
    }

    /// The symbols of these texts are looked up by place from now on.
    fn look_at(&mut self, texts: &[Arc<str>]) {
        let plan = Some((texts.as_ptr().addr(), texts.len()));
        if self.plan != plan {
            self.plan = plan;
            self.places.clear();
            self.places.resize(texts.len(), NONE);
        }
    }

    fn place(&mut self, at: usize, texts: &[Arc<str>]) -> u32 {
        let known = self.places.get(at).copied().unwrap_or(NONE);
        if known != NONE {
            return known;
        }
        let text = texts.get(at).map_or("", |text| &**text);
        let symbol = self.symbols.of(text);
        if let Some(place) = self.places.get_mut(at) {
            *place = symbol;
        }
        symbol
    }
}

/// Which text is which symbol of a request.
#[derive(Debug, Default)]
struct Symbols {
    numbers: HashMap<Box<str>, u32>,
    /// The field, symbol after symbol.
    bytes: Vec<u8>,
}

impl Symbols {
    fn clear(&mut self) {
        self.numbers.clear();
        self.bytes.clear();
    }

    /// The symbol of `text`, a new one if it has none.
    fn of(&mut self, text: &str) -> u32 {
        if let Some(&symbol) = self.numbers.get(text) {
            return symbol;
        }
        let symbol = self.numbers.len() as u32;
        self.numbers.insert(text.into(), symbol);
        wire::bytes(&mut self.bytes, SYMBOLS, text.as_bytes());
        symbol
    }
}
