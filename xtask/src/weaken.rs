//! `cargo xtask weaken`: each ordering that a model proves, made weaker, must turn that model red.
//!
//! Lives here: the list of weakenings, and how one is tried on a copy of core. May not: touch the
//! sources themselves.
//!
//! A model that stays green when the code is wrong proves nothing. So the list in ARCHITECTURE.md is run,
//! not believed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::output::say;
use crate::step::{Failure, Step, root, target};

/// One ordering made weaker.
struct Weakening {
    what: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
    /// The model that must turn red.
    model: &'static str,
}

const CELL: &str = "src/cell.rs";
const SHARD: &str = "src/shard/mod.rs";
const SERIES: &str = "src/registry/series.rs";
const MAILBOX: &str = "src/histogram/mailbox.rs";

const WHOLE: &str = "loom_a_block_is_read_whole_or_not_at_all";
const LAST: &str = "loom_the_last_values_of_a_stream_are_folded";
const HANDS: &str = "loom_a_shard_changes_hands_with_its_values";
const OLDER: &str = "loom_a_new_shard_hides_no_older_one";
const REUSE: &str = "loom_the_next_series_starts_at_0";
const BOXES: &str = "loom_a_box_belongs_to_one_side_at_a_time";

#[rustfmt::skip] // a table
const WEAKENINGS: &[Weakening] = &[
    weaken("Sequence::write without its Release fence", CELL, "fence(Release);", "", WHOLE),
    weaken("Sequence::write, last store Relaxed", CELL, "store(seq + 2, Release)", "store(seq + 2, Relaxed)", WHOLE),
    weaken("Sequence::read, first load Relaxed", CELL, "let before = self.0.load(Acquire)", "let before = self.0.load(Relaxed)", WHOLE),
    weaken("Sequence::read without its Acquire fence", CELL, "fence(Acquire);", "", WHOLE),
    weaken("Sequence::close Relaxed", CELL, "store(seq | CLOSED, Release)", "store(seq | CLOSED, Relaxed)", LAST),
    weaken("Shard::release Relaxed", SHARD, "owned.store(false, Release)", "owned.store(false, Relaxed)", HANDS),
    weaken("Shards::acquire, exchange Relaxed", SHARD, "compare_exchange(false, true, Acquire, Relaxed)", "compare_exchange(false, true, Relaxed, Relaxed)", HANDS),
    weaken("Shards::acquire, push Relaxed", SHARD, "(head, shard, Release, Relaxed)", "(head, shard, Relaxed, Relaxed)", OLDER),
    weaken("Shards::iter, head Relaxed", SHARD, "let mut at = self.head.load(Acquire)", "let mut at = self.head.load(Relaxed)", OLDER),
    weaken("Life::release Relaxed", SERIES, "fetch_sub(1, Release)", "fetch_sub(1, Relaxed)", REUSE),
    weaken("Life::is_over Relaxed", SERIES, "load(Acquire) == 0", "load(Relaxed) == 0", REUSE),
    weaken("Mailbox::put, look at emptied Relaxed", MAILBOX, "self.emptied.acquire()", "self.emptied.get()", BOXES),
    weaken("Mailbox::put, filled Relaxed", MAILBOX, "self.filled.release(", "self.filled.set(", BOXES),
    weaken("Mailbox::empty, look at filled Relaxed", MAILBOX, "self.filled.acquire()", "self.filled.get()", BOXES),
    weaken("Mailbox::empty, emptied Relaxed", MAILBOX, "self.emptied.release(", "self.emptied.set(", BOXES),
];

const fn weaken(
    what: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
    model: &'static str,
) -> Weakening {
    Weakening {
        what,
        file,
        from,
        to,
        model,
    }
}

/// Tries every weakening; fails if one leaves its model green.
pub(crate) fn run() -> Result<(), Failure> {
    let copy = target().join("weaken");
    copy_core(&copy)
        .map_err(|error| Failure::new(format!("can't copy core to {}: {error}", copy.display())))?;
    let core = copy.join("core");
    let red = models(&copy)?;
    if !red.is_empty() {
        let red = red.join(", ");
        return Err(Failure::new(format!("red without any weakening: {red}")));
    }
    say!("as it is: all models green");
    let mut green = 0;
    for w in WEAKENINGS {
        let red = attempt(&core.join(w.file), w, || models(&copy))?;
        let hit = red.iter().any(|name| name.ends_with(w.model));
        green += usize::from(!hit);
        let verdict = if hit { "red" } else { "STILL GREEN" };
        say!("{verdict:<11} {} ({})", w.what, w.model);
    }
    match green {
        0 => Ok(()),
        n => Err(Failure::new(format!(
            "{n} weakenings left their model green: the models prove too little"
        ))),
    }
}

/// Runs `with` while the copy in `path` is weakened.
fn attempt<T>(
    path: &Path,
    w: &Weakening,
    with: impl FnOnce() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let failed = |error| Failure::new(format!("{}: {error}", path.display()));
    let source = fs::read_to_string(path).map_err(failed)?;
    if source.matches(w.from).count() != 1 {
        let (what, from) = (w.what, w.from);
        return Err(Failure::new(format!(
            "{what}: {from:?} is not once in {}: mend the list in xtask/src/weaken.rs",
            w.file
        )));
    }
    fs::write(path, source.replace(w.from, w.to)).map_err(failed)?;
    let outcome = with();
    fs::write(path, source).map_err(failed)?;
    outcome
}

/// Names of the models that fail, in the copy.
fn models(copy: &Path) -> Result<Vec<String>, Failure> {
    let manifest = copy.join("Cargo.toml");
    let step = Step::new("cargo test --offline -p media-metrics-core --lib --manifest-path")
        .arguments(&[manifest.to_string_lossy()])
        .arguments(&["loom"])
        .environment("RUSTFLAGS", "--cfg media_metrics_loom")
        .own_target("loom");
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

/// A workspace of core alone, with the versions of ours.
fn copy_core(to: &Path) -> std::io::Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    copy_folder(&root().join("core"), &to.join("core"))?;
    fs::copy(root().join("Cargo.lock"), to.join("Cargo.lock"))?;
    let manifest = fs::read_to_string(root().join("Cargo.toml"))?;
    let alone = |line: &str| match line.split_once(" = ").map(|(key, _)| key) {
        Some("members") => "members = [\"core\"]".to_owned(),
        Some("default-members" | "exclude" | "media-metrics-exporter") => String::new(),
        _ => line.to_owned(),
    };
    let lines: Vec<String> = manifest.lines().map(alone).collect();
    fs::write(to.join("Cargo.toml"), lines.join("\n"))
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target: PathBuf = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
