//! Promises that the workspace makes about itself in `Cargo.toml`, kept by comparison.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: cargo's metadata that isn't as documented ends the test"
)]

use std::collections::BTreeSet;
use std::process::Command;

use media_metrics_tests::package;
use serde_json::Value;

/// Packages that users build: their needs decide, not those of benchmarks and tests.
const SHIPPED: [&str; 3] = [
    "media-metrics-core",
    "media-metrics-exporter",
    "media-metrics-forwarder",
];

/// What our own code needs, and for which feature: the other half of `rust-version`.
const OUR_NEED: (u64, &str) = (85, "edition 2024");

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version", "1"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(package())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The N of "1.N" or "1.N.P".
fn minor(version: &str) -> u64 {
    version
        .split('.')
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap()
}

/// Ids of the shipped packages and of everything they need to be built: no dev-dependencies.
fn shipped(metadata: &Value) -> BTreeSet<&str> {
    let packages = metadata["packages"].as_array().unwrap();
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let ours = packages
        .iter()
        .filter(|p| SHIPPED.contains(&p["name"].as_str().unwrap()));
    let mut todo: Vec<&str> = ours.map(|p| p["id"].as_str().unwrap()).collect();
    assert_eq!(todo.len(), SHIPPED.len());
    let mut found = BTreeSet::new();
    while let Some(id) = todo.pop() {
        if !found.insert(id) {
            continue;
        }
        let node = nodes.iter().find(|n| n["id"] == id).unwrap();
        for dependency in node["deps"].as_array().unwrap() {
            let kinds = dependency["dep_kinds"].as_array().unwrap();
            if kinds.iter().any(|k| k["kind"] != "dev") {
                todo.push(dependency["pkg"].as_str().unwrap());
            }
        }
    }
    found
}

#[test]
fn rust_version_is_the_lowest_that_the_dependencies_and_our_code_allow() {
    let metadata = metadata();
    let shipped = shipped(&metadata);
    let packages = metadata["packages"].as_array().unwrap();
    let mut needs: Vec<(u64, &str)> = packages
        .iter()
        .filter(|p| shipped.contains(p["id"].as_str().unwrap()) && !p["source"].is_null())
        .filter_map(|p| Some((minor(p["rust_version"].as_str()?), p["name"].as_str()?)))
        .collect();
    needs.push(OUR_NEED);
    needs.sort_unstable();
    let core = packages.iter().find(|p| p["name"] == SHIPPED[0]).unwrap();
    let stated = minor(core["rust_version"].as_str().unwrap());
    let most = needs.last().unwrap();
    assert_eq!(
        stated, most.0,
        "the root's rust-version against the greatest need, {most:?}"
    );
}

/// Style, first habit: a module begins with what lives there.
#[test]
fn every_source_file_begins_with_its_header() {
    let root = package().parent().unwrap().to_owned();
    let mut folders: Vec<_> = [
        "core",
        "exporter",
        "forwarder",
        "capi",
        "benches",
        "fuzz",
        "tests",
        "xtask",
        "examples",
    ]
    .map(|package| root.join(package))
    .into();
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                // What examples build where they are is not theirs.
                folders.extend((!path.ends_with("target")).then_some(path));
            } else if path.extension().is_some_and(|e| e == "rs") {
                files += 1;
                let text = std::fs::read_to_string(&path).unwrap();
                assert!(text.starts_with("//! "), "{} has no header", path.display());
            }
        }
    }
    assert!(
        files > 40,
        "only {files} files seen: is the list of packages still right?"
    );
}
