//! Grafana without its server, which is in no package registry: its types and its components are.
//!
//! Lives here: running the scripts of `grafana/`. Not here: what a dashboard should ask (the linter of the forwarder's
//! tests), installing packages (`packages`).

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::process::Process;
use crate::{package, packages};

/// How long checking or drawing may take.
const LIMIT: Duration = Duration::from_secs(300);

/// A dashboard to draw.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Its JSON.
    pub dashboard: PathBuf,
    /// Where the picture goes: a PNG.
    pub to: PathBuf,
    /// How many of its rows of panels, from the top.
    pub rows: usize,
}

/// Holds dashboards against the types of `@grafana/schema`.
///
/// # Errors
/// What they have that the types do not, line by line.
pub fn check_types(dashboards: &[PathBuf]) -> Result<(), String> {
    let paths = dashboards.iter().map(|path| path.display().to_string());
    run("types", "check.mjs", paths.collect()).map(drop)
}

/// Draws dashboards from the last `seconds` of a Prometheus, `width` pixels wide. Returns what is to be said about it.
///
/// # Errors
/// A panel could not be drawn.
pub fn draw(
    prometheus: &str,
    seconds: u32,
    width: u32,
    pictures: &[Picture],
) -> Result<Vec<String>, String> {
    let first = [
        prometheus.to_owned(),
        seconds.to_string(),
        width.to_string(),
    ];
    let jobs = pictures.iter().map(|picture| {
        let (from, to) = (picture.dashboard.display(), picture.to.display());
        format!("{from}={to}={}", picture.rows)
    });
    run("draw", "draw.mjs", first.into_iter().chain(jobs).collect())
}

fn run(folder: &str, script: &str, more: Vec<String>) -> Result<Vec<String>, String> {
    let folder_of_it = package().join("grafana").join(folder);
    let packages = packages::node(
        &format!("grafana-{folder}"),
        &folder_of_it.join("package.json"),
    );
    let first = [folder_of_it.join(script), packages].map(|path| path.display().to_string());
    let arguments: Vec<String> = first.into_iter().chain(more).collect();
    let mut process = Process::start(Path::new("node"), &arguments);
    let status = process.finish(LIMIT);
    let lines = process.lines();
    match status.success() {
        true => Ok(lines),
        false => Err(format!("{script}: {status}\n{}", lines.join("\n"))),
    }
}
