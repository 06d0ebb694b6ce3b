//! What GitHub reads: by its schemas, and by what this project has.

use std::fs;
use std::path::PathBuf;

use media_metrics_tests::actionlint;
use media_metrics_tests::schema::{Schema, check};
use media_metrics_tests::workspace::root;

use crate::commands::{fault, parts, xtasks};

/// The YAML files of a folder, by path.
fn yaml(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|e| e == "yml"))
        .collect();
    paths.sort();
    paths
}

#[test]
fn what_github_reads_is_what_it_takes() {
    let workflows = yaml(".github/workflows");
    assert!(workflows.len() >= 2, "{workflows:?}");
    check(Schema::Workflow, &workflows).unwrap();
    actionlint::check(&workflows).unwrap();
    let (config, forms): (Vec<_>, Vec<_>) = yaml(".github/ISSUE_TEMPLATE")
        .into_iter()
        .partition(|path| path.ends_with("config.yml"));
    assert!(forms.len() >= 3, "{forms:?}");
    check(Schema::IssueForm, &forms).unwrap();
    check(Schema::IssueConfig, &config).unwrap();
    check(Schema::Dependabot, &[root().join(".github/dependabot.yml")]).unwrap();
}

/// The texts of all `run` keys, and the values of a matrix `command` put in place.
fn runs(workflow: &serde_json::Value) -> Vec<String> {
    let mut runs = Vec::new();
    for job in workflow["jobs"].as_object().unwrap().values() {
        let commands = job["strategy"]["matrix"]["command"].as_array();
        let commands: Vec<&str> = commands
            .into_iter()
            .flatten()
            .filter_map(|c| c.as_str())
            .collect();
        let steps = job["steps"].as_array().unwrap();
        for run in steps.iter().filter_map(|step| step["run"].as_str()) {
            match run.contains("${{ matrix.command }}") {
                true => runs.extend(
                    commands
                        .iter()
                        .map(|c| run.replace("${{ matrix.command }}", c)),
                ),
                false => runs.push(run.to_owned()),
            }
        }
    }
    runs
}

#[test]
fn workflows_call_the_commands_that_there_are_with_few_rights() {
    let xtasks = xtasks();
    let mut calls = Vec::new();
    for path in yaml(".github/workflows") {
        let text = fs::read_to_string(&path).unwrap();
        let workflow: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        let rights = serde_json::json!({"contents": "read"});
        assert_eq!(workflow["permissions"], rights, "{}", path.display());
        // What makes namespaces has to be allowed to.
        for (name, job) in workflow["jobs"].as_object().into_iter().flatten() {
            let mut runs = job["steps"].as_array().into_iter().flatten();
            let makes = runs.any(|step| step["run"] == ".ci/run");
            let options = job["container"]["options"].as_str();
            assert!(!makes || options == Some("--privileged"), "{name}");
        }
        for line in text.lines().filter(|line| line.contains("uses: ")) {
            let (_, version) = line.rsplit_once('@').expect("an action has a version");
            let is_commit = version.len() == 40 && version.bytes().all(|b| b.is_ascii_hexdigit());
            let is_major = version
                .strip_prefix('v')
                .is_some_and(|v| v.parse::<u32>().is_ok());
            assert!(is_commit || is_major, "{}: {line}", path.display());
        }
        for run in runs(&workflow) {
            for words in run.lines().flat_map(parts) {
                assert_eq!(fault(&words, &xtasks), Ok(()), "{}: {run}", path.display());
            }
            calls.push(run);
        }
    }
    for wanted in [".ci/run", "cargo xtask audit", "cargo xtask package"] {
        assert!(
            calls.iter().any(|run| run == wanted),
            "nobody calls {wanted}"
        );
    }
}
