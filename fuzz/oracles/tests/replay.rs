//! The corpus again, and mutations of it, without libFuzzer: seconds, by the stable compiler, in CI.
//!
//! `MEDIA_METRICS_FUZZ_CASES` says how many mutations each target gets; their seed is fixed.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests"
)]

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

use fastrand::Rng;
use media_metrics_fuzz_oracles::{TARGETS, Target, seeds};

/// What a target costs differs by a thousand: so many mutations of those that a name stands for, else `CASES`.
const CASES: usize = 3_000;
const SLOW: [(&str, usize); 4] = [
    ("captures", 200),
    ("histograms", 1_000),
    ("pushes", 200),
    ("requests", 400),
];

/// libFuzzer's own limit, unless told otherwise.
const LONGEST: usize = 4_096;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Names in a folder, without what stands behind their dots.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let name = |path: PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
    entries.map(|entry| name(entry.unwrap().path())).collect()
}

fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = fuzz().join("corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).unwrap();
        (path, bytes)
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn each_target_has_a_corpus_and_a_program_and_none_is_without_a_target() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&fuzz().join("corpus")), targets);
    assert_eq!(names(&fuzz().join("fuzz_targets")), targets);
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    for target in &targets {
        assert!(
            manifest.contains(&format!("name = \"{target}\"")),
            "no [[bin]] of {target}"
        );
        assert!(corpus(target).len() >= 3, "{target} has next to no corpus");
    }
}

/// With `MEDIA_METRICS_FUZZ_WRITE_SEEDS` set, writes them.
#[test]
fn the_seeds_are_what_makes_them_says() {
    for (target, name, bytes) in seeds::all() {
        let path = fuzz().join("corpus").join(target).join(name);
        if std::env::var_os("MEDIA_METRICS_FUZZ_WRITE_SEEDS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &bytes).unwrap();
        }
        let there = fs::read(&path).unwrap_or_default();
        assert!(
            there == bytes,
            "{} is another: set MEDIA_METRICS_FUZZ_WRITE_SEEDS to write it",
            path.display()
        );
    }
}

/// Small enough for a repository, and for seconds.
#[test]
fn the_corpus_stays_small() {
    let all: Vec<_> = TARGETS.iter().flat_map(|(name, _)| corpus(name)).collect();
    let bytes: usize = all.iter().map(|(_, bytes)| bytes.len()).sum();
    assert!(
        all.len() < 2_000 && bytes < 2 << 20,
        "{} files, {bytes} bytes",
        all.len()
    );
}

/// Runs a target; what fails is kept where `cargo xtask fuzz` keeps it, too.
fn run(target: &Target, input: &[u8], what: &str) {
    let (name, oracle) = *target;
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| oracle(input))) {
        let folder = fuzz().join("artifacts").join(name);
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("replay-failed");
        fs::write(&path, input).unwrap();
        eprintln!("{name}: {what} fails; it is in {}", path.display());
        resume_unwind(panic);
    }
}

fn replay(name: &str) {
    let target = TARGETS.iter().find(|t| t.0 == name).unwrap();
    let corpus = corpus(name);
    for (path, bytes) in &corpus {
        run(target, bytes, &path.display().to_string());
    }
    for input in [&[][..], &[0], &[0xff; 64]] {
        run(target, input, "next to nothing");
    }
    let slow = SLOW.iter().find(|(slow, _)| *slow == name);
    let cases = std::env::var("MEDIA_METRICS_FUZZ_CASES").ok();
    let cases = cases.map_or(slow.map_or(CASES, |s| s.1), |n| n.parse().unwrap());
    let mut rng = Rng::with_seed(7);
    for case in 0..cases {
        let input = mutated(&corpus, &mut rng);
        run(target, &input, &format!("mutation {case}"));
    }
}

/// A file of the corpus with some of what libFuzzer does to it.
fn mutated(corpus: &[(PathBuf, Vec<u8>)], rng: &mut Rng) -> Vec<u8> {
    let mut input = corpus[rng.usize(..corpus.len())].1.clone();
    input.truncate(LONGEST);
    for _ in 0..rng.usize(1..5) {
        let at = rng.usize(..=input.len());
        let end = (at + rng.usize(..16)).min(input.len());
        match rng.u8(..8) {
            0 => input.truncate(at),
            1 => drop(input.drain(at..end)),
            2 => input.insert(at, rng.u8(..)),
            3 => {
                let piece = input[at..end].to_vec();
                input.splice(at..at, piece.repeat(rng.usize(1..5)));
            }
            4 => {
                let other = &corpus[rng.usize(..corpus.len())].1;
                let from = rng.usize(..=other.len());
                let to = (from + rng.usize(..64)).min(other.len());
                input.splice(at..end, other[from..to].iter().copied());
            }
            5 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte = *rng.choice(&[0, 1, 0x7f, 0x80, 0xff]).unwrap();
                }
            }
            6 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte = rng.u8(..);
                }
            }
            _ => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << rng.u8(..8);
                }
            }
        }
    }
    input
}

macro_rules! replays {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                replay(stringify!($name));
            }
        )*

        /// A test for each target: so that they run side by side, and a failure names its target.
        #[test]
        fn all_are_replayed() {
            let replayed = [$(stringify!($name)),*];
            assert_eq!(TARGETS.iter().map(|t| t.0).collect::<Vec<_>>(), replayed);
        }
    };
}

replays!(batches captures clocks configurations histograms pages pushes requests rtcp rtp scores senders streams);
