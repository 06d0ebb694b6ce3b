//! Names of our families in documents are those of the catalog.

use std::collections::BTreeSet;
use std::fs;

use media_metrics_forwarder::generate::families;
use media_metrics_tests::workspace::root;

use crate::markdown::documents;

/// What begins like a family and is none: the C library, crates, a switch of the compiler, what `analyze` prints, two sorts of families.
const OTHER: [&str; 8] = [
    "media_metrics",
    "media_metrics_core",
    "media_metrics_exporter",
    "media_metrics_forwarder",
    "media_metrics_loom",
    "media_capture_",
    "media_worst_group",
    "media_worst_stream",
];

/// Words of a text that name a family of ours, or begin like one; recorded names have colons.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let words = text.split(move |c| !is_part(c));
    let words = words.map(|word| word.trim_matches(':'));
    // `media_metrics_core::Registry` is a path in Rust.
    let words = words.map(|word| word.split_once("::").map_or(word, |(first, _)| first));
    words.filter(|word| word.split(':').any(|part| part.starts_with("media_")))
}

/// Whether OpenMetrics calls a counter so: the family without `_total`, or the time when it began.
fn is_openmetrics(word: &str) -> bool {
    let family = word.strip_suffix("_created").unwrap_or(word);
    families::by_series(&format!("{family}_total")).is_some()
}

/// Whether a word may stand in a document: a name, or the beginning of one (`media_client_*`).
fn is_known(word: &str, recorded: &BTreeSet<String>) -> bool {
    let begins = |word: &str| {
        word.ends_with('_') && families::all().any(|f| f.desc.name().starts_with(word))
    };
    recorded.contains(word)
        || OTHER.contains(&word)
        || families::by_series(word).is_some()
        || is_openmetrics(word)
        || begins(word)
}

/// Names that recording rules make.
fn recorded() -> BTreeSet<String> {
    let rules = fs::read_to_string(root().join("grafana/rules/recording.yaml")).unwrap();
    let name = |line: &str| Some(line.split_once("record: ")?.1.trim().to_owned());
    rules.lines().filter_map(name).collect()
}

#[test]
fn every_family_that_is_named_is_in_the_catalog() {
    let recorded = recorded();
    assert!(recorded.len() > 5, "{recorded:?}");
    let mut seen = 0;
    let mut unknown = BTreeSet::new();
    for document in documents() {
        for word in words(&document.text) {
            seen += 1;
            if !is_known(word, &recorded) {
                unknown.insert(format!("{}: {word}", document.path.display()));
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
    assert!(seen > 1_000, "only {seen} names seen");
}

#[test]
fn a_family_that_is_not_there_is_found() {
    let recorded = BTreeSet::from(["job:media_rtp_streams:sum".to_owned()]);
    let text = "`media_rtp_streams`, media_rtp_* and `rate(media_forward_latency_seconds_bucket[5m])`; \
                use media_metrics_core::Registry; job:media_rtp_streams:sum";
    assert_eq!(words(text).count(), 5);
    assert!(words(text).all(|word| is_known(word, &recorded)));
    for wrong in [
        "media_rtp_stream",
        "media_nothing_",
        "media_rtp_streams_created",
        "media_rtp_streams_bucket",
        "x:media_rtp_streams:sum",
    ] {
        assert!(!is_known(wrong, &recorded), "{wrong}");
    }
}
