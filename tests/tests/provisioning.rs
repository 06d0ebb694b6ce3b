//! The committed configuration: a fresh Prometheus that is started with it scrapes the program and has all rules, the
//! reference's queries find what they ask for, and the Compose file is one.

#![expect(
    clippy::unwrap_used,
    reason = "a test may stop at the first surprise, its helpers, too"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use media_metrics_tests::program::Program;
use media_metrics_tests::prometheus::{Prometheus, check_config};
use media_metrics_tests::schema::{self, Schema};
use media_metrics_tests::{wait, workspace};
use serde_json::Value;

/// Where the committed configuration expects the program.
const TARGET: &str = "127.0.0.1:9464";

/// A rule of the test's own, so that rules that are not loaded don't go unnoticed whatever is committed.
const PROBE: &str = "groups: [{name: probe, rules: [{record: 'probe:up:sum', expr: sum(up)}]}]\n";

/// Replaces a file's only `from`.
fn replace(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert_eq!(
        text.matches(from).count(),
        1,
        "{from} in {}",
        file.display()
    );
    fs::write(file, text.replace(from, to)).unwrap();
}

/// Names of the groups in the rule files of a folder.
fn groups(rules: &Path) -> BTreeSet<String> {
    let files = fs::read_dir(rules)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let yaml = files.filter(|path| path.extension().is_some_and(|ext| ext == "yaml"));
    let text: String = yaml.map(|path| fs::read_to_string(path).unwrap()).collect();
    let name = |line: &str| Some(line.split_once("- name: ")?.1.trim_matches('"').to_owned());
    text.lines()
        .filter_map(name)
        .chain(["probe".to_owned()])
        .collect()
}

/// The groups that Prometheus has, once all of their rules were evaluated.
fn loaded(prometheus: &Prometheus) -> Result<BTreeSet<String>, String> {
    let data = prometheus.data("rules")?;
    let groups = data["groups"].as_array().ok_or("no groups")?;
    let rules = groups
        .iter()
        .flat_map(|group| group["rules"].as_array().into_iter().flatten());
    let unwell: Vec<&Value> = rules.filter(|rule| rule["health"] != "ok").collect();
    if !unwell.is_empty() {
        return Err(format!("{unwell:?}"));
    }
    let names = groups.iter().filter_map(|group| group["name"].as_str());
    Ok(names.map(str::to_owned).collect())
}

/// What stands between fences of this language.
fn fenced<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let begin = format!("```{language}\n");
    page.split(begin.as_str())
        .skip(1)
        .filter_map(|rest| Some(rest.split_once("\n```")?.0))
        .collect()
}

#[test]
fn a_fresh_prometheus_scrapes_loads_all_rules_and_answers_what_the_reference_asks() {
    let program = Program::synthetic(12, "both");
    let folder = tempfile::tempdir().unwrap();
    workspace::copy(&workspace::root().join("grafana"), folder.path(), &[]).unwrap();
    let file = folder.path().join("prometheus.yaml");
    replace(&file, TARGET, &program.metrics().to_string());
    // Rules are looked at twice sooner.
    replace(&file, "evaluation_interval: 15s", "evaluation_interval: 1s");
    let rules = folder.path().join("rules");
    fs::create_dir_all(&rules).unwrap();
    fs::write(rules.join("probe.yaml"), PROBE).unwrap();
    check_config(&file).unwrap();

    let expected = groups(&rules);
    let prometheus = Prometheus::configured(folder, "prometheus.yaml");
    prometheus.wait_for("up{job=\"media-metrics\"}", 1);
    wait::until("all rules", wait::PATIENCE, || match loaded(&prometheus)? {
        groups if groups == expected => Ok(()),
        groups => Err(format!("{groups:?}, expected {expected:?}")),
    });

    let page = fs::read_to_string(workspace::root().join("docs/metrics.md")).unwrap();
    let queries = fenced(&page, "promql");
    assert!(queries.len() >= 20, "{queries:?}");
    for query in queries {
        wait::until(query, wait::PATIENCE, || match prometheus.query(query)? {
            found if found.is_empty() => Err("nothing found".to_owned()),
            _ => Ok(()),
        });
    }
    let _printed = program.finish();
}

#[test]
fn the_compose_file_is_one() {
    schema::check(
        Schema::Compose,
        &[workspace::root().join("grafana/compose.yaml")],
    )
    .unwrap();
}
