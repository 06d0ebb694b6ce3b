//! Rules through the eyes of Prometheus: promtool reads and tries them, every threshold counts, and a real server makes the
//! recorded series out of a real page, in both forms of histograms.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what is not as expected ends the test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use media_metrics_core::{Registry, Reporter, catalog};
use media_metrics_exporter::Server;
use media_metrics_tests::prometheus::{Prometheus, get};
use media_metrics_tests::rules::{absurd, check, files, folder, test};
use media_metrics_tests::wait;
use serde_json::Value;

#[test]
fn promtool_has_nothing_to_say_of_the_rules() {
    let rules = files(&folder()).unwrap();
    assert_eq!(rules.len(), 2, "{rules:?}");
    check(&rules).unwrap();
}

/// Recorded series as they stand there, and each alert on its own rules and the series that they ask for: promtool evaluates
/// all rules that it is given, minute by minute, and none of the others has a say.
#[test]
fn promtool_finds_every_rule_to_do_as_its_cases_say() {
    test(&[folder().join("tests/recording.yaml")]).unwrap();
    let (alerts, recordings) = (written("alerts.yaml"), written("recording.yaml"));
    let names: BTreeSet<_> = rules(&alerts)
        .iter()
        .map(|rule| rule["alert"].as_str().unwrap())
        .collect();
    let names: Vec<_> = names.into_iter().collect();
    side_by_side(&names, |name| tried(&alerts, &recordings, name, None));
}

/// Rules of a file, as they stand there.
fn written(file: &str) -> Value {
    let text = fs::read_to_string(folder().join(file)).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

fn rules(groups: &Value) -> &Vec<Value> {
    groups["groups"][0]["rules"].as_array().unwrap()
}

#[test]
fn every_alert_has_cases() {
    let trials = files(&folder().join("tests")).unwrap();
    let trials: BTreeSet<_> = trials
        .iter()
        .map(|path| path.file_stem().unwrap().to_owned())
        .collect();
    for rule in rules(&written("alerts.yaml")) {
        let name = rule["alert"].as_str().unwrap();
        assert!(trials.contains(std::ffi::OsStr::new(name)), "{name}");
    }
}

/// One alert, one of whose comparisons always holds or never does.
struct Mutant {
    alert: String,
    original: String,
    mutated: String,
    at: usize,
}

#[test]
fn a_threshold_that_is_absurd_turns_its_cases_red() {
    let (alerts, recordings) = (written("alerts.yaml"), written("recording.yaml"));
    let mut mutants = Vec::new();
    for (at, rule) in rules(&alerts).iter().enumerate() {
        let original = rule["expr"].as_str().unwrap();
        let alert = rule["alert"].as_str().unwrap().to_owned();
        let absurd = absurd(original);
        assert!(!absurd.is_empty(), "no threshold in {original}");
        mutants.extend(absurd.into_iter().map(|mutated| Mutant {
            alert: alert.clone(),
            original: original.to_owned(),
            mutated,
            at,
        }));
    }
    // As they are, they are green (the test above): so it is the change that turns them red.
    side_by_side(&mutants, |mutant| {
        let changed = Some((mutant.at, mutant.mutated.as_str()));
        match tried(&alerts, &recordings, &mutant.alert, changed) {
            Err(_) => Ok(()),
            Ok(()) => Err(format!(
                "{}: no case turns red with\n{}\nfor\n{}",
                mutant.alert, mutant.mutated, mutant.original
            )),
        }
    });
}

/// Tries one alert's cases on its rules, one of them changed, and on the recorded series that they ask for.
fn tried(
    alerts: &Value,
    recordings: &Value,
    alert: &str,
    changed: Option<(usize, &str)>,
) -> Result<(), String> {
    let copy = tempfile::tempdir().unwrap();
    let mut alerts = alerts.clone();
    let rules = alerts["groups"][0]["rules"].as_array_mut().unwrap();
    if let Some((at, expression)) = changed {
        rules[at]["expr"] = expression.into();
    }
    rules.retain(|rule| rule["alert"] == alert);
    let mut asked: String = rules.iter().map(|rule| rule["expr"].to_string()).collect();
    let mut recordings = recordings.clone();
    let recorded = recordings["groups"][0]["rules"].as_array_mut().unwrap();
    // Each asks only for what stands before it.
    for rule in recorded.iter().rev() {
        if asked.contains(rule["record"].as_str().unwrap()) {
            asked += &rule["expr"].to_string();
        }
    }
    recorded.retain(|rule| asked.contains(rule["record"].as_str().unwrap()));
    // JSON is YAML.
    fs::write(copy.path().join("alerts.yaml"), alerts.to_string()).unwrap();
    fs::write(copy.path().join("recording.yaml"), recordings.to_string()).unwrap();
    let trial = format!("tests/{alert}.yaml");
    fs::create_dir(copy.path().join("tests")).unwrap();
    fs::copy(folder().join(&trial), copy.path().join(&trial)).unwrap();
    test(&[copy.path().join(&trial)])
}

/// Does this for all of them, on as many threads as there are cores; panics with all that went wrong.
fn side_by_side<T: Sync>(all: &[T], what: impl Fn(&T) -> Result<(), String> + Sync) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let next = std::sync::atomic::AtomicUsize::new(0);
    let (faults, found) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (faults, next, what) = (faults.clone(), &next, &what);
            scope.spawn(move || {
                while let Some(one) =
                    all.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
                {
                    if let Err(fault) = what(one) {
                        faults.send(fault).unwrap();
                    }
                }
            });
        }
    });
    drop(faults);
    let found: Vec<_> = found.iter().collect();
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}

/// Rules that a server has loaded: what each says of its last evaluation.
fn health(server: &Prometheus) -> Result<BTreeMap<String, String>, String> {
    let answer = get(&format!("{}/api/v1/rules", server.url()))?;
    let answer: Value = serde_json::from_str(&answer).map_err(|e| e.to_string())?;
    let groups = answer["data"]["groups"].as_array().ok_or("no groups")?;
    let rules = groups
        .iter()
        .flat_map(|group| group["rules"].as_array().into_iter().flatten());
    Ok(rules
        .enumerate()
        .map(|(at, rule)| {
            let told = format!("{} {}", rule["health"], rule["lastError"]);
            (format!("{at} {}", rule["name"]), told)
        })
        .collect())
}

/// A host with samples that the rules are about, and a Prometheus that scrapes it and evaluates them each second.
fn recorded(native: bool) {
    let registry = Registry::new().unwrap();
    let latency = registry.histogram(&catalog::FORWARD_LATENCY, &[]).unwrap();
    let rtt = registry
        .histogram(&catalog::RTP_REMOTE_RTT, &["outgoing", "audio"])
        .unwrap();
    let good = registry
        .counter(&catalog::PARTICIPANT_RATINGS, &["good"])
        .unwrap();
    let poor = registry
        .counter(&catalog::PARTICIPANT_RATINGS, &["poor"])
        .unwrap();
    let reporter = Reporter::builder(&registry)
        .interval(Duration::from_millis(200))
        .start()
        .unwrap();
    let server = Server::builder(registry)
        .bind("127.0.0.1:0")
        .start()
        .unwrap();
    let rules: Vec<PathBuf> = files(&folder()).unwrap();
    let prometheus = Prometheus::with_rules(server.local_addr(), native, &rules);

    // A first scrape sees all series at 0, so that their growth is seen.
    prometheus.wait_for("count(up == 1)", 1);
    let near = |query: &str, expected: f64, error: f64| {
        wait::until(query, wait::PATIENCE, || {
            // 3 of 4 in time, whatever has been merged in between.
            for value in [1_000_000, 2_000_000, 3_000_000, 40_000_000] {
                latency.record(value);
                rtt.record(value);
            }
            good.add(3);
            poor.inc();
            match prometheus.value(query) {
                Ok(Some(value)) if (value - expected).abs() <= error => Ok(()),
                other => Err(format!("{other:?}, not {expected}")),
            }
        });
    };
    near(
        "instance:media_forward_latency_seconds_over_10ms:ratio_rate5m",
        0.25,
        0.02,
    );
    near(
        "instance:media_participant_ratings_bad:ratio_rate5m",
        0.25,
        0.02,
    );
    // Of classic buckets a quantile lies between the bounds around it, 0.025 and 0.05; of native ones within 10 %.
    let (middle, half) = if native {
        (0.04, 0.004)
    } else {
        (0.0375, 0.0125)
    };
    near(
        "instance:media_forward_latency_seconds:p99_rate5m",
        middle,
        half,
    );
    near(
        "instance_direction_kind:media_rtp_remote_rtt_seconds:p95_rate5m",
        middle,
        half,
    );
    near(
        "count(job:media_metrics_build_info:group) or vector(0)",
        0.0,
        0.0,
    );
    assert_eq!(
        prometheus
            .value("count(media_forward_latency_seconds_bucket)")
            .unwrap()
            .is_none(),
        native,
        "the other form of histograms"
    );

    let rules = health(&prometheus).unwrap();
    assert!(rules.len() > 40, "{rules:?}");
    for (rule, told) in rules {
        assert_eq!(told, "\"ok\" null", "{rule}");
    }
    reporter.stop(Duration::from_secs(1));
    server.stop(Duration::from_secs(1));
}

#[test]
fn a_server_records_them_of_classic_histograms() {
    recorded(false);
}

#[test]
fn a_server_records_them_of_native_histograms() {
    recorded(true);
}
