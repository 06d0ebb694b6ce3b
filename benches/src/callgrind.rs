//! Counting the instructions of one operation by Valgrind's callgrind.
//!
//! Lives here: running it and reading its total. Not here: what a count should be (`baseline`).
//!
//! Only the inside of a function is counted (`--toggle-collect`): a probe's, or a contender's loop. A first use
//! costs more than the next: two runs of different length, subtracted, leave exactly the steady cost of a call.
//! The figure depends on the compiler, but not on the machine's load, its clock or its caches.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::options::Count;
use crate::probe::Probe;

/// Calls by which the longer of the two runs is longer. A multiple of 8, so that whole video frames are averaged.
const CALLS: u64 = 2_048;

/// Instructions of one call of `probe` in the probe program at `program`, its `ret` included.
///
/// # Errors
/// If Valgrind can't be run, or its output is not understood.
pub fn per_call(program: &Path, probe: &Probe) -> Result<f64, String> {
    let toggle = format!("--toggle-collect={}", probe.symbol());
    steady(CALLS, |calls| {
        let arguments = ["run", probe.name, &calls.to_string()].map(str::to_owned);
        total(&toggle, program, &arguments)
    })
    .map_err(|e| format!("{}: {e}", probe.name))
}

/// Operations by which a contender's longer run is longer: some do more now and then, such as each 64th packet.
const OPS: u64 = 16_384;
/// The loop of all contenders, whatever they do in it.
const LOOP: &str = "--toggle-collect=*race::steps*";

/// Instructions of one operation of contender `name` in the contest `title` of this very program, on one thread.
///
/// # Errors
/// If Valgrind can't be run, or its output is not understood.
pub fn per_op(title: &str, name: &str) -> Result<f64, String> {
    let program = std::env::current_exe().map_err(|e| format!("no name of this program: {e}"))?;
    steady(OPS, |ops| {
        let count = Count {
            title: title.to_owned(),
            name: name.to_owned(),
            ops,
        };
        total(LOOP, &program, &count.arguments())
    })
    .map_err(|e| format!("{title}: {name}: {e}"))
}

/// What one of `calls` costs when it is not among the first.
fn steady(calls: u64, total: impl Fn(u64) -> Result<u64, String>) -> Result<f64, String> {
    let (short, long) = (total(calls)?, total(2 * calls)?);
    let extra = long.checked_sub(short).filter(|&extra| extra > 0);
    let extra = extra.ok_or("more calls did not cost more: is it inlined?")?;
    Ok(extra as f64 / calls as f64)
}

/// Runs the program under callgrind, which counts where it is told.
fn total(toggle: &str, program: &Path, arguments: &[String]) -> Result<u64, String> {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    // Relaxed: a number that nobody else gets is all that is wanted.
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    let name = format!("media-metrics-callgrind.{}.{run}", std::process::id());
    let file = std::env::temp_dir().join(name);
    let mut valgrind = Command::new("valgrind");
    valgrind
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(toggle)
        .arg(program)
        .args(arguments);
    let out = valgrind
        .output()
        .map_err(|e| format!("cannot run valgrind (package valgrind): {e}"))?;
    let text = std::fs::read_to_string(&file);
    // Left behind only if it can't be removed, in the directory for such files.
    let _ = std::fs::remove_file(&file);
    if !out.status.success() {
        return Err(format!(
            "{valgrind:?}: {}\n{}",
            out.status,
            String::from_utf8_lossy(&out.stderr)
        ));
    }
    let text = text.map_err(|e| format!("callgrind left no {}: {e}", file.display()))?;
    summary(&text).ok_or_else(|| "no `summary:` in callgrind's output".to_owned())
}

/// The figure of the line `summary: N`.
fn summary(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|l| l.strip_prefix("summary:"))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_read() {
        assert_eq!(
            summary("events: Ir\nsummary: 9216\n\ntotals: 9216\n"),
            Some(9216)
        );
        assert_eq!(summary("events: Ir\n"), None);
    }
}
