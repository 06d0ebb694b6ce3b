//! What the program runs with: file, flags and defaults brought together, and checked as a whole.
//!
//! Lives here: precedence (flags, then the file, then defaults) and rules between keys. Not here:
//! syntax (`file`), single values (`value`). [`Settings`] is written as YAML that `file` reads back.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use media_metrics_core::livekit::config::{
    LivekitConfig, MetricConfig, NodeStatsConfig, PrometheusConfig, RtcConfig,
};
use media_metrics_exporter::DEFAULT_ADDRESS;
use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::file::File;
use super::livekit::{self, Profile};
use super::push::Push;
use super::record::{self, HistoryConfig};
use super::secret::{HIDDEN, Secret};
use super::serving::{MetricsAddress, TlsFiles, UserHash};
use super::value::{
    BufferSize, Seconds, SlotCount, Source, StreamCount, StreamLimit, Stretch, Subscriber,
    WorkerCount,
};
use crate::cli::ForwardFlags;
use crate::payload::{Payload, PayloadTypes};

/// Built-in streams of a run that is told nothing else.
const DEFAULT_SYNTHETIC: StreamCount = StreamCount::nearest(4);
const ANY_LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The effective configuration.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Settings {
    /// Ports to listen on, and who gets what arrives there.
    pub rooms: Vec<Room>,
    /// Forwarding threads.
    pub workers: WorkerCount,
    /// Bytes of each socket's kernel buffer, as asked for; the system's limits apply.
    pub socket_buffer: BufferSize,
    /// How long to run; until a signal if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<Seconds>,
    /// Measuring and serving.
    pub metrics: Metrics,
    /// What bounds memory.
    pub limits: Limits,
    /// What is told of single streams.
    pub insight: Insight,
    /// Kinds, clock rates and codecs beside the standard ones.
    pub payload_types: BTreeMap<u8, Payload>,
    /// Payload types of retransmissions (RFC 4588), each with the type that it repeats.
    pub rtx: BTreeMap<u8, u8>,
    /// Built-in publishers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synthetic: Option<Synthetic>,
    /// Which families are served.
    pub profile: Profile,
    /// Our own switches of what is LiveKit's.
    pub livekit: LivekitConfig,
    /// Timestamper, collector and reporter.
    pub metric: MetricConfig,
    /// Windows of forwarding latency.
    pub rtc: RtcConfig,
    /// Node statistics.
    pub node_stats: NodeStatsConfig,
    /// Where metrics are served, as LiveKit says it: what `metrics` says, too.
    pub prometheus: PrometheusConfig,
    /// Where metrics are pushed, unless `metrics` is off.
    #[serde(skip_serializing_if = "Push::is_empty")]
    pub push: Push,
    /// The flight recorder.
    pub history: HistoryConfig,
    /// Whether `process_*` is served.
    pub process: bool,
    /// Labels of `target_info`, by OpenTelemetry's names; none: no such family.
    pub target: BTreeMap<String, String>,
}

/// One listening port, its publishers and its subscribers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Room {
    /// How summaries call it.
    pub name: String,
    /// Where RTP and RTCP arrive.
    pub listen: SocketAddr,
    /// Who may send here; empty: anybody.
    #[serde(default)]
    pub publishers: Vec<Source>,
    /// Where every packet goes, and where reports come from.
    #[serde(default)]
    pub subscribers: Vec<Subscriber>,
}

/// Measuring and serving.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metrics {
    /// Off: forward only, the baseline for benchmarks.
    pub enabled: bool,
    /// Where metrics are served.
    pub listen: MetricsAddress,
    /// By which files TLS is spoken there; plain HTTP without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsFiles>,
    /// Who may see them, beside the user of LiveKit's `prometheus` section; without either, everybody.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub basic_auth_users: BTreeMap<String, UserHash>,
    /// Time between two merges.
    pub interval: Seconds,
    /// Whether a packet's arrival is when the kernel received it, or when the worker's receive call
    /// returned. The kernel's stamp includes the wait in the socket's queue, at some cost.
    pub kernel_stamps: bool,
    /// Whether a scraper that asks for OpenMetrics 2.0, a release candidate, gets it.
    pub openmetrics_2: bool,
    /// Whether OpenMetrics 1.0 tells in `_created` samples when counters and histograms began.
    pub openmetrics_created: bool,
}

/// What bounds memory.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Limits {
    /// Live streams that are tracked; packets of more are forwarded and counted as untracked.
    pub max_streams: StreamLimit,
    /// A stream that is silent for this long has ended.
    pub idle_timeout: Seconds,
}

/// What is told of single streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Insight {
    /// How many of the worst streams of each interval have a slot, and how many of the worst groups; 0: none.
    pub worst: SlotCount,
}

/// Built-in publishers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Synthetic {
    /// How many streams.
    pub streams: StreamCount,
    /// Same seed, same streams, same losses.
    #[serde(default = "Synthetic::default_seed")]
    pub seed: u64,
    /// How long a stream lives; another begins when it ends. If not given, as long as the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<Seconds>,
    /// How many times as long as usual frames last: with 5 audio is 10 packets a second, not 50. For more streams than
    /// the machine could carry at the usual pace.
    #[serde(default = "Synthetic::default_stretch")]
    pub stretch: Stretch,
}

impl Synthetic {
    const fn default_seed() -> u64 {
        1
    }

    const fn default_stretch() -> Stretch {
        Stretch::nearest(1)
    }
}

impl Settings {
    /// Brings file (if any) and flags together.
    ///
    /// # Errors
    /// An unreadable or wrong file, or keys and flags that do not go together.
    pub fn load(path: Option<&Path>, flags: ForwardFlags) -> Result<Self, ConfigError> {
        let file = path.map(File::read).transpose()?;
        Self::combine(file, flags)
    }

    pub(super) fn combine(file: Option<File>, flags: ForwardFlags) -> Result<Self, ConfigError> {
        let from_file = file.is_some();
        let file = file.unwrap_or_default();
        let synthetic = Self::synthetic(&file, &flags, from_file);
        let prometheus = livekit::prometheus(&file);
        let auth = prometheus.basic_auth.as_ref();
        if auth.is_some_and(|auth| auth.password.0 == HIDDEN) {
            return Err(ConfigError::Hidden("prometheus.password"));
        }
        let (listen, enabled) = livekit::listener(
            flags.metrics.clone(),
            &file.metrics,
            &prometheus,
            DEFAULT_ADDRESS,
        );
        let metrics = Metrics {
            enabled: enabled && !flags.no_metrics,
            listen,
            tls: file.metrics.tls.clone(),
            basic_auth_users: file.metrics.basic_auth_users.clone(),
            interval: file.metrics.interval.unwrap_or(Seconds::whole(1)),
            kernel_stamps: file.metrics.kernel_stamps.unwrap_or(true),
            openmetrics_2: file.metrics.openmetrics_2.unwrap_or(false),
            openmetrics_created: file.metrics.openmetrics_created.unwrap_or(false),
        };
        let limits = Limits {
            max_streams: file
                .limits
                .max_streams
                .unwrap_or(StreamLimit::nearest(100_000)),
            idle_timeout: file.limits.idle_timeout.unwrap_or(Seconds::whole(30)),
        };
        let insight = Insight {
            worst: file.insight.worst.unwrap_or(SlotCount::nearest(10)),
        };
        let settings = Self {
            workers: flags.workers.or(file.workers).unwrap_or_else(one_each),
            socket_buffer: file.socket_buffer.unwrap_or(BufferSize::nearest(4 << 20)),
            duration: flags.duration.or(file.duration),
            payload_types: file
                .payload_types
                .iter()
                .map(|(pt, p)| (pt.0, *p))
                .collect(),
            rtx: file.rtx.iter().map(|(pt, of)| (pt.0, of.0)).collect(),
            profile: flags.profile.or(file.profile).unwrap_or_default(),
            livekit: file.livekit.clone().unwrap_or_default(),
            metric: file.metric.unwrap_or_default(),
            rtc: file.rtc.unwrap_or_default(),
            node_stats: file.node_stats.clone().unwrap_or_default(),
            prometheus: livekit::told(&metrics.listen, metrics.enabled, prometheus.basic_auth),
            push: file.push.clone(),
            history: file.history.clone().unwrap_or_default(),
            process: file.process.unwrap_or(true),
            target: file.target.clone().unwrap_or_else(record::default_target),
            rooms: rooms(file, flags, synthetic.is_some())?,
            metrics,
            limits,
            insight,
            synthetic,
        };
        settings.check_families()?;
        settings.check_retransmissions()?;
        record::target(&settings.target).map_err(ConfigError::BadTarget)?;
        Ok(settings)
    }

    /// What is repeated is media.
    fn check_retransmissions(&self) -> Result<(), ConfigError> {
        let mut pairs = self.rtx.iter();
        match pairs.find(|(_, of)| self.rtx.contains_key(of)) {
            Some((pt, _)) => Err(ConfigError::RtxOfRtx(*pt)),
            None => Ok(()),
        }
    }

    /// An IPv4 socket can't send to IPv6. (An IPv6 socket reaches IPv4 by mapped addresses.)
    fn check_families(&self) -> Result<(), ConfigError> {
        let strangers = self.rooms.iter().flat_map(|room| {
            let to = room
                .subscribers
                .iter()
                .map(|to| (room.listen, to.address()));
            to.filter(|(listen, to)| listen.is_ipv4() && to.is_ipv6())
        });
        strangers
            .take(1)
            .try_for_each(|(listen, subscriber)| Err(ConfigError::Families { listen, subscriber }))
    }

    fn synthetic(file: &File, flags: &ForwardFlags, from_file: bool) -> Option<Synthetic> {
        let told = flags.listen.is_some() || !flags.subscribers.is_empty() || from_file;
        let streams = flags
            .synthetic
            .or(file.synthetic.map(|s| s.streams))
            .or((!told).then_some(DEFAULT_SYNTHETIC))?;
        let usual = Synthetic {
            streams,
            seed: Synthetic::default_seed(),
            lifetime: None,
            stretch: Synthetic::default_stretch(),
        };
        let keys = file.synthetic.unwrap_or(usual);
        (streams.get() > 0).then_some(Synthetic { streams, ..keys })
    }

    /// What payload types stand for: the standard ones with the configured ones on top.
    #[must_use]
    pub fn payloads(&self) -> PayloadTypes {
        PayloadTypes::standard()
            .with(self.payload_types.iter().map(|(pt, p)| (*pt, *p)))
            .with_retransmissions(self.rtx.iter().map(|(pt, of)| (*pt, *of)))
    }

    /// The same with every secret replaced by `<hidden>`: to be shown to people. Read back, it is refused where they belong.
    #[must_use]
    pub fn without_secrets(mut self) -> Self {
        for hash in self.metrics.basic_auth_users.values_mut() {
            *hash = UserHash::HIDDEN;
        }
        if let Some(auth) = &mut self.prometheus.basic_auth {
            auth.password.0 = HIDDEN.to_owned();
        }
        self.push.secrets().for_each(Secret::hide);
        self
    }

    /// The configuration as a file that says the same.
    ///
    /// # Errors
    /// What the YAML writer says; it has no reason to.
    pub fn to_yaml(&self) -> Result<String, ConfigError> {
        serde_saphyr::to_string(self).map_err(|cause| ConfigError::Unwritable(cause.to_string()))
    }
}

/// The rooms of the file, or the one room of the top-level keys and flags.
fn rooms(file: File, flags: ForwardFlags, synthetic: bool) -> Result<Vec<Room>, ConfigError> {
    let alone = file.listen.is_some()
        || !file.subscribers.is_empty()
        || !file.publishers.is_empty()
        || flags.listen.is_some()
        || !flags.subscribers.is_empty();
    if !file.rooms.is_empty() {
        if alone {
            return Err(ConfigError::RoomsAndListen);
        }
        let mut seen = (BTreeSet::new(), BTreeSet::new());
        for room in &file.rooms {
            if !seen.0.insert(room.name.clone()) {
                return Err(ConfigError::SameName(room.name.clone()));
            }
            if room.listen.port() != 0 && !seen.1.insert(room.listen) {
                return Err(ConfigError::SamePort(room.listen));
            }
        }
        return Ok(file.rooms);
    }
    let listen = flags.listen.or(file.listen);
    let Some(listen) = listen.or(synthetic.then_some(ANY_LOOPBACK)) else {
        return Err(ConfigError::NothingToDo);
    };
    let subscribers = if flags.subscribers.is_empty() {
        file.subscribers
    } else {
        flags.subscribers
    };
    Ok(vec![Room {
        name: "main".to_owned(),
        listen,
        publishers: file.publishers,
        subscribers,
    }])
}

/// One worker for each processor that this process may use.
fn one_each() -> WorkerCount {
    let processors = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    WorkerCount::nearest(processors)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn combine(yaml: Option<&str>, flags: ForwardFlags) -> Result<Settings, ConfigError> {
        Settings::combine(yaml.map(|y| File::parse(y).unwrap()), flags)
    }

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_bare_run_has_four_streams_on_loopback() {
        let bare = combine(None, ForwardFlags::default()).unwrap();
        assert_eq!(bare.synthetic.map(|s| s.streams.get()), Some(4));
        assert_eq!(bare.rooms[0].listen, ANY_LOOPBACK);
        assert_eq!(bare.metrics.listen, addr("127.0.0.1:9464").into());
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_defaults() {
        let yaml = "listen: 127.0.0.1:1\nsubscribers: ['127.0.0.1:2']\nworkers: 3\nmetrics: {listen: '127.0.0.1:4', interval: 2}\n";
        let file = combine(Some(yaml), ForwardFlags::default()).unwrap();
        assert_eq!(
            (file.rooms[0].listen, file.workers.get()),
            (addr("127.0.0.1:1"), 3)
        );
        assert_eq!(
            file.synthetic, None,
            "a file that names a port wants no built-in streams"
        );
        let flags = ForwardFlags {
            listen: Some(addr("127.0.0.1:9")),
            metrics: Some(addr("127.0.0.1:8").into()),
            ..ForwardFlags::default()
        };
        let both = combine(Some(yaml), flags).unwrap();
        assert_eq!(both.rooms[0].listen, addr("127.0.0.1:9"));
        assert_eq!(both.rooms[0].subscribers, [addr("127.0.0.1:2").into()]);
        assert_eq!(both.metrics.listen, addr("127.0.0.1:8").into());
        assert_eq!(both.metrics.interval.duration().as_secs(), 2);
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let room = "rooms: [{name: a, listen: '127.0.0.1:1'}]\n";
        let listen = ForwardFlags {
            listen: Some(ANY_LOOPBACK),
            ..ForwardFlags::default()
        };
        assert!(matches!(
            combine(Some(room), listen),
            Err(ConfigError::RoomsAndListen)
        ));
        let to = ForwardFlags {
            subscribers: vec![ANY_LOOPBACK.into()],
            ..ForwardFlags::default()
        };
        assert!(matches!(combine(None, to), Err(ConfigError::NothingToDo)));
        assert!(matches!(
            combine(Some("workers: 1"), ForwardFlags::default()),
            Err(ConfigError::NothingToDo)
        ));
        let twice = "rooms: [{name: a, listen: '127.0.0.1:1'}, {name: b, listen: '127.0.0.1:1'}]\n";
        assert!(matches!(
            combine(Some(twice), ForwardFlags::default()),
            Err(ConfigError::SamePort(_))
        ));
        let v6 = "listen: 127.0.0.1:1\nsubscribers: ['[::1]:2']\n";
        assert!(matches!(
            combine(Some(v6), ForwardFlags::default()),
            Err(ConfigError::Families { .. })
        ));
        assert!(matches!(
            combine(
                Some("listen: 127.0.0.1:1\nrtx: {97: 97}"),
                ForwardFlags::default()
            ),
            Err(ConfigError::RtxOfRtx(97))
        ));
        assert!(matches!(
            combine(
                Some("listen: 127.0.0.1:1\ntarget: {1x: y}"),
                ForwardFlags::default()
            ),
            Err(ConfigError::BadTarget(_))
        ));
        let same = "rooms: [{name: a, listen: '127.0.0.1:1'}, {name: a, listen: '127.0.0.1:2'}]\n";
        assert!(matches!(
            combine(Some(same), ForwardFlags::default()),
            Err(ConfigError::SameName(_))
        ));
    }

    #[test]
    fn what_is_shown_has_no_secret_in_it() {
        let yaml = "listen: 127.0.0.1:1\nprometheus: {username: u, password: Geheimnis}\nmetrics:\n  basic_auth_users:\n    \
                    a: $2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi\n\
                    push:\n  remote_write: [{url: http://a/, headers: {k: Eins}, basic_auth: {username: u, password: Zwei}}]\n  \
                    otlp: [{url: http://b/, headers: {k: Drei}, basic_auth: {username: u, password: Vier}}]\n";
        let settings = combine(Some(yaml), ForwardFlags::default()).unwrap();
        let shown = settings.clone().without_secrets().to_yaml().unwrap();
        let secrets = ["Geheimnis", "QOauh", "Eins", "Zwei", "Drei", "Vier"];
        for secret in secrets {
            assert!(settings.to_yaml().unwrap().contains(secret), "{secret}");
            assert!(!format!("{settings:?}").contains(secret), "{secret}");
            assert!(!shown.contains(secret), "{shown}");
        }
        assert_eq!(shown.matches(HIDDEN).count(), secrets.len(), "{shown}");
    }

    #[test]
    fn what_was_hidden_is_no_secret() {
        let error = "listen: 127.0.0.1:1\nprometheus: {username: u, password: <hidden>}";
        let error = combine(Some(error), ForwardFlags::default()).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("prometheus.password"), "{error}");
        assert!(error.contains("write the secret itself"), "{error}");
    }

    #[test]
    fn what_is_printed_says_the_same_when_read() {
        let serving = "listen: 127.0.0.1:1\nmetrics:\n  listen: unix:/run/x.sock\n  \
                       tls: {cert_file: /c.pem, key_file: k.pem, client_ca_file: a.pem}\n  basic_auth_users:\n    \
                       a: $2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi\n";
        let yaml = "rooms:\n  - {name: stage, listen: '[::1]:1', publishers: [10.0.0.7, '10.0.0.8:9'], subscribers: ['127.0.0.1:2?rtcpport=4']}\n\
                    duration: 1.5\nlimits: {max_streams: 7, idle_timeout: 0.25}\ninsight: {worst: 0}\n\
                    payload_types: {96: {kind: audio, clock_rate: 16000}, 98: {codec: av1}}\nrtx: {97: 96}\nsynthetic: {streams: 3, seed: 9}\n\
                    history: {minutes: 3, max_mib: 5, dump_dir: /tmp/x, keep: 2, dumps_max_mib: 7}\nprocess: false\ntarget: {service.name: x}\n";
        for settings in [
            combine(Some(yaml), ForwardFlags::default()).unwrap(),
            combine(Some(serving), ForwardFlags::default()).unwrap(),
            combine(None, ForwardFlags::default()).unwrap(),
        ] {
            let printed = settings.to_yaml().unwrap();
            let again = combine(Some(&printed), ForwardFlags::default());
            assert_eq!(again.unwrap(), settings, "{printed}");
        }
    }
}
