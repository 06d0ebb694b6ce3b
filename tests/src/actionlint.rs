//! actionlint as a judge of GitHub's workflows: expressions, contexts, names of steps and jobs.
//!
//! Lives here: running the script of `actionlint/`. Not here: installing it (`packages`), schemas (`schema`).

use std::path::{Path, PathBuf};

use crate::process::Process;
use crate::wait::PATIENCE;
use crate::{package, packages};

/// What it has against workflows: nothing, if they are in order.
///
/// # Errors
/// Its words, a line for each fault.
pub fn check(files: &[PathBuf]) -> Result<(), String> {
    let folder = package().join("actionlint");
    let packages = packages::node("actionlint", &folder.join("package.json"));
    let first = [folder.join("check.mjs"), packages];
    let arguments = first.iter().chain(files);
    let arguments: Vec<String> = arguments.map(|path| path.display().to_string()).collect();
    let mut process = Process::start(Path::new("node"), &arguments);
    match process.finish(PATIENCE).success() {
        true => Ok(()),
        false => Err(process.quoted()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn an_expression_that_means_nothing_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ci.yml");
        let workflow = |run: &str| {
            format!(
                "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: {run}\n"
            )
        };
        fs::write(&file, workflow("echo ${{ github.sha }}")).unwrap();
        assert_eq!(check(std::slice::from_ref(&file)), Ok(()));
        fs::write(&file, workflow("echo ${{ github.nothing }}")).unwrap();
        let words = check(std::slice::from_ref(&file)).unwrap_err();
        assert!(words.contains("nothing"), "{words}");
    }
}
