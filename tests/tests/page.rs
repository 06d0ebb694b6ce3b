//! The live page in a real browser: what it shows is what the program says elsewhere, it works by keys alone and for
//! screen readers, and it survives the end of the server.

use std::collections::BTreeSet;

use media_metrics_tests::browser;

/// What must have been checked, so that a script which ends early is no success.
const CHECKS: usize = 18;

#[test]
fn the_live_page_shows_what_is_moves_and_comes_back() {
    let run = browser::run("check.mjs", &[]);
    let printed = run.lines.join("\n");
    assert!(run.status.success(), "{}:\n{printed}", run.status);
    let done: BTreeSet<&str> = run
        .lines
        .iter()
        .filter_map(|line| line.strip_prefix("ok: "))
        .collect();
    assert_eq!(done.len(), CHECKS, "{printed}");
    assert_eq!(
        run.lines.last().map(String::as_str),
        Some("all is well"),
        "{printed}"
    );
}
