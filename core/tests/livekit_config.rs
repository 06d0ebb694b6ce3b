//! The configuration's keys: durations as Go has them, defaults, what a 0 means, what is refused, and that what is
//! written reads back. The format is JSON here; the forwarder's tests read YAML.

#![cfg(feature = "livekit")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::fmt::Debug;
use std::time::Duration;

use media_metrics_core::livekit::Rules;
use media_metrics_core::livekit::config::{
    CollectorConfig, DurationError, ForwardStatsConfig, LivekitConfig, MetricConfig, NodeId,
    NodeStatsConfig, PrometheusConfig, ReporterConfig, RtcConfig, TimestamperConfig,
    format_duration, parse_duration,
};
use media_metrics_core::livekit::families::NodeType;
use serde::Serialize;
use serde::de::DeserializeOwned;

fn read<T: DeserializeOwned + Serialize + PartialEq + Debug>(json: &str) -> Result<T, String> {
    let value: T = serde_json::from_str(json).map_err(|e| e.to_string())?;
    let written = serde_json::to_string(&value).unwrap();
    let again: T = serde_json::from_str(&written).expect(&written);
    assert_eq!(again, value, "{written}");
    Ok(value)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Each line was made by Go itself.
#[test]
fn durations_are_read_and_written_as_go_does() {
    let (mut read, mut refused, mut written) = (0, 0, 0);
    let table = include_str!("data/livekit/go-durations.tsv");
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        match fields[..] {
            ["parse", text, "error"] => {
                assert!(parse_duration(text).is_err(), "{line:?}");
                refused += 1;
            }
            ["parse", text, ns] => {
                let expected = match u64::try_from(ns.parse::<i64>().unwrap()) {
                    Ok(ns) => Ok(Duration::from_nanos(ns)),
                    Err(_) => Err(DurationError::Negative),
                };
                assert_eq!(parse_duration(text), expected, "{line:?}");
                read += 1;
            }
            ["format", ns, text] => {
                let duration = Duration::from_nanos(ns.parse().unwrap());
                assert_eq!(format_duration(duration), text);
                assert_eq!(parse_duration(text), Ok(duration), "{line:?}");
                written += 1;
            }
            _ => panic!("{line:?}"),
        }
    }
    assert!(
        read > 300 && refused > 200 && written > 200,
        "{read} {refused} {written}"
    );
}

#[test]
fn what_is_wrong_with_a_duration_is_told() {
    for (text, why) in [
        ("", DurationError::Syntax),
        ("s", DurationError::Syntax),
        ("5", DurationError::NoUnit),
        ("1h5", DurationError::NoUnit),
        ("5d", DurationError::UnknownUnit),
        ("-5s", DurationError::Negative),
        ("-9223372036854775808ns", DurationError::Negative),
        ("293y", DurationError::UnknownUnit),
        ("2562048h", DurationError::TooLong),
    ] {
        assert_eq!(parse_duration(text), Err(why), "{text:?}");
        assert!(why.to_string().contains("for example 5s"), "{why}");
    }
    assert_eq!(
        format_duration(Duration::MAX),
        "2562047h47m16.854775807s",
        "Go's longest"
    );
}

#[test]
fn nothing_said_is_the_references_defaults() {
    let metric: MetricConfig = read("{}").unwrap();
    assert_eq!(metric, MetricConfig::default());
    assert_eq!(metric.timestamper_config.min_interval, ms(5_000));
    assert_eq!(metric.timestamper_config.max_batches, 100);
    assert_eq!(metric.collector.sampling, ms(3_000));
    assert_eq!(metric.collector.batch, ms(10_000));
    assert_eq!(metric.reporter.interval, ms(10_000));
    let node: NodeStatsConfig = read("{}").unwrap();
    assert_eq!(
        (node.update, node.intervals, node.max_delay),
        (ms(2_000), vec![ms(10_000)], ms(30_000))
    );
    let prometheus: PrometheusConfig = read("{}").unwrap();
    assert_eq!((prometheus.port, prometheus.basic_auth), (None, None));
    // Ours: in the reference these are off.
    let forward: RtcConfig = read(r#"{"forward_stats": {}}"#).unwrap();
    let forward = forward.forward_stats;
    assert_eq!(
        (forward.summary, forward.report, forward.window),
        (ms(100), ms(1_000), ms(10_000))
    );
    assert!(forward.is_on());
    let livekit: LivekitConfig = read("{}").unwrap();
    assert!(livekit.enable_metrics && livekit.node_id.is_none());
    assert_eq!(
        (livekit.timestamper, livekit.node_type),
        (Rules::Corrected, NodeType::Server)
    );
}

#[test]
fn every_key_is_read() {
    let metric: MetricConfig = read(
        r#"{"timestamper_config": {"one_way_delay_estimator_min_interval": "1m30s", "one_way_delay_estimator_max_batch": 7},
            "collector": {"sampling_interval_ms": 1, "batch_interval_ms": 4294967295},
            "reporter": {"reporting_interval_ms": 2}}"#,
    )
    .unwrap();
    let expected = MetricConfig {
        timestamper_config: TimestamperConfig {
            min_interval: ms(90_000),
            max_batches: 7,
        },
        collector: CollectorConfig {
            sampling: ms(1),
            batch: ms(u64::from(u32::MAX)),
        },
        reporter: ReporterConfig { interval: ms(2) },
    };
    assert_eq!(metric, expected);
    let forward: ForwardStatsConfig = read(
        r#"{"summary_interval": "50ms", "report_interval": 2000000000, "report_window": "1m"}"#,
    )
    .unwrap();
    assert_eq!(
        (forward.summary, forward.report, forward.window),
        (ms(50), ms(2_000), ms(60_000))
    );
    let node: NodeStatsConfig = read(
        r#"{"stats_update_interval": "1.5s", "stats_rate_measurement_intervals": ["10s", "1m"], "stats_max_delay": "1h"}"#,
    )
    .unwrap();
    assert_eq!(
        (node.update, node.intervals, node.max_delay),
        (ms(1_500), vec![ms(10_000), ms(60_000)], ms(3_600_000))
    );
    let prometheus: PrometheusConfig =
        read(r#"{"port": 6789, "username": "u", "password": "secret"}"#).unwrap();
    assert!(!format!("{prometheus:?}").contains("secret"));
    let auth = prometheus.basic_auth.unwrap();
    assert_eq!(
        (
            prometheus.port,
            auth.username.as_str(),
            auth.password.0.as_str()
        ),
        (Some(6_789), "u", "secret")
    );
    let livekit: LivekitConfig = read(
        r#"{"enable_metrics": false, "timestamper": "reference", "node_id": "ND_x", "node_type": "HOSTED_AGENT"}"#,
    )
    .unwrap();
    assert!(!livekit.enable_metrics);
    assert_eq!(livekit.timestamper, Rules::Reference);
    assert_eq!(livekit.node_id.unwrap().as_str(), "ND_x");
    assert_eq!(livekit.node_type.as_str(), "HOSTED_AGENT");
}

#[test]
fn what_a_zero_means() {
    // The default, everywhere in collector and reporter.
    let zero: CollectorConfig =
        read(r#"{"sampling_interval_ms": 0, "batch_interval_ms": 0}"#).unwrap();
    assert_eq!(zero, CollectorConfig::default());
    // Hazard 7 of collector and reporter: the reference makes a batch interval of 0 the sampling interval, 3 s.
    let zero: CollectorConfig = read(r#"{"batch_interval_ms": 0}"#).unwrap();
    assert_eq!((zero.sampling, zero.batch), (ms(3_000), ms(10_000)));
    let zero: ReporterConfig = read(r#"{"reporting_interval_ms": 0}"#).unwrap();
    assert_eq!(zero, ReporterConfig::default());
    // Each batch runs the estimator, so does a negative number of batches.
    let zero: TimestamperConfig = read(
        r#"{"one_way_delay_estimator_min_interval": 0, "one_way_delay_estimator_max_batch": -3}"#,
    )
    .unwrap();
    assert_eq!((zero.min_interval, zero.max_batches), (Duration::ZERO, -3));
    // Off, if any of the three is 0, and that is kept.
    for key in ["summary_interval", "report_interval", "report_window"] {
        for zero in ["0", "\"0s\"", "\"0\""] {
            let forward: ForwardStatsConfig = read(&format!("{{\"{key}\": {zero}}}")).unwrap();
            assert!(!forward.is_on(), "{key}: {zero}");
        }
    }
    // Off, too; the deprecated spelling says nothing with a 0.
    let off: PrometheusConfig = read(r#"{"port": 0}"#).unwrap();
    assert_eq!(off.port, Some(0));
    assert_eq!(off.clone().or_deprecated(None).port, Some(0));
    assert_eq!(off.clone().or_deprecated(Some(0)).port, Some(0));
    assert_eq!(off.or_deprecated(Some(6_789)).port, Some(6_789));
    let on: PrometheusConfig = read(r#"{"port": 1}"#).unwrap();
    assert_eq!(on.clone().or_deprecated(Some(0)).port, Some(1));
    assert_eq!(
        on.or_deprecated(Some(2)).port,
        Some(2),
        "the deprecated one wins"
    );
}

#[test]
fn batches_are_never_shorter_than_samples() {
    for (sampling_ms, batch_ms, sampling, batch) in [
        (3_000, 2_999, 3_000, 3_000),
        (3_000, 3_000, 3_000, 3_000),
        (20_000, 0, 20_000, 20_000),
        (0, 1, 3_000, 3_000),
        (1, 2, 1, 2),
    ] {
        let json = format!(
            "{{\"sampling_interval_ms\": {sampling_ms}, \"batch_interval_ms\": {batch_ms}}}"
        );
        let got: CollectorConfig = read(&json).unwrap();
        assert_eq!((got.sampling, got.batch), (ms(sampling), ms(batch)));
    }
}

/// No ring of summaries is kept, so their number is no limit.
#[test]
fn a_window_may_be_as_long_as_it_likes() {
    let json = r#"{"summary_interval": "1ms", "report_window": "8760h"}"#;
    let forward: ForwardStatsConfig = read(json).unwrap();
    assert!(forward.is_on());
    assert_eq!(forward.window, Duration::from_secs(8_760 * 3_600));
}

/// Refused, with a reason that names the remedy or the keys that there are.
#[test]
fn nonsense_is_refused() {
    fn refused<T: DeserializeOwned + Serialize + PartialEq + Debug>(json: &str, says: &str) {
        let error = read::<T>(json).unwrap_err();
        assert!(error.contains(says), "{json}: {error}");
    }
    refused::<MetricConfig>(r#"{"timestamper": {}}"#, "timestamper_config");
    refused::<MetricConfig>(
        r#"{"collector": {"sampling_interval": 1}}"#,
        "sampling_interval_ms",
    );
    refused::<ReporterConfig>(r#"{"reporting_interval_ms": -1}"#, "0 for the default");
    refused::<ReporterConfig>(r#"{"reporting_interval_ms": 4294967296}"#, "4294967295");
    refused::<ReporterConfig>(r#"{"reporting_interval_ms": "5s"}"#, "without a unit");
    refused::<ReporterConfig>(r#"{"reporting_interval_ms": 1.5}"#, "without a unit");
    refused::<TimestamperConfig>(
        r#"{"one_way_delay_estimator_max_batch": "many"}"#,
        "a number of batches",
    );
    refused::<TimestamperConfig>(
        r#"{"one_way_delay_estimator_max_batch": 9223372036854775808}"#,
        "a number of batches",
    );
    refused::<TimestamperConfig>(
        r#"{"one_way_delay_estimator_min_interval": "5"}"#,
        "without a unit",
    );
    refused::<TimestamperConfig>(
        r#"{"one_way_delay_estimator_min_interval": "-5s"}"#,
        "give 0 or more",
    );
    refused::<TimestamperConfig>(
        r#"{"one_way_delay_estimator_min_interval": -5}"#,
        "give 0 or more",
    );
    refused::<TimestamperConfig>(
        r#"{"one_way_delay_estimator_min_interval": 9223372036854775808}"#,
        "292 years",
    );
    refused::<TimestamperConfig>(
        r#"{"one_way_delay_estimator_min_interval": 1.5}"#,
        "a duration, for example 5s",
    );
    refused::<RtcConfig>(r#"{"port_range_start": 1}"#, "forward_stats");
    refused::<ForwardStatsConfig>(r#"{"summary_interval": 5}"#, "at least 1ms");
    refused::<ForwardStatsConfig>(r#"{"report_interval": "999us"}"#, "at least 1ms");
    refused::<ForwardStatsConfig>(r#"{"report_window": 10}"#, "nanoseconds");
    refused::<NodeStatsConfig>(r#"{"stats_rate_measurement_intervals": []}"#, "is empty");
    refused::<NodeStatsConfig>(r#"{"stats_update_interval": 0}"#, "at least 1ms");
    refused::<NodeStatsConfig>(
        r#"{"stats_rate_measurement_intervals": ["0s"]}"#,
        "at least 1ms",
    );
    refused::<NodeStatsConfig>(
        r#"{"stats_rate_measurement_intervals": ["1s", "200001s"]}"#,
        "shorten the one",
    );
    refused::<NodeStatsConfig>(r#"{"stats_update_interval": "30s"}"#, "lengthen it");
    refused::<PrometheusConfig>(r#"{"username": "u"}"#, "give both");
    refused::<PrometheusConfig>(r#"{"password": "p"}"#, "give both");
    refused::<PrometheusConfig>(r#"{"port": 65536}"#, "0 to serve nothing");
    refused::<PrometheusConfig>(r#"{"port": -1}"#, "1 to 65535");
    refused::<LivekitConfig>(r#"{"node_id": ""}"#, "1 to 128 bytes");
    refused::<LivekitConfig>(r#"{"node_id": "a\nb"}"#, "control characters");
    refused::<LivekitConfig>(r#"{"node_type": "server"}"#, "SERVER");
    refused::<LivekitConfig>(r#"{"timestamper": "ours"}"#, "corrected");
}

#[test]
fn random_node_ids_look_like_the_references() {
    let ids: std::collections::HashSet<String> =
        (0..1_000).map(|_| NodeId::random().into()).collect();
    assert_eq!(ids.len(), 1_000);
    for id in &ids {
        let random = id.strip_prefix("ND_").unwrap();
        assert_eq!(random.len(), 12, "{id}");
        assert!(
            random.bytes().all(|b| b.is_ascii_alphanumeric()) && !random.contains(['0', '1', 'l']),
            "{id}"
        );
        assert!(NodeId::try_from(id.clone()).is_ok());
    }
}
