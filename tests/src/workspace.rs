//! The checkout that is tested, and copies of it to try things on.
//!
//! Lives here: where it and its build are, cargo, and copying folders. Not here: what is tried.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the checkout.
#[must_use]
pub fn root() -> PathBuf {
    crate::package().join("..")
}

/// The target folder of the build that this test is of.
#[must_use]
pub fn target() -> PathBuf {
    let test = std::env::current_exe().unwrap_or_default();
    let is_profile = |folder: &&Path| folder.ends_with("deps");
    let deps = test.ancestors().find(is_profile);
    let target = deps.and_then(|deps| deps.parent()?.parent());
    target.map_or_else(|| crate::package().join("../target"), Path::to_path_buf)
}

/// Variables that cargo sets for the program that it runs, about that program's own package, and what compiled it.
fn is_of_the_package(variable: &str) -> bool {
    let begins = [
        "CARGO_BIN_",
        "CARGO_CRATE_",
        "CARGO_MANIFEST_",
        "CARGO_PKG_",
    ];
    let settings = ["OUT_DIR", "RUSTC_WORKSPACE_WRAPPER"];
    settings.contains(&variable) || begins.iter().any(|begin| variable.starts_with(begin))
}

/// Cargo as a user runs it. With this package's variables a build script that reads them as ring's does would run anew,
/// and all that depends on it would be built anew, in turn with who runs cargo without them.
#[must_use]
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let variables = std::env::vars_os().map(|(name, _)| name);
    for name in variables.filter(|name| is_of_the_package(&name.to_string_lossy())) {
        cargo.env_remove(name);
    }
    cargo
}

/// Copies what is in a folder, but for entries at its top that `skipped` names.
///
/// # Errors
/// Something can't be read or written.
pub fn copy(from: &Path, to: &Path, skipped: &[&str]) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if skipped.iter().any(|skipped| name == *skipped) {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => copy(&entry.path(), &to.join(name), &[])?,
            false => drop(fs::copy(entry.path(), to.join(name))?),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_is_told_nothing_of_the_package_that_runs_it() {
        let removed = cargo();
        let mut names = removed.get_envs().map(|(name, _)| name);
        assert!(names.any(|name| name == "CARGO_PKG_NAME"));
        assert!(
            removed
                .get_envs()
                .all(|(name, value)| name != "CARGO" && value.is_none())
        );
    }

    #[test]
    fn a_copy_has_all_but_what_is_skipped() {
        let folder = tempfile::tempdir().unwrap();
        let [from, to] = ["from", "to"].map(|name| folder.path().join(name));
        for path in ["a/skipped", "skipped"] {
            fs::create_dir_all(from.join(path)).unwrap();
            fs::write(from.join(path).join("file"), path).unwrap();
        }
        copy(&from, &to, &["skipped"]).unwrap();
        assert_eq!(
            fs::read_to_string(to.join("a/skipped/file")).unwrap(),
            "a/skipped"
        );
        assert!(!to.join("skipped").exists());
    }
}
