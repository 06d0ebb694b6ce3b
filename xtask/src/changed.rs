//! Sources that are changed on a copy, to see whether what should notice does.
//!
//! Lives here: a change, making some of them for one attempt, which tests failed in it. May not: touch the sources
//! themselves, or know what is changed and why (`weaken`, `faults`).

use std::fs;
use std::io;
use std::path::Path;

use crate::step::{Failure, Step};

/// One place of a file, and what shall stand there.
pub(crate) struct Change {
    pub(crate) what: &'static str,
    pub(crate) file: &'static str,
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    /// The test that must turn red.
    pub(crate) test: &'static str,
}

/// A line of a table.
pub(crate) const fn change(
    what: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
    test: &'static str,
) -> Change {
    Change {
        what,
        file,
        from,
        to,
        test,
    }
}

impl Change {
    /// Whether the test is among the red ones, and says so in a line.
    pub(crate) fn verdict(&self, red: &[String]) -> (bool, String) {
        let hit = red.iter().any(|name| name.ends_with(self.test));
        let word = if hit { "red" } else { "STILL GREEN" };
        (hit, format!("{word:<11} {} ({})", self.what, self.test))
    }
}

/// Runs `with` while all these changes are made below `folder`.
pub(crate) fn attempt<T>(
    folder: &Path,
    changes: &[&Change],
    with: impl FnOnce() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut originals = Vec::new();
    for c in changes {
        let path = folder.join(c.file);
        let failed = |error| Failure::new(format!("{}: {error}", path.display()));
        let source = fs::read_to_string(&path).map_err(failed)?;
        if source.matches(c.from).count() != 1 {
            let (what, from) = (c.what, c.from);
            return Err(Failure::new(format!(
                "{what}: {from:?} is not once in {}: mend the table of changes",
                c.file
            )));
        }
        fs::write(&path, source.replace(c.from, c.to)).map_err(failed)?;
        originals.push((path, source));
    }
    let outcome = with();
    // The last one first: two may be of one file.
    for (path, source) in originals.iter().rev() {
        fs::write(path, source)
            .map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    }
    outcome
}

/// Names of the tests that fail in a run of the test harness.
pub(crate) fn red_tests(step: &Step) -> Result<Vec<String>, Failure> {
    let printed = step.output()?;
    if !printed.contains("test result: ") {
        return Err(Failure::new(format!("{step}\n\n{printed}")));
    }
    let failed = |line: &str| {
        let name = line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?;
        Some(name.to_owned())
    };
    Ok(printed.lines().filter_map(failed).collect())
}

/// Copies a folder, but for entries of these names, and for that in which the copy is.
pub(crate) fn copy_folder(from: &Path, to: &Path, without: &[&str]) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if without.iter().any(|name| entry.file_name() == *name) || to.starts_with(entry.path()) {
            continue;
        }
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target, without)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
