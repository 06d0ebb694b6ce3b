//! Command lines in documents: programs that we know, with flags that they take and files that are there.

use std::fs;
use std::path::PathBuf;

use clap::Parser as _;
use media_metrics_forwarder::cli::Cli;
use media_metrics_tests::workspace::root;

use crate::markdown::{SKIPPED, documents};

/// Programs that documents may call, whose own flags are not looked at.
const OTHERS: &[&str] = &[
    // What the line before it made, of examples/c.
    "./target/c-forwarder",
    "cc",
    "cd",
    "curl",
    "dmesg",
    "docker",
    "ffmpeg",
    "git",
    "grep",
    "htpasswd",
    "journalctl",
    "jq",
    "prometheus",
    "promtool",
    "systemctl",
    "tcpdump",
    "xdg-open",
];

/// The commands of `cargo xtask`.
pub(crate) fn xtasks() -> Vec<String> {
    let source = fs::read_to_string(root().join("xtask/src/main.rs")).unwrap();
    let name = |line: &str| {
        let name = line.trim().strip_prefix("name: \"")?;
        Some(name.split_once('"')?.0.to_owned())
    };
    let names: Vec<String> = source.lines().filter_map(name).collect();
    assert!(names.len() > 10, "{names:?}");
    names
}

/// Where the package of this name stands.
fn folder(package: &str) -> Option<PathBuf> {
    // Programs and examples have names, too.
    let named = format!("[package]\nname = \"{package}\"\n");
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        let manifest = fs::read_to_string(folder.join("Cargo.toml"));
        if manifest.is_ok_and(|text| text.contains(&named)) {
            return Some(folder);
        }
        let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
        let below = entries.filter(|entry| {
            let is_folder = entry.file_type().unwrap().is_dir();
            is_folder && !SKIPPED.iter().any(|skipped| entry.file_name() == *skipped)
        });
        folders.extend(below.map(|entry| entry.path()));
    }
    None
}

/// The commands of a line: between pipes, `;` and `&`, without what follows a `#`.
pub(crate) fn parts(line: &str) -> Vec<Vec<String>> {
    let words = shlex::split(line).unwrap_or_else(|| vec![line.to_owned()]);
    let mut parts = vec![Vec::new()];
    for word in words {
        let ends = word.ends_with(';') || ["|", "&", "&&"].contains(&word.as_str());
        let word = word.trim_end_matches([';', '|', '&']);
        if !word.is_empty() {
            parts.last_mut().unwrap().push(word.to_owned());
        }
        if ends {
            parts.push(Vec::new());
        }
    }
    parts.retain(|words| !words.is_empty());
    parts
}

/// What is wrong with one command.
pub(crate) fn fault(words: &[String], xtasks: &[String]) -> Result<(), String> {
    // `K=V program …`
    let words = words.iter().map(String::as_str);
    let words = words.skip_while(|word| word.contains('='));
    // `cargo +nightly …`
    let words: Vec<&str> = words.filter(|word| !word.starts_with('+')).collect();
    match words.as_slice() {
        ["cargo", "xtask", name, rest @ ..] => {
            if !xtasks.iter().any(|known| known == name) {
                return Err(format!("cargo xtask has no {name:?}"));
            }
            match *name {
                "e2e" => target(&[&["-p", "media-metrics-tests"], rest].concat()),
                _ => target(rest),
            }
        }
        ["cargo", "run" | "test" | "bench" | "build", rest @ ..] => {
            let split = rest.iter().position(|word| *word == "--");
            let (own, given) = rest.split_at(split.unwrap_or(rest.len()));
            target(own)?;
            let others = ["-p", "--bin", "--example", "--manifest-path"];
            match words[1] == "run" && !own.iter().any(|word| others.contains(word)) {
                true => ours(given.get(1..).unwrap_or_default()),
                false => Ok(()),
            }
        }
        [
            "cargo",
            "add" | "check" | "clippy" | "doc" | "fmt" | "fuzz" | "install" | "miri" | "new"
            | "package" | "publish",
            ..,
        ] => Ok(()),
        ["media-metrics", rest @ ..] => ours(rest),
        [program, ..] if program.ends_with(".ci/run") => Ok(()),
        [program, ..] if OTHERS.contains(program) => Ok(()),
        _ => Err("a program that nobody tries: see OTHERS".to_owned()),
    }
}

/// What follows `media-metrics`.
fn ours(flags: &[&str]) -> Result<(), String> {
    match Cli::try_parse_from([&["media-metrics"], flags].concat()) {
        Err(error) if error.exit_code() != 0 => Err(error.to_string()),
        _ => Ok(()),
    }
}

/// Whether the package, the test, the program or the example that cargo is told of is there.
fn target(words: &[&str]) -> Result<(), String> {
    let after = |flag: &str| {
        let at = words.iter().position(|word| *word == flag)?;
        words.get(at + 1).copied()
    };
    let Some(package) = after("-p") else {
        return Ok(());
    };
    let folder = folder(package).ok_or_else(|| format!("no package {package}"))?;
    for (flag, places) in [
        ("--test", "tests"),
        ("--bin", "src/bin"),
        ("--example", "examples"),
        ("--bench", "benches"),
    ] {
        if let Some(name) = after(flag) {
            let place = folder.join(places);
            let files = [
                place.join(format!("{name}.rs")),
                place.join(name).join("main.rs"),
            ];
            if !files.iter().any(|file| file.exists()) {
                return Err(format!("{package} has no {flag} {name}"));
            }
        }
    }
    Ok(())
}

#[test]
fn commands_in_documents_are_those_that_there_are() {
    let xtasks = xtasks();
    let mut seen = 0;
    let mut faults = Vec::new();
    for document in documents() {
        // Runbooks are about the machine: tools of every operating system, in loops.
        if document.path.starts_with("docs/runbooks") {
            continue;
        }
        let blocks = document.blocks();
        let shell = blocks.iter().filter(|block| block.language == "sh");
        let lines = shell.flat_map(|block| block.text.lines());
        let inline = document.inline();
        let calls = inline
            .iter()
            .map(String::as_str)
            .filter(|code| code.starts_with("cargo xtask "));
        for line in lines.chain(calls) {
            for words in parts(line) {
                seen += 1;
                if let Err(fault) = fault(&words, &xtasks) {
                    faults.push(format!("{}: {line}: {fault}", document.path.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(seen > 50, "only {seen} commands seen");
}

#[test]
fn commands_that_are_not_there_are_found() {
    let xtasks = xtasks();
    let well = |line: &str| {
        parts(line)
            .iter()
            .all(|words| fault(words, &xtasks).is_ok())
    };
    for good in [
        "cargo run --release -- --synthetic 12 --profile both &",
        "cargo xtask unit -p media-metrics-core # quick",
        "curl -s 'http://127.0.0.1:9464/api/v1/streams?a=b&c=d' | grep -c x; cargo xtask ci",
        "CI=true cargo test -p media-metrics-tests --test documents",
        "media-metrics analyze call.pcapng",
    ] {
        assert!(well(good), "{good}");
    }
    for bad in [
        "cargo run --release -- --synthetics 12",
        "cargo xtask units",
        "cargo xtask e2e --test nothing",
        "cargo test -p media-metrics-tests --test nothing",
        "cargo test -p media-metrics --test documents",
        "media-metrics analyse call.pcapng",
        "frobnicate",
    ] {
        assert!(!well(bad), "{bad}");
    }
}
