//! Published schemas as judges of YAML: of Compose files, and of what GitHub reads.
//!
//! Lives here: running the checker. Not here: what the files are for (`tests/provisioning.rs`, `tests/documents`).

use std::ffi::OsStr;
use std::process::Command;

use crate::packages;

/// A schema that the checker brings along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// Of the Compose specification.
    Compose,
    /// Of GitHub's workflows.
    Workflow,
    /// Of the forms by which issues are opened on GitHub.
    IssueForm,
    /// Of what stands beside these forms.
    IssueConfig,
    /// Of what keeps dependencies current there.
    Dependabot,
}

impl Schema {
    const fn name(self) -> &'static str {
        match self {
            Self::Compose => "vendor.compose-spec",
            Self::Workflow => "vendor.github-workflows",
            Self::IssueForm => "vendor.github-issue-forms",
            Self::IssueConfig => "vendor.github-issue-config",
            Self::Dependabot => "vendor.dependabot",
        }
    }
}

/// What a schema has against files: nothing, if they are in order.
///
/// # Errors
/// The checker's words.
pub fn check<P: AsRef<OsStr>>(schema: Schema, files: &[P]) -> Result<(), String> {
    let output = Command::new("python3")
        .args(packages::python("schema", "check.py"))
        .args(["--builtin-schema", schema.name()])
        .args(files)
        .output()
        .map_err(|e| format!("python3: {e}; `cargo xtask setup` installs it"))?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let text = [output.stdout, output.stderr].concat();
            Err(String::from_utf8_lossy(&text).into_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_no_compose_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("compose.yaml");
        fs::write(&file, "services: {a: {image: b}}\n").unwrap();
        assert_eq!(check(Schema::Compose, &[&file]), Ok(()));
        fs::write(&file, "services: {a: {image: b, volume: c}}\n").unwrap();
        let words = check(Schema::Compose, &[&file]).unwrap_err();
        assert!(words.contains("volume"), "{words}");
    }
}
