//! The published vectors, all of them. They were computed by another program.

use media_metrics_core::livekit::Rules;
use media_metrics_core::livekit::config::TimestamperConfig;
use media_metrics_core::livekit::messages::{MetricSample, MetricsBatch, TimeSeriesMetric};
use media_metrics_core::livekit::time::ServerTime;
use media_metrics_core::livekit::timestamper::{Estimator, Timestamper};
use serde::Deserialize;

use crate::NS_PER_MS;

const SAMPLE_AGE_MS: i64 = 7;

#[derive(Deserialize)]
struct Delays {
    scenarios: Vec<DelayScenario>,
}

#[derive(Deserialize)]
struct DelayScenario {
    name: String,
    kind: String,
    /// Sender's and receiver's time.
    inputs: Vec<(i64, i64)>,
    expected: Vec<(i64, bool)>,
    corrected: Vec<(i64, bool)>,
}

#[test]
fn the_estimator_reproduces_both_columns_to_the_nanosecond() {
    let all: Delays = serde_json::from_str(include_str!("../data/livekit/owd.json")).unwrap();
    assert_eq!(all.scenarios.len(), 16);
    let mut differ = Vec::new();
    for scenario in &all.scenarios {
        assert_eq!(scenario.inputs.len(), 60, "{}", scenario.name);
        for (rules, column) in [
            (Rules::Reference, &scenario.expected),
            (Rules::Corrected, &scenario.corrected),
        ] {
            let mut estimator = Estimator::new(rules);
            let got: Vec<(i64, bool)> = scenario
                .inputs
                .iter()
                .map(|&(sender_ns, receiver_ns)| {
                    let estimate = estimator.update(sender_ns, receiver_ns);
                    (estimate.delay_ns, estimate.step)
                })
                .collect();
            assert_eq!(&got, column, "{} {rules:?}", scenario.name);
        }
        if scenario.expected != scenario.corrected {
            differ.push(scenario.name.as_str());
        }
    }
    let defects = all.scenarios.iter().filter(|s| s.kind == "defect");
    for scenario in defects {
        assert!(
            differ.contains(&scenario.name.as_str()),
            "{}",
            scenario.name
        );
    }
}

#[derive(Deserialize)]
struct Runs {
    scenarios: Vec<RunScenario>,
}

#[derive(Deserialize)]
struct RunScenario {
    name: String,
    min_interval_ns: u64,
    max_batch: i64,
    /// Now, the batch's time in ms, whether the estimator runs, what is added.
    steps: Vec<(i64, i64, u8, i64)>,
}

#[test]
fn the_timestamper_runs_when_it_should_and_adds_what_it_should() {
    let all: Runs = serde_json::from_str(include_str!("../data/livekit/timestamper.json")).unwrap();
    assert_eq!(all.scenarios.len(), 6);
    for scenario in &all.scenarios {
        for rules in [Rules::Reference, Rules::Corrected] {
            let config = TimestamperConfig {
                min_interval: std::time::Duration::from_nanos(scenario.min_interval_ns),
                max_batches: scenario.max_batch,
            };
            let mut timestamper = Timestamper::new(config, rules);
            let (mut started, mut latest) = (false, i64::MIN);
            for &(now_ns, timestamp_ms, runs, offset_ns) in &scenario.steps {
                let what = format!("{} {rules:?} at {now_ns}", scenario.name);
                let sample_ms = timestamp_ms - SAMPLE_AGE_MS;
                let mut batch = sampled(timestamp_ms, sample_ms);
                let done = timestamper.normalise(&mut batch, ServerTime::from_ns(now_ns));
                assert_eq!(done.ran, runs == 1, "{what}");
                assert_eq!(batch.timestamp_ms, timestamp_ms, "{what}");
                started |= done.ran;
                let sample = &batch.time_series[0].samples[0];
                assert_eq!(sample.timestamp_ms, sample_ms, "{what}");
                if rules == Rules::Corrected && !started {
                    assert_eq!(done.offset_ns, None, "{what}");
                    assert_eq!(batch.normalized_timestamp, None, "{what}");
                    assert_eq!(sample.normalized_timestamp, None, "{what}");
                    continue;
                }
                assert_eq!(done.offset_ns, Some(offset_ns), "{what}");
                let at = |ms: i64| ms * NS_PER_MS + offset_ns;
                let expected = Some(ServerTime::from_ns(at(sample_ms)).timestamp());
                assert_eq!(sample.normalized_timestamp, expected, "{what}");
                latest = match rules {
                    Rules::Reference => at(timestamp_ms),
                    Rules::Corrected => latest.max(at(timestamp_ms)),
                };
                let expected = Some(ServerTime::from_ns(latest).timestamp());
                assert_eq!(batch.normalized_timestamp, expected, "{what}");
            }
        }
    }
}

fn sampled(timestamp_ms: i64, sample_ms: i64) -> MetricsBatch {
    let sample = MetricSample {
        timestamp_ms: sample_ms,
        ..MetricSample::default()
    };
    MetricsBatch {
        timestamp_ms,
        time_series: vec![TimeSeriesMetric {
            samples: vec![sample],
            ..TimeSeriesMetric::default()
        }],
        ..MetricsBatch::default()
    }
}
