//! Makes the pictures of the live page that the README shows, in `docs/pictures`: `cargo xtask pictures` runs it.

#![expect(clippy::print_stdout, reason = "a report for people")]

use std::process::ExitCode;

use media_metrics_tests::{browser, package};

fn main() -> ExitCode {
    let folder = package().join("../docs/pictures");
    let run = browser::run("pictures.mjs", &[&folder]);
    run.lines.iter().for_each(|line| println!("{line}"));
    match run.status.success() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
