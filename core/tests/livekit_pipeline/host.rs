//! A host that writes down what it is asked for, and a bench that moves time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use media_metrics_core::Registry;
use media_metrics_core::livekit::messages::{
    DataPacket, MetricSample, MetricsBatch, TimeSeriesMetric,
};
use media_metrics_core::livekit::pipeline::{
    Participant, ParticipantConfig, Pipeline, PipelineConfig, Provider, Room, Samples, SendError,
};
use media_metrics_core::livekit::time::ServerTime;
use prost::Message;

/// When all tests begin: on a whole slot.
pub(crate) const START: ServerTime = ServerTime::from_ns(1_700_000_000_000_000_000);

/// This long after the start.
pub(crate) fn at(seconds: f64) -> ServerTime {
    START.after(Duration::from_secs_f64(seconds))
}

/// Seconds since the start.
pub(crate) fn seconds(time: ServerTime) -> f64 {
    (time.ns() - START.ns()) as f64 / 1e9
}

/// What one host was asked for.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Written>>);

#[derive(Default)]
struct Written {
    sampled: Vec<f64>,
    packets: Vec<Vec<u8>>,
}

impl Notes {
    /// When samples were taken, in seconds since the start.
    pub(crate) fn sampled(&self) -> Vec<f64> {
        self.0.lock().unwrap().sampled.clone()
    }

    pub(crate) fn packets(&self) -> Vec<DataPacket> {
        let written = self.0.lock().unwrap();
        let decode = |packet: &Vec<u8>| DataPacket::decode(&packet[..]).unwrap();
        written.packets.iter().map(decode).collect()
    }

    pub(crate) fn sizes(&self) -> Vec<usize> {
        let written = self.0.lock().unwrap();
        written.packets.iter().map(Vec::len).collect()
    }

    /// All rows of all packets.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let packets = self.packets();
        packets
            .iter()
            .flat_map(|p| rows(p.metrics.as_ref().unwrap()))
            .collect()
    }
}

/// A series with its strings.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) label: u32,
    pub(crate) name: String,
    pub(crate) identity: String,
    pub(crate) track: String,
    pub(crate) samples: Vec<MetricSample>,
}

pub(crate) fn rows(batch: &MetricsBatch) -> Vec<Row> {
    let text = |index: u32| match index.checked_sub(4096) {
        Some(at) => batch.str_data[at as usize].clone(),
        None => String::new(),
    };
    let rows = batch.time_series.iter().map(|row| Row {
        label: row.label.min(4096),
        name: text(row.label),
        identity: text(row.participant_identity),
        track: text(row.track_sid),
        samples: row.samples.clone(),
    });
    rows.collect()
}

/// Measures `rtt_s` of a participant, if there is one; sends to nowhere.
pub(crate) struct Client {
    pub(crate) identity: String,
    pub(crate) notes: Notes,
    pub(crate) rtt_s: Option<f32>,
}

impl Provider for Client {
    fn collect(&mut self, samples: &mut Samples<'_>) {
        let mut written = self.notes.0.lock().unwrap();
        written.sampled.push(seconds(samples.now()));
        if let Some(rtt_s) = self.rtt_s {
            samples.publisher_rtt(&self.identity, rtt_s).unwrap();
            samples.subscriber_rtt(rtt_s).unwrap();
        }
    }

    fn send(&mut self, packet: &[u8]) -> Result<(), SendError> {
        self.notes.0.lock().unwrap().packets.push(packet.to_vec());
        Ok(())
    }
}

/// Calls whatever it is told to.
pub(crate) struct Calls<C, S>(pub(crate) C, pub(crate) S);

impl<C: FnMut(&mut Samples<'_>) + Send, S: FnMut(&[u8]) -> Result<(), SendError> + Send> Provider
    for Calls<C, S>
{
    fn collect(&mut self, samples: &mut Samples<'_>) {
        (self.0)(samples);
    }

    fn send(&mut self, packet: &[u8]) -> Result<(), SendError> {
        (self.1)(packet)
    }
}

/// Active, and may send and get metrics.
pub(crate) fn member(identity: &str) -> ParticipantConfig {
    let mut config = ParticipantConfig::new(identity);
    config.active = true;
    config.can_subscribe_metrics = true;
    config
}

/// A pipeline with one room.
pub(crate) struct Bench {
    pub(crate) registry: Registry,
    pub(crate) pipeline: Pipeline,
    pub(crate) room: Room,
    pub(crate) now: ServerTime,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(PipelineConfig::default())
    }

    pub(crate) fn with(config: PipelineConfig) -> Self {
        let registry = Registry::new().unwrap();
        let pipeline = Pipeline::new(config, &registry).unwrap();
        Self {
            room: pipeline.room(START),
            registry,
            pipeline,
            now: START,
        }
    }

    /// Somebody with round trips of 42 ms joins.
    pub(crate) fn join(&self, config: ParticipantConfig) -> (Participant, Notes) {
        self.join_with(config, Some(0.042))
    }

    pub(crate) fn join_with(
        &self,
        config: ParticipantConfig,
        rtt_s: Option<f32>,
    ) -> (Participant, Notes) {
        let notes = Notes::default();
        let client = Client {
            identity: config.identity.clone(),
            notes: notes.clone(),
            rtt_s,
        };
        (self.room.join(config, client, self.now).unwrap(), notes)
    }

    /// Runs whenever something is due, until `seconds` after the start.
    pub(crate) fn run_until(&mut self, seconds: f64) {
        let end = at(seconds);
        while let Some(due) = self.pipeline.run(self.now).filter(|due| *due <= end) {
            self.now = due;
        }
        self.now = end;
    }

    /// A counter's value, or the sum over its label's values if none is given.
    pub(crate) fn count(&self, name: &str, labels: &[&str]) -> u64 {
        let snapshot = self.registry.collect();
        snapshot
            .counter(name, labels)
            .unwrap_or_else(|| panic!("{name} {labels:?}"))
    }
}

/// A client's batch: rows of (label, identity, value), identities "" for none, one sample each.
pub(crate) fn batch(timestamp_ms: i64, series: &[(u32, &str, f32)]) -> MetricsBatch {
    let mut batch = MetricsBatch {
        timestamp_ms,
        ..MetricsBatch::default()
    };
    for (label, identity, value) in series {
        let mut participant_identity = 0;
        if !identity.is_empty() {
            batch.str_data.push((*identity).to_owned());
            participant_identity = 4095 + batch.str_data.len() as u32;
        }
        batch.time_series.push(TimeSeriesMetric {
            label: *label,
            participant_identity,
            samples: vec![MetricSample {
                timestamp_ms,
                normalized_timestamp: None,
                value: *value,
            }],
            ..TimeSeriesMetric::default()
        });
    }
    batch
}

/// As a client sends it.
pub(crate) fn packet(batch: MetricsBatch) -> Vec<u8> {
    let packet = DataPacket {
        metrics: Some(batch),
        ..DataPacket::default()
    };
    packet.encode_to_vec()
}
