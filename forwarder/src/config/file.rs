//! The configuration file as it is written: every key optional, unknown keys refused.
//!
//! Lives here: the syntax, and errors with file, line and key. Not here: defaults and what the keys
//! mean together (`settings`).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use media_metrics_core::livekit::config::{
    LivekitConfig, MetricConfig, NodeStatsConfig, PrometheusConfig, RtcConfig,
};
use serde::Deserialize;

use super::ConfigError;
use super::livekit::Profile;
use super::push::Push;
use super::record::HistoryConfig;
use super::serving::{MetricsAddress, TlsFiles, UserHash};
use super::settings::{Room, Synthetic};
use super::value::{
    Bounded, BufferSize, Seconds, SlotCount, Source, StreamLimit, Subscriber, WorkerCount,
};
use crate::payload::Payload;

/// The whole file: our own keys, and LiveKit's where LiveKit has them.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    pub(super) listen: Option<SocketAddr>,
    pub(super) publishers: Vec<Source>,
    pub(super) subscribers: Vec<Subscriber>,
    pub(super) rooms: Vec<Room>,
    pub(super) workers: Option<WorkerCount>,
    pub(super) socket_buffer: Option<BufferSize>,
    pub(super) duration: Option<Seconds>,
    pub(super) metrics: MetricsFile,
    pub(super) limits: LimitsFile,
    pub(super) insight: InsightFile,
    pub(super) payload_types: BTreeMap<PayloadType, Payload>,
    pub(super) rtx: BTreeMap<PayloadType, PayloadType>,
    pub(super) synthetic: Option<Synthetic>,
    pub(super) profile: Option<Profile>,
    pub(super) livekit: Option<LivekitConfig>,
    pub(super) metric: Option<MetricConfig>,
    pub(super) rtc: Option<RtcConfig>,
    pub(super) node_stats: Option<NodeStatsConfig>,
    pub(super) prometheus: Option<PrometheusConfig>,
    pub(super) push: Push,
    pub(super) prometheus_port: Option<Bounded<0, 65_535>>,
    pub(super) history: Option<HistoryConfig>,
    pub(super) process: Option<bool>,
    pub(super) target: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct MetricsFile {
    pub(super) enabled: Option<bool>,
    pub(super) listen: Option<MetricsAddress>,
    pub(super) tls: Option<TlsFiles>,
    pub(super) basic_auth_users: BTreeMap<String, UserHash>,
    pub(super) interval: Option<Seconds>,
    pub(super) kernel_stamps: Option<bool>,
    pub(super) openmetrics_2: Option<bool>,
    pub(super) openmetrics_created: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct LimitsFile {
    pub(super) max_streams: Option<StreamLimit>,
    pub(super) idle_timeout: Option<Seconds>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct InsightFile {
    pub(super) worst: Option<SlotCount>,
}

/// An RTP payload type: 7 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "u64")]
pub(super) struct PayloadType(pub(super) u8);

impl TryFrom<u64> for PayloadType {
    type Error = String;

    fn try_from(pt: u64) -> Result<Self, String> {
        match u8::try_from(pt) {
            Ok(pt) if pt < 128 => Ok(Self(pt)),
            _ => Err(format!("an RTP payload type is 0 to 127; {pt} is not")),
        }
    }
}

impl File {
    pub(super) fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|cause| ConfigError::Unreadable {
            path: path.to_owned(),
            cause,
        })?;
        Self::parse(&text).map_err(|cause| ConfigError::Wrong {
            path: path.to_owned(),
            cause: Box::new(cause),
        })
    }

    pub(super) fn parse(text: &str) -> Result<Self, serde_saphyr::Error> {
        // An empty document is an empty mapping: nothing configured.
        Ok(serde_saphyr::from_str::<Option<Self>>(text)?.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::Codec;

    #[test]
    fn nothing_is_a_file_too() {
        for text in ["", "# only a comment\n", "{}"] {
            let file = File::parse(text).unwrap();
            assert!(file.listen.is_none() && file.rooms.is_empty(), "{text:?}");
        }
    }

    #[test]
    fn every_key_is_read() {
        let file = File::parse(
            "rooms:\n  - name: stage\n    listen: 127.0.0.1:5004\n    publishers: [10.0.0.7, '[::1]:9']\n    \
             subscribers: ['127.0.0.1:6000']\nworkers: 3\nsocket_buffer: 1048576\nduration: 2.5\nmetrics:\n  \
             enabled: false\n  listen: 127.0.0.1:1\n  interval: 0.2\n  kernel_stamps: true\n  openmetrics_2: true\n  openmetrics_created: true\nlimits:\n  max_streams: 5\n  idle_timeout: 9\ninsight:\n  worst: 3\n\
             payload_types:\n  96: {kind: audio, clock_rate: 16000}\n  98: {codec: vp9}\nrtx: {97: 96}\nsynthetic:\n  streams: 2\n  seed: 3\n  lifetime: 2.5\n  stretch: 4\n",
        )
        .unwrap();
        assert_eq!(file.rooms.len(), 1);
        assert_eq!(file.rooms[0].publishers.len(), 2);
        assert_eq!(file.workers.map(WorkerCount::get), Some(3));
        assert_eq!(file.metrics.enabled, Some(false));
        assert_eq!(file.metrics.kernel_stamps, Some(true));
        assert_eq!(file.metrics.openmetrics_2, Some(true));
        assert_eq!(file.metrics.openmetrics_created, Some(true));
        assert_eq!(file.limits.max_streams.map(StreamLimit::get), Some(5));
        assert_eq!(file.insight.worst.map(SlotCount::get), Some(3));
        assert_eq!(file.payload_types[&PayloadType(96)].clock_rate.hz(), 16_000);
        assert_eq!(file.payload_types[&PayloadType(98)].codec, Some(Codec::Vp9));
        assert_eq!(file.rtx[&PayloadType(97)], PayloadType(96));
        let synthetic = file.synthetic.unwrap();
        assert_eq!((synthetic.seed, synthetic.stretch.get()), (3, 4));
        let lifetime = synthetic.lifetime.map(f64::from);
        assert_eq!(lifetime, Some(2.5));
    }

    #[test]
    fn errors_have_line_and_key_or_remedy() {
        for (text, line, says) in [
            ("listen: 127.0.0.1:1\nlisten_on: x\n", 2, "listen_on"),
            ("limits:\n  max_streams: 0\n", 2, "1 to 10000000"),
            ("insight:\n  worst: 101\n", 2, "0 to 100"),
            ("synthetic:\n  streams: 1\n  stretch: 0\n", 3, "1 to 100"),
            ("synthetic:\n  streams: 1\n  lifetime: 0\n", 3, "seconds"),
            ("metrics:\n  listen: /run/x.sock\n", 2, "unix:/"),
            ("metrics:\n  tls:\n    cert: x\n", 3, "cert_file"),
            (
                "metrics:\n  basic_auth_users:\n    a: secret\n",
                3,
                "htpasswd",
            ),
            ("limits:\n  idle_timeout: -1\n", 2, "seconds"),
            (
                "payload_types:\n  96: {kind: smell, clock_rate: 1}\n",
                2,
                "audio",
            ),
            (
                "payload_types:\n  96: {kind: audio, clock_rate: 0}\n",
                2,
                "clock rate",
            ),
            (
                "payload_types:\n  128: {kind: audio, clock_rate: 1}\n",
                2,
                "0 to 127",
            ),
            ("payload_types:\n  96: {codec: mp3}\n", 2, "mp3"),
            ("rtx: {97: 128}\n", 1, "0 to 127"),
            ("subscribers:\n  - nobody\n", 2, "address"),
            ("\n\nworkers: 1\nworkers: 2\n", 4, "workers"),
            ("rooms:\n  - {name: a}\n", 2, "listen"),
        ] {
            let error = File::parse(text).unwrap_err();
            let at = error.location().map(|l| l.line());
            assert_eq!(at, Some(line), "{text:?}: {error}");
            assert!(error.to_string().contains(says), "{text:?}: {error}");
        }
    }
}
