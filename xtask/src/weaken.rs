//! `cargo xtask weaken`: each ordering that a model proves, made weaker, must turn that model red.
//!
//! Lives here: the list of weakenings, how one is tried on a copy of core, and that none is missing. May not: touch the
//! sources themselves.
//!
//! A model that stays green when the code is wrong proves nothing. So the list in ARCHITECTURE.md is run,
//! not believed; and an ordering in core that is stronger than Relaxed and not in the list is a failure.

use std::fs;
use std::path::{Path, PathBuf};

use crate::changed::{Change, attempt, change, copy_folder, red_tests};
use crate::output::say;
use crate::step::{Failure, Step, root, target};

const CELL: &str = "src/cell.rs";
const SHARD: &str = "src/shard/mod.rs";
const LIFE: &str = "src/registry/life.rs";
const MAILBOX: &str = "src/histogram/mailbox.rs";
const LEVEL: &str = "src/gauge/level.rs";
const SOLE: &str = "src/registry/sole.rs";
const MARK: &str = "src/facade/mark.rs";
const GATE: &str = "src/livekit/pipeline/gate.rs";

const WHOLE: &str = "loom_a_block_is_read_whole_or_not_at_all";
const LAST: &str = "loom_the_last_values_of_a_stream_are_folded";
const HANDS: &str = "loom_a_shard_changes_hands_with_its_values";
const OLDER: &str = "loom_a_new_shard_hides_no_older_one";
const REUSE: &str = "loom_the_next_series_starts_at_0";
const OWN: &str = "loom_the_next_histogram_has_an_array_of_its_own";
const BOXES: &str = "loom_a_box_belongs_to_one_side_at_a_time";
const ARRAYS: &str = "loom_buckets_are_found_whole_or_not_at_all";
const MADE: &str = "loom_a_level_is_one_that_somebody_made";
const ONE: &str = "loom_one_has_the_right_at_a_time";
const UNSEEN: &str = "loom_a_series_is_forgotten_when_all_of_it_is_published";
const LEAVES: &str = "loom_who_leaves_goes_on_and_nobody_calls_any_more";

/// Models that have no code in common with those of another lane: so one weakening of each lane is tried at once, and a
/// red model is red for the one of its own lane.
const LANES: [&[&str]; 6] = [
    &[HANDS, OLDER, REUSE, OWN, ARRAYS, MADE],
    &[WHOLE, LAST],
    &[BOXES],
    &[ONE],
    &[UNSEEN],
    &[LEAVES],
];

#[rustfmt::skip] // a table
const WEAKENINGS: &[Change] = &[
    change("Sequence::write without its Release fence", CELL, "fence(Release);", "", WHOLE),
    change("Sequence::write, last store Relaxed", CELL, "store(seq + 2, Release)", "store(seq + 2, Relaxed)", WHOLE),
    change("Sequence::read, first load Relaxed", CELL, "let before = self.0.load(Acquire)", "let before = self.0.load(Relaxed)", WHOLE),
    change("Sequence::read without its Acquire fence", CELL, "fence(Acquire);", "", WHOLE),
    change("Sequence::close Relaxed", CELL, "store(seq | CLOSED, Release)", "store(seq | CLOSED, Relaxed)", LAST),
    change("Shard::release Relaxed", SHARD, "owned.store(false, Release)", "owned.store(false, Relaxed)", HANDS),
    change("Shards::acquire, exchange Relaxed", SHARD, "compare_exchange(false, true, Acquire, Relaxed)", "compare_exchange(false, true, Relaxed, Relaxed)", HANDS),
    change("Shards::acquire, push Relaxed", SHARD, "(head, shard, Release, Relaxed)", "(head, shard, Relaxed, Relaxed)", OLDER),
    change("Shards::iter, head Relaxed", SHARD, "let mut at = self.head.load(Acquire)", "let mut at = self.head.load(Relaxed)", OLDER),
    change("Life::release Relaxed", LIFE, "fetch_sub(1, Release)", "fetch_sub(1, Relaxed)", REUSE),
    change("Life::is_over Relaxed", LIFE, "load(Acquire) == 0", "load(Relaxed) == 0", REUSE),
    change("Mailbox::put, look at emptied Relaxed", MAILBOX, "self.emptied.acquire()", "self.emptied.get()", BOXES),
    change("Mailbox::put, filled Relaxed", MAILBOX, "self.filled.release(", "self.filled.set(", BOXES),
    change("Mailbox::empty, look at filled Relaxed", MAILBOX, "self.filled.acquire()", "self.filled.get()", BOXES),
    change("Mailbox::empty, emptied Relaxed", MAILBOX, "self.emptied.release(", "self.emptied.set(", BOXES),
    change("Cell::acquire Relaxed", CELL, "says who calls.\n        self.0.load(Acquire)", "says who calls.\n        self.0.load(Relaxed)", BOXES),
    change("Cell::release Relaxed", CELL, "self.0.store(value, Release)", "self.0.store(value, Relaxed)", BOXES),
    change("Shard::make_buckets Relaxed", SHARD, "slot.store(first.as_ptr(), Release)", "slot.store(first.as_ptr(), Relaxed)", ARRAYS),
    change("Shard::buckets Relaxed", SHARD, "let first = self.slab.slot(index).load(Acquire)", "let first = self.slab.slot(index).load(Relaxed)", ARRAYS),
    change("Shard::before_buckets Relaxed", SHARD, "NonNull::new(self.slab.slot(index).load(Acquire))", "NonNull::new(self.slab.slot(index).load(Relaxed))", ARRAYS),
    change("Level::set Relaxed", LEVEL, "store(base, Release)", "store(base, Relaxed)", MADE),
    change("Level::value Relaxed", LEVEL, "load(Acquire)", "load(Relaxed)", MADE),
    change("Sole::take Relaxed", SOLE, "compare_exchange(false, true, Acquire, Relaxed)", "compare_exchange(false, true, Relaxed, Relaxed)", ONE),
    change("Sole::give_back Relaxed", SOLE, "store(false, Release)", "store(false, Relaxed)", ONE),
    // No orderings, but what there is instead. (Without `notify_all` there is a deadlock, which loom finds and dies of.)
    change("Shard::forget keeps the array", SHARD, ".remove(&index);", ".get(&index);", OWN),
    change("Mark::is_unseen without its comparison", MARK, "recorded != self.noted.load(Relaxed)", "recorded == u64::MAX", UNSEEN),
    change("Mark::is_idle, its note too late", MARK, "Ok(_) => {", "Err(UNUSED) => { self.noted.store(recorded(), Relaxed); }\n            Ok(_) => {", UNSEEN),
    change("Gate::end, over before its time", GATE, "Inside::Busy(asked.or(Some(now)));\n                End::Theirs", "Inside::Busy(asked.or(Some(now)));\n                End::Over", LEAVES),
    change("Gate::wait that does not wait", GATE, "while !matches!(*inside, Inside::Over)", "while false", LEAVES),
];

/// Tries every weakening, each run of the models as `how` says; fails if one leaves its model green.
pub(crate) fn run(how: impl Fn(Step) -> Step) -> Result<(), Failure> {
    let copy = target().join("weaken");
    copy_core(&copy)
        .map_err(|error| Failure::new(format!("can't copy core to {}: {error}", copy.display())))?;
    let core = copy.join("core");
    let lines = product(&core, Path::new("src"))
        .map_err(|error| Failure::new(format!("can't read {}: {error}", core.display())))?;
    none(
        lines.iter().filter(|line| is_unlisted(line)),
        "orderings that no model is known to prove; add a weakening to xtask/src/weaken.rs",
    )?;
    none(
        lines.iter().filter(|line| is_beside_the_door(line)),
        "atomics that no model can see; take them from `crate::sync`",
    )?;
    let models = || red_tests(&how(models(&copy)));
    let red = models()?;
    if !red.is_empty() {
        let red = red.join(", ");
        return Err(Failure::new(format!("red without any weakening: {red}")));
    }
    say!("as it is: all models green");
    let rounds = rounds();
    let tried: usize = rounds.iter().map(Vec::len).sum();
    if tried != WEAKENINGS.len() {
        return Err(Failure::new(
            "the model of some weakening is in no lane, or in two: mend LANES in xtask/src/weaken.rs",
        ));
    }
    let mut green = 0;
    for round in rounds {
        let red = attempt(&core, &round, models)?;
        for w in round {
            let (hit, line) = w.verdict(&red);
            green += usize::from(!hit);
            say!("{line}");
        }
    }
    match green {
        0 => Ok(()),
        n => Err(Failure::new(format!(
            "{n} weakenings left their model green: the models prove too little"
        ))),
    }
}

/// Weakenings that are tried together: one of each lane.
fn rounds() -> Vec<Vec<&'static Change>> {
    let lane = |models: &[&str]| -> Vec<_> {
        let of_lane = |w: &&Change| models.contains(&w.test);
        WEAKENINGS.iter().filter(of_lane).collect()
    };
    let lanes = LANES.map(lane);
    let longest = lanes.iter().map(Vec::len).max().unwrap_or(0);
    let round = |n| {
        lanes
            .iter()
            .filter_map(|lane| lane.get(n).copied())
            .collect()
    };
    (0..longest).map(round).collect()
}

/// A line of the product, for its tests may do as they like.
struct Line {
    /// From the package's folder on.
    file: PathBuf,
    number: usize,
    text: String,
}

/// All of them below `folder` of the package `core`.
fn product(core: &Path, folder: &Path) -> std::io::Result<Vec<Line>> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(core.join(folder))? {
        let entry = entry?;
        let file = folder.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            lines.extend(product(core, &file)?);
            continue;
        }
        let source = fs::read_to_string(entry.path())?;
        let texts = source
            .lines()
            .take_while(|text| text.trim() != "mod tests {");
        lines.extend((1..).zip(texts).map(|(number, text)| Line {
            file: file.clone(),
            number,
            text: text.to_owned(),
        }));
    }
    Ok(lines)
}

/// Fails with these lines, if there are any: they are `what`.
fn none<'l>(lines: impl Iterator<Item = &'l Line>, what: &str) -> Result<(), Failure> {
    let place = |line: &Line| {
        let (file, text) = (line.file.display(), line.text.trim());
        format!("core/{file}:{}: {text}", line.number)
    };
    let places: Vec<String> = lines.map(place).collect();
    match places.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(format!("{what}:\n{}", places.join("\n")))),
    }
}

/// Whether a line has an ordering stronger than Relaxed that no weakening touches; models may have any.
fn is_unlisted(line: &Line) -> bool {
    let touches = |w: &Change| {
        let mut from = w.from.lines();
        Path::new(w.file) == line.file
            && from.any(|from| is_strong(from) && line.text.contains(from.trim()))
    };
    is_strong(&line.text) && !line.file.starts_with("src/models") && !WEAKENINGS.iter().any(touches)
}

/// Files that may name the standard library's atomics: the door to them, and one that says why it must.
const AT_THE_DOOR: [&str; 2] = ["src/sync.rs", "src/shard/attach.rs"];

/// Whether a line takes atomics from elsewhere than `crate::sync`.
fn is_beside_the_door(line: &Line) -> bool {
    line.text.contains("sync::atomic")
        && !AT_THE_DOOR.iter().any(|door| Path::new(door) == line.file)
}

/// Whether a line of code, which is neither a comment nor an import, names an ordering stronger than Relaxed.
fn is_strong(line: &str) -> bool {
    let line = line.trim();
    let aside = ["//", "use ", "pub use ", "pub(crate) use "];
    let is_code = !aside.iter().any(|beginning| line.starts_with(beginning));
    is_code
        && ["Acquire", "Release", "AcqRel", "SeqCst"]
            .iter()
            .any(|ordering| line.contains(ordering))
}

/// All models of the copy.
fn models(copy: &Path) -> Step {
    let manifest = copy.join("Cargo.toml");
    Step::new("cargo test --offline -p media-metrics-core --lib --manifest-path")
        .arguments(&[manifest.to_string_lossy()])
        .arguments(&["loom"])
        .environment("RUSTFLAGS", "--cfg media_metrics_loom")
        // One line is another each time, and most models are to fail: nobody asks where.
        .environment("CARGO_INCREMENTAL", "1")
        .environment("RUST_BACKTRACE", "0")
        .own_target("loom")
}

/// A workspace of core alone, with the versions of ours.
fn copy_core(to: &Path) -> std::io::Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    copy_folder(&root().join("core"), &to.join("core"), &[])?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_model_has_a_mistake_that_turns_it_red() {
        let lines = product(&root().join("core"), Path::new("src")).unwrap();
        let name = |line: &Line| {
            let (name, _) = line.text.strip_prefix("fn loom_")?.split_once('(')?;
            Some(format!("loom_{name}"))
        };
        let models: Vec<String> = lines.iter().filter_map(name).collect();
        assert!(models.len() >= 12, "{models:?}");
        for model in &models {
            assert!(WEAKENINGS.iter().any(|w| w.test == model), "{model}");
        }
    }
}
