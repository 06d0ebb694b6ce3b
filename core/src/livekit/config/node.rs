//! What a node says about itself, and where: `prometheus.…`, `node_stats.…`, and our own `livekit.…`.
//!
//! Lives here: the keys. Not here: who serves, and who measures the node (`node`).

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::time::Duration;

use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::whole::whole;
use super::{SHORTEST, duration};
use crate::livekit::Rules;
use crate::livekit::families::NodeType;

/// The longest history that rates may ask for, in updates.
const MAX_UPDATES: u128 = 100_000;

/// The section `prometheus`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "PrometheusKeys", into = "PrometheusKeys")]
pub struct PrometheusConfig {
    /// Port of the exporter; 0: off. Not given: what the host does by default, which in the reference is off.
    pub port: Option<u16>,
    /// Who may scrape; `None`: anybody.
    pub basic_auth: Option<BasicAuth>,
}

impl PrometheusConfig {
    /// With the top-level key `prometheus_port`, the deprecated spelling of `port`, which wins. A 0 says nothing
    /// there, as in the reference.
    #[must_use]
    pub fn or_deprecated(self, prometheus_port: Option<u16>) -> Self {
        Self {
            port: prometheus_port.filter(|&port| port != 0).or(self.port),
            ..self
        }
    }
}

/// Name and password of HTTP's basic authentication: `username` and `password`, both or neither.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BasicAuth {
    /// The name.
    pub username: String,
    /// The password.
    pub password: Password,
}

/// A text that `Debug` does not show. (Serde does: a configuration is written whole.)
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PrometheusKeys {
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<Port>,
    #[serde(skip_serializing_if = "String::is_empty")]
    username: String,
    #[serde(skip_serializing_if = "hides_nothing")]
    password: Password,
}

#[derive(Clone, Copy, Serialize)]
struct Port(u16);

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let expected = "a port from 1 to 65535, or 0 to serve nothing";
        let port = whole(from, expected)?;
        let port = u16::try_from(port)
            .map_err(|_| Error::invalid_value(Unexpected::Signed(port), &expected));
        port.map(Self)
    }
}

fn hides_nothing(password: &Password) -> bool {
    password.0.is_empty()
}

impl TryFrom<PrometheusKeys> for PrometheusConfig {
    type Error = &'static str;

    fn try_from(keys: PrometheusKeys) -> Result<Self, &'static str> {
        let basic_auth = match (keys.username.is_empty(), hides_nothing(&keys.password)) {
            (true, true) => None,
            (false, false) => Some(BasicAuth {
                username: keys.username,
                password: keys.password,
            }),
            _ => {
                return Err(
                    "prometheus has one of username and password: give both, or neither to let anybody scrape",
                );
            }
        };
        Ok(Self {
            port: keys.port.map(|Port(port)| port),
            basic_auth,
        })
    }
}

impl From<PrometheusConfig> for PrometheusKeys {
    fn from(config: PrometheusConfig) -> Self {
        let (username, password) = config
            .basic_auth
            .map(|auth| (auth.username, auth.password))
            .unwrap_or_default();
        Self {
            port: config.port.map(Port),
            username,
            password,
        }
    }
}

/// The section `node_stats`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "NodeStatsKeys", into = "NodeStatsKeys")]
pub struct NodeStatsConfig {
    /// Time between two measurements: `stats_update_interval`. Default 2 s.
    pub update: Duration,
    /// Spans that rates are computed over: `stats_rate_measurement_intervals`. Default 10 s alone. At most 100,000
    /// times `update`.
    pub intervals: Vec<Duration>,
    /// A node that did not measure for this long is stuck: `stats_max_delay`. Default 30 s.
    pub max_delay: Duration,
}

impl Default for NodeStatsConfig {
    fn default() -> Self {
        Self {
            update: Duration::from_secs(2),
            intervals: vec![Duration::from_secs(10)],
            max_delay: Duration::from_secs(30),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct NodeStatsKeys {
    #[serde(with = "duration")]
    stats_update_interval: Duration,
    stats_rate_measurement_intervals: Vec<GoDuration>,
    #[serde(with = "duration")]
    stats_max_delay: Duration,
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct GoDuration(#[serde(with = "duration")] Duration);

impl Default for NodeStatsKeys {
    fn default() -> Self {
        NodeStatsConfig::default().into()
    }
}

impl TryFrom<NodeStatsKeys> for NodeStatsConfig {
    type Error = String;

    fn try_from(keys: NodeStatsKeys) -> Result<Self, String> {
        let spans = keys.stats_rate_measurement_intervals;
        let config = Self {
            update: keys.stats_update_interval,
            intervals: spans.into_iter().map(|GoDuration(span)| span).collect(),
            max_delay: keys.stats_max_delay,
        };
        let longest = config.intervals.iter().max();
        let longest = longest.ok_or(
            "stats_rate_measurement_intervals is empty: name at least one, for example [10s], or leave it out",
        )?;
        if config.update < SHORTEST || config.intervals.iter().any(|span| *span < SHORTEST) {
            return Err(
                "stats_update_interval and stats_rate_measurement_intervals are at least 1ms (a bare integer is \
                 nanoseconds): give more, or leave them out"
                    .to_owned(),
            );
        }
        if longest.as_nanos() > MAX_UPDATES * config.update.as_nanos() {
            return Err(format!(
                "stats_rate_measurement_intervals has one of more than {MAX_UPDATES} times stats_update_interval: \
                 shorten the one, or lengthen the other"
            ));
        }
        if config.max_delay <= config.update {
            return Err(format!(
                "stats_max_delay ({}) must be longer than stats_update_interval ({}), or the node always seems \
                 stuck: lengthen it",
                duration::format_duration(config.max_delay),
                duration::format_duration(config.update)
            ));
        }
        Ok(config)
    }
}

impl From<NodeStatsConfig> for NodeStatsKeys {
    fn from(config: NodeStatsConfig) -> Self {
        Self {
            stats_update_interval: config.update,
            stats_rate_measurement_intervals: config
                .intervals
                .into_iter()
                .map(GoDuration)
                .collect(),
            stats_max_delay: config.max_delay,
        }
    }
}

/// The section `livekit`: what the reference has no key for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LivekitConfig {
    /// Whether participants' metrics are collected, normalised and passed on at all. The reference has this
    /// switch in its code only, where it is off. Default on.
    pub enable_metrics: bool,
    /// Whose arithmetic the timestamper has. Default [`Rules::Corrected`].
    pub timestamper: Rules,
    /// The constant label `node_id`. Not given: [`NodeId::random`], at each start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_id: Option<NodeId>,
    /// The constant label `node_type`. Default SERVER.
    pub node_type: NodeType,
}

impl Default for LivekitConfig {
    fn default() -> Self {
        Self {
            enable_metrics: true,
            timestamper: Rules::default(),
            node_id: None,
            node_type: NodeType::Server,
        }
    }
}

/// A node's identifier: 1 to 128 bytes without control characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeId(String);

impl NodeId {
    /// `ND_` and 12 random characters, as the reference makes them: some 70 bits, so two nodes differ.
    ///
    /// - **Cost**: a few hashes. The randomness is the standard library's, no secret.
    #[must_use]
    pub fn random() -> Self {
        // Without what is easily misread: 57 characters.
        const ALPHABET: &[u8; 57] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
        let random = RandomState::new();
        let character = |i: u8| {
            let at = random.hash_one(i) % ALPHABET.len() as u64;
            char::from(ALPHABET[at as usize])
        };
        Self("ND_".chars().chain((0..12).map(character)).collect())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for NodeId {
    type Error = String;

    fn try_from(id: String) -> Result<Self, String> {
        if (1..=128).contains(&id.len()) && !id.chars().any(char::is_control) {
            return Ok(Self(id));
        }
        Err(format!(
            "{id:?} is no node id: give 1 to 128 bytes without control characters, or leave it out for a random one"
        ))
    }
}

impl From<NodeId> for String {
    fn from(id: NodeId) -> Self {
        id.0
    }
}

impl Serialize for NodeType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for NodeType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::from_name(&name).ok_or_else(|| {
            let known = Self::ALL.iter().map(|t| t.as_str()).collect::<Vec<_>>();
            let known = known.join(", ");
            D::Error::custom(format!("node_type is one of {known}; {name:?} is not"))
        })
    }
}
