//! Beside each promise of docs/promises.md stands what fails when it breaks: a test, a command, a target that is there.

use std::fs;

use media_metrics_tests::workspace::root;

use crate::commands::xtasks;
use crate::markdown::Document;

/// What is named and is not there. Between backticks stand files of tests, each before the names of its tests, commands, and
/// targets of the fuzzer; nothing else may.
fn missing(document: &Document) -> Vec<String> {
    let commands = xtasks();
    let mut file = String::new();
    let is_there = |word: &str, file: &mut String| {
        if let Some(command) = word.strip_prefix("cargo xtask ") {
            let command = command.split(' ').next().unwrap_or_default();
            commands.iter().any(|known| known == command)
        } else if word.ends_with(".rs") {
            *file = fs::read_to_string(root().join(word)).unwrap_or_default();
            file.contains("#[test]")
        } else {
            let target = root().join(format!("fuzz/fuzz_targets/{word}.rs"));
            file.contains(&format!("    fn {word}("))
                || file.contains(&format!("\nfn {word}("))
                || target.exists()
        }
    };
    let mut words = document.inline();
    words.retain(|word| !is_there(word, &mut file));
    words
}

fn page() -> String {
    fs::read_to_string(root().join("docs/promises.md")).unwrap()
}

#[test]
fn what_holds_a_promise_is_there() {
    let nothing = Vec::<String>::new();
    assert_eq!(missing(&Document::parse(&page())), nothing);
}

#[test]
fn every_promise_has_something_that_holds_it() {
    let page = page();
    let rows = page.lines().filter(|line| line.starts_with("| "));
    let promises = rows.filter(|line| !line.starts_with("| promise "));
    let (mut count, mut empty) = (0, Vec::new());
    for line in promises {
        count += 1;
        let cell = line.rsplit(" | ").next().unwrap_or_default();
        if !cell.contains('`') {
            empty.push(line);
        }
    }
    assert!(count > 40, "{count} promises");
    assert!(empty.is_empty(), "{empty:#?}");
}

#[test]
fn what_is_not_there_is_found() {
    let gone = Document::parse(
        "`core/tests/lossless/storm.rs`: `in_a_storm_nothing_is_lost`, `it_was_renamed`; `core/tests/gone.rs`: `test`; \
         `cargo xtask polish`; `cargo xtask fuzz streams`; target `streams`, `stones`",
    );
    assert_eq!(
        missing(&gone),
        [
            "it_was_renamed",
            "core/tests/gone.rs",
            "test",
            "cargo xtask polish",
            "stones"
        ]
    );
}
