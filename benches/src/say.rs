//! The one place that prints.

/// Prints one line on standard output.
#[expect(
    clippy::print_stdout,
    reason = "a benchmark's and a check's output is its purpose"
)]
pub fn line(text: impl std::fmt::Display) {
    println!("{text}");
}

/// Prints one line on standard error.
#[expect(
    clippy::print_stderr,
    reason = "progress and complaints stay apart from the tables"
)]
pub fn note(text: impl std::fmt::Display) {
    eprintln!("{text}");
}
