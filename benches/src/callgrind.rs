//! Counting the instructions of one probe by Valgrind's callgrind.
//!
//! Lives here: running it and reading its total. Not here: what a count should be (`baseline`).
//!
//! Only the inside of the probe's function is counted (`--toggle-collect`), and a first use costs more than
//! the next: two runs of different length, subtracted, leave exactly the steady cost of a call. The figure
//! depends on the compiler, but not on the machine's load, its clock or its caches.

use std::path::Path;
use std::process::Command;

use crate::probe::Probe;

/// Calls by which the longer of the two runs is longer. A multiple of 8, so that whole video frames are averaged.
const CALLS: u64 = 2_048;

/// Instructions of one call of `probe` in the probe program at `program`, its `ret` included.
///
/// # Errors
/// If Valgrind can't be run, or its output is not understood.
pub fn per_call(program: &Path, probe: &Probe) -> Result<f64, String> {
    let short = total(program, probe, CALLS)?;
    let long = total(program, probe, 2 * CALLS)?;
    let extra = long
        .checked_sub(short)
        .filter(|&extra| extra > 0)
        .ok_or_else(|| {
            format!(
                "{}: more calls did not cost more: is it inlined?",
                probe.name
            )
        })?;
    Ok(extra as f64 / CALLS as f64)
}

fn total(program: &Path, probe: &Probe, calls: u64) -> Result<u64, String> {
    let file = std::env::temp_dir().join(format!(
        "media-metrics-callgrind.{}.{}.{calls}",
        std::process::id(),
        probe.name
    ));
    let out = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(format!("--toggle-collect={}", probe.symbol()))
        .arg(program)
        .args(["run", probe.name, &calls.to_string()])
        .output()
        .map_err(|e| format!("cannot run valgrind (package valgrind): {e}"))?;
    let text = std::fs::read_to_string(&file);
    // Left behind only if it can't be removed, in the directory for such files.
    let _ = std::fs::remove_file(&file);
    if !out.status.success() {
        return Err(format!(
            "valgrind {} {}: {}\n{}",
            program.display(),
            probe.name,
            out.status,
            String::from_utf8_lossy(&out.stderr)
        ));
    }
    let text = text.map_err(|e| format!("callgrind left no {}: {e}", file.display()))?;
    summary(&text).ok_or_else(|| format!("no `summary:` in callgrind's output for {}", probe.name))
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
