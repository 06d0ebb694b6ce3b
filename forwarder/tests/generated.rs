//! What is generated and committed is what would be generated, and what is stale is told and mended.

#![expect(
    clippy::unwrap_used,
    reason = "a test may stop at the first surprise, its helpers, too"
)]

use std::fs;
use std::path::{Path, PathBuf};

use media_metrics_forwarder::generate::{self, Difference, families};

#[test]
fn what_is_committed_is_what_would_be_generated() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let differences = generate::differences(&root).unwrap();
    assert!(
        differences.is_empty(),
        "{}\nrun `cargo xtask generate` and commit what it writes",
        differences
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    );
}

#[test]
fn writing_mends_every_difference() {
    let folder = tempfile::tempdir().unwrap();
    let files = generate::files();
    let missing = generate::write(folder.path()).unwrap();
    assert_eq!(missing.len(), files.len());
    assert_eq!(generate::differences(folder.path()).unwrap(), []);

    let [first, second, ..] = files.as_slice() else {
        panic!("two files at least");
    };
    fs::remove_file(folder.path().join(&first.path)).unwrap();
    fs::write(folder.path().join(&second.path), "stale").unwrap();
    fs::create_dir_all(folder.path().join("grafana/dashboards/old")).unwrap();
    fs::write(folder.path().join("grafana/dashboards/old/gone.json"), "{}").unwrap();
    let mut expected = vec![
        Difference::Missing(first.path.clone()),
        Difference::Differs(second.path.clone()),
        Difference::LeftOver("grafana/dashboards/old/gone.json".to_owned()),
    ];
    expected.sort();
    assert_eq!(generate::differences(folder.path()).unwrap(), expected);
    assert_eq!(generate::write(folder.path()).unwrap(), expected);
    assert_eq!(generate::differences(folder.path()).unwrap(), []);
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("grafana"), "a file").unwrap();
    let error = generate::write(folder.path()).unwrap_err().to_string();
    assert!(error.contains("grafana"), "{error}");
}

/// Sources of a folder and below it.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = paths.partition(|path| path.is_dir());
    let below = folders.iter().flat_map(|folder| sources(folder));
    files.into_iter().chain(below).collect()
}

/// Whether a word is the name of one of these families, of a part of it, or begins a recorded name: `_total` goes with the
/// rate, and what is counted may follow.
fn names_a_family(word: &str, bases: &[&str]) -> bool {
    let rest = bases.iter().find_map(|base| word.strip_prefix(base));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
}

/// A name that is typed is stale once its family is renamed, and no generator mends it: names come from descriptions.
#[test]
fn no_generator_types_a_familys_name() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/generate");
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let base = |name: &'static str| name.strip_suffix("_total").unwrap_or(name);
    let bases: Vec<_> = families::all()
        .map(|family| base(family.desc.name()))
        .collect();
    let mut typed = Vec::new();
    let page = folder.join("../../../exporter/page");
    let scripts = fs::read_dir(page)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let typing = scripts.filter(|path| {
        path.extension().is_some_and(|end| end == "js") && !path.ends_with("families.js")
    });
    for file in sources(&folder).into_iter().chain(typing) {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in (1..).zip(code.lines()) {
            let is_comment = line.trim_start().starts_with("//");
            let names = line
                .split(|c| !is_name(c))
                .filter(|word| names_a_family(word, &bases));
            if !is_comment {
                typed.extend(names.map(|name| format!("{}:{number}: {name}", file.display())));
            }
        }
    }
    assert!(
        typed.is_empty(),
        "write the name of the description instead:\n{}",
        typed.join("\n")
    );
}

/// So whatever is renamed makes a file differ.
#[test]
fn every_family_is_named_in_a_generated_file() {
    let files = generate::files();
    for family in families::all() {
        let heading = format!("### {}\n", family.desc.name());
        let named = files.iter().any(|file| file.text.contains(&heading));
        assert!(named, "{}", family.desc.name());
    }
}
