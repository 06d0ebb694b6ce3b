//! The one place that prints.
//!
//! Everything goes to standard error, in order with what cargo and the tests print there.

/// Prints a line for the person at the terminal, or for the log of a CI run.
macro_rules! say {
    ($($text:tt)*) => { $crate::output::line(format_args!($($text)*)) };
}
pub(crate) use say;

#[expect(clippy::print_stderr, reason = "a command-line tool talks to its user")]
pub(crate) fn line(text: std::fmt::Arguments<'_>) {
    eprintln!("{text}");
}
