//! Configuration in the guide is read by what it is for. Its first line says what that is.

use std::fs;
use std::path::Path;

use media_metrics_forwarder::cli::ForwardFlags;
use media_metrics_forwarder::config::Settings;
use media_metrics_tests::prometheus::check_config;

use crate::markdown::{Block, documents};

/// What is wrong with a block of YAML, by what it is for.
fn fault(block: &Block) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let first = block.text.lines().next().unwrap_or_default();
    let file = folder.path().join(first.trim_start_matches("# "));
    let write = |path: &Path| fs::write(path, &block.text).unwrap();
    match first {
        "# media-metrics.yaml" => {
            write(&file);
            let settings = Settings::load(Some(&file), ForwardFlags::default());
            settings.map(drop).map_err(|error| error.to_string())
        }
        "# prometheus.yaml" => {
            write(&file);
            check_config(&file).map(drop)
        }
        other => Err(format!(
            "the first line is {other:?}: say `# media-metrics.yaml` or `# prometheus.yaml`"
        )),
    }
}

#[test]
fn configuration_in_the_guide_is_taken() {
    let mut seen = 0;
    for document in documents() {
        if !document.path.starts_with("docs/guide") {
            continue;
        }
        for block in document.blocks() {
            if block.language == "yaml" {
                seen += 1;
                let fault = fault(&block);
                assert_eq!(
                    fault,
                    Ok(()),
                    "{}:\n{}",
                    document.path.display(),
                    block.text
                );
            }
        }
    }
    assert!(seen >= 4, "only {seen} blocks of YAML");
}

#[test]
fn every_block_says_what_it_is_in() {
    const LANGUAGES: [&str; 6] = ["rust", "rust,no_run", "sh", "yaml", "promql", "text"];
    for document in documents() {
        if document.path.starts_with("docs/guide") {
            for block in document.blocks() {
                let language = &block.language;
                assert!(
                    LANGUAGES.contains(&language.as_str()),
                    "{}: {language:?} is tried by nothing",
                    document.path.display()
                );
            }
        }
    }
}

#[test]
fn what_is_wrong_is_told() {
    let block = |text: &str| Block {
        language: "yaml".to_owned(),
        text: text.to_owned(),
    };
    let good = block("# media-metrics.yaml\nlisten: 127.0.0.1:1\n");
    assert_eq!(fault(&good), Ok(()));
    let wrong = [
        block("# media-metrics.yaml\nlisten_to: 127.0.0.1:1\n"),
        block("# prometheus.yaml\nscrape_configs: [{job: x}]\n"),
        block("listen: 127.0.0.1:1\n"),
    ];
    for block in wrong {
        assert!(fault(&block).is_err(), "{}", block.text);
    }
}
