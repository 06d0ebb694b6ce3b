//! `cargo xtask fuzz`: libFuzzer on the targets of `fuzz/`, one after the other.
//!
//! Lives here: how long, within which bounds, where what was found goes, and how to see it again. What a target holds is
//! in `fuzz/oracles`; CI replays the corpus with the other tests.
//! May not: hold a list of targets; they are the files of `fuzz/fuzz_targets`.

use std::fs;
use std::path::PathBuf;

use crate::output::say;
use crate::setup;
use crate::step::{Failure, Step, root};

/// How long each target runs, unless told otherwise.
const SECONDS: u32 = 600;

/// Memory and time of one input, and how long it may be: what needs more is a finding.
const BOUNDS: [&str; 4] = [
    "-rss_limit_mb=2048",
    "-malloc_limit_mb=1024",
    "-timeout=25",
    "-max_len=4096",
];

/// What the words behind `fuzz` ask for.
#[derive(Debug, PartialEq)]
struct Wish {
    targets: Vec<String>,
    seconds: u32,
    merge: bool,
}

/// `cargo xtask fuzz [TARGET…] [--seconds N] [--merge]`.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let wish = Wish::read(words, &targets()?)?;
    setup::for_fuzzing()?;
    let mut failed = Vec::new();
    for target in &wish.targets {
        let step = match wish.merge {
            true => merge(target)?,
            false => search(target, wish.seconds)?,
        };
        if let Err(failure) = step.run() {
            say!("{failure}");
            failed.push(target.as_str());
        }
    }
    match failed[..] {
        [] => Ok(()),
        _ => Err(Failure::new(format!(
            "failed: {}. What made each fail is in fuzz/artifacts/TARGET. To see it again, and to make it small:\n\n    \
             cargo +nightly fuzz run TARGET fuzz/artifacts/TARGET/FILE\n    \
             cargo +nightly fuzz tmin TARGET fuzz/artifacts/TARGET/FILE\n\n\
             Keep the small one in fuzz/corpus/TARGET: CI then replays it for ever.",
            failed.join(", ")
        ))),
    }
}

/// What is new goes into a folder that git ignores; the committed corpus is only read.
fn search(target: &str, seconds: u32) -> Result<Step, Failure> {
    let mut step = fuzzer(target, [grown(target)?, corpus(target)]).arguments(&BOUNDS);
    let dictionary = root()
        .join("fuzz/dictionaries")
        .join(format!("{target}.dict"));
    if dictionary.exists() {
        step = step.arguments(&[format!("-dict={}", dictionary.display())]);
    }
    Ok(step.arguments(&options(target)?).arguments(&[
        format!("-max_total_time={seconds}"),
        "-print_final_stats=1".to_owned(),
    ]))
}

/// What a target wants otherwise: `fuzz/options/TARGET.options`, as OSS-Fuzz has them.
fn options(target: &str) -> Result<Vec<String>, Failure> {
    let file = root()
        .join("fuzz/options")
        .join(format!("{target}.options"));
    if !file.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(&file)
        .map_err(|e| Failure::new(format!("can't read {}: {e}", file.display())))?;
    Ok(flags(&text))
}

/// `key = value` as libFuzzer wants it; sections and comments are left out.
fn flags(text: &str) -> Vec<String> {
    let pairs = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = pairs.filter_map(|line| line.split_once('='));
    pairs
        .map(|(key, value)| format!("-{}={}", key.trim(), value.trim()))
        .collect()
}

/// Takes over into the corpus what was found and reaches code that the corpus does not.
fn merge(target: &str) -> Result<Step, Failure> {
    let folders = [corpus(target), grown(target)?];
    Ok(fuzzer(target, folders).arguments(&["-set_cover_merge=1", "-max_len=4096"]))
}

fn fuzzer(target: &str, folders: [PathBuf; 2]) -> Step {
    Step::new("cargo +nightly fuzz run")
        .arguments(&[target])
        .arguments(&folders.map(|folder| folder.display().to_string()))
        .arguments(&["--"])
        .own_target("fuzz")
}

fn corpus(target: &str) -> PathBuf {
    root().join("fuzz/corpus").join(target)
}

fn grown(target: &str) -> Result<PathBuf, Failure> {
    let folder = root().join("fuzz/grown").join(target);
    fs::create_dir_all(&folder)
        .map_err(|e| Failure::new(format!("can't make {}: {e}", folder.display())))?;
    Ok(folder)
}

/// The names of all targets.
pub(crate) fn targets() -> Result<Vec<String>, Failure> {
    let folder = root().join("fuzz/fuzz_targets");
    let unreadable = |e| Failure::new(format!("can't read {}: {e}", folder.display()));
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        names.extend(
            path.file_stem()
                .map(|name| name.to_string_lossy().into_owned()),
        );
    }
    names.sort();
    Ok(names)
}

/// Refuses a word that is none of `all`.
pub(crate) fn known(word: &str, all: &[String]) -> Result<(), Failure> {
    if all.iter().any(|target| target == word) {
        return Ok(());
    }
    let all = all.join(", ");
    Err(Failure::new(format!(
        "there is no target {word:?}; there are: {all}"
    )))
}

impl Wish {
    fn read(words: &[String], all: &[String]) -> Result<Self, Failure> {
        let mut wish = Self {
            targets: Vec::new(),
            seconds: SECONDS,
            merge: false,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--merge" => wish.merge = true,
                "--seconds" => {
                    let number = words.next().and_then(|n| n.parse().ok());
                    wish.seconds = number
                        .ok_or_else(|| Failure::new("--seconds wants a whole number behind it"))?;
                }
                name => {
                    known(name, all)?;
                    wish.targets.push(name.to_owned());
                }
            }
        }
        if wish.targets.is_empty() {
            wish.targets = all.to_vec();
        }
        Ok(wish)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Wish, Failure> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Wish::read(&words, &["one".to_owned(), "two".to_owned()])
    }

    #[test]
    fn all_targets_for_ten_minutes_unless_told_otherwise() {
        let all = read("").unwrap();
        assert_eq!((all.targets.len(), all.seconds, all.merge), (2, 600, false));
        let some = read("two --seconds 5 --merge").unwrap();
        assert_eq!(
            (some.targets, some.seconds, some.merge),
            (vec!["two".to_owned()], 5, true)
        );
    }

    #[test]
    fn what_is_no_target_is_told_with_those_that_are() {
        let text = read("three").unwrap_err().to_string();
        assert!(
            text.contains("\"three\"") && text.contains("one, two"),
            "{text}"
        );
        assert!(read("one --seconds").is_err() && read("--seconds soon").is_err());
    }

    #[test]
    fn options_are_libfuzzers() {
        let text = "[libfuzzer]\n# a = 1\ndetect_leaks = 0\nmax_len=7\n";
        assert_eq!(flags(text), ["-detect_leaks=0", "-max_len=7"]);
    }

    #[test]
    fn targets_are_the_programs_of_the_fuzz_folder() {
        assert!(targets().unwrap().iter().any(|name| name == "rtp"));
    }
}
