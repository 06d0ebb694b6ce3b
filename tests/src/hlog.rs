//! HdrHistogram's own packages as judges of interval logs.
//!
//! Lives here: running the scripts of `hlog/`. Not here: installing them (`packages`), what must come out
//! (`tests/hlog.rs`).

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::process::Process;
use crate::wait::PATIENCE;
use crate::{package, packages};

/// One line of a log, as a judge read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Whose it is.
    pub tag: String,
    /// Its start, in milliseconds since 1970.
    pub start_ms: u64,
    /// Its end.
    pub end_ms: u64,
    /// Samples.
    pub count: u64,
    /// The values at the percentiles that were asked for.
    pub values: Vec<u64>,
}

/// What PyPI's `hdrhistogram` reads.
#[must_use]
pub fn python(log: &[u8], percentiles: &[f64]) -> Vec<Interval> {
    run(
        "python3",
        packages::python("hlog", "read.py"),
        log,
        percentiles,
    )
}

/// What npm's `hdr-histogram-js` reads.
#[must_use]
pub fn node(log: &[u8], percentiles: &[f64]) -> Vec<Interval> {
    let folder = package().join("hlog");
    let packages = packages::node("hlog", &folder.join("package.json"));
    let script = folder.join("read.mjs");
    let first = [script, packages].map(|path| path.display().to_string());
    run("node", first.into(), log, percentiles)
}

fn run(
    program: &str,
    mut arguments: Vec<String>,
    log: &[u8],
    percentiles: &[f64],
) -> Vec<Interval> {
    let work = tempfile::tempdir().unwrap_or_else(|e| panic!("no temporary folder: {e}"));
    let [source, out] = ["in.hlog", "out"].map(|name| work.path().join(name));
    fs::write(&source, log).unwrap_or_else(|e| panic!("{}: {e}", source.display()));
    arguments.extend([&source, &out].map(|path| path.display().to_string()));
    arguments.extend(percentiles.iter().map(f64::to_string));
    let mut process = Process::start(Path::new(program), &arguments);
    let status = process.finish(PATIENCE);
    assert!(status.success(), "{status}; {}", process.quoted());
    let text = fs::read_to_string(&out).unwrap_or_else(|e| panic!("{}: {e}", out.display()));
    text.lines().map(interval).collect()
}

fn interval(line: &str) -> Interval {
    let value: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    let number = |value: &Value| {
        value
            .as_u64()
            .unwrap_or_else(|| panic!("no number: {line}"))
    };
    let values = value["values"].as_array().into_iter().flatten();
    Interval {
        tag: value["tag"].as_str().unwrap_or_default().to_owned(),
        start_ms: number(&value["start_ms"]),
        end_ms: number(&value["end_ms"]),
        count: number(&value["count"]),
        values: values.map(number).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A judge that lets everything pass proves nothing.
    #[test]
    fn they_read_what_is_a_log_and_nothing_else() {
        for read in [python, node] {
            assert_eq!(
                read(
                    b"#[StartTime: 1700000000.000 (seconds since epoch)]\n",
                    &[50.0]
                ),
                []
            );
        }
    }
}
