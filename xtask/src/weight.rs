//! `cargo xtask weight`: what each feature adds, in crates and in bytes.
//!
//! Lives here: building and weighing the program in `benches/weight` with one feature after the other, and the table.
//! May not: know the features, which are those of that package; know what they do.
//!
//! Crates are those that a host's build gets besides its own: normal dependencies for this machine. Bytes are those
//! of the stripped program, built as a release is here.

use std::fs;

use crate::features::features_of;
use crate::output::say;
use crate::step::{Failure, Step, target};

const PACKAGE: &str = "media-metrics-weight";
const FOLDER: &str = "benches/weight";

/// What a program weighs.
#[derive(Clone, Copy)]
struct Weight {
    crates: usize,
    bytes: u64,
}

pub(crate) fn run() -> Result<(), Failure> {
    let features = features_of(FOLDER)?;
    let none = weigh(&[])?;
    let mut rows = vec![row("none: recording and snapshots", none, none)];
    for (feature, on_top_of) in &features {
        let base = on_top_of
            .iter()
            .filter(|f| features.iter().any(|(n, _)| n == *f));
        let base: Vec<&str> = base.map(String::as_str).collect();
        let base = if base.is_empty() { none } else { weigh(&base)? };
        let weight = weigh(&[feature])?;
        rows.push(row(&format!("`{feature}`"), weight, base));
    }
    let all: Vec<&str> = features.iter().map(|(name, _)| name.as_str()).collect();
    rows.push(row("all of them", weigh(&all)?, none));
    say!("\n| feature | crates | KiB | adds crates | adds KiB |");
    say!("|---|---:|---:|---:|---:|");
    rows.iter().for_each(|row| say!("{row}"));
    Ok(())
}

fn row(what: &str, own: Weight, base: Weight) -> String {
    let kib = |bytes: u64| bytes.div_ceil(1_024);
    let crates = own.crates.saturating_sub(base.crates);
    let bytes = own.bytes.saturating_sub(base.bytes);
    format!(
        "| {what} | {} | {} | {crates} | {} |",
        own.crates,
        kib(own.bytes),
        kib(bytes)
    )
}

fn weigh(features: &[&str]) -> Result<Weight, Failure> {
    let features = features.join(",");
    let only = ["--no-default-features", "--features", &features];
    let tree = Step::new("cargo tree --locked --edges normal --prefix none --no-dedupe -p")
        .arguments(&[PACKAGE])
        .arguments(&only)
        .output()?;
    let mut crates: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split(" (").next())
        .filter(|line| line.contains(" v") && !line.starts_with(PACKAGE))
        .collect();
    crates.sort_unstable();
    crates.dedup();
    Step::new("cargo build --locked --release --config profile.release.strip=true -p")
        .arguments(&[PACKAGE])
        .arguments(&only)
        .own_target("weight")
        .run()?;
    let program = target().join("weight/release").join(PACKAGE);
    Step::new(&program.to_string_lossy()).run()?;
    let size = fs::metadata(&program).map(|m| m.len());
    let bytes =
        size.map_err(|e| Failure::new(format!("can't weigh {}: {e}", program.display())))?;
    Ok(Weight {
        crates: crates.len(),
        bytes,
    })
}
