//! What would be published: complete, of the checkout's licences, without tests and their data.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use media_metrics_tests::workspace::{cargo, root};

/// Packages, their folders, and which of their folders go along.
const PUBLISHED: [(&str, &str, &[&str]); 3] = [
    ("media-metrics-core", "core", &["src"]),
    ("media-metrics-exporter", "exporter", &["src", "page"]),
    ("media-metrics-forwarder", "forwarder", &["src"]),
];

/// What each package has besides.
const BESIDES: [&str; 6] = [
    "Cargo.lock",
    "Cargo.toml",
    "Cargo.toml.orig",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
];

/// Most bytes of a package, before compression: today's largest is 1.4 MiB.
const MOST_BYTES: u64 = 2 << 20;

/// The files of a folder and below it, named from `root`.
fn files(root: &Path, below: &str) -> BTreeSet<String> {
    let mut folders = vec![PathBuf::from(below)];
    let mut found = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(path),
                false => drop(found.insert(path.display().to_string())),
            }
        }
    }
    found
}

/// What cargo would pack.
fn packed(package: &str) -> BTreeSet<String> {
    let output = cargo()
        .args([
            "package",
            "--list",
            "--allow-dirty",
            "--offline",
            "-p",
            package,
        ])
        .current_dir(root())
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    let list = String::from_utf8(output.stdout).unwrap();
    // Written by cargo, where the checkout is git's.
    let lines = list.lines().filter(|line| *line != ".cargo_vcs_info.json");
    lines.map(str::to_owned).collect()
}

#[test]
fn packages_have_what_they_need_and_no_more() {
    for (package, folder, parts) in PUBLISHED {
        let root = root().join(folder);
        let own = parts.iter().flat_map(|part| files(&root, part));
        let expected: BTreeSet<String> = own.chain(BESIDES.map(str::to_owned)).collect();
        let packed = packed(package);
        let missing: Vec<_> = expected.difference(&packed).collect();
        let strange: Vec<_> = packed.difference(&expected).collect();
        assert!(
            missing.is_empty() && strange.is_empty(),
            "{package} lacks {missing:?}, and has {strange:?} besides"
        );
        let size = |file: &String| fs::metadata(root.join(file)).map_or(0, |about| about.len());
        let bytes: u64 = packed.iter().map(size).sum();
        assert!(bytes < MOST_BYTES, "{package} has {bytes} bytes");
    }
}

#[test]
fn each_package_has_the_licences_of_the_checkout() {
    for (_, folder, _) in PUBLISHED {
        for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
            let text = |path: PathBuf| fs::read_to_string(path).unwrap();
            let own = text(root().join(folder).join(licence));
            assert_eq!(own, text(root().join(licence)), "{folder}/{licence}");
        }
    }
}
