//! LiveKit's keys beside our own: which families are served, and where LiveKit's `prometheus` section says.
//!
//! Lives here: what LiveKit's sections mean for this program. Not here: their keys, defaults and ranges, which
//! are the core's.

use std::net::{Ipv4Addr, SocketAddr};

use clap::ValueEnum;
use media_metrics_core::livekit::config::{BasicAuth, PrometheusConfig};
use serde::{Deserialize, Serialize};

use super::file::{File, MetricsFile};
use super::serving::MetricsAddress;

/// Which families are served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Ours: `media_…`.
    #[default]
    Media,
    /// LiveKit's: `livekit_…`, with its names, types, labels and buckets.
    Livekit,
    /// Both.
    Both,
}

impl Profile {
    /// Whether our own families are served.
    #[must_use]
    pub const fn has_media(self) -> bool {
        matches!(self, Self::Media | Self::Both)
    }

    /// Whether LiveKit's families are served.
    #[must_use]
    pub const fn has_livekit(self) -> bool {
        matches!(self, Self::Livekit | Self::Both)
    }
}

/// The file's `prometheus` section with its deprecated spelling.
pub(super) fn prometheus(file: &File) -> PrometheusConfig {
    let deprecated = file.prometheus_port.map(|port| port.get() as u16);
    let prometheus = file.prometheus.clone().unwrap_or_default();
    prometheus.or_deprecated(deprecated)
}

/// Where metrics are served, and whether: `prometheus.port` is a second spelling of `metrics.listen` and
/// `metrics.enabled`, which win, as the flag does. Of the port alone, the address is loopback.
pub(super) fn listener(
    flag: Option<MetricsAddress>,
    file: &MetricsFile,
    prometheus: &PrometheusConfig,
    default: SocketAddr,
) -> (MetricsAddress, bool) {
    let told = flag.or_else(|| file.listen.clone());
    let off = told.is_none() && prometheus.port == Some(0);
    let port = prometheus.port.filter(|&port| port != 0);
    let or_port = || port.map_or(default, |port| (Ipv4Addr::LOCALHOST, port).into());
    let listen = told.unwrap_or_else(|| or_port().into());
    (listen, file.enabled.unwrap_or(!off))
}

/// What the `prometheus` section says of this listener; nothing of a port that the system chooses, or of a Unix socket.
pub(super) fn told(
    listen: &MetricsAddress,
    enabled: bool,
    basic_auth: Option<BasicAuth>,
) -> PrometheusConfig {
    let port = match (enabled, listen.port()) {
        (false, _) => Some(0),
        (true, port) => port.filter(|&port| port != 0),
    };
    PrometheusConfig { port, basic_auth }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::ForwardFlags;
    use crate::config::{ConfigError, Settings};

    fn combine(yaml: &str, flags: ForwardFlags) -> Result<Settings, ConfigError> {
        let file = File::parse(&format!("listen: 127.0.0.1:1\n{yaml}")).unwrap();
        let settings = Settings::combine(Some(file), flags)?;
        let printed = settings.to_yaml().unwrap();
        let again = Settings::combine(
            Some(File::parse(&printed).unwrap()),
            ForwardFlags::default(),
        );
        assert_eq!(again.unwrap(), settings, "{printed}");
        Ok(settings)
    }

    #[test]
    fn the_prometheus_port_is_where_metrics_are_served() {
        let flag = |listen: &str| ForwardFlags {
            metrics: Some(listen.parse().unwrap()),
            ..ForwardFlags::default()
        };
        let none = ForwardFlags::default;
        for (yaml, flags, enabled, listen, port) in [
            ("", none(), true, "127.0.0.1:9464", Some(9_464)),
            (
                "prometheus: {port: 6789}",
                none(),
                true,
                "127.0.0.1:6789",
                Some(6_789),
            ),
            (
                "prometheus_port: 6789",
                none(),
                true,
                "127.0.0.1:6789",
                Some(6_789),
            ),
            (
                "prometheus: {port: 1}\nprometheus_port: 2",
                none(),
                true,
                "127.0.0.1:2",
                Some(2),
            ),
            (
                "prometheus: {port: 1}\nprometheus_port: 0",
                none(),
                true,
                "127.0.0.1:1",
                Some(1),
            ),
            (
                "prometheus: {port: 0}",
                none(),
                false,
                "127.0.0.1:9464",
                Some(0),
            ),
            (
                "prometheus: {port: 0}",
                flag("127.0.0.1:5"),
                true,
                "127.0.0.1:5",
                Some(5),
            ),
            (
                "prometheus: {port: 1}",
                flag("[::1]:0"),
                true,
                "[::1]:0",
                None,
            ),
            (
                "prometheus: {port: 1}\nmetrics: {listen: '0.0.0.0:2'}",
                none(),
                true,
                "0.0.0.0:2",
                Some(2),
            ),
            (
                "prometheus: {port: 1}\nmetrics: {enabled: false}",
                none(),
                false,
                "127.0.0.1:1",
                Some(0),
            ),
            (
                "prometheus: {port: 0}\nmetrics: {enabled: true}",
                none(),
                true,
                "127.0.0.1:9464",
                Some(9_464),
            ),
        ] {
            let settings = combine(yaml, flags).unwrap();
            let metrics = settings.metrics;
            assert_eq!(
                (
                    metrics.enabled,
                    metrics.listen.to_string().as_str(),
                    settings.prometheus.port
                ),
                (enabled, listen, port),
                "{yaml:?}"
            );
        }
        let off = ForwardFlags {
            no_metrics: true,
            ..ForwardFlags::default()
        };
        let off = combine("prometheus: {port: 6789}", off).unwrap();
        assert_eq!((off.metrics.enabled, off.prometheus.port), (false, Some(0)));
    }

    #[test]
    fn a_password_is_kept_and_not_shown() {
        let guarded = "prometheus: {port: 1, username: u, password: secret}";
        let settings = combine(guarded, ForwardFlags::default()).unwrap();
        let auth = settings.prometheus.basic_auth.as_ref().unwrap();
        assert_eq!((&*auth.username, &*auth.password.0), ("u", "secret"));
        assert!(!format!("{settings:?}").contains("secret"));
    }

    #[test]
    fn the_flag_wins_over_the_files_profile() {
        for (yaml, flag, media, livekit) in [
            ("", None, true, false),
            ("profile: livekit", None, false, true),
            ("profile: both", None, true, true),
            ("profile: both", Some(Profile::Media), true, false),
            ("profile: media", Some(Profile::Livekit), false, true),
        ] {
            let flags = ForwardFlags {
                profile: flag,
                ..ForwardFlags::default()
            };
            let profile = combine(yaml, flags).unwrap().profile;
            assert_eq!(
                (profile.has_media(), profile.has_livekit()),
                (media, livekit)
            );
        }
    }

    #[test]
    fn every_key_of_livekit_is_read_and_printed() {
        let settings = combine(
            "metric:\n  timestamper_config: {one_way_delay_estimator_min_interval: 1m30s, one_way_delay_estimator_max_batch: 0}\n  \
             collector: {sampling_interval_ms: 5000, batch_interval_ms: 1}\n  reporter: {reporting_interval_ms: 0}\n\
             rtc:\n  forward_stats: {summary_interval: 50ms, report_interval: 0, report_window: 1000000000}\n\
             node_stats: {stats_update_interval: 0.5s, stats_rate_measurement_intervals: [10s, 1m], stats_max_delay: 1h}\n\
             livekit: {enable_metrics: false, timestamper: reference, node_id: ND_x, node_type: MEDIA}\n",
            ForwardFlags::default(),
        )
        .unwrap();
        let printed = settings.to_yaml().unwrap();
        for line in [
            "one_way_delay_estimator_min_interval: 1m30s",
            "one_way_delay_estimator_max_batch: 0",
            "sampling_interval_ms: 5000",
            "batch_interval_ms: 5000",
            "reporting_interval_ms: 10000",
            "summary_interval: 50ms",
            "report_interval: 0s",
            "report_window: 1s",
            "stats_update_interval: 500ms",
            "- 1m0s",
            "stats_max_delay: 1h0m0s",
            "enable_metrics: false",
            "timestamper: reference",
            "node_id: ND_x",
            "node_type: MEDIA",
            "profile: media",
        ] {
            assert!(printed.contains(line), "{line:?} is not in\n{printed}");
        }
        assert!(!settings.rtc.forward_stats.is_on());
    }

    /// As in LiveKit: what is left empty says nothing.
    #[test]
    fn empty_sections_have_their_defaults() {
        let empty = "metric:\nrtc:\nnode_stats:\nprometheus:\nlivekit:\n";
        let inner =
            "metric:\n  timestamper_config:\n  collector:\n  reporter:\nrtc:\n  forward_stats:\n";
        let nothing = combine("", ForwardFlags::default()).unwrap();
        for yaml in [empty, inner] {
            assert_eq!(
                combine(yaml, ForwardFlags::default()).unwrap(),
                nothing,
                "{yaml}"
            );
        }
    }

    #[test]
    fn errors_have_line_and_key_or_remedy() {
        for (text, line, says) in [
            ("metric:\n  timestamper: {}\n", 2, "timestamper_config"),
            (
                "metric:\n  collector:\n    sampling_interval_ms: -1\n",
                3,
                "0 for the default",
            ),
            (
                "metric:\n  reporter: {reporting_interval_ms: 5s}\n",
                2,
                "without a unit",
            ),
            (
                "metric:\n  timestamper_config:\n    one_way_delay_estimator_min_interval: 5 s\n",
                3,
                "take h, m, s, ms, us or ns",
            ),
            (
                "metric:\n  timestamper_config:\n    one_way_delay_estimator_min_interval: -5s\n",
                3,
                "give 0 or more",
            ),
            (
                "metric:\n  timestamper_config:\n    one_way_delay_estimator_min_interval: 99999999h\n",
                3,
                "292 years",
            ),
            ("rtc:\n  port_range_start: 50000\n", 2, "forward_stats"),
            (
                "rtc:\n  forward_stats:\n    summary_interval: 1us\n",
                3,
                "at least 1ms",
            ),
            (
                "rtc:\n  forward_stats:\n    report_window: 10\n",
                3,
                "at least 1ms",
            ),
            (
                "node_stats:\n  stats_rate_measurement_intervals: []\n",
                2,
                "is empty",
            ),
            (
                "node_stats:\n  stats_update_interval: 1h\n",
                2,
                "stats_max_delay (30s)",
            ),
            ("prometheus:\n  port: 65536\n", 2, "1 to 65535"),
            ("prometheus_port: 65536\n", 1, "0 to 65535"),
            ("prometheus:\n  username: u\n", 2, "give both"),
            ("profile: all\n", 1, "both"),
            ("livekit:\n  node_type: server\n", 2, "HOSTED_AGENT"),
            ("workers: 1\nkeys: {a: b}\n", 2, "node_stats"),
        ] {
            let error = File::parse(text).unwrap_err();
            let at = error.location().map(|l| l.line());
            assert_eq!(at, Some(line), "{text:?}: {error}");
            assert!(error.to_string().contains(says), "{text:?}: {error}");
        }
    }
}
