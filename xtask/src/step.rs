//! One step: a program, its arguments and environment, run from the workspace's root.
//!
//! Lives here: how a step is shown, run, timed, and how its failure tells the way to repeat it.
//! May not: know which steps there are.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Instant;

use crate::output::say;

/// Why a command stopped: a sentence that says what, where and what to do.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A program to run. Built like [`Command`], but it can print itself as a line for a shell.
#[derive(Clone)]
pub(crate) struct Step {
    program: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    /// Shown at the end, in one piece, rather than as it comes.
    collected: bool,
}

impl Step {
    /// `line` is split at blanks: nothing that is written in a plan holds one.
    pub(crate) fn new(line: &str) -> Self {
        let mut words = line.split_whitespace().map(str::to_owned);
        Self {
            program: words.next().unwrap_or_default(),
            arguments: words.collect(),
            environment: Vec::new(),
            collected: false,
        }
    }

    /// Takes what time other steps leave, and shows what it printed when it has ended: for a step that runs in the
    /// shade of another.
    pub(crate) fn in_the_shade(mut self) -> Self {
        let program = std::mem::replace(&mut self.program, "nice".to_owned());
        let lowest = ["-n", "19", &program].map(str::to_owned);
        self.arguments.splice(0..0, lowest);
        self.collected = true;
        self
    }

    pub(crate) fn arguments<S: AsRef<str>>(mut self, more: &[S]) -> Self {
        self.arguments
            .extend(more.iter().map(|s| s.as_ref().to_owned()));
        self
    }

    /// With `told`, or if that is nothing, with what is usual.
    pub(crate) fn arguments_or(self, told: &[String], usual: &[&str]) -> Self {
        if told.is_empty() {
            self.arguments(usual)
        } else {
            self.arguments(told)
        }
    }

    pub(crate) fn environment(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Tests that run for much longer than they are compiled.
    pub(crate) fn optimised(self) -> Self {
        self.environment("CARGO_PROFILE_TEST_OPT_LEVEL", "1")
    }

    /// Clippy is the compiler of the workspace's members, and warnings are errors: so what they depend on is not compiled once
    /// more to be checked.
    pub(crate) fn linted(self) -> Self {
        self.environment("RUSTC_WORKSPACE_WRAPPER", "clippy-driver")
            .environment("CLIPPY_ARGS", "--deny__CLIPPY_HACKERY__warnings")
    }

    /// Builds into `target/NAME`: other flags or another compiler would throw away `target` itself.
    pub(crate) fn own_target(self, name: &str) -> Self {
        let folder = target().join(name);
        self.environment("CARGO_TARGET_DIR", folder.to_string_lossy())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(k, v)| (k, v)))
            .current_dir(root())
            .stdin(Stdio::null());
        let variables = std::env::vars_os().map(|(name, _)| name);
        for name in variables.filter(|name| is_of_this_package(&name.to_string_lossy())) {
            command.env_remove(name);
        }
        command
    }

    /// Runs the step where the user sees it; a failure tells how to run it alone.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        say!("\n$ {self}");
        let start = Instant::now();
        let mut command = self.command();
        let (status, printed) = if self.collected {
            let output = command.output().map_err(|error| self.missing(&error))?;
            (output.status, text(&output))
        } else {
            let status = command.status().map_err(|error| self.missing(&error))?;
            (status, String::new())
        };
        let seconds = start.elapsed().as_secs_f64();
        if self.collected {
            say!("\n$ {self}\n{printed}");
        }
        if status.success() {
            say!("  done in {seconds:.1} s");
            return Ok(());
        }
        Err(Failure::new(format!(
            "a step failed ({status}) after {seconds:.1} s. To run it alone, in {}:\n\n    {self}\n",
            root().display()
        )))
    }

    /// Runs the step unseen: whether it ended well. A program that isn't there did not.
    pub(crate) fn succeeds(&self) -> bool {
        self.command()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// Runs the step unseen, well or not, and returns what it printed.
    pub(crate) fn output(&self) -> Result<String, Failure> {
        let output = self.command().output().map_err(|e| self.missing(&e))?;
        Ok(text(&output))
    }

    fn missing(&self, error: &std::io::Error) -> Failure {
        Failure::new(format!(
            "can't start {}: {error}. `cargo xtask setup` installs what is needed.",
            self.program
        ))
    }
}

/// Variables that cargo sets for the program that it runs, about that program's own package: ring's build script would read
/// them, and it and all that depends on it would be built anew by each cargo that comes without them.
fn is_of_this_package(variable: &str) -> bool {
    let begins = [
        "CARGO_BIN_",
        "CARGO_CRATE_",
        "CARGO_MANIFEST_",
        "CARGO_PKG_",
    ];
    begins.iter().any(|begin| variable.starts_with(begin))
}

/// What a program printed, in one piece.
fn text(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// Steps that run one after another.
pub(crate) type Lane<'a> = &'a (dyn Fn() -> Result<(), Failure> + Sync);

/// Runs lanes side by side, to the end of the last; the first failure is told.
pub(crate) fn side_by_side(lanes: &[Lane<'_>]) -> Result<(), Failure> {
    thread::scope(|scope| {
        let running: Vec<_> = lanes.iter().map(|lane| scope.spawn(lane)).collect();
        let ends: Vec<_> = running.into_iter().map(|thread| thread.join()).collect();
        ends.into_iter().try_for_each(|end| {
            end.unwrap_or_else(|_| Err(Failure::new("a step's thread panicked")))
        })
    })
}

/// As a shell takes it: words with anything but plain characters stand in single quotes.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            write!(f, "{name}={} ", quoted(value))?;
        }
        f.write_str(&quoted(&self.program))?;
        for argument in &self.arguments {
            write!(f, " {}", quoted(argument))?;
        }
        Ok(())
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=+,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The workspace's root: the folder above this package.
///
/// Asked when it runs: two checkouts that share a target folder share this program, too.
pub(crate) fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR");
    let here = here.map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    here.parent()
        .map_or_else(|| here.clone(), Path::to_path_buf)
}

/// Where cargo builds: `CARGO_TARGET_DIR`, else `target`.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_prints_as_a_line_for_a_shell() {
        let step = Step::new("cargo test -p x")
            .arguments(&["--", "it's", ""])
            .environment("RUSTFLAGS", "--cfg a");
        let shown = step.to_string();
        assert_eq!(
            shown,
            r"RUSTFLAGS='--cfg a' cargo test -p x -- 'it'\''s' ''"
        );
        let echo = format!("echo {}", quoted("a 'b' $c"));
        let out = Command::new("sh").args(["-c", &echo]).output().unwrap();
        assert_eq!(
            out.stdout, b"a 'b' $c\n",
            "a real shell reads the same word"
        );
    }

    #[test]
    fn cargo_is_told_nothing_of_this_package() {
        let of_this_package = "CARGO_PKG_NAME";
        assert!(std::env::var_os(of_this_package).is_some());
        let told = Step::new("sh -c").arguments(&["printenv CARGO_PKG_NAME || echo nothing"]);
        assert_eq!(told.output().unwrap(), "nothing\n");
    }

    #[test]
    fn a_failing_step_says_how_to_run_it_alone() {
        let failure = Step::new("sh -c").arguments(&["exit 3"]).run().unwrap_err();
        let text = failure.to_string();
        assert!(text.contains("exit status: 3"), "{text}");
        assert!(text.contains("sh -c 'exit 3'"), "{text}");
    }

    #[test]
    fn lanes_all_run_at_once_and_any_failure_counts() {
        let folder = std::env::temp_dir().join(format!("steps-at-once-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let [one, other] = ["one", "other"].map(|name| folder.join(name));
        // Each waits for the other: one after the other they would never end well.
        let meet = |own: &Path, other: &Path, end: u8| {
            let (own, other) = (own.display(), other.display());
            let line = format!(
                "touch {own}; for i in $(seq 100); do test -e {other} && exit {end}; sleep 0.1; done; exit 9"
            );
            Step::new("sh -c").arguments(&[line])
        };
        let both = |end| {
            let steps = [meet(&one, &other, 0), meet(&other, &one, end)];
            let met = side_by_side(&[&|| steps[0].run(), &|| steps[1].run()]);
            std::fs::remove_file(&one).unwrap();
            std::fs::remove_file(&other).unwrap();
            met
        };
        let (good, bad) = (both(0), both(4));
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(good.is_ok());
        let failure = bad.unwrap_err();
        assert!(failure.to_string().contains("exit status: 4"), "{failure}");
    }

    #[test]
    fn a_step_in_the_shade_has_the_lowest_priority_and_the_same_end() {
        let nice = |wanted: &str| {
            let test = format!("test $(nice) = {wanted}");
            Step::new("sh -c").arguments(&[test]).in_the_shade()
        };
        assert!(nice("19").run().is_ok());
        let failure = nice("18").run().unwrap_err().to_string();
        assert!(failure.contains("nice -n 19 sh -c"), "{failure}");
    }

    #[test]
    fn a_program_that_is_not_there_points_to_the_set_up() {
        let step = Step::new("no-such-program-anywhere");
        assert!(!step.succeeds());
        let text = step.run().unwrap_err().to_string();
        assert!(
            text.contains("no-such-program-anywhere") && text.contains("xtask setup"),
            "{text}"
        );
    }

    #[test]
    fn steps_run_in_the_workspace_root_with_their_environment_and_no_input() {
        let check = r#"test -f Cargo.lock && test "$ANSWER" = 42 && test -z "$(cat)""#;
        let step = Step::new("sh -c").arguments(&[check]);
        assert!(step.clone().environment("ANSWER", "42").succeeds());
        assert!(!step.environment("ANSWER", "41").succeeds());
    }
}
