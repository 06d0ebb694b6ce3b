//! The header that is committed is the one that this crate makes.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

use std::fs;
use std::path::Path;

/// `WRITE_HEADER=1 cargo test -p media-metrics-capi --test header` writes it anew.
#[test]
fn the_header_is_current() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(folder.join("cbindgen.toml")).unwrap();
    let mut builder = cbindgen::Builder::new().with_config(config);
    for room in ["error", "service", "metrics", "streams"] {
        builder = builder.with_src(folder.join(format!("src/{room}.rs")));
    }
    let mut made = Vec::new();
    builder.generate().unwrap().write(&mut made);
    let made = String::from_utf8(made).unwrap();
    let path = folder.join("include/media_metrics.h");
    if std::env::var_os("WRITE_HEADER").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap();
    assert!(
        there == made,
        "{} is not what the sources say. Look at them, then: WRITE_HEADER=1 cargo test -p media-metrics-capi --test header",
        path.display()
    );
}
