//! `cargo xtask weight`: what each feature adds, in crates and in bytes.
//!
//! Lives here: building and weighing the program in `benches/weight` with one feature after the other, and the table.
//! May not: know the features, which are those of that package; know what they do.
//!
//! Crates are those that a host's build gets besides its own: normal dependencies for this machine. Bytes are those
//! of the stripped program, built as a release is here.

use std::fs;

use crate::output::say;
use crate::step::{Failure, Step, root, target};

const PACKAGE: &str = "media-metrics-weight";
const MANIFEST: &str = "benches/weight/Cargo.toml";

/// What a program weighs.
#[derive(Clone, Copy)]
struct Weight {
    crates: usize,
    bytes: u64,
}

pub(crate) fn run() -> Result<(), Failure> {
    let path = root().join(MANIFEST);
    let manifest = fs::read_to_string(&path)
        .map_err(|e| Failure::new(format!("can't read {}: {e}", path.display())))?;
    let features = features(&manifest);
    if features.is_empty() {
        let sentence = format!("{} has no features: nothing to weigh", path.display());
        return Err(Failure::new(sentence));
    }
    let none = weigh(&[])?;
    let mut rows = vec![row("none: recording and snapshots", none, none)];
    for (feature, on_top_of) in &features {
        let base = on_top_of
            .iter()
            .filter(|f| features.iter().any(|(n, _)| n == *f));
        let base: Vec<&str> = base.map(String::as_str).collect();
        let base = if base.is_empty() { none } else { weigh(&base)? };
        let weight = weigh(&[feature])?;
        rows.push(row(&format!("`{feature}`"), weight, base));
    }
    let all: Vec<&str> = features.iter().map(|(name, _)| name.as_str()).collect();
    rows.push(row("all of them", weigh(&all)?, none));
    say!("\n| feature | crates | KiB | adds crates | adds KiB |");
    say!("|---|---:|---:|---:|---:|");
    rows.iter().for_each(|row| say!("{row}"));
    Ok(())
}

fn row(what: &str, own: Weight, base: Weight) -> String {
    let kib = |bytes: u64| bytes.div_ceil(1_024);
    let crates = own.crates.saturating_sub(base.crates);
    let bytes = own.bytes.saturating_sub(base.bytes);
    format!(
        "| {what} | {} | {} | {crates} | {} |",
        own.crates,
        kib(own.bytes),
        kib(bytes)
    )
}

fn weigh(features: &[&str]) -> Result<Weight, Failure> {
    let features = features.join(",");
    let only = ["--no-default-features", "--features", &features];
    let tree = Step::new("cargo tree --locked --edges normal --prefix none --no-dedupe -p")
        .arguments(&[PACKAGE])
        .arguments(&only)
        .output()?;
    let mut crates: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split(" (").next())
        .filter(|line| line.contains(" v") && !line.starts_with(PACKAGE))
        .collect();
    crates.sort_unstable();
    crates.dedup();
    Step::new("cargo build --locked --release --config profile.release.strip=true -p")
        .arguments(&[PACKAGE])
        .arguments(&only)
        .own_target("weight")
        .run()?;
    let program = target().join("weight/release").join(PACKAGE);
    Step::new(&program.to_string_lossy()).run()?;
    let size = fs::metadata(&program).map(|m| m.len());
    let bytes =
        size.map_err(|e| Failure::new(format!("can't weigh {}: {e}", program.display())))?;
    Ok(Weight {
        crates: crates.len(),
        bytes,
    })
}

/// The features of a manifest, in its order, each with what it turns on. A line each, as ours are written.
fn features(manifest: &str) -> Vec<(String, Vec<String>)> {
    let table = manifest.split("[features]").nth(1).unwrap_or_default();
    let own = table.lines().take_while(|line| !line.starts_with('['));
    own.filter_map(|line| {
        let (name, on) = line.split_once(" = [")?;
        let words = on.split(|c: char| "[],\" ".contains(c));
        let words = words.filter(|w| !w.is_empty()).map(str::to_owned);
        Some((name.trim().to_owned(), words.collect()))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_those_of_the_table() {
        let manifest = "[package]\nkeywords = [\"a\"]\n\n# c\n[features]\n# d\nexporter = [\"dep:x\"]\n\
            gzip = [\"exporter\", \"x/gzip\"]\n\n[dependencies]\nz = [\"no\"]\n";
        let expected = [
            ("exporter", vec!["dep:x"]),
            ("gzip", vec!["exporter", "x/gzip"]),
        ];
        let owned = expected.map(|(name, on)| {
            let on: Vec<String> = on.into_iter().map(str::to_owned).collect();
            (name.to_owned(), on)
        });
        assert_eq!(features(manifest), owned);
    }

    #[test]
    fn the_package_that_is_weighed_has_features() {
        let manifest = fs::read_to_string(root().join(MANIFEST)).unwrap();
        let names: Vec<String> = features(&manifest).into_iter().map(|f| f.0).collect();
        assert!(names.contains(&"exporter".to_owned()), "{names:?}");
    }
}
