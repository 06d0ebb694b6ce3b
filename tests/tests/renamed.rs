//! Families that are renamed in the catalog make what is committed stale, which is told, and mended by one command: tried
//! on a copy of the checkout, with all of ours at once.

#![expect(
    clippy::unwrap_used,
    reason = "a test may stop at the first surprise, its helpers, too"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use media_metrics_core::catalog;
use media_metrics_tests::workspace::{cargo, copy, root, target};

/// How names of ours begin, and how they do in the copy.
const OLD: &str = "media_";
const NEW: &str = "moved_";

/// Packages of ours that the program consists of.
const OWN: [&str; 3] = [
    "media-metrics-core",
    "media-metrics-exporter",
    "media-metrics-forwarder",
];

/// Replaces a text that must be there.
fn replace(file: &Path, old: &str, new: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(old), "no {old:?} in {}", file.display());
    fs::write(file, text.replace(old, new)).unwrap();
}

/// The program of a checkout, built from what stands there into `folder`.
///
/// Dependencies are those that this test was built with: of the same profile, in the same folder for what is between.
/// Our own packages have another version in the copy, so that they are not taken for those of the checkout that is
/// tested, and they are built in the quickest way.
fn build(checkout: &Path, folder: &Path) -> PathBuf {
    let version = format!("version = \"{}", env!("CARGO_PKG_VERSION"));
    replace(
        &checkout.join("Cargo.toml"),
        &format!("[workspace.package]\n{version}"),
        &format!("[workspace.package]\n{version}+renamed"),
    );
    let quick = |package| format!("--config=profile.test.package.{package}.debug=0");
    let built = cargo()
        .args("build --offline --profile test -p media-metrics-forwarder".split(' '))
        .args(OWN.iter().map(quick))
        .current_dir(checkout)
        .env("CARGO_TARGET_DIR", folder)
        .env("CARGO_BUILD_BUILD_DIR", target())
        .env("CARGO_INCREMENTAL", "0")
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{words}");
    folder.join("debug/media-metrics")
}

/// Files of a folder and below it that hold one of these texts, or the file itself.
fn holding(path: &Path, texts: &[&str]) -> Vec<PathBuf> {
    if path.is_dir() {
        let entries = fs::read_dir(path).unwrap();
        let below = |entry: fs::DirEntry| holding(&entry.path(), texts);
        return entries.map(Result::unwrap).flat_map(below).collect();
    }
    let text = String::from_utf8(fs::read(path).unwrap()).unwrap();
    let holds = texts.iter().any(|one| text.contains(one));
    holds.then(|| path.to_owned()).into_iter().collect()
}

#[test]
fn renamed_families_are_found_stale_and_one_command_mends_all() {
    let folder = tempfile::tempdir_in(target()).unwrap();
    let checkout = &folder.path().join("checkout");
    copy(&root(), checkout, &["target", ".git"]).unwrap();
    replace(&checkout.join("core/src/catalog.rs"), OLD, NEW);
    let program = build(checkout, &folder.path().join("built"));

    // `_total` is not part of a recorded name.
    let names = catalog::ALL.iter().map(|desc| desc.name());
    let ours = names.filter(|name| name.starts_with(OLD));
    let old: Vec<&str> = ours.map(|name| name.trim_end_matches("_total")).collect();
    let generated = || {
        let parts = ["docs/metrics.md", "docs/runbooks", "grafana"];
        parts.map(|part| holding(&checkout.join(part), &old))
    };
    let generate = |more: &[&str]| -> (Output, String) {
        let mut command = Command::new(&program);
        let output = command
            .arg("generate")
            .args(more)
            .current_dir(checkout)
            .output();
        let output = output.unwrap();
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        (output, words)
    };

    let (told, words) = generate(&["--check"]);
    assert_eq!(told.status.code(), Some(1), "{words}");
    for part in generated() {
        assert!(!part.is_empty(), "each part speaks of families");
        for file in part {
            let name = file.strip_prefix(checkout).unwrap().display().to_string();
            assert!(
                words.contains(&name),
                "{name} is stale, and not among\n{words}"
            );
        }
    }

    let (written, words) = generate(&[]);
    assert!(written.status.success(), "{words}");
    let stale = generated().concat();
    assert_eq!(stale, Vec::<PathBuf>::new(), "still speak of old names");
    let (well, words) = generate(&["--check"]);
    assert!(well.status.success(), "{words}");
}
