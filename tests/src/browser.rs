//! The live page in Debian's Chromium, driven by Playwright.
//!
//! Lives here: running the scripts of `page/` with the program as it ships. Not here: what they check, and what they
//! make pictures of, which they say themselves; installing their packages (`packages`).

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use crate::process::Process;
use crate::{package, packages, program};

/// How long a script may take: each of its steps has a deadline of its own.
const LIMIT: Duration = Duration::from_secs(600);

/// How a script ended, and what it printed.
#[derive(Debug)]
pub struct Run {
    /// Its status.
    pub status: ExitStatus,
    /// Its lines.
    pub lines: Vec<String>,
}

/// Runs `page/SCRIPT` with the packages' folder, the program, the sources of the page, and `more`.
#[must_use]
pub fn run(script: &str, more: &[&Path]) -> Run {
    let folder = package().join("page");
    let first = [
        folder.join(script),
        packages::node("page", &folder.join("package.json")),
        program::executable().to_owned(),
        sources(),
    ];
    let all = first
        .iter()
        .map(PathBuf::as_path)
        .chain(more.iter().copied());
    let arguments: Vec<String> = all.map(|path| path.display().to_string()).collect();
    let mut process = Process::start(Path::new("node"), &arguments);
    let status = process.finish(LIMIT);
    Run {
        status,
        lines: process.lines(),
    }
}

/// Where the page's own files are.
fn sources() -> PathBuf {
    package().join("../exporter/page")
}
