//! Queries in the guide ask for what there is.

use std::fs;
use std::path::Path;

use crate::query::check_query;

/// The blocks of PromQL in a document.
fn queries(document: &str) -> impl Iterator<Item = &str> {
    let blocks = document.split("```promql\n").skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap_or(rest))
}

#[test]
fn queries_of_the_guide_fit_the_catalog() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        for query in queries(&text) {
            seen += 1;
            let faults = check_query(query);
            assert!(faults.is_empty(), "{}: {query}{faults:#?}", path.display());
        }
    }
    assert!(seen >= 6, "only {seen} queries");
}

#[test]
fn a_query_for_nothing_is_found() {
    let document = "a\n```promql\nrate(media_rtp_packet_total[5m])\n```\nb\n";
    let [query] = queries(document).collect::<Vec<_>>()[..] else {
        panic!("one query");
    };
    assert!(!check_query(query).is_empty());
}
