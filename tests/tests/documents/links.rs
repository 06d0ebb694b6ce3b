//! Links within the checkout lead to files and headings that there are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use media_metrics_tests::workspace::root;

use crate::markdown::{Document, documents};

/// The path that a link means, without `..`; `None` if it leaves the checkout.
fn resolved(from: &Path, link: &str) -> Option<PathBuf> {
    let mut path = from.parent()?.to_owned();
    for part in Path::new(link).components() {
        match part {
            Component::ParentDir if !path.pop() => return None,
            Component::ParentDir | Component::CurDir => {}
            Component::Normal(name) => path.push(name),
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}

/// What is wrong with a link, if anything is.
fn fault(
    document: &Document,
    link: &str,
    anchors: &BTreeMap<PathBuf, BTreeSet<String>>,
) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let path = match file {
        "" => document.path.clone(),
        file => match resolved(&document.path, file) {
            Some(path) if root().join(&path).exists() => path,
            _ => return Some(format!("{link}: no such file")),
        },
    };
    let there = anchors.get(&path);
    let is_known = |there: &BTreeSet<String>| there.contains(anchor);
    match anchor.is_empty() || there.is_some_and(is_known) {
        true => None,
        false => Some(format!("{link}: no such heading")),
    }
}

#[test]
fn every_link_leads_somewhere() {
    let documents = documents();
    let anchors = documents.iter().map(|d| (d.path.clone(), d.anchors()));
    let anchors = anchors.collect();
    let mut links = 0;
    let mut faults = Vec::new();
    for document in &documents {
        for link in document.links() {
            links += 1;
            let fault = fault(document, &link, &anchors);
            faults.extend(fault.map(|fault| format!("{}: {fault}", document.path.display())));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(links > 500, "only {links} links seen");
}

/// Whether code in a sentence names a file of the checkout that is not there: what begins like one of its folders.
fn is_gone(code: &str) -> bool {
    let is_path = |c: char| c.is_ascii_alphanumeric() || "/_-.".contains(c);
    let Some((folder, _)) = code.split_once('/') else {
        return false;
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '.';
    let is_ours = folder.chars().any(|c| c != '.')
        && folder.chars().all(is_name)
        && root().join(folder).is_dir();
    is_ours && code.chars().all(is_path) && !root().join(code).exists()
}

#[test]
fn every_file_that_is_named_is_there() {
    let mut gone = BTreeSet::new();
    for document in documents() {
        let missing = document.inline().into_iter().filter(|code| is_gone(code));
        gone.extend(missing.map(|code| format!("{}: {code}", document.path.display())));
    }
    assert!(gone.is_empty(), "{gone:#?}");
    assert!(is_gone("core/src/nothing.rs") && is_gone("docs/nothing"));
    assert!(
        !is_gone("core/src/lib.rs")
            && !is_gone("/metrics")
            && !is_gone("text/plain")
            && !is_gone("../x.rs")
    );
}

#[test]
fn links_that_lead_nowhere_are_found() {
    let mut document = Document::parse("# Here\n");
    document.path = "docs/it.md".into();
    let anchors = BTreeMap::from([(document.path.clone(), document.anchors())]);
    let fault = |link: &str| fault(&document, link, &anchors);
    for good in [
        "#here",
        "../README.md",
        "https://example.org/x#y",
        "pictures",
    ] {
        assert_eq!(fault(good), None);
    }
    for bad in [
        "#there",
        "README",
        "../../README.md",
        "/README.md",
        "../README.md#nowhere",
    ] {
        assert!(fault(bad).is_some(), "{bad}");
    }
}
