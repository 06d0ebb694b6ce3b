//! What is published: packages that are complete, on the oldest compiler too, and that break no promise.
//!
//! Lives here: which packages these are, and the lines that try them. May not: publish.

use std::fs;
use std::path::Path;

use crate::setup;
use crate::step::{Failure, Step, root};

/// Packages that go to the registry, dependencies first.
const PACKAGES: [&str; 3] = [
    "media-metrics-core",
    "media-metrics-exporter",
    "media-metrics-forwarder",
];

/// Those of them whose library is for others. What the forwarder's promises is its command line.
const LIBRARIES: [&str; 2] = ["media-metrics-core", "media-metrics-exporter"];

/// Packs what would be published, builds it from the packages alone, and builds it with the oldest compiler that
/// `rust-version` names.
pub(crate) fn package(more: &[String]) -> Result<(), Failure> {
    Step::new("cargo package --locked")
        .arguments(&chosen(&PACKAGES))
        .arguments(more)
        .run()?;
    let oldest = rust_version(&read(&root().join("Cargo.toml"))?)?;
    setup::toolchain(&oldest)?;
    Step::new(&format!("cargo +{oldest} check --locked --all-features"))
        .arguments(&chosen(&PACKAGES))
        .own_target("oldest")
        .run()
}

/// Compares the libraries' public items with those of a revision: the last release, if none is given.
pub(crate) fn semver(more: &[String]) -> Result<(), Failure> {
    let (baseline, more) = match more.split_first() {
        Some((revision, more)) => (revision.clone(), more),
        None => (last_release()?, more),
    };
    setup::for_semver()?;
    Step::new("cargo semver-checks check-release --all-features --baseline-rev")
        .arguments(&[baseline])
        .arguments(&chosen(&LIBRARIES))
        .arguments(more)
        .own_target("semver")
        .run()
}

fn chosen(packages: &[&str]) -> Vec<String> {
    let each = |package: &&str| ["-p".to_owned(), (*package).to_owned()];
    packages.iter().flat_map(each).collect()
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|e| Failure::new(format!("can't read {}: {e}", path.display())))
}

/// What the root's manifest says, as rustup calls it.
fn rust_version(manifest: &str) -> Result<String, Failure> {
    let line = |line: &str| {
        Some(
            line.strip_prefix("rust-version = \"")?
                .split_once('"')?
                .0
                .to_owned(),
        )
    };
    let version = manifest.lines().find_map(line);
    version
        .ok_or_else(|| Failure::new("the root's Cargo.toml has no line `rust-version = \"1.N\"`"))
}

fn last_release() -> Result<String, Failure> {
    let step = Step::new("git describe --tags --abbrev=0 --match v[0-9]*");
    if !step.succeeds() {
        return Err(Failure::new(
            "no release is tagged (v1.2.3), or this is no git checkout with its tags. Name the revision to compare with: \
             `cargo xtask semver main`",
        ));
    }
    Ok(step.output()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_compiler_is_the_one_of_the_root() {
        let manifest = "[workspace.package]\nedition = \"2024\"\nrust-version = \"1.89\"\n";
        assert_eq!(rust_version(manifest).unwrap(), "1.89");
        assert!(rust_version("[package]\nname = \"x\"\n").is_err());
        assert!(rust_version(&read(&root().join("Cargo.toml")).unwrap()).is_ok());
    }

    #[test]
    fn packages_are_named_one_by_one() {
        assert_eq!(chosen(&["a", "b"]), ["-p", "a", "-p", "b"]);
    }
}
