//! Rule files, as promtool and a test see them.
//!
//! Lives here: checking and trying them, and changing one of their conditions. Not here: what stands in them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the committed rules are.
#[must_use]
pub fn folder() -> PathBuf {
    crate::package().join("../grafana/rules")
}

/// Files of a folder that end in `.yaml`, by name.
///
/// # Errors
/// The folder can't be read.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()).map_err(|e| e.to_string()));
    let mut paths: Vec<_> = paths.collect::<Result<_, _>>()?;
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "yaml")
    });
    paths.sort();
    Ok(paths)
}

/// `promtool check rules --lint=all`.
///
/// # Errors
/// Its complaints, lint included.
pub fn check(files: &[PathBuf]) -> Result<(), String> {
    promtool(&["check", "rules", "--lint=all", "--lint-fatal"], files)
}

/// `promtool test rules`.
///
/// # Errors
/// What did not come out as the files say.
pub fn test(files: &[PathBuf]) -> Result<(), String> {
    promtool(&["test", "rules"], files)
}

fn promtool(arguments: &[&str], files: &[PathBuf]) -> Result<(), String> {
    let output = Command::new("promtool")
        .args(arguments)
        .args(files)
        .output()
        .map_err(|e| format!("promtool: {e}; `cargo xtask setup` installs it"))?;
    let text = [output.stdout, output.stderr].concat();
    match output.status.success() {
        true => Ok(()),
        false => Err(format!(
            "promtool {}: {}\n{}",
            arguments.join(" "),
            output.status,
            String::from_utf8_lossy(&text)
        )),
    }
}

/// Every way to take the meaning from one comparison of an expression: it always holds, or never does.
#[must_use]
pub fn absurd(expression: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (operator, instead) in [
        (" > ", [" > -1", " > 1e+99"]),
        (" == ", [" >= ", " == 1e+99"]),
    ] {
        for (at, _) in expression.match_indices(operator) {
            let (before, after) = expression.split_at(at);
            let after = after.get(operator.len()..).unwrap_or_default();
            let length = after.find(|c: char| !c.is_ascii_digit() && c != '.');
            let (number, after) = after.split_at(length.unwrap_or(after.len()));
            // What guards a division is `(… > 0)`: without it a share is no number, which compares as nothing does.
            if number.is_empty() || after.starts_with(')') {
                continue;
            }
            for instead in instead {
                let number = if instead == " >= " { number } else { "" };
                found.push(format!("{before}{instead}{number}{after}"));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_comparison_is_made_absurd_in_both_ways() {
        assert_eq!(
            absurd("a > 0.5\nand b == 0"),
            [
                "a > -1\nand b == 0",
                "a > 1e+99\nand b == 0",
                "a > 0.5\nand b >= 0",
                "a > 0.5\nand b == 1e+99",
            ]
        );
        assert_eq!(
            absurd("a / (b > 0) > 3"),
            ["a / (b > 0) > -1", "a / (b > 0) > 1e+99"]
        );
        assert!(absurd("group by (job) (a)").is_empty());
    }
}
